"""Days tile the timeline in every time zone, and what came before a period is cut where now is."""

import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.period import Calendar, Period, Span, Unit, first_instant, local_day, previous
from tests.unit.zones import NASTY, day_of, end_of_gap, first_second, seconds_showing, segments

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = date(1990, 1, 1), date(2037, 12, 31)
DAY = timedelta(days=1)

zones = st.sampled_from(NASTY).map(ZoneInfo)


@st.composite
def moments(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """An instant from 2001 to 2037, every other time within two days of a change of clocks, and a zone."""
    zone = draw(zones)
    anywhen = st.integers(
        int(datetime(2001, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2037, 12, 1, tzinfo=UTC).timestamp())
    )
    changes = [part.start for part in segments(zone)[1:] if datetime.fromtimestamp(part.start, UTC).year >= 2001]
    if changes:
        near = st.builds(int.__add__, st.sampled_from(changes), st.integers(-2 * 86400, 2 * 86400))
        anywhen = anywhen | near
    return datetime.fromtimestamp(draw(anywhen), UTC), zone


@st.composite
def asked(draw: st.DrawFn) -> tuple[Period, datetime]:
    """A period asked for at some moment, and a moment at which it is looked at: mostly the same."""
    now, zone = draw(moments())
    calendar = Calendar(local_day(now, zone), zone, draw(st.integers(0, 6)))
    makers: list[Callable[[], Period]] = [
        calendar.today, calendar.yesterday, calendar.week, calendar.month, calendar.week_to_date, calendar.last_week,
        calendar.month_to_date, calendar.last_month, calendar.year_to_date,
        lambda: calendar.last_days(draw(st.integers(1, 366))),
        lambda: calendar.latest_month(draw(st.integers(1, 12))),
        lambda: calendar.since(calendar.as_of - draw(st.integers(0, 99)) * DAY),
        lambda: calendar.between(
            calendar.as_of - draw(st.integers(-9, 99)) * DAY, calendar.as_of + draw(st.integers(9, 20)) * DAY
        ),
    ]  # fmt: skip
    return draw(st.sampled_from(makers))(), now + draw(st.just(0) | st.integers(-9, 9)) * DAY


def every_day() -> Iterator[date]:
    return (FIRST + n * DAY for n in range((LAST - FIRST).days + 2))


def days_that_do_not_tile(zone: ZoneInfo) -> list[date]:
    """Those that do not begin when a clock first shows them or a later date, and end where the next begins."""

    def tiles(day: date, begins: datetime, ends: datetime) -> bool:
        second, until = int(begins.timestamp()), int(ends.timestamp())
        if not second == begins.timestamp() == first_second(day, zone):
            return False
        last = ends.astimezone(UTC) - timedelta(microseconds=1)
        return second == until or (second < until and local_day(begins, zone) == local_day(last, zone) == day)

    days = pairwise((day, first_instant(day, zone)) for day in every_day())
    return [day for (day, begins), (_, ends) in days if not tiles(day, begins, ends)]


def instants_of_other_days(zone: ZoneInfo) -> list[datetime]:
    """Those around changes of clocks that `local_day` does not give the latest date that a clock has shown so far."""

    def has_its_day(second: int) -> bool:
        day, instant = day_of(second, zone), datetime.fromtimestamp(second, UTC)
        if not local_day(instant, zone) == local_day(instant.astimezone(zone), zone) == day:
            return False
        return first_instant(day, zone).astimezone(UTC) <= instant < first_instant(day + DAY, zone).astimezone(UTC)

    changes = [part.start for part in segments(zone)[1:]]
    around = (second for at in changes for second in range(at - 27 * 3600 - 1, at + 27 * 3600, 1799))
    return [datetime.fromtimestamp(second, UTC) for second in around if not has_its_day(second)]


@pytest.mark.parametrize("name", NASTY)
def test_days_tile_the_timeline(name: str) -> None:
    """Each day from 1990 to 2037 begins when a clock first shows its date or a later one, and ends where the next
    begins: no instant is outside, none is in two days."""
    assert days_that_do_not_tile(ZoneInfo(name)) == []


@pytest.mark.parametrize("name", NASTY)
def test_an_instant_belongs_to_the_day_that_has_begun(name: str) -> None:
    """Around every change of clocks, `local_day` is the latest date that a clock has shown so far."""
    assert instants_of_other_days(ZoneInfo(name)) == []


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(zoneinfo.available_timezones()))
def test_days_tile_in_all_zones(name: str) -> None:
    """The same in every zone there is."""
    assert days_that_do_not_tile(ZoneInfo(name)) == []
    assert instants_of_other_days(ZoneInfo(name)) == []


