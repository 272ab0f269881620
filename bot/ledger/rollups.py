"""Figures per local day, kept up to date as runs come: what a trace adds to which row (pure).

A *view* is a way of adding up. "all" has one row a day; "all/model" one per day and model; "one" one per day and
feature, "one/model" one per day, feature and model; and so on for each dimension. "untagged" has one per day, project
and run name, for runs without a feature. In "all..." views the column `feature` is empty; in "all/feature" the feature
is the value, because that view is read by days and "one" by feature.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import add
from typing import Any, NamedTuple

from bot.domain.feature import UNTAGGED
from bot.domain.run import Source, State
from bot.domain.usage import Flag
from bot.ledger.booking import Booked

MEASURES = (
    "runs",
    "traces",
    "cost",
    "langsmith",
    "estimate",
    "override",
    "input",
    "output",
    "unpriced",
    "no_usage",
    "failed",
    "sampled",
)
_RUNS, _TRACES, _COST, _LANGSMITH, _ESTIMATE, _OVERRIDE, _INPUT, _OUTPUT, _UNPRICED, _NO_USAGE, _FAILED, _SAMPLED = (
    range(12)
)
_BY_SOURCE = {Source.LANGSMITH: _LANGSMITH, Source.ESTIMATE: _ESTIMATE, Source.OVERRIDE: _OVERRIDE}
_BY_STATE = {State.UNPRICED: _UNPRICED, State.NO_USAGE: _NO_USAGE, State.FAILED: _FAILED}

# The dimensions of every ledger, beside the feature; the configured metadata keys come after them.
BUILT_IN = ("model", "provider", "project")


class Key(NamedTuple):
    """A row of the rollups."""

    view: str
    feature: str
    day: int
    value: str


class Return(NamedTuple):
    """A row of `returns`: traces that were in `key`'s row on `previous_day` and are again on its day."""

    key: Key
    previous_day: int


class Delta(NamedTuple):
    """What to add to the ledger's figures."""

    rollups: dict[Key, list[int]]
    returns: dict[Return, int]


class _Cell:
    """What runs that differ in no dimension add up to, and in which rows of the views they are, by number."""

    __slots__ = ("day", "rows", "sums")

    def __init__(self, day: int, rows: tuple[int, ...]) -> None:
        self.day = day
        self.rows = rows
        self.sums = [0] * len(MEASURES)


class Tally:
    """Adds up what traces contribute, `sign` -1 for what they contributed before."""

    def __init__(self, dimensions: Sequence[str]) -> None:
        self._configured = tuple(dimensions)
        views = (*BUILT_IN, *dimensions)
        self._dimensions = [("all/" + dimension, "one/" + dimension) for dimension in views]
        # Runs that differ in no dimension share a cell; it is spread over the views once, not run by run.
        self._cells: dict[tuple[Any, ...], _Cell] = {}
        # Rows have numbers, because a trace of several cells looks at all rows of each.
        self._numbers: dict[Key, int] = {}
        self._rows: list[Key] = []
        self._traces: list[int] = []  # per row, what traces of several cells contribute
        self._returns: dict[Return, int] = {}

    def add(self, trace: Iterable[Booked], sign: int) -> None:
        """Count (or, with -1, take back) everything that the runs of one trace contribute."""
        first: _Cell | None = None
        others: set[_Cell] = set()
        for booked in trace:
            if booked.counts:
                cell = self._cell_of(booked)
                _add_run(cell.sums, booked, sign)
                if first is None:
                    first = cell
                elif cell is not first:
                    others.add(cell)
        if others and first is not None:
            self._add_trace({first, *others}, sign)
        elif first is not None:  # most traces
            first.sums[_TRACES] += sign

    def delta(self) -> Delta:
        """All that was added, without what cancelled out."""
        rollups = [[0] * len(MEASURES) for _ in self._rows]
        for cell in self._cells.values():
            if any(cell.sums):
                for number in cell.rows:
                    rollups[number] = list(map(add, rollups[number], cell.sums))
        for sums, traces in zip(rollups, self._traces, strict=True):
            sums[_TRACES] += traces
        return Delta(
            {key: sums for key, sums in zip(self._rows, rollups, strict=True) if any(sums)},
            {key: traces for key, traces in self._returns.items() if traces},
        )

    def _cell_of(self, booked: Booked) -> _Cell:
        run = booked.run
        name = run.name if booked.feature == UNTAGGED else None
        alike = (booked.day, booked.feature, run.project, name, run.model, run.provider, run.keys)
        cell = self._cells.get(alike)
        if cell is None:
            cell = self._cells[alike] = _Cell(booked.day, tuple(map(self._number_of, self._keys_of(booked))))
        return cell

    def _number_of(self, key: Key) -> int:
        number = self._numbers.setdefault(key, len(self._rows))
        if number == len(self._rows):
            self._rows.append(key)
            self._traces.append(0)
        return number

    def _keys_of(self, booked: Booked) -> Iterator[Key]:
        run, day, feature = booked.run, booked.day, booked.feature
        yield Key("all", "", day, "")
        yield Key("all/feature", "", day, feature)
        yield Key("one", feature, day, "")
        keys = dict(run.keys)
        values = (
            run.model or "",
            run.provider or "",
            str(run.project),
            *(keys.get(key, "") for key in self._configured),
        )
        for (all_view, one_view), value in zip(self._dimensions, values, strict=True):
            yield Key(all_view, "", day, value)
            yield Key(one_view, feature, day, value)
        if feature == UNTAGGED:
            yield Key("untagged", str(run.project), day, run.name)

    def _add_trace(self, cells: Collection[_Cell], sign: int) -> None:
        """A trace over several cells counts once in each view's value, on its first day there; every later day there
        is a return."""
        if len({cell.day for cell in cells}) == 1:  # most of them
            for number in set().union(*[cell.rows for cell in cells]):
                self._traces[number] += sign
            return
        days: dict[tuple[str, str, str], set[int]] = {}
        for cell in cells:
            for number in cell.rows:
                key = self._rows[number]
                days.setdefault((key.view, key.feature, key.value), set()).add(key.day)
        for (view, feature, value), touched in days.items():
            first, *later = sorted(touched)
            self._traces[self._numbers[Key(view, feature, first, value)]] += sign
            previous = first
            for day in later:
                back = Return(Key(view, feature, day, value), previous)
                self._returns[back] = self._returns.get(back, 0) + sign
                previous = day


def _add_run(sums: list[int], booked: Booked, sign: int) -> None:
    sums[_RUNS] += sign
    if booked.cost is not None:
        sums[_COST] += sign * booked.cost
        if booked.source is not None:
            sums[_BY_SOURCE[booked.source]] += sign * booked.cost
    else:
        position = _BY_STATE.get(booked.state)
        if position is not None:
            sums[position] += sign
    sums[_INPUT] += sign * booked.input
    sums[_OUTPUT] += sign * booked.output
    flags = booked.run.flags
    if flags and Flag.SAMPLED in flags:
        sums[_SAMPLED] += sign
