"""Writing the books: runs in, rollups corrected in the same transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bot.domain.costing import CostMode
from bot.domain.run import Run, State
from bot.ledger.booking import Booked, Project, Rules, book_trace
from bot.ledger.rollups import MEASURES, Delta, Tally
from bot.ledger.rows import COLUMNS, from_row, keys_from, keys_to, to_row
from bot.ledger.tables import returns, rollups, roots, runs

Keys = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Root:
    """What a trace's root says: the configured keys' values, and whether they are final because it has ended."""

    keys: Keys
    final: bool


@dataclass(slots=True)
class BookingSummary:
    """What became of runs that were read."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unpriced: int = 0
    untagged: int = 0
    strays: list[bytes] = field(default_factory=list)  # known under another trace or project; left as they were
    changed_days: set[int] = field(default_factory=set)  # ordinals of the days whose runs were new or changed

    def add(self, other: "BookingSummary") -> None:
        """Add what another page brought."""
        self.read += other.read
        self.new += other.new
        self.changed += other.changed
        self.unpriced += other.unpriced
        self.untagged += other.untagged
        self.strays += other.strays
        self.changed_days |= other.changed_days


def book(
    connection: Connection,
    project: Project,
    read: Iterable[Run],
    new_roots: Mapping[bytes, Root],
    rules: Rules,
) -> BookingSummary:
    """Book runs of one project as read. Booking them again changes nothing.

    `new_roots`, by trace, were looked up for runs without a feature of their own. Tools and chains that never carried
    a cost are not kept.
    """
    summary = BookingSummary()
    traces: dict[bytes, list[Run]] = {}
    for run in read:
        summary.read += 1
        traces.setdefault(run.trace_id, []).append(run)
    before = _load_traces(connection, project.key, traces)
    _leave_strays(connection, traces, before, summary)
    known_roots = _load_roots(connection, traces)
    tally, to_write = Tally(rules.dimensions), []
    for trace_id, trace in traces.items():
        there = before.get(trace_id, {})
        root = new_roots.get(trace_id)
        root_is_news = root is not None and root.keys != known_roots.get(trace_id, ())
        if not root_is_news and _is_known(there, trace):
            _count(summary, [there[run.id] for run in trace if run.id in there])
            continue
        root_keys = dict(root.keys if root is not None else known_roots.get(trace_id, ()))
        after = book_trace(there, trace, root_keys, project, rules)
        for run_id in [run_id for run_id, one in after.items() if one.state is State.NOT_A_RUN]:
            if run_id not in there:
                del after[run_id]
        changed = [one for run_id, one in after.items() if there.get(run_id) != one]
        for one in changed:
            if one.run.id in there:
                summary.changed += 1
            else:
                summary.new += 1
            summary.changed_days.add(one.day)
        if changed:
            tally.add(there.values(), -1)
            tally.add(after.values(), +1)
            to_write += changed
        _count(summary, [after[run_id] for run_id in {run.id for run in trace} if run_id in after])
    _write_runs(connection, to_write)
    _write_delta(connection, tally.delta())
    _write_roots(connection, new_roots)
    return summary


def rebook_mode(connection: Connection, project: Project, mode_before: CostMode, rules: Rules) -> int:
    """Decide all nested traces of a project again, because what a parent's cost means there has become known.

    Returns how many runs stand differently now.
    """
    tally, to_write = Tally(rules.dimensions), []
    root_keys = _telling_roots(connection)
    for trace in _traces(connection, project.key):
        if len(trace) > 1:
            before = {one.run.id: one for one in trace}
            said = dict(root_keys.get(trace[0].run.trace_id, ()))
            after = book_trace(before, (), said, project, rules, mode_before=mode_before)
            changed = [one for run_id, one in after.items() if before[run_id] != one]
            if changed:
                tally.add(before.values(), -1)
                tally.add(after.values(), +1)
                to_write += changed
    _write_runs(connection, to_write)
    _write_delta(connection, tally.delta())
    return len(to_write)


def recount(connection: Connection, projects: Iterable[Project], rules: Rules) -> None:
    """Book everything again, because the rules have changed: the time zone, the dimensions, the attribution.

    Costs stay as they are booked; totals stay too.
    """
    tally = Tally(rules.dimensions)
    root_keys = _telling_roots(connection)
    for project in projects:
        to_write = []
        for trace in _traces(connection, project.key):
            before = {one.run.id: one for one in trace}
            after = book_trace(before, (), dict(root_keys.get(trace[0].run.trace_id, ())), project, rules)
            tally.add(after.values(), +1)
            to_write += [one for run_id, one in after.items() if before[run_id] != one]
            if len(to_write) >= 1_000:
                _write_runs(connection, to_write)
                to_write = []
        _write_runs(connection, to_write)
    connection.execute(delete(rollups))
    connection.execute(delete(returns))
    _write_delta(connection, tally.delta())


def count_from_runs(connection: Connection, projects: Iterable[Project], dimensions: Sequence[str]) -> Delta:
    """What the rollups should hold, added up from the runs themselves: to check the books."""
    tally = Tally(dimensions)
    for project in projects:
        for trace in _traces(connection, project.key):
            tally.add(trace, +1)
    return tally.delta()


