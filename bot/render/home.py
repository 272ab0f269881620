"""What the home tab says in words. Plain text: whoever puts it into Slack sees that nothing in it acts."""

from decimal import Decimal

from bot.render.budgets import pace_words, spent_words, used_words
from bot.render.coverage import basis, unknown, warnings
from bot.render.names import plain
from bot.render.numbers import days, money, part
from bot.render.sentences import change, spent
from bot.reports.answers import Report, Row
from bot.reports.budgets import BudgetState
from bot.reports.home import Home

_BAR = 12
_FULL, _LEFT = "\N{FULL BLOCK}", "\N{LIGHT SHADE}"


def figure(name: str, report: Report) -> tuple[str, str]:
    """What a period cost, and how that compares; the second is empty where it cannot be compared."""
    if not report.total.runs and (nothing := unknown(report.period, report.coverage)) is not None:
        return f"{name}: unknown", nothing
    compared = change(report.total, report.previous) if report.previous is not None else ""
    return f"{name}: {spent(report.total)}", f"{days(report.period.first, report.period.last)}. {compared}".rstrip()


def nothing_read(home: Home) -> tuple[str, ...]:
    """That there is nothing to show yet, where that is so, and where one sees why."""
    if home.month.coverage.as_of is not None:
        return ()
    first = "Nothing has been read from LangSmith yet."
    return first, "/llmcost status says how far it has come, and /llmcost doctor what stands in the way."


def home_warnings(home: Home) -> list[str]:
    """What one must know before believing the figures; usually nothing."""
    longest = min((home.week, home.month), key=lambda report: report.period.start)
    return warnings(longest.period, longest.coverage)


def feature_words(row: Row) -> str:
    """What a feature cost, beside its name."""
    share = f" \N{MIDDLE DOT} {part(row.share)} of all" if row.share is not None else ""
    return f"{spent(row.sum)}{share}"


def bar(used: Decimal) -> str:
    """How full something is, from empty to full; beyond that it stays full: words say how much."""
    cells = int(min(max(used, Decimal(0)), Decimal(1)) * _BAR)
    return _FULL * cells + _LEFT * (_BAR - cells)


def budget_words(state: BudgetState) -> tuple[str, str]:
    """What a budget has spent of what, and how it goes on."""
    only = "".join(f", {plain(name)} {plain(value)} only" for name, value in state.where)
    return (
        f"{state.window.value}{only}: {spent_words(state)} of {money(state.limit)}",
        f"{used_words(state)} \N{MIDDLE DOT} {pace_words(state)}",
    )


def freshness(home: Home) -> list[str]:
    """As of when the figures are, and what they rest on; nothing before there are any."""
    return basis(home.month.period, home.month.coverage)
