"""Messages to people, one delivery for each recipient: what is written down of it, and what can be looked up."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, insert, or_, select, update

from bot.ledger.booking import instant, microseconds
from bot.ledger.ids import NewId
from bot.ledger.tables import deliveries, delivery_events

# Nothing is on its way for longer.
LONGEST = timedelta(days=30)


class Kind(StrEnum):
    """What an event is about."""

    ALERT = "alert"
    DIGEST = "digest"
    CORRECTION = "correction"
    DETAILS = "details"  # the whole table of a digest in its thread, and its rows as a file
    NOTICE = "notice"  # a word to the admins
    ESCALATION = "escalation"  # an alert that nobody has acknowledged was told to others


class Role(StrEnum):
    """As what a recipient hears of it."""

    OWNER = "owner"
    FALLBACK = "fallback"  # another could not be reached
    ESCALATION = "escalation"  # nobody has acknowledged it
    CHANNEL = "channel"
    ADMIN = "admin"


class State(StrEnum):
    """How far a delivery has come."""

    OPEN = "open"
    SENT = "sent"
    REPLACED = "replaced"  # given up; others were told
    UNDELIVERABLE = "undeliverable"


class NewDelivery(NamedTuple):
    """A message (JSON's values) to one recipient (a Slack id, an email address, `#channel`) about some events.

    It is not sent before `not_before`, and given up at `expires`. `thread` is the delivery under which it stands.
    """

    kind: Kind
    role: Role
    recipient: str
    events: tuple[str, ...]
    message: Mapping[str, Any]
    not_before: datetime
    expires: datetime
    thread: str | None = None


class Delivery(NamedTuple):
    """A delivery as it stands. `place` and `ts` are Slack's names for where it is. `next_try` is when nobody tried any
    more, if it is undeliverable."""

    id: str
    kind: Kind
    role: Role
    recipient: str
    created: datetime
    message: dict[str, Any]
    state: State
    next_try: datetime
    expires: datetime
    tries: int
    unconfirmed_since: datetime | None
    looks: int
    place: str | None
    ts: str | None
    sent_at: datetime | None
    problem: str | None
    thread: str | None
    events: tuple[str, ...]


# Made once: that takes longer than SQLite takes to answer, and every round of the post office asks.
_OLDEST_FIRST = (deliveries.c.created, deliveries.c.id)
_OF_EVENTS = (
    select(deliveries)
    .where(
        deliveries.c.id.in_(
            select(delivery_events.c.delivery).where(delivery_events.c.event.in_(bindparam("keys", expanding=True)))
        )
    )
    .order_by(*_OLDEST_FIRST)
)
_BY_ID = select(deliveries).where(deliveries.c.id == bindparam("id"))
_STALE = (
    select(deliveries).where(deliveries.c.is_stale, deliveries.c.state == State.SENT.value).order_by(*_OLDEST_FIRST)
)
_EVENTS_OF = (
    select(delivery_events)
    .where(delivery_events.c.delivery.in_(bindparam("ids", expanding=True)))
    .order_by(delivery_events.c.event)
)


def add(connection: Connection, new: NewDelivery, now: datetime, new_id: NewId) -> str:
    """Write a delivery down; gives its id."""
    delivery_id = new_id()
    connection.execute(
        insert(deliveries),
        {
            "id": delivery_id,
            "kind": new.kind.value,
            "role": new.role.value,
            "recipient": new.recipient,
            "created": microseconds(now),
            "message": as_json(new.message),
            "state": State.OPEN.value,
            "next_try": microseconds(new.not_before),
            "expires": microseconds(new.expires),
            "tries": 0,
            "looks": 0,
            "thread": new.thread,
            "is_stale": False,
        },
    )
    if new.events:
        rows = [{"delivery": delivery_id, "event": key} for key in new.events]
        connection.execute(insert(delivery_events), rows)
    return delivery_id


def deliveries_of(connection: Connection, keys: Collection[str]) -> list[Delivery]:
    """Every delivery of these events, the oldest first."""
    return load(connection, _OF_EVENTS, keys=list(keys))


def find(connection: Connection, delivery_id: str) -> Delivery | None:
    """A delivery by its id."""
    return next(iter(load(connection, _BY_ID, id=delivery_id)), None)


def latest(connection: Connection, limit: int, *, states: Collection[State] = tuple(State)) -> list[Delivery]:
    """The deliveries that were decided last, the latest first."""
    wanted = [state.value for state in states]
    query = select(deliveries).where(deliveries.c.state.in_(wanted)).order_by(deliveries.c.created.desc())
    return load(connection, query.order_by(deliveries.c.id).limit(limit))


def count_by_state(connection: Connection) -> dict[State, int]:
    """How many deliveries there are in each state."""
    rows = connection.execute(select(deliveries.c.state, func.count()).group_by(deliveries.c.state))
    found = {State(state): int(number) for state, number in rows}
    return {state: found.get(state, 0) for state in State}


def undeliverable(connection: Connection, since: datetime) -> list[Delivery]:
    """What reached nobody, given up since then."""
    query = select(deliveries).where(
        deliveries.c.state == State.UNDELIVERABLE.value,
        deliveries.c.next_try >= microseconds(since),
        deliveries.c.created >= microseconds(since - LONGEST),  # those are found by an index
    )
    return load(connection, query.order_by(*_OLDEST_FIRST))


def change(connection: Connection, delivery_id: str, message: Mapping[str, Any]) -> None:
    """It says something else now: what is not sent yet goes out so, what stands in Slack is to be changed there; so is
    what is just being sent, or may have been."""
    columns = deliveries.c
    may_stand = or_(
        columns.state == State.SENT.value, columns.claim.is_not(None), columns.unconfirmed_since.is_not(None)
    )
    connection.execute(
        update(deliveries).where(columns.id == delivery_id).values(message=as_json(message), is_stale=may_stand)
    )


def stale(connection: Connection) -> list[Delivery]:
    """What stands in Slack and says something else than here."""
    return load(connection, _STALE)


def record_changed(connection: Connection, delivery: Delivery) -> None:
    """Slack shows what `delivery` says. If it has been changed again meanwhile, it stays stale."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery.id, deliveries.c.message == as_json(delivery.message))
        .values(is_stale=False)
    )


def load(connection: Connection, query: Select[Any], **asked: object) -> list[Delivery]:
    """The deliveries whose rows a query finds, in its order; `asked` are the values of its parameters."""
    rows = connection.execute(query, asked).all()
    if not rows:  # as it is at most ticks
        return []
    ids = [row.id for row in rows]
    of: dict[str, list[str]] = {}
    for link in connection.execute(_EVENTS_OF, {"ids": ids}):
        of.setdefault(link.delivery, []).append(link.event)
    return [
        Delivery(
            id=row.id,
            kind=Kind(row.kind),
            role=Role(row.role),
            recipient=row.recipient,
            created=instant(row.created),
            message=json.loads(row.message),
            state=State(row.state),
            next_try=instant(row.next_try),
            expires=instant(row.expires),
            tries=row.tries,
            unconfirmed_since=instant_or_none(row.unconfirmed_since),
            looks=row.looks,
            place=row.place,
            ts=row.ts,
            sent_at=instant_or_none(row.sent_at),
            problem=row.problem,
            thread=row.thread,
            events=tuple(of.get(row.id, ())),
        )
        for row in rows
    ]


def instant_or_none(value: int | None) -> datetime | None:
    """An instant as it is kept, if it is."""
    return None if value is None else instant(value)


def as_json(value: Mapping[str, Any]) -> str:
    """JSON's values as text; equal values give equal texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
