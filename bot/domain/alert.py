"""Alerts: when a budget's spend is worth a word to its owner. Rules only: who is told, and how, is no matter of these.

A budget and one of its periods have a *subject*, a text that names both and the limit: what was said about one limit
says nothing about another, and a new period begins anew.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bot.domain.budget import Budget, Window
from bot.domain.period import Calendar, Span, local_day

# A key stands in a button of a message, and often: one of a very long name is cut.
LONGEST_SUBJECT = 200

# How many closed periods are looked at while their late costs are not in: as long as a bot may have been down.
CLOSED_PERIODS = 7


class BudgetPeriod(NamedTuple):
    """One period of a window: `2026-11-22`, a calendar week by its first day, or `2026-11`. It runs half-open."""

    name: str
    span: Span

    def is_over(self, now: datetime) -> bool:
        """Whether its last instant has passed."""
        return now.astimezone(UTC) >= self.span.end.astimezone(UTC)


def budget_period(window: Window, day: date, zone: ZoneInfo, week_start: int) -> BudgetPeriod:
    """The period of `window` that holds the local date `day`. `week_start` is 0 for Monday to 6 for Sunday."""
    if window is Window.DAILY:
        return BudgetPeriod(day.isoformat(), Span(day, day + timedelta(days=1), zone))
    if window is Window.WEEKLY:
        first = Calendar(day, zone, week_start).week_to_date().span.first
        return BudgetPeriod(first.isoformat(), Span(first, first + timedelta(days=7), zone))
    span = Calendar(day, zone, week_start).month_of(day.year, day.month).span
    return BudgetPeriod(f"{day:%Y-%m}", span)


def period_before(window: Window, period: BudgetPeriod, week_start: int) -> BudgetPeriod:
    """The period of the same window that ended when this one began."""
    return budget_period(window, period.span.first - timedelta(days=1), period.span.zone, week_start)


def judged_at(end: datetime, now: datetime) -> datetime:
    """The instant whose limits count for a period that ends at `end`: now while it runs, its last one afterwards. A
    limit for one period says nothing of the next, nor does the next one's of it."""
    return min(now.astimezone(UTC), end.astimezone(UTC) - timedelta(microseconds=1))


def subject(budget: Budget, period: BudgetPeriod) -> str:
    """What alerts about this budget and period are about; another limit, period or `where` is another subject. It has
    at most LONGEST_SUBJECT characters, in ASCII."""
    whole = _named(budget, period.name)
    if len(whole) <= LONGEST_SUBJECT:
        return whole
    # No part holds an exclamation mark, so that no other subject looks like this one.
    digest = sha256(whole.encode()).hexdigest()
    return f"{whole[: LONGEST_SUBJECT - len(digest) - 1]}!{digest}"


def identity(budget: Budget) -> str:
    """What makes a budget the same one from period to period: its feature, window, limit and `where`."""
    return _named(budget)


def _named(budget: Budget, *period: str) -> str:
    parts = ["budget", quote(budget.feature, safe=""), budget.window.value, *period, f"limit={budget.limit_nanos}"]
    parts += [f"where={quote(name, safe='')}={quote(value, safe='')}" for name, value in budget.where]
    return ":".join(parts)


def event_key(subject_: str, threshold: int) -> str:
    """The key under which a crossing is told, once."""
    return f"{subject_}:{threshold}"


def crossed(budget: Budget, spent: int) -> int:
    """The highest threshold (in percent) that `spent` nano-dollars have reached; 0 if none."""
    return max((at for at in budget.alert_at if spent * 100 >= at * budget.limit_nanos), default=0)


class Memory(NamedTuple):
    """What is remembered of a subject: the level that the sync before this one saw, the highest threshold that was
    told (0 for none), and until when it was snoozed."""

    level: int = 0
    told: int = 0
    snoozed_until: datetime | None = None


def merged(memory: Memory, others: Iterable[Memory]) -> Memory:
    """What is remembered of a subject that was called otherwise before: what was told and put off then holds on."""
    known = [memory, *others]
    snoozes = [one.snoozed_until for one in known if one.snoozed_until is not None]
    return Memory(
        memory.level, max(one.told for one in known), max(snoozes, key=datetime.timestamp) if snoozes else None
    )


def due(budget: Budget, period: BudgetPeriod, spent: int, memory: Memory, now: datetime) -> int | None:
    """The threshold that is to be told now, after a sync that saw `spent` nano-dollars; None if there is none.

    A crossing must have been there after the sync before, too: figures that were briefly too high are told to nobody.
    Of several the highest is told, and those below it never. A snooze holds everything back; what is then still untold
    is told once it is over, if the period still runs.
    """
    confirmed = max((at for at in budget.alert_at if at <= min(crossed(budget, spent), memory.level)), default=0)
    if confirmed <= memory.told:
        return None
    if memory.snoozed_until is not None:
        snoozed_through = memory.snoozed_until.astimezone(UTC) >= period.span.end.astimezone(UTC)
        if now.astimezone(UTC) < memory.snoozed_until.astimezone(UTC) or (snoozed_through and period.is_over(now)):
            return None
    return confirmed


def superseded(budget: Budget, told_before: int, told_now: int) -> tuple[int, ...]:
    """The thresholds that need not be told any more once `told_now` is."""
    return tuple(at for at in budget.alert_at if told_before < at < told_now)


def periods_to_check(
    window: Window, now: datetime, zone: ZoneInfo, week_start: int, *, settled_through: date | None, since: datetime
) -> list[BudgetPeriod]:
    """The running period, and before it those that have closed until their last day is settled, the oldest first: late
    costs can still cross. One that had closed before the ledger was first looked at (`since`) is history and no
    news."""
    periods = [budget_period(window, local_day(now, zone), zone, week_start)]
    for _ in range(CLOSED_PERIODS):
        closed = period_before(window, periods[0], week_start)
        is_settled = settled_through is not None and settled_through >= closed.span.last
        if is_settled or closed.is_over(since):
            break
        periods.insert(0, closed)
    return periods


def known_since(
    kept: Mapping[str, datetime] | None, budgets: Iterable[Budget], since: datetime, now: datetime
) -> dict[str, datetime]:
    """Since when each of these budgets is known, by its identity. `kept` is what the look before gave: what is not in
    it is new now, also where there was the like long ago. None if there was none: they are as old as all looks
    (`since`)."""
    usual, before = (since, {}) if kept is None else (now, kept)
    return {name: before.get(name, usual) for name in map(identity, budgets)}


class Pace(NamedTuple):
    """How far through its period a budget is, from 0 to 1 as (passed, whole) microseconds, and when the limit will be
    reached if it goes on as it did so far; None if not within the period."""

    passed: int
    whole: int
    reaches_at: datetime | None


def pace(limit_nanos: int, spent: int, period: BudgetPeriod, now: datetime) -> Pace:
    """The pace of spending so far, taken as steady. What has been reached already will not be."""
    start, end, at = (instant.astimezone(UTC) for instant in (period.span.start, period.span.end, now))
    microsecond = timedelta(microseconds=1)
    whole = (end - start) // microsecond
    passed = min(max((at - start) // microsecond, 0), whole)
    reaches_at = None
    if 0 < spent < limit_nanos and 0 < passed < whole:
        needed = -(-passed * limit_nanos // spent)
        if needed < whole:
            reaches_at = (start + timedelta(microseconds=needed)).astimezone(period.span.zone)
    return Pace(passed, whole, reaches_at)
