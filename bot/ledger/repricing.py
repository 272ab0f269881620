"""Prices of the past, changed on demand: what would change, and changing it, some traces at a time and undoable.

Which runs count is not decided again, only what they cost. Each change keeps what stood before it, so that it can be
taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from bot.domain.costing import shares
from bot.domain.run import Source, State
from bot.domain.usage import Flag
from bot.ledger.booking import Booked, Project, Rules, price_again
from bot.ledger.rollups import Tally
from bot.ledger.tables import repriced_runs, repricings, runs
from bot.ledger.trace_rows import load_traces, write_changes

# How many traces a transaction changes: it holds the ledger's only pen meanwhile.
BATCH = 500

_COLUMNS = tuple(column.name for column in repriced_runs.columns)

_Trace = Mapping[bytes, Booked]


class Repricing(NamedTuple):
    """A change of prices on record. Instants are microseconds since 1970 UTC; `undone` if it was taken back."""

    id: int
    at: int
    by: str
    since: int
    runs: int
    undone: int | None
    undone_by: str | None


class Moved(NamedTuple):
    """What the changed runs of one feature ("" is untagged) and model add up to, before and after. Costs in
    nano-dollars; `found` are those whose cost was not known before, `lost` those whose cost is not known any more."""

    feature: str
    model: str | None
    runs: int
    before: int
    after: int
    found: int
    lost: int


@dataclass(slots=True)
class Movement:
    """What changes, by feature and model."""

    _sums: dict[tuple[str, str | None], list[int]] = field(default_factory=dict)

    def add(self, changes: Iterable[tuple[Booked, Booked]]) -> None:
        """Count runs that stand differently, each as it was and as it is."""
        for before, after in changes:
            sums = self._sums.setdefault((after.feature, after.run.model), [0] * 5)
            sums[0] += 1
            sums[1] += before.cost or 0
            sums[2] += after.cost or 0
            sums[3] += before.cost is None and after.cost is not None
            sums[4] += before.cost is not None and after.cost is None

    def shift(self, changes: Iterable[tuple[Booked, Booked]]) -> None:
        """Count runs that belong to another feature: what one loses the other gets."""
        for before, after in changes:
            for one, place in ((before, 1), (after, 2)):
                sums = self._sums.setdefault((one.feature, one.run.model), [0] * 5)
                sums[0] += 1
                sums[place] += one.cost or 0

    def rows(self) -> list[Moved]:
        """The largest change first."""
        moved = [Moved(*key, *sums) for key, sums in self._sums.items()]
        return sorted(moved, key=lambda one: (-abs(one.after - one.before), one.feature, one.model or ""))


class Wanted(NamedTuple):
    """Which runs are priced again: those that began at `since` (microseconds since 1970 UTC) or later; with
    `unknown_only` those that are unpriced, and only if their cost is known now."""

    since: int
    unknown_only: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for a query."""
        found: list[ColumnElement[bool]] = [runs.c.start >= self.since]
        return [*found, runs.c.state == State.UNPRICED.value] if self.unknown_only else found


class Place(NamedTuple):
    """How far a walk over all traces has come: the project's place in the row of all, and its last trace."""

    project: int = 0
    trace: bytes = b""


def next_changes(
    connection: Connection, projects: Sequence[Project], rules: Rules, wanted: Wanted, place: Place
) -> tuple[dict[bytes, tuple[_Trace, _Trace]], Place | None]:
    """The traces of the next batch that would change, each as it is and as it would be; and where to go on, None at
    the end."""
    if place.project >= len(projects):
        return {}, None
    project = projects[place.project]
    query = select(runs.c.trace_id).where(
        runs.c.project == project.key, runs.c.trace_id > place.trace, *wanted.conditions()
    )
    found = connection.scalars(query.distinct().order_by(runs.c.trace_id).limit(BATCH)).all()
    if not found:
        return {}, Place(place.project + 1) if place.project + 1 < len(projects) else None
    changed: dict[bytes, tuple[_Trace, _Trace]] = {}
    for trace_id, before in load_traces(connection, project.key, found).items():
        after = _repriced(before, project, rules, wanted)
        if after != before:
            changed[trace_id] = before, after
    return changed, Place(place.project, found[-1])


def start(connection: Connection, at: int, by: str, since: int) -> int:
    """Put a change on record; gives its number."""
    connection.execute(insert(repricings).values(at=at, by=by, since=since, runs=0))
    return int(connection.scalar(select(func.max(repricings.c.id))) or 0)


