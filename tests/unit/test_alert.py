"""When a budget's spend is worth a word: a table of cases whose names are the rules, and laws of keys and periods."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.alert import (
    CLOSED_PERIODS,
    LONGEST_SUBJECT,
    BudgetPeriod,
    Memory,
    budget_period,
    crossed,
    due,
    event_key,
    pace,
    period_before,
    periods_to_check,
    subject,
    superseded,
)
from bot.domain.budget import ALERT_AT, Budget, Window
from bot.domain.period import first_instant, local_day
from tests.unit.zones import NASTY, day_of, segments

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, 31, tzinfo=BERLIN)
TOMORROW = datetime(2026, 11, 23, tzinfo=BERLIN)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

BUDGET = Budget("rag-search", Window.MONTHLY, 1_000)
NOVEMBER = budget_period(Window.MONTHLY, date(2026, 11, 22), BERLIN, 0)
TODAY = budget_period(Window.DAILY, date(2026, 11, 22), BERLIN, 0)

# rule: (spent of 1,000, level that the sync before saw, told before, snoozed until, now) -> what is to be told
CASES = {
    "below the lowest threshold nothing is told": (799, 80, 0, None, NOW, None),
    "a threshold is reached exactly": (800, 80, 0, None, NOW, 80),
    "the first sync that sees a crossing says nothing": (800, 0, 0, None, NOW, None),
    "the second sync that sees it tells it": (801, 80, 0, None, NOW, 80),
    "what was there before and is gone is told to nobody": (700, 150, 0, None, NOW, None),
    "a spike on top of a real crossing waits, the real one is told": (5_000, 80, 0, None, NOW, 80),
    "a spike that went down again tells what is left": (1_100, 500, 0, None, NOW, 100),
    "of several the highest is told": (2_100, 200, 0, None, NOW, 200),
    "what was told is not told again": (1_000, 100, 100, None, NOW, None),
    "a lower one after a higher one is not told": (1_000, 100, 150, None, NOW, None),
    "the next threshold after one that was told is told": (1_500, 150, 100, None, NOW, 150),
    "above the highest nothing more is told": (9_000, 500, 500, None, NOW, None),
    "a snooze holds everything back": (5_000, 500, 80, TOMORROW, NOW, None),
    "a snooze holds until its very end": (5_000, 500, 80, TOMORROW, TOMORROW - timedelta(microseconds=1), None),
    "after a snooze the highest untold is told": (2_100, 200, 80, TOMORROW, TOMORROW, 200),
    "after a snooze nothing new is nothing to tell": (900, 80, 80, TOMORROW, TOMORROW, None),
    "what crosses while snoozed to the period's end is never told": (
        2_000, 200, 80, NOVEMBER.span.end, NOVEMBER.span.end + HOUR, None,
    ),
    "a closed period that was snoozed for less is still told": (
        2_000, 200, 80, TOMORROW, NOVEMBER.span.end + HOUR, 200,
    ),
    "a closed period without a snooze is told": (2_000, 200, 80, None, NOVEMBER.span.end + HOUR, 200),
}  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_what_is_due(rule: str) -> None:
    spent, level, told, snoozed_until, now, expected = CASES[rule]
    assert due(BUDGET, NOVEMBER, spent, Memory(level, told, snoozed_until), now) == expected


def test_a_snooze_until_tomorrow_is_for_a_daily_budget_one_to_its_end() -> None:
    memory = Memory(200, 80, TOMORROW)
    assert due(BUDGET, TODAY, 2_000, memory, TOMORROW) is None


def test_an_explicit_alert_at_replaces_the_thresholds() -> None:
    budget = BUDGET._replace(alert_at=(50, 120))
    assert [crossed(budget, spent) for spent in (499, 500, 1_199, 1_200, 99_999)] == [0, 50, 50, 120, 120]


def test_a_snooze_ends_once_on_the_night_on_which_clocks_go_back() -> None:
    """02:30 is there twice: an hour lies between the first and the second."""
    until = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)
    october = budget_period(Window.MONTHLY, date(2026, 10, 25), BERLIN, 0)
    memory = Memory(80, 0, until)
    assert due(BUDGET, october, 800, memory, until.replace(fold=0)) is None
    assert due(BUDGET, october, 800, memory, until) == 80


levels = st.sampled_from((0, *ALERT_AT))


@given(st.integers(0, 6_000), levels, levels)
def test_what_is_told_was_seen_twice_and_is_higher_than_what_was_told(spent: int, level: int, told: int) -> None:
    found = due(BUDGET, NOVEMBER, spent, Memory(level, told), NOW)
    if found is None:
        assert min(level, crossed(BUDGET, spent)) <= told
    else:
        assert told < found == min(level, crossed(BUDGET, spent))
        assert found not in superseded(BUDGET, told, found)
        assert all(told < one < found for one in superseded(BUDGET, told, found))


@given(st.lists(st.tuples(st.integers(0, 6_000), st.booleans()), max_size=20))
def test_the_highest_level_that_lasts_is_told_and_none_twice(history: list[tuple[int, bool]]) -> None:
    """Whatever the spend does, and whichever looks are lost before they are remembered."""
    memory, said = Memory(), list[int]()
    spends = [spent for spent, _ in history] + [history[-1][0] if history else 0] * 2
    kept = [kept for _, kept in history] + [True, True]
    for spent, is_kept in zip(spends, kept, strict=True):
        found = due(BUDGET, NOVEMBER, spent, memory, NOW)
        if is_kept:
            said += [found] if found is not None else []
            memory = Memory(crossed(BUDGET, spent), max(memory.told, found or 0))
    assert said == sorted(set(said))
    assert max(said, default=0) >= crossed(BUDGET, spends[-1])


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_reads_as_the_design_says() -> None:
    budget = Budget("rag-search", Window.MONTHLY, 35_000_000_000)
    assert event_key(subject(budget, NOVEMBER), 100) == "budget:rag-search:monthly:2026-11:limit=35000000000:100"


def test_a_week_is_named_by_its_first_day() -> None:
    assert budget_period(Window.WEEKLY, date(2026, 11, 22), BERLIN, 0).name == "2026-11-16"
    assert budget_period(Window.WEEKLY, date(2026, 11, 22), BERLIN, 6).name == "2026-11-22"


names = st.text(min_size=1, max_size=250) | st.sampled_from(
    [
        "a:b",
        "a%3Ab",
        "a",
        "a:daily",
        "total",
        "untagged",
        "a=b",
        "!",
        "\N{SNOWMAN}" * 250,
        "\N{SNOWMAN}" * 249,
        "x" * 250,
    ]
)
where = st.dictionaries(names, names, max_size=2).map(lambda found: tuple(sorted(found.items())))
crossings = st.tuples(
    st.builds(Budget, names, st.sampled_from(Window), st.integers(1, 50), st.just(ALERT_AT), where),
    st.dates(date(2026, 10, 30), date(2026, 11, 2)),
    st.sampled_from((15, 80, 100, 5)),
)


def _key(crossing: tuple[Budget, date, int]) -> tuple[str, tuple[object, ...]]:
    budget, day, threshold = crossing
    period = budget_period(budget.window, day, BERLIN, 0)
    is_about = (budget.feature, budget.window, budget.limit_nanos, budget.where, period.name, threshold)
    return event_key(subject(budget, period), threshold), is_about


@given(crossings, crossings)
@example(
    (Budget("a", Window.DAILY, 1, where=(("b", "c"),)), date(2026, 11, 1), 100),
    (Budget("a", Window.DAILY, 1, where=(("b", "c:100"),)), date(2026, 11, 1), 100),
)
@example(
    (Budget("x" * 250, Window.DAILY, 1), date(2026, 11, 1), 15),
    (Budget("x" * 250, Window.DAILY, 1), date(2026, 11, 1), 5),
)
def test_the_same_event_has_the_same_key_and_another_event_another(
    one: tuple[Budget, date, int], other: tuple[Budget, date, int]
) -> None:
    (one_key, one_is), (other_key, other_is) = _key(one), _key(other)
    assert (one_key == other_key) == (one_is == other_is)


@given(crossings)
def test_a_key_is_short_and_plain_whatever_the_feature_is_called(crossing: tuple[Budget, date, int]) -> None:
    key, _ = _key(crossing)
    assert len(key) <= LONGEST_SUBJECT + 4
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key


# --- periods ----------------------------------------------------------------------------------------------------------

zones = st.sampled_from(NASTY).map(ZoneInfo)


@st.composite
def moments(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """An instant from 2003 to 2037, often within two days of a change of clocks, and a zone."""
    zone = draw(zones)
    whenever = st.integers(1_041_379_200, 2_114_380_800)
    changes = [part.start for part in segments(zone)[1:] if part.start >= 1_041_379_200]
    if changes:
        whenever |= st.builds(int.__add__, st.sampled_from(changes), st.integers(-172_800, 172_800))
    return datetime.fromtimestamp(draw(whenever), UTC), zone


windows = st.sampled_from(Window)


@given(moments(), windows, st.integers(0, 6))
def test_every_moment_lies_in_one_period_and_periods_follow_each_other(
    moment: tuple[datetime, ZoneInfo], window: Window, week_start: int
) -> None:
    now, zone = moment
    running = budget_period(window, day_of(int(now.timestamp()), zone), zone, week_start)
    before = period_before(window, running, week_start)
    assert running.span.start.astimezone(UTC) <= now < running.span.end.astimezone(UTC)
    assert before.span.until == running.span.first
    assert before.name < running.name
    assert budget_period(window, running.span.last, zone, week_start) == running
    assert budget_period(window, before.span.first, zone, week_start) == before
    if window is Window.WEEKLY:
        assert running.span.days == 7
        assert running.span.first.weekday() == week_start


@given(moments(), windows, st.integers(0, 6), st.integers(0, 40), st.none() | st.integers(0, 40))
def test_a_closed_period_is_looked_at_until_it_is_settled_unless_it_is_older_than_the_watching(
    moment: tuple[datetime, ZoneInfo], window: Window, week_start: int, watched: int, settled: int | None
) -> None:
    now, zone = moment
    since, today = now - watched * DAY, local_day(now, zone)
    through = None if settled is None else today - settled * DAY
    found = periods_to_check(window, now, zone, week_start, settled_through=through, since=since)
    assert not found[-1].is_over(now)
    assert len(found) <= CLOSED_PERIODS + 1
    for period in found[:-1]:
        assert period.is_over(now)
        assert not period.is_over(since)
        assert through is None or period.span.last > through
    left_out = period_before(window, found[0], week_start)
    assert (
        len(found) == CLOSED_PERIODS + 1
        or left_out.is_over(since)
        or (through is not None and left_out.span.last <= through)
    )


def test_the_first_look_asks_for_no_closed_period() -> None:
    for window in Window:
        found = periods_to_check(window, NOW, BERLIN, 0, settled_through=None, since=NOW)
        assert [period.is_over(NOW) for period in found] == [False]


# --- pace -------------------------------------------------------------------------------------------------------------


def test_at_this_pace_the_limit_is_reached_where_a_line_reaches_it() -> None:
    start = NOVEMBER.span.start
    found = pace(1_000, 500, NOVEMBER, start + 10 * DAY)
    assert found.reaches_at == start + 20 * DAY
    assert (found.passed, found.whole) == (10 * DAY // timedelta(microseconds=1), 30 * DAY // timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("spent", "now"),
    [
        (0, NOW),  # nothing is no pace
        (1_000, NOW),  # reached already
        (100, NOW),  # not within the period
        (500, NOVEMBER.span.start),  # nothing has passed
        (500, NOVEMBER.span.end),  # it is over
        (500, NOVEMBER.span.end + DAY),
    ],
)
def test_there_is_no_forecast_of_what_was_reached_or_will_not_be(spent: int, now: datetime) -> None:
    assert pace(1_000, spent, NOVEMBER, now).reaches_at is None


@given(moments(), windows, st.integers(1, 999))
def test_a_forecast_lies_ahead_and_within_the_period(
    moment: tuple[datetime, ZoneInfo], window: Window, spent: int
) -> None:
    now, zone = moment
    period: BudgetPeriod = budget_period(window, local_day(now, zone), zone, 0)
    found = pace(1_000, spent, period, now)
    assert 0 <= found.passed < found.whole
    if found.reaches_at is not None:
        assert now <= found.reaches_at.astimezone(UTC) < period.span.end.astimezone(UTC)


def test_a_day_of_25_hours_passes_more_slowly() -> None:
    zone, day = BERLIN, date(2026, 10, 25)
    period = budget_period(Window.DAILY, day, zone, 0)
    found = pace(1_000, 0, period, first_instant(day, zone).astimezone(UTC) + 12 * HOUR)
    assert found.passed * 25 == found.whole * 12
