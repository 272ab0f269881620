"""What of a trace counts, as a table of cases."""

from typing import Any

import pytest

from bot.domain.cost import Cost
from bot.domain.costing import CostMode, Reason, Share, is_run, shares, state_of
from bot.domain.run import Run, Source, State
from bot.domain.usage import Flag, Usage
from tests.ledger_worlds import make_run

OWN, ROLLED_UP, UNKNOWN = CostMode.OWN, CostMode.ROLLED_UP, CostMode.UNKNOWN
WRAPPER, WRAPPED, FROM_BELOW = Reason.WRAPPER, Reason.WRAPPED, Reason.ROLLED_UP
BOTH = (OWN, ROLLED_UP, UNKNOWN)
HUGE = 2**63 - 1

Counts = tuple[int | None, int | None] | Reason  # input tokens and raw cost that count, or why nothing does


def llm(number: int, *above: int, tokens: int | None = 1000, cost: int | None = None, **told: Any) -> Run:
    usage = None if tokens is None else Usage(tokens, tokens // 10)
    return make_run(number, trace=1, above=above, usage=usage, raw_cost=cost, **told)


def tool(number: int, *above: int, tokens: int | None = None, cost: int | None = None) -> Run:
    return llm(number, *above, tokens=tokens, cost=cost, type="TOOL", model=None, provider=None)


CASES: dict[str, tuple[tuple[CostMode, ...], list[Run], list[Counts]]] = {
    "a run alone counts whole": (BOTH, [llm(1, cost=70)], [(1000, 70)]),
    "a run alone without a cost counts by its tokens": (BOTH, [llm(1)], [(1000, None)]),
    "siblings alike both count": (BOTH, [llm(2, 1, cost=70), llm(3, 1, cost=70)], [(1000, 70), (1000, 70)]),
    "where costs are own, parent and child count each whole": (
        (OWN,),
        [llm(1, tokens=3000, cost=90), llm(2, 1, cost=70)],
        [(3000, 90), (1000, 70)],
    ),
    "a wrapper does not count beside what it wraps": (
        BOTH,
        [llm(1, cost=70), llm(2, 1, cost=70)],
        [WRAPPER, (1000, 70)],
    ),
    "a wrapper without a cost does not count": (BOTH, [llm(1), llm(2, 1, cost=70)], [WRAPPER, (1000, 70)]),
    "where neither side has a cost the inner one counts": (BOTH, [llm(1), llm(2, 1)], [WRAPPER, (1000, None)]),
    "a wrapper that alone has a cost counts, and what it wraps does not": (
        BOTH,
        [llm(1, cost=70), llm(2, 1)],
        [(1000, 70), WRAPPED],
    ),
    "a wrapper of two repeats the sum of their tokens": (
        BOTH,
        [llm(1, tokens=3000, cost=90), llm(2, 1, cost=30), llm(3, 1, tokens=2000, cost=60)],
        [WRAPPER, (1000, 30), (2000, 60)],
    ),
    "where some of what is wrapped has a cost, all of it counts and the wrapper does not": (
        BOTH,
        [llm(1, tokens=3000, cost=90), llm(2, 1, cost=30), llm(3, 1, tokens=2000)],
        [WRAPPER, (1000, 30), (2000, None)],
    ),
    "of a wrapper of a wrapper the innermost counts": (
        BOTH,
        [llm(1, cost=70), llm(2, 1, cost=70), llm(3, 1, 2, cost=70)],
        [WRAPPER, WRAPPER, (1000, 70)],
    ),
    "of a wrapper of a wrapper the outermost counts if it alone has a cost": (
        BOTH,
        [llm(1, cost=70), llm(2, 1), llm(3, 1, 2)],
        [(1000, 70), WRAPPED, WRAPPED],
    ),
    "of a wrapper of a wrapper the middle one counts if it alone has a cost": (
        BOTH,
        [llm(1), llm(2, 1, cost=70), llm(3, 1, 2)],
        [WRAPPER, (1000, 70), WRAPPED],
    ),
    "within 1 % tokens are alike": (
        BOTH,
        [llm(1, tokens=1010, cost=70), llm(2, 1, cost=70)],
        [WRAPPER, (1000, 70)],
    ),
    "just beyond 1 % they are not": (
        (OWN,),
        [llm(1, tokens=1020, cost=70), llm(2, 1, cost=70)],
        [(1020, 70), (1000, 70)],
    ),
    "another model is no wrapper, whatever its tokens": (
        (OWN,),
        [llm(1, cost=70, model="router"), llm(2, 1, cost=70)],
        [(1000, 70), (1000, 70)],
    ),
    "a wrapper is one of a single model": (
        (OWN,),
        [llm(1, tokens=2000, cost=70), llm(2, 1, cost=30), llm(3, 1, cost=40, model="claude")],
        [(2000, 70), (1000, 30), (1000, 40)],
    ),
    "a tool without a model that repeats tokens and cost does not count": (
        (OWN,),
        [tool(1, tokens=1000, cost=70), llm(2, 1, cost=70)],
        [WRAPPER, (1000, 70)],
    ),
    "a tool that repeats tokens beside a cost of another size spent it itself": (
        (OWN,),
        [tool(1, tokens=1000, cost=10), llm(2, 1, cost=70)],
        [(1000, 10), (1000, 70)],
    ),
    "a tool that repeats tokens and alone has a cost counts": (
        (OWN,),
        [tool(1, tokens=1000, cost=70), llm(2, 1)],
        [(1000, 70), WRAPPED],
    ),
    "a wrapper without a model stands for the model that it wraps": (
        (OWN,),
        [llm(1, cost=70), tool(2, 1, tokens=1000, cost=70), llm(3, 1, 2, cost=70)],
        [WRAPPER, WRAPPER, (1000, 70)],
    ),
    "a tool without tokens is never a wrapper": (
        (OWN,),
        [tool(1, cost=70), llm(2, 1, cost=70)],
        [(None, 70), (1000, 70)],
    ),
    "a tool without a cost is no run: it hides no wrapper": (
        BOTH,
        [llm(1, cost=70), tool(2, 1, tokens=1000), llm(3, 1, 2, cost=70)],
        [WRAPPER, (1000, None), (1000, 70)],
    ),
    "ancestors that the ledger does not hold are skipped": (
        BOTH,
        [llm(1, cost=70), llm(4, 1, 2, 3, cost=70)],
        [WRAPPER, (1000, 70)],
    ),
    "rolled up, a chain that only passes its children's cost on does not count": (
        (ROLLED_UP, UNKNOWN),
        [tool(1, tokens=2000, cost=100), llm(2, 1, cost=30), llm(3, 1, cost=70)],
        [FROM_BELOW, (1000, 30), (1000, 70)],
    ),
    "rolled up, a tool with a part of its own counts for that": (
        (ROLLED_UP, UNKNOWN),
        [tool(1, tokens=1000, cost=100), llm(2, 1, cost=70)],
        [(None, 30), (1000, 70)],
    ),
    "rolled up, a run with a part of its own counts for its own tokens": (
        (ROLLED_UP, UNKNOWN),
        [llm(1, tokens=3000, cost=100), llm(2, 1, cost=70)],
        [(2000, 30), (1000, 70)],
    ),
    "rolled up, what lies deeper is in the nearest costed runs already": (
        (ROLLED_UP, UNKNOWN),
        [tool(1, tokens=3000, cost=100), tool(2, 1, tokens=3000, cost=90), llm(3, 1, 2, tokens=3000, cost=80)],
        [(None, 10), (None, 10), (3000, 80)],
    ),
    "rolled up, no run counts for less than nothing": (
        (ROLLED_UP, UNKNOWN),
        [tool(1, tokens=500, cost=50), llm(2, 1, cost=70)],
        [FROM_BELOW, (1000, 70)],
    ),
    "rolled up, a nano-dollar by rounding is no cost": (
        (ROLLED_UP, UNKNOWN),
        [tool(1, tokens=2000, cost=102), llm(2, 1, cost=30), llm(3, 1, cost=70)],
        [FROM_BELOW, (1000, 30), (1000, 70)],
    ),
    "rolled up, tokens of one's own beside a cost from below are unpriced, not lost": (
        (ROLLED_UP, UNKNOWN),
        [llm(1, tokens=3000, cost=70), llm(2, 1, cost=70)],
        [(2000, None), (1000, 70)],
    ),
    "rolled up, a wrapper whose cost is a tool's keeps the tokens that it stands for": (
        (ROLLED_UP, UNKNOWN),
        [llm(1, cost=70), llm(2, 1), tool(3, 1, cost=70)],
        [(1000, None), WRAPPED, (None, 70)],
    ),
    "rolled up, a run without a cost that only repeats tokens does not count": (
        (ROLLED_UP, UNKNOWN),
        [llm(1, tokens=2000, model="router"), llm(2, 1, cost=30), llm(3, 1, cost=70)],
        [FROM_BELOW, (1000, 30), (1000, 70)],
    ),
    "a negative cost is none: the side with a sane one counts": (
        BOTH,
        [llm(1, cost=70), llm(2, 1, cost=-5)],
        [(1000, 70), WRAPPED],
    ),
    "a negative cost is not taken off what is above it": (
        (ROLLED_UP, UNKNOWN),
        [llm(1, tokens=3000, cost=70), llm(2, 1, cost=-5)],
        [(2000, 70), (1000, -5)],
    ),
    "a negative cost above others is left to the price list": (
        (ROLLED_UP, UNKNOWN),
        [llm(1, tokens=3000, cost=-5), llm(2, 1, cost=70)],
        [(2000, -5), (1000, 70)],
    ),
    "a cost of zero is none": (BOTH, [llm(1, cost=70), llm(2, 1, cost=0)], [(1000, 70), WRAPPED]),
    "huge costs are worked out exactly": (
        (ROLLED_UP, UNKNOWN),
        [llm(1, tokens=3000, cost=HUGE), llm(2, 1, cost=HUGE - 7)],
        [(2000, 7), (1000, HUGE - 7)],
    ),
    "of two runs that claim to be above each other one is believed": (
        BOTH,
        [llm(1, 2, cost=70), llm(2, 1, cost=70)],
        [(1000, 70), WRAPPER],
    ),
    "a run that claims to be above itself is not believed": (BOTH, [llm(1, 1, cost=70)], [(1000, 70)]),
}  # fmt: skip - a case that fits on a line reads best there


@pytest.mark.parametrize(("modes", "trace", "expected"), CASES.values(), ids=CASES.keys())
def test_what_counts(modes: tuple[CostMode, ...], trace: list[Run], expected: list[Counts]) -> None:
    for mode in modes:
        found = shares(trace, mode)
        assert [counts(found[run.id]) for run in trace] == expected, mode


def counts(share: Share) -> Counts:
    if share.reason is not None:
        assert share == Share(None, None, share.reason)
        return share.reason
    return (None if share.usage is None else share.usage.input, share.raw_cost)


def test_what_is_left_of_usage_is_left_of_each_kind_and_never_below_zero() -> None:
    outer = make_run(1, usage=Usage(3000, 300, cached=500, reasoning=10), raw_cost=100)
    inner = make_run(2, above=[1], usage=Usage(1000, 100, cached=200, reasoning=50), raw_cost=70)
    assert shares([outer, inner], ROLLED_UP)[outer.id].usage == Usage(2000, 200, cached=300)


@pytest.mark.parametrize(
    ("row", "counts"),
    [
        (llm(1), True),
        (llm(1, tokens=None), True),
        (llm(1, type="EMBEDDING"), True),
        (tool(1, cost=1), True),
        (llm(1, type="CHAIN", cost=1), True),
        (tool(1), False),
        (tool(1, tokens=100), False),
        (tool(1, cost=0), False),
        (tool(1, cost=-1), False),
        (llm(1, type="RETRIEVER"), False),
        (llm(1, type=""), False),
    ],
)
def test_a_run_is_an_llm_or_embedding_run_or_carries_a_cost_of_its_own(row: Run, counts: bool) -> None:
    assert is_run(row) is counts


KNOWN, NOBODY = Cost(5, Source.LANGSMITH), Cost(None, None)


@pytest.mark.parametrize(
    ("run", "share", "cost", "state"),
    [
        (llm(1), Share(Usage(1, 1), 5), KNOWN, State.COSTED),
        (llm(1), Share(Usage(1, 1), 0), Cost(0, Source.OVERRIDE), State.COSTED),
        (llm(1, status="ERROR"), Share(Usage(1, 1), 5), KNOWN, State.COSTED),
        (llm(1, status="PENDING"), Share(Usage(1, 1), 5), KNOWN, State.COSTED),
        (llm(1, status="PENDING"), Share(None, None), NOBODY, State.PENDING),
        (llm(1), Share(Usage(1, 1), None), NOBODY, State.UNPRICED),
        (llm(1, status="ERROR"), Share(Usage(1, 1), None), NOBODY, State.UNPRICED),
        (llm(1, flags=Flag.IMPOSSIBLE_USAGE), Share(None, None), NOBODY, State.UNPRICED),
        (llm(1, flags=Flag.IMPOSSIBLE_COST), Share(None, None), NOBODY, State.UNPRICED),
        (llm(1), Share(None, 5), Cost(None, None, None, Flag.IMPOSSIBLE_COST), State.UNPRICED),
        (llm(1), Share(None, None), NOBODY, State.NO_USAGE),
        (llm(1, status="ERROR"), Share(None, None), NOBODY, State.FAILED),
        (tool(1, cost=5), Share(None, 5), KNOWN, State.COSTED),
        (tool(1), Share(None, None), NOBODY, State.NOT_A_RUN),
        (llm(1), Share(None, None, WRAPPER), NOBODY, State.SUPPRESSED),
    ],
)
def test_every_booked_run_is_in_one_state(run: Run, share: Share, cost: Cost, state: State) -> None:
    assert state_of(run, share, cost) is state
