"""Limits that were set in Slack, who changed what when, and snoozes."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from bot.domain.budget import SetLimit, Window
from bot.ledger.booking import instant, microseconds
from bot.ledger.bulk import next_number
from bot.ledger.deliveries import instant_or_none
from bot.ledger.tables import limit_changes, limits, snoozes

# The mark under which is kept since when each budget is known, as JSON by bot.domain.alert.identity.
KNOWN = "since when each budget is known"

# Made once: every tick asks for them.
_LAST = select(limits).order_by(limits.c.feature, limits.c.window)
_EVERY = select(limit_changes).order_by(limit_changes.c.id)
_SNOOZED = select(snoozes).where(snoozes.c.subject.in_(bindparam("subjects", expanding=True)))


class LimitChange(NamedTuple):
    """A line of the audit trail; `old_nanos` is what counted before, None for nothing."""

    at: datetime
    by: str
    feature: str
    window: Window
    old_nanos: int | None
    new_nanos: int
    until: datetime | None
    owners: tuple[str, ...]


class Snooze(NamedTuple):
    """Nothing is said until then, because somebody wanted it so."""

    until: datetime
    by: str
    at: datetime


def set_limits(connection: Connection) -> list[SetLimit]:
    """The limit that was set last for each feature and window, whether or not it still holds."""
    return [
        SetLimit(
            feature=row.feature,
            window=Window(row.window),
            limit_nanos=row.limit_nanos,
            set_by=row.set_by,
            set_at=instant(row.set_at),
            until=instant_or_none(row.until),
            file_limit=row.file_limit,
            owners=tuple(json.loads(row.owners)),
            alert_at=_alert_at(row.alert_at),
            where=_where(row.where),
        )
        for row in connection.execute(_LAST)
    ]


def every_limit(connection: Connection) -> list[SetLimit]:
    """Every limit that was ever set, the oldest first: for questions about periods that are over. What the file said
    when one was set that was replaced is taken to have been what it said with the last: it shall hold in its time,
    whatever the file says now. Of those that were purged nothing is known."""
    last = {(one.feature, one.window): one for one in set_limits(connection)}
    return [
        last[row.feature, Window(row.window)]._replace(
            limit_nanos=row.new_nanos,
            set_by=row.by,
            set_at=instant(row.at),
            until=instant_or_none(row.until),
            owners=tuple(json.loads(row.owners)),
            alert_at=_alert_at(row.alert_at),
            where=_where(row.where),
        )
        for row in connection.execute(_EVERY)
        if (row.feature, Window(row.window)) in last
    ]


def set_limit(connection: Connection, new: SetLimit, old_nanos: int | None) -> bool:
    """Set a limit, and write down that it was; `old_nanos` is what counted before. False, and nothing is written, if
    it stands so already: somebody has pressed twice."""
    owners = json.dumps(new.owners)
    until = microseconds(new.until) if new.until is not None else None
    same = (limits.c.feature == new.feature, limits.c.window == new.window.value)
    kept = connection.execute(select(limits).where(*same)).one_or_none()
    own = {
        "alert_at": None if new.alert_at is None else json.dumps(new.alert_at),
        "where": None if new.where is None else json.dumps(new.where, ensure_ascii=False),
    }
    wanted = (new.limit_nanos, until, new.file_limit, owners, *own.values())
    if kept is not None and wanted == (
        *(kept.limit_nanos, kept.until, kept.file_limit, kept.owners, kept.alert_at, kept.where),
    ):
        return False
    connection.execute(delete(limits).where(*same))
    connection.execute(
        insert(limits).values(
            feature=new.feature,
            window=new.window.value,
            limit_nanos=new.limit_nanos,
            set_by=new.set_by,
            set_at=microseconds(new.set_at),
            until=until,
            file_limit=new.file_limit,
            owners=owners,
            **own,
        )
    )
    connection.execute(
        insert(limit_changes).values(
            id=next_number(limit_changes.c.id),
            at=microseconds(new.set_at),
            by=new.set_by,
            feature=new.feature,
            window=new.window.value,
            old_nanos=old_nanos,
            new_nanos=new.limit_nanos,
            until=until,
            owners=owners,
            **own,
        )
    )
    return True


def _alert_at(kept: str | None) -> tuple[int, ...] | None:
    return None if kept is None else tuple(json.loads(kept))


def _where(kept: str | None) -> tuple[tuple[str, str], ...] | None:
    return None if kept is None else tuple((name, value) for name, value in json.loads(kept))


def limit_history(connection: Connection, features: Collection[str], limit: int) -> list[LimitChange]:
    """The latest changes of the limits of a feature, given by all its names, the latest first."""
    query = select(limit_changes).where(limit_changes.c.feature.in_(list(features))).order_by(limit_changes.c.id.desc())
    return [
        LimitChange(
            instant(row.at),
            row.by,
            row.feature,
            Window(row.window),
            row.old_nanos,
            row.new_nanos,
            instant_or_none(row.until),
            tuple(json.loads(row.owners)),
        )
        for row in connection.execute(query.limit(limit))
    ]


def snooze(connection: Connection, subjects: Collection[str], new: Snooze) -> None:
    """Say nothing about these subjects until then; a snooze that was there is replaced."""
    connection.execute(delete(snoozes).where(snoozes.c.subject.in_(list(subjects))))
    rows = [
        {"subject": one, "until": microseconds(new.until), "by": new.by, "at": microseconds(new.at)} for one in subjects
    ]
    if rows:
        connection.execute(insert(snoozes), rows)


def snoozed(connection: Connection, subjects: Collection[str]) -> dict[str, Snooze]:
    """The last snooze of each of these subjects, if there ever was one."""
    rows = connection.execute(_SNOOZED, {"subjects": list(subjects)})
    return {row.subject: Snooze(instant(row.until), row.by, instant(row.at)) for row in rows}
