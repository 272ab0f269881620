"""Writing the books: runs in, rollups corrected in the same transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from bot.domain.costing import is_run
from bot.domain.run import Run, State, Status
from bot.ledger.booking import Booked, Project, Rules, book_trace
from bot.ledger.bulk import rows_in
from bot.ledger.pruning import Pruned, pruned
from bot.ledger.purging import Purged, forget_trace, forgotten, is_purged, load
from bot.ledger.rollups import Tally
from bot.ledger.tables import runs
from bot.ledger.trace_rows import (
    SILENT,
    Root,
    Trace,
    changes_of,
    load_roots,
    load_traces,
    said,
    write_delta,
    write_roots,
    write_runs,
)

_NOTHING: Trace = {}


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
    were read are left out. Tools and chains that never carried a cost are not kept; of those that are roots it is kept
    what they say.
    """
    summary = BookingSummary()
    traces: dict[bytes, list[Run]] = {}
    for run in read:
        summary.read += 1
        traces.setdefault(run.trace_id, []).append(run)
    before = load_traces(connection, project.key, traces)
    _leave_pruned(traces, before, pruned(connection), summary)
    _leave_strays(connection, traces, before, summary)
    roots = load_roots(connection, project.key, traces)
    said_now = {**dict(_read_roots(traces, before, roots)), **new_roots}
    news = {
        trace_id: root
        for trace_id, root in said_now.items()
        if trace_id in traces and _is_news(root, roots.get(trace_id))
    }
    roots |= news
    purged = load(connection)
    tally, to_write = Tally(rules.dimensions), []
    for trace_id, trace in traces.items():
        there = before.get(trace_id, _NOTHING)
        kept = [_without_words(run, there) if there else run for run in trace if run.id in there or is_run(run)]
        after: Trace = there
        if trace_id in news or not _is_known(there, kept):
            root = roots.get(trace_id)
            after = book_trace(there, kept, said(root), project, rules)
            if (there or purged.marks) and _is_purged(trace, after, root, purged):
                after = forget_trace(after.values(), root.keys if root is not None else (), rules, purged)
                news[trace_id] = SILENT
            changed = changes_of(there, after)
            if changed:
                if there:
                    tally.add(there.values(), -1)
                tally.add(after.values(), +1)
                to_write += changed
                _count_changes(summary, there, changed)
        _count_read(summary, after.values() if not there else [after[run_id] for run_id in {run.id for run in kept}])
    write_runs(connection, to_write)
    write_delta(connection, tally.delta())
    write_roots(connection, project.key, news)
    return summary


def unknown_roots(connection: Connection, project: int, trace_ids: Collection[bytes]) -> set[bytes]:
    """Those of `trace_ids` whose root is neither a run of ours nor known for good."""
    wanted = list(trace_ids)
    held = {run_id for (run_id,) in rows_in(connection, (runs.c.id,), runs.c.id, wanted, project=project)}
    known = load_roots(connection, project, wanted)
    return {trace_id for trace_id in set(wanted) - held if trace_id not in known or not known[trace_id].final}


def _read_roots(
    traces: Mapping[bytes, list[Run]], before: Mapping[bytes, Trace], roots: Mapping[bytes, Root]
) -> Iterator[tuple[bytes, Root]]:
    """What those roots say that were read, but are no runs: they are not kept, and decide nevertheless where the runs
    below them do not say it. One that is known for good is left: it may have been purged."""
    for trace_id, trace in traces.items():
        if trace_id in roots and roots[trace_id].final:
            continue
        there = before.get(trace_id, _NOTHING)
        for run in trace:
            if run.id == trace_id and run.id not in there and not is_run(run):
                # Runs of its trace may come later, and then they find what it says.
                if there or run.keys or any(map(is_run, trace)):
                    yield trace_id, Root(run.keys, final=run.status != Status.PENDING)
                break


def _without_words(run: Run, there: Trace) -> Run:
    known = there.get(run.id)
    return forgotten(run, known.run.keys) if known is not None and is_purged(known.run) else run


def _is_purged(read: Iterable[Run], after: Trace, root: Root | None, purged: Purged) -> bool:
    # There is none where all that were read are strays.
    began = min((run.start for run in (*read, *(booked.run for booked in after.values()))), default=0)
    return purged.covers(after.values(), root.keys if root is not None else (), began)


def _is_known(there: Trace, read: Iterable[Run]) -> bool:
    for run in read:
        known = there.get(run.id)
        if known is None or known.run != run:
            return False
    return True


def _is_news(root: Root, known: Root | None) -> bool:
    """Whether a reading of a root says something new. None replaces one that is final but another that is."""
    return known is None or (root != known and (root.final or not known.final))


def _count_changes(summary: BookingSummary, before: Trace, changed: Iterable[Booked]) -> None:
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
    traces: dict[bytes, list[Run]], before: Mapping[bytes, Trace], gone: Pruned | None, summary: BookingSummary
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
    connection: Connection, traces: dict[bytes, list[Run]], before: Mapping[bytes, Trace], summary: BookingSummary
) -> None:
    """Take out runs whose id belongs to another trace or project: the one under which it came first. A run never
    changes its trace, and counting it in both would count it twice."""
    new = [run.id for trace_id, trace in traces.items() for run in trace if run.id not in before.get(trace_id, {})]
    if not new:
        return
    elsewhere = {run_id for (run_id,) in rows_in(connection, (runs.c.id,), runs.c.id, new, project=None)}
    if not elsewhere and len(set(new)) == len(new):
        return
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
