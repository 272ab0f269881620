"""Events: what was decided to be told, each once; and what is remembered of budgets for that."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from bot.ledger.booking import instant, microseconds
from bot.ledger.deliveries import Kind, NewDelivery, add, as_json, instant_or_none
from bot.ledger.ids import NewId
from bot.ledger.tables import events, levels


class NewEvent(NamedTuple):
    """Something to be told once. `facts` are JSON's values: the figures as they are now, with their as-of."""

    key: str
    kind: Kind
    facts: Mapping[str, Any]
    subject: str = ""
    threshold: int = 0
    superseded_by: str | None = None


class Event(NamedTuple):
    """An event as it is remembered."""

    key: str
    kind: Kind
    subject: str
    threshold: int
    created: datetime
    facts: dict[str, Any]
    superseded_by: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None


# Made once: every tick asks for them.
_KNOWN = select(func.count()).select_from(events).where(events.c.key.in_(bindparam("keys", expanding=True)))
_BY_KEY = select(events).where(events.c.key == bindparam("key"))
_RECENT = (
    select(events)
    .where(events.c.kind == bindparam("kind"), events.c.created >= bindparam("since"))
    .order_by(events.c.created, events.c.key)
)
_TOLD = (
    select(events.c.subject, func.max(events.c.threshold))
    .where(events.c.subject.in_(bindparam("subjects", expanding=True)))
    .group_by(events.c.subject)
)
_LEVELS = select(levels).where(levels.c.subject.in_(bindparam("subjects", expanding=True)))
_SEE = update(levels).where(levels.c.subject == bindparam("about"))


def announce(
    connection: Connection,
    new_events: Sequence[NewEvent],
    new_deliveries: Sequence[NewDelivery],
    now: datetime,
    new_id: NewId,
) -> list[str] | None:
    """Write down what is to be told and to whom; gives the deliveries' ids. None, and nothing is written, if one of the
    events is known already: somebody else has been faster."""
    keys = [event.key for event in new_events]
    # Nobody comes between this look and the insert: a write transaction that met another is begun again.
    if connection.scalar(_KNOWN, {"keys": keys}):
        return None
    if new_events:
        connection.execute(
            insert(events),
            [
                {
                    "key": event.key,
                    "kind": event.kind.value,
                    "subject": event.subject,
                    "threshold": event.threshold,
                    "created": microseconds(now),
                    "facts": as_json(event.facts),
                    "superseded_by": event.superseded_by,
                }
                for event in new_events
            ],
        )
    return [add(connection, delivery, now, new_id) for delivery in new_deliveries]


def event(connection: Connection, key: str) -> Event | None:
    """An event by its key."""
    row = connection.execute(_BY_KEY, {"key": key}).one_or_none()
    return None if row is None else _event(row)


def recent_events(connection: Connection, kind: Kind, since: datetime) -> list[Event]:
    """The events of a kind that were decided since then, the oldest first."""
    asked = {"kind": kind.value, "since": microseconds(since)}
    return [_event(row) for row in connection.execute(_RECENT, asked)]


def acknowledge(connection: Connection, keys: Collection[str], by: str, now: datetime) -> bool:
    """Somebody has seen to it. False if somebody had already: the first one stays named."""
    seen = update(events).where(events.c.key.in_(list(keys)), events.c.acknowledged_at.is_(None))
    return bool(connection.execute(seen.values(acknowledged_by=by, acknowledged_at=microseconds(now))).rowcount)


def told(connection: Connection, subjects: Collection[str]) -> dict[str, int]:
    """The highest threshold that was decided to be told of each subject."""
    rows = connection.execute(_TOLD, {"subjects": list(subjects)})
    return {subject: int(highest) for subject, highest in rows}


def seen_levels(connection: Connection, subjects: Collection[str]) -> dict[str, tuple[int, int]]:
    """(level, number of the sync that saw it) of each subject."""
    rows = connection.execute(_LEVELS, {"subjects": list(subjects)})
    return {row.subject: (row.level, row.sync) for row in rows}


def remember_levels(connection: Connection, seen: Mapping[str, int], sync: int) -> None:
    """What the sync of that number saw of each subject. An older sync than the one that is remembered changes
    nothing."""
    known = seen_levels(connection, seen)
    for subject, level in seen.items():
        if subject not in known:
            connection.execute(insert(levels), {"subject": subject, "level": level, "sync": sync})
        elif known[subject][1] < sync:
            connection.execute(_SEE, {"about": subject, "level": level, "sync": sync})


def _event(row: Row[Any]) -> Event:
    return Event(
        row.key,
        Kind(row.kind),
        row.subject,
        row.threshold,
        instant(row.created),
        json.loads(row.facts),
        row.superseded_by,
        row.acknowledged_by,
        instant_or_none(row.acknowledged_at),
    )
