"""Writing the books: runs in, rollups corrected in the same transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select

from bot.domain.costing import CostMode, is_run
from bot.domain.run import Run, State
from bot.ledger.booking import Booked, Project, Rules, book_trace
from bot.ledger.bulk import rows_in, upsert
from bot.ledger.pruning import Pruned, pruned
from bot.ledger.purging import Purged, forget_trace, forgotten, is_purged, load
from bot.ledger.rollups import MEASURES, Delta, Tally
from bot.ledger.rows import COLUMNS, from_row, keys_from, keys_to, to_row
from bot.ledger.tables import returns, rollups, runs
from bot.ledger.tables import roots as roots_table

_Trace = Mapping[bytes, Booked]  # the booked runs of a trace by id

# How many traces a walk over all of them holds at a time.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Root:
    """What a trace's root says: the configured keys' values, and whether they are final because it has ended."""

    keys: tuple[tuple[str, str], ...]
    final: bool


# That of a trace that was purged: nobody looks it up again.
_SILENT = Root((), final=True)


@dataclass(slots=True)
class BookingSummary:
    """What became of runs that were read."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unpriced: int = 0
    untagged: int = 0
    strays: list[bytes] = field(default_factory=list)  # known under another trace or project; left as they were
    pruned: int = 0  # began before the days whose runs are kept, and were left out
    changed_days: set[int] = field(default_factory=set)  # ordinals of the days whose runs were new or changed

    def add(self, other: "BookingSummary") -> None:
        """Add what another page brought."""
        self.read += other.read
        self.new += other.new
        self.changed += other.changed
        self.unpriced += other.unpriced
        self.untagged += other.untagged
        self.strays += other.strays
        self.pruned += other.pruned
        self.changed_days |= other.changed_days


def book(
    connection: Connection,
    project: Project,
    read: Iterable[Run],
    new_roots: Mapping[bytes, Root],
    rules: Rules,
) -> BookingSummary:
    """Book runs of one project as read. Booking them again changes nothing.

    `new_roots`, by trace, were looked up for runs without a feature of their own; roots of other traces than those that
    were read are left out. Tools and chains that never carried a cost are not kept.
    """
    summary = BookingSummary()
    traces: dict[bytes, list[Run]] = {}
    for run in read:
        summary.read += 1
        traces.setdefault(run.trace_id, []).append(run)
    before = load_traces(connection, project.key, traces)
    _leave_pruned(traces, before, pruned(connection), summary)
    _leave_strays(connection, traces, before, summary)
    roots = _load_roots(connection, project.key, traces)
    news = {
        trace_id: root
        for trace_id, root in new_roots.items()
        if trace_id in traces and _is_news(root, roots.get(trace_id))
    }
    roots |= news
    purged = load(connection)
    tally, to_write = Tally(rules.dimensions), []
    for trace_id, trace in traces.items():
        there = before.get(trace_id, {})
        kept = [_without_words(run, there) for run in trace if run.id in there or is_run(run)]
        after: _Trace = there
        if trace_id in news or not _is_known(there, kept):
            root = roots.get(trace_id)
            after = book_trace(there, kept, _said(root), project, rules)
            if purged.covers(after.values(), root.keys if root is not None else ()):
                after = forget_trace(after.values(), root.keys if root is not None else (), rules, purged)
                news[trace_id] = _SILENT
            changed = _changes(there, after)
            if changed:
                if there:
                    tally.add(there.values(), -1)
                tally.add(after.values(), +1)
                to_write += changed
                _count_changes(summary, there, changed)
        _count_read(summary, [after[run_id] for run_id in {run.id for run in kept}])
    _write_runs(connection, to_write)
    _write_delta(connection, tally.delta())
    _write_roots(connection, project.key, news)
    return summary


def rebook(connection: Connection, project: Project, rules: Rules, *, mode_before: CostMode | None = None) -> int:
    """Decide all traces of a project again, because its name has changed or what a parent's cost means there has become
    known (`mode_before` is what was assumed). Returns how many runs stand differently now."""
    tally, changes = Tally(rules.dimensions), 0
    for before, after in _book_again(connection, project, rules, mode_before):
        changed = _changes(before, after)
        if changed:
            tally.add(before.values(), -1)
            tally.add(after.values(), +1)
            changes += len(changed)
    _write_delta(connection, tally.delta())
    return changes


