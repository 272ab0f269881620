"""The morning digest: a frozen answer like the others, about the days that ended before its morning.

Costs are exact US dollars; instants are aware, in the reporting time zone. None stands for what the ledger does not
know: that is not zero.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from bot.domain.budget import Window
from bot.reports.answers import Coverage, Other, Spend, TimeFrame
from bot.reports.causes import Cause
from bot.reports.chart import Chart
from bot.reports.watch import Silence


class Compared(NamedTuple):
    """What was spent before, on other days; `change` since then, 0.25 for a quarter more, None from nothing."""

    first: date
    last: date
    cost: Decimal
    unpriced_runs: int
    change: Decimal | None


class Stretch(NamedTuple):
    """A calendar week or month that has closed, or the month so far. `is_known` if the ledger covers all of it;
    `before` is the same stretch of the one before."""

    period: TimeFrame
    spend: Spend
    is_known: bool
    before: Compared | None


class BudgetState(NamedTuple):
    """A budget in the period that holds the digest's last day: `used` is `spent` by `limit`. It `is_near` from its
    first threshold on. `where` narrows it to some runs. What was spent before the ledger starts is missing if
    `starts_before_ledger`."""

    feature: str
    window: Window
    limit: Decimal
    spent: Decimal
    used: Decimal
    is_near: bool
    is_set_in_slack: bool
    where: tuple[tuple[str, str], ...]
    starts_before_ledger: bool


class FeatureLine(NamedTuple):
    """A feature's spend on the days, and `before` on the same weekdays last week. `budget` is its fullest one."""

    name: str
    spend: Spend
    before: Spend | None
    change: Decimal | None
    budget: BudgetState | None


class Mover(NamedTuple):
    """A feature whose cost has changed much against the same weekdays last week, and the largest cause of that."""

    name: str
    before: Decimal
    after: Decimal
    change: Decimal | None
    cause: Cause
    unpriced_runs: int


class Newcomer(NamedTuple):
    """A value of a dimension that was never seen before these days and cost more than a dollar a day."""

    dimension: str
    name: str
    cost: Decimal


class Unheard(NamedTuple):
    """An alert that nobody could be told; `problem` says why the last who was tried could not."""

    feature: str
    recipient: str
    problem: str | None


class LeftOut(NamedTuple):
    """How many more there are of what a digest shows only the first of."""

    budgets: int
    newcomers: int
    unheard: int


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of a morning. `features` are those that it is about, None for everything.

    `per_day` is the total spread over the days, and `mean` what a day cost in the 7 days before them; `last_week` are
    the same weekdays one week before, or more weeks if the days are more than 7. `was_due` if it is late.
    `silence` is an outage that lasts. `is_update` if it was sent before, with other figures. `checked` is what the
    nightly verification said, where LangSmith's own total was far from the ledger.
    """

    morning: date
    now: datetime
    was_due: datetime | None
    features: tuple[str, ...] | None
    period: TimeFrame
    total: Spend
    per_day: Decimal
    last_week: Compared | None
    mean: Compared | None
    rows: tuple[FeatureLine, ...]
    other: Other | None
    movers: tuple[Mover, ...]
    week: Stretch | None
    month: Stretch | None
    month_to_date: Stretch | None
    budgets: tuple[BudgetState, ...]
    newcomers: tuple[Newcomer, ...]
    unheard: tuple[Unheard, ...]
    left_out: LeftOut
    silence: Silence | None
    coverage: Coverage
    is_update: bool = False
    chart: Chart | None = None  # of the last two weeks
    checked: tuple[str, ...] = ()
    rest: tuple[FeatureLine, ...] = ()  # what `other` adds up

    @property
    def whole(self) -> "Digest":
        """The same with a row for every feature."""
        return replace(self, rows=(*self.rows, *self.rest), other=None, rest=())
