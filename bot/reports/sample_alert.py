"""A budget's figures as an alert would tell them, to see one without waiting for trouble."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.domain.alert import budget_period
from bot.domain.budget import Budget, Window
from bot.domain.catalog import TOTAL, WITHOUT_FEATURE, BudgetInForce
from bot.domain.feature import UNTAGGED
from bot.domain.money import dollars
from bot.domain.period import local_day
from bot.ledger.store import Reading


@dataclass(frozen=True, slots=True)
class SampleAlert:
    """What a feature has spent of a limit in its running period; of all features this month, where there is no budget:
    `limit` and `share` (1 is all of it) are None then."""

    feature: str
    window: Window
    spent: Decimal
    limit: Decimal | None
    share: Decimal | None
    first: date
    last: date


def sample_alert(
    reading: Reading, budgets: Sequence[BudgetInForce], now: datetime, zone: ZoneInfo, week_start: int
) -> SampleAlert:
    """Of the budget of which most is spent."""

    def of(budget: Budget, *, is_budget: bool) -> SampleAlert:
        span = budget_period(budget.window, local_day(now, zone), zone, week_start).span
        feature = {TOTAL: None, WITHOUT_FEATURE: UNTAGGED}.get(budget.feature, budget.feature)
        spent = reading.spent(span, feature, budget.where)
        return SampleAlert(
            budget.feature,
            budget.window,
            dollars(spent),
            dollars(budget.limit_nanos) if is_budget else None,
            Decimal(spent) / budget.limit_nanos if is_budget else None,
            span.first,
            span.last,
        )

    if not budgets:
        return of(Budget(TOTAL, Window.MONTHLY, 1), is_budget=False)
    return max((of(one.budget, is_budget=True) for one in budgets), key=lambda one: one.share or Decimal(0))
