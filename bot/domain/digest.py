"""Which morning's digest is due, and which days it is about. Rules only: they remember nothing.

A digest belongs to a local date, its *morning*, and is about days that had ended when that date began. It becomes due
at a time of that date's clock, and can still be sent for a while afterwards.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.period import Calendar, Period, Span, instant_at, local_day

EVERY_DAY = frozenset(range(7))

# Two mornings are never nearer to each other, whatever clocks do in between: at most one digest is due at a time.
LONGEST_GRACE = timedelta(hours=12)

# A tick of the clock and a sync that is waited for are no delay worth a word.
_PUNCTUAL = timedelta(minutes=10)

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When digests are sent: at a time of the local clock, on some weekdays (0 is Monday), and how long afterwards
    still. Raises ValueError for a grace beyond LONGEST_GRACE."""

    at: time
    days: frozenset[int]
    grace: timedelta
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.grace > LONGEST_GRACE:
            raise ValueError(f"a digest that is {self.grace} late would meet the next one")

    def due_at(self, morning: date) -> datetime:
        """When the digest of that date is due, whether or not it is a day for one."""
        return instant_at(morning, self.at, self.zone)

    def expires(self, morning: date) -> datetime:
        """Until when it can be sent."""
        return self.due_at(morning).astimezone(UTC) + self.grace

    def is_late(self, morning: date, now: datetime) -> bool:
        """Whether people will have been waiting for it."""
        return now.astimezone(UTC) > self.due_at(morning).astimezone(UTC) + _PUNCTUAL

    def morning(self, now: datetime) -> date | None:
        """The date whose digest can be sent now; None if there is none. A date that the zone skipped has no digest, and
        one that is due late in the evening may be sent after midnight."""
        now = now.astimezone(UTC)
        today = local_day(now, self.zone)
        return next((day for day in (today - _ONE_DAY, today) if self._is_open(day, now)), None)

    def _is_open(self, day: date, now: datetime) -> bool:
        has_one = day.weekday() in self.days and not Span(day, day + _ONE_DAY, self.zone).is_empty
        return has_one and self.due_at(day).astimezone(UTC) <= now < self.expires(day)


class Subjects(NamedTuple):
    """What a digest is about: `days`, the last of which is the day before its morning; the calendar week and the month
    that have closed since the digest before, if they have."""

    days: Period
    week: Period | None
    month: Period | None


def subjects(morning: date, before: date | None, zone: ZoneInfo, week_start: int) -> Subjects:
    """What the digest of `morning` is about, if the one before it was that of `before` (None: there was none).

    It goes on where that one ended, so that days without a digest are told in the next; the first of all is about
    yesterday alone. A closed week or month is told on the day after it, or in the next digest if that day had none.
    """
    calendar = Calendar(morning, zone, week_start)
    first = before if before is not None and before < morning else morning - _ONE_DAY
    last = morning - _ONE_DAY
    days = calendar.day(last) if first == last else calendar.between(first, last)
    week_began, month_began = calendar.week_to_date().span.first, calendar.month_to_date().span.first
    return Subjects(
        days,
        calendar.last_week() if first < week_began else None,
        calendar.last_month() if first < month_began else None,
    )
