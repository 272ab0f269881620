"""The sample: the same every time, a believable product, and every difficulty that llmcost is built for."""

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from genai_prices import Usage, calc_price

from bot.demo.fields import SELECTS, row
from bot.demo.records import Run
from bot.demo.seed import IN_HOUSE, MISTRAL, PRODUCTION, STAGING, sample, sample_store
from bot.demo.traces import MARKER

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 18, 15, 30, tzinfo=BERLIN)  # a Wednesday
RUNS = sample(NOW).runs
ROOTS = {run.trace_id: run for run in RUNS if not run.parent_run_ids}


def feature(run: Run) -> object:
    return ROOTS[run.trace_id].metadata.get("feature")


def day(run: Run) -> date:
    return run.start.astimezone(BERLIN).date()


def test_the_same_now_and_seed_give_the_same_sample() -> None:
    assert sample(NOW) == sample(NOW)
    assert sample(NOW, seed=7) != sample(NOW)


@pytest.mark.parametrize(
    "now",
    [
        NOW,
        datetime(2026, 11, 18, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 4, 5, 12, tzinfo=ZoneInfo("America/New_York")),
        datetime(2026, 10, 25, 23, 59, tzinfo=ZoneInfo("Australia/Lord_Howe")),
    ],
)
def test_it_fills_31_local_days_and_nothing_after_now(now: datetime) -> None:
    runs = sample(now).runs
    days = {run.start.astimezone(now.tzinfo).date() for run in runs}
    first = now.date() - timedelta(days=30)
    assert {first + timedelta(days=n) for n in range(30)} <= days <= {first + timedelta(days=n) for n in range(31)}
    assert all(run.start <= now and (run.end or now) <= now for run in runs)


def test_a_trace_that_has_not_ended_yet_is_left_out() -> None:
    begun = max(run.start for run in ROOTS.values() if run.status != "PENDING") + timedelta(milliseconds=10)
    now = begun.astimezone(BERLIN)
    assert all((run.end or now) <= now for run in sample(now).runs)


def test_the_trees_are_whole() -> None:
    """Ids are unique, ancestors are there and in the same project, and children lie inside their parents' time."""
    known = {run.id: run for run in RUNS}
    assert len(known) == len(RUNS)
    for run in RUNS:
        assert run.trace_id == (*run.parent_run_ids, run.id)[0]
        for depth, ancestor_id in enumerate(run.parent_run_ids):
            ancestor = known[ancestor_id]
            assert ancestor.parent_run_ids == run.parent_run_ids[:depth]
            assert ancestor.project_id == run.project_id
            assert ancestor.end is not None
            assert run.end is not None
            assert ancestor.start <= run.start <= run.end <= ancestor.end


def test_it_is_the_size_of_a_small_product() -> None:
    runs, spend = Counter(map(day, RUNS)), defaultdict[date, Decimal](Decimal)
    for run in RUNS:
        if run.name != "openai.chat.completions":  # the inside of a wrapper
            spend[day(run)] += run.amounts.total_cost or 0
    whole_days = sorted(runs)[:-1]
    assert 5_000 <= len(RUNS) <= 8_000
    assert all(100 <= runs[one] <= 450 for one in whole_days)
    assert all(5 <= spend[one] <= 40 for one in whole_days)


def test_the_week_and_the_spike_show() -> None:
    rag = Counter(day(run) for run in RUNS if feature(run) in ("rag-search", "rag_search") and not run.parent_run_ids)
    spike = date(2026, 11, 6)  # ten days before is a Sunday
    others = [count for one, count in rag.items() if one.weekday() < 5 and one not in (spike, NOW.date())]
    assert 3 <= rag[spike] / (sum(others) / len(others)) <= 5
    totals = Counter(map(day, RUNS))
    assert totals[date(2026, 11, 14)] < 0.75 * totals[date(2026, 11, 13)]
    office = sum(9 <= run.start.astimezone(BERLIN).hour < 18 for run in RUNS)
    assert office > 0.6 * len(RUNS)


