"""Which morning's digest is due, and which days it is about, in every time zone that has a broken calendar."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import EVERY_DAY, LONGEST_GRACE, Schedule, Subjects, subjects
from bot.domain.period import first_instant, instant_at, local_day
from tests.unit.zones import NASTY, end_of_gap, first_second, seconds_showing, segments

BERLIN = ZoneInfo("Europe/Berlin")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NINE = time(9)
WEEKDAYS = frozenset(range(5))

zones = st.sampled_from(NASTY).map(ZoneInfo)
minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    grace = draw(st.integers(1, 12 * 60)) * MINUTE
    return Schedule(draw(minutes), draw(st.frozensets(st.integers(0, 6), min_size=1)), grace, draw(zones))


@st.composite
def days_near_a_change(draw: st.DrawFn, zone: ZoneInfo) -> date:
    """A date from 2001 to 2036, every other time within a few days of a change of clocks."""
    changes = [part.start for part in segments(zone)[1:] if datetime.fromtimestamp(part.start, UTC).year >= 2001]
    anywhen = st.dates(date(2001, 1, 10), date(2036, 12, 1))
    if changes:
        near = st.builds(
            lambda second, days: datetime.fromtimestamp(second, zone).date() + days * DAY,
            st.sampled_from(changes),
            st.integers(-3, 3),
        )
        anywhen = anywhen | near
    return draw(anywhen)


def schedule(days: frozenset[int] = EVERY_DAY, grace: timedelta = 6 * HOUR, zone: ZoneInfo = BERLIN) -> Schedule:
    return Schedule(NINE, days, grace, zone)


def at(day: str, clock: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone)


# --- When


@given(zones, minutes, st.data())
def test_a_time_of_the_clock_is_the_first_of_two_and_the_end_of_a_gap(
    zone: ZoneInfo, clock: time, data: st.DataObject
) -> None:
    day = data.draw(days_near_a_change(zone))
    wall = datetime.combine(day, clock)
    shown = seconds_showing(wall, zone)
    assert instant_at(day, clock, zone).timestamp() == (min(shown) if shown else end_of_gap(wall, zone))


@given(schedules(), st.data())
def test_no_digest_is_due_before_its_days_are_over(planned: Schedule, data: st.DataObject) -> None:
    morning = data.draw(days_near_a_change(planned.zone))
    assert planned.due_at(morning).timestamp() >= first_second(morning, planned.zone)
    days = subjects(morning, None, planned.zone, 0).days.span
    assert days.end == first_instant(morning, planned.zone)


@given(schedules(), st.data())
def test_at_most_one_digest_is_open_at_any_time_and_each_exactly_within_its_grace(
    planned: Schedule, data: st.DataObject
) -> None:
    """Looked at every few minutes over days around a change of clocks: exactly one digest for each date that has one,
    from when it is due until its grace is over."""
    start = data.draw(days_near_a_change(planned.zone))
    now = datetime.combine(start, time(), UTC) - DAY
    for _ in range(30):
        now += data.draw(st.integers(1, 300)) * MINUTE
        wanted = [
            day
            for day in (start + n * DAY for n in range(-3, 8))
            if day.weekday() in planned.days
            and first_second(day, planned.zone) < first_second(day + DAY, planned.zone)
            and planned.due_at(day).timestamp() <= now.timestamp() < planned.due_at(day).timestamp() + _s(planned.grace)
        ]
        assert len(wanted) <= 1
        assert planned.morning(now) == (wanted[0] if wanted else None)


def _s(length: timedelta) -> float:
    return length.total_seconds()


@given(zones, st.data())
def test_at_nine_the_morning_is_the_local_date(zone: ZoneInfo, data: st.DataObject) -> None:
    planned = schedule(zone=zone)
    day = data.draw(days_near_a_change(zone))
    if first_second(day, zone) == first_second(day + DAY, zone):  # the zone skipped it
        assert planned.morning(planned.due_at(day)) != day
        return
    due = planned.due_at(day)
    assert planned.morning(due) == day == local_day(due, zone)
    assert planned.morning(due.astimezone(UTC) - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        (at("2026-11-22", "08:59:59"), None),
        (at("2026-11-22", "09:00"), date(2026, 11, 22)),
        (at("2026-11-22", "14:59:59"), date(2026, 11, 22)),
        (at("2026-11-22", "15:00"), None),
        (at("2026-03-29", "09:00"), date(2026, 3, 29)),  # the night had no 02:30
        (at("2026-10-25", "09:00"), date(2026, 10, 25)),  # and this one had two
    ],
)
def test_a_digest_is_open_from_nine_to_three(now: datetime, morning: date | None) -> None:
    assert schedule().morning(now) == morning


def test_a_weekday_that_has_none_has_none() -> None:
    assert schedule(WEEKDAYS).morning(at("2026-11-22", "09:00")) is None  # a Sunday
    assert schedule(WEEKDAYS).morning(at("2026-11-23", "09:00")) == date(2026, 11, 23)


def test_a_date_that_the_zone_skipped_has_none() -> None:
    apia = schedule(zone=ZoneInfo("Pacific/Apia"))
    mornings = {apia.morning(datetime(2011, 12, 29, 12, tzinfo=UTC) + n * HOUR) for n in range(72)}
    assert mornings == {None, date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)}


def test_one_of_the_late_evening_can_still_be_sent_after_midnight() -> None:
    evening = Schedule(time(23, 0), EVERY_DAY, 3 * HOUR, BERLIN)
    assert evening.morning(at("2026-11-23", "01:30")) == date(2026, 11, 22)


def test_a_digest_is_late_when_people_have_been_waiting_for_it() -> None:
    assert not schedule().is_late(date(2026, 11, 22), at("2026-11-22", "09:01"))
    assert schedule().is_late(date(2026, 11, 22), at("2026-11-22", "11:00"))


def test_a_grace_that_would_meet_the_next_digest_is_refused() -> None:
    with pytest.raises(ValueError, match="would meet the next one"):
        schedule(grace=LONGEST_GRACE + MINUTE)


# --- What about


def about(morning: str, before: str | None = None, week_start: int = 0) -> Subjects:
    return subjects(date.fromisoformat(morning), date.fromisoformat(before) if before else None, BERLIN, week_start)


def days(found: Subjects) -> tuple[str, str]:
    return str(found.days.span.first), str(found.days.span.last)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.dates(date(2001, 1, 1), date(2098, 1, 1)))
def test_one_digest_after_another_they_are_about_every_day_once(steps: list[int], first: date) -> None:
    told, before, morning = [], None, first
    for step in [0, *steps]:
        morning += step * DAY
        span = subjects(morning, before, BERLIN, 0).days.span
        told += [span.first + n * DAY for n in range(span.days)]
        before = morning
    assert told == [first - DAY + n * DAY for n in range(len(told))]
    assert told[-1] == morning - DAY


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=40),
    st.dates(date(2001, 1, 1), date(2098, 1, 1)),
    st.integers(0, 6),
)
def test_every_closed_week_and_month_is_told_once_by_the_next_digest(
    steps: list[int], first: date, week_start: int
) -> None:
    weeks, months, before, morning = [], [], None, first
    for step in [0, *steps]:
        morning += step * DAY
        found = subjects(morning, before, BERLIN, week_start)
        weeks += [found.week.span] if found.week else []
        months += [found.month.span] if found.month else []
        before = morning
    assert len(set(weeks)) == len(weeks)
    assert len(set(months)) == len(months)
    assert {span.first.weekday() for span in weeks} <= {week_start}
    assert {span.days for span in weeks} <= {7}
    # Within steps of at most 9 days two weeks can close at once; the later one is told then.
    closed = [first + n * DAY for n in range((morning - first).days + 1) if (first + n * DAY).day == 1]
    assert [span.until for span in months] == closed


def test_the_first_digest_of_all_is_about_yesterday() -> None:
    assert days(about("2026-11-19")) == ("2026-11-18", "2026-11-18")
    assert about("2026-11-19").week is about("2026-11-19").month is None


def test_after_a_weekend_without_digests_monday_is_about_three_days_and_the_week() -> None:
    found = about("2026-11-23", "2026-11-20")
    assert days(found) == ("2026-11-20", "2026-11-22")
    assert found.week is not None
    assert (found.week.span.first, found.week.span.last) == (date(2026, 11, 16), date(2026, 11, 22))


def test_a_first_of_the_month_without_a_digest_is_made_up_for_by_the_next() -> None:
    found = about("2026-11-02", "2026-10-30")  # the 1st is a Sunday
    assert found.month is not None
    assert (found.month.span.first, found.month.span.last) == (date(2026, 10, 1), date(2026, 10, 31))
    assert about("2026-11-03", "2026-11-02").month is None


def test_the_week_begins_where_the_organisation_says() -> None:
    assert about("2026-11-22", "2026-11-21").week is None
    assert about("2026-11-22", "2026-11-21", week_start=6).week is not None


def test_one_that_is_asked_for_about_the_past_does_not_go_on_from_a_later_one() -> None:
    assert days(about("2026-11-10", "2026-11-22")) == ("2026-11-09", "2026-11-09")
