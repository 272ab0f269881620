"""One trace, run by run: which one is meant, and what each run counts."""

import csv
import io
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.run import Source
from bot.errors import QuestionError, SourceUnavailableError
from bot.ledger.store import Ledger
from bot.render.data import to_csv, to_json
from bot.render.text import text
from bot.reports.answers import Report, TraceReport
from bot.reports.tracing import LookUp
from bot.reports.words import MAX_TOP
from bot.slack.messages import answer_message
from tests.ledgers import NOW, PROJECT, Spent, emptied, fill, reporter
from tests.standins.slack_rules import problems

pytestmark = pytest.mark.each_database

MINUTE = timedelta(minutes=1)
START = NOW - 60 * MINUTE


def uuid(number: int) -> str:
    return str(UUID(int=number))


def asked(ledger: Ledger, reference: str, look_up: LookUp | None = None) -> TraceReport:
    answer = reporter(ledger, look_up=look_up).ask(f"trace {reference}", NOW)
    assert isinstance(answer, TraceReport)
    return answer


def refusal(ledger: Ledger, reference: str, look_up: LookUp | None = None) -> str:
    with pytest.raises(QuestionError) as caught:
        asked(ledger, reference, look_up)
    return str(caught.value)


def never(run_id: bytes, projects: Sequence[bytes]) -> bytes | None:
    raise AssertionError(f"LangSmith was asked for {run_id!r} in {projects}")


def trace_of(numbers: Sequence[int], root: int) -> list[Spent]:
    """Runs below a root that the ledger does not hold."""
    return [Spent(START + n * MINUTE, "rag-search", "0.1", trace=f"t{root}", number=n) for n in numbers]


class TestWhichTrace:
    """trace_id first, then a run that is held, then the trace of that id, then one question to LangSmith."""

    @pytest.fixture
    def held(self, ledger: Ledger) -> Ledger:
        return fill(ledger, [*trace_of([1, 2], 1), *trace_of([3], 2), Spent(START, number=4)])

    def trace_id(self, ledger: Ledger, run: int) -> str:
        return asked(ledger, uuid(run), never).trace_id

    def test_the_trace_id_of_an_address_counts_before_its_run(self, held: Ledger) -> None:
        other = self.trace_id(held, 3)
        answer = asked(held, f"https://smith.langchain.com/o/1/projects/p/2/r/{uuid(1)}?trace_id={other}", never)
        assert (answer.trace_id, [row.id for row in answer.rows]) == (other, [uuid(3)])

    def test_a_run_counts_where_the_trace_id_is_none_that_is_held(self, held: Ledger) -> None:
        address = f"https://smith.langchain.com/o/1/projects/p/2/r/{uuid(1)}?trace_id={uuid(77)}"
        assert asked(held, address, never).trace_id == self.trace_id(held, 1)

    def test_an_id_alone_is_a_run_or_a_trace(self, held: Ledger) -> None:
        found = asked(held, uuid(2), never)
        assert [row.id for row in found.rows] == [uuid(1), uuid(2)]
        assert asked(held, found.trace_id, never) == found
        assert asked(held, uuid(4), never).trace_id == uuid(4)

    def test_langsmith_is_asked_once_for_the_trace_of_a_run_that_is_not_held(self, held: Ledger) -> None:
        trace, questions = UUID(self.trace_id(held, 1)).bytes, []

        def look_up(run_id: bytes, projects: Sequence[bytes]) -> bytes:
            questions.append((run_id, len(projects)))
            return trace

        assert [row.id for row in asked(held, uuid(99), look_up).rows] == [uuid(1), uuid(2)]
        assert questions == [(UUID(int=99).bytes, 1)]

    def test_what_is_found_and_not_held_says_what_can_be_the_reason(self, held: Ledger) -> None:
        said = refusal(held, uuid(99), lambda *_: UUID(int=98).bytes)
        assert said.startswith(f"The ledger holds no run of trace {uuid(98)}, to which run {uuid(99)} belongs. It may ")
        assert "before the ledger" in said
        assert "LLMCOST_RUN_TYPES" in said
        assert refusal(held, f"https://x.example/r?trace_id={uuid(98)}", never).startswith(
            f"The ledger holds no run of trace {uuid(98)}. It may have begun before"
        )

    def test_what_nobody_knows_says_which_id_is_needed(self, held: Ledger) -> None:
        needed = "give the id of its trace instead."
        assert refusal(held, uuid(99)) == f"The ledger holds no run or trace {uuid(99)}: {needed}"
        assert refusal(held, uuid(99), lambda *_: None).endswith(needed)

        def down(*_: object) -> bytes:
            raise SourceUnavailableError("LangSmith is busy.")

        said = refusal(held, uuid(99), down)
        assert "LangSmith is busy. Give the id of its trace instead." in said

    def test_an_empty_ledger_asks_nobody(self, ledger: Ledger) -> None:
        assert refusal(ledger, uuid(1), never).startswith("The ledger holds no run or trace")


