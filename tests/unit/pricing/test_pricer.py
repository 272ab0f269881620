import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cost import NOBODY_KNOWS, Price
from bot.domain.run import Source
from bot.domain.usage import NO_TOKENS, Flag, Usage
from bot.pricing.override import Override, Rates
from tests.unit.pricing.asking import LISTED_BY, ask, pricer

LISTED = 3_500_000  # 1000 + 100 tokens of GPT-4o

overrides = st.sampled_from(
    [
        Override(free=True),
        Override(discount=Decimal("12.5")),
        Override(rates=Rates(Decimal("2.5"), Decimal("0.3333333"))),
        Override(provider="azure", free=True),
    ]
)
providers = st.sampled_from([None, "openai", "anthropic", "azure", "google_genai", "ollama", "nonsense"])
models = st.sampled_from([None, "gpt-4o", "gpt-5.5", "claude-sonnet-4-5", "gemini-2.5-pro", "llama3", "", "/", "o3"])
usages = st.none() | st.builds(Usage, *[st.integers(-2, 400_000)] * 8) | st.builds(Usage, *[st.integers(0, 10**12)] * 2)
moments = st.integers(0, 7 * 366 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
contexts = st.sampled_from([None, "batch", "flex", "priority"])
costs = st.none() | st.integers(-(10**18), 10**18)


@pytest.mark.parametrize(
    ("usage", "told", "cost"),
    [
        (Usage(1000, 100), 1, (1, Source.LANGSMITH, None, Flag(0))),
        (None, 1, (1, Source.LANGSMITH, None, Flag(0))),
        (NO_TOKENS, 1, (1, Source.LANGSMITH, None, Flag(0))),
        (Usage(1000, 100), None, (LISTED, Source.ESTIMATE, f"{LISTED_BY} openai/gpt-4o", Flag(0))),
        (
            Usage(1000, 100),
            0,
            (LISTED, Source.ESTIMATE, f"{LISTED_BY} openai/gpt-4o", Flag.ZERO_COST_WITH_TOKENS),
        ),
        (Usage(1000, 100), -1, (LISTED, Source.ESTIMATE, f"{LISTED_BY} openai/gpt-4o", Flag.NEGATIVE_COST)),
        (None, -1, (None, None, None, Flag.NEGATIVE_COST)),
        (None, 0, NOBODY_KNOWS),
        (NO_TOKENS, 0, NOBODY_KNOWS),
        (None, None, NOBODY_KNOWS),
        (Usage(10, 0, cached=11), None, (None, None, None, Flag.IMPOSSIBLE_USAGE)),
        (Usage(10, 0, cached=11), -1, (None, None, None, Flag.IMPOSSIBLE_USAGE | Flag.NEGATIVE_COST)),
        (Usage(10, 0, cached=11), 1, (1, Source.LANGSMITH, None, Flag(0))),
    ],
)
def test_langsmiths_sane_cost_wins_over_the_list_price_and_a_run_with_neither_is_unknown(
    usage: Usage | None, told: int | None, cost: tuple[int | None, Source | None, str | None, Flag]
) -> None:
    assert ask(pricer(), usage=usage, told=told) == cost


def test_an_override_wins_over_langsmiths_cost_and_keeps_what_was_odd_about_it() -> None:
    asked = pricer(Override(free=True))
    assert ask(asked, told=99) == (0, Source.OVERRIDE, "override */*", Flag(0))
    assert ask(asked, told=-9) == (0, Source.OVERRIDE, "override */*", Flag.NEGATIVE_COST)


@pytest.mark.parametrize(("provider", "model"), [("ollama", "llama3"), ("openai", "gpt-4o-mini-foo"), ("openai", None)])
def test_an_unknown_model_is_unpriced_never_zero(provider: str, model: str | None) -> None:
    assert ask(pricer(), provider, model) == NOBODY_KNOWS


@given(st.lists(overrides, max_size=3), providers, models, usages, moments, contexts, costs)
def test_whatever_comes_a_cost_is_whole_not_negative_and_from_somebody_or_unknown_altogether(
    given_overrides: list[Override],
    provider: str | None,
    model: str | None,
    usage: Usage | None,
    at: datetime,
    context: str | None,
    told: int | None,
) -> None:
    cost = ask(pricer(*given_overrides), provider, model, usage, at=at, context=context, told=told)
    if cost.nanos is None:
        assert cost.source is None
        assert cost.reference is None
    else:
        assert type(cost.nanos) is int
        assert cost.nanos >= 0
        assert cost.source is not None
        assert (cost.reference is None) == (cost.source is Source.LANGSMITH)
    assert (Flag.NEGATIVE_COST in cost.flags) == (told is not None and told < 0)


@given(st.lists(st.tuples(providers, models, usages, moments, contexts, costs), min_size=2, max_size=8), st.data())
def test_a_run_costs_the_same_whoever_asks_and_whatever_was_asked_before(
    runs: list[tuple[str | None, str | None, Usage | None, datetime, str | None, int | None]], data: st.DataObject
) -> None:
    """The views agree: what is remembered between two questions never changes an answer."""
    shared: Price = pricer(Override("azure", discount=Decimal(10)))
    for provider, model, usage, at, context, told in data.draw(st.permutations(runs)):
        fresh = ask(
            pricer(Override("azure", discount=Decimal(10))), provider, model, usage, at=at, context=context, told=told
        )
        again = ask(shared, provider, model, usage, at=at, context=context, told=told)  # type: ignore[arg-type] # the protocol is what callers see
        assert again == fresh


@given(
    st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6), st.sampled_from(["gpt-4o", "gpt-5.5", "o3"])
)
def test_more_tokens_never_cost_less(inputs: int, outputs: int, more: int, model: str) -> None:
    asked = pricer()
    less = ask(asked, model=model, usage=Usage(inputs, outputs + 1)).nanos
    bigger = ask(asked, model=model, usage=Usage(inputs + more, outputs + 1 + more)).nanos
    assert less is not None
    assert bigger is not None
    assert bigger >= less


def test_the_price_list_is_not_loaded_before_a_run_needs_it() -> None:
    """Reports start fast: reading costs that are known already must not load genai-prices."""
    program = (
        "import sys; from zoneinfo import ZoneInfo;"
        "from bot.pricing.pricer import Pricer; from bot.pricing.override import Override;"
        "ask = Pricer([Override('openai', free=True)], ZoneInfo('UTC'));"
        "ask(provider='groq', model='x', usage=None, start=0, context=None, langsmith_cost=5);"
        "assert 'genai_prices' not in sys.modules, 'loaded too early'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_prices_of_the_same_day_can_differ_by_the_hour() -> None:
    """DeepSeek sells off-peak calls at another price; a day's remembered price must not leak into the hour."""
    asked = pricer()
    day = datetime(2026, 11, 20, tzinfo=UTC)
    costs_by_hour = [
        ask(asked, "deepseek", "deepseek-chat", Usage(1_000_000, 0), at=day + timedelta(hours=hour)).nanos
        for hour in (0, 1, 16, 17)
    ]
    assert costs_by_hour == [135_000_000, 270_000_000, 270_000_000, 135_000_000]
