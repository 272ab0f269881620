import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.run import Run, Status
from bot.domain.usage import Flag, Usage
from bot.ingest.form import ROOT_SELECTS, SELECTS, RawRun, RunForm
from bot.ingest.reading import MAX_TAGS, MalformedRunError, has_ended, read_keys, read_run
from bot.ledger.booking import instant

ID = "0194d1c0-0000-4000-8000-000000000001"
TRACE = "0194d1c0-0000-4000-8000-000000000002"
KEYS = ("feature", "env")
FORM = RunForm(KEYS)
FULL: dict[str, Any] = {
    "id": ID,
    "name": "ChatOpenAI",
    "run_type": "LLM",
    "status": "SUCCESS",
    "start_time": "2026-11-18T15:30:00.123456Z",
    "end_time": "2026-11-18T15:30:02Z",
    "trace_id": TRACE,
    "parent_run_ids": [TRACE],
    "thread_id": " c1 ",
    "metadata": {"feature": "rag-search", "ls_provider": "openai", "ls_model_name": "gpt-4o-mini", "user": "u1"},
    "tags": ["blue"],
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "prompt_cost": 0.1,
    "completion_cost": 0.2,
    "total_cost": 0.3,
    "prompt_token_details": {"raw": {"cache_read": 400}},
    "completion_token_details": {"raw": {"reasoning": 50}},
}
DOLLAR = 1_000_000_000

