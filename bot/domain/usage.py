"""Usage: how many tokens a run used. Input-inclusive: cached and cache-write tokens lie inside input, reasoning inside
output."""

from collections.abc import Mapping
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


def read_usage(
    prompt_tokens: object, completion_tokens: object, prompt_details: object, completion_details: object
) -> tuple[Usage | None, Flag]:
    """LangSmith's token counts as `Usage`, and what was odd about them.

    None where no usage was reported (nothing, or nothing but zeros) or where it is impossible. Cache tokens beyond the
    input were reported beside it (old Anthropic wrappers do so): they are added to the input first. `ephemeral_5m` and
    `ephemeral_1h` lie inside `cache_creation` where that is given, and make it up where it is not.
    """
    inputs, outputs = _count(prompt_tokens), _count(completion_tokens)
    given_in, given_out = _details(prompt_details), _details(completion_details)
    if inputs is None or outputs is None or given_in is None or given_out is None:
        return None, Flag.IMPOSSIBLE_USAGE
    flags = Flag(0)
    if given_in or given_out:
        usage, flags = _detailed(inputs, outputs, given_in, given_out)
    else:
        usage = Usage(inputs, outputs)
    if usage.total == 0:
        return None, flags
    return usage, flags


def _detailed(inputs: int, outputs: int, prompt: dict[str, int], completion: dict[str, int]) -> tuple[Usage, Flag]:
    flags = Flag(0)
    cached = _sum(prompt, "cache_read")
    five_minutes, one_hour = _sum(prompt, "ephemeral_5m_input_tokens"), _sum(prompt, "ephemeral_1h_input_tokens")
    cache_write = max(_sum(prompt, "cache_creation"), five_minutes + one_hour)
    if cached + cache_write > inputs:
        inputs += cached + cache_write
        flags |= Flag.CACHE_OUTSIDE_INPUT
    return (
        Usage(
            input=inputs,
            output=outputs,
            cached=cached,
            cache_write=cache_write,
            cache_write_1h=one_hour,
            reasoning=min(_sum(completion, "reasoning"), outputs),
            audio_input=min(_sum(prompt, "audio"), inputs),
            audio_output=min(_sum(completion, "audio"), outputs),
        ),
        flags,
    )


def _sum(details: dict[str, int], kind: str) -> int:
    """The tokens of one kind, those of a service tier included: `flex_cache_read` is `cache_read` at another price."""
    total = details.get(kind, 0)
    for tier in ("flex_", "priority_"):
        total += details.get(tier + kind, 0)
    return total


def _details(details: object) -> dict[str, int] | None:
    """`{kind: tokens}` without the kinds that are null; None if a count is impossible. LangSmith nests it in `raw`."""
    if isinstance(details, Mapping) and isinstance(details.get("raw"), Mapping):
        details = details["raw"]
    if not details or not isinstance(details, Mapping):
        return {}
    counts: dict[str, int] = {}
    for kind, tokens in details.items():
        if tokens is None:
            continue
        count = _count(tokens)
        if count is None:
            return None
        counts[str(kind)] = count
    return counts


def _count(tokens: object) -> int | None:
    """A token count; 0 where none is given; None where it is impossible."""
    if tokens is None:
        return 0
    if type(tokens) is int:
        return tokens if 0 <= tokens <= MAX_TOKENS else None
    if isinstance(tokens, float) and tokens.is_integer():
        return _count(int(tokens))
    return None
