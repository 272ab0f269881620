"""The same runs give the same ledger, in whatever order, pages and states of completeness they are read."""

from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.costing import CostMode
from bot.domain.run import Run
from bot.ledger.trace_rows import Root
from tests.ledger_books import Books
from tests.ledger_worlds import PATIENT, World, versions, worlds

pytestmark = pytest.mark.each_database

# 3 modes, 4 chunks for as many cores, 12 worlds in each, 7 orders of each world: 1,008 orders.
CHUNKS, WORLDS, ORDERS = 4, 12, 7


class Reading(NamedTuple):
    """One run as a page shows it, and what was found out about its trace's root on that occasion."""

    run: Run
    root: Root | None


def readings(world: World, random: Random) -> list[Reading]:
    """Every state of every run in any order, some repeatedly. Each root is looked up after its end once at least."""
    found = []
    for trace in world.traces:
        early, late = Root((), final=False), Root(trace.root, final=True)
        states = [state for run in trace.runs for state in versions(run)]
        states += random.choices(states, k=random.randrange(len(states)))
        found += [Reading(state, random.choice((None, None, early, late))) for state in states]
        found.append(Reading(random.choice(states), late))
    random.shuffle(found)
    return found


def pages(found: list[Reading], random: Random) -> list[list[Reading]]:
    """Cut anywhere; a page is one project's."""
    cuts = sorted(random.choices(range(len(found) + 1), k=random.randrange(6)))
    stretches = [found[start:end] for start, end in zip([0, *cuts], [*cuts, len(found)], strict=True)]
    cut = [[one for one in stretch if one.run.project == project] for stretch in stretches for project in (1, 2)]
    return [page for page in cut if page]


def read(books: Books, world: World, random: Random) -> None:
    """A world as a sync may come to know it. What a parent's cost means is learnt at any time."""
    cut = pages(readings(world, random), random)
    learnt = {key: random.randint(0, len(cut)) for key, mode in world.modes.items() if mode is not CostMode.UNKNOWN}
    for number in range(len(cut) + 1):
        for key, when in learnt.items():
            if when == number:
                books.learn(world.modes[key], key)
        for page in cut[number : number + 1]:
            looked_up = [(one.root.final, one.run.trace_id, one.root) for one in page if one.root is not None]
            roots = {trace_id: root for _, trace_id, root in sorted(looked_up, key=lambda one: one[0])}
            books.book([one.run for one in page], roots, page[0].run.project)


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("mode", CostMode)
def test_any_order_cut_and_repetition_gives_the_same_ledger(mode: CostMode, chunk: int) -> None:
    @given(worlds(modes=(mode,), most=3), st.integers(0, 2**32))
    @settings(PATIENT, max_examples=WORLDS)
    def in_any_order(world: World, seed: int) -> None:
        at_once = Books(world.zone)
        at_once.fill(world)
        assert at_once.ledger.wrong_rollups() == []
        expected = at_once.dump()
        for order in range(ORDERS):
            books = Books(world.zone)
            read(books, world, Random(f"{seed} {chunk} {order}"))
            assert books.dump() == expected

    in_any_order()


@given(worlds(), st.integers(0, 2**32))
@settings(PATIENT, max_examples=40)
def test_reading_everything_again_changes_nothing(world: World, seed: int) -> None:
    books = Books(world.zone)
    books.fill(world)
    expected = books.dump()
    read(books, world._replace(modes=dict.fromkeys(world.modes, CostMode.UNKNOWN)), Random(seed))
    assert books.dump() == expected
    for key in world.modes:
        summary = books.book([run for run in world.runs if run.project == key], project=key)
        assert (summary.new, summary.changed, summary.changed_days) == (0, 0, set())