def recount(connection: Connection, projects: Iterable[Project], rules: Rules, of_pruned: Delta) -> None:
    """Book everything again, because the rules have changed: the time zone, the dimensions, the attribution.

    Costs stay as they are booked; totals stay too. `of_pruned` are the figures of runs that are not held any more.
    """
    tally = Tally(rules.dimensions)
    for project in projects:
        for _, after in _book_again(connection, project, rules, None):
            tally.add(after.values(), +1)
    connection.execute(delete(rollups))
    connection.execute(delete(returns))
    _write_delta(connection, tally.delta())
    _write_delta(connection, of_pruned)


def purge(connection: Connection, project: Project, trace_ids: Collection[bytes], rules: Rules, purged: Purged) -> int:
    """Take their words from all runs of some traces of a project (see bot.ledger.purging); gives how many lost any.
    What they add up to stays, but where it was added up by such a word."""
    tally, changes = Tally(rules.dimensions), 0
    roots = _load_roots(connection, project.key, trace_ids)
    for trace_id, before in load_traces(connection, project.key, trace_ids).items():
        root = roots.get(trace_id)
        after = forget_trace(before.values(), root.keys if root is not None else (), rules, purged)
        changed = _changes(before, after)
        tally.add(before.values(), -1)
        tally.add(after.values(), +1)
        _write_runs(connection, changed)
        changes += len(changed)
    _write_delta(connection, tally.delta())
    _write_roots(connection, project.key, dict.fromkeys(trace_ids, _SILENT))
    return changes


def as_it_would_be(
    connection: Connection, projects: Iterable[Project], rules: Rules
) -> Iterator[tuple[_Trace, _Trace]]:
    """Every trace as it is, and as `recount` would leave it. Nothing is written."""
    for project in projects:
        for batch in _batches(connection, project.key):
            roots = _load_roots(connection, project.key, batch)
            for trace_id, before in batch.items():
                yield before, book_trace(before, (), _said(roots.get(trace_id)), project, rules)


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


def unknown_roots(connection: Connection, project: int, trace_ids: Collection[bytes]) -> set[bytes]:
    """Those of `trace_ids` whose root is neither a run of ours nor known for good."""
    wanted = list(trace_ids)
    held = {run_id for (run_id,) in rows_in(connection, (runs.c.id,), runs.c.id, wanted, project=project)}
    known = _load_roots(connection, project, wanted)
    return {trace_id for trace_id in set(wanted) - held if trace_id not in known or not known[trace_id].final}


def _without_words(run: Run, there: _Trace) -> Run:
    known = there.get(run.id)
    return forgotten(run, known.run.keys) if known is not None and is_purged(known.run) else run


def _is_known(there: _Trace, read: Iterable[Run]) -> bool:
    for run in read:
        known = there.get(run.id)
        if known is None or known.run != run:
            return False
    return True


def _is_news(root: Root, known: Root | None) -> bool:
    """Whether a reading of a root says something new. None replaces one that is final but another that is."""
    return known is None or (root != known and (root.final or not known.final))


def _said(root: Root | None) -> dict[str, str]:
    return {} if root is None else dict(root.keys)


def _changes(before: _Trace, after: _Trace) -> list[Booked]:
    return [one for run_id, one in after.items() if before.get(run_id) != one]


def _count_changes(summary: BookingSummary, before: _Trace, changed: Iterable[Booked]) -> None:
    for one in changed:
        summary.changed_days.add(one.day)
        known = before.get(one.run.id)
        if known is None:
            summary.new += 1
        else:
            summary.changed += 1
            summary.changed_days.add(known.day)


def _count_read(summary: BookingSummary, booked: Iterable[Booked]) -> None:
    for one in booked:
        if one.state is State.UNPRICED:
            summary.unpriced += 1
        if not one.feature and one.counts:
            summary.untagged += 1


def _leave_pruned(
    traces: dict[bytes, list[Run]], before: Mapping[bytes, _Trace], gone: Pruned | None, summary: BookingSummary
) -> None:
    """Take out runs that began before the days whose runs are kept, but for those that are held still: they have been
    counted, and nobody can tell which."""
    if gone is None or all(run.start >= gone.start for trace in traces.values() for run in trace):
        return
    for trace_id in list(traces):
        there = before.get(trace_id, {})
        kept = [run for run in traces[trace_id] if run.start >= gone.start or run.id in there]
        summary.pruned += len(traces[trace_id]) - len(kept)
        if kept:
            traces[trace_id] = kept
        else:
            del traces[trace_id]


