"""Spend over time as a chart: frozen values in which every number is final."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Step(StrEnum):
    """How much time a point of a chart stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Line(NamedTuple):
    """What one value of the dimension cost, in dollars, a number for each point."""

    name: str
    costs: tuple[Decimal, ...]

    @property
    def peak(self) -> Decimal:
        """The most that a point cost."""
        return max(self.costs)


class Chart(NamedTuple):
    """What was spent over the days from `first` to `last`, point by point; `points` are their first days. Days of which
    nothing is known are in none.

    `total` is all of it. The `lines` make up the total, the costliest first; the last one adds up the `others` values
    that have no line of their own. There are none where only the total is shown. Weeks end on the last day, so that the
    last point is whole and the first may have fewer days; months and years are the calendar's.
    """

    by: str
    step: Step
    first: date
    last: date
    points: tuple[date, ...]
    total: Line
    lines: tuple[Line, ...]
    others: int
