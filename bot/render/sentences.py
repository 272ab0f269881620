"""What an answer says in words. Plain text: whoever puts it into Slack escapes it."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from bot.render.names import plain
from bot.render.numbers import clock, count, day, days, duration, money, percent, plural, tokens
from bot.reports.answers import Coverage, FeatureList, Gap, Previous, Report, Status, TimeFrame, UntaggedList

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
_FEW_GAPS = 3


def headline(report: Report) -> str:
    """The answer in one sentence: who, how much, when, and against what."""
    what = plain(report.feature) if report.feature is not None else "All features together"
    sentence = f"{what} cost {money(report.total.cost)} {when(report.period)}"
    if report.previous is not None:
        sentence += f", {change(report.previous)}"
    return sentence + "."


def when(period: TimeFrame) -> str:
    """The period in words, with its dates: people must not have to guess which days a week has."""
    dates = days(period.first, period.last)
    named = _NAMED.get(period.name)
    if named is None:
        return f"on {dates}" if period.first == period.last else f"from {_range(period.first, period.last)}"
    return f"{named} ({dates})"


def change(previous: Previous) -> str:
    """The change against what came before, with a direction in words."""
    against = f"{before(previous)} ({money(previous.cost)})"
    if previous.change == 0:
        return f"as much as {against}"
    if previous.change is None:
        return f"against {against}"
    return f"{direction(previous.change)} against {against}"


def direction(fraction: Decimal) -> str:
    """`up 12 %`, `down 4.2 %`."""
    return f"{'up' if fraction > 0 else 'down'} {percent(fraction)}"


def before(previous: Previous) -> str:
    """What the period is compared with: its dates, and the time of day if it ends inside a day."""
    return days(previous.start.date(), previous.last) + (f" until {previous.end:%H:%M}" if previous.is_part else "")


def volume(report: Report) -> str:
    """Runs, traces and tokens."""
    total = report.total
    return (
        f"{plural(total.runs, 'run')} in {plural(total.traces, 'trace')}, "
        f"{tokens(total.input_tokens)} tokens in, {tokens(total.output_tokens)} out"
    )


def warnings(coverage: Coverage) -> list[str]:
    """What a reader must know before believing the total; usually nothing."""
    if coverage.as_of is None:
        return ["Nothing has been read from LangSmith yet: these are no zeros."]
    found = []
    if coverage.unpriced_runs:
        unpriced = plural(coverage.unpriced_runs, "run")
        found.append(f"{unpriced} unpriced: nobody knows their cost, and it is not in the total.")
    if coverage.starts_before_ledger and coverage.ledger_start is not None:
        found.append(f"The ledger starts on {day(coverage.ledger_start.date())}; what was before is not in it.")
    if coverage.gaps:
        found.append(f"Nothing is known of {gaps(coverage.gaps)}: LangSmith had forgotten it, or it was not read.")
    if coverage.sampled:
        found.append("LangSmith was sent only a sample of some runs: the real cost is higher.")
    return found


def basis(coverage: Coverage) -> list[str]:
    """What the numbers rest on, in short pieces."""
    if coverage.as_of is None or coverage.age is None:
        return []
    pieces = [f"As of {clock(coverage.as_of)} ({duration(coverage.age)} ago)"]
    if coverage.settled_through is not None:
        pieces.append(f"settled through {day(coverage.settled_through)}")
    if coverage.estimated_cost:
        pieces.append(f"{money(coverage.estimated_cost)} estimated")
    if coverage.override_cost:
        pieces.append(f"{money(coverage.override_cost)} at your own prices")
    if coverage.untagged_runs:
        pieces.append(f"{plural(coverage.untagged_runs, 'untagged run')} ({money(coverage.untagged_cost)})")
    pieces += [
        f"{count(number)} {what}"
        for number, what in (
            (coverage.no_usage_runs, "without usage"),
            (coverage.failed_runs, "failed"),
            (coverage.pending_runs, "still running"),
            (coverage.unfinished_runs, "never finished"),
        )
        if number
    ]
    return pieces


def gaps(found: Iterable[Gap]) -> str:
    """Stretches of time, with the project that they are missing in; the first few."""
    shown = list(found)
    texts = [f"{clock(gap.start)} to {clock(gap.end)} in {plain(gap.project)}" for gap in shown[:_FEW_GAPS]]
    if len(shown) > _FEW_GAPS:
        texts.append(f"{len(shown) - _FEW_GAPS} more")
    return ", ".join(texts)


def features_headline(answer: FeatureList) -> str:
    """How many features there are, and when."""
    whole = len(answer.rows) + answer.left_out
    return f"{plural(whole, 'feature')} {when(answer.period)}." if whole else f"No features {when(answer.period)}."


def untagged_headline(answer: UntaggedList) -> str:
    """What runs without a feature cost."""
    if not answer.total.runs:
        return f"Every run has a feature {when(answer.period)}."
    share = f", {percent(answer.share)} of all cost" if answer.share is not None else ""
    runs = plural(answer.total.runs, "untagged run")
    return f"{runs} cost {money(answer.total.cost)} {when(answer.period)}{share}."


def status_lines(status: Status) -> list[str]:
    """When LangSmith was read, and how completely."""
    if status.last_sync is None:
        return ["LangSmith has not been read yet."]
    ago = duration(status.now - status.last_sync)
    lines = [f"Last sync: {clock(status.last_sync)} ({ago} ago), {plural(status.runs_read, 'run')} read."]
    if status.last_sync_problem is not None:
        lines.append(f"It had a problem: {plain(status.last_sync_problem, 500)}")
        if status.last_good_sync is not None:
            ago = duration(status.now - status.last_good_sync)
            lines.append(f"The last one that went through: {clock(status.last_good_sync)} ({ago} ago).")
        else:
            lines.append("None has gone through so far.")
    if status.ledger_start is not None:
        lines.append(f"The ledger starts on {day(status.ledger_start.date())}.")
    if status.gaps:
        lines.append(f"Nothing is known of {gaps(status.gaps)}.")
    return lines


def _range(first: date, last: date) -> str:
    return f"{day(first)} to {day(last)}" if first.year != last.year else f"{_short(first)} to {day(last)}"


def _short(value: date) -> str:
    return day(value).rsplit(" ", 1)[0]
