from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.sync import read_since, summary_text
from bot.domain.period import first_instant, local_day
from bot.errors import UsageError
from bot.ingest.summary import SyncSummary
from bot.ledger.books import BookingSummary
from tests.unit.zones import NASTY

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
LONG = timedelta(days=500)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("30d", date(2026, 10, 19)),
        ("2w", date(2026, 11, 4)),
        ("1h", date(2026, 11, 18)),
        ("16h30m", None),
        ("17h", date(2026, 11, 17)),
        ("60", date(2026, 11, 18)),
        ("400d", date(2025, 10, 14)),
        ("2026-11-01", date(2026, 11, 1)),
        ("2026-11-18", date(2026, 11, 18)),
        ("2025-10-14", date(2025, 10, 14)),
    ],
)
def test_since_is_the_beginning_of_the_local_day_that_lies_so_far_back(text: str, day: date | None) -> None:
    if day is None:
        with pytest.raises(UsageError):
            read_since(text, NOW, BERLIN, LONG)
    else:
        assert read_since(text, NOW, BERLIN, LONG) == first_instant(day, BERLIN)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "0d", "-1d", "d", "1.5d", "2026-13-01", "01.11.2026", "99999999999w", "\x1b"],
)
def test_since_that_says_nothing_is_told_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="--since takes a length of time like 30d, or a date like 2026-11-01") as told:
        read_since(text, NOW, BERLIN, LONG)
    assert "\x1b" not in str(told.value)


@pytest.mark.parametrize("text", ["2026-11-19", "2027-01-01", "9999-12-31"])
def test_since_cannot_lie_ahead(text: str) -> None:
    with pytest.raises(UsageError, match=f"^--since {text} has not come yet; today is 2026-11-18.$"):
        read_since(text, NOW, BERLIN, LONG)


@pytest.mark.parametrize("text", ["2025-10-13", "401d", "0001-01-01", "90w"])
def test_since_cannot_lie_before_everything_that_langsmith_has(text: str) -> None:
    """It would be asked for years in which there is nothing."""
    with pytest.raises(UsageError, match="is before anything that LangSmith still has: it can be 2025-10-14 at most"):
        read_since(text, NOW, BERLIN, LONG)


@given(
    st.datetimes(datetime(2009, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - see timezones
    st.sampled_from(NASTY).map(ZoneInfo),
    st.integers(1, 400),
)
def test_a_day_and_so_many_days_back_are_the_same_in_any_zone(now: datetime, zone: ZoneInfo, days: int) -> None:
    start = read_since(f"{days}d", now, zone, LONG)
    day = local_day(start, zone)
    assert day == local_day(now - timedelta(days=days), zone)
    assert read_since(day.isoformat(), now, zone, LONG) == start <= now


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("13d", "2026-11-05"),
        ("14d", "2026-11-05"),
        ("2w", "2026-11-05"),
        ("15d", "2026-11-03"),
        ("2026-11-04", "2026-11-04"),
    ],
)
def test_what_langsmith_keeps_is_read_without_a_gap_before_it(text: str, day: str) -> None:
    """Of the day on which the fourteen begin it has forgotten the morning, for which nobody has asked."""
    assert read_since(text, NOW, BERLIN, timedelta(days=14)) == first_instant(date.fromisoformat(day), BERLIN)


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (SyncSummary(), "0 runs read from 0 projects, 0 new, 0 changed, 0 unpriced, 0 untagged, 0 gaps, 0.0 s."),
        (
            SyncSummary(
                booked=BookingSummary(read=1_234_567, new=1, changed=2_000, unpriced=3, untagged=4),
                projects=1,
                gaps=1,
                seconds=12.345,
            ),
            "1,234,567 runs read from 1 project, 1 new, 2,000 changed, 3 unpriced, 4 untagged, 1 gap, 12.3 s.",
        ),
        (
            SyncSummary(booked=BookingSummary(read=1), projects=2, malformed=1_000),
            "1 run read from 2 projects, 0 new, 0 changed, 0 unpriced, 0 untagged, 0 gaps, 1,000 unreadable, 0.0 s.",
        ),
        (
            SyncSummary(repeated=1),
            "0 runs read from 0 projects, 0 new, 0 changed, 0 unpriced, 0 untagged, 0 gaps, 1 request repeated, 0.0 s.",
        ),
    ],
)
def test_the_summary_is_one_line_that_names_trouble_only_where_there_was_some(summary: SyncSummary, text: str) -> None:
    assert summary_text(summary) == text
