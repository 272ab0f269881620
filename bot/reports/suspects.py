"""What looks wrong about a run's cost (pure): the faults that traces are known for, each with the figure that a price
list would give.

A wrong price is recognised by what it would be if one known mistake had been made: a cost that is equal to that, and
not to the list price, was made so.
"""

from collections.abc import Iterator
from enum import StrEnum

from bot.domain.cost import SecondOpinion
from bot.domain.run import Run, Source, State
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import Booked
from bot.pricing.names import prefix_of

# Equal within this, in percent: LangSmith rounds, and prices change by a little in the middle of a day.
_SAME = 1
_FAR = 20


class Fault(StrEnum):
    """What looks wrong, those first that cost people most."""

    NEGATIVE_COST = "negative_cost"
    ZERO_COST = "zero_cost_with_tokens"
    NESTED = "parent_and_child_costed"
    CACHE_OUTSIDE_INPUT = "cache_outside_input"
    CACHE_WRITE_TWICE = "cache_write_twice"
    CACHE_AT_FULL_PRICE = "cache_at_full_price"
    CACHE_ADDED = "cache_added_to_input"
    CHARGED_TWICE = "charged_twice"
    LONG_CONTEXT = "long_context_at_flat_price"
    SERVICE = "service_at_flat_price"  # a batch or a service tier
    FAR_FROM_LIST = "far_from_list_price"
    PREFIX = "provider_prefix"
    IMPOSSIBLE_USAGE = "impossible_usage"
    IMPOSSIBLE_COST = "impossible_cost"
    SAMPLED = "sampled"


_FLAGGED = (
    (Flag.CACHE_OUTSIDE_INPUT, Fault.CACHE_OUTSIDE_INPUT),
    (Flag.IMPOSSIBLE_USAGE, Fault.IMPOSSIBLE_USAGE),
    (Flag.IMPOSSIBLE_COST, Fault.IMPOSSIBLE_COST),
    (Flag.SAMPLED, Fault.SAMPLED),
)


def faults(booked: Booked, opinion: SecondOpinion, *, is_above_cost: bool) -> list[Fault]:
    """What looks wrong about a run. `is_above_cost` if a run below it carries a cost of its own."""
    run = booked.run
    if booked.state is State.NOT_A_RUN:
        return []
    raw = run.raw_cost
    found = [fault for flag, fault in _FLAGGED if flag in run.flags | booked.cost_flags]
    if raw is not None and raw < 0:
        found.append(Fault.NEGATIVE_COST)
    if raw == 0 and run.usage is not None:
        found.append(Fault.ZERO_COST)
    if is_above_cost and raw is not None and raw > 0:
        found.append(Fault.NESTED)
    elif booked.source is Source.LANGSMITH and booked.cost and run.usage is not None and _is_whole(booked):
        price_fault = _price_fault(run, run.usage, booked.cost, opinion)
        found += [price_fault] if price_fault is not None else []
    # LangSmith's own price list knows models by their plain names.
    if not raw and run.usage is not None and booked.counts and run.model is not None and prefix_of(run.model):
        found.append(Fault.PREFIX)
    return found


def repriced(booked: Booked, opinion: SecondOpinion) -> int | None:
    """What a run should have been booked with by the own prices or the price list, in nano-dollars; 0 for one whose
    money is counted elsewhere; None where nobody knows."""
    if booked.state is State.SUPPRESSED:
        return 0
    if booked.run.usage is None or not _is_whole(booked):
        return None
    return _price(booked.run, booked.run.usage, opinion)


def _is_whole(booked: Booked) -> bool:
    """Whether all of a run's tokens count for it, none of them for the runs below it."""
    usage = booked.run.usage
    return usage is not None and (booked.input, booked.output) == (usage.input, usage.output)


def _price_fault(run: Run, usage: Usage, cost: int, opinion: SecondOpinion) -> Fault | None:
    """How a cost of LangSmith's differs from the list price; None if it does not, or if there is none."""
    listed = opinion(provider=run.provider, model=run.model, usage=usage, start=run.start, context=run.context)
    if listed.nanos is None or listed.source is not Source.ESTIMATE or _is_near(cost, listed.nanos, _SAME):
        return None
    for fault, mistaken in _mistakes(run, usage, listed.nanos, opinion):
        if mistaken is not None and _is_near(cost, mistaken, _SAME) and not _is_near(mistaken, listed.nanos, _SAME):
            return fault
    return None if _is_near(cost, listed.nanos, _FAR, of=listed.nanos) else Fault.FAR_FROM_LIST


def _mistakes(run: Run, usage: Usage, listed: int, opinion: SecondOpinion) -> Iterator[tuple[Fault, int | None]]:
    """What the run would cost if a known mistake had been made."""
    if usage.cache_write:
        write = Usage(usage.cache_write, 0, cache_write=usage.cache_write, cache_write_1h=usage.cache_write_1h)
        again = _price(run, write, opinion)
        yield Fault.CACHE_WRITE_TWICE, listed + again if again is not None else None
    if usage.cached:
        yield Fault.CACHE_AT_FULL_PRICE, _price(run, usage._replace(cached=0), opinion)
        yield Fault.CACHE_ADDED, _price(run, usage._replace(input=usage.input + usage.cached), opinion)
    flat = opinion(
        provider=run.provider, model=run.model, usage=usage, start=run.start, context=run.context, flat=True
    ).nanos
    yield Fault.LONG_CONTEXT if run.context is None else Fault.SERVICE, flat
    yield Fault.CHARGED_TWICE, 2 * listed


def _price(run: Run, usage: Usage, opinion: SecondOpinion) -> int | None:
    return opinion(provider=run.provider, model=run.model, usage=usage, start=run.start, context=run.context).nanos


def _is_near(one: int, other: int, percent: int, *, of: int | None = None) -> bool:
    """Whether two amounts differ by so much at most of the larger, or `of` another."""
    return 100 * abs(one - other) <= percent * (max(one, other) if of is None else of)
