"""Time zones that have broken calendars, and their changes of clocks as plain numbers: an oracle without folds."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

NASTY = (
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",  # winter time is the one that is saved
    "America/New_York",
    "America/Sao_Paulo",  # days without a midnight until 2019
    "America/Santiago",
    "America/Asuncion",
    "America/Havana",
    "America/Scoresbysund",
    "America/Nuuk",  # clocks change in the evening of the day before
    "America/St_Johns",  # -03:30, changed at 00:01 until 2011: dates that begin twice
    "Atlantic/Azores",
    "Africa/Cairo",
    "Africa/Casablanca",  # four changes a year, by the moon
    "Antarctica/Troll",  # two hours at once
    "Antarctica/Casey",  # three hours at once
    "Asia/Beirut",
    "Asia/Damascus",
    "Asia/Gaza",
    "Asia/Amman",
    "Asia/Tehran",
    "Asia/Kathmandu",  # +05:45
    "Asia/Pyongyang",
    "Australia/Lord_Howe",  # half an hour
    "Australia/Adelaide",
    "Pacific/Chatham",  # +12:45 and +13:45
    "Pacific/Apia",  # no 30 December 2011
    "Pacific/Kwajalein",  # no 21 August 1993
    "Pacific/Kiritimati",  # +14:00, no 31 December 1994
    "Pacific/Pago_Pago",
)

_SCANNED = (datetime(1989, 12, 1, tzinfo=UTC), datetime(2038, 2, 1, tzinfo=UTC))
_STEP = 12 * 3600
_EPOCH = date(1970, 1, 1)


class Segment(NamedTuple):
    """A stretch [start, end) of the timeline, in seconds since 1970, with one offset from UTC."""

    start: int
    end: int
    offset: int


@lru_cache(maxsize=64)
def segments(zone: ZoneInfo) -> tuple[Segment, ...]:
    """The stretches of equal offset from December 1989 to January 2038."""
    begin, end = (int(instant.timestamp()) for instant in _SCANNED)
    starts = [begin]
    for low, high in pairwise(range(begin, end + 1, _STEP)):
        if _offset(low, zone) != _offset(high, zone):
            starts.append(
                low + bisect_right(range(_STEP), 0, key=lambda s: _offset(low + s, zone) != _offset(low, zone))
            )
    return tuple(Segment(start, until, _offset(start, zone)) for start, until in pairwise([*starts, end]))


def first_second(day: date, zone: ZoneInfo) -> int:
    """The first second since 1970 at which a clock in `zone` shows `day` or a later date."""
    midnight = (day - _EPOCH).days * 86400
    around = _around(midnight, zone)
    return min(begins for part in around if (begins := max(part.start, midnight - part.offset)) < part.end)


def day_of(second: int, zone: ZoneInfo) -> date:
    """The latest date that a clock in `zone` has shown up to then."""
    seen = [part for part in _around(second, zone) if part.start <= second]
    return _EPOCH + timedelta(days=max((min(second, part.end - 1) + part.offset) // 86400 for part in seen))


def seconds_showing(wall: datetime, zone: ZoneInfo) -> list[int]:
    """The seconds since 1970 at which clocks in `zone` show the naive `wall`: none, one or two."""
    shown = int((wall - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001 - `wall` is naive as well
    return [shown - part.offset for part in _around(shown, zone) if part.start <= shown - part.offset < part.end]


def end_of_gap(wall: datetime, zone: ZoneInfo) -> int:
    """The second since 1970 at which clocks in `zone` jump over the naive `wall`."""
    shown = int((wall - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001 - `wall` is naive as well
    return next(
        after.start
        for before, after in pairwise(_around(shown, zone))
        if before.end + before.offset <= shown < after.start + after.offset
    )


def _around(second: int, zone: ZoneInfo) -> tuple[Segment, ...]:
    """The segments within two days of a second: every offset that can matter to it."""
    parts = segments(zone)
    first = bisect_right(parts, second - 2 * 86400, key=lambda part: part.end)
    last = bisect_right(parts, second + 2 * 86400, key=lambda part: part.start)
    return parts[first:last]


def _offset(second: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
