"""Charts: their lines add up to the report's total, in few enough points, and a day that nobody knows is no zero."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ledger.store import Ledger
from bot.render.chart import BARS, chart_line, sparkline
from bot.reports.answers import Report
from bot.reports.chart import Chart, Step
from bot.reports.charting import MOST_LINES, MOST_POINTS, TOP
from bot.slack.charts import chart_block, chart_text
from tests.ledgers import BERLIN, NOW, Spent, emptied, fill, reporter
from tests.standins.slack_rules import problems

DAY = timedelta(days=1)

RUNS = st.lists(
    st.builds(
        Spent,
        start=st.integers(0, 800).map(lambda days: NOW - days * DAY),
        feature=st.sampled_from([None, *(f"f{n}" for n in range(9)), "other (4)", "x" * 100, "x" * 99, " "]),
        cost=st.one_of(st.none(), st.integers(0, 10**12).map(lambda nanos: Decimal(nanos).scaleb(-9))),
        project=st.sampled_from(["acme-prod", "staging"]),
    ),
    max_size=25,
)
WORDS = st.sampled_from(
    ["week", "14d", "20d", "21d", "month", "140d", "141d", "600d", "700d", "2000d", "mtd", "ytd", "last month"]
)
BY = st.sampled_from(["", " by day", " by model", " by project", " by trace", " by env", " f1", " top 2"])


def report(ledger: Ledger, words: str) -> Report:
    answer = reporter(ledger).ask(words, NOW)
    assert isinstance(answer, Report)
    return answer


def chart_of(ledger: Ledger, words: str) -> Chart:
    chart = report(ledger, words).chart
    assert chart is not None
    return chart


@settings(deadline=None, max_examples=60)
@given(RUNS, WORDS, BY)
def test_a_chart_adds_up_to_its_report_and_slack_takes_it(
    reused: Ledger, runs: list[Spent], days: str, by: str
) -> None:
    runs = [*runs, Spent(NOW, "f1", "0")]
    ledger = fill(emptied(reused), runs, projects=["acme-prod", "staging"], start=NOW - 801 * DAY)
    found = report(ledger, days + by)
    chart = found.chart
    if chart is None:
        assert not found.total.cost
        return
    assert sum(chart.total.costs) == found.total.cost
    if chart.lines:
        assert [sum(costs) for costs in zip(*(line.costs for line in chart.lines), strict=True)] == list(
            chart.total.costs
        )
    assert 2 <= len(chart.points) <= MOST_POINTS
    assert len(chart.lines) <= MOST_LINES
    assert chart.first <= chart.points[0]
    assert chart.points == tuple(sorted(set(chart.points)))
    message = {"text": chart_line(chart), "blocks": [chart_block(chart), chart_text(chart)]}
    assert problems(message) == []


@pytest.mark.parametrize(
    ("words", "step"),
    [("20d", Step.DAY), ("21d", Step.WEEK), ("140d", Step.WEEK), ("141d", Step.MONTH), ("3000d", Step.YEAR)],
)
def test_long_spans_are_shown_by_longer_steps(reused: Ledger, words: str, step: Step) -> None:
    start = datetime(2018, 1, 1, tzinfo=BERLIN)
    chart = chart_of(fill(emptied(reused), [Spent(NOW)], start=start), words)
    assert chart.step is step


def test_weeks_end_with_the_period_so_that_the_last_is_whole(reused: Ledger) -> None:
    chart = chart_of(fill(emptied(reused), [Spent(NOW - n * DAY, cost="1") for n in range(30)]), "month")
    assert [str(point) for point in chart.points] == [
        *("2026-10-24", "2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16"),
    ]
    assert [int(cost) for cost in chart.total.costs] == [2, 7, 7, 7, 7]
    assert (chart.first, chart.last) == (NOW.date() - 29 * DAY, NOW.date())


def test_the_five_costliest_have_a_line_and_the_rest_is_one(reused: Ledger) -> None:
    runs = [Spent(NOW - day * DAY, f"f{n}", str(n)) for n in range(9) for day in range(2)]
    chart = chart_of(fill(emptied(reused), runs), "week")
    assert [line.name for line in chart.lines] == ["f8", "f7", "f6", "f5", "f4", "other (3)"]
    assert (len(chart.lines), chart.others) == (TOP + 1, 3)  # one that cost nothing is none of them


def test_six_have_a_line_each(reused: Ledger) -> None:
    runs = [Spent(NOW - day * DAY, f"f{n}", "1") for n in range(6) for day in range(2)]
    chart = chart_of(fill(emptied(reused), runs), "week")
    assert ([line.name for line in chart.lines], chart.others) == ([f"f{n}" for n in range(6)], 0)


@pytest.mark.parametrize("words", ["week f1", "week by day", "week by trace"])
def test_where_there_is_one_thing_to_show_it_is_the_total(reused: Ledger, words: str) -> None:
    runs = [Spent(NOW - n * DAY, "f1", "1") for n in range(3)]
    chart = chart_of(fill(emptied(reused), runs), words)
    assert chart.lines == ()
    assert chart_block(chart)["chart"]["type"] == "area"


def test_days_that_nobody_knows_are_no_points(reused: Ledger) -> None:
    gap = (datetime(2026, 11, 18, tzinfo=BERLIN), datetime(2026, 11, 20, tzinfo=BERLIN))
    chart = chart_of(fill(emptied(reused), [Spent(NOW, cost="1")], lost=[gap]), "week")
    assert [point.day for point in chart.points] == [16, 17, 20, 21, 22]


@pytest.mark.parametrize("words", ["today", "yesterday"])
def test_a_single_day_and_nothing_at_all_have_no_chart(reused: Ledger, words: str) -> None:
    ledger = fill(emptied(reused), [Spent(NOW), Spent(NOW - DAY)])
    assert report(ledger, words).chart is None
    assert report(fill(emptied(reused), []), "week").chart is None


def test_only_nothing_is_drawn_as_nothing() -> None:
    assert sparkline([Decimal(0), Decimal("0.000000001"), Decimal(50), Decimal(100)]) == "▁▂▅█"
    assert sparkline([Decimal(0)] * 3) == BARS[0] * 3


def test_series_of_alike_names_have_names_of_their_own(reused: Ledger) -> None:
    runs = [Spent(NOW - day * DAY, "x" * 30 + str(n), "1") for n in range(4) for day in range(3)]
    series = chart_block(chart_of(fill(emptied(reused), runs), "week"))["chart"]["series"]
    names = [one["name"] for one in series]
    assert len(set(names)) == 4
    assert names[:2] == ["x" * 19 + "…", "x" * 17 + "… 2"]
