"""The filter language: what it finds, and that it refuses the rest with its own error only."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.filters import FilterError, compile_filter
from bot.demo.records import Amounts, Run

RUN = Run(
    id="11111111-0000-4000-8000-000000000001",
    trace_id="11111111-0000-4000-8000-000000000000",
    parent_run_ids=("11111111-0000-4000-8000-000000000000",),
    project_id="p",
    name="ChatOpenAI",
    run_type="LLM",
    status="SUCCESS",
    start=datetime(2026, 11, 18, 9, tzinfo=UTC),
    end=datetime(2026, 11, 18, 9, tzinfo=UTC) + timedelta(seconds=3),
    metadata={"feature": "rag-search", "env": "prod", "team": "blue", "retries": 2, "beta": True},
    tags=("nightly", 'a "b"'),
    amounts=Amounts(100, 20, 120, None, None, Decimal("0.5")),
)


@pytest.mark.parametrize(
    "text",
    [
        'eq(name, "ChatOpenAI")',
        "eq(name, 'ChatOpenAI')",
        'eq(run_type, "llm")',
        'eq(run_type, "LLM")',
        'eq(status, "success")',
        'neq(status, "error")',
        'in(name, ["x", "ChatOpenAI"])',
        'eq(metadata_key, "feature")',
        'neq(metadata_key, "absent")',
        'eq(metadata_value, "2")',
        "eq(metadata_value, true)",
        'and(eq(metadata_key, "feature"), eq(metadata_value, "rag-search"))',
        'and(eq(metadata_key, "feature"), in(metadata_value, ["other", "rag-search"]), eq(run_type, "llm"))',
        'or(eq(name, "x"), eq(name, "ChatOpenAI"))',
        'has(tags, "nightly")',
        r'has(tags, "a \"b\"")',
        """has(metadata, '{"feature": "rag-search"}')""",
        "gt(total_tokens, 119)",
        "gte(total_tokens, 120)",
        "lt(total_cost, 0.51)",
        "lte(latency, 3)",
        'gt(start_time, "2026-11-18T08:59:59Z")',
        'lt(start_time, "2026-11-18T09:00:01")',
        'eq(trace_id, "11111111-0000-4000-8000-000000000000")',
        'eq(parent_run_id, "11111111-0000-4000-8000-000000000000")',
        "eq(is_root, false)",
        ' and( eq( name ,"ChatOpenAI" ) , eq(metadata_key, "env") ) ',
    ],
)
def test_finds_the_run(text: str) -> None:
    assert compile_filter(text)(RUN)


@pytest.mark.parametrize(
    "text",
    [
        'eq(name, "chatopenai")',
        'neq(name, "ChatOpenAI")',
        'neq(metadata_key, "feature")',
        'eq(status, "error")',
        'in(name, ["x"])',
        "gt(total_tokens, 120)",
        "lt(total_tokens, 120)",
        "gt(prompt_tokens, 100.5)",
        'has(tags, "night")',
        # A key and a value of two different entries are no pair.
        'and(eq(metadata_key, "feature"), eq(metadata_value, "blue"))',
        # has(metadata, ...) is equality, not presence.
        """has(metadata, '{"feature": ""}')""",
        """has(metadata, '{"absent": null}')""",
        "eq(is_root, true)",
        'or(eq(name, "x"), eq(name, "y"))',
    ],
)
def test_does_not_find_the_run(text: str) -> None:
    assert not compile_filter(text)(RUN)


def test_what_is_not_known_is_in_no_comparison() -> None:
    """A pending run has no latency, and a run without a price no cost: neither is below or above anything."""
    pending = RUN._replace(end=None, amounts=Amounts())
    assert not compile_filter("lt(latency, 1000)")(pending)
    assert not compile_filter("gte(total_cost, 0)")(pending)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a condition is missing"),
        ("eq(name, 'x'", r"'\)' is missing at character 13"),
        ("eq(name, 'x') or", "left over at character 14"),
        ("eq(colour, 'x')", "the field colour is not known"),
        ("like(name, 'x')", r"like\(name, ...\) is not known"),
        ("gt(name, 'x')", r"gt\(name, ...\) is not known"),
        ("eq(total_tokens, 'x')", "'x' is not a value of total_tokens"),
        ("eq(start_time, 'noon')", "noon is not a time"),
        ("eq(start_time, '0001-01-01T00:00:00+14:00')", "is not a time"),
        ("has(metadata, 'x')", "takes a JSON object"),
        ("has(metadata, '" + "[" * 100_000 + "')", "takes a JSON object"),
        ("in(name, [])", "a value is missing"),
        ("and()", "a condition is missing"),
        ("eq(name, ;)", "nothing sensible at character 9"),
        ("and(" * 5000, "more than 20 conditions inside each other"),
    ],
)
def test_refuses_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(FilterError, match=said) as refused:
        compile_filter(text)
    assert refused.value.status == 400


_WORDS = st.sampled_from(
    [
        *("and", "or", "eq", "in", "has", "gt", "(", ")", ",", "[", "]", "name", "tags", "metadata", "metadata_value"),
        *("start_time", "latency", "is_root", "true", "'x'", '"2026-01-01"', "'{}'", "12", "-1.5", " ", "\\", '"', "é"),
    ]
)


@given(st.one_of(st.text(), st.lists(_WORDS).map("".join)))
def test_never_raises_anything_but_its_own_error(text: str) -> None:
    try:
        matches = compile_filter(text)
    except FilterError:
        return
    assert matches(RUN) in (True, False)


_NAMES = st.text(max_size=8)


@given(st.dictionaries(_NAMES, _NAMES, max_size=4), _NAMES, _NAMES)
def test_a_key_and_a_value_in_one_and_are_one_entry(metadata: dict[str, str], key: str, value: str) -> None:
    """`and(eq(metadata_key, k), eq(metadata_value, v))` finds exactly the runs whose metadata[k] is v."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    matches = compile_filter(f"and(eq(metadata_key, {quoted(key)}), eq(metadata_value, {quoted(value)}))")
    assert matches(RUN._replace(metadata=metadata)) == (metadata.get(key) == value)
