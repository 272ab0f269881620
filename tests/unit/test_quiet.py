"""Quiet hours: what can wait goes out in the hours in which people work, by their own clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.quiet import QuietHours, not_before

EVENING_TO_MORNING = QuietHours(time(18), time(9))
KATHMANDU = ZoneInfo("Asia/Kathmandu")
ZONES = sorted(available_timezones() - {"localtime"})


@pytest.mark.parametrize(
    ("now", "waits_until"),
    [
        ("2026-11-22 08:59", "2026-11-22 09:00"),
        ("2026-11-22 09:00", "2026-11-22 09:00"),
        ("2026-11-22 17:59", "2026-11-22 17:59"),
        ("2026-11-22 18:00", "2026-11-23 09:00"),
        ("2026-11-22 23:30", "2026-11-23 09:00"),
        ("2026-11-22 00:00", "2026-11-22 09:00"),
    ],
)
def test_from_six_to_nine_it_waits_for_nine(now: str, waits_until: str) -> None:
    said, expected = (datetime.fromisoformat(text).replace(tzinfo=KATHMANDU) for text in (now, waits_until))
    assert not_before(said.astimezone(UTC), KATHMANDU, EVENING_TO_MORNING) == expected


def test_where_nobody_wants_quiet_nothing_waits() -> None:
    now = datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert not_before(now, KATHMANDU, None) == now


def test_quiet_hours_need_not_go_over_midnight() -> None:
    lunch = QuietHours(time(12), time(13))
    assert not_before(datetime(2026, 11, 22, 12, 30, tzinfo=UTC), ZoneInfo("UTC"), lunch).hour == 13
    assert not_before(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), ZoneInfo("UTC"), lunch).hour == 23


def test_nine_is_nine_on_the_nights_when_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in ((datetime(2026, 3, 28, 18, tzinfo=berlin), 14), (datetime(2026, 10, 24, 18, tzinfo=berlin), 16)):
        waits_until = not_before(day, berlin, EVENING_TO_MORNING)
        assert waits_until.astimezone(berlin).time() == time(9)
        assert waits_until - day.astimezone(UTC) == timedelta(hours=hours)


def test_a_date_that_a_zone_skipped_has_no_morning() -> None:
    apia = ZoneInfo("Pacific/Apia")
    evening = datetime(2011, 12, 29, 20, tzinfo=apia)
    assert not_before(evening, apia, EVENING_TO_MORNING) == datetime(2011, 12, 31, 9, tzinfo=apia)


def test_an_end_that_clocks_show_twice_is_waited_for_again() -> None:
    berlin, night = ZoneInfo("Europe/Berlin"), QuietHours(time(22), time(2, 30))
    again = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=berlin)
    assert not_before(again, berlin, night) == datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin).astimezone(UTC)


def test_an_end_that_clocks_jump_over_is_the_end_of_the_jump() -> None:
    berlin, night = ZoneInfo("Europe/Berlin"), QuietHours(time(22), time(2, 30))
    evening = datetime(2026, 3, 28, 23, tzinfo=berlin)
    assert not_before(evening, berlin, night) == datetime(2026, 3, 29, 3, 0, tzinfo=berlin)


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    now=st.integers(631_152_000, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    start=st.integers(0, 95),
    length=st.integers(1, 95),
)
def test_in_every_zone_it_is_the_first_instant_that_is_not_quiet(
    zone: ZoneInfo, now: datetime, start: int, length: int
) -> None:
    def clock(quarter: int) -> time:
        return time(quarter % 96 // 4, quarter % 4 * 15)

    quiet = QuietHours(clock(start), clock(start + length))
    waits_until = not_before(now, zone, quiet)
    assert waits_until >= now
    assert not quiet.hold(waits_until.astimezone(zone).time())
    step = timedelta(minutes=15)
    minutes = int((waits_until - now) / step)
    assert all(quiet.hold((now + step * passed).astimezone(zone).time()) for passed in range(minutes))