def unknown_roots(connection: Connection, project: int, trace_ids: Collection[bytes]) -> set[bytes]:
    """Those of `trace_ids` whose root is neither a run of ours nor known for good."""
    wanted = list(trace_ids)
    held = select(runs.c.id).where(runs.c.id.in_(wanted), runs.c.project == project)
    final = select(roots.c.trace_id).where(roots.c.trace_id.in_(wanted), roots.c.final)
    return set(wanted) - set(connection.scalars(held)) - set(connection.scalars(final))


def _is_known(there: Mapping[bytes, Booked], trace: Iterable[Run]) -> bool:
    for run in trace:
        known = there.get(run.id)
        if known is None or known.run != run:
            return False
    return True


def _count(summary: BookingSummary, booked: Iterable[Booked]) -> None:
    for one in booked:
        if one.state is State.UNPRICED:
            summary.unpriced += 1
        if not one.feature and one.counts:
            summary.untagged += 1


def _load_traces(
    connection: Connection, project: int, trace_ids: Collection[bytes]
) -> dict[bytes, dict[bytes, Booked]]:
    found: dict[bytes, dict[bytes, Booked]] = {}
    query = select(runs).where(runs.c.trace_id.in_(list(trace_ids)), runs.c.project == project)
    for row in connection.execute(query):
        booked = from_row(row)
        found.setdefault(booked.run.trace_id, {})[booked.run.id] = booked
    return found


def _leave_strays(
    connection: Connection,
    traces: dict[bytes, list[Run]],
    before: Mapping[bytes, Mapping[bytes, Booked]],
    summary: BookingSummary,
) -> None:
    """Take out runs whose id is booked under another trace or project: a run never changes its trace, and counting it
    in both would count it twice."""
    new = [run.id for trace_id, trace in traces.items() for run in trace if run.id not in before.get(trace_id, {})]
    if not new:
        return
    strays = set(connection.scalars(select(runs.c.id).where(runs.c.id.in_(new))))
    homes: dict[bytes, bytes] = {}
    for trace_id, trace in traces.items():
        for run in trace:
            if homes.setdefault(run.id, trace_id) != trace_id:
                strays.add(run.id)
    if strays:
        summary.strays += sorted(strays)
        for trace_id, trace in traces.items():
            traces[trace_id] = [run for run in trace if run.id not in strays]


def _load_roots(connection: Connection, trace_ids: Collection[bytes]) -> dict[bytes, Keys]:
    query = select(roots.c.trace_id, roots.c.key_values).where(roots.c.trace_id.in_(list(trace_ids)))
    return {trace_id: keys_from(keys) for trace_id, keys in connection.execute(query)}


def _telling_roots(connection: Connection) -> dict[bytes, Keys]:
    """All roots that say something, for a walk over every trace."""
    query = select(roots.c.trace_id, roots.c.key_values).where(roots.c.key_values.is_not(None))
    return {trace_id: keys_from(keys) for trace_id, keys in connection.execute(query)}


def _traces(connection: Connection, project: int) -> Iterable[list[Booked]]:
    query = select(runs).where(runs.c.project == project).order_by(runs.c.trace_id)
    rows = connection.execution_options(yield_per=1_000).execute(query)
    for _, trace in groupby(map(from_row, rows), key=lambda booked: booked.run.trace_id):
        yield list(trace)


def _write_runs(connection: Connection, booked: Sequence[Booked]) -> None:
    if booked:
        replaced = [name for name in COLUMNS if name != "id"]
        _execute(connection, _upsert(connection, runs, replace=replaced), [to_row(one) for one in booked])


def _write_delta(connection: Connection, delta: Delta) -> None:
    if delta.rollups:
        statement = _upsert(connection, rollups, add=MEASURES)
        _execute(connection, statement, [(*key, *sums) for key, sums in delta.rollups.items()])
        if any(sums[0] < 0 for sums in delta.rollups.values()):
            days = {key.day for key in delta.rollups}
            connection.execute(delete(rollups).where(rollups.c.runs == 0, rollups.c.day.in_(sorted(days))))
    if delta.returns:
        statement = _upsert(connection, returns, add=("traces",))
        _execute(connection, statement, [(*key, day, traces) for (key, day), traces in delta.returns.items()])
        connection.execute(delete(returns).where(returns.c.traces == 0))


def _write_roots(connection: Connection, new_roots: Mapping[bytes, Root]) -> None:
    if new_roots:
        statement = _upsert(connection, roots, replace=("key_values", "final"))
        rows = [(trace_id, keys_to(root.keys), root.final) for trace_id, root in new_roots.items()]
        _execute(connection, statement, rows)


def _upsert(connection: Connection, table: Table, *, replace: Sequence[str] = (), add: Sequence[str] = ()) -> Any:
    """INSERT with one parameter per column, that replaces or adds to the columns of a row that is there."""
    module = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = module.insert(table)
    updates = {name: statement.excluded[name] for name in replace}
    updates |= {name: table.c[name] + statement.excluded[name] for name in add}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=updates)


def _execute(connection: Connection, statement: Any, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run `statement` for many rows of values in the table's column order.

    Compiled once and handed to the driver as it is: SQLAlchemy's own executemany would turn each row into a dictionary
    and back, which took longer than SQLite took to write it.
    """
    compiled = statement.compile(dialect=connection.dialect)
    connection.exec_driver_sql(str(compiled), list(rows))
