"""What the home tab shows: a frozen answer like the others."""

from typing import NamedTuple

from bot.reports.answers import Report, RuleSet
from bot.reports.budgets import BudgetList
from bot.reports.chart import Chart


class Home(NamedTuple):
    """Today, the last 7 days (with every feature that has runs) and the month so far, each by feature; every budget in
    force; the rules that were set in Slack, the latest first; and what the costliest features cost in the last two
    weeks, None where there is no course to draw. All of one state of the ledger."""

    day: Report
    week: Report
    month: Report
    budgets: BudgetList
    rules: tuple[RuleSet, ...]
    chart: Chart | None
