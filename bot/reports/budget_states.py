"""How full budgets are at the end of a day."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.domain.alert import budget_period, crossed
from bot.domain.catalog import BudgetInForce
from bot.domain.money import dollars
from bot.domain.period import Span
from bot.ledger.store import Reading
from bot.reports.covering import Extent
from bot.reports.digest import BudgetState
from bot.reports.scope import stored


def budget_states(
    reading: Reading, budgets: Iterable[BudgetInForce], last: date, known: Extent, zone: ZoneInfo, week_start: int
) -> list[BudgetState]:
    """The state of each budget in its period that holds the day `last`, at the end of that day; the fullest first."""
    found = []
    for budget, _, set_limit in budgets:
        period = budget_period(budget.window, last, zone, week_start)
        so_far = Span(period.span.first, last + timedelta(days=1), zone)
        spent = reading.spent(so_far, stored(budget.feature), budget.where)
        found.append(
            BudgetState(
                feature=budget.feature,
                window=budget.window,
                limit=dollars(budget.limit_nanos),
                spent=dollars(spent),
                used=Decimal(spent) / Decimal(budget.limit_nanos),
                is_near=crossed(budget, spent) > 0,
                is_set_in_slack=set_limit is not None,
                where=budget.where,
                starts_before_ledger=known.start is None or so_far.start.timestamp() < known.start.timestamp(),
            )
        )
    return sorted(found, key=lambda state: (-state.used, state.feature, state.window))
