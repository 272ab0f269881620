from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.usage import MAX_TOKENS, Usage
from bot.pricing.card import Card, Charge

rates = st.decimals(min_value=0, max_value=10_000, allow_nan=False, allow_infinity=False, places=7)
maybe = st.none() | rates
tokens = st.integers(0, MAX_TOKENS)


@dataclass(frozen=True)
class Priced:
    """Rates as they were given, and the card that was made of them."""

    given: dict[str, Decimal | None]
    card: Card


@st.composite
def cards(draw: st.DrawFn) -> Priced:
    needed: dict[str, Decimal | None] = {"input": draw(rates), "output": draw(rates)}
    kinds = (
        "cached",
        "cache_write",
        "cache_write_1h",
        "reasoning",
        "audio_input",
        "cached_audio",
        "audio_output",
        "request",
    )
    given = needed | {kind: draw(maybe) for kind in kinds}
    return Priced(given, Card.of(**given))  # type: ignore[arg-type] # input and output are never None


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Any possible usage whose audio was not written to a cache."""
    inputs, outputs = draw(tokens), draw(tokens)
    cached = draw(st.integers(0, inputs))
    written = draw(st.integers(0, inputs - cached))
    reasoning = draw(st.integers(0, outputs))
    return Usage(
        inputs,
        outputs,
        cached,
        written,
        draw(st.integers(0, written)),
        reasoning,
        draw(st.integers(0, inputs - written)),
        draw(st.integers(0, outputs - reasoning)),
    )


@given(cards(), usages())
def test_every_token_is_charged_once_at_the_rate_of_its_kind(priced: Priced, usage: Usage) -> None:
    def rate(*kinds: str) -> Fraction:
        """The first rate that was given."""
        return next(Fraction(value) for kind in kinds if (value := priced.given[kind]) is not None)

    both = max(0, usage.cached + usage.cache_write + usage.audio_input - usage.input)  # must be audio and cached
    plain = usage.input - usage.cached - usage.cache_write - usage.audio_input + both
    cached_audio = ("cached_audio", "cached", "audio_input", "input")
    dollars = (
        plain * rate("input")
        + (usage.cached - both) * rate("cached", "input")
        + both * rate(*cached_audio)
        + (usage.audio_input - both) * rate("audio_input", "input")
        + (usage.cache_write - usage.cache_write_1h) * rate("cache_write", "input")
        + usage.cache_write_1h * rate("cache_write_1h", "cache_write", "input")
        + (usage.output - usage.reasoning - usage.audio_output) * rate("output")
        + usage.reasoning * rate("reasoning", "output")
        + usage.audio_output * rate("audio_output", "output")
        + (Fraction(priced.given["request"]) if priced.given["request"] is not None else 0)
    ) / 1_000_000
    charge = priced.card.charge(usage)
    assert Fraction(charge.units, charge.per_nano) == dollars * 1_000_000_000
    assert charge.units >= 0


@given(cards(), usages(), st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_tokens_never_cost_less(priced: Priced, usage: Usage, inputs: int, outputs: int) -> None:
    usage = usage._replace(audio_input=0)  # more room moves audio out of the cache, which may be cheaper there
    more = usage._replace(input=usage.input + inputs, output=usage.output + outputs)
    assert priced.card.charge(more).units >= priced.card.charge(usage).units


@given(st.integers(0, 10**30), st.integers(1, 10**12))
def test_an_amount_is_rounded_half_even_as_python_rounds_a_fraction(units: int, per_nano: int) -> None:
    assert Charge(units, per_nano).nanos() == round(Fraction(units, per_nano))


@pytest.mark.parametrize(("halves", "nanos"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_half_a_nano_dollar_goes_to_the_even_neighbour(halves: int, nanos: int) -> None:
    charge = Charge(halves, 2).nanos()
    assert charge == nanos
    assert type(charge) is int


@given(st.integers(0, 10**15), st.decimals(0, 100, places=4))
def test_a_discount_is_taken_off_the_exact_amount(units: int, percent: Decimal) -> None:
    left = Charge(units, 1000).less(percent)
    assert Fraction(left.units, left.per_nano) == Fraction(units, 1000) * (100 - Fraction(percent)) / 100


def test_audio_that_was_written_to_a_cache_is_charged_as_a_cache_write() -> None:
    card = Card.of(input=Decimal(1), output=Decimal(0), cache_write=Decimal(2), audio_input=Decimal(50))
    assert card.charge(Usage(1000, 0, cache_write=800, audio_input=700)).nanos() == 800 * 2000 + 200 * 50_000


def test_an_output_token_is_not_charged_both_as_reasoning_and_as_audio() -> None:
    card = Card.of(input=Decimal(0), output=Decimal(1), reasoning=Decimal(2), audio_output=Decimal(50))
    assert card.charge(Usage(0, 10, reasoning=8, audio_output=5)).nanos() == 8 * 2000 + 2 * 50_000


@pytest.mark.parametrize(
    "usage",
    [
        Usage(-1, 0),
        Usage(0, -1),
        Usage(10, 0, cached=-1),
        Usage(10, 0, cached=11),
        Usage(10, 0, cached=6, cache_write=5),
        Usage(10, 0, cache_write=5, cache_write_1h=6),
        Usage(10, 0, audio_input=11),
        Usage(10, 5, reasoning=6),
        Usage(10, 5, audio_output=6),
    ],
)
def test_usage_whose_parts_do_not_fit_is_refused(usage: Usage) -> None:
    with pytest.raises(ValueError, match="impossible"):
        Card.of(input=Decimal(1), output=Decimal(1)).charge(usage)
