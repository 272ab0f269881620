"""Budgets: how much a feature may spend in a window, and at which percentages its owner hears of it."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

# In percent of the limit; an explicit `alert_at` replaces them.
ALERT_AT = (80, 100, 150, 200, 300, 400, 500)
HIGHEST_ALERT = 1000


class Window(StrEnum):
    """What a limit is for: one day, calendar week or calendar month in the reporting time zone."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Budget(NamedTuple):
    """A limit in whole nano-dollars for one feature and window.

    `feature` may be `total` or `untagged` (see catalog.SPECIAL). `alert_at` are percentages, ascending. Only runs
    whose dimensions have all the values of `where` count; it is sorted by dimension, and empty for all runs.
    """

    feature: str
    window: Window
    limit_nanos: int
    alert_at: tuple[int, ...] = ALERT_AT
    where: tuple[tuple[str, str], ...] = ()


class SetLimit(NamedTuple):
    """A limit that was set in Slack, for as long as it holds. Instants are aware.

    `file_limit` is what llmcost.toml said then (None: nothing). `owners`, if there are any, hear about this budget
    instead of the feature's own. `alert_at` and `where` are the budget's own too; None leaves them as they would be
    without this.
    """

    feature: str
    window: Window
    limit_nanos: int
    set_by: str
    set_at: datetime
    until: datetime | None = None
    file_limit: int | None = None
    owners: tuple[str, ...] = ()
    alert_at: tuple[int, ...] | None = None
    where: tuple[tuple[str, str], ...] | None = None

    def holds(self, file_limit: int | None, now: datetime) -> bool:
        """Whether it is in force: until the file says something else, or until the end that was chosen."""
        is_over = self.until is not None and now.astimezone(UTC) >= self.until.astimezone(UTC)
        return file_limit == self.file_limit and not is_over
