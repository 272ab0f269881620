"""What a parent's cost means is found out once per project, by asking; until then rather too little than twice."""

from pathlib import Path
from typing import Any, Literal

import pytest

from bot.domain.costing import CostMode
from tests.contract.sync.world import World
from tests.standins.langsmith import LangSmithStandIn

pytestmark = pytest.mark.each_database

CENT = 10_000_000


def add_agent(world: World, *, hours: float = 1, **root: Any) -> str:
    """A tool of two cents of its own that calls a model for one cent, some hours ago."""
    root_id = world.standin.add_run(**{"run_type": "TOOL", "cost": "0.02", "start": world.ago(hours=hours), **root})
    world.standin.add_run(parent=root_id, start=world.ago(hours=hours, minutes=-1))
    return root_id


def questions(world: World) -> list[bool]:
    """How the costs of parents were asked for: with their descendants' or without."""
    return [query["include_subtree_usage"] for query in world.queries if "include_subtree_usage" in query]


@pytest.mark.parametrize(
    ("mode", "learnt", "asked"),
    [("own", CostMode.OWN, [False, True, False]), ("rolled_up", CostMode.ROLLED_UP, [False, True])],
)
def test_is_learnt_from_one_parent_and_never_asked_for_again(
    tmp_path: Path, mode: Literal["own", "rolled_up"], learnt: CostMode, asked: list[bool]
) -> None:
    standin = LangSmithStandIn(mode)
    with World(tmp_path, standin=standin) as world:
        add_agent(world)
        add_agent(world)
        world.sync()
        assert world.project().cost_mode is learnt
        assert questions(world) == asked
        assert world.total().cost == 6 * CENT
        add_agent(world)
        world.restart()
        world.later(minutes=10)
        assert questions(world) == asked
        assert world.total().cost == 9 * CENT


def test_each_project_has_its_own(tmp_path: Path) -> None:
    with World(tmp_path, patterns=("one", "other")) as world:
        for name in ("one", "other"):
            add_agent(world, project=name)
        world.sync()
        assert len(questions(world)) == 6
        assert [world.project(name).cost_mode for name in ("one", "other")] == [CostMode.OWN] * 2


def test_a_project_without_nested_runs_is_not_asked_about(world: World) -> None:
    world.standin.add_runs([{}, {}])
    world.sync()
    assert questions(world) == []
    assert world.project().cost_mode is CostMode.UNKNOWN
    assert world.total().cost == 2 * CENT


def test_nor_one_whose_nested_runs_carry_no_cost_yet(world: World) -> None:
    world.standin.hold_back_costs()
    add_agent(world)
    world.sync()
    assert questions(world) == []
    world.standin.release_costs()
    world.later(minutes=1)
    assert world.project().cost_mode is CostMode.OWN
    assert world.total().cost == 3 * CENT


def test_a_server_that_does_not_know_the_question_is_read_all_the_same(world: World) -> None:
    """And counted as if costs were rolled up: rather too little than twice."""
    add_agent(world)
    world.standin.fail_next(99, status=422, path="/runs/query", project='"include_subtree_usage"')
    summary = world.sync()
    assert (summary.problems, summary.booked.new) == ([], 2)
    assert world.project().cost_mode is CostMode.UNKNOWN
    assert world.total().cost == 2 * CENT
    assert len(questions(world)) == 1


def test_a_server_that_tells_nothing_is_asked_about_three_parents_a_sync(world: World) -> None:
    for days in (0, 0, 3, 3, 3, 3, 6, 6, 6, 6):
        root = world.standin.add_run(run_type="CHAIN", start=world.ago(days=days, minutes=5))
        world.standin.add_run(parent=root, start=world.ago(days=days, minutes=4))
        world.standin.spoil(root, lambda row: {**row, "total_cost": "a lot"})
    world.sync()
    assert world.project().cost_mode is CostMode.UNKNOWN
    assert questions(world) == [False, True] * 3
    assert world.total().cost == 10 * CENT


def test_the_oldest_of_what_was_read_is_asked_about(world: World) -> None:
    """What has just ended may be added up a moment later."""
    roots = [add_agent(world, hours=hours) for hours in (5, 50, 10)]
    world.sync(world.ago(hours=51))
    asked = [query["ids"] for query in world.queries if "include_subtree_usage" in query]
    assert asked == [[roots[1]]] * 3


def test_a_cost_that_comes_in_between_two_questions_is_no_difference(tmp_path: Path) -> None:
    """A wrong answer would count every parent twice, for ever."""
    with World(tmp_path, standin=LangSmithStandIn("rolled_up")) as world:
        root = add_agent(world)
        first = iter([0.005])

        def grow(row: dict[str, Any]) -> dict[str, Any]:
            """Answer the first question for the cost alone with less than it will be."""
            return {**row, "total_cost": next(first, row["total_cost"])} if set(row) == {"id", "total_cost"} else row

        world.standin.spoil(root, grow)
        world.sync()
        assert world.project().cost_mode is CostMode.UNKNOWN
        assert world.total().cost == 3 * CENT
        world.later(minutes=11)
        assert world.project().cost_mode is CostMode.ROLLED_UP


def test_a_sum_of_floats_is_the_same_to_nine_places(tmp_path: Path) -> None:
    with World(tmp_path, standin=LangSmithStandIn("rolled_up")) as world:
        root = add_agent(world)
        answers = iter([0.03, 0.030000000000000002])
        world.standin.spoil(root, lambda row: {**row, "total_cost": next(answers)} if len(row) == 2 else row)
        world.sync()
        assert world.project().cost_mode is CostMode.ROLLED_UP


def test_a_slice_counts_as_read_only_once_the_mode_was_asked_for(world: World) -> None:
    """Killed in between, the next sync asks."""
    add_agent(world)
    world.standin.fail_next(6, status=500, path="/runs/query", project='"include_subtree_usage"')
    assert len(world.sync().problems) == 1
    watermark = world.project().watermark
    assert watermark is None or watermark < min(start for (start,) in world.rows("SELECT start FROM runs"))
    world.later(minutes=1)
    assert world.project().cost_mode is CostMode.OWN
    assert world.total().cost == 3 * CENT
