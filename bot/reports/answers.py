"""Answers: frozen values in which every number is final. Whoever renders them calculates nothing.

Costs are exact US dollars (`Decimal`, nine places); instants are aware, in the reporting time zone.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.reports.chart import Chart

_UNIT_TOKENS = 1_000


class UnitCost(NamedTuple):
    """US dollars per trace and per 1,000 tokens (input and output), 28 digits of each; None where there is nothing to
    divide by, or where no cost is known. `at_least` where unpriced runs have their part in the traces and the tokens
    but not in the cost."""

    per_trace: Decimal | None
    per_1000_tokens: Decimal | None
    at_least: bool


class Sum(NamedTuple):
    """What some runs add up to."""

    cost: Decimal
    runs: int
    traces: int  # distinct ones: rows need not add up
    input_tokens: int
    output_tokens: int
    unpriced_runs: int

    @property
    def unit_cost(self) -> UnitCost:
        """What one of its traces, and 1,000 of its tokens, cost on average."""
        is_known = self.cost > 0 or not self.unpriced_runs
        tokens = self.input_tokens + self.output_tokens
        return UnitCost(
            per_trace=self.cost / self.traces if is_known and self.traces else None,
            per_1000_tokens=self.cost * _UNIT_TOKENS / tokens if is_known and tokens else None,
            at_least=self.unpriced_runs > 0,
        )


class Spend(NamedTuple):
    """What some runs cost together. Several features may share a trace, so traces are not added up."""

    cost: Decimal
    runs: int
    unpriced_runs: int


class Row(NamedTuple):
    """One value of the dimension; `share` of the total cost, between 0 and 1, None where the total is 0."""

    key: str
    sum: Sum
    share: Decimal | None
    link: str | None = None  # to the trace, or the thread's costliest one, in LangSmith


@dataclass(frozen=True, slots=True)
class Other:
    """The rows that were cut off, added up: the rows that are shown and this make the total."""

    count: int
    cost: Decimal
    runs: int
    input_tokens: int
    output_tokens: int
    unpriced_runs: int


class TimeFrame(NamedTuple):
    """The period of an answer by name, and half-open between two instants."""

    name: str
    start: datetime
    end: datetime
    first: date
    last: date  # the last day that belongs to it
    timezone: str


class Previous(NamedTuple):
    """What the period is compared with. `is_part` if it is cut at the time of day that it is now."""

    start: datetime
    end: datetime
    last: date
    is_part: bool
    cost: Decimal
    runs: int
    unpriced_runs: int
    change: Decimal | None  # of the cost, 0.25 is a quarter more; None if there was none before
    unit_cost: UnitCost
    per_trace_change: Decimal | None  # None too if only one of the two is `at_least`: a new model without a price
    per_1000_tokens_change: Decimal | None  # would look like a fall in cost


class Gap(NamedTuple):
    """A stretch of time of which the ledger may not know everything, or nothing, in one project."""

    start: datetime
    end: datetime
    project: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the numbers rest on. All but `untagged_*` speak of the runs of the answer; those of all in the period."""

    as_of: datetime | None  # up to when every project has been read; None before the first sync
    age: timedelta | None  # how long ago that was when the question was asked
    settled_through: date | None  # every day up to this one has its late costs in
    ledger_start: datetime | None
    starts_before_ledger: bool
    gaps: tuple[Gap, ...]
    langsmith_cost: Decimal
    estimated_cost: Decimal
    override_cost: Decimal
    unpriced_runs: int
    no_usage_runs: int
    failed_runs: int
    pending_runs: int
    unfinished_runs: int
    untagged_runs: int
    untagged_cost: Decimal
    untagged_unpriced_runs: int
    sampled: bool
    pruned_before: date | None = None  # if the answer asks for days before this one: only their figures are kept


class Bill(NamedTuple):
    """What a provider has billed for a calendar month beside what is booked for it; `factor` is billed by booked, None
    where nothing is booked."""

    provider: str
    booked: Decimal
    billed: Decimal
    factor: Decimal | None


class Report(NamedTuple):
    """The answer to a question about cost."""

    period: TimeFrame
    feature: str | None
    by: str
    total: Sum
    previous: Previous | None  # None where the ledger does not cover it: that is not zero
    rows: tuple[Row, ...]
    other: Other | None
    coverage: Coverage
    counted_runs: int | None = None  # from how many runs the rows were counted one by one; None: from daily sums
    chart: Chart | None = None  # None for a single day, and where nothing was spent
    bills: tuple[Bill, ...] = ()  # of a whole calendar month, all features together


class FeatureRow(NamedTuple):
    """A feature, with what it spent; `sum` is None for one that is configured and has no run in the period."""

    name: str
    sum: Sum | None
    configured: bool
    owners: tuple[str, ...]
    aliases: tuple[str, ...]


class FeatureList(NamedTuple):
    """The answer to `features`, by cost and then by name. `total` is of all runs, the untagged ones included."""

    period: TimeFrame
    total: Sum
    rows: tuple[FeatureRow, ...]
    left_out: int
    coverage: Coverage


class UntaggedRow(NamedTuple):
    """Runs of one name in one project that no feature claims."""

    project: str
    name: str
    sum: Sum


class RuleSet(NamedTuple):
    """A rule that was set in Slack and holds: untagged runs of this name (a glob) belong to the feature. `project` is a
    glob too, None for every project."""

    id: int
    feature: str
    name: str | None
    project: str | None
    by: str
    at: datetime


class UntaggedList(NamedTuple):
    """The answer to `untagged`, by cost. `share` of all cost in the period."""

    period: TimeFrame
    total: Sum
    share: Decimal | None
    rows: tuple[UntaggedRow, ...]
    other: Other | None
    coverage: Coverage
    rules: tuple[RuleSet, ...] = ()  # by which others are untagged no more


class ProjectState(NamedTuple):
    """How far and how completely a project has been read."""

    name: str
    covered_from: datetime | None
    as_of: datetime | None
    settled_through: date | None
    cost_mode: str  # "own", "rolled_up" or "unknown": what a parent run's cost means there


class Status(NamedTuple):
    """The answer to `status`."""

    now: datetime  # when it was asked
    last_sync: datetime | None
    last_sync_problem: str | None
    last_good_sync: datetime | None
    runs_read: int  # by the last sync
    projects: tuple[ProjectState, ...]
    gaps: tuple[Gap, ...]
    ledger_start: datetime | None
    timezone: str
    rules: tuple[RuleSet, ...] = ()


class HelpLine(NamedTuple):
    """One thing that can be said."""

    pattern: str
    meaning: str
    example: str


class Help(NamedTuple):
    """The answer to `help`."""

    lines: tuple[HelpLine, ...]
    dimensions: tuple[str, ...]
    features: tuple[str, ...]  # some that can be asked for here
