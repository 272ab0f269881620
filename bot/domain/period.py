"""Periods: half-open spans of local days in the reporting time zone.

Instants are compared in UTC only. Python compares two datetimes of one time zone by what their clocks show, which is
wrong by an hour on the nights that matter; so is their difference.
"""

from bisect import bisect_left
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

# A period's dates. Beyond them a date is a typing error, and arithmetic on dates would come near its own limits.
FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2099, 12, 31)
MAX_DAYS = 3660

# The standard library's month names follow the locale of the process.
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

_ONE_DAY = timedelta(days=1)


class Unit(Enum):
    """What a period is counted in, which decides what came before it."""

    DAYS = "days"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first instant that belongs to the local date, in `zone`.

    It is not always midnight: there are days that begin at 01:00, and days that a zone skipped, which are empty (they
    begin where the next day does). Where clocks go back across midnight, a day begins when its date is first reached.
    """
    return _first_instant(day, zone).astimezone(zone)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day whose [first instant, next day's first instant) holds the aware `instant`.

    It is the date on the local clock, but for the minutes after clocks went back across midnight: they belong to the
    day that had begun already.
    """
    local = instant.astimezone(zone)
    day = local.date()
    if local.fold:
        while _first_instant(day + _ONE_DAY, zone) <= instant.astimezone(UTC):
            day += _ONE_DAY
    return day


