"""How far and how completely LangSmith was read: per project a watermark, the gaps, and the days that are settled."""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, delete, func, insert, select, text, update

from bot.domain.costing import CostMode
from bot.domain.period import first_instant, local_day
from bot.domain.run import State
from bot.ledger.bulk import next_number
from bot.ledger.tables import OPEN, gaps, marks, projects, runs, syncs

# The mark under which is kept which projects are missed.
_MISSED = "projects that are missed"

# What stands in a project's link in the place of a trace's id.
TRACE = "{trace}"


class ProjectRow(NamedTuple):
    """A project as the ledger knows it. Instants are microseconds since 1970 UTC."""

    key: int
    id: bytes
    name: str
    started: int
    selected: bool
    cost_mode: CostMode
    covered_from: int | None
    watermark: int | None
    settled_through: int | None
    reread_2h: int | None
    reread_26h: int | None
    reread_days: int | None
    link: str | None = None  # the address of its traces in LangSmith, TRACE in place of the id

    def link_to(self, trace_id: bytes) -> str | None:
        """The address of one of its traces in LangSmith; None as long as that is not known."""
        return None if self.link is None else self.link.replace(TRACE, str(UUID(bytes=trace_id)))


class Gap(NamedTuple):
    """A stretch of time of which LangSmith may have forgotten some before it was read."""

    project: int
    start: int
    end: int


class SyncRow(NamedTuple):
    """How a sync ended. `projects` were read to their end; `number` rises from sync to sync, and is given by the
    ledger."""

    started: int
    finished: int
    read: int
    new: int
    changed: int
    problem: str | None
    projects: int
    number: int = 0


# Enough to see a day of minutes at a glance; older ones tell nobody anything.
KEPT_SYNCS = 1_500

# Made once: every tick asks for them.
_ALL = select(projects)
_SELECTED = _ALL.where(projects.c.selected)
_GAPS = (
    select(gaps)
    .join(projects, projects.c.key == gaps.c.project)
    .where(projects.c.selected)
    .order_by(gaps.c.start, gaps.c.project)
)


def load_projects(connection: Connection, *, selected_only: bool = False) -> list[ProjectRow]:
    """All projects of the ledger, by name."""
    found = [
        ProjectRow(*row)._replace(cost_mode=CostMode(row.cost_mode), selected=bool(row.selected))
        for row in connection.execute(_SELECTED if selected_only else _ALL)
    ]
    # Databases sort letters each in its own way.
    return sorted(found, key=lambda row: (row.name, row.key))


def select_projects(
    connection: Connection,
    found: Collection[tuple[bytes, str, int]],
    is_missed: Callable[[bytes, str], bool] = lambda *_: False,
) -> list[ProjectRow]:
    """Make `(id, name, started)` the projects that are read from now on; what others have brought is kept. Of those
    that were read until now the ones that are missed stay selected: answers say since when they have not been read."""
    before = load_projects(connection, selected_only=True)
    there = {project_id for project_id, _, _ in found}
    missed = [row.key for row in before if row.id not in there and is_missed(row.id, row.name)]
    connection.execute(update(projects).values(selected=projects.c.key.in_(missed)))
    connection.execute(delete(marks).where(marks.c.name == _MISSED))
    connection.execute(insert(marks).values(name=_MISSED, value=json.dumps(missed)))
    for project_id, name, started in found:
        changed = connection.execute(
            update(projects).where(projects.c.id == project_id).values(name=name, started=started, selected=True)
        )
        if not changed.rowcount:
            connection.execute(
                insert(projects).values(
                    key=next_number(projects.c.key),
                    id=project_id,
                    name=name,
                    started=started,
                    selected=True,
                    cost_mode=CostMode.UNKNOWN.value,
                )
            )
    return load_projects(connection, selected_only=True)


def missed_projects(connection: Connection) -> frozenset[int]:
    """The keys of those selected projects that LangSmith did not have when it was asked last."""
    kept = connection.scalar(select(marks.c.value).where(marks.c.name == _MISSED))
    return frozenset() if kept is None else frozenset(json.loads(kept))


def cover(connection: Connection, project: int, start: int, end: int, *, expired: bool) -> bool:
    """[start, end) was read whole. If LangSmith may have forgotten some of it by then, what of it had not been read
    before, since the project was there, is a gap; otherwise what it holds of gaps is none any more. Whether there is a
    new gap.

    Only a stretch that touches what is covered already moves its ends: the watermark never jumps over unread time.
    """
    row = connection.execute(
        select(projects.c.started, projects.c.covered_from, projects.c.watermark).where(projects.c.key == project)
    ).one()
    covered_from, watermark = (start, start) if row.covered_from is None else (row.covered_from, row.watermark)
    if end < covered_from or watermark < start:
        return False
    connection.execute(
        update(projects)
        .where(projects.c.key == project)
        .values(covered_from=min(start, covered_from), watermark=max(end, watermark))
    )
    if not expired:
        _fill_gaps(connection, project, start, end)
        return False
    unread = ((start, min(end, covered_from)), (max(start, watermark), end))
    missing = [(max(begins, row.started), ends) for begins, ends in unread if max(begins, row.started) < ends]
    for begins, ends in missing:
        _add_gap(connection, project, begins, ends)
    return bool(missing)


def load_gaps(connection: Connection) -> list[Gap]:
    """All gaps of selected projects, oldest first."""
    return [Gap(*row) for row in connection.execute(_GAPS)]


