"""What a run cost, and who says so: the one pricing path."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.cost import Cost
from bot.domain.money import MAX_NANOS
from bot.domain.period import first_instant
from bot.domain.run import Source
from bot.domain.usage import Flag, Usage
from bot.pricing.card import Card, Charge
from bot.pricing.estimate import Estimator, library_version
from bot.pricing.override import Override

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ALWAYS = -(2**63)  # earlier than any run
_NAMES = 4_096
_FINE = Flag(0)
_NOTHING = Charge(0)


class _Rule(NamedTuple):
    """An override, ready to be applied to runs that start at `begins` (microseconds since 1970 UTC) or later."""

    override: Override
    begins: int
    reference: str
    card: Card | None
    discount: Decimal | None


class _Answer(NamedTuple):
    charge: Charge
    source: Source
    reference: str | None


def price_list(overrides: Sequence[Override]) -> str:
    """A short name of the prices in force: another one where a run may cost something else."""
    said = f"{library_version()} {overrides!r}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


class Pricer:
    """Prices runs: an override that applies > LangSmith's own cost if it is sane > the list price at the run's start >
    nobody knows.

    Of the overrides that fit, the one with the latest `since` at or before the run's local day (in `zone`) applies, and
    among equals the first one given. LangSmith's cost is not sane below 0, nor at 0 with tokens. A run with neither
    tokens nor a sane cost has nothing to price, even if it would be free.
    """

    def __init__(self, overrides: Sequence[Override], zone: ZoneInfo) -> None:
        rules = [_rule(override, zone) for override in overrides]
        self._rules = sorted(rules, key=lambda rule: rule.begins, reverse=True)  # equals keep their order
        self._fitting = lru_cache(maxsize=_NAMES)(self._find_fitting)
        self._estimate = Estimator()

    def __call__(
        self,
        *,
        provider: str | None,
        model: str | None,
        usage: Usage | None,
        start: int,
        context: str | None,
        langsmith_cost: int | None,
    ) -> Cost:
        """The cost of a run that began at `start` (microseconds since 1970 UTC). `langsmith_cost` in nano-dollars.

        `flags` is what is odd about `langsmith_cost`, and why the run could not be priced if its data are impossible.
        """
        if usage is not None and usage.input + usage.output <= 0:
            usage = None
        told, flags = _sane(langsmith_cost, usage)
        if usage is None and told is None:
            return Cost(None, None, None, flags)
        fitting = self._fitting(provider, model)
        rule = next((rule for rule in fitting if rule.begins <= start), None) if fitting else None
        if rule is None and told is not None and told <= MAX_NANOS:  # most runs: there is nothing to work out
            return Cost(told, Source.LANGSMITH, None, flags)
        try:
            if rule is not None and rule.card is not None:
                answer = None if usage is None else _Answer(rule.card.charge(usage), Source.OVERRIDE, rule.reference)
            elif rule is not None and rule.override.free:
                answer = _Answer(_NOTHING, Source.OVERRIDE, rule.reference)
            else:
                answer = self._otherwise(provider, model, usage, start, context, told)
        except ValueError:
            return Cost(None, None, None, flags | Flag.IMPOSSIBLE_USAGE)
        if answer is None:
            return Cost(None, None, None, flags)
        charge, source, reference = answer
        if rule is not None and rule.discount is not None:
            charge, source = charge.less(rule.discount), Source.OVERRIDE
            reference = f"{rule.reference} off {reference or Source.LANGSMITH}"
        amount = charge.nanos()
        if amount > MAX_NANOS:
            return Cost(None, None, None, flags | Flag.IMPOSSIBLE_COST)
        return Cost(amount, source, reference, flags)

    def second_opinion(
        self,
        *,
        provider: str | None,
        model: str | None,
        usage: Usage,
        start: int,
        context: str | None,
        flat: bool = False,
    ) -> Cost:
        """See bot.domain.cost.SecondOpinion."""
        if not flat:
            return self(provider=provider, model=model, usage=usage, start=start, context=context, langsmith_cost=None)
        try:
            estimate = self._estimate(provider, model, usage, start, None, flat=True)
        except ValueError:
            return Cost(None, None, None, Flag.IMPOSSIBLE_USAGE)
        if estimate is None:
            return Cost(None, None)
        return Cost(estimate.charge.nanos(), Source.ESTIMATE, estimate.reference)

    def _otherwise(
        self,
        provider: str | None,
        model: str | None,
        usage: Usage | None,
        start: int,
        context: str | None,
        told: int | None,
    ) -> _Answer | None:
        """The cost without an override."""
        if told is not None:
            return _Answer(Charge(told), Source.LANGSMITH, None)
        estimate = None if usage is None else self._estimate(provider, model, usage, start, context)
        return None if estimate is None else _Answer(estimate.charge, Source.ESTIMATE, estimate.reference)

    def _find_fitting(self, provider: str | None, model: str | None) -> tuple[_Rule, ...]:
        return tuple(rule for rule in self._rules if rule.override.fits(provider, model))


def _rule(override: Override, zone: ZoneInfo) -> _Rule:
    since, rates = override.since, override.rates
    return _Rule(
        override=override,
        begins=_ALWAYS if since is None else (first_instant(since, zone) - _EPOCH) // _MICROSECOND,
        reference=override.reference,
        card=None
        if rates is None
        else Card.of(
            input=rates.input,
            output=rates.output,
            cached=rates.cached,
            cache_write=rates.cache_write,
            cache_write_1h=rates.cache_write_1h,
        ),
        discount=override.discount,
    )


def _sane(cost: int | None, usage: Usage | None) -> tuple[int | None, Flag]:
    """LangSmith's cost if it is to be believed, and what is odd about it. A 0 without tokens is no answer, nor odd."""
    if cost is None or cost > 0:
        return cost, _FINE
    if cost < 0:
        return None, Flag.NEGATIVE_COST
    return None, _FINE if usage is None else Flag.ZERO_COST_WITH_TOKENS