def instant_at(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When clocks in `zone` show `at` on the local date: the first time if they do twice; the end of the gap, which may
    lie on the next day, if they jump over it."""
    return instant_of(datetime.combine(day, at), zone, fold=0).astimezone(zone)


@dataclass(frozen=True, slots=True)
class Span:
    """The local days [first, until) of `zone`; with a `cut`, only up to that instant of the last of them.

    Empty if `first` is `until`. `cut` is kept in UTC. Raises ValueError if the days are reversed, or if the cut lies
    outside the last day.
    """

    first: date
    until: date
    zone: ZoneInfo
    cut: datetime | None = None

    def __post_init__(self) -> None:
        if self.until < self.first:
            raise ValueError(f"{self.first} to {self.until} ends before it begins")
        if self.cut is not None:
            cut = self.cut.astimezone(UTC)
            if self.first == self.until or not self._last_begins <= cut <= _first_instant(self.until, self.zone):
                raise ValueError(f"{cut} is not within the last day before {self.until}")
            object.__setattr__(self, "cut", cut)

    @property
    def start(self) -> datetime:
        """The first instant, in `zone`."""
        return first_instant(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first instant that no longer belongs to it, in `zone`."""
        return self._end.astimezone(self.zone)

    @property
    def days(self) -> int:
        """How many local dates it touches. A date that the zone skipped counts, though it is empty."""
        return (self.until - self.first).days

    @property
    def last(self) -> date:
        """The last local date that it touches, for people; the day before `first` if it is empty."""
        return self.until - _ONE_DAY

    @property
    def whole_days(self) -> tuple[date, date]:
        """The half-open dates of the days that lie wholly inside: those with a rollup of their own."""
        if self.cut is None or self.cut == _first_instant(self.until, self.zone):
            return self.first, self.until
        return self.first, self.last

    @property
    def part_day(self) -> tuple[datetime, datetime] | None:
        """The half-open instants, in `zone`, of the cut day's part; None if no day is cut or nothing is left of it."""
        if self.whole_days[1] == self.until or self._end == self._last_begins:
            return None
        return self._last_begins.astimezone(self.zone), self.end

    @property
    def is_empty(self) -> bool:
        """Whether no instant lies inside."""
        return _first_instant(self.first, self.zone) == self._end

    @property
    def _end(self) -> datetime:
        return _first_instant(self.until, self.zone) if self.cut is None else self.cut

    @property
    def _last_begins(self) -> datetime:
        return _first_instant(self.last, self.zone)


@dataclass(frozen=True, slots=True)
class Period:
    """A span of whole days as somebody asked for it, by name; days ahead are part of it.

    Raises ValueError if its span is empty or cut.
    """

    name: str
    span: Span
    unit: Unit = Unit.DAYS

    def __post_init__(self) -> None:
        if self.span.cut is not None or self.span.days == 0:
            raise ValueError("A period has whole days, one at least.")


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the words of time mean on the local date `as_of`. `week_start` is 0 for Monday to 6 for Sunday.

    Every method returns a Period, or raises ValueError with a sentence for a person: a period is at most MAX_DAYS days
    long and lies between FIRST_DAY and LAST_DAY.
    """

    as_of: date
    zone: ZoneInfo
    week_start: int = 0

    def today(self) -> Period:
        """The running day."""
        return self._days("today", self.as_of, self.as_of)

    def yesterday(self) -> Period:
        """The day before."""
        day = self.as_of - _ONE_DAY
        return self._days("yesterday", day, day)

    def week(self) -> Period:
        """The last 7 days, today included."""
        return replace(self.last_days(7), name="week")

    def month(self) -> Period:
        """The last 30 days, today included."""
        return replace(self.last_days(30), name="month")

    def last_days(self, count: int) -> Period:
        """The last `count` days, today included."""
        if not 1 <= count <= MAX_DAYS:
            raise ValueError(f"A period has 1 to {MAX_DAYS:,} days.")
        return self._days(f"{count}d", self.as_of - timedelta(days=count - 1), self.as_of)

    def week_to_date(self) -> Period:
        """The calendar week so far, today included."""
        return self._days("wtd", self._week_begins(), self.as_of, Unit.WEEK)

    def month_to_date(self) -> Period:
        """The calendar month so far, today included."""
        return self._days("mtd", self.as_of.replace(day=1), self.as_of, Unit.MONTH)

    def year_to_date(self) -> Period:
        """The calendar year so far, today included."""
        return self._days("ytd", self.as_of.replace(month=1, day=1), self.as_of, Unit.YEAR)

    def last_week(self) -> Period:
        """The calendar week before this one, whole."""
        begins = self._week_begins()
        return self._days("last week", begins - timedelta(days=7), begins - _ONE_DAY, Unit.WEEK)

    def last_month(self) -> Period:
        """The calendar month before this one, whole."""
        last = self.as_of.replace(day=1) - _ONE_DAY
        return self._days("last month", last.replace(day=1), last, Unit.MONTH)

    def day(self, day: date) -> Period:
        """A single date."""
        return self._days(str(day), day, day)

    def between(self, first: date, last: date) -> Period:
        """The dates from `first` to `last`, both included."""
        if last < first:
            raise ValueError(f"{first}..{last} ends before it begins; turn it round.")
        return self._days(f"{first}..{last}", first, last)

    def since(self, first: date) -> Period:
        """The dates from `first` to today, both included."""
        if first > self.as_of:
            raise ValueError(f"{first} has not come yet.")
        return self._days(f"since {first}", first, self.as_of)

    def month_of(self, year: int, month: int) -> Period:
        """A calendar month, whole even while it runs. Months count from 1."""
        first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
        return self._days(f"{MONTHS[month - 1]} {year}", first, last, Unit.MONTH)

    def latest_month(self, month: int) -> Period:
        """The latest calendar month of that number (from 1) that has begun, whole even while it runs."""
        return self.month_of(self.as_of.year - (month > self.as_of.month), month)

    def _week_begins(self) -> date:
        return self.as_of - timedelta(days=(self.as_of.weekday() - self.week_start) % 7)

    def _days(self, name: str, first: date, last: date, unit: Unit = Unit.DAYS) -> Period:
        if first < FIRST_DAY or last > LAST_DAY:
            raise ValueError(f"A period lies between {FIRST_DAY} and {LAST_DAY}.")
        if (days := (last - first).days + 1) > MAX_DAYS:
            raise ValueError(f"A period has 1 to {MAX_DAYS:,} days, not {days:,}.")
        return Period(name, Span(first, last + _ONE_DAY, self.zone), unit)


def previous(period: Period, now: datetime) -> Span:
    """What a period is compared with: as many days just before it, or the calendar unit before it.

    If the aware `now` lies inside the period, what came before is cut at the same local wall-clock time on the
    corresponding day: the one as many days from the start; for months and years the one with the same number, or, if
    there is none (the 31st, 29 February), the end of that month. A wall-clock time that clocks skipped is the end of
    the gap; of two equal ones it is the one of the same order. A period that is over is compared whole, and one that
    is wholly ahead with nothing: nothing of it has passed.
    """
    span, now = period.span, now.astimezone(UTC)
    first = _counterpart(span.first, period)
    if now < _first_instant(span.first, span.zone):
        return Span(first, first, span.zone)
    if now >= _first_instant(span.until, span.zone):
        return Span(first, _counterpart(span.until, period), span.zone)
    today = local_day(now, span.zone)
    day = _counterpart(today, period)
    if period.unit in {Unit.MONTH, Unit.YEAR} and day.day != today.day:
        return Span(first, day, span.zone)
    local = now.astimezone(span.zone)
    cut = instant_of(local.replace(tzinfo=None) + (day - today), span.zone, local.fold)
    begins, ends = _first_instant(day, span.zone), _first_instant(day + _ONE_DAY, span.zone)
    return Span(first, day + _ONE_DAY, span.zone, min(max(cut, begins), ends))


def _counterpart(day: date, period: Period) -> date:
    """The corresponding day, one period earlier. Where a month has no such day: the first after that month."""
    if period.unit is Unit.DAYS:
        return day - timedelta(days=period.span.days)
    if period.unit is Unit.WEEK:
        return day - timedelta(days=7)
    if period.unit is Unit.YEAR:
        return date(day.year - 1, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)
    first = day.replace(day=1)
    return min((first - _ONE_DAY).replace(day=1) + timedelta(days=day.day - 1), first)


def _first_instant(day: date, zone: ZoneInfo) -> datetime:
    return instant_of(datetime.combine(day, time.min), zone, fold=0)


def instant_of(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    """The instant, in UTC, at which clocks in `zone` show the naive `wall`: the first (`fold` 0) or the second
    (`fold` 1) if they do twice, the end of the gap if they never do."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return second if fold else first
    # In a gap, `second` lies before it and `first` behind it: they are `wall` by the offset after and by that before.
    # Time zones change on whole seconds.
    before = second.replace(microsecond=0)
    seconds = range(int((first - before).total_seconds()) + 1)

    def is_over(second: int) -> bool:
        return (before + timedelta(seconds=second)).astimezone(zone).replace(tzinfo=None) >= wall

    return before + timedelta(seconds=bisect_left(seconds, True, key=is_over))
