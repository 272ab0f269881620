"""Letting go of old runs: their days' figures stay.

A trace goes only as a whole, when all of its runs are old: what is left of one that was split would be added up wrongly
when it is booked again. From then on the ledger takes in no run that began before the day of the mark, or a run that is
read again would count twice. What a change of prices keeps of such runs goes with them.
"""

from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, delete, func, insert, select, tuple_

from bot.domain.period import first_instant
from bot.ledger.booking import microseconds
from bot.ledger.bulk import rows_in
from bot.ledger.tables import marks, repriced_runs, repricings, roots, runs

# Runs that one transaction looks at: others write between two.
BATCH = 5_000

_MARK = "pruned before"
_PRUNED = select(marks.c.value).where(marks.c.name == _MARK)  # made once: every booking asks


class Pruned(NamedTuple):
    """From which day on all runs are kept, and its first instant, in microseconds since 1970 UTC."""

    day: date
    start: int


class Position(NamedTuple):
    """How far pruning has come: the start and the id of the last run that was looked at."""

    start: int
    id: bytes


def pruned(connection: Connection) -> Pruned | None:
    """Which runs were let go of; None if none were."""
    value = connection.scalar(_PRUNED)
    if value is None:
        return None
    day, start = str(value).split()
    return Pruned(date.fromisoformat(day), int(start))


def count_old(connection: Connection, before: date, zone: ZoneInfo) -> tuple[int, int]:
    """How many runs began before that day, and how many are held."""
    start = microseconds(first_instant(before, zone))
    old = select(func.count()).select_from(runs).where(runs.c.start < start)
    return int(connection.scalar(old) or 0), int(connection.scalar(select(func.count()).select_from(runs)) or 0)


def mark(connection: Connection, before: date, zone: ZoneInfo) -> Pruned:
    """Take in no run from now on that began before that day of `zone`; gives what holds, which never goes back."""
    known = pruned(connection)
    if known is not None and known.day >= before:
        return known
    new = Pruned(before, microseconds(first_instant(before, zone)))
    connection.execute(delete(marks).where(marks.c.name == _MARK))
    connection.execute(insert(marks).values(name=_MARK, value=f"{new.day.isoformat()} {new.start}"))
    return new


def prune(connection: Connection, before: Pruned, after: Position | None) -> tuple[int, Position | None]:
    """Let go of the next traces whose runs all began before then. How many runs that were, and the position from which
    to go on; None if there is no more."""
    old = select(runs.c.start, runs.c.id, runs.c.trace_id, runs.c.project).where(runs.c.start < before.start)
    if after is not None:
        old = old.where(tuple_(runs.c.start, runs.c.id) > tuple_(after.start, after.id))
    found = connection.execute(old.order_by(runs.c.start, runs.c.id).limit(BATCH)).all()
    ids = sorted({row.trace_id for row in found})
    columns = (runs.c.trace_id, runs.c.project, runs.c.start, runs.c.id)
    held = list(rows_in(connection, columns, runs.c.trace_id, ids, project=None))
    going_on = {(trace_id, project) for trace_id, project, start, _ in held if start >= before.start}
    over = sorted({(row.trace_id, row.project) for row in found} - going_on)
    gone = [run_id for trace_id, project, _, run_id in held if (trace_id, project) not in going_on]
    for table in (runs, roots) if over else ():
        of_trace = (table.c.trace_id == bindparam("trace"), table.c.project == bindparam("of_project"))
        connection.execute(delete(table).where(*of_trace), [{"trace": one, "of_project": of} for one, of in over])
    changes = connection.scalars(select(repricings.c.id)).all()
    if gone and changes:
        # All changes by their numbers, so that the index finds the run.
        repriced = repriced_runs.c.change.in_(changes) & (repriced_runs.c.run == bindparam("gone"))
        connection.execute(delete(repriced_runs).where(repriced), [{"gone": run_id} for run_id in gone])
    last = Position(found[-1].start, found[-1].id) if len(found) == BATCH else None
    return len(gone), last
