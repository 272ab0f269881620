"""What of a trace counts, as laws that hold for every trace."""

from collections.abc import Iterable
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.costing import CostMode, completeness, is_run, shares
from bot.domain.run import Run
from bot.domain.usage import Usage
from tests.ledger_worlds import PATIENT, World, id_of, make_run, versions, worlds
from tests.reckoning import what_counts


@given(worlds())
@settings(PATIENT, max_examples=50)
def test_a_later_state_of_a_run_is_a_more_complete_one(world: World) -> None:
    for run in world.runs:
        assert all(completeness(one) < completeness(other) for one, other in pairwise(versions(run)))


@given(worlds(), st.sampled_from(CostMode))
@settings(PATIENT, max_examples=200)
def test_a_second_reckoning_in_plainer_words_agrees(world: World, mode: CostMode) -> None:
    for trace in world.traces:
        found = shares(trace.runs, mode)
        plain = {run.id: (run.usage, run.raw_cost) for run in trace.runs if not is_run(run)}
        plain |= what_counts(trace.runs, mode)
        assert {key: share[:2] for key, share in found.items() if share.reason is None} == plain


@st.composite
def tangles(draw: st.DrawFn) -> list[Run]:
    """Runs whose ancestors are anything: others, themselves, each other, strangers."""
    size = draw(st.integers(1, 7))
    return [
        make_run(
            number,
            trace=1,
            above=draw(st.lists(st.integers(1, size + 2), max_size=4)),
            usage=draw(st.sampled_from((None, Usage(1000, 100), Usage(2000, 200)))),
            raw_cost=draw(st.sampled_from((None, -5, 0, 70, 140))),
        )
        for number in range(1, size + 1)
    ]


@given(tangles(), st.sampled_from(CostMode), st.randoms())
@settings(PATIENT, max_examples=300)
def test_whatever_a_trace_claims_money_is_neither_made_nor_does_all_of_it_vanish(
    trace: list[Run], mode: CostMode, random: Random
) -> None:
    found = shares(trace, mode)
    costs = [run.raw_cost for run in trace if run.raw_cost is not None and run.raw_cost > 0]
    counted = [share.raw_cost for share in found.values() if share.raw_cost is not None and share.raw_cost > 0]
    assert sum(counted) <= sum(costs)
    assert bool(counted) == bool(costs)
    for run in trace:
        part = found[run.id].raw_cost
        assert part is None or run.raw_cost is not None
        assert part is None or part <= (run.raw_cost or 0)
    random.shuffle(trace)
    assert shares(trace, mode) == found


def test_a_very_deep_trace_is_no_problem() -> None:
    trace = [make_run(number, trace=1, above=range(1, number), raw_cost=70) for number in range(1, 400)]
    found = shares(trace, CostMode.OWN)
    assert [run.id for run in trace if found[run.id].reason is None] == [id_of(399)]


@st.composite
def spendings(draw: st.DrawFn) -> tuple[list[Run], list[Run], int, int]:
    """One trace as two servers show it: with own costs, and with rolled-up ones; and what it really cost and used."""
    size = draw(st.integers(1, 6))
    above: dict[int, tuple[int, ...]] = {1: ()}
    for number in range(2, size + 1):
        parent = draw(st.integers(1, number - 1))
        above[number] = (*above[parent], parent)
    spent = {number: draw(st.integers(100, 10**6)) for number in above}
    used = {number: draw(st.integers(50, 10**5)) for number in above}
    free = {number for number in above if draw(st.booleans())}  # chains: they spend nothing themselves
    wrapped = {number for number in above if number not in free and draw(st.booleans())}
    own, rolled_up = [], []
    for number, ancestors in above.items():
        inside = [one for one in above if one not in free and (one == number or number in above[one])]
        cost, tokens = sum(spent[one] for one in inside), sum(used[one] for one in inside)
        shift = tuple(100 + one for one in ancestors if one in wrapped)
        line = tuple(sorted((*ancestors, *shift), key=lambda one: (one % 100, -one)))
        if number in free:
            own.append(make_run(number, trace=1, above=line, type="CHAIN", model=None, usage=None))
            usage = Usage(tokens, 0) if tokens else None
            rolled_up.append(own[-1]._replace(usage=usage, raw_cost=cost or None))
            continue
        copied = draw(st.booleans())
        for run_id, depth in (
            [(100 + number, line), (number, (*line, 100 + number))] if number in wrapped else [(number, line)]
        ):
            run = make_run(run_id, trace=1, above=depth, model=f"model-{number}", usage=Usage(used[number], 0))
            own.append(run._replace(raw_cost=spent[number] if copied or run_id == number else None))
            rolled_up.append(run._replace(usage=Usage(tokens, 0), raw_cost=cost))
    spenders = [number for number in above if number not in free]
    return own, rolled_up, sum(spent[one] for one in spenders), sum(used[one] for one in spenders)


@given(spendings())
@settings(PATIENT, max_examples=200)
def test_both_kinds_of_server_give_what_was_really_spent(spending: tuple[list[Run], list[Run], int, int]) -> None:
    own, rolled_up, cost, tokens = spending
    assert spent(own, CostMode.OWN) == (cost, tokens)
    assert spent(rolled_up, CostMode.ROLLED_UP) == (cost, tokens)
    assert spent(rolled_up, CostMode.UNKNOWN) == (cost, tokens)
    assert spent(own, CostMode.UNKNOWN)[0] <= cost


def spent(trace: Iterable[Run], mode: CostMode) -> tuple[int, int]:
    found = [share for share in shares(list(trace), mode).values() if share.reason is None]
    tokens = sum(share.usage.input for share in found if share.usage is not None)
    return sum(share.raw_cost or 0 for share in found), tokens