@pytest.mark.parametrize(
    ("name", "day", "begins", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00:00Z", 23),
        ("Europe/Berlin", date(2026, 10, 25), "2026-10-24T22:00:00Z", 25),
        ("America/Sao_Paulo", date(2018, 11, 3), "2018-11-03T03:00:00Z", 24),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00Z", 23),  # begins at 01:00
        ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00:00Z", 23),  # begins at 01:00
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00:00Z", 25),  # 00:00 comes twice
        ("America/St_Johns", date(2010, 11, 6), "2010-11-06T02:30:00Z", 24),
        ("America/St_Johns", date(2010, 11, 7), "2010-11-07T02:30:00Z", 25),  # at 00:01 back to 23:01
        ("Australia/Lord_Howe", date(2026, 4, 5), "2026-04-04T13:00:00Z", 24.5),
        ("Antarctica/Troll", date(2026, 3, 29), "2026-03-29T00:00:00Z", 22),
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-29T10:00:00Z", 24),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00:00Z", 0),  # never was
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00Z", 24),
        ("Pacific/Kwajalein", date(1993, 8, 21), "1993-08-21T12:00:00Z", 0),
        ("Asia/Kathmandu", date(2026, 11, 3), "2026-11-02T18:15:00Z", 24),
    ],
)
def test_nights_that_matter(name: str, day: date, begins: str, hours: float) -> None:
    """Days by hand: with 22 to 25 hours, without a midnight, with two, and one that was skipped."""
    span = Span(day, day + DAY, ZoneInfo(name))
    assert span.start.astimezone(UTC) == datetime.fromisoformat(begins)
    assert span.end.astimezone(UTC) - span.start.astimezone(UTC) == timedelta(hours=hours)
    assert span.is_empty == (hours == 0)
    assert span.start.tzinfo == span.end.tzinfo == ZoneInfo(name)


def test_a_day_with_two_beginnings_keeps_its_second_evening() -> None:
    """St John's 2010: 00:00:59, then 23:01 again. The repeated evening belongs to the day that had begun."""
    zone = ZoneInfo("America/St_Johns")
    evening = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    assert evening.astimezone(zone).date() == date(2010, 11, 6)
    assert local_day(evening, zone) == date(2010, 11, 7)


@settings(deadline=None)
@given(moments(), st.integers(0, 6), st.integers(1, 3660))
def test_words_mean_their_dates(moment: tuple[datetime, ZoneInfo], week_start: int, count: int) -> None:
    """Rolling words end with today and have their length; calendar words begin where their unit begins; the last week
    and month end where the running ones begin."""
    today = local_day(*moment)
    words = Calendar(today, moment[1], week_start)
    rolling = {words.today(): 1, words.week(): 7, words.month(): 30}
    if today - count * DAY >= date(2000, 1, 1):
        rolling[words.last_days(count)] = count
    assert all(period.span.days == days and period.span.last == today for period, days in rolling.items())
    assert words.yesterday().span.until == words.today().span.first
    for period, last in ((words.week_to_date(), words.last_week()), (words.month_to_date(), words.last_month())):
        assert period.span.first <= today == period.span.last
        assert last.span.until == period.span.first
    assert words.last_week().span.days == 7
    assert words.week_to_date().span.first.weekday() == week_start
    assert words.week_to_date().span.days <= 7
    assert words.last_month().span.first.day == words.month_to_date().span.first.day == 1
    assert words.last_month().span.days in range(28, 32)
    assert (words.year_to_date().span.first, words.year_to_date().span.last) == (date(today.year, 1, 1), today)


