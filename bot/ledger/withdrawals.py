"""Alerts that need not be sent any more: a higher threshold of the same budget and period is told instead."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, delete, select, update

from bot.ledger.claims import Claimed, record_postponed
from bot.ledger.deliveries import Delivery, Role, State, as_json, deliveries_of
from bot.ledger.tables import deliveries, delivery_events, events


class Withdrawal(NamedTuple):
    """`by` is the event that is told instead of each. `left` is what each delivery that waits and tells of one of them
    says without it, by its id; None where nothing is left to say."""

    by: Mapping[str, str]
    left: Mapping[str, Mapping[str, Any] | None]


NOTHING_WITHDRAWN = Withdrawal({}, {})


def _overtaken() -> Select[Any]:
    lower, higher = events.alias(), events.alias()
    is_higher = and_(higher.c.subject == lower.c.subject, higher.c.threshold > lower.c.threshold)
    return (
        select(lower.c.key, higher.c.key)
        .join(higher, is_higher)
        .where(
            lower.c.key.in_(bindparam("keys", expanding=True)),
            lower.c.subject != "",
            higher.c.superseded_by.is_(None),
        )
        .order_by(higher.c.threshold)
    )


_OVERTAKEN = _overtaken()  # made once: whoever begins to send asks


def waits(delivery: Delivery) -> bool:
    """Whether a delivery can still be withdrawn: it cannot be in Slack. An escalation stays: it says that nobody has
    acted, elsewhere."""
    is_begun = delivery.unconfirmed_since is not None
    return delivery.state is State.OPEN and not is_begun and delivery.role is not Role.ESCALATION


def is_complete(connection: Connection, withdrawal: Withdrawal) -> bool:
    """Whether those that wait are still those that are `left`: somebody may have been faster."""
    return {one.id for one in deliveries_of(connection, withdrawal.by) if waits(one)} == set(withdrawal.left)


def overtaken(connection: Connection, delivery: Delivery) -> dict[str, str]:
    """Its alerts that a higher threshold of the same budget and period has come to be told instead of, each with the
    highest. Not only what waited then is overtaken: what was just being sent may turn out not to have been taken."""
    if delivery.role is Role.ESCALATION:
        return {}
    return {row[0]: row[1] for row in connection.execute(_OVERTAKEN, {"keys": list(delivery.events)})}


def withdraw_claimed(connection: Connection, claimed: Claimed, withdrawal: Withdrawal, now: datetime) -> None:
    """Do it to a delivery that it is our turn to send; what is left of it is due at once."""
    if record_postponed(connection, claimed, now):
        withdraw(connection, withdrawal)


def withdraw(connection: Connection, withdrawal: Withdrawal) -> None:
    """Do it. An event that nobody has been told of and nobody will be is superseded."""
    keys, columns = list(withdrawal.by), deliveries.c
    for delivery_id, message in withdrawal.left.items():
        # Whoever has claimed it has not begun to send it, and is told so when they begin.
        changed = update(deliveries).where(columns.id == delivery_id).values(claim=None)
        if message is None:
            problem = "A higher threshold is told instead."
            connection.execute(changed.values(state=State.REPLACED.value, problem=problem))
        else:
            connection.execute(changed.values(message=as_json(message)))
            links = delivery_events.c
            connection.execute(delete(delivery_events).where(links.delivery == delivery_id, links.event.in_(keys)))
    for key, by in withdrawal.by.items():
        told = (
            select(delivery_events.c.event)
            .join(deliveries, columns.id == delivery_events.c.delivery)
            .where(delivery_events.c.event == key, columns.state != State.REPLACED.value)
        )
        superseded = update(events).where(events.c.key == key, events.c.superseded_by.is_(None), ~told.exists())
        connection.execute(superseded.values(superseded_by=by))
