"""Walking over what is booked: to decide it again, to take words from it, or to check it."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import Connection, delete, select

from bot.domain.costing import CostMode
from bot.ledger.booking import Project, Rules, book_trace
from bot.ledger.purging import Purged, forget_trace
from bot.ledger.rollups import Delta, Tally
from bot.ledger.tables import returns, rollups, runs
from bot.ledger.trace_rows import (
    SILENT,
    Trace,
    changes_of,
    load_roots,
    load_traces,
    said,
    write_delta,
    write_roots,
    write_runs,
)

# How many traces a walk over all of them holds at a time.
_BATCH = 500


def rebook(connection: Connection, project: Project, rules: Rules, *, mode_before: CostMode | None = None) -> list[int]:
    """Decide all traces of a project again, because its name has changed or what a parent's cost means there has become
    known (`mode_before` is what was assumed). Returns the day of each run that stands differently now."""
    tally, days = Tally(rules.dimensions), list[int]()
    for before, after in _book_again(connection, project, rules, mode_before):
        changed = changes_of(before, after)
        if changed:
            tally.add(before.values(), -1)
            tally.add(after.values(), +1)
            days += [one.day for one in changed]
    write_delta(connection, tally.delta())
    return days


def recount(connection: Connection, projects: Iterable[Project], rules: Rules, of_pruned: Delta) -> set[int]:
    """Book everything again, because the rules have changed: the time zone, the dimensions, the attribution. Returns
    the days that held a run, or hold one now, of another feature or day than before.

    Costs stay as they are booked; totals stay too. `of_pruned` are the figures of runs that are not held any more.
    """
    tally, days = Tally(rules.dimensions), set[int]()
    for project in projects:
        for before, after in _book_again(connection, project, rules, None):
            tally.add(after.values(), +1)
            days |= _moved_days(before, after)
    connection.execute(delete(rollups))
    connection.execute(delete(returns))
    write_delta(connection, tally.delta())
    write_delta(connection, of_pruned)
    return days


def purge(
    connection: Connection, project: Project, trace_ids: Collection[bytes], rules: Rules, purged: Purged
) -> tuple[int, set[int]]:
    """Take their words from all runs of some traces of a project (see bot.ledger.purging); gives how many lost any, and
    the days on which a run lost its feature. What they add up to stays, but where it was added up by such a word."""
    tally, changes, days = Tally(rules.dimensions), 0, set[int]()
    roots = load_roots(connection, project.key, trace_ids)
    for trace_id, before in load_traces(connection, project.key, trace_ids).items():
        root = roots.get(trace_id)
        after = forget_trace(before.values(), root.keys if root is not None else (), rules, purged)
        changed = changes_of(before, after)
        tally.add(before.values(), -1)
        tally.add(after.values(), +1)
        write_runs(connection, changed)
        changes += len(changed)
        days |= _moved_days(before, after)
    write_delta(connection, tally.delta())
    write_roots(connection, project.key, dict.fromkeys(trace_ids, SILENT))
    return changes, days


def as_it_would_be(connection: Connection, projects: Iterable[Project], rules: Rules) -> Iterator[tuple[Trace, Trace]]:
    """Every trace as it is, and as `recount` would leave it. Nothing is written."""
    for project in projects:
        for batch in _batches(connection, project.key):
            roots = load_roots(connection, project.key, batch)
            for trace_id, before in batch.items():
                yield before, book_trace(before, (), said(roots.get(trace_id)), project, rules)


def count_from_runs(
    connection: Connection, projects: Iterable[Project], dimensions: Sequence[str], since: int | None = None
) -> Delta:
    """What the rollups should hold, added up from the runs themselves: to check the books. With `since` only traces
    that have a run since then are added up, each as a whole: the days before are incomplete."""
    tally = Tally(dimensions)
    for project in projects:
        walk = _batches(connection, project.key) if since is None else _recent(connection, project.key, since)
        for batch in walk:
            for trace in batch.values():
                tally.add(trace.values(), +1)
    return tally.delta()


def _book_again(
    connection: Connection, project: Project, rules: Rules, mode_before: CostMode | None
) -> Iterator[tuple[Trace, Trace]]:
    """Every trace of a project as it was and as it is now, written."""
    for batch in _batches(connection, project.key):
        roots = load_roots(connection, project.key, batch)
        again = [
            (before, book_trace(before, (), said(roots.get(trace_id)), project, rules, mode_before=mode_before))
            for trace_id, before in batch.items()
        ]
        write_runs(connection, [one for before, after in again for one in changes_of(before, after)])
        yield from again


def _moved_days(before: Trace, after: Trace) -> set[int]:
    """The days from which runs went, and to which they came: to another day, or to another feature of their own."""
    moved = [(before[one.run.id], one) for one in changes_of(before, after)]
    return {day for was, one in moved if (was.day, was.feature) != (one.day, one.feature) for day in (was.day, one.day)}


def _batches(connection: Connection, project: int) -> Iterator[dict[bytes, Trace]]:
    """All traces of a project, some at a time. No query stays open between them: who walks may write."""
    last = b""
    while True:
        query = select(runs.c.trace_id).where(runs.c.project == project, runs.c.trace_id > last)
        found = connection.scalars(query.distinct().order_by(runs.c.trace_id).limit(_BATCH)).all()
        if not found:
            return
        yield load_traces(connection, project, found)
        last = found[-1]


def _recent(connection: Connection, project: int, since: int) -> Iterator[dict[bytes, Trace]]:
    """The traces of a project that have a run since then, some at a time: found by time, not by walking over all."""
    found = select(runs.c.trace_id).where(runs.c.project == project, runs.c.start >= since).distinct()
    trace_ids = sorted(connection.scalars(found))
    for at in range(0, len(trace_ids), _BATCH):
        yield load_traces(connection, project, trace_ids[at : at + _BATCH])