def settle(connection: Connection, project: int, through: int) -> None:
    """Days up to `through` (an ordinal) are settled; it never goes back."""
    connection.execute(
        update(projects)
        .where(projects.c.key == project)
        .where((projects.c.settled_through.is_(None)) | (projects.c.settled_through < through))
        .values(settled_through=through)
    )


def move_settled(connection: Connection, before: ZoneInfo, after: ZoneInfo) -> None:
    """Days are those of another time zone now: settled are the ones that had ended when the last settled day did."""
    for row in load_projects(connection):
        if row.settled_through is not None:
            end = first_instant(date.fromordinal(row.settled_through + 1), before)
            through = local_day(end, after).toordinal() - 1
            connection.execute(update(projects).where(projects.c.key == row.key).values(settled_through=through))


def oldest_pending(connection: Connection, project: int, *, since: int) -> int | None:
    """When the oldest run began that has not ended and began at `since` or later; None if there is none."""
    value = connection.scalar(
        select(func.min(runs.c.start)).where(
            runs.c.project == project, runs.c.state == State.PENDING.value, text(OPEN), runs.c.start >= since
        )
    )
    return None if value is None else int(value)


def open_runs(
    connection: Connection, project: int, states: Sequence[State], *, start: int, end: int, limit: int
) -> list[tuple[bytes, int]]:
    """Ids and starts of runs in one of `states` that began in [start, end), the latest first."""
    query = (
        select(runs.c.id, runs.c.start)
        .where(
            runs.c.project == project,
            runs.c.state.in_([state.value for state in states]),
            text(OPEN),  # said again so that the partial index is used, whatever `states` are
            runs.c.start >= start,
            runs.c.start < end,
        )
        .order_by(runs.c.start.desc())
        .limit(limit)
    )
    return [(row.id, row.start) for row in connection.execute(query)]


def set_cost_mode(connection: Connection, project: int, mode: CostMode) -> None:
    """What a parent's cost means in this project is known now."""
    connection.execute(update(projects).where(projects.c.key == project).values(cost_mode=mode.value))


def set_link(connection: Connection, project: int, link: str) -> None:
    """How a trace of this project is addressed in LangSmith is known now."""
    connection.execute(update(projects).where(projects.c.key == project).values(link=link))


def remember_reread(connection: Connection, project: int, tiers: Iterable[str], begun: int) -> None:
    """The re-reading `tiers` (names of columns) were begun at `begun` and have been finished."""
    values = dict.fromkeys(tiers, begun)
    if values:
        connection.execute(update(projects).where(projects.c.key == project).values(**values))


def record_sync(connection: Connection, row: SyncRow) -> None:
    """Remember how a sync ended, for `status`."""
    values = row._asdict()
    del values["number"]
    connection.execute(insert(syncs).values(id=next_number(syncs.c.id), **values))
    newest = select(func.max(syncs.c.id)).scalar_subquery()
    # However long the outage, when it began is known.
    good = select(func.max(syncs.c.id)).where(syncs.c.problem.is_(None)).scalar_subquery()
    connection.execute(delete(syncs).where(syncs.c.id <= newest - KEPT_SYNCS, syncs.c.id != func.coalesce(good, 0)))


_SYNC = (
    syncs.c.started,
    syncs.c.finished,
    syncs.c.read,
    syncs.c.new,
    syncs.c.changed,
    syncs.c.problem,
    syncs.c.projects,
    syncs.c.id,
)


def first_sync(connection: Connection) -> SyncRow | None:
    """The earliest sync that is still remembered; None if there was none."""
    row = connection.execute(select(*_SYNC).order_by(syncs.c.id).limit(1)).one_or_none()
    return None if row is None else SyncRow(*row)


def last_sync(connection: Connection, *, successful: bool = False, useful: bool = False) -> SyncRow | None:
    """The last sync, or the last one that went through, or the last `useful` one, which read one project to its end at
    least; None if there was none."""
    row = connection.execute(_last_sync(successful=successful, useful=useful)).one_or_none()
    return None if row is None else SyncRow(*row)


@cache
def _last_sync(*, successful: bool, useful: bool) -> Select[Any]:
    query = select(*_SYNC).order_by(syncs.c.id.desc()).limit(1)
    if successful:
        query = query.where(syncs.c.problem.is_(None))
    return query.where(syncs.c.projects > 0) if useful else query


def _add_gap(connection: Connection, project: int, start: int, end: int) -> None:
    """[start, end) is a gap, and one with those that it touches; nothing if it is empty."""
    if start < end:
        touching = (gaps.c.project == project, gaps.c.start <= end, gaps.c.end >= start)
        for gap in connection.execute(select(gaps).where(*touching)).all():
            start, end = min(start, gap.start), max(end, gap.end)
        connection.execute(delete(gaps).where(*touching))
        connection.execute(insert(gaps).values(project=project, start=start, end=end))


def _fill_gaps(connection: Connection, project: int, start: int, end: int) -> None:
    """[start, end) is no gap (any more); what sticks out on either side stays one."""
    overlapping = (gaps.c.project == project, gaps.c.start < end, gaps.c.end > start)
    found = connection.execute(select(gaps).where(*overlapping)).all()
    connection.execute(delete(gaps).where(*overlapping))
    for gap in found:
        _add_gap(connection, project, gap.start, start)
        _add_gap(connection, project, end, gap.end)
