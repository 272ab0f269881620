"""Usage: how many tokens a run used. Input-inclusive: cached and cache-write tokens lie inside input, reasoning inside
output."""

from enum import IntFlag
from typing import NamedTuple

# What a BIGINT column and a sane provider can mean; a claim beyond it is a fault in the data.
MAX_TOKENS = 10**12


class Flag(IntFlag):
    """What is odd about a run's data. Kept with the run, shown by `audit`, and kept away from alerts."""

    CACHE_OUTSIDE_INPUT = 1  # the source reported cache tokens beside input; they were added to it
    IMPOSSIBLE_USAGE = 2  # negative or absurd token counts: the run has no usable usage
    NEGATIVE_COST = 4
    ZERO_COST_WITH_TOKENS = 8
    IMPOSSIBLE_COST = 16  # not a number, not finite, or too large to be money
    SAMPLED = 32  # LangSmith was sent a sample only (ls_tracing_sample_rate < 1): the real spend is higher
    PURGED = 64  # its words were deleted on demand: what is read of it again loses them too


# Making a flag takes as long as reading a field of a run, and nearly every run is fine.
FINE = Flag(0)


class Usage(NamedTuple):
    """Tokens of one run. `cached`, `cache_write` and `audio_input` are parts of `input`; `cache_write_1h` is a part of
    `cache_write`; `reasoning` and `audio_output` are parts of `output`."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0

    @property
    def total(self) -> int:
        """Input plus output: the details lie inside."""
        return self.input + self.output


NO_TOKENS = Usage(0, 0)

# The kinds of detail that LangSmith reports. Those of a service tier are kinds of their own, and count like the others:
# `flex_cache_read` is `cache_read` at another price.
_PROMPT_KINDS = ("cache_read", "cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "audio")
_COMPLETION_KINDS = ("reasoning", "audio")


def _places(kinds: tuple[str, ...]) -> dict[str, int]:
    return {tier + kind: place for place, kind in enumerate(kinds) for tier in ("", "flex_", "priority_")}


_PROMPT_PLACES, _COMPLETION_PLACES = _places(_PROMPT_KINDS), _places(_COMPLETION_KINDS)


def read_usage(
    prompt_tokens: object, completion_tokens: object, prompt_details: object, completion_details: object
) -> tuple[Usage | None, Flag]:
    """LangSmith's token counts as `Usage`, and what was odd about them.

    None where no usage was reported (nothing, or nothing but zeros) or where it is impossible. Cache tokens beyond the
    input were reported beside it (old Anthropic wrappers do so): they are added to the input first. `ephemeral_5m` and
    `ephemeral_1h` lie inside `cache_creation` where that is given, and make it up where it is not.
    """
    inputs, outputs = _count(prompt_tokens), _count(completion_tokens)
    given_in = _sums(prompt_details, _PROMPT_PLACES, len(_PROMPT_KINDS))
    given_out = _sums(completion_details, _COMPLETION_PLACES, len(_COMPLETION_KINDS))
    if inputs is None or outputs is None or given_in is None or given_out is None:
        return None, Flag.IMPOSSIBLE_USAGE
    flags = FINE
    if given_in or given_out:
        usage, flags = _detailed(inputs, outputs, given_in, given_out)
    else:
        usage = Usage(inputs, outputs)
    if not usage.input and not usage.output:
        return None, flags
    return usage, flags


def _detailed(inputs: int, outputs: int, prompt: list[int], completion: list[int]) -> tuple[Usage, Flag]:
    flags = FINE
    cached, created, five_minutes, one_hour, audio_input = prompt or (0, 0, 0, 0, 0)
    reasoning, audio_output = completion or (0, 0)
    cache_write = max(created, five_minutes + one_hour)
    if cached + cache_write > inputs:
        inputs += cached + cache_write
        flags = Flag.CACHE_OUTSIDE_INPUT
    return (
        Usage(
            inputs,
            outputs,
            cached,
            cache_write,
            one_hour,
            min(reasoning, outputs),
            min(audio_input, inputs),
            min(audio_output, outputs),
        ),
        flags,
    )


def _sums(details: object, places: dict[str, int], kinds: int) -> list[int] | None:
    """The tokens of each of the `kinds`, in their places; nothing if none was used; None if a count is impossible,
    whatever its kind. LangSmith nests the kinds in `raw`."""
    if not details or not isinstance(details, dict):
        return []
    nested = details.get("raw")
    if isinstance(nested, dict):
        details = nested
    sums: list[int] = []
    for kind, tokens in details.items():
        count = _count(tokens)
        if count is None:
            return None
        place = places.get(kind)
        if count and place is not None:
            sums = sums or [0] * kinds
            sums[place] += count
    return sums


def _count(tokens: object) -> int | None:
    """A token count; 0 where none is given; None where it is impossible."""
    if tokens is None:
        return 0
    if type(tokens) is int:
        return tokens if 0 <= tokens <= MAX_TOKENS else None
    if isinstance(tokens, float) and tokens.is_integer():
        return _count(int(tokens))
    return None
