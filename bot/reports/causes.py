"""Why a cost has changed: more runs, more tokens in a run, or a higher price of a token (pure).

A cost is runs x tokens per run x price per token. What each of the three did to it is taken as the average over all
orders in which they can have changed, so that no order is preferred, and the three together are the whole change.
"""

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from bot.domain.money import NANOS_PER_DOLLAR, dollars

if TYPE_CHECKING:
    from bot.ledger.figures import Figures


class Factor(StrEnum):
    """What a cost is made of. COST_PER_RUN stands for the last two where the tokens of one side are not known."""

    RUNS = "runs"
    TOKENS = "tokens per run"
    PRICE = "price per token"
    COST_PER_RUN = "cost per run"


class Cause(NamedTuple):
    """What one factor did: `effect` US dollars. `before` and `after` are the factor itself (a number of runs, of tokens
    per run, US dollars per token or run), None where there were no runs to tell it by; `change` is 0.25 for a quarter
    more, None where there was nothing before."""

    factor: Factor
    effect: Decimal
    before: Decimal | None
    after: Decimal | None
    change: Decimal | None


def causes(before: "Figures", after: "Figures") -> tuple[Cause, ...]:
    """What each factor did. The effects are whole nano-dollars and add up to the change of the cost, exactly.

    Where one side had no runs at all, its tokens per run and its price are taken for those of the other side: the runs
    are the cause.
    """
    values = _values(before, after)
    exact = _effects([(old, new) for _, old, new in values])
    change = after.cost - before.cost
    rounded = [round(effect) for effect in exact]
    # What was lost in rounding, at most a nano-dollar or two, is put where it shows least.
    largest = max(range(len(exact)), key=lambda place: abs(exact[place]))
    rounded[largest] += change - sum(rounded)
    return tuple(
        _cause(factor, effect, old, new, before.runs > 0, after.runs > 0)
        for (factor, old, new), effect in zip(values, rounded, strict=True)
    )


def largest_cause(before: "Figures", after: "Figures") -> Cause:
    """The factor that did most in the direction in which the cost went: a price that fell does not explain a rise."""
    found = causes(before, after)
    if after.cost == before.cost:
        return max(found, key=lambda cause: abs(cause.effect))
    return max(found, key=lambda cause: cause.effect if after.cost > before.cost else -cause.effect)


def _values(before: "Figures", after: "Figures") -> list[tuple[Factor, Fraction, Fraction]]:
    """The factors with their values, prices in nano-dollars, before and after."""
    runs = (Factor.RUNS, Fraction(before.runs), Fraction(after.runs))
    if all(side.input + side.output for side in (before, after) if side.runs):
        tokens = [_per(side.input + side.output, side.runs) for side in (before, after)]
        prices = [_per(side.cost, side.input + side.output) for side in (before, after)]
        return [runs, (Factor.TOKENS, *_both(tokens)), (Factor.PRICE, *_both(prices))]
    return [runs, (Factor.COST_PER_RUN, *_both([_per(side.cost, side.runs) for side in (before, after)]))]


def _per(amount: int, number: int) -> Fraction | None:
    return Fraction(amount, number) if number else None


def _both(sides: list[Fraction | None]) -> tuple[Fraction, Fraction]:
    """Where one side is unknown it is taken to be as the other."""
    old, new = sides
    known = old if old is not None else new if new is not None else Fraction(0)
    return old if old is not None else known, new if new is not None else known


def _effects(sides: list[tuple[Fraction, Fraction]]) -> list[Fraction]:
    """What each factor did to the product, on average over the orders in which they can have changed."""
    if len(sides) == 2:
        (r0, r1), (p0, p1) = sides
        return [(r1 - r0) * (p0 + p1) / 2, (p1 - p0) * (r0 + r1) / 2]
    (r0, r1), (t0, t1), (p0, p1) = sides

    def average(a0: Fraction, a1: Fraction, b0: Fraction, b1: Fraction) -> Fraction:
        return (2 * a0 * b0 + 2 * a1 * b1 + a0 * b1 + a1 * b0) / 6

    return [
        (r1 - r0) * average(t0, t1, p0, p1),
        (t1 - t0) * average(r0, r1, p0, p1),
        (p1 - p0) * average(r0, r1, t0, t1),
    ]


def _cause(factor: Factor, effect: int, old: Fraction, new: Fraction, had: bool, has: bool) -> Cause:
    unit = NANOS_PER_DOLLAR if factor in (Factor.PRICE, Factor.COST_PER_RUN) else 1
    is_count = factor is Factor.RUNS
    return Cause(
        factor,
        dollars(effect),
        _decimal(old / unit) if had or is_count else None,
        _decimal(new / unit) if has or is_count else None,
        _decimal((new - old) / old) if had and old else None,
    )


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
