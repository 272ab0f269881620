"""The ledger's door for what is told without being asked for: events, deliveries, limits, snoozes. Each method is a
transaction of its own."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from bot.domain.alert import Memory
from bot.domain.budget import SetLimit
from bot.ledger import deliveries, events, limits
from bot.ledger.deliveries import Claimed, Delivery, Kind, NewDelivery, State
from bot.ledger.engine import reading, writing
from bot.ledger.events import Event, NewEvent
from bot.ledger.limits import LimitChange, Snooze
from bot.ledger.tables import marks


class Outbox:
    """See the modules that it calls for what each method does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # What is decided

    def announce(
        self,
        new_events: Sequence[NewEvent],
        new_deliveries: Sequence[NewDelivery],
        now: datetime,
        *,
        levels: Mapping[str, int] | None = None,
        sync: int = 0,
    ) -> list[str] | None:
        """See bot.ledger.events.announce; with what the sync of that number saw of budgets, in the same transaction."""
        with writing(self._engine) as connection:
            ids = events.announce(connection, new_events, new_deliveries, now)
            if ids is not None and levels:
                events.remember_levels(connection, levels, sync)
            return ids

    def memories(self, subjects: Collection[str], sync: int) -> dict[str, Memory]:
        """See `memories`."""
        with reading(self._engine) as connection:
            return memories(connection, subjects, sync)

    def event(self, key: str) -> Event | None:
        """See bot.ledger.events.event."""
        with reading(self._engine) as connection:
            return events.event(connection, key)

    def recent_events(self, kind: Kind, since: datetime) -> list[Event]:
        """See bot.ledger.events.recent_events."""
        with reading(self._engine) as connection:
            return events.recent_events(connection, kind, since)

    def acknowledge(self, keys: Collection[str], by: str, now: datetime) -> bool:
        """See bot.ledger.events.acknowledge."""
        with writing(self._engine) as connection:
            return events.acknowledge(connection, keys, by, now)

    # How it gets to people

    def claim_next(self, now: datetime) -> Claimed | None:
        """See bot.ledger.deliveries.claim_next."""
        with writing(self._engine) as connection:
            return deliveries.claim_next(connection, now)

    def record_sending(self, claimed: Claimed, place: str, now: datetime) -> bool:
        """See bot.ledger.deliveries.record_sending."""
        with writing(self._engine) as connection:
            return deliveries.record_sending(connection, claimed, place, now)

    def record_sent(self, claimed: Claimed, place: str, ts: str, now: datetime, *, is_current: bool = True) -> None:
        """See bot.ledger.deliveries.record_sent."""
        with writing(self._engine) as connection:
            deliveries.record_sent(connection, claimed, place, ts, now, is_current=is_current)

    def record_look(self, claimed: Claimed, again_at: datetime) -> None:
        """See bot.ledger.deliveries.record_look."""
        with writing(self._engine) as connection:
            deliveries.record_look(connection, claimed, again_at)

    def record_refused(self, claimed: Claimed, problem: str, again_at: datetime) -> None:
        """See bot.ledger.deliveries.record_refused."""
        with writing(self._engine) as connection:
            deliveries.record_refused(connection, claimed, problem, again_at)

    def record_unconfirmed(self, claimed: Claimed, problem: str, again_at: datetime) -> None:
        """See bot.ledger.deliveries.record_unconfirmed."""
        with writing(self._engine) as connection:
            deliveries.record_unconfirmed(connection, claimed, problem, again_at)

    def record_postponed(self, claimed: Claimed, again_at: datetime) -> None:
        """See bot.ledger.deliveries.record_postponed."""
        with writing(self._engine) as connection:
            deliveries.record_postponed(connection, claimed, again_at)

    def give_up(
        self,
        claimed: Claimed,
        problem: str,
        instead: Sequence[NewDelivery],
        now: datetime,
        *,
        is_told_elsewhere: bool = False,
    ) -> bool:
        """See bot.ledger.deliveries.give_up."""
        with writing(self._engine) as connection:
            return deliveries.give_up(connection, claimed, problem, instead, now, is_told_elsewhere=is_told_elsewhere)

    def deliveries_of(self, keys: Collection[str]) -> list[Delivery]:
        """See bot.ledger.deliveries.deliveries_of."""
        with reading(self._engine) as connection:
            return deliveries.deliveries_of(connection, keys)

    def find(self, delivery_id: str) -> Delivery | None:
        """See bot.ledger.deliveries.find."""
        with reading(self._engine) as connection:
            return deliveries.find(connection, delivery_id)

    def latest(self, limit: int, *, states: Collection[State] = tuple(State)) -> list[Delivery]:
        """See bot.ledger.deliveries.latest."""
        with reading(self._engine) as connection:
            return deliveries.latest(connection, limit, states=states)

    def undeliverable(self, since: datetime) -> list[Delivery]:
        """See bot.ledger.deliveries.undeliverable."""
        with reading(self._engine) as connection:
            return deliveries.undeliverable(connection, since)

    def change(self, messages: Mapping[str, Mapping[str, Any]]) -> None:
        """See bot.ledger.deliveries.change; the new messages by delivery id."""
        with writing(self._engine) as connection:
            for delivery_id, message in messages.items():
                deliveries.change(connection, delivery_id, message)

    def stale(self) -> list[Delivery]:
        """See bot.ledger.deliveries.stale."""
        with reading(self._engine) as connection:
            return deliveries.stale(connection)

    def record_changed(self, delivery: Delivery) -> None:
        """See bot.ledger.deliveries.record_changed."""
        with writing(self._engine) as connection:
            deliveries.record_changed(connection, delivery)

    # Limits and snoozes

    def set_limits(self) -> list[SetLimit]:
        """See bot.ledger.limits.set_limits."""
        with reading(self._engine) as connection:
            return limits.set_limits(connection)

    def set_limit(
        self,
        new: SetLimit,
        old_nanos: int | None,
        told: tuple[Sequence[NewEvent], Sequence[NewDelivery]] = ((), ()),
    ) -> bool:
        """See bot.ledger.limits.set_limit; whoever is `told` of it is so in the same transaction."""
        with writing(self._engine) as connection:
            is_new = limits.set_limit(connection, new, old_nanos)
            if is_new:
                events.announce(connection, *told, new.set_at)
            return is_new

    def limit_history(self, feature: str, limit: int) -> list[LimitChange]:
        """See bot.ledger.limits.limit_history."""
        with reading(self._engine) as connection:
            return limits.limit_history(connection, feature, limit)

    def snooze(self, subjects: Collection[str], new: Snooze) -> None:
        """See bot.ledger.limits.snooze."""
        with writing(self._engine) as connection:
            limits.snooze(connection, subjects, new)

    def snoozed(self, subjects: Collection[str]) -> dict[str, Snooze]:
        """See bot.ledger.limits.snoozed."""
        with reading(self._engine) as connection:
            return limits.snoozed(connection, subjects)

    # What jobs remember

    def mark(self, name: str) -> str | None:
        """The text that a job has left under this name."""
        with reading(self._engine) as connection:
            return connection.scalar(select(marks.c.value).where(marks.c.name == name))

    def set_mark(self, name: str, value: str) -> None:
        """Leave a text under this name."""
        with writing(self._engine) as connection:
            connection.execute(delete(marks).where(marks.c.name == name))
            connection.execute(insert(marks).values(name=name, value=value))


def memories(connection: Connection, subjects: Collection[str], sync: int) -> dict[str, Memory]:
    """What is remembered of each subject by a look after the sync of that number: its level is what an earlier sync
    saw."""
    told = events.told(connection, subjects)
    seen = events.seen_levels(connection, subjects)
    snoozed = limits.snoozed(connection, subjects)
    return {
        subject: Memory(
            seen[subject][0] if subject in seen and seen[subject][1] < sync else 0,
            told.get(subject, 0),
            snoozed[subject].until if subject in snoozed else None,
        )
        for subject in subjects
    }
