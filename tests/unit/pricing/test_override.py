from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.run import Source
from bot.domain.usage import Flag, Usage
from bot.pricing.override import Override, Rates
from tests.unit.pricing.asking import LISTED_BY, MILLION, ask, pricer, usd

FREE = Override(free=True)


def rates(dollars: str) -> Rates:
    """Rates that tell overrides apart: one price for everything."""
    return Rates(Decimal(dollars), Decimal(dollars))


@pytest.mark.parametrize(
    ("globs", "provider", "model", "fits"),
    [
        ((None, None), None, None, True),
        ((None, None), "openai", "gpt-4o", True),
        (("openai", None), "openai", "gpt-4o", True),
        (("openai", None), "azure", "gpt-4o", False),
        (("openai", None), None, "gpt-4o", False),
        (("*", "*"), None, None, True),
        ((None, "gpt-4o*"), "openai", "gpt-4o-mini", True),
        ((None, "gpt-4o"), "openai", "gpt-4o-mini", False),
        ((None, "gpt-4o"), "openai", None, False),
        (("OpenAI", "GPT-4o"), "openAI", "gpt-4O", True),
        ((None, "gpt-4o"), "openai", "openai/gpt-4o", True),
        ((None, "openai/*"), "openai", "openai/gpt-4o", True),
        ((None, "gemini-*"), "google_genai", "models/gemini-2.5-flash", True),
        ((None, "llama*"), "fireworks", "accounts/fireworks/models/llama-v3", True),
        ((None, "o4-mini"), "openai", "gpt-4o4-mini", False),
        ((None, "gpt-[45]*"), "openai", "gpt-5", True),
    ],
)
def test_both_globs_must_match_without_case_and_a_model_with_or_without_its_prefix(
    globs: tuple[str | None, str | None], provider: str | None, model: str | None, fits: bool
) -> None:
    assert Override(*globs, free=True).fits(provider, model) is fits


@pytest.mark.parametrize(
    ("at", "dollars"),
    [
        (datetime(2026, 10, 31, 22, 59, 59, 999999, tzinfo=UTC), "1"),  # 31 October, 23:59:59 in Berlin
        (datetime(2026, 10, 31, 23, 0, tzinfo=UTC), "2"),  # 1 November, 00:00 in Berlin
        (datetime(2026, 12, 1, tzinfo=UTC), "3"),
        (datetime(2020, 1, 1, tzinfo=UTC), "1"),
    ],
)
def test_the_latest_since_at_or_before_the_local_day_applies_whatever_the_order(at: datetime, dollars: str) -> None:
    ever = Override(rates=rates("1"))
    november = Override(since=date(2026, 11, 1), rates=rates("2"))
    december = Override(since=date(2026, 12, 1), rates=rates("3"))
    for order in ((ever, november, december), (december, ever, november), (november, december, ever)):
        assert ask(pricer(*order), usage=Usage(MILLION, 0), at=at).nanos == usd(dollars)


def test_a_later_since_wins_over_a_closer_glob() -> None:
    closer = Override("openai", "gpt-4o", since=date(2026, 1, 1), rates=rates("1"))
    later = Override(since=date(2026, 2, 1), rates=rates("2"))
    assert ask(pricer(closer, later), usage=Usage(MILLION, 0)).nanos == usd("2")


def test_of_those_of_one_day_the_first_in_the_file_applies() -> None:
    first = Override(model="gpt-4o*", since=date(2026, 1, 1), rates=rates("1"))
    second = Override(model="gpt-4o", since=date(2026, 1, 1), rates=rates("2"))
    assert ask(pricer(first, second), usage=Usage(MILLION, 0)).nanos == usd("1")
    assert ask(pricer(second, first), usage=Usage(MILLION, 0)).nanos == usd("2")


def test_an_override_that_has_not_begun_or_does_not_fit_changes_nothing() -> None:
    ahead = Override(since=date(2026, 11, 21), free=True)
    elsewhere = Override(provider="azure", free=True)
    assert ask(pricer(ahead, elsewhere), told=77) == ask(pricer(), told=77)
    assert ask(pricer(ahead, elsewhere)) == ask(pricer())


def test_a_day_without_a_midnight_begins_with_its_first_instant() -> None:
    """In Beirut clocks went from 00:00 to 01:00 on 30 March 2025."""
    override = Override(since=date(2025, 3, 30), rates=rates("9"))
    asked = pricer(override, zone=ZoneInfo("Asia/Beirut"))
    before, first = datetime(2025, 3, 29, 21, 59, tzinfo=UTC), datetime(2025, 3, 29, 22, tzinfo=UTC)
    assert ask(asked, at=before).source is Source.ESTIMATE
    assert ask(asked, at=first).source is Source.OVERRIDE


