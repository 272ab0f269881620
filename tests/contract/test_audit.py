"""`audit`: who says what runs cost adds up to the report, and each known fault of traces is found, with the figure that
it should have been beside the booked one."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.reports.audit
from bot.domain.costing import CostMode
from bot.domain.run import Source
from bot.errors import QuestionError
from bot.ingest.form import RunForm
from bot.ingest.reading import read_run
from bot.ledger.store import Ledger
from bot.pricing.override import Override, Rates
from bot.pricing.pricer import Pricer
from bot.render.data import as_dict, to_csv, to_json
from bot.render.text import text
from bot.reports.answers import Report
from bot.reports.audited import Audit, Finding
from bot.reports.suspects import Fault
from bot.slack.messages import answer_message
from tests import golden
from tests.ledger_books import MINE, Books
from tests.ledgers import NOW, PROJECT, Spent, emptied, fill, reporter
from tests.standins.slack_rules import problems

UTC_ZONE = ZoneInfo("UTC")
START = datetime(2026, 11, 15, 10, tzinfo=UTC)
LINK = "https://smith.example.com/r/{trace}"
OVERRIDES = (
    Override(model="house-*", rates=Rates(Decimal(1), Decimal(2))),
    Override(model="gift", free=True),
)
ROOT = str(UUID(int=100))


def raw(number: int = 1, **told: Any) -> dict[str, Any]:
    """A run as LangSmith sends it: gpt-4o, 100,000 tokens in for $2.50 a million, 10,000 out for $10: $0.35."""
    usual = {
        "id": str(UUID(int=number)),
        "trace_id": str(UUID(int=number)),
        "name": "ChatOpenAI",
        "run_type": "LLM",
        "status": "SUCCESS",
        "start_time": START.isoformat(),
        "end_time": (START + timedelta(seconds=3)).isoformat(),
        "metadata": {"ls_provider": "openai", "ls_model_name": "gpt-4o", "feature": "search"},
        "prompt_tokens": 100_000,
        "completion_tokens": 10_000,
        "total_cost": 0.35,
    }
    return usual | told


def model(provider: str, name: str) -> dict[str, str]:
    return {"ls_provider": provider, "ls_model_name": name, "feature": "search"}


CLAUDE = model("anthropic", "claude-sonnet-4-5")
GEMINI = model("google_genai", "gemini-2.5-pro")


def audited(*rows: dict[str, Any], words: str = "2026-11-15", mode: CostMode = CostMode.OWN) -> Audit:
    price = Pricer(OVERRIDES, UTC_ZONE)
    books = Books(UTC_ZONE, price=price)
    books.learn(mode)
    books.ledger.set_link(MINE, NOW, books.project(), LINK)
    form = RunForm(("feature",))
    books.book([read_run(form.of(row), 1) for row in rows])
    answer = reporter(books.ledger, zone=UTC_ZONE, prices=price).ask(f"audit {words}", NOW)
    assert isinstance(answer, Audit)
    return answer


def figures(finding: Finding) -> tuple[int, str | None, str, str | None]:
    said, repriced = finding.langsmith_cost, finding.repriced
    return (
        finding.runs,
        None if said is None else f"{said:f}",
        f"{finding.cost:f}",
        None if repriced is None else f"{repriced:f}",
    )


def test_a_sound_run_is_not_suspected() -> None:
    assert audited(raw()).findings == ()


# One for each line of what went wrong elsewhere: the rows, the fault, the runs, what LangSmith said, what is booked,
# and what it is repriced with.
FAULTS: dict[str, tuple[Sequence[dict[str, Any]], Fault, tuple[int, str | None, str, str | None]]] = {
    "negative cost where Bedrock caches": (
        [raw(total_cost=-0.12)],
        Fault.NEGATIVE_COST,
        (1, "-0.120000000", "0.350000000", "0.350000000"),
    ),
    "cost 0 with tokens": (
        [raw(total_cost=0)],
        Fault.ZERO_COST,
        (1, "0.000000000", "0.350000000", "0.350000000"),
    ),
    "cost 0 with tokens and no price": (
        [raw(total_cost=0, metadata=model("acme", "acme-1"))],
        Fault.ZERO_COST,
        (1, "0.000000000", "0.000000000", None),
    ),
    "parent and child both counted": (
        [
            raw(100, run_type="CHAIN", prompt_tokens=None, completion_tokens=None),
            raw(2, trace_id=ROOT, parent_run_ids=[ROOT]),
        ],
        Fault.NESTED,
        (1, "0.350000000", "0.350000000", None),
    ),
    "a wrapper and what it wraps": (
        [raw(100), raw(2, trace_id=ROOT, parent_run_ids=[ROOT])],
        Fault.NESTED,
        (1, "0.350000000", "0.000000000", "0.000000000"),
    ),
    "cached tokens outside the input": (
        [raw(prompt_tokens=10_000, prompt_token_details={"cache_read": 90_000}, total_cost=0.2375)],
        Fault.CACHE_OUTSIDE_INPUT,
        (1, "0.237500000", "0.237500000", "0.237500000"),
    ),
    # 50,000 at $3, 50,000 written at $3.75, 10,000 out at $15: $0.4875, and the writing once more.
    "cache_creation and ephemeral_5m both charged": (
        [
            raw(
                metadata=CLAUDE,
                prompt_token_details={"cache_creation": 50_000, "ephemeral_5m_input_tokens": 50_000},
                total_cost=0.675,
            )
        ],
        Fault.CACHE_WRITE_TWICE,
        (1, "0.675000000", "0.675000000", "0.487500000"),
    ),
    "cached tokens at full price": (
        [raw(prompt_token_details={"cache_read": 80_000})],
        Fault.CACHE_AT_FULL_PRICE,
        (1, "0.350000000", "0.350000000", "0.250000000"),
    ),
    "cached tokens added to the input": (
        [raw(prompt_token_details={"cache_read": 80_000}, total_cost=0.45)],
        Fault.CACHE_ADDED,
        (1, "0.450000000", "0.450000000", "0.250000000"),
    ),
    "Gemini counted twice": (
        [raw(metadata=GEMINI, total_cost=0.45)],
        Fault.CHARGED_TWICE,
        (1, "0.450000000", "0.450000000", "0.225000000"),
    ),
    "$1.16 instead of $185": (
        [raw(prompt_tokens=70_000_000, completion_tokens=1_000_000, total_cost=1.16)],
        Fault.FAR_FROM_LIST,
        (1, "1.160000000", "1.160000000", "185.000000000"),
    ),
    "40 times over": (
        [raw(total_cost=14)],
        Fault.FAR_FROM_LIST,
        (1, "14.000000000", "14.000000000", "0.350000000"),
    ),
    # 300,000 at $2.50 and 10,000 at $15, charged at $1.25 and $10.
    "a long input at the flat price": (
        [raw(metadata=GEMINI, prompt_tokens=300_000, total_cost=0.475)],
        Fault.LONG_CONTEXT,
        (1, "0.475000000", "0.475000000", "0.900000000"),
    ),
    "a service tier at the flat price": (
        [
            raw(
                metadata=model("openai", "gpt-5"),
                prompt_token_details={"flex_cache_read": 0},
                total_cost=0.225,
            )
        ],
        Fault.SERVICE,
        (1, "0.225000000", "0.225000000", "0.112500000"),
    ),
    "a batch at the standard price": (
        [raw(metadata=model("openai", "gpt-5") | {"service_tier": "batch"}, total_cost=0.225)],
        Fault.SERVICE,
        (1, "0.225000000", "0.225000000", "0.112500000"),
    ),
    "a tier that was asked for at the standard price": (
        [
            raw(
                metadata=model("openai", "gpt-5") | {"ls_invocation_params": {"service_tier": "flex"}},
                total_cost=0.225,
            )
        ],
        Fault.SERVICE,
        (1, "0.225000000", "0.225000000", "0.112500000"),
    ),
    "a provider before the model": (
        [raw(metadata=model("openai", "openai/gpt-4o"), total_cost=None)],
        Fault.PREFIX,
        (1, None, "0.350000000", "0.350000000"),
    ),
    "impossible usage": (
        [raw(prompt_tokens=-5)],
        Fault.IMPOSSIBLE_USAGE,
        (1, "0.350000000", "0.350000000", None),
    ),
    "a cost that is no money": (
        [raw(total_cost="NaN")],
        Fault.IMPOSSIBLE_COST,
        (1, None, "0.350000000", "0.350000000"),
    ),
    "sampling": (
        [raw(metadata=model("openai", "gpt-4o") | {"ls_tracing_sample_rate": 0.1})],
        Fault.SAMPLED,
        (1, "0.350000000", "0.350000000", "0.350000000"),
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_known_fault_is_found_with_its_figures_and_its_trace(what: str) -> None:
    rows, fault, expected = FAULTS[what]
    answer = audited(*rows)
    assert [one.fault for one in answer.findings] == [fault]
    (finding,) = answer.findings
    assert figures(finding) == expected
    trace = rows[0]["trace_id"]
    assert (finding.trace, finding.link) == (trace, LINK.format(trace=trace))


def test_the_run_that_is_furthest_off_is_the_one_to_look_at() -> None:
    (finding,) = audited(raw(1, total_cost=14), raw(2, total_cost=60), raw(3, total_cost=0.05)).findings
    assert (finding.runs, finding.trace) == (3, str(UUID(int=2)))


def test_an_own_price_is_no_fault_and_stands_in_its_own_line() -> None:
    answer = audited(
        raw(1, metadata=model("acme", "house-1"), total_cost=99),
        raw(2, metadata=model("acme", "gift")),
        raw(3, total_cost=None),
        raw(4, metadata=model("acme", "acme-1"), total_cost=None),
        raw(5),
    )
    assert answer.findings == ()
    assert [(row.key, row.reference, row.runs, row.cost) for row in answer.rows] == [
        ("langsmith", None, 1, Decimal("0.350000000")),
        ("estimate", answer.rows[1].reference, 1, Decimal("0.350000000")),
        ("override", "override */house-*", 1, Decimal("0.120000000")),
        ("free", None, 1, Decimal("0.000000000")),
        ("unpriced", None, 1, None),
    ]
    reference = answer.rows[1].reference
    assert reference is not None
    assert reference.startswith("genai-prices ")
    assert reference.endswith(" openai/gpt-4o")


def test_of_a_feature_only_its_own_runs_are_looked_at() -> None:
    other = raw(2, total_cost=-1, metadata=model("openai", "gpt-4o") | {"feature": "chat"})
    answer = audited(raw(), other, words="2026-11-15 search")
    assert (answer.findings, answer.looked_at, answer.total.runs) == ((), 1, 1)


def test_more_than_can_be_looked_at_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.reports.audit, "MOST_RUNS", 1)
    assert audited(raw()).looked_at == 1
    with pytest.raises(QuestionError, match="looks at single runs, 1 at most, and the period has 2: ask for fewer"):
        audited(raw(1), raw(2))


def test_every_form_says_the_same_and_slack_takes_it() -> None:
    rows = [row | {"id": str(UUID(int=1_000 + number))} for number, row in enumerate(_all_rows())]
    answer = audited(*[row | {"trace_id": row["id"]} for row in rows])
    assert len(answer.findings) == len(Fault) - 1  # a trace of its own for each: nothing is nested
    golden.check("audit.txt", text(answer) + "\n")
    golden.check("audit.json", to_json(answer) + "\n")
    golden.check("audit.csv", to_csv(answer))
    message = answer_message(answer)
    golden.check("audit.slack.json", json.dumps(message.as_json(), indent=1, ensure_ascii=False) + "\n")
    assert [problem for form in message.forms() for problem in problems(form)] == []


def _all_rows() -> list[dict[str, Any]]:
    return [row | {"parent_run_ids": None} for rows, _, _ in FAULTS.values() for row in rows]


RUNS = st.lists(
    st.builds(
        Spent,
        start=st.integers(0, 10 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        feature=st.sampled_from([None, "rag-search", "agent-copilot"]),
        cost=st.one_of(st.none(), st.integers(0, 10**12).map(lambda nano: Decimal(nano).scaleb(-9))),
        tokens=st.one_of(st.none(), st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))),
        source=st.sampled_from(list(Source)),
        status=st.sampled_from(["SUCCESS", "ERROR", "PENDING"]),
        project=st.sampled_from([PROJECT, "staging"]),
    ),
    max_size=20,
)


@settings(deadline=None, max_examples=60)
@given(RUNS, st.sampled_from(["week", "yesterday", "14d", "week rag-search"]))
def test_the_lines_add_up_to_what_the_report_says(reused: Ledger, runs: list[Spent], words: str) -> None:
    known = [Spent(NOW - timedelta(days=40), "rag-search")]
    ledger = fill(emptied(reused), [*known, *runs], projects=[PROJECT, "staging"])
    answer, report = reporter(ledger).ask(f"audit {words}", NOW), reporter(ledger).ask(words, NOW)
    assert isinstance(answer, Audit)
    assert isinstance(report, Report)
    assert answer.total == report.total
    total, rows = as_dict(answer)["total"], as_dict(answer)["rows"]
    for name in ("runs", "input_tokens", "output_tokens"):
        assert sum(row[name] or 0 for row in rows) == total[name]
    assert sum((Decimal(row["cost_usd"] or 0) for row in rows), Decimal(0)) == Decimal(total["cost_usd"])
    by_key = {key: sum((row.cost or Decimal(0) for row in answer.rows if row.key == key), Decimal(0)) for key in Source}
    coverage = report.coverage
    assert by_key == {
        Source.LANGSMITH: coverage.langsmith_cost,
        Source.ESTIMATE: coverage.estimated_cost,
        Source.OVERRIDE: coverage.override_cost,
    }
    unpriced = sum(row.runs for row in answer.rows if row.key == "unpriced")
    assert unpriced == report.total.unpriced_runs


def test_references_beyond_the_costliest_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.reports.audit, "MOST_REFERENCES", 1)
    answer = audited(
        raw(1, total_cost=None),
        raw(2, total_cost=None, metadata=CLAUDE),
        raw(3, total_cost=None, metadata=GEMINI),
    )
    assert [(row.key, row.others, row.runs) for row in answer.rows] == [("estimate", 0, 1), ("estimate", 2, 2)]
    assert sum((row.cost or Decimal(0) for row in answer.rows), Decimal(0)) == answer.total.cost
    assert "2 more" in text(answer)


def test_what_nobody_knows_is_never_a_zero() -> None:
    """Neither the cost of runs without token counts nor those counts; nor what is booked of a run without a price."""
    silent = {"prompt_tokens": None, "completion_tokens": None, "total_cost": None}
    answer = audited(
        raw(1, **silent),
        raw(2, **silent, status="ERROR"),
        raw(3, **silent, status="PENDING", end_time=None),
        raw(4, total_cost=0, metadata=model("acme", "acme-1")),
        raw(5, metadata=model("acme", "gift")),
    )
    document = {row["key"]: row for row in as_dict(answer)["rows"]}
    fields = ("input_tokens", "output_tokens", "cost_usd")
    assert {key: [row[name] for name in fields] for key, row in document.items()} == {
        "free": [100_000, 10_000, "0.000000000"],
        "unpriced": [100_000, 10_000, None],
        "no_usage": [None, None, None],
        "failed": [None, None, None],
        "pending": [None, None, None],
    }
    shown = text(answer)
    for name in ("no token counts", "failed, no tokens", "not ended"):
        assert re.search(rf"^{name} +— +1 +— +— +unknown$", shown, re.MULTILINE)
    booked = "LangSmith says $0.00, booked an unknown amount (1 unpriced run), no price to compare with"
    assert booked in shown
    assert shown.count("$0.00") == 2  # what LangSmith says, and what is free
