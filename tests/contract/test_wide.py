"""The costliest traces, threads and values of a key, counted from single runs: they add up, within a bound."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.reports.wide
from bot.domain.run import Source
from bot.errors import QuestionError
from bot.ledger.store import Ledger
from bot.render.data import as_dict, to_csv
from bot.render.text import text
from bot.reports.answers import Report
from tests.ledgers import NOW, PROJECT, Spent, emptied, fill, reporter

pytestmark = pytest.mark.each_database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUMS = ("cost_usd", "runs", "input_tokens", "output_tokens")
LINK = "https://smith.example.com/p/1/r/{trace}?trace_id={trace}"


def report(ledger: Ledger, words: str, **more: Any) -> Report:
    answer = reporter(ledger).explore(words, NOW, **more).answer
    assert isinstance(answer, Report)
    return answer


RUNS = st.lists(
    st.builds(
        Spent,
        start=st.integers(0, 10 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        feature=st.sampled_from([None, "rag-search", "agent-copilot"]),
        cost=st.one_of(st.none(), st.integers(0, 10**12).map(lambda nano: Decimal(nano).scaleb(-9))),
        tokens=st.one_of(st.none(), st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))),
        source=st.sampled_from(list(Source)),
        trace=st.sampled_from([None, "t1", "t2", "t3"]),
        status=st.sampled_from(["SUCCESS", "ERROR", "PENDING"]),
        project=st.sampled_from([PROJECT, "staging"]),
        thread=st.sampled_from([None, "c1", "c2", "(none)"]),
        keys=st.fixed_dictionaries(
            {}, optional={"env": st.sampled_from(["prod", "test"]), "user_id": st.sampled_from(["u1", 'u"2', "(none)"])}
        ),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(
    RUNS,
    st.sampled_from(["week", "yesterday", "mtd"]),
    st.sampled_from(["", " rag-search"]),
    st.sampled_from(["", " top 1", " top 2"]),
)
def test_rows_and_other_make_the_total(reused: Ledger, runs: list[Spent], period: str, feature: str, top: str) -> None:
    """The total comes from the daily sums, and the rows from the runs."""
    known = [Spent(NOW - 40 * DAY, "rag-search")]
    ledger = fill(emptied(reused), [*runs, *known], projects=[PROJECT, "staging"])
    for by in ("trace", "thread", "user_id"):
        document = as_dict(report(ledger, f"{period}{feature} by {by}{top}"))
        rows = [*document["rows"], *([document["other"]] if document["other"] else [])]
        for name in SUMS:
            assert sum(Decimal(row[name]) for row in rows) == Decimal(document["total"][name])
        costs = [Decimal(row["cost_usd"]) for row in document["rows"]]
        assert costs == sorted(costs, reverse=True)
        assert document["counted_runs"] == document["total"]["runs"]
        if document["other"] is None:
            unpriced = sum(row["unpriced_runs"] for row in document["rows"])
            assert unpriced == document["coverage"]["unpriced_runs"]
        else:
            assert len(costs) == int(top.split()[1])
            assert document["other"]["count"] > 0


@settings(deadline=None, max_examples=40)
@given(RUNS)
def test_each_row_is_what_its_runs_add_up_to(reused: Ledger, runs: list[Spent]) -> None:
    ledger = fill(emptied(reused), [run for run in runs if run.cost is not None], projects=[PROJECT, "staging"])
    expected: dict[str, list[Any]] = defaultdict(lambda: [Decimal(0), 0, set()])
    for run in runs:
        if run.cost is not None and run.start >= NOW.replace(hour=0, minute=0) - 6 * DAY:
            sums = expected[run.keys.get("user_id", "")]
            sums[0] += Decimal(run.cost)
            sums[1] += 1
            sums[2].add(run.trace or object())
    rows = report(ledger, "week by user_id").rows
    assert sorted((row.sum.cost, row.sum.runs, row.sum.traces) for row in rows) == sorted(
        (cost, count, len(traces)) for cost, count, traces in expected.values()
    )


def test_the_costliest_traces_come_first_with_their_links(ledger: Ledger) -> None:
    fill(
        ledger,
        [
            Spent(NOW - HOUR, "a", "1", number=1),
            Spent(NOW - HOUR, "a", "3", number=2),
            Spent(NOW - DAY, "b", "2", number=3, thread="c"),
        ],
        link=LINK,
    )
    ids = [f"00000000-0000-0000-0000-{number:012x}" for number in (2, 3, 1)]
    answer = report(ledger, "week by trace")
    assert [(row.key, row.sum.cost) for row in answer.rows] == list(zip(ids, map(Decimal, (3, 2, 1)), strict=True))
    assert [row.link for row in answer.rows] == [LINK.replace("{trace}", one) for one in ids]
    assert [row.key for row in report(ledger, "week a by trace").rows] == [ids[0], ids[2]]
    shown = text(answer)
    assert f"\n{ids[0]}: {answer.rows[0].link}\n" in shown
    assert "Counted from 3 runs" in shown
    assert to_csv(answer).splitlines()[1].endswith(f",{answer.rows[0].link}")


def test_a_thread_leads_to_its_costliest_trace_and_none_to_nothing(ledger: Ledger) -> None:
    fill(
        ledger,
        [
            Spent(NOW - HOUR, cost="1", number=1, thread="c"),
            Spent(NOW - HOUR, cost="3", number=2, thread="c"),
            Spent(NOW - HOUR, cost="2", number=3, thread="c"),
            Spent(NOW - HOUR, cost="50", number=4),
        ],
        link=LINK,
    )
    rows = report(ledger, "week by thread").rows
    assert [(row.key, row.sum.cost, row.sum.traces) for row in rows] == [
        ("(none)", Decimal(50), 1),
        ("c", Decimal(6), 3),
    ]
    assert [row.link for row in rows] == [None, LINK.replace("{trace}", "00000000-0000-0000-0000-000000000002")]


def test_without_a_template_there_are_no_links(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, thread="c")])
    for by in ("trace", "thread"):
        assert [row.link for row in report(ledger, f"week by {by}").rows] == [None]


def test_where_nobody_says_how_many_there_are_twenty(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, keys={"user_id": f"u{number}"}) for number in range(30)])
    answer = report(ledger, "week by user_id")
    assert len(answer.rows) == 20
    assert answer.other is not None
    assert answer.other.count == 10
    assert len(report(ledger, "week by user_id top 25").rows) == 25
    assert len(report(ledger, "week by user_id", top=5).rows) == 5


def test_a_key_that_is_a_dimension_too_is_answered_from_the_daily_sums(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - HOUR, keys={"env": "prod"})])
    assert report(ledger, "week by env").counted_runs is None
    assert report(ledger, "week by user_id").counted_runs == 1


def test_more_runs_than_can_be_counted_are_a_sentence(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.reports.wide, "MOST_RUNS", 3)
    fill(ledger, [Spent(NOW - days * DAY, f"f{days}") for days in range(5)])
    assert len(report(ledger, "3d by trace").rows) == 3
    for words in ("week by trace", "week f1 by thread", "week by user_id"):
        with pytest.raises(
            QuestionError, match=r"from single runs, 3 at most, and the period has 5: ask for fewer days"
        ):
            report(ledger, words)
    assert len(report(ledger, "week by model").rows) == 1


def test_runs_that_count_in_no_figure_are_in_no_row(ledger: Ledger) -> None:
    fill(
        ledger,
        [
            Spent(NOW - HOUR, cost="1", number=1, trace="t", thread="c", keys={"user_id": "u"}),
            Spent(NOW - HOUR, cost="1", number=2, trace="t", above=(1,), thread="c", keys={"user_id": "u"}),
        ],
    )
    for by in ("trace", "thread", "user_id"):
        assert [(row.sum.runs, row.sum.cost) for row in report(ledger, f"week by {by}").rows] == [(1, Decimal(1))]