@settings(deadline=None)
@given(st.dates(date(2001, 1, 1), date(2099, 1, 1)), st.integers(1, 12))
def test_a_month_name_is_the_latest_that_has_begun(today: date, number: int) -> None:
    """The running month is whole: it ends with its last day, not with today."""
    period = Calendar(today, BERLIN).latest_month(number)
    assert period.span.first.month == number
    assert period.span.first <= today < date(period.span.first.year + 1, number, 1)
    assert period.span.until == (period.span.first + 31 * DAY).replace(day=1)


@settings(deadline=None)
@given(asked())
def test_whole_days_and_the_part_tile_a_span(question: tuple[Period, datetime]) -> None:
    """Nothing of a cut span is lost or counted twice: whole days, then the part of the cut one."""
    for span in (question[0].span, previous(*question)):
        first, until = span.whole_days
        begins, ends = (first_instant(day, span.zone).astimezone(UTC) for day in (first, until))
        part = [instant.astimezone(UTC) for instant in span.part_day or (ends, ends)]
        assert [begins, ends, part[1]] == [span.start.astimezone(UTC), part[0], span.end.astimezone(UTC)]
        assert part[0] < part[1] or span.part_day is None
        assert span.is_empty == (begins == part[1])


@settings(deadline=None)
@given(asked())
def test_before_comes_before(question: tuple[Period, datetime]) -> None:
    """What a period is compared with ends at the latest where it begins, and for days and weeks it begins as many days
    before. Over: whole, as many days. Ahead: empty. Running: as many days as have begun."""
    period, now = question
    span, before = period.span, previous(period, now)
    assert before.until <= span.first
    today = local_day(now, span.zone)
    begun = max(0, min(today, span.last).toordinal() - span.first.toordinal() + 1)
    if period.unit is Unit.DAYS:
        assert before.first == span.first - span.days * DAY
    if period.unit is Unit.WEEK:
        assert before.first == span.first - 7 * DAY
    if period.unit in {Unit.DAYS, Unit.WEEK}:
        assert before.days == begun
    if today > span.last:
        assert before.cut is None
    if begun == 0:
        assert before.is_empty


@settings(deadline=None)
@given(asked())
def test_before_is_cut_at_the_same_time_of_day(question: tuple[Period, datetime]) -> None:
    """While a period runs, the clock on the corresponding day shows at the cut what it shows now: the same of two, the
    end of a gap, and never outside that day."""
    period, now = question
    zone, before = period.span.zone, previous(period, now)
    today = local_day(now, zone)
    if not period.span.first <= today <= period.span.last or (period.unit is not Unit.WEEK and before.days == 0):
        return
    if period.unit in {Unit.MONTH, Unit.YEAR} and before.last.day != today.day:
        # The month before is shorter, so that it is compared to its end.
        assert before.cut is None
        assert before.until.day == 1
        return
    local = now.astimezone(zone)
    wall = local.replace(tzinfo=None) + (before.last - today)
    seconds = sorted(seconds_showing(wall, zone)) or [end_of_gap(wall, zone)]
    wanted = seconds[min(local.fold, len(seconds) - 1)]
    wanted = min(max(wanted, first_second(before.last, zone)), first_second(before.until, zone))
    assert before.end.timestamp() == wanted


def at(wall: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=zone)


NOON = at("2026-11-18T12:34:56")  # a Wednesday
THEN = "12:34:56"