texts = st.text(st.characters(exclude_categories=()), max_size=8)  # half surrogates and control characters included
numbers = st.integers() | st.floats() | st.integers(-(10**400), 10**400)
atoms = st.none() | st.booleans() | numbers | texts
spelled = st.sampled_from(
    [
        *("NaN", "sNaN", "Infinity", "-0", "1e400", "1E+999999", "9e999999999", "-1e-999999", "1_0", "\u0661"),
        *(ID, "0" * 36, "-" * 36, "SUCCESS", "2026-W47-3", "20261118"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
    ]
)
anything = st.recursive(
    atoms | spelled, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
known_keys = st.sampled_from(
    [
        *("raw", "cache_read", "flex_audio", "priority", "feature", "ls_model_name", "ls_provider"),
        *("ls_tracing_sample_rate", "service_tier", "ls_invocation_params"),
    ]
)
objects = st.dictionaries(known_keys, anything | st.dictionaries(known_keys, anything, max_size=3), max_size=4)


def read(**changes: Any) -> Run:
    return read_run(FORM.of({**FULL, **changes}), 7)


def without(*fields: str) -> dict[str, Any]:
    return {key: value for key, value in FULL.items() if key not in fields}


def test_everything_that_a_ledger_of_costs_needs_is_read() -> None:
    assert read() == Run(
        id=UUID(ID).bytes,
        trace_id=UUID(TRACE).bytes,
        project=7,
        ancestors=(UUID(TRACE).bytes,),
        type="LLM",
        status="SUCCESS",
        start=1_795_015_800_123_456,
        end=1_795_015_802_000_000,
        name="ChatOpenAI",
        tags=("blue",),
        keys=(("feature", "rag-search"),),
        provider="openai",
        model="gpt-4o-mini",
        context=None,
        usage=Usage(1000, 100, cached=400, reasoning=50),
        raw_cost=300_000_000,
        flags=Flag(0),
        thread="c1",
    )


def test_everything_that_is_read_is_asked_for_and_nothing_that_can_hold_a_prompt() -> None:
    assert {select.lower() for select in SELECTS} == set(FULL)
    assert set(ROOT_SELECTS) < set(SELECTS)


def test_a_run_of_nothing_but_an_id_and_a_start_is_a_root_that_goes_on() -> None:
    for bare in (
        {"id": ID, "start_time": FULL["start_time"]},
        {**dict.fromkeys(FULL), "id": ID, "start_time": FULL["start_time"]},
    ):
        run = read_run(FORM.of(bare), 7)
        assert (run.id, run.trace_id, run.ancestors) == (UUID(ID).bytes, UUID(ID).bytes, ())
        assert (run.type, run.status, run.end, run.name, run.tags, run.keys) == ("", "PENDING", None, "", (), ())
        assert (run.provider, run.model, run.usage, run.raw_cost, run.flags) == (None, None, None, None, Flag(0))
        assert run.thread is None


class TestMalformed:
    """What cannot be booked is told apart, by its id where it has one and by nothing else of it."""

    @pytest.mark.parametrize("raw", [None, 7, "run", [], [FULL], True])
    def test_no_object(self, raw: object) -> None:
        with pytest.raises(MalformedRunError, match="no JSON object"):
            read_run(FORM.of(raw), 7)

    @pytest.mark.parametrize("bad", [None, "", 7, "run-1", ID[:-1], ID + "0", "-" * 36, "0" * 36, ID.replace("0", "g")])
    def test_no_id(self, bad: object) -> None:
        with pytest.raises(MalformedRunError, match=r"^a run's id is no UUID$"):
            read(id=bad)

    @pytest.mark.parametrize(
        "bad",
        [
            *(None, "", "yesterday", 1795015800, "2026-11-18T25:00:00Z"),
            *("1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z"),
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
        ],
    )
    def test_no_start(self, bad: object) -> None:
        with pytest.raises(MalformedRunError, match=f"^run {ID} has no readable start time$"):
            read(start_time=bad)

    @pytest.mark.parametrize("bad", [{"trace_id": "PROMPT-TEXT"}, {"parent_run_ids": [TRACE, {"PROMPT-TEXT": 1}]}])
    def test_no_place_in_a_trace(self, bad: dict[str, Any]) -> None:
        with pytest.raises(MalformedRunError, match=f"^run {ID} names a trace or a parent that is no UUID$"):
            read(**bad)


class TestTime:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2026-11-18T15:30:00Z", datetime(2026, 11, 18, 15, 30, tzinfo=UTC)),
            ("2026-11-18T15:30:00", datetime(2026, 11, 18, 15, 30, tzinfo=UTC)),
            ("2026-11-18 15:30:00.5", datetime(2026, 11, 18, 15, 30, 0, 500_000, tzinfo=UTC)),
            ("2026-11-18T16:30:00+01:00", datetime(2026, 11, 18, 15, 30, tzinfo=UTC)),
            ("2026-11-18T21:15:00.000001+05:45", datetime(2026, 11, 18, 15, 30, 0, 1, tzinfo=UTC)),
            ("2026-11-18T15:30:00.123Z", datetime(2026, 11, 18, 15, 30, 0, 123_000, tzinfo=UTC)),
            ("2026-11-18T15:30:00.1234567Z", datetime(2026, 11, 18, 15, 30, 0, 123_456, tzinfo=UTC)),
            ("2026-11-18T15:30:00.123456999Z", datetime(2026, 11, 18, 15, 30, 0, 123_456, tzinfo=UTC)),
            ("2026-11-18T15:30:00.999999999Z", datetime(2026, 11, 18, 15, 30, 0, 999_999, tzinfo=UTC)),
        ],
    )
    def test_a_start_is_utc_unless_it_says_otherwise_and_finer_parts_are_cut_off(
        self, text: str, moment: datetime
    ) -> None:
        assert instant(read(start_time=text).start) == moment

    @given(
        st.integers(946_684_800_000_000, 4_102_444_800_000_000 - 1),
        st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
        st.integers(0, 999),
    )
    def test_every_instant_of_this_century_is_read_to_the_microsecond(
        self, start: int, zone: timezone, nanoseconds: int
    ) -> None:
        text = instant(start).astimezone(zone).isoformat(timespec="microseconds")
        assert read(start_time=f"{text[:26]}{nanoseconds:03}{text[26:]}").start == start

    @pytest.mark.parametrize("bad", [None, "soon", 7, "0001-01-01T00:00:00+14:00"])
    def test_an_end_that_cannot_be_read_is_none(self, bad: object) -> None:
        assert read(end_time=bad).end is None


class TestStatus:
    @pytest.mark.parametrize("status", list(Status))
    def test_langsmiths_words_in_any_case(self, status: Status) -> None:
        assert read(status=status.value.lower(), end_time=None).status == status

    @pytest.mark.parametrize("word", [None, "", "interrupted", 7, ["SUCCESS"], {"a": 1}])
    def test_any_other_word_is_success_once_the_run_has_ended(self, word: object) -> None:
        assert read(status=word).status == Status.SUCCESS
        assert read(status=word, end_time=None).status == Status.PENDING
        assert has_ended(RawRun(status=word, end_time=FULL["end_time"]))
        assert not has_ended(RawRun(status=word))


