"""Whose turn it is to send a delivery, and what came of it.

A delivery is *claimed* before it is sent, and its outcome is recorded afterwards. A claim that nothing was recorded for
runs out. If it had got as far as sending, whoever claims next must look for it in Slack first.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Update, bindparam, func, select, update

from bot.ledger.booking import microseconds
from bot.ledger.deliveries import Delivery, NewDelivery, State, add, as_json, load
from bot.ledger.ids import NewId
from bot.ledger.tables import deliveries

# Longer than a try can take, with Slack's time-outs and the looking before it.
CLAIM = timedelta(minutes=2)

# Made once, as every round of the post office asks.
_DUE = (deliveries.c.state == State.OPEN.value, deliveries.c.next_try <= bindparam("now"))
_NEXT = select(deliveries).where(*_DUE).order_by(deliveries.c.next_try, deliveries.c.id).limit(1)


class Claimed(NamedTuple):
    """A delivery that it is our turn to send: nobody else does while `claim` lasts. Its `unconfirmed_since` and `looks`
    are about the tries before ours."""

    delivery: Delivery
    claim: str


def claim_next(connection: Connection, now: datetime, new_id: NewId) -> Claimed | None:
    """Claim the delivery that has been due for longest; None if none is."""
    found = load(connection, _NEXT, now=microseconds(now))
    if not found:
        return None
    claim = new_id()
    claimed = (
        update(deliveries)
        .where(deliveries.c.id == found[0].id, *_DUE)
        .values(
            claim=claim,
            next_try=microseconds(now + CLAIM),
            tries=deliveries.c.tries + 1,
        )
    )
    return Claimed(found[0], claim) if connection.execute(claimed, {"now": microseconds(now)}).rowcount else None


def record_sent(
    connection: Connection, claimed: Claimed, place: str, ts: str, now: datetime, *, is_current: bool = True
) -> None:
    """It stands in Slack. Also if our turn was over: it does stand there.

    It is stale if it was changed here since it was claimed, and if it is not known to be `current`: an earlier try,
    found in Slack, may say what was true then.
    """
    sent = update(deliveries).where(deliveries.c.id == claimed.delivery.id, deliveries.c.state == State.OPEN.value)
    connection.execute(
        sent.values(
            state=State.SENT.value,
            place=place,
            ts=ts,
            sent_at=microseconds(now),
            claim=None,
            problem=None,
            is_stale=deliveries.c.message != as_json(claimed.delivery.message) if is_current else True,
        )
    )


def record_sending(connection: Connection, claimed: Claimed, place: str, now: datetime) -> bool:
    """It is about to be sent to `place`: from here on it may have been accepted, and that is where to look for it.
    False if it is not our turn any more: it must not be sent then."""
    sending = _ours(claimed).values(
        place=place, looks=0, unconfirmed_since=func.coalesce(deliveries.c.unconfirmed_since, microseconds(now))
    )
    return bool(connection.execute(sending).rowcount)


def record_look(connection: Connection, claimed: Claimed, again_at: datetime) -> None:
    """It was looked for in Slack and is not there (yet); nothing was sent."""
    connection.execute(
        _ours(claimed).values(
            looks=deliveries.c.looks + 1, next_try=microseconds(again_at), claim=None, tries=deliveries.c.tries - 1
        )
    )


def record_refused(connection: Connection, claimed: Claimed, problem: str, again_at: datetime) -> None:
    """Slack did not take it, for certain, and may later: this try needs not be looked for."""
    connection.execute(
        _ours(claimed).values(
            problem=problem, next_try=microseconds(again_at), claim=None, unconfirmed_since=None, looks=0
        )
    )


def record_unconfirmed(connection: Connection, claimed: Claimed, problem: str, again_at: datetime) -> None:
    """Slack did not say whether it took it: it is looked for before the next try."""
    connection.execute(_ours(claimed).values(problem=problem, next_try=microseconds(again_at), claim=None))


def record_postponed(
    connection: Connection, claimed: Claimed, again_at: datetime, lasts: timedelta = timedelta()
) -> bool:
    """It has to wait for another one, or for its recipient; nothing was tried. It lasts for so long after that at
    least. False if it was not our turn."""
    postponed = _ours(claimed).values(
        next_try=microseconds(again_at),
        expires=microseconds(max(claimed.delivery.expires, again_at + lasts)) if lasts else deliveries.c.expires,
        claim=None,
        tries=deliveries.c.tries - 1,
    )
    return bool(connection.execute(postponed).rowcount)


def give_up(
    connection: Connection,
    claimed: Claimed,
    problem: str,
    instead: Sequence[NewDelivery],
    now: datetime,
    new_id: NewId,
    *,
    is_told_elsewhere: bool = False,
) -> bool:
    """This recipient will not get it: others do `instead`, or did already, or it is undeliverable. False if it was not
    our turn."""
    state = State.REPLACED if instead or is_told_elsewhere else State.UNDELIVERABLE
    ended = _ours(claimed).values(state=state.value, problem=problem, claim=None, next_try=microseconds(now))
    done = connection.execute(ended)
    if not done.rowcount:
        return False
    for one in instead:
        add(connection, one, now, new_id)
    return True


def _ours(claimed: Claimed) -> Update:
    return update(deliveries).where(
        deliveries.c.id == claimed.delivery.id,
        deliveries.c.state == State.OPEN.value,
        deliveries.c.claim == claimed.claim,
    )
