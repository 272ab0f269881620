"""What an answer says in words. Plain text: whoever puts it into Slack escapes it."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.errors import QuestionError
from bot.render.coverage import not_all_known, untagged_words
from bot.render.names import few, plain
from bot.render.numbers import ago, clock, day, days, has_cost, money, part, percent, plural, tokens, unit_cost
from bot.reports.answers import (
    FeatureList,
    Previous,
    Report,
    RuleSet,
    Spend,
    Status,
    Sum,
    TimeFrame,
    UnitCost,
    UntaggedList,
)

if TYPE_CHECKING:
    # It brings the ledger with it, which not every command of a terminal needs.
    from bot.reports.digest import Compared

HELP = "[period] [feature] [by DIMENSION] [vs previous|PERIOD] [top N], in any order."
# The words whose examples help begins with.
TRIED = ("week", "month", "last week", "untagged")
LONG_EXAMPLE = 80
NOT_COMPARED = "Not compared: the ledger does not cover the time to compare with."

_NAMED = {
    "today": "today",
    "yesterday": "yesterday",
    "week": "in the last 7 days",
    "month": "in the last 30 days",
    "wtd": "this week so far",
    "mtd": "this month so far",
    "ytd": "this year so far",
    "last week": "last week",
    "last month": "last month",
}
_DAYS = re.compile("([0-9]+)d")
_MONTH = re.compile("([a-z]+) [0-9]{4}")
_LONG = 300


def headline(report: Report) -> str:
    """The answer in one sentence: who, how much, when."""
    what = plain(report.feature) if report.feature is not None else "All features together"
    return f"{what} cost {spent(report.total)} {when(report.period)}."


def spent(total: Sum | Spend) -> str:
    """How much, and that it is not all; see `known`."""
    return known(total.cost, total.unpriced_runs)


def known(cost: Decimal, unpriced_runs: int) -> str:
    """`$12.30 plus 3 unpriced runs`. Nothing but unpriced runs is never a $0."""
    if not unpriced_runs:
        return money(cost)
    unpriced = plural(unpriced_runs, "unpriced run")
    return f"{money(cost)} plus {unpriced}" if cost else f"an unknown amount ({unpriced})"


def when(period: TimeFrame) -> str:
    """The period in words, with its dates: people must not have to guess which days a week has."""
    dates = days(period.first, period.last)
    if period.name in _NAMED:
        return f"{_NAMED[period.name]} ({dates})"
    if number := _DAYS.fullmatch(period.name):
        return f"in the last {plural(int(number[1]), 'day')} ({dates})"
    if _MONTH.fullmatch(period.name):
        return f"in {period.name.capitalize()} ({dates})"
    return f"on {dates}" if period.first == period.last else f"over {dates}"


def change(total: Sum, previous: Previous) -> str:
    """The change against what came before, with a direction in words."""
    until = f" until {previous.end:%H:%M}" if previous.is_part else ""
    before = f"{known(previous.cost, previous.unpriced_runs)} ({days(previous.start.date(), previous.last)}{until})"
    return f"{change_from(before, total, previous)}."


def change_from(before: str, total: Sum | Spend, previous: "Previous | Compared") -> str:
    """The change against what came `before`, which names it, with a direction in words."""
    if not all(has_cost(one.cost, one.unpriced_runs) for one in (total, previous)):
        return f"Before, it was {before}"
    if total.cost == previous.cost:
        return f"The same as {before}"
    size = f" {percent(previous.change)}" if previous.change is not None else ""
    return f"{'Up' if total.cost > previous.cost else 'Down'}{size} from {before}"


def per_unit(total: Sum, previous: Previous | None = None) -> list[str]:
    """What a trace and 1,000 tokens cost, with the change against what came before; nothing where there is no trace."""
    unit, befores = total.unit_cost, ("", "")
    if not total.traces:
        return []
    if unit.per_trace is None:
        return ["What a trace and 1,000 tokens cost is unknown."]
    if previous is not None:
        before = previous.unit_cost
        befores = (
            _against(unit, unit.per_trace, before, before.per_trace, previous.per_trace_change),
            _against(unit, unit.per_1000_tokens, before, before.per_1000_tokens, previous.per_1000_tokens_change),
        )
    parts = [f"{unit_cost(unit.per_trace)} per trace{befores[0]}"]
    if unit.per_1000_tokens is not None:
        parts.append(f"{unit_cost(unit.per_1000_tokens)} per 1,000 tokens{befores[1]}")
    return [f"{'At least ' if unit.at_least else ''}{', '.join(parts)}."]


def volume(total: Sum) -> str:
    """Runs, traces and tokens."""
    runs = f"{plural(total.runs, 'run')} in {plural(total.traces, 'trace')}"
    return f"{runs}, {tokens(total.input_tokens)} tokens in, {tokens(total.output_tokens)} out."


def counted(report: Report) -> list[str]:
    """That the rows were counted from single runs, where that is so, and where their links lead."""
    if report.counted_runs is None:
        return []
    said = f"Counted from {plural(report.counted_runs, 'run')}"
    if report.by == "thread" and any(row.link for row in report.rows):
        said += " \N{MIDDLE DOT} each link leads to the thread's costliest trace"
    return [said]


def billed(report: Report) -> list[str]:
    """What providers have billed for the month, beside what is booked."""
    return [
        f"{plain(one.provider)} billed {money(one.billed)} for it and {money(one.booked)} is booked"
        + (f": {one.factor:.4f} times that." if one.factor is not None else ".")
        for one in report.bills
    ]


def features_headline(answer: FeatureList) -> str:
    """What they cost together, when, and how many they are."""
    number = plural(len(answer.rows) + answer.left_out, "feature")
    untagged = f", {untagged_words(answer.coverage)} included" if answer.coverage.untagged_runs else ""
    return f"{number} cost {spent(answer.total)} {when(answer.period)}{untagged}."


def untagged_headline(answer: UntaggedList) -> str:
    """What runs without a feature cost."""
    if not answer.total.runs:
        return f"No untagged runs {when(answer.period)}."
    is_known = has_cost(answer.total.cost, answer.total.unpriced_runs)
    share = f", {part(answer.share)} of all cost" if answer.share is not None and is_known else ""
    runs = plural(answer.total.runs, "untagged run")
    return f"{runs} cost {spent(answer.total)} {when(answer.period)}{share}."


def status_lines(status: Status) -> list[str]:
    """When LangSmith was read, and how completely."""
    if status.last_sync is None:
        is_begun = any(project.as_of is not None for project in status.projects)
        return ["The first sync has not ended yet." if is_begun else "LangSmith has not been read yet."]
    lines = [f"Last sync: {_moment(status.last_sync, status.now)}, {plural(status.runs_read, 'run')} read."]
    if status.last_sync_problem is not None:
        lines.append(f"It had a problem: {plain(status.last_sync_problem, _LONG)}")
        if status.last_good_sync is not None:
            lines.append(f"The last one without a problem: {_moment(status.last_good_sync, status.now)}.")
        else:
            lines.append("None has gone through without a problem so far.")
    if status.ledger_start is not None:
        lines.append(f"The ledger starts on {day(status.ledger_start)}.")
    if status.gaps:
        lines.append(f"{not_all_known(status.gaps)}.")
    return [*lines, *rules_lines(status.rules)]


def rules_lines(rules: Sequence[RuleSet]) -> list[str]:
    """Which rules were set in Slack, the first few."""
    if not rules:
        return []
    said = [f"{rule_words(one)} (by {plain(one.by)} on {day(one.at)})" for one in rules]
    return [f"{plural(len(rules), 'rule')} set in Slack: {few(said, '; ')}."]


def rule_words(rule: RuleSet) -> str:
    """`rag_chain* in acme-prod belongs to rag-search`."""
    names = plain(rule.name) if rule.name is not None else "everything"
    where = f" in {plain(rule.project)}" if rule.project is not None else ""
    return f"{names}{where} belongs to {plain(rule.feature)}"


def question_lines(error: QuestionError) -> list[str]:
    """What is wrong with a question, and the nearest that is not."""
    lines = [str(error)]
    if error.suggestions:
        lines.append(f"Did you mean: {', '.join(plain(one, _LONG) for one in error.suggestions)}?")
    return lines


def _against(
    unit: UnitCost, cost: Decimal | None, unit_before: UnitCost, before: Decimal | None, fraction: Decimal | None
) -> str:
    """In brackets, one unit cost against that of before; nothing where either is unknown."""
    if cost is None or before is None:
        return ""
    was = f"{'at least ' if unit_before.at_least else ''}{unit_cost(before)}"
    if unit.at_least != unit_before.at_least:
        return f" ({was} before)"
    if cost == before:
        return " (the same)"
    size = f" {percent(fraction)}" if fraction is not None else ""
    return f" ({'up' if cost > before else 'down'}{size} from {was})"


def _moment(moment: datetime, now: datetime) -> str:
    return f"{clock(moment)} ({ago(now - moment)})"