def tree() -> list[Spent]:
    """A trace of every kind of run."""

    def run(minute: int, name: str, number: int, above: Sequence[int], cost: str | None, **more: Any) -> Spent:
        return Spent(
            START + minute * MINUTE, "agent", cost, trace="tree", name=name, number=number, above=above, **more
        )  # fmt: skip - as it stands it is one thought

    return [
        run(0, "agent", 1, (), None, tokens=None),
        run(9, "second", 3, (1,), "0.5"),
        run(1, "wrapper", 2, (1,), "0.25"),
        run(2, "wrapped", 4, (1, 2), "0.25"),
        run(3, "priceless", 5, (1, 99), None, tokens=(70, 1)),
        run(4, "estimated", 6, (1, 99), "0.1", tokens=(7, 7), source=Source.ESTIMATE),
        run(5, "failed", 7, (1,), None, tokens=None, status="ERROR"),
        run(6, "running", 8, (1,), None, tokens=None, status="PENDING"),
        run(7, "own", 9, (1,), "0.2", tokens=(8, 8), source=Source.OVERRIDE, status="ERROR"),
    ]


def test_runs_stand_below_their_parents_with_what_they_count(ledger: Ledger) -> None:
    fill(ledger, tree(), link="https://smith.example.com/r/{trace}")
    answer = asked(ledger, uuid(4))
    assert [(row.depth, row.name, row.state, row.reason, row.cost) for row in answer.rows] == [
        (0, "agent", "no_usage", None, None),
        (1, "wrapper", "suppressed", "wrapper", None),
        (2, "wrapped", "costed", None, Decimal("0.25")),
        (1, "priceless", "unpriced", None, None),
        (1, "estimated", "costed", None, Decimal("0.1")),
        (1, "failed", "failed", None, None),
        (1, "running", "pending", None, None),
        (1, "own", "costed", None, Decimal("0.2")),
        (1, "second", "costed", None, Decimal("0.5")),
    ]
    assert answer.total.cost == Decimal("1.05")
    assert (answer.total.runs, answer.total.unpriced_runs, answer.suppressed_runs) == (8, 1, 1)
    assert (answer.projects, answer.features) == ((PROJECT,), ("agent",))
    assert answer.link == f"https://smith.example.com/r/{answer.trace_id}"
    shown = text(answer)
    assert f"Trace {answer.trace_id} cost $1.05 plus 1 unpriced run." in shown
    assert "1 run is suppressed: nothing is counted twice." in shown
    assert f"In LangSmith: {answer.link}" in shown
    assert re.search(
        r"^├ wrapper +gpt-4o +— +\$0.25 +— +— +suppressed: repeats the runs below it$", shown, re.MULTILINE
    )
    assert re.search(r"^│ ├ wrapped +gpt-4o +\$0.25 +— +1.00k +100 +—$", shown, re.MULTILINE)
    for note in ("unpriced", "estimated", "failed", "still running", "failed, your own price", "no token counts"):
        assert re.search(f" {note}$", shown, re.MULTILINE)