@pytest.mark.parametrize(
    ("period", "now", "first", "end"),
    [
        (Calendar.today, NOON, "2026-11-17", f"2026-11-17T{THEN}"),
        (Calendar.yesterday, NOON, "2026-11-16", "2026-11-17T00:00"),
        (Calendar.week, NOON, "2026-11-05", f"2026-11-11T{THEN}"),
        (Calendar.month, NOON, "2026-09-20", f"2026-10-19T{THEN}"),
        (Calendar.week_to_date, NOON, "2026-11-09", f"2026-11-11T{THEN}"),
        (Calendar.last_week, NOON, "2026-11-02", "2026-11-09T00:00"),
        (Calendar.month_to_date, NOON, "2026-10-01", f"2026-10-18T{THEN}"),
        (Calendar.last_month, NOON, "2026-09-01", "2026-10-01T00:00"),
        (Calendar.year_to_date, NOON, "2025-01-01", f"2025-11-18T{THEN}"),
        (lambda c: c.latest_month(11), NOON, "2026-10-01", f"2026-10-18T{THEN}"),
        (lambda c: c.latest_month(12), NOON, "2025-11-01", "2025-12-01T00:00"),
        (lambda c: c.since(date(2026, 11, 9)), NOON, "2026-10-30", f"2026-11-08T{THEN}"),
        (lambda c: c.between(date(2026, 11, 17), date(2026, 11, 20)), NOON, "2026-11-13", f"2026-11-14T{THEN}"),
        (lambda c: c.day(date(2026, 11, 19)), NOON, "2026-11-18", "2026-11-18T00:00"),  # ahead: nothing
        # A month is compared up to the same date; where the one before is shorter, whole.
        (Calendar.month_to_date, at("2026-03-28T10:00"), "2026-02-01", "2026-02-28T10:00"),
        (Calendar.month_to_date, at("2026-03-29T10:00"), "2026-02-01", "2026-03-01T00:00"),
        (Calendar.month_to_date, at("2026-03-31T10:00"), "2026-02-01", "2026-03-01T00:00"),
        (Calendar.month_to_date, at("2026-01-31T10:00"), "2025-12-01", "2025-12-31T10:00"),
        (Calendar.year_to_date, at("2028-02-29T10:00"), "2027-01-01", "2027-03-01T00:00"),
        (Calendar.year_to_date, at("2028-12-31T10:00"), "2027-01-01", "2027-12-31T10:00"),
        # Yesterday 02:30 was skipped: the gap ended at 03:00.
        (Calendar.today, at("2026-03-30T02:30"), "2026-03-29", "2026-03-29T03:00"),
        (Calendar.today, at("2026-03-30T02:30:00.5"), "2026-03-29", "2026-03-29T03:00"),
        # At midnight sharp nothing of today has passed.
        (Calendar.today, at("2026-11-18T00:00"), "2026-11-17", "2026-11-17T00:00"),
    ],
)
def test_what_came_before(period: Callable[[Calendar], Period], now: datetime, first: str, end: str) -> None:
    """Each word's counterpart, by hand."""
    before = previous(period(Calendar(local_day(now, BERLIN), BERLIN)), now)
    assert before.first == date.fromisoformat(first)
    assert before.end == at(end)


@pytest.mark.parametrize(("fold", "cut"), [(0, "2020-10-25T00:30:00Z"), (1, "2020-10-25T01:30:00Z")])
def test_of_two_equal_times_the_one_of_the_same_order_counts(fold: int, cut: str) -> None:
    """On 25 October 2026 and 2020 clocks showed 02:30 twice: the second is compared up to the second."""
    nights = date(2026, 10, 25), date(2020, 10, 25)
    period = Calendar(nights[0], BERLIN).last_days((nights[0] - nights[1]).days)
    before = previous(period, at("2026-10-25T02:30").replace(fold=fold))
    assert (before.last, before.cut) == (nights[1], datetime.fromisoformat(cut))


def test_nothing_came_before_on_a_day_that_was_skipped() -> None:
    """Apia's 31 December 2011 is compared with the 30th, which never was: an empty day, whole, and no part of one."""
    zone = ZoneInfo("Pacific/Apia")
    noon = datetime(2011, 12, 31, 12, tzinfo=zone)
    before = previous(Calendar(date(2011, 12, 31), zone).today(), noon)
    assert before.is_empty
    assert (before.whole_days, before.part_day) == ((date(2011, 12, 30), date(2011, 12, 31)), None)