class TestCost:
    @pytest.mark.parametrize(
        ("fields", "nanos"),
        [
            ({"total_cost": 0.3}, 300_000_000),
            ({"total_cost": 0.1 + 0.2}, 300_000_000),
            ({"total_cost": "0.000000001"}, 1),
            ({"total_cost": " 1.5e-3 "}, 1_500_000),
            ({"total_cost": 0}, 0),
            ({"total_cost": -0.5}, -DOLLAR // 2),
            ({"total_cost": 1_000_000}, 1_000_000 * DOLLAR),
            ({"total_cost": 0.0000000005}, 0),
            ({"total_cost": 0.0000000015}, 2),
            ({"total_cost": None}, None),
            ({"total_cost": None, "prompt_cost": 0.1, "completion_cost": 0.2}, 300_000_000),
            ({"total_cost": None, "prompt_cost": "0.1", "completion_cost": 0}, 100_000_000),
            # Rounded once: two halves of a nano-dollar are a whole one.
            ({"total_cost": None, "prompt_cost": 0.0000000005, "completion_cost": 0.0000000005}, 1),
            ({"total_cost": None, "prompt_cost": 0.1}, None),
            ({"total_cost": None, "completion_cost": 0.1}, None),
            ({"total_cost": None, "prompt_cost": [], "completion_cost": 0.1}, None),
        ],
    )
    def test_the_total_else_prompt_plus_completion_where_both_are_there(
        self, fields: dict[str, Any], nanos: int | None
    ) -> None:
        run = read_run(FORM.of({**without("total_cost", "prompt_cost", "completion_cost"), **fields}), 7)
        assert (run.raw_cost, run.flags) == (nanos, Flag(0))

    @pytest.mark.parametrize(
        "bad",
        [
            True,
            [],
            {},
            "",
            "a lot",
            "NaN",
            float("nan"),
            float("inf"),
            "-Infinity",
            "1e400",
            10**400,
            1_000_001,
            -1e300,
        ],
    )
    def test_what_is_no_money_is_no_cost_and_is_flagged(self, bad: object) -> None:
        run = read(total_cost=bad)
        assert (run.raw_cost, run.flags) == (None, Flag.IMPOSSIBLE_COST)

    @pytest.mark.parametrize("bad", ["NaN", "Infinity", "9e999999999", 10**9])
    def test_nor_is_a_sum_with_it(self, bad: object) -> None:
        for fields in ({"prompt_cost": bad, "completion_cost": bad}, {"prompt_cost": 0.1, "completion_cost": bad}):
            run = read(total_cost=None, **fields)
            assert (run.raw_cost, run.flags) == (None, Flag.IMPOSSIBLE_COST)

    @given(st.decimals(-1000, 1000, places=9))
    def test_a_json_number_becomes_the_money_that_it_was_written_as(self, cost: Decimal) -> None:
        assert read(total_cost=json.loads(str(cost))).raw_cost == int(cost * DOLLAR)


class TestUsage:
    """The rules are those of bot.domain.usage; here: that they get the right fields."""

    def test_cache_beside_the_input_is_added_to_it(self) -> None:
        run = read(prompt_tokens=10, prompt_token_details={"raw": {"cache_read": 400, "cache_creation": 30}})
        assert run.usage == Usage(440, 100, cached=400, cache_write=30, reasoning=50)
        assert run.flags == Flag.CACHE_OUTSIDE_INPUT

    @pytest.mark.parametrize("bad", ["1000", -1, 1.5, 10**13, True, []])
    def test_impossible_tokens_are_no_usage_and_flagged(self, bad: object) -> None:
        run = read(prompt_tokens=bad)
        assert (run.usage, run.flags) == (None, Flag.IMPOSSIBLE_USAGE)

    def test_null_tokens_are_no_usage(self) -> None:
        fields = ("prompt_tokens", "completion_tokens", "prompt_token_details", "completion_token_details")
        assert read(**dict.fromkeys(fields)).usage is None

    @pytest.mark.parametrize(
        ("details", "context"),
        [
            ({"raw": {"flex_cache_read": 4}}, "flex"),
            ({"raw": {"priority": 9, "priority_cache_read": 4}}, "priority"),
            ({"priority_cache_read": 4}, "priority"),
            ({"raw": {"cache_read": 4}}, None),
            ({"raw": None}, None),
            ({"raw": [1]}, None),
            (["flex"], None),
        ],
    )
    def test_token_details_tell_the_service_tier(self, details: object, context: str | None) -> None:
        assert read(prompt_token_details=details).context == context
        assert read(prompt_token_details=None, completion_token_details=details).context == context

    @pytest.mark.parametrize(
        ("metadata", "details", "context"),
        [
            ({"ls_invocation_params": {"service_tier": "flex"}}, None, "flex"),  # as LangSmith's own tracers write it
            ({"service_tier": "priority"}, {"raw": {}}, "priority"),  # as LangChain writes it
            ({"service_tier": "batch"}, {"raw": {"cache_read": 4}}, "batch"),  # as whoever traces a batch can write it
            ({"service_tier": "priority"}, {"raw": {"cache_read": 4}}, None),  # asked for, and served the usual way
            ({"service_tier": "priority"}, {"raw": {"flex_cache_read": 4}}, "flex"),
            ({"service_tier": "auto"}, None, None),
            ({"service_tier": ["flex"]}, None, None),
            ({"ls_invocation_params": "flex"}, None, None),
        ],
    )
    def test_without_token_details_that_speak_of_it_metadata_tell_it(
        self, metadata: dict[str, Any], details: object, context: str | None
    ) -> None:
        assert read(metadata=metadata, prompt_token_details=details, completion_token_details=None).context == context


class TestNames:
    def test_names_are_trimmed_normal_and_of_bounded_length(self) -> None:
        run = read(name=" cafe\u0301 ", tags=["x" * 300, 7, None, "  ", "a\0b"], metadata={"feature": True, "env": 3})
        assert (run.name, run.tags) == ("caf\xe9", ("x" * 250, "ab"))
        assert run.keys == (("env", "3"), ("feature", "true"))

    @pytest.mark.parametrize("nothing", [None, "", "  ", [], ["rag"], {"a": 1}])
    def test_metadata_that_is_no_plain_value_is_missing(self, nothing: object) -> None:
        run = read(metadata={"feature": nothing, "ls_provider": nothing, "ls_model_name": nothing})
        assert (run.keys, run.provider, run.model) == ((), None, None)

    @pytest.mark.parametrize("odd", [None, [], "feature", 7])
    def test_odd_metadata_and_tags_are_none_at_all(self, odd: object) -> None:
        assert read(metadata=odd).keys == read_keys(None) == ()
        assert read(tags=odd).tags == ()

    def test_more_tags_than_anybody_writes_are_left_behind(self) -> None:
        assert len(read(tags=[str(number) for number in range(10_000)]).tags) == MAX_TAGS

    @pytest.mark.parametrize(
        ("rate", "sampled"), [(0.1, True), ("0.5", True), (0, True), (1, False), (1.0, False), (-1, False)]
    )
    def test_a_sample_is_flagged(self, rate: object, sampled: bool) -> None:
        assert read(metadata={"ls_tracing_sample_rate": rate}).flags == (Flag.SAMPLED if sampled else Flag(0))

    @pytest.mark.parametrize("rate", [None, "often", "NaN", float("nan"), float("-inf"), [], True])
    def test_a_rate_that_is_none_flags_nothing(self, rate: object) -> None:
        assert read(metadata={"ls_tracing_sample_rate": rate}).flags == Flag(0)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(FULL)), anything | objects, max_size=6))
