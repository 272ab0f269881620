"""Answers from a ledger: the figures, what they rest on, and that every view of them adds up."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.budget import Budget, Window
from bot.domain.catalog import Catalog, Feature
from bot.domain.cost import Listed
from bot.domain.run import Source
from bot.errors import QuestionError
from bot.ledger.store import Ledger
from bot.render.data import as_dict, to_csv, to_json
from bot.render.text import text
from bot.reports.answers import FeatureList, Report, Status, UnitCost, UntaggedList
from bot.reports.reporter import Reporter
from bot.reports.verification import Counterpart
from bot.reports.words import WORDS
from bot.slack.messages import answer_message
from tests.ledgers import BERLIN, DIMENSIONS, NOW, PROJECT, Spent, emptied, fill, reporter

pytestmark = pytest.mark.each_database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LANGSMITH = Counterpart(lambda *_: {"LLM": Listed(7, 70_000_000)}, ("LLM",), 14 * DAY)
SUMS = ("cost_usd", "runs", "input_tokens", "output_tokens")


def ask(ledger: Ledger, words: str, now: datetime = NOW, **more: Any) -> Any:
    return reporter(ledger, **more).ask(words, now)


def report(ledger: Ledger, words: str, now: datetime = NOW, **more: Any) -> Report:
    answer = ask(ledger, words, now, **more)
    assert isinstance(answer, Report)
    return answer


def spread(
    feature: str | None,
    cost: str,
    runs: int,
    traces: int,
    tokens: tuple[int, int],
    *,
    start: datetime,
    source: Source = Source.LANGSMITH,
) -> list[Spent]:
    """`runs` runs in `traces` traces that add up to exactly this cost and these tokens."""
    nano = int(Decimal(cost).scaleb(9))
    return [
        Spent(
            start,
            feature,
            Decimal(nano // runs + (nano % runs if place == 0 else 0)).scaleb(-9),
            tuple(total // runs + (total % runs if place == 0 else 0) for total in tokens),  # type: ignore[arg-type] # two of them
            source=source,
            trace=f"{feature} {min(place, traces - 1)} {start}",
        )
        for place in range(runs)
    ]


# --- The document


def test_the_json_is_the_one_that_is_promised(ledger: Ledger) -> None:
    start = NOW - DAY
    estimated = Spent(start, "agent-copilot", "0.1302", (0, 0), trace="agent-copilot 0 x", source=Source.ESTIMATE)
    runs = [
        *spread("agent-copilot", "5.5292", 117, 109, (603_200, 411_820), start=start),
        estimated,
        *spread("rag-search", "2.2761", 412, 405, (824_310, 192_440), start=start),
        *spread("summarizer", "0.0561", 87, 87, (198_400, 44_100), start=start),
        *spread("email-drafts", "0.0292", 34, 34, (42_100, 38_200), start=start),
        *spread(None, "0.0094", 19, 19, (31_200, 12_800), start=start),
        *spread("rag-search", "7.1", 600, 600, (1, 1), start=NOW - 7 * DAY - HOUR),
        # Later on that day than it is now, and before the week that this week is compared with.
        Spent(NOW - 7 * DAY + HOUR, "rag-search", "1000"),
        Spent(NOW - 15 * DAY, "rag-search", "1000"),
    ]
    fill(ledger, runs, settled=date(2026, 11, 21), start=datetime(2026, 10, 1, tzinfo=BERLIN), as_of=NOW - HOUR)
    assert json.loads(to_json(ask(ledger, "week"))) == {
        "schema": 1,
        "period": {
            "name": "week",
            "start": "2026-11-16T00:00:00+01:00",
            "end": "2026-11-23T00:00:00+01:00",
            "timezone": "Europe/Berlin",
        },
        "feature": None,
        "by": "feature",
        "total": {
            "cost_usd": "8.030200000",
            "runs": 670,
            "traces": 655,
            "input_tokens": 1_699_210,
            "output_tokens": 699_360,
        },
        "unit_cost": {"per_trace_usd": "0.012259847", "per_1000_tokens_usd": "0.003347911", "at_least": False},
        "previous": {
            "start": "2026-11-09T00:00:00+01:00",
            "end": "2026-11-15T14:31:00+01:00",
            "cost_usd": "7.100000000",
            "runs": 600,
            "unpriced_runs": 0,
            # 7.10 for two tokens.
            "unit_cost": {"per_trace_usd": "0.011833333", "per_1000_tokens_usd": "3550.000000000", "at_least": False},
            "unit_cost_change": {"per_trace": "0.036043436", "per_1000_tokens": "-0.999999057"},
        },
        "rows": [
            row("agent-copilot", "5.659400000", 118, 110, 603_200, 411_820),
            row("rag-search", "2.276100000", 412, 405, 824_310, 192_440),
            row("summarizer", "0.056100000", 87, 87, 198_400, 44_100),
            row("email-drafts", "0.029200000", 34, 34, 42_100, 38_200),
            row("untagged", "0.009400000", 19, 19, 31_200, 12_800),
        ],
        "other": None,
        "coverage": {
            "as_of": "2026-11-22T13:31:00+01:00",
            "settled_through": "2026-11-21",
            "ledger_start": "2026-10-01T00:00:00+02:00",
            "gaps": [],
            "langsmith_cost_usd": "7.900000000",
            "estimated_cost_usd": "0.130200000",
            "override_cost_usd": "0.000000000",
            "unpriced_runs": 0,
            "no_usage_runs": 0,
            "failed_runs": 0,
            "pending_runs": 0,
            "unfinished_runs": 0,
            "untagged_runs": 19,
            "untagged_cost_usd": "0.009400000",
            "untagged_unpriced_runs": 0,
            "sampled": False,
            "pruned_before": None,
        },
    }


def row(key: str, cost: str, runs: int, traces: int, tokens_in: int, tokens_out: int) -> dict[str, object]:
    return {
        "key": key,
        "cost_usd": cost,
        "runs": runs,
        "traces": traces,
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "unpriced_runs": 0,
    }


def test_the_fields_stand_in_the_order_that_is_promised(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, "a"), Spent(NOW - HOUR, "b")], lost=[(NOW - 3 * DAY, NOW - 2 * DAY)])
    document = json.loads(to_json(ask(ledger, "week top 1")))
    assert list(document) == [
        "schema", "period", "feature", "by", "total", "unit_cost", "previous", "rows", "other", "coverage",
    ]  # fmt: skip
    assert list(document["total"]) == ["cost_usd", "runs", "traces", "input_tokens", "output_tokens"]
    assert list(document["rows"][0]) == [
        "key", "cost_usd", "runs", "traces", "input_tokens", "output_tokens", "unpriced_runs",
    ]  # fmt: skip
    assert list(document["other"]) == ["count", "cost_usd", "runs", "input_tokens", "output_tokens"]
    assert list(document["coverage"]["gaps"][0]) == ["start", "end", "project"]
    assert list(document["coverage"]) == [
        "as_of", "settled_through", "ledger_start", "gaps", "langsmith_cost_usd", "estimated_cost_usd",
        "override_cost_usd", "unpriced_runs", "no_usage_runs", "failed_runs", "pending_runs", "unfinished_runs",
        "untagged_runs", "untagged_cost_usd", "untagged_unpriced_runs", "sampled", "pruned_before",
    ]  # fmt: skip


def test_csv_has_the_fields_of_the_json_rows_in_their_order(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, "a", "1.5"), Spent(NOW - HOUR, "b", "0.000000001")])
    for words in ("week", "week by day", "features", "untagged", "status", "help"):
        answer = ask(ledger, words)
        rows = json.loads(to_json(answer))["rows"]
        header, *lines = csv.reader(io.StringIO(to_csv(answer)))
        assert len(lines) == len(rows)
        assert not rows or header == list(rows[0])
    assert to_csv(ask(ledger, "week")).splitlines()[1] == "a,1.500000000,1,1,1000,100,0"


def test_csv_has_its_header_without_rows_too(ledger: Ledger) -> None:
    fill(ledger)
    assert to_csv(ask(ledger, "week")) == "key,cost_usd,runs,traces,input_tokens,output_tokens,unpriced_runs\n"
    assert to_csv(ask(ledger, "untagged")).startswith("key,project,cost_usd,")


# --- Periods and what they are compared with


def test_a_period_ends_before_the_first_instant_that_follows_it(ledger: Ledger) -> None:
    start, end = datetime(2026, 11, 3, tzinfo=BERLIN), datetime(2026, 11, 4, tzinfo=BERLIN)
    instants = [start - timedelta(microseconds=1), start, end - timedelta(microseconds=1), end]
    fill(ledger, [Spent(one, f"f{place}", "1") for place, one in enumerate(instants)])
    assert [row.key for row in report(ledger, "2026-11-03").rows] == ["f1", "f2"]


def test_what_came_before_is_cut_at_the_same_time_on_the_clock_even_over_a_change_of_the_clocks(ledger: Ledger) -> None:
    now = datetime(2026, 10, 28, 9, 30, tzinfo=BERLIN)  # clocks went back on 25 October
    at_nine = datetime(2026, 10, 21, 9, 29, 59, tzinfo=BERLIN)
    fill(ledger, [Spent(at_nine, "a", "1"), Spent(at_nine + timedelta(seconds=1), "a", "5")], now=now)
    before = report(ledger, "week", now).previous
    assert before is not None
    assert before.cost == 1
    assert before.end.isoformat() == "2026-10-21T09:30:00+02:00"


@pytest.mark.parametrize(("window", "is_said"), [(Window.MONTHLY, True), (Window.WEEKLY, False), (Window.DAILY, False)])
def test_a_budget_of_days_of_which_not_all_is_known_says_so(window: Window, is_said: bool, ledger: Ledger) -> None:
    limited = Catalog({"a": Feature("a", budgets=(Budget("a", window, 10**9),))})
    fill(ledger, [Spent(NOW - HOUR, "a")], catalog=limited, lost=[(NOW - 10 * DAY, NOW - 9 * DAY)])
    answer = reporter(ledger, limited).ask("budget", NOW)
    assert ("Not all is known of 12 Nov 2026 14:31 to 13 Nov 2026 14:31 in acme-prod." in text(answer)) == is_said
    assert len(as_dict(answer)["gaps"]) == is_said


def test_what_came_before_and_has_no_price_was_not_for_nothing(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, "a", "3"), Spent(NOW - 8 * DAY, "a", None), Spent(NOW - HOUR, None, None)])
    answer = report(ledger, "week")
    assert answer.previous is not None
    assert answer.previous.unpriced_runs == 1
    assert as_dict(answer)["previous"]["unpriced_runs"] == 1
    said = text(answer)
    assert "Before, it was an unknown amount (1 unpriced run) (9\N{EN DASH}15 Nov 2026 until 14:31)." in said
    assert "1 untagged run (nobody knows at what cost) in no feature" in said
    assert "of all cost" not in text(ask(ledger, "untagged week"))


@pytest.mark.parametrize(
    ("words", "begins", "is_compared"),
    [
        ("week", NOW - 10 * DAY, False),
        ("week", datetime(2026, 11, 9, tzinfo=BERLIN), True),
        ("yesterday", NOW - 10 * DAY, True),
        ("mtd", NOW - 40 * DAY, False),
        ("week vs 2026-10-01", NOW - 40 * DAY, False),
        ("2026-11-30", NOW - 40 * DAY, False),
        ("yesterday vs today", NOW - 40 * DAY, False),
    ],
)
def test_nothing_is_compared_with_what_the_ledger_does_not_cover(
    words: str, begins: datetime, is_compared: bool, ledger: Ledger
) -> None:
    fill(ledger, [Spent(NOW - 3 * DAY)], start=begins)
    answer = report(ledger, words)
    assert (answer.previous is not None) == is_compared
    assert (as_dict(answer)["previous"] is not None) == is_compared


def test_a_gap_in_what_came_before_leaves_nothing_to_compare_with(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR)], lost=[(NOW - 10 * DAY, NOW - 9 * DAY)])
    assert report(ledger, "week").previous is None
    assert report(ledger, "yesterday").previous is not None


# --- Rows


def test_rows_are_in_the_order_of_cost_and_days_in_their_own(ledger: Ledger) -> None:
    costs = {1: "3", 2: "9", 3: "1", 4: "7"}
    fill(ledger, [Spent(NOW - days * DAY, f"f{days}", cost) for days, cost in costs.items()])
    assert [row.key for row in report(ledger, "week").rows] == ["f2", "f4", "f1", "f3"]
    keys = [row.key for row in report(ledger, "week by day").rows]
    assert keys == [f"2026-11-{day}" for day in range(16, 23)]
    costliest = report(ledger, "week by day top 2")
    assert [row.key for row in costliest.rows] == ["2026-11-18", "2026-11-20"]
    assert costliest.other is not None
    assert (costliest.other.count, costliest.other.cost) == (5, Decimal(4))


def test_a_day_is_a_zero_only_where_the_ledger_knows_it(ledger: Ledger) -> None:
    begins, ends = datetime(2026, 11, 18, tzinfo=BERLIN), datetime(2026, 11, 19, tzinfo=BERLIN)
    fill(ledger, [Spent(NOW - DAY)], start=datetime(2026, 11, 17, tzinfo=BERLIN), lost=[(begins, ends)])
    rows = report(ledger, "month by day").rows
    assert [row.key for row in rows] == ["2026-11-17", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"]
    assert [row.sum.runs for row in rows] == [0, 0, 0, 1, 0]


def test_what_holds_where_nobody_says_how_many_is_more_for_days(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - days * DAY, f"f{days}") for days in range(40)])
    asked = reporter(ledger)
    assert len(as_dict(asked.explore("40d", NOW, top=20, top_days=31).answer)["rows"]) == 20
    assert len(as_dict(asked.explore("40d by day", NOW, top=20, top_days=31).answer)["rows"]) == 31
    assert len(as_dict(asked.explore("40d by day top 3", NOW, top=20, top_days=31).answer)["rows"]) == 3
    assert len(as_dict(asked.ask("40d", NOW))["rows"]) == 40


def test_a_project_and_its_namesake_of_old_are_two_lines(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, cost="1")])
    fill(ledger, [Spent(NOW - HOUR, cost="2")], projects=["staging", PROJECT])  # another project of that name
    answer = report(ledger, "week by project")
    assert [(row.key, row.sum.cost) for row in answer.rows] == [(PROJECT, Decimal(2)), (PROJECT, Decimal(1))]


def test_a_value_that_looks_like_none_takes_nothing_from_those_without_one(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, cost="1", keys={"env": "(none)"}), Spent(NOW - HOUR, cost="2")])
    answer = report(ledger, "week by env")
    assert [(row.key, row.sum.cost) for row in answer.rows] == [("(none)", Decimal(2)), ("(none)", Decimal(1))]


def test_one_feature_is_broken_down_by_model(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, "rag-search", "1", model="m1"), Spent(NOW - HOUR, "other", "5", model="m2")])
    answer = report(ledger, "week rag-search")
    assert (answer.by, answer.feature, [row.key for row in answer.rows]) == ("model", "rag-search", ["m1"])


STARTS = st.integers(0, 21 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
RUNS = st.lists(
    st.builds(
        Spent,
        start=STARTS,
        feature=st.sampled_from([None, "rag-search", "agent-copilot", "wrap, up"]),
        cost=st.one_of(st.none(), st.integers(0, 10**12).map(lambda nano: Decimal(nano).scaleb(-9))),
        tokens=st.one_of(st.none(), st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))),
        model=st.sampled_from([None, "gpt-4o", "claude"]),
        provider=st.sampled_from([None, "openai"]),
        source=st.sampled_from(list(Source)),
        name=st.sampled_from(["", "ChatOpenAI", "nightly"]),
        trace=st.sampled_from([None, "t1", "t2"]),
        status=st.sampled_from(["SUCCESS", "ERROR", "PENDING"]),
        project=st.sampled_from([PROJECT, "staging"]),
        keys=st.fixed_dictionaries({}, optional={"env": st.sampled_from(["prod", "(none)"])}),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=40)
@given(RUNS, st.sampled_from(["week", "month", "yesterday", "mtd", "2026-11-10"]), st.sampled_from(["", " top 2"]))
def test_every_view_adds_up_to_the_same_total(reused: Ledger, runs: list[Spent], period: str, top: str) -> None:
    ledger = fill(emptied(reused), runs, projects=[PROJECT, "staging"])
    totals = []
    for by in ("feature", "model", "provider", "project", "day", *DIMENSIONS):
        document = as_dict(ask(ledger, f"{period} by {by}{top}"))
        rows = [*document["rows"], *([document["other"]] if document["other"] else [])]
        for name in SUMS:
            assert sum(Decimal(row[name]) for row in rows) == Decimal(document["total"][name])
        coverage = document["coverage"]
        sources = ("langsmith_cost_usd", "estimated_cost_usd", "override_cost_usd")
        assert sum(Decimal(coverage[name]) for name in sources) == Decimal(document["total"]["cost_usd"])
        totals.append((document["total"], coverage))
    assert all(total == totals[0] for total in totals)
    untagged = as_dict(ask(ledger, f"untagged {period}{top}"))
    coverage = totals[0][1]
    assert untagged["total"]["cost_usd"] == coverage["untagged_cost_usd"]
    assert untagged["total"]["runs"] == coverage["untagged_runs"]
    rows = [*untagged["rows"], *([untagged["other"]] if untagged["other"] else [])]
    for name in SUMS:
        assert sum(Decimal(row[name]) for row in rows) == Decimal(untagged["total"][name])
    features = as_dict(ask(ledger, f"features {period}"))
    assert features["total"] == totals[0][0]
    tagged = sum(Decimal(row["cost_usd"]) for row in features["rows"])
    assert tagged + Decimal(coverage["untagged_cost_usd"]) == Decimal(totals[0][0]["cost_usd"])


# --- Unit costs


@settings(deadline=None, max_examples=40)
@given(RUNS, st.sampled_from(["week", "yesterday", "week rag-search", "features", "untagged month"]))
def test_a_unit_cost_times_its_units_is_the_total(reused: Ledger, runs: list[Spent], words: str) -> None:
    """To the last of 28 digits; and nothing is known where there is nothing to divide, or nothing to divide by."""
    ledger = fill(emptied(reused), runs, projects=[PROJECT, "staging"])
    catalog = Catalog({"rag-search": Feature("rag-search")})
    answer = ask(ledger, words, catalog=catalog)
    previous = getattr(answer, "previous", None)
    total, unit = answer.total, answer.total.unit_cost
    tokens = total.input_tokens + total.output_tokens
    for each, number, units in ((unit.per_trace, total.traces, 1), (unit.per_1000_tokens, tokens, 1000)):
        if each is None:
            assert number == 0 or (total.cost == 0 < total.unpriced_runs)
        else:
            assert abs(each * number / units - total.cost) <= total.cost * Decimal("1e-25")
            assert total.cost > 0 or total.unpriced_runs == 0
    assert unit.at_least == (total.unpriced_runs > 0)
    if previous is not None:
        before = previous.unit_cost
        for now, was, change in (
            (unit.per_trace, before.per_trace, previous.per_trace_change),
            (unit.per_1000_tokens, before.per_1000_tokens, previous.per_1000_tokens_change),
        ):
            if change is None:
                assert now is None or not was or unit.at_least != before.at_least
            else:
                assert abs(was * (1 + change) - now) <= max(now, was) * Decimal("1e-24")


def test_a_unit_cost_of_what_came_before_is_cut_at_the_same_time_of_day(ledger: Ledger) -> None:
    begins = NOW - 7 * DAY
    runs = [
        Spent(NOW - HOUR, "a", "6", (1000, 500)),
        # One trace over two days, the second of which is cut: it is one, and not two.
        Spent(begins - DAY, "a", "2", (1000, 0), trace="t"),
        Spent(begins - HOUR, "a", "2", (500, 500), trace="t"),
        Spent(begins + HOUR, "a", "1000", trace="u"),
    ]
    fill(ledger, runs)
    answer = report(ledger, "week")
    assert answer.previous is not None
    assert answer.total.unit_cost == UnitCost(Decimal(6), Decimal(4), at_least=False)
    assert answer.previous.unit_cost == UnitCost(Decimal(4), Decimal(2), at_least=False)
    assert (answer.previous.per_trace_change, answer.previous.per_1000_tokens_change) == (Decimal("0.5"), Decimal(1))


def test_unpriced_runs_make_a_unit_cost_a_lower_bound_that_is_not_compared_with_a_whole_one(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - 8 * DAY, "a", "3"), Spent(NOW - DAY, "a", "1"), Spent(NOW - DAY, "b", None)])
    answer = report(ledger, "week")
    assert answer.total.unit_cost == UnitCost(Decimal("0.5"), Decimal(1000) / 2200, at_least=True)
    assert answer.previous is not None
    assert answer.previous.unit_cost.per_trace == 3
    assert (answer.previous.per_trace_change, answer.previous.per_1000_tokens_change) == (None, None)
    nothing_known = report(ledger, "week b").total.unit_cost
    assert (nothing_known.per_trace, nothing_known.per_1000_tokens) == (None, None)


# --- What the figures rest on


def test_the_kinds_of_runs_without_a_cost_are_counted_apart(ledger: Ledger) -> None:
    runs = [
        Spent(NOW - HOUR, "a", None),
        Spent(NOW - HOUR, "a", None, None),
        Spent(NOW - HOUR, "a", None, None, status="ERROR"),
        Spent(NOW - HOUR, "a", None, None, status="PENDING"),
        Spent(NOW - 2 * DAY, "a", None, None, status="PENDING"),
        Spent(NOW - HOUR, None, "0.5", sampled=True),
    ]
    fill(ledger, runs)
    coverage = report(ledger, "week").coverage
    assert (coverage.unpriced_runs, coverage.no_usage_runs, coverage.failed_runs) == (1, 1, 1)
    assert (coverage.pending_runs, coverage.unfinished_runs, coverage.sampled) == (1, 1, True)
    one = report(ledger, "week a").coverage
    assert (one.unpriced_runs, one.pending_runs, one.unfinished_runs, one.sampled) == (1, 1, 1, False)
    assert (one.untagged_runs, one.untagged_cost) == (1, Decimal("0.5"))


def test_as_of_is_when_the_project_that_lags_most_was_read(ledger: Ledger) -> None:
    fill(ledger, projects=["one", "two"], as_of=NOW - 3 * HOUR, settled=date(2026, 11, 20))
    coverage = report(ledger, "week").coverage
    assert coverage.as_of == NOW - 3 * HOUR
    assert coverage.age == 3 * HOUR
    assert coverage.settled_through == date(2026, 11, 20)


def test_a_project_that_has_never_been_read_is_a_gap_and_settles_nothing(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR)], projects=[PROJECT, "new"], unread=["new"], settled=date(2026, 11, 20))
    coverage = report(ledger, "week").coverage
    assert [(gap.project, gap.start, gap.end) for gap in coverage.gaps] == [
        ("new", datetime(2026, 11, 16, tzinfo=BERLIN), NOW)
    ]
    assert coverage.settled_through is None
    assert report(ledger, "week").previous is None


def test_gaps_are_cut_to_the_period(ledger: Ledger) -> None:
    fill(ledger, lost=[(NOW - 30 * DAY, NOW - 5 * DAY), (NOW - 2 * DAY, NOW - DAY)])
    gaps = report(ledger, "week").coverage.gaps
    assert [(gap.start, gap.end) for gap in gaps] == [
        (datetime(2026, 11, 16, tzinfo=BERLIN), NOW - 5 * DAY),
        (NOW - 2 * DAY, NOW - DAY),
    ]
    assert report(ledger, "today").coverage.gaps == ()


def test_an_empty_ledger_knows_that_it_knows_nothing(ledger: Ledger) -> None:
    answer = report(ledger, "week")
    assert (answer.coverage.as_of, answer.coverage.ledger_start, answer.previous, answer.rows) == (None, None, None, ())
    assert isinstance(ask(ledger, "status"), Status)


# --- The other answers


def test_features_lists_the_configured_ones_too(ledger: Ledger) -> None:
    catalog = Catalog({"quiet": Feature("quiet", owners=("a@example.com",)), "total": Feature("total")})
    fill(ledger, [Spent(NOW - HOUR, "b", "2"), Spent(NOW - HOUR, "a", "3"), Spent(NOW - HOUR, None, "9")])
    answer = ask(ledger, "features", catalog=catalog)
    assert isinstance(answer, FeatureList)
    assert [(row.name, row.configured, row.sum and row.sum.cost) for row in answer.rows] == [
        ("a", False, 3),
        ("b", False, 2),
        ("quiet", True, None),
    ]
    assert (answer.total.cost, answer.left_out) == (Decimal(14), 0)
    assert ask(ledger, "features top 1", catalog=catalog).left_out == 2


def test_untagged_names_the_runs_that_lack_the_tag(ledger: Ledger) -> None:
    fill(
        ledger,
        [
            Spent(NOW - HOUR, None, "2", name="nightly"),
            Spent(NOW - HOUR, None, "3", name=""),
            Spent(NOW - HOUR, None, "1", name="nightly", project="staging"),
            Spent(NOW - HOUR, "tagged", "4"),
        ],
        projects=[PROJECT, "staging"],
    )
    answer = ask(ledger, "untagged")
    assert isinstance(answer, UntaggedList)
    assert [(row.name, row.project, row.sum.cost) for row in answer.rows] == [
        ("(none)", PROJECT, Decimal(3)),
        ("nightly", PROJECT, Decimal(2)),
        ("nightly", "staging", Decimal(1)),
    ]
    assert answer.share == Decimal("0.6")


def test_status_tells_the_last_sync_and_the_last_good_one(ledger: Ledger) -> None:
    fill(ledger, as_of=NOW - 5 * HOUR)
    fill(ledger, as_of=NOW - HOUR, problem="LangSmith has trouble of its own (503).")
    answer = ask(ledger, "status")
    assert isinstance(answer, Status)
    assert (answer.last_sync, answer.last_good_sync) == (NOW - HOUR, NOW - 5 * HOUR)
    assert answer.last_sync_problem == "LangSmith has trouble of its own (503)."
    assert [project.name for project in answer.projects] == [PROJECT]


def test_an_old_name_is_answered_by_the_feature_that_it_has_become(ledger: Ledger) -> None:
    catalog = Catalog({"rag-search": Feature("rag-search", aliases=("rag_search",))})
    fill(ledger, [Spent(NOW - HOUR, "rag_search", "1"), Spent(NOW - HOUR, "rag-search", "2")], catalog=catalog)
    assert report(ledger, "week rag_search", catalog=catalog).total.cost == 3


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.pattern)
def test_every_word_that_help_shows_is_answered_on_every_surface(word: Any, ledger: Ledger) -> None:
    shown = UUID("019db6c1-e59b-73a1-958b-ee98a94e7a0a")  # in the example of trace
    fill(
        ledger,
        [Spent(NOW - days * DAY, "rag-search", number=shown.int if days == 1 else None) for days in range(40)],
    )
    answer = ask(ledger, word.example, counterpart=LANGSMITH)
    assert text(answer).strip()
    assert json.loads(to_json(answer))["schema"] == 1
    assert to_csv(answer).count("\n") >= 1
    assert answer_message(answer).text


def test_a_word_that_nobody_knows_is_an_error_that_names_the_nearest(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, "rag-search")])
    with pytest.raises(QuestionError) as caught:
        ask(ledger, "week rag-serch")
    assert caught.value.suggestions == ("rag-search",)


def test_the_words_of_a_command_line_ask_the_same(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, "wrap up", "2"), Spent(NOW - HOUR, "b", "1")])
    asked = Reporter(ledger, Catalog, DIMENSIONS, BERLIN)
    assert asked.ask_words(["week", "wrap up"], NOW) == asked.ask('week "wrap up"', NOW)


def test_days_are_those_of_the_reporting_zone(ledger: Ledger) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    now = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)  # already the 23rd there
    fill(ledger, [Spent(now, "a", "1"), Spent(now - 4 * HOUR, "b", "2")], zone=zone, now=now)
    answer = report(ledger, "today", now, zone=zone)
    assert [row.key for row in answer.rows] == ["a"]
    assert answer.period.timezone == "Pacific/Auckland"
