"""What figures rest on, in words: how fresh and how complete they are, whose prices they have, what is missing. Plain
text: whoever puts it into Slack escapes it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.render.names import few, plain
from bot.render.numbers import ago, clock, count, day, days, has_cost, money, plural
from bot.reports.answers import (
    Coverage,
    Gap,
    TimeFrame,
)

# A ledger that is kept up to date is minutes old; one that is older lacks runs that people may be looking for.
STALE_AFTER = timedelta(minutes=30)


def warnings(period: TimeFrame, coverage: Coverage) -> list[str]:
    """What a reader must know before believing the total; usually nothing."""
    if coverage.as_of is None or coverage.age is None:
        return []
    found = []
    if coverage.unpriced_runs:
        are = "run is" if coverage.unpriced_runs == 1 else "runs are"
        unpriced = f"{count(coverage.unpriced_runs)} {are} unpriced and not in the total"
        found.append(f"{unpriced} (llmcost.toml can give their model a price).")
    elif coverage.no_usage_runs and not (coverage.langsmith_cost or coverage.estimated_cost or coverage.override_cost):
        reported = plural(coverage.no_usage_runs, "run")
        found.append(f"{reported} reported no token counts: that is no proof of $0.")
    if (stale := stale_words(period, coverage)) is not None:
        found.append(stale)
    if coverage.starts_before_ledger and coverage.ledger_start is not None:
        found.append(f"The ledger starts on {day(coverage.ledger_start)}: what was before is not in the total.")
    if coverage.gaps:
        found.append(f"{not_all_known(coverage.gaps)}: LangSmith had forgotten some of it or all, or it was not read.")
    if coverage.sampled:
        found.append("LangSmith was sent only a sample of some runs: the real cost is higher.")
    return found


def stale_words(period: TimeFrame, coverage: Coverage) -> str | None:
    """Since when runs are missing because LangSmith was not read, where that is so."""
    if coverage.as_of is None or coverage.age is None:
        return None
    end = min(coverage.as_of + coverage.age, period.end, key=_utc)
    if _utc(end) - _utc(coverage.as_of) <= STALE_AFTER.total_seconds():
        return None
    return unread(coverage.as_of, coverage.age)


def unread(as_of: datetime, age: timedelta) -> str:
    """That runs are missing since then."""
    return f"LangSmith has not been read completely since {clock(as_of)} ({ago(age)}): later runs are missing."


def unknown(period: TimeFrame, coverage: Coverage) -> str | None:
    """That the ledger knows nothing of a period, where that is so; None where it does."""
    if coverage.as_of is None or coverage.age is None or coverage.ledger_start is None:
        return "Nothing has been read from LangSmith yet; status says more."
    nothing = f"Nothing is known of {days(period.first, period.last)}"
    if _utc(period.end) <= _utc(coverage.ledger_start):
        return f"{nothing}: the ledger starts on {day(coverage.ledger_start)}."
    if _utc(period.start) >= _utc(coverage.as_of):
        read = f"{clock(coverage.as_of)} ({ago(coverage.age)})"
        return f"{nothing} yet: LangSmith has been read up to {read}."
    return None


def basis(period: TimeFrame, coverage: Coverage, *, says_untagged: bool = False) -> list[str]:
    """What the numbers rest on: how fresh, whose prices, what has no cost. `says_untagged` if the answer itself is
    about the untagged runs."""
    if coverage.as_of is None or coverage.age is None:
        return []
    fresh = [f"As of {clock(coverage.as_of)} ({ago(coverage.age)}), {period.timezone}"]
    if coverage.settled_through is not None:
        fresh.append(f"settled through {day(coverage.settled_through)}")
    prices = []
    if coverage.estimated_cost:
        prices.append(f"{money(coverage.estimated_cost)} estimated from list prices")
    if coverage.override_cost:
        prices.append(f"{money(coverage.override_cost)} at your own prices")
    if coverage.untagged_runs and not says_untagged:
        prices.append(f"{untagged_words(coverage)} in no feature")
    costless = [
        f"{count(number)} {what}"
        for number, what in (
            (coverage.no_usage_runs, "without token counts"),
            (coverage.failed_runs, "failed"),
            (coverage.pending_runs, "still running"),
            (coverage.unfinished_runs, "never finished"),
        )
        if number
    ]
    kept = []
    if coverage.pruned_before is not None:
        kept = [f"Of the days before {day(coverage.pruned_before)} only each day's figures are kept"]
    lines = [fresh, kept, prices, [f"Runs without a cost: {', '.join(costless)}"] if costless else []]
    return [" \N{MIDDLE DOT} ".join(pieces) for pieces in lines if pieces]


def untagged_words(coverage: Coverage) -> str:
    """How many runs are in no feature, and what they cost."""
    cost, unpriced = coverage.untagged_cost, coverage.untagged_unpriced_runs
    priced = money(cost) if has_cost(cost, unpriced) else "nobody knows at what cost"
    return f"{plural(coverage.untagged_runs, 'untagged run')} ({priced})"


def not_all_known(gaps: Iterable[Gap]) -> str:
    """Of which stretches of time something is missing, each with the projects that it is missing in; the first few."""
    projects: dict[tuple[datetime, datetime], list[str]] = {}
    for gap in gaps:
        projects.setdefault((gap.start, gap.end), []).append(gap.project)
    texts = [
        f"{_stretch(start, end)} in {few([plain(name) for name in names])}" for (start, end), names in projects.items()
    ]
    return f"Not all is known of {few(texts, '; ')}"


def _stretch(start: datetime, end: datetime) -> str:
    """Whole days by their dates, anything else by the clock."""
    if (start.hour, start.minute, end.hour, end.minute) == (0, 0, 0, 0):
        return days(start.date(), end.date() - timedelta(days=1))
    return f"{clock(start)} to {clock(end)}"


def _utc(moment: datetime) -> float:
    """Two instants of one zone compare by their clocks; by this they compare by what they are."""
    return moment.timestamp()
