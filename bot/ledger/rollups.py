"""Figures per local day, kept up to date as runs come: what a trace adds to which row (pure).

A *view* is a way of adding up. "all" has one row a day; "all/model" one per day and model; "one" one per day and
feature, "one/model" one per day, feature and model; and so on for each dimension. "untagged" has one per day, project
and run name, for runs without a feature. In "all..." views the column `feature` is empty; in "all/feature" the feature
is the value, because that view is read by days and "one" by feature.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

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


class _Cell(NamedTuple):
    """What runs have in common that are in the same rows of all views."""

    day: int
    feature: str
    project: int
    untagged_name: str | None  # None with a feature
    values: tuple[str, ...]  # in the order of the tally's dimensions


class Tally:
    """Adds up what traces contribute, `sign` -1 for what they contributed before."""

    def __init__(self, dimensions: Sequence[str]) -> None:
        self._configured = tuple(dimensions)
        self._dimensions = (*BUILT_IN, *dimensions)
        # Runs that differ in no dimension share a cell; it is spread over the views once, not run by run.
        self._cells: dict[_Cell, list[int]] = {}
        self._traces: dict[Key, int] = {}
        self._returns: dict[Return, int] = {}

    def add(self, trace: Iterable[Booked], sign: int) -> None:
        """Count (or, with -1, take back) everything that the runs of one trace contribute."""
        touched: dict[_Cell, list[int]] = {}
        for booked in trace:
            if booked.counts:
                cell = self._cell_of(booked)
                sums = self._cells.get(cell)
                if sums is None:
                    sums = self._cells[cell] = [0] * len(MEASURES)
                touched[cell] = sums
                _add_run(sums, booked, sign)
        if len(touched) == 1:
            next(iter(touched.values()))[_TRACES] += sign
        elif touched:
            self._add_trace(touched, sign)

    def delta(self) -> Delta:
        """All that was added, without what cancelled out."""
        rollups: dict[Key, list[int]] = {}
        for cell, sums in self._cells.items():
            if any(sums):
                for key in self._rows_of(cell):
                    row = rollups.get(key)
                    if row is None:
                        rollups[key] = sums.copy()
                    else:
                        for position, amount in enumerate(sums):
                            row[position] += amount
        for key, traces in self._traces.items():
            if traces:
                rollups.setdefault(key, [0] * len(MEASURES))[_TRACES] += traces
        return Delta(
            {key: sums for key, sums in rollups.items() if any(sums)},
            {key: traces for key, traces in self._returns.items() if traces},
        )

    def _cell_of(self, booked: Booked) -> _Cell:
        run = booked.run
        values: tuple[str, ...] = (run.model or "", run.provider or "", str(run.project))
        if self._configured:
            keys = dict(run.keys)
            values += tuple([keys.get(key, "") for key in self._configured])
        name = run.name if booked.feature == UNTAGGED else None
        return _Cell(booked.day, booked.feature, run.project, name, values)

    def _rows_of(self, cell: _Cell) -> Iterator[Key]:
        day, feature = cell.day, cell.feature
        yield Key("all", "", day, "")
        yield Key("all/feature", "", day, feature)
        yield Key("one", feature, day, "")
        for dimension, value in zip(self._dimensions, cell.values, strict=True):
            yield Key("all/" + dimension, "", day, value)
            yield Key("one/" + dimension, feature, day, value)
        if cell.untagged_name is not None:
            yield Key("untagged", str(cell.project), day, cell.untagged_name)

    def _add_trace(self, cells: Collection[_Cell], sign: int) -> None:
        """A trace over several cells counts once in each view's value, on its first day there; every later day there
        is a return."""
        days: dict[tuple[str, str, str], set[int]] = {}
        for cell in cells:
            for key in self._rows_of(cell):
                days.setdefault((key.view, key.feature, key.value), set()).add(key.day)
        for (view, feature, value), touched in days.items():
            first, *later = sorted(touched)
            key = Key(view, feature, first, value)
            self._traces[key] = self._traces.get(key, 0) + sign
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
    if Flag.SAMPLED in booked.run.flags:
        sums[_SAMPLED] += sign