def apply(
    connection: Connection, change: int, traces: Iterable[tuple[_Trace, _Trace]], rules: Rules
) -> list[tuple[Booked, Booked]]:
    """Book traces as they would be, correct the rollups, and keep how their runs stood. Gives the runs that changed."""
    changes = _write(connection, traces, rules)
    kept = [(change, before.run.id, *_kept(before), *_kept(after)) for before, after in changes]
    if kept:
        connection.execute(insert(repriced_runs), [dict(zip(_COLUMNS, row, strict=True)) for row in kept])
    connection.execute(
        update(repricings).where(repricings.c.id == change).values(runs=repricings.c.runs + len(changes))
    )
    return changes


def discard_empty(connection: Connection, change: int) -> None:
    """Take a change off the record that changed nothing."""
    connection.execute(delete(repricings).where(repricings.c.id == change, repricings.c.runs == 0))


def last_change(connection: Connection) -> Repricing | None:
    """The latest change of any run that has not been undone."""
    query = (
        select(repricings)
        .where(repricings.c.undone.is_(None), repricings.c.runs > 0)
        .order_by(repricings.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Repricing(*row)


def undo_next(
    connection: Connection, change: int, projects: Sequence[Project], rules: Rules, after_run: bytes
) -> tuple[list[tuple[Booked, Booked]], int, bytes | None]:
    """Take back the next runs of a change: those that still stand as it left them. Gives what changed, how many runs
    stand otherwise by now and were left, and the run after which to go on, None at the end."""
    query = (
        select(repriced_runs, runs.c.trace_id, runs.c.project)
        .join(runs, runs.c.id == repriced_runs.c.run)
        .where(repriced_runs.c.change == change, repriced_runs.c.run > after_run)
        .order_by(repriced_runs.c.run)
        .limit(BATCH)
    )
    rows = connection.execute(query).all()
    if not rows:
        return [], 0, None
    width = len(_KEPT)
    wanted = {
        row.run: (cast("_Kept", tuple(row[2 : 2 + width])), cast("_Kept", tuple(row[2 + width : 2 + 2 * width])))
        for row in rows
    }
    traces: list[tuple[_Trace, _Trace]] = []
    left = 0
    for project in projects:
        ids = sorted({row.trace_id for row in rows if row.project == project.key})
        for there in load_traces(connection, project.key, ids).values():
            restored = {}
            for run_id, booked in there.items():
                before, after = wanted.get(run_id, (None, None))
                if before is not None and _kept(booked) == after:
                    restored[run_id] = _as_kept(booked, before)
                else:
                    restored[run_id] = booked
                    left += before is not None and _kept(booked) != before
            traces.append((there, restored))
    return _write(connection, traces, rules), left, rows[-1].run


def finish_undo(connection: Connection, change: int, at: int, by: str) -> None:
    """Mark a change as taken back."""
    connection.execute(update(repricings).where(repricings.c.id == change).values(undone=at, undone_by=by))


def _repriced(before: _Trace, project: Project, rules: Rules, wanted: Wanted) -> dict[bytes, Booked]:
    counted = shares([one.run for one in before.values()], project.mode)
    after = {}
    for run_id, one in before.items():
        after[run_id] = one
        if (
            one.counts
            and one.run.start >= wanted.since
            and not (wanted.unknown_only and one.state is not State.UNPRICED)
        ):
            again = price_again(one, counted[run_id], rules)
            if not wanted.unknown_only or again.cost is not None:
                after[run_id] = again
    return after


def _write(
    connection: Connection, traces: Iterable[tuple[_Trace, _Trace]], rules: Rules
) -> list[tuple[Booked, Booked]]:
    tally, changes = Tally(rules.dimensions), []
    for before, after in traces:
        changed = [(before[run_id], one) for run_id, one in after.items() if before[run_id] != one]
        if changed:
            tally.add(before.values(), -1)
            tally.add(after.values(), +1)
            changes += changed
    write_changes(connection, [one for _, one in changes], tally.delta())
    return changes


# What is kept of a run, in the order of the columns.
_KEPT = ("state", "cost", "source", "reference", "cost_flags", "input", "output")
_Kept = tuple[str, int | None, str | None, str | None, int, int, int]


def _kept(booked: Booked) -> _Kept:
    return (
        booked.state.value,
        booked.cost,
        booked.source.value if booked.source is not None else None,
        booked.reference,
        int(booked.cost_flags),
        booked.input,
        booked.output,
    )


def _as_kept(booked: Booked, kept: _Kept) -> Booked:
    state, cost, source, reference, flags, tokens_in, tokens_out = kept
    return booked._replace(
        state=State(state),
        cost=cost,
        source=Source(source) if source is not None else None,
        reference=reference,
        cost_flags=Flag(flags),
        input=tokens_in,
        output=tokens_out,
    )