def _leave_strays(
    connection: Connection, traces: dict[bytes, list[Run]], before: Mapping[bytes, _Trace], summary: BookingSummary
) -> None:
    """Take out runs whose id belongs to another trace or project: the one under which it came first. A run never
    changes its trace, and counting it in both would count it twice."""
    new = [run.id for trace_id, trace in traces.items() for run in trace if run.id not in before.get(trace_id, {})]
    if not new:
        return
    elsewhere = {run_id for (run_id,) in rows_in(connection, (runs.c.id,), runs.c.id, new, project=None)}
    homes: dict[bytes, bytes] = {}
    strays = set()
    for trace_id, trace in traces.items():
        there = before.get(trace_id, {})
        for run in trace:
            if run.id not in there and (run.id in elsewhere or homes.setdefault(run.id, trace_id) != trace_id):
                strays.add((trace_id, run.id))
    for trace_id, _ in strays:
        traces[trace_id] = [run for run in traces[trace_id] if (trace_id, run.id) not in strays]
    summary.strays += sorted({run_id for _, run_id in strays})


def _book_again(
    connection: Connection, project: Project, rules: Rules, mode_before: CostMode | None
) -> Iterator[tuple[_Trace, _Trace]]:
    """Every trace of a project as it was and as it is now, written."""
    for batch in _batches(connection, project.key):
        roots = _load_roots(connection, project.key, batch)
        again = [
            (before, book_trace(before, (), _said(roots.get(trace_id)), project, rules, mode_before=mode_before))
            for trace_id, before in batch.items()
        ]
        _write_runs(connection, [one for before, after in again for one in _changes(before, after)])
        yield from again


def _batches(connection: Connection, project: int) -> Iterator[dict[bytes, _Trace]]:
    """All traces of a project, some at a time. No query stays open between them: who walks may write."""
    last = b""
    while True:
        query = select(runs.c.trace_id).where(runs.c.project == project, runs.c.trace_id > last)
        found = connection.scalars(query.distinct().order_by(runs.c.trace_id).limit(_BATCH)).all()
        if not found:
            return
        yield load_traces(connection, project, found)
        last = found[-1]


def _recent(connection: Connection, project: int, since: int) -> Iterator[dict[bytes, _Trace]]:
    """The traces of a project that have a run since then, some at a time: found by time, not by walking over all."""
    found = select(runs.c.trace_id).where(runs.c.project == project, runs.c.start >= since).distinct()
    trace_ids = sorted(connection.scalars(found))
    for at in range(0, len(trace_ids), _BATCH):
        yield load_traces(connection, project, trace_ids[at : at + _BATCH])


def write_changes(connection: Connection, changed: Sequence[Booked], delta: Delta) -> None:
    """Write runs that stand differently, and what that does to the rollups."""
    _write_runs(connection, changed)
    _write_delta(connection, delta)


def load_traces(connection: Connection, project: int, trace_ids: Collection[bytes]) -> dict[bytes, _Trace]:
    """The booked runs of some traces of a project, by trace."""
    found: dict[bytes, dict[bytes, Booked]] = {}
    for row in rows_in(connection, tuple(runs.c), runs.c.trace_id, list(trace_ids), project=project):
        booked = from_row(row)
        found.setdefault(booked.run.trace_id, {})[booked.run.id] = booked
    return dict(found)


def _load_roots(connection: Connection, project: int, trace_ids: Collection[bytes]) -> dict[bytes, Root]:
    columns = (roots_table.c.trace_id, roots_table.c.key_values, roots_table.c.final)
    found = rows_in(connection, columns, roots_table.c.trace_id, list(trace_ids), project=project)
    return {trace_id: Root(keys_from(keys), bool(final)) for trace_id, keys, final in found}


def _write_runs(connection: Connection, booked: Sequence[Booked]) -> None:
    replaced = tuple(name for name in COLUMNS if name != "id")
    upsert(connection, runs, [to_row(one) for one in booked], replace=replaced)


def _write_delta(connection: Connection, delta: Delta) -> None:
    upsert(connection, rollups, [(*key, *sums) for key, sums in delta.rollups.items()], add=MEASURES)
    upsert(connection, returns, [(*key, day, traces) for (key, day), traces in delta.returns.items()], add=("traces",))
    fewer = {key.day for key, sums in delta.rollups.items() if sums[0] < 0}
    if fewer:
        connection.execute(delete(rollups).where(rollups.c.runs == 0, rollups.c.day.in_(fewer)))
    fewer = {key.day for (key, _), traces in delta.returns.items() if traces < 0}
    if fewer:
        connection.execute(delete(returns).where(returns.c.traces == 0, returns.c.day.in_(fewer)))


def _write_roots(connection: Connection, project: int, roots: Mapping[bytes, Root]) -> None:
    rows = [(project, trace_id, keys_to(root.keys), root.final) for trace_id, root in roots.items()]
    upsert(connection, roots_table, rows, replace=("key_values", "final"))