def test_a_cut_does_not_leave_its_day() -> None:
    """St John's second evening of 6 November 2010 belongs to the 7th; the evening before the 6th does not belong to the
    6th, so that nothing of it is compared."""
    zone = ZoneInfo("America/St_Johns")
    evening = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    before = previous(Calendar(local_day(evening, zone), zone).today(), evening)
    assert (before.first, before.days, before.is_empty) == (date(2010, 11, 6), 1, True)


@pytest.mark.parametrize(
    ("period", "before"),
    [
        (Calendar.last_month, ("2026-01-01", "2026-02-01")),
        (Calendar.month_to_date, ("2026-02-01", "2026-02-14")),
        (Calendar.week_to_date, ("2026-03-02", "2026-03-07")),
        (Calendar.year_to_date, ("2025-01-01", "2025-03-14")),
        (Calendar.week, ("2026-02-28", "2026-03-07")),
    ],
)
def test_what_is_over_is_compared_whole(period: Callable[[Calendar], Period], before: tuple[str, str]) -> None:
    """Looked at later, a period has as many whole days before it as it had, or the whole unit."""
    span = previous(period(Calendar(date(2026, 3, 13), BERLIN)), NOON)
    assert (str(span.first), str(span.until), span.cut) == (*before, None)


@pytest.mark.parametrize("cut", ["2026-11-16T23:59:59", "2026-11-18T00:00:01"])
def test_a_cut_lies_in_the_last_day(cut: str) -> None:
    """A span cannot be cut before or after its last day, and cannot be reversed."""
    with pytest.raises(ValueError, match="not within the last day"):
        Span(date(2026, 11, 1), date(2026, 11, 18), BERLIN, at(cut))
    with pytest.raises(ValueError, match="ends before it begins"):
        Span(date(2026, 11, 2), date(2026, 11, 1), BERLIN)


def test_equal_cuts_are_equal_whatever_their_zone() -> None:
    """A cut is an instant: the same one in two zones makes equal spans, two of one wall-clock time do not."""
    days = (date(2026, 10, 1), date(2026, 10, 26), BERLIN)
    twice = [at("2026-10-25T02:30").replace(fold=fold) for fold in (0, 1)]
    assert Span(*days, twice[0]) == Span(*days, twice[0].astimezone(UTC))
    assert Span(*days, twice[0]) != Span(*days, twice[1])


@pytest.mark.parametrize(
    "make",
    [
        lambda c: c.last_days(0),
        lambda c: c.last_days(3661),
        lambda c: c.day(date(1999, 12, 31)),
        lambda c: c.day(date.max),
        lambda c: c.between(date(2026, 11, 2), date(2026, 11, 1)),
        lambda c: c.between(date(2026, 1, 1), date(2036, 1, 9)),
        lambda c: c.since(date(2026, 11, 19)),
        lambda c: c.month_of(9999, 12),
        lambda c: Period("none", Span(c.as_of, c.as_of, c.zone)),
        lambda c: Period("cut", Span(c.as_of, c.as_of + DAY, c.zone, NOON)),
    ],
)
def test_periods_have_bounds(make: Callable[[Calendar], Period]) -> None:
    """Too long, too far, reversed, ahead or empty is an error in a sentence."""
    with pytest.raises(ValueError, match=r"\.$"):
        make(Calendar(date(2026, 11, 18), BERLIN))


def test_the_longest_period_is_allowed() -> None:
    """3,660 days are within the bounds, and so are the first and the last date."""
    calendar = Calendar(date(2026, 11, 18), BERLIN)
    assert calendar.last_days(3660).span.days == 3660
    assert calendar.between(date(2026, 1, 1), date(2036, 1, 8)).span.days == 3660
    assert calendar.day(date(2000, 1, 1)).span.days == calendar.day(date(2099, 12, 31)).span.days == 1