def test_programs_get_every_run_with_exact_costs(ledger: Ledger) -> None:
    fill(ledger, tree())
    answer = asked(ledger, uuid(4))
    document = json.loads(to_json(answer))
    assert document["total"] == {
        "cost_usd": "1.050000000",
        "runs": 8,
        "traces": 1,
        "input_tokens": sum(row["input_tokens"] for row in document["rows"]),
        "output_tokens": sum(row["output_tokens"] for row in document["rows"]),
        "unpriced_runs": 1,
        "suppressed_runs": 1,
    }
    assert document["rows"][1] == {
        "key": "wrapper",
        "id": uuid(2),
        "depth": 1,
        "type": "llm",
        "model": "gpt-4o",
        "status": "success",
        "state": "suppressed",
        "reason": "wrapper",
        "cost_usd": None,
        "source": None,
        "reference": None,
        "langsmith_cost_usd": "0.250000000",
        "input_tokens": 0,
        "output_tokens": 0,
    }
    read = list(csv.DictReader(io.StringIO(to_csv(answer))))
    assert [line["key"] for line in read] == [row["key"] for row in document["rows"]]
    assert read[1]["langsmith_cost_usd"] == "0.250000000"


def test_a_negative_cost_of_langsmith_is_a_number_in_a_cell(ledger: Ledger) -> None:
    fill(ledger, [Spent(START, cost="-0.5", number=1)])
    (line,) = csv.DictReader(io.StringIO(to_csv(asked(ledger, uuid(1)))))
    assert line["langsmith_cost_usd"] == "-0.500000000"


def test_of_very_many_runs_the_first_are_shown_and_the_rest_added_up(ledger: Ledger) -> None:
    runs = [Spent(START, cost="0.001", tokens=(2, 1), trace="big", number=n) for n in range(1, MAX_TOP + 501)]
    fill(ledger, runs)
    answer = asked(ledger, uuid(1))
    assert len(answer.rows) == MAX_TOP
    assert answer.other is not None
    assert (answer.other.count, answer.other.runs, answer.other.cost) == (500, 500, Decimal("0.5"))
    assert sum(row.cost or 0 for row in answer.rows) + answer.other.cost == answer.total.cost
    assert "500 more" in text(answer)
    message = answer_message(answer)
    for form in message.forms():
        assert problems(form) == []
    assert "more rows left out: ask llmcost report in a terminal." in message.text


def test_the_words_of_a_command_line_ask_the_same(ledger: Ledger) -> None:
    fill(ledger, tree())
    assert reporter(ledger).ask_words(["trace", uuid(4)], NOW) == asked(ledger, uuid(4))


NUMBERS = st.integers(1, 7)
TREES = st.lists(
    st.tuples(
        NUMBERS,
        st.lists(NUMBERS, max_size=4),
        st.integers(0, 3),
        st.one_of(st.none(), st.integers(0, 10**12).map(lambda nano: Decimal(nano).scaleb(-9))),
        st.sampled_from([None, (100, 10), (200, 20)]),
        st.sampled_from(["SUCCESS", "ERROR", "PENDING"]),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda run: run[0],
)


@settings(deadline=None, max_examples=100)
@given(TREES)
def test_every_run_is_shown_once_and_all_of_them_make_the_total(reused: Ledger, drawn: list[Any]) -> None:
    """Even those that claim to be above one another, or above themselves."""
    runs = [
        Spent(START + minute * MINUTE, "f", cost, tokens, trace="t", number=number, above=above, status=status)
        for number, above, minute, cost, tokens, status in drawn
    ]
    ledger = fill(emptied(reused), runs)
    answer = asked(ledger, uuid(drawn[0][0]))
    assert sorted(row.id for row in answer.rows) == sorted(uuid(one[0]) for one in drawn)
    assert sum(row.cost or Decimal(0) for row in answer.rows) == answer.total.cost
    assert sum(row.input_tokens for row in answer.rows) == answer.total.input_tokens
    depths = [row.depth for row in answer.rows]
    assert depths[0] == 0
    assert all(after <= before + 1 for before, after in pairwise(depths))
    week = reporter(ledger).ask("week", NOW)
    assert isinstance(week, Report)
    assert (week.total.cost, week.total.runs) == (answer.total.cost, answer.total.runs)
    for form in answer_message(answer).forms():
        assert problems(form) == []
