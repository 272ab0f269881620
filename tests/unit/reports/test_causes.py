"""Why a cost has changed: the causes add up to the change, and the one that is named explains it."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import dollars
from bot.ledger.figures import NOTHING, Figures
from bot.reports.causes import Factor, causes, largest_cause

FIGURES = st.one_of(
    st.just(NOTHING),
    st.builds(
        Figures,
        runs=st.integers(1, 10**6),
        cost=st.integers(0, 10**15),
        input=st.integers(0, 10**9),
        output=st.integers(0, 10**9),
    ),
)


def figures(runs: int, tokens: int, cost: int) -> Figures:
    """`tokens` in all; `cost` in whole dollars."""
    return Figures(runs=runs, input=tokens, cost=cost * 10**9)


@given(FIGURES, FIGURES)
def test_the_effects_add_up_to_the_change_to_the_nano_dollar(before: Figures, after: Figures) -> None:
    assert sum(cause.effect for cause in causes(before, after)) == dollars(after.cost - before.cost)


@given(FIGURES, FIGURES)
def test_seen_backwards_every_effect_is_the_opposite(before: Figures, after: Figures) -> None:
    there, back = causes(before, after), causes(after, before)
    for one, other in zip(there, back, strict=True):
        # Each is rounded once, and one of them takes what was lost.
        assert abs(one.effect + other.effect) <= dollars(4)


@given(FIGURES, FIGURES)
def test_the_cause_that_is_named_goes_the_way_the_cost_went(before: Figures, after: Figures) -> None:
    change = after.cost - before.cost
    assert largest_cause(before, after).effect * change >= 0


@given(FIGURES, st.integers(2, 9))
def test_more_of_the_same_is_runs_alone(before: Figures, times: int) -> None:
    after = Figures(*(amount * times for amount in before))
    by_factor = {cause.factor: cause for cause in causes(before, after)}
    assert by_factor.pop(Factor.RUNS).effect == dollars(after.cost - before.cost)
    assert {cause.effect for cause in by_factor.values()} <= {Decimal(0)}


def test_longer_runs_are_tokens_per_run() -> None:
    cause = largest_cause(figures(10, 1_000, 10), figures(10, 1_500, 15))
    assert cause == (Factor.TOKENS, Decimal(5), Decimal(100), Decimal(150), Decimal("0.5"))


def test_a_dearer_model_is_price_per_token() -> None:
    cause = largest_cause(figures(10, 1_000, 10), figures(10, 1_000, 30))
    assert cause == (Factor.PRICE, Decimal(20), Decimal("0.01"), Decimal("0.03"), Decimal(2))


def test_what_was_not_there_before_came_by_its_runs() -> None:
    assert largest_cause(NOTHING, figures(4, 100, 8)) == (Factor.RUNS, Decimal(8), Decimal(0), Decimal(4), None)


def test_what_is_gone_went_with_its_runs() -> None:
    cause = largest_cause(figures(4, 100, 8), NOTHING)
    assert cause == (Factor.RUNS, Decimal(-8), Decimal(4), Decimal(0), Decimal(-1))


def test_without_tokens_on_one_side_it_is_the_cost_per_run() -> None:
    cause = largest_cause(figures(2, 0, 4), figures(2, 100, 10))
    assert cause == (Factor.COST_PER_RUN, Decimal(6), Decimal(2), Decimal(5), Decimal("1.5"))


def test_a_fall_in_price_does_not_explain_a_rise() -> None:
    """Runs and tokens have each tripled while the price fell: what rose is named, though the fall is the largest."""
    before, after = figures(100, 10_000, 100), figures(300, 90_000, 120)
    effects = {cause.factor: cause.effect for cause in causes(before, after)}
    assert min(effects, key=lambda factor: effects[factor]) is Factor.PRICE
    assert abs(effects[Factor.PRICE]) > effects[Factor.RUNS]
    assert largest_cause(before, after).factor in (Factor.RUNS, Factor.TOKENS)
