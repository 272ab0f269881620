import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.usage import MAX_TOKENS, Flag, Usage, read_usage

FINE = Flag(0)
counts = st.none() | st.integers(0, 10**7)
junk = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
)
kinds = st.sampled_from(
    [
        "cache_read",
        "cache_creation",
        "ephemeral_5m_input_tokens",
        "ephemeral_1h_input_tokens",
        "audio",
        "reasoning",
        "flex_cache_read",
        "priority",
        "priority_reasoning",
        "new_kind",
    ]
)
details = st.none() | st.dictionaries(kinds, counts)


@pytest.mark.parametrize(
    ("given_usage", "usage"),
    [
        ((10, 5, None, None), Usage(10, 5)),
        ((10, None, None, None), Usage(10, 0)),
        ((None, 5, {}, {}), Usage(0, 5)),
        ((10.0, 5, None, None), Usage(10, 5)),
        ((10, 5, {"cache_read": 4}, {"reasoning": 3}), Usage(10, 5, cached=4, reasoning=3)),
        ((10, 5, {"raw": {"cache_read": 4}}, {"raw": {"reasoning": 3}}), Usage(10, 5, cached=4, reasoning=3)),
        ((10, 5, {"raw": None}, {"raw": {}}), Usage(10, 5)),
        ((10, 5, {"cache_read": None}, []), Usage(10, 5)),
        ((10, 5, {"audio": 4}, {"audio": 3}), Usage(10, 5, audio_input=4, audio_output=3)),
        ((10, 5, {"cache_creation": 4}, None), Usage(10, 5, cache_write=4)),
        # The lifetimes lie inside `cache_creation` where that is given ...
        (
            (10, 5, {"cache_creation": 6, "ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 2}, None),
            Usage(10, 5, cache_write=6, cache_write_1h=2),
        ),
        # ... and make it up where it is not.
        (
            (10, 5, {"cache_creation": 0, "ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 2}, None),
            Usage(10, 5, cache_write=6, cache_write_1h=2),
        ),
        ((10, 5, {"ephemeral_1h_input_tokens": 2}, None), Usage(10, 5, cache_write=2, cache_write_1h=2)),
        # A service tier's kinds are the kinds, and its plain count is no further token.
        (
            (10, 5, {"priority": 6, "priority_cache_read": 4}, {"flex": 2, "flex_reasoning": 3}),
            Usage(10, 5, cached=4, reasoning=3),
        ),
        ((10, 5, {"image": 9}, {"citations": 2}), Usage(10, 5)),
        # More than the whole cannot be a part of it.
        ((10, 5, {"audio": 11}, {"reasoning": 6, "audio": 6}), Usage(10, 5, 0, 0, 0, 5, 10, 5)),
        ((MAX_TOKENS, 0, None, None), Usage(MAX_TOKENS, 0)),
    ],
)
def test_token_counts_are_read(given_usage: tuple[object, object, object, object], usage: Usage) -> None:
    assert read_usage(*given_usage) == (usage, FINE)


@pytest.mark.parametrize(
    ("prompt_tokens", "prompt", "usage"),
    [
        (10, {"cache_read": 30}, Usage(40, 1, cached=30)),
        (10, {"cache_read": 8, "cache_creation": 8}, Usage(26, 1, cached=8, cache_write=8)),
        (0, {"ephemeral_1h_input_tokens": 5}, Usage(5, 1, cache_write=5, cache_write_1h=5)),
    ],
)
def test_cache_tokens_beyond_the_input_were_reported_beside_it(
    prompt_tokens: int, prompt: dict[str, int], usage: Usage
) -> None:
    assert read_usage(prompt_tokens, 1, prompt, None) == (usage, Flag.CACHE_OUTSIDE_INPUT)


def test_cache_tokens_that_fill_the_input_are_inside_it() -> None:
    assert read_usage(10, 1, {"cache_read": 4, "cache_creation": 6}, None) == (Usage(10, 1, 4, 6), FINE)


@pytest.mark.parametrize(
    "given_usage",
    [(None, None, None, None), (0, 0, {}, {}), (0, 0, {"cache_read": 0}, {"reasoning": 3}), (0.0, None, "", 7)],
)
def test_nothing_or_nothing_but_zeros_is_no_usage(given_usage: tuple[object, object, object, object]) -> None:
    assert read_usage(*given_usage) == (None, FINE)


@pytest.mark.parametrize(
    "given_usage",
    [
        (-1, 5, None, None),
        (10, -5, None, None),
        (True, 5, None, None),
        ("10", 5, None, None),
        (10.5, 5, None, None),
        (float("nan"), 5, None, None),
        (float("inf"), 5, None, None),
        (MAX_TOKENS + 1, 5, None, None),
        (1e300, 5, None, None),
        (10, 5, {"cache_read": -1}, None),
        (10, 5, {"raw": {"audio": "many"}}, None),
        (10, 5, None, {"reasoning": 0.5}),
    ],
)
def test_impossible_counts_are_no_usage_and_flagged(given_usage: tuple[object, object, object, object]) -> None:
    assert read_usage(*given_usage) == (None, Flag.IMPOSSIBLE_USAGE)


@given(counts, counts, details, details)
def test_the_parts_of_what_was_read_lie_inside_the_whole(
    inputs: int | None,
    outputs: int | None,
    prompt: dict[str, int | None] | None,
    completion: dict[str, int | None] | None,
) -> None:
    usage, flags = read_usage(inputs, outputs, prompt, completion)
    if usage is None:
        assert not inputs
        assert not outputs
        return
    assert min(usage) >= 0
    assert usage.total > 0
    assert usage.cached + usage.cache_write <= usage.input
    assert usage.cache_write_1h <= usage.cache_write
    assert usage.audio_input <= usage.input
    assert max(usage.reasoning, usage.audio_output) <= usage.output
    assert usage.output == (outputs or 0)
    assert (usage.input == (inputs or 0)) == (Flag.CACHE_OUTSIDE_INPUT not in flags)


@given(junk, junk, junk | st.dictionaries(kinds, junk), junk | st.dictionaries(st.just("raw"), junk))
def test_nonsense_is_never_an_error(inputs: object, outputs: object, prompt: object, completion: object) -> None:
    usage, flags = read_usage(inputs, outputs, prompt, completion)
    assert usage is None or (usage.total > 0 and Flag.IMPOSSIBLE_USAGE not in flags)
