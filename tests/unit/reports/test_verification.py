"""How far LangSmith's total is from the ledger, of which time, and what is likely behind it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cost import Listed
from bot.domain.period import Calendar, Period
from bot.errors import QuestionError
from bot.ledger.bridge import Bridge
from bot.reports.answers import Gap
from bot.reports.covering import Extent
from bot.reports.verification import Bounds, Held, bounds, compare
from bot.reports.verified import Cause, Step, Verdict, Verification

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, 31, tzinfo=BERLIN)
CALENDAR = Calendar(date(2026, 11, 22), BERLIN)
KNOWN = Extent(NOW - timedelta(minutes=1), datetime(2026, 10, 1, tzinfo=BERLIN), date(2026, 11, 21), ())
RETENTION = timedelta(days=14)
TYPES = ("LLM", "EMBEDDING", "TOOL")


def cut(period: Period, known: Extent = KNOWN, now: datetime = NOW) -> Bounds:
    return bounds(period, known, RETENTION, now)


def verification(bridge: Bridge, listed: dict[str, Listed], known: Extent = KNOWN) -> Verification:
    week = CALENDAR.week()
    return compare(Held(week, cut(week, known), known, (), bridge), TYPES, listed, NOW)


def apart(ours: int, theirs: int, **more: int) -> Verification:
    return verification(Bridge(raw=ours, runs=10, **more), {"LLM": Listed(10, theirs)})


# --- Which time


def test_what_is_retained_and_known_is_compared_whole() -> None:
    yesterday = CALENDAR.yesterday()
    assert cut(yesterday) == Bounds(yesterday.span.start, yesterday.span.end, False, False, False)


def test_what_has_not_been_read_is_left_out() -> None:
    week = CALENDAR.week()
    assert cut(week) == Bounds(week.span.start, KNOWN.as_of or NOW, False, False, True)


def test_days_that_langsmith_may_have_begun_to_forget_are_left_out_whole() -> None:
    """14 days back it is the afternoon of the 8th: the 9th is the first day that is there to its last run."""
    found = cut(CALENDAR.month())
    assert (found.start, found.cut_to_retention) == (datetime(2026, 11, 9, tzinfo=BERLIN), True)
    assert cut(CALENDAR.last_days(14)).cut_to_retention is False
    at_midnight = datetime(2026, 11, 22, tzinfo=BERLIN)
    assert cut(CALENDAR.month(), now=at_midnight).start == datetime(2026, 11, 8, tzinfo=BERLIN)


def test_what_was_before_the_ledger_is_left_out() -> None:
    known = KNOWN._replace(start=datetime(2026, 11, 17, 9, tzinfo=BERLIN))
    found = cut(CALENDAR.month(), known)
    assert (found.start, found.cut_to_ledger, found.cut_to_retention) == (known.start, True, False)


@pytest.mark.parametrize(
    ("period", "known", "sentence"),
    [
        (CALENDAR.month_of(2026, 10), KNOWN, "nothing up to 2026-10-31 can be verified any more"),
        (CALENDAR.day(date(2026, 11, 25)), KNOWN, "to 2026-11-22 14:30: nothing of that period can be verified"),
        (CALENDAR.week(), Extent(None, None, None, ()), "Nothing has been read from LangSmith yet"),
        (
            CALENDAR.day(date(2026, 11, 10)),
            KNOWN._replace(start=datetime(2026, 11, 17, tzinfo=BERLIN)),
            "knows LangSmith from 2026-11-17 to 2026-11-22 14:30",
        ),
    ],
)
def test_where_nothing_is_left_it_says_why(period: Period, known: Extent, sentence: str) -> None:
    with pytest.raises(QuestionError, match=sentence) as raised:
        cut(period, known)
    assert raised.value.suggestions


# --- How far apart


@pytest.mark.parametrize(
    ("ours", "theirs", "drift", "verdict"),
    [
        (100, 100, "0", Verdict.FINE),
        (0, 0, "0", Verdict.FINE),
        (100, 105, "0.05", Verdict.FINE),
        (100, 95, "-0.05", Verdict.FINE),
        (1_000_000, 1_050_001, "0.050001", Verdict.OFF),
        (100, 107, "0.07", Verdict.OFF),
        (100, 93, "-0.07", Verdict.OFF),
        (100, 120, "0.2", Verdict.OFF),
        (1_000_000, 1_200_001, "0.200001", Verdict.FAR),
        (100, 0, "-1", Verdict.FAR),
        (-100, 20, "1.2", Verdict.FAR),
        (0, 1, None, Verdict.FAR),
    ],
)
def test_the_drift_is_what_langsmith_says_more_than_we_hold(
    ours: int, theirs: int, drift: str | None, verdict: Verdict
) -> None:
    found = apart(ours, theirs)
    assert found.drift == (None if drift is None else Decimal(drift))
    assert found.verdict is verdict
    assert (found.cause is None) == (verdict is Verdict.FINE)


def test_only_the_types_that_are_read_are_compared_and_the_others_are_named() -> None:
    listed = {"LLM": Listed(3, 90), "TOOL": Listed(2, 10), "CHAIN": Listed(9, 7_000), "PROMPT": Listed(4, 0)}
    found = verification(Bridge(raw=100, runs=3), listed)
    assert (found.drift, found.listed_runs, found.held_runs) == (Decimal(0), 3, 3)
    assert found.types_not_read == (Step("chain", Decimal("0.000007")),)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=7, max_size=7))
def test_the_costs_that_are_held_and_the_steps_make_the_total(numbers: list[int]) -> None:
    found = verification(Bridge(*numbers), {})
    assert found.held_cost + sum(step.cost for step in found.steps) == found.total


# --- Why


@pytest.mark.parametrize(
    ("bridge", "theirs", "cause"),
    [
        (Bridge(raw=200, counted_twice=-100, runs=10), Listed(10, 102), Cause.PARENTS),
        (Bridge(raw=200, counted_twice=-20, runs=10), Listed(10, 102), Cause.CHANGED),
        (Bridge(raw=100, runs=8), Listed(10, 150), Cause.MISSING),
        (Bridge(raw=100, runs=8, impossible=1, pending=3), Listed(10, 150), Cause.MISSING),
        (Bridge(raw=100, runs=10, impossible=1, pending=3), Listed(10, 150), Cause.IMPOSSIBLE),
        (Bridge(raw=100, runs=10, pending=3), Listed(10, 150), Cause.LATE),
        (Bridge(raw=100, runs=10), Listed(10, 150), Cause.CHANGED),
        (Bridge(raw=100, runs=1_000), Listed(1_009, 150), Cause.CHANGED),
        (Bridge(raw=100, runs=10), Listed(8, 50), Cause.FORGOTTEN),
        (Bridge(raw=100, runs=10, pending=3, impossible=1), Listed(10, 50), Cause.CHANGED),
        (Bridge(raw=100, runs=10), Listed(12, 50), Cause.CHANGED),
        (Bridge(), Listed(3, 50), Cause.MISSING),
    ],
)
def test_the_likely_cause_is_judged_from_what_is_known(bridge: Bridge, theirs: Listed, cause: Cause) -> None:
    assert verification(bridge, {"LLM": theirs}).cause is cause


def test_a_stretch_that_was_never_read_comes_before_runs_that_are_missing() -> None:
    gap = Gap(datetime(2026, 11, 17, tzinfo=BERLIN), datetime(2026, 11, 18, tzinfo=BERLIN), "acme-prod")
    before = Gap(datetime(2026, 10, 2, tzinfo=BERLIN), datetime(2026, 10, 3, tzinfo=BERLIN), "acme-prod")
    bridge, listed = Bridge(raw=100, runs=5), {"LLM": Listed(10, 150)}
    found = verification(bridge, listed, KNOWN._replace(gaps=(before, gap)))
    assert (found.cause, found.gaps) == (Cause.GAPS, (gap,))
    assert verification(bridge, listed, KNOWN._replace(gaps=(before,))).cause is Cause.MISSING


@pytest.mark.parametrize("settled", [None, date(2026, 11, 15)])
def test_costs_are_late_where_no_day_is_settled(settled: date | None) -> None:
    known = KNOWN._replace(settled_through=settled)
    assert verification(Bridge(raw=100, runs=10), {"LLM": Listed(10, 150)}, known).cause is Cause.LATE


def test_the_age_is_that_of_the_question() -> None:
    found = apart(100, 100)
    assert (found.age, found.as_of) == (timedelta(minutes=1), KNOWN.as_of)
    assert found.end.astimezone(UTC) == datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