@example({"id": "0" * 36})
@example({"metadata": {"ls_tracing_sample_rate": float("nan")}})
@example({"run_type": "LL\0M", "thread_id": "a\0b", "status": "\0", "id": "\0" + "0" * 35})
@example({"run_type": "LLM\ud800", "thread_id": "\udfff", "name": "\ud800"})
@example({"total_cost": None, "prompt_cost": "9e999999", "completion_cost": "9e999999"})
def test_whatever_langsmith_sends_is_a_run_that_can_be_kept_or_is_malformed(changes: dict[str, Any]) -> None:
    try:
        run = read(**changes)
    except MalformedRunError:
        return
    assert {len(one) for one in (run.id, run.trace_id, *run.ancestors)} == {16}
    assert datetime(2000, 1, 1, tzinfo=UTC) <= instant(run.start) < datetime(2100, 1, 1, tzinfo=UTC)
    assert run.end is None or datetime(2000, 1, 1, tzinfo=UTC) <= instant(run.end)
    assert run.status in set(Status)
    assert run.raw_cost is None or abs(run.raw_cost) <= 1_000_000 * DOLLAR
    assert run.context in (None, "batch", "flex", "priority")
    words = (
        run.name,
        run.type,
        run.status,
        run.thread or "",
        run.provider or "",
        run.model or "",
        *run.tags,
        *(text for pair in run.keys for text in pair),
    )
    for word in words:
        assert "\0" not in word
        assert len(word.encode()) <= 4 * 250  # neither too long nor half a surrogate pair


@given(st.dictionaries(st.text(max_size=5), anything, max_size=4), anything)
def test_no_metadata_but_the_configured_gets_into_a_run(others: dict[str, Any], content: object) -> None:
    marker = f"PROMPT-TEXT-{uuid4()}"
    mine = {key: value for key, value in others.items() if key in KEYS or key.startswith("ls_")}
    planted = {key: [marker, value] if isinstance(value, str) else marker for key, value in others.items()}
    metadata = {**planted, "user": marker, "LANGCHAIN_METADATA": marker, **mine}
    raw = {**FULL, "metadata": metadata, "inputs": {"messages": marker}, "outputs": marker, "extra": {"x": marker}}
    raw |= {"error": marker, "events": [marker], "prompt_preview": content}
    taken = FORM.of(raw)
    assert marker not in repr(taken)
    assert marker not in repr(read_run(taken, 7))