@pytest.mark.parametrize(
    ("given", "usage", "dollars"),
    [
        (Rates(Decimal(2), Decimal(8)), Usage(MILLION, MILLION), "10"),
        (Rates(Decimal(2), Decimal(8), Decimal("0.5")), Usage(MILLION, 0, cached=800_000), "0.8"),
        (Rates(Decimal(2), Decimal(8)), Usage(MILLION, 0, cached=800_000), "2"),
        (Rates(Decimal(2), Decimal(8), cache_write=Decimal(3)), Usage(MILLION, 0, cache_write=MILLION), "3"),
        (Rates(Decimal(2), Decimal(8)), Usage(MILLION, 0, 0, MILLION, 500_000), "2"),
        (Rates(Decimal(2), Decimal(8), None, Decimal(3)), Usage(MILLION, 0, 0, MILLION, 500_000), "3"),
        (Rates(Decimal(2), Decimal(8), None, Decimal(3), Decimal(5)), Usage(MILLION, 0, 0, MILLION, 500_000), "4"),
        (Rates(Decimal(2), Decimal(8), None, None, Decimal(5)), Usage(MILLION, 0, 0, MILLION, 500_000), "3.5"),
        (Rates(Decimal(2), Decimal(8)), Usage(0, MILLION, reasoning=MILLION, audio_output=10), "8"),
        (Rates(Decimal("0.0000005"), Decimal(0)), Usage(1, 0), "0"),
        (Rates(Decimal("0.0005"), Decimal(0)), Usage(1, 0), "0"),  # half a nano-dollar, to the even neighbour
        (Rates(Decimal("0.0005"), Decimal(0)), Usage(3, 0), "0.000000002"),
    ],
)
def test_rates_charge_every_kind_of_token_and_round_once(given: Rates, usage: Usage, dollars: str) -> None:
    cost = ask(pricer(Override("openai", "gpt-4o*", date(2026, 11, 1), given)), usage=usage, told=123)
    assert cost == (usd(dollars), Source.OVERRIDE, "override since 2026-11-01 openai/gpt-4o*", Flag(0))


def test_rates_without_usage_know_nothing_even_if_langsmith_does() -> None:
    assert ask(pricer(Override(rates=rates("2"))), usage=None, told=123) == (None, None, None, Flag(0))


def test_rates_of_impossible_usage_know_nothing() -> None:
    cost = ask(pricer(Override(rates=rates("2"))), usage=Usage(10, 1, cached=11), told=123)
    assert cost == (None, None, None, Flag.IMPOSSIBLE_USAGE)


def test_a_cost_beyond_what_the_ledger_holds_is_no_cost() -> None:
    cost = ask(pricer(Override(rates=rates("1000000"))), usage=Usage(10**12, 0))
    assert cost == (None, None, None, Flag.IMPOSSIBLE_COST)


@pytest.mark.parametrize(
    ("percent", "told", "expected"),
    [("10", 1000, 900), ("12.5", 1000, 875), ("0", 1000, 1000), ("100", 1000, 0), ("50", 1, 0), ("50", 3, 2)],
)
def test_a_discount_comes_off_langsmiths_cost(percent: str, told: int, expected: int) -> None:
    cost = ask(pricer(Override("openai", discount=Decimal(percent))), told=told)
    assert cost == (expected, Source.OVERRIDE, "override openai/* off langsmith", Flag(0))
    assert ask(pricer(Override("openai", discount=Decimal(percent))), usage=None, told=told) == cost


@pytest.mark.parametrize(
    ("told", "flags"), [(None, Flag(0)), (0, Flag.ZERO_COST_WITH_TOKENS), (-5, Flag.NEGATIVE_COST)]
)
def test_where_langsmith_has_no_sane_cost_a_discount_comes_off_the_estimate(told: int | None, flags: Flag) -> None:
    cost = ask(pricer(Override(discount=Decimal(20))), usage=Usage(MILLION, 0), told=told)
    assert cost == (usd("2"), Source.OVERRIDE, f"override */* off {LISTED_BY} openai/gpt-4o", flags)


def test_the_estimate_is_rounded_only_after_the_discount() -> None:
    """A cached token of GPT-5 nano costs 2.5 nano-dollars in a batch: 40 % off is 1.5, not 60 % of a rounded 2."""
    cost = ask(pricer(Override(discount=Decimal(40))), model="gpt-5-nano", usage=Usage(1, 0, cached=1), context="batch")
    assert cost.nanos == 2


def test_a_discount_of_nothing_known_knows_nothing() -> None:
    asked = pricer(Override(discount=Decimal(20)))
    assert ask(asked, "ollama", "llama3") == (None, None, None, Flag(0))
    assert ask(asked, usage=None) == (None, None, None, Flag(0))
    assert ask(asked, usage=Usage(10, 1, cached=11)) == (None, None, None, Flag.IMPOSSIBLE_USAGE)


@pytest.mark.parametrize(("usage", "told"), [(Usage(10, 1), None), (Usage(10, 1), 55), (None, 55), (Usage(10, 1), 0)])
def test_free_is_zero_dollars_for_whatever_there_is_to_price(usage: Usage | None, told: int | None) -> None:
    cost = ask(pricer(Override("ollama", free=True)), "ollama", "llama3", usage, told=told)
    assert cost[:3] == (0, Source.OVERRIDE, "override ollama/*")


@pytest.mark.parametrize("told", [None, 0])
def test_a_run_without_tokens_and_without_a_cost_is_not_a_free_one(told: int | None) -> None:
    assert ask(pricer(FREE), usage=None, told=told) == (None, None, None, Flag(0))


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 10**15))
def test_a_discount_of_a_hundred_percent_leaves_nothing(inputs: int, outputs: int, told: int) -> None:
    asked = pricer(Override(discount=Decimal(100)))
    assert ask(asked, usage=Usage(inputs, outputs + 1)).nanos == 0
    assert ask(asked, usage=Usage(inputs, outputs), told=told).nanos == 0
