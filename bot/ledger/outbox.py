"""The ledger's door for what is told without being asked for: events, deliveries, limits, snoozes. Each method is a
transaction of its own."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bot.domain.alert import Memory
from bot.domain.budget import SetLimit
from bot.ledger import claims, deliveries, events, limits, withdrawals
from bot.ledger.bulk import upsert
from bot.ledger.claims import Claimed
from bot.ledger.deliveries import Delivery, Kind, NewDelivery, State
from bot.ledger.door import Door
from bot.ledger.events import Event, NewEvent
from bot.ledger.ids import NewId
from bot.ledger.limits import LimitChange, Snooze
from bot.ledger.tables import marks
from bot.ledger.withdrawals import NOTHING_WITHDRAWN, Withdrawal

# What is announced beside something that somebody does, and to whom.
Told = tuple[Sequence[NewEvent], Sequence[NewDelivery]]

_MARK = select(marks.c.value).where(marks.c.name == bindparam("name"))  # made once: every job asks for its own


class Outbox:
    """See the modules that it calls for what each method does."""

    def __init__(self, door: Door, new_id: NewId) -> None:
        self._door = door
        self._new_id = new_id

    # What is decided

    def announce(
        self,
        new_events: Sequence[NewEvent],
        new_deliveries: Sequence[NewDelivery],
        now: datetime,
        *,
        levels: Mapping[str, int] | None = None,
        sync: int = 0,
        withdrawal: Withdrawal = NOTHING_WITHDRAWN,
    ) -> list[str] | None:
        """See bot.ledger.events.announce; with what the sync of that number saw of budgets, and what need not be sent
        any more, in the same transaction. None, too, if other messages wait than `withdrawal` knows of."""

        def work(connection: Connection) -> list[str] | None:
            if not withdrawals.is_complete(connection, withdrawal):
                return None
            ids = events.announce(connection, new_events, new_deliveries, now, self._new_id)
            if ids is not None:
                withdrawals.withdraw(connection, withdrawal)
                events.remember_levels(connection, levels or {}, sync)
            return ids

        return self._door.write(work)

    def memories(self, subjects: Collection[str], sync: int) -> dict[str, Memory]:
        """See `memories`."""
        return self._door.read(lambda connection: memories(connection, subjects, sync))

    def event(self, key: str) -> Event | None:
        """See bot.ledger.events.event."""
        return self._door.read(lambda connection: events.event(connection, key))

    def recent_events(self, kind: Kind, since: datetime) -> list[Event]:
        """See bot.ledger.events.recent_events."""
        return self._door.read(lambda connection: events.recent_events(connection, kind, since))

    def acknowledge(
        self,
        keys: Collection[str],
        by: str,
        now: datetime,
        told: Told = ((), ()),
    ) -> bool:
        """See bot.ledger.events.acknowledge; whoever is `told` of the first is so in the same transaction."""

        def work(connection: Connection) -> bool:
            is_first = events.acknowledge(connection, keys, by, now)
            if is_first:
                events.announce(connection, *told, now, self._new_id)
            return is_first

        return self._door.write(work)

    # How it gets to people

    def claim_next(self, now: datetime) -> Claimed | None:
        """See bot.ledger.claims.claim_next."""
        return self._door.write(lambda connection: claims.claim_next(connection, now, self._new_id))

    def record_sending(self, claimed: Claimed, place: str, now: datetime) -> bool:
        """See bot.ledger.claims.record_sending; False, too, if it is overtaken."""

        def work(connection: Connection) -> bool:
            if withdrawals.overtaken(connection, claimed.delivery):
                return False
            return claims.record_sending(connection, claimed, place, now)

        return self._door.write(work)

    def overtaken(self, delivery: Delivery) -> dict[str, str]:
        """See bot.ledger.withdrawals.overtaken."""
        return self._door.read(lambda connection: withdrawals.overtaken(connection, delivery))

    def withdraw(self, claimed: Claimed, withdrawal: Withdrawal, now: datetime) -> None:
        """See bot.ledger.withdrawals.withdraw_claimed."""
        self._door.write(lambda connection: withdrawals.withdraw_claimed(connection, claimed, withdrawal, now))

    def record_sent(self, claimed: Claimed, place: str, ts: str, now: datetime, *, is_current: bool = True) -> None:
        """See bot.ledger.claims.record_sent."""
        self._door.write(
            lambda connection: claims.record_sent(connection, claimed, place, ts, now, is_current=is_current)
        )

    def record_look(self, claimed: Claimed, again_at: datetime) -> None:
        """See bot.ledger.claims.record_look."""
        self._door.write(lambda connection: claims.record_look(connection, claimed, again_at))

    def record_refused(self, claimed: Claimed, problem: str, again_at: datetime) -> None:
        """See bot.ledger.claims.record_refused."""
        self._door.write(lambda connection: claims.record_refused(connection, claimed, problem, again_at))

    def record_unconfirmed(self, claimed: Claimed, problem: str, again_at: datetime) -> None:
        """See bot.ledger.claims.record_unconfirmed."""
        self._door.write(lambda connection: claims.record_unconfirmed(connection, claimed, problem, again_at))

    def record_postponed(self, claimed: Claimed, again_at: datetime, lasts: timedelta = timedelta()) -> None:
        """See bot.ledger.claims.record_postponed."""
        self._door.write(lambda connection: claims.record_postponed(connection, claimed, again_at, lasts))

    def give_up(
        self,
        claimed: Claimed,
        problem: str,
        instead: Sequence[NewDelivery],
        now: datetime,
        *,
        is_told_elsewhere: bool = False,
    ) -> bool:
        """See bot.ledger.claims.give_up."""
        return self._door.write(
            lambda connection: claims.give_up(
                connection, claimed, problem, instead, now, self._new_id, is_told_elsewhere=is_told_elsewhere
            )
        )

    def deliveries_of(self, keys: Collection[str]) -> list[Delivery]:
        """See bot.ledger.deliveries.deliveries_of."""
        return self._door.read(lambda connection: deliveries.deliveries_of(connection, keys))

    def find(self, delivery_id: str) -> Delivery | None:
        """See bot.ledger.deliveries.find."""
        return self._door.read(lambda connection: deliveries.find(connection, delivery_id))

    def latest(self, limit: int, *, states: Collection[State] = tuple(State)) -> list[Delivery]:
        """See bot.ledger.deliveries.latest."""
        return self._door.read(lambda connection: deliveries.latest(connection, limit, states=states))

    def count_by_state(self) -> dict[State, int]:
        """See bot.ledger.deliveries.count_by_state."""
        return self._door.read(deliveries.count_by_state)

    def undeliverable(self, since: datetime) -> list[Delivery]:
        """See bot.ledger.deliveries.undeliverable."""
        return self._door.read(lambda connection: deliveries.undeliverable(connection, since))

    def change(self, messages: Mapping[str, Mapping[str, Any]]) -> None:
        """See bot.ledger.deliveries.change; the new messages by delivery id."""

        def work(connection: Connection) -> None:
            for delivery_id, message in messages.items():
                deliveries.change(connection, delivery_id, message)

        self._door.write(work)

    def stale(self) -> list[Delivery]:
        """See bot.ledger.deliveries.stale."""
        return self._door.read(deliveries.stale)

    def record_changed(self, delivery: Delivery) -> None:
        """See bot.ledger.deliveries.record_changed."""
        self._door.write(lambda connection: deliveries.record_changed(connection, delivery))

    # Limits and snoozes

    def set_limits(self) -> list[SetLimit]:
        """See bot.ledger.limits.set_limits."""
        return self._door.read(limits.set_limits)

    def every_limit(self) -> list[SetLimit]:
        """See bot.ledger.limits.every_limit."""
        return self._door.read(limits.every_limit)

    def set_limit(
        self,
        new: SetLimit,
        old_nanos: int | None,
        told: Told = ((), ()),
    ) -> bool:
        """See bot.ledger.limits.set_limit; whoever is `told` of it is so in the same transaction."""

        def work(connection: Connection) -> bool:
            is_new = limits.set_limit(connection, new, old_nanos)
            if is_new:
                events.announce(connection, *told, new.set_at, self._new_id)
            return is_new

        return self._door.write(work)

    def limit_history(self, features: Collection[str], limit: int) -> list[LimitChange]:
        """See bot.ledger.limits.limit_history."""
        return self._door.read(lambda connection: limits.limit_history(connection, features, limit))

    def snooze(
        self,
        subjects: Collection[str],
        new: Snooze,
        told: Told = ((), ()),
    ) -> None:
        """See bot.ledger.limits.snooze; whoever is `told` of it is so in the same transaction."""

        def work(connection: Connection) -> None:
            limits.snooze(connection, subjects, new)
            events.announce(connection, *told, new.at, self._new_id)

        self._door.write(work)

    def snoozed(self, subjects: Collection[str]) -> dict[str, Snooze]:
        """See bot.ledger.limits.snoozed."""
        return self._door.read(lambda connection: limits.snoozed(connection, subjects))

    # What jobs remember

    def mark(self, name: str) -> str | None:
        """The text that a job has left under this name."""
        return self._door.read(lambda connection: connection.scalar(_MARK, {"name": name}))

    def set_mark(self, name: str, value: str) -> None:
        """Leave a text under this name."""
        self._door.write(lambda connection: upsert(connection, marks, [(name, value)], replace=("value",)))


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