def test_features_the_old_name_and_untagged_traffic() -> None:
    features = {feature(run) for run in RUNS}
    assert features == {"agent-copilot", "rag-search", "rag_search", "summarizer", "email-drafts", None}
    old = {day(run) for run in RUNS if feature(run) == "rag_search"}
    new = {day(run) for run in RUNS if feature(run) == "rag-search"}
    assert max(old) < min(new)
    assert {run.name for run in RUNS if feature(run) is None} == {"nightly_eval", "scratch_notebook"}
    assert {run.project_id for run in RUNS} == {PRODUCTION.id, STAGING.id}
    assert {run.metadata["env"] for run in ROOTS.values()} == {"production", "staging", "dev"}
    assert {run.metadata.get("user_tier") for run in ROOTS.values()} == {"free", "pro", "enterprise", None}


def test_only_the_roots_of_the_summarizer_know_their_feature() -> None:
    for run in RUNS:
        if run.parent_run_ids:
            assert ("feature" in run.metadata) == (feature(run) != "summarizer")


def test_it_holds_every_difficulty() -> None:
    llm = [run for run in RUNS if run.run_type == "LLM"]
    cached = [run for run in llm if run.amounts.prompt_details.get("cache_read")]
    written = [run for run in llm if run.amounts.prompt_details.get("cache_creation")]
    reasoning = [run for run in llm if run.amounts.completion_details.get("reasoning")]
    wrapped = [run for run in llm if run.name == "openai.chat.completions"]
    unpriced = [run for run in llm if run.amounts.total_tokens and run.amounts.total_cost is None]
    silent = [run for run in llm if run.status == "SUCCESS" and run.amounts.total_tokens is None]
    failed = [run for run in llm if run.status == "ERROR"]
    pending = [run for run in RUNS if run.status == "PENDING"]
    tools = [run for run in RUNS if run.run_type == "TOOL" and run.amounts.total_cost]
    embeddings = [run for run in RUNS if run.run_type == "EMBEDDING"]
    assert all((cached, written, reasoning, wrapped, silent, tools, embeddings))
    assert {run.metadata["ls_model_name"] for run in unpriced} == {IN_HOUSE.name, MISTRAL.name}
    assert {run.amounts.total_cost is None for run in failed} == {True, False}
    assert sorted(NOW - run.start > timedelta(days=1) for run in pending) == [False, False, False, True]
    assert all(run.amounts.total_cost == Decimal("0.01") and run.amounts.prompt_cost is None for run in tools)
    by_id = {run.id: run for run in RUNS}
    for run in wrapped:
        wrapper = by_id[run.parent_run_ids[-1]]
        assert (wrapper.run_type, wrapper.metadata, wrapper.amounts) == ("LLM", run.metadata, run.amounts)


def test_a_price_list_knows_mistral_and_nobody_the_in_house_model() -> None:
    """So that one is to be estimated and the other stays unpriced."""
    usage = Usage(input_tokens=1000, output_tokens=100)
    assert calc_price(usage, MISTRAL.name, provider_id=MISTRAL.provider).total_price > 0
    with pytest.raises(LookupError):
        calc_price(usage, IN_HOUSE.name, provider_id=IN_HOUSE.provider)


def test_every_prompt_and_answer_is_marked_and_nothing_else_is() -> None:
    contents = {"INPUTS", "INPUTS_PREVIEW", "OUTPUTS", "OUTPUTS_PREVIEW"}
    harmless = [select for select in SELECTS if select not in contents]
    for run in RUNS:
        assert MARKER in json.dumps(run.inputs)
        assert not run.outputs or MARKER in json.dumps(run.outputs)
        assert MARKER not in json.dumps(row(run, run.amounts, harmless))


def test_the_store_holds_the_sample() -> None:
    store = sample_store(NOW, mode="rolled_up")
    assert store.mode == "rolled_up"
    assert {project.name for project in store.projects()} == {"acme-prod", "acme-staging"}
    assert len(store.newest_first([PRODUCTION.id, STAGING.id], None, None)) == len(RUNS)
