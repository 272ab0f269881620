"""What comes late: whole runs, costs, ends, and the tags of roots. Each is read again for as long as it can come."""

from datetime import timedelta

import pytest

from bot.ingest.langsmith import PAGE_SIZE
from bot.ledger.coverage import ProjectRow
from tests.contract.sync.world import World

pytestmark = pytest.mark.each_database

CENT = 10_000_000  # nano-dollars: what a run of the stand-in costs unless it says otherwise


def days_settled(row: ProjectRow, world: World) -> int:
    """How many days ago the last settled day was."""
    assert row.settled_through is not None
    return world.clock.now.date().toordinal() - row.settled_through


def next_night(world: World) -> None:
    """Sync an hour after midnight, when nothing of the day is settled yet, and again when it can be."""
    midnight = world.clock.now.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    for hours in (1, 2):
        world.clock.now = midnight + timedelta(hours=hours)
        assert world.sync().problems == []


class TestLateRuns:
    """Runs that appear in LangSmith long after they began."""

    @pytest.mark.parametrize(
        ("age", "before", "after"),
        [
            (timedelta(minutes=9), timedelta(0), timedelta(seconds=30)),
            (timedelta(minutes=100), timedelta(minutes=9), timedelta(minutes=10)),
            (timedelta(hours=24), timedelta(minutes=59), timedelta(minutes=60)),
            # 15:30 now; the nightly reading is due from 02:00.
            (timedelta(hours=60), timedelta(hours=10), timedelta(hours=10, minutes=30)),
        ],
        ids=["10 min at each sync", "2 h every 10 min", "26 h hourly", "3 days nightly"],
    )
    def test_arrives_within_its_tiers_time(
        self, world: World, age: timedelta, before: timedelta, after: timedelta
    ) -> None:
        world.settle()
        began = world.clock.now
        world.standin.add_run(start=began - age)
        if before:
            world.clock.now = began + before - timedelta(seconds=1)
            world.sync()
            assert world.total().runs == 0
        world.clock.now = began + after
        world.sync()
        assert world.total().cost == CENT

    def test_later_than_that_only_on_demand(self, world: World) -> None:
        world.settle()
        world.standin.add_run(start=world.ago(days=6))
        for _ in range(3):
            world.later(days=1)
        assert world.total().runs == 0
        world.sync(world.ago(days=10))
        assert world.total().runs == 1


class TestLateCosts:
    def test_tokens_and_costs_that_are_filled_in_later_are_booked(self, world: World) -> None:
        world.standin.hold_back_costs()
        world.standin.add_runs([{"start": world.ago(minutes=1)}, {"start": world.ago(hours=20)}])
        world.settle()
        assert world.states() == {"no_usage": 2}
        world.standin.release_costs()
        assert world.later(minutes=1).booked.changed == 1
        assert world.later(minutes=10).booked.changed == 1
        assert world.states() == {"costed": 2}
        assert world.total().langsmith == 2 * CENT

    def test_a_late_cost_replaces_an_estimate(self, world: World) -> None:
        world.standin.hold_back_costs(tokens=False)
        world.standin.add_run(start=world.ago(minutes=1))
        world.sync()
        estimated = world.total()
        assert estimated.estimate == estimated.cost > 0
        world.standin.release_costs()
        world.later(minutes=1)
        assert (world.total().estimate, world.total().langsmith) == (0, CENT)

    def test_a_lagging_answer_takes_nothing_back(self, world: World) -> None:
        world.standin.add_run(start=world.ago(minutes=1))
        world.sync()
        world.standin.hold_back_costs()
        assert world.later(minutes=1).booked.changed == 0
        assert world.total().cost == CENT


class TestPending:
    def asked_by_id(self, world: World, run_id: str) -> int:
        return sum(run_id in query.get("ids", ()) for query in world.queries)

    def test_is_looked_up_at_each_sync_until_it_ends(self, world: World) -> None:
        run_id = world.standin.add_run(status="PENDING", start=world.ago(hours=5))
        world.settle()
        assert world.states() == {"pending": 1}
        for minutes in (1, 1):
            world.later(minutes=minutes)
        assert self.asked_by_id(world, run_id) == 2
        world.standin.update_run(run_id, status="SUCCESS", tokens=(1000, 100), cost="0.01")
        world.later(minutes=1)
        assert world.states() == {"costed": 1}
        assert world.total().cost == CENT
        world.later(minutes=1)
        assert self.asked_by_id(world, run_id) == 3

    def test_is_waited_for_no_longer_than_a_day(self, world: World) -> None:
        run_id = world.standin.add_run(status="PENDING", start=world.ago(hours=23))
        world.settle()
        world.later(minutes=59)
        asked = self.asked_by_id(world, run_id)
        assert asked == 1
        world.later(minutes=1, seconds=1)
        world.later(hours=3)
        assert self.asked_by_id(world, run_id) == asked

    def test_one_that_langsmith_has_lost_stays_as_it_is(self, world: World) -> None:
        world.standin.add_run(status="PENDING", start=world.ago(hours=5))
        world.settle()
        world.standin.forget_before(world.clock.now)
        assert world.later(minutes=1).problems == []
        assert world.states() == {"pending": 1}

    def test_an_ended_run_without_tokens_is_looked_up_every_ten_minutes(self, world: World) -> None:
        run_id = world.standin.add_run(start=world.ago(hours=5), tokens=None, cost=None)
        world.settle()
        world.later(minutes=1)
        assert self.asked_by_id(world, run_id) == 0
        world.later(minutes=10)
        assert self.asked_by_id(world, run_id) == 1
        world.standin.update_run(run_id, tokens=(1000, 100), cost="0.01")
        world.later(minutes=10)
        assert world.total().cost == CENT

    def test_of_very_many_the_latest_are_looked_up(self, world: World) -> None:
        """One page of them, at the cost of one request."""
        world.standin.add_runs(
            {"status": "PENDING", "start": world.ago(hours=5, seconds=number)} for number in range(1_200)
        )
        world.settle()
        world.later(minutes=1)
        looked_up = [query["ids"] for query in world.queries if "ids" in query]
        assert [len(ids) for ids in looked_up] == [1_000]


class TestRootsOfSendersThatDoNotPropagate:
    """The feature is on the root alone; a run below it has none."""

    def roots_asked_for(self, world: World) -> int:
        return sum(len(query.get("ids", ())) for query in world.queries)

    def test_the_root_is_looked_up_and_decides(self, world: World) -> None:
        for name in ("rag-search", "summarizer"):
            root = world.standin.add_run(run_type="CHAIN", metadata={"feature": name}, start=world.ago(days=3))
            world.standin.add_runs({"parent": root, "start": world.ago(hours=hours)} for hours in (1, 2))
        world.sync()
        assert world.spend() == {"rag-search": 0.02, "summarizer": 0.02}
        asked = self.roots_asked_for(world)
        world.later(minutes=11)
        assert self.roots_asked_for(world) == asked, "an ended root is known for good"

    def test_not_where_the_run_says_it_itself_or_is_its_own_root(self, world: World) -> None:
        root = world.standin.add_run(run_type="CHAIN", metadata={"feature": "wrong"})
        world.standin.add_runs([{"parent": root, "metadata": {"feature": "right"}, "cost": None}, {}])
        world.sync()
        assert self.roots_asked_for(world) == 0

    def test_not_where_the_root_is_read_with_it(self, world: World) -> None:
        root = world.standin.add_run(metadata={"feature": "rag-search"}, tokens=(5, 5), cost=None)
        world.standin.add_run(parent=root, tokens=(7, 7), cost=None)
        world.sync()
        assert self.roots_asked_for(world) == 0
        assert set(world.spend()) == {"rag-search"}

    @pytest.mark.parametrize("below", ["in its page", "in an earlier page", "in an earlier sync"])
    def test_a_tool_without_a_cost_decides_though_it_is_no_run_itself(self, world: World, below: str) -> None:
        tagged = {"status": "SUCCESS", "metadata": {"feature": "rag-search"}}
        first = {"status": "PENDING"} if below == "in an earlier sync" else tagged
        root = world.standin.add_run(run_type="TOOL", cost=None, start=world.ago(minutes=9), **first)
        if below == "in an earlier page":
            world.standin.add_runs(
                {"start": world.ago(minutes=8, milliseconds=number), "metadata": {"feature": "other"}}
                for number in range(1, PAGE_SIZE + 1)
            )
        world.standin.add_run(parent=root, cost="0.5", start=world.ago(minutes=8))
        world.sync()
        if first is not tagged:
            assert world.spend() == {"": 0.5}
            world.standin.update_run(root, **tagged)
            world.later(minutes=1)
        assert (world.spend().get("rag-search"), world.spend().get("")) == (0.5, None)
        asked = self.roots_asked_for(world)
        world.later(minutes=1)
        assert (world.spend().get("rag-search"), world.spend().get("")) == (0.5, None)
        assert self.roots_asked_for(world) == asked, "it has been read, and has ended"

    def test_a_root_that_goes_on_is_looked_up_again(self, world: World) -> None:
        root = world.standin.add_run(run_type="CHAIN", status="PENDING", start=world.ago(minutes=5))
        world.standin.add_run(parent=root, start=world.ago(minutes=1))
        world.sync()
        assert world.spend() == {"": 0.01}
        world.standin.update_run(root, status="SUCCESS", metadata={"feature": "rag-search"})
        world.later(minutes=1)
        assert world.spend() == {"rag-search": 0.01}
        asked = self.roots_asked_for(world)
        world.later(minutes=1)
        assert self.roots_asked_for(world) == asked

    def test_a_root_of_unknown_status_has_ended_with_its_end(self, world: World) -> None:
        root = world.standin.add_run(run_type="CHAIN", metadata={"feature": "rag-search"})
        world.standin.spoil(root, lambda row: {**row, "status": "INTERRUPTED"})
        world.standin.add_run(parent=root)
        world.sync()
        assert world.rows("SELECT final FROM roots") == [(1,)]

    def test_a_root_that_langsmith_does_not_have_leaves_the_run_untagged(self, world: World) -> None:
        root = world.standin.add_run(run_type="CHAIN", metadata={"feature": "rag-search"}, start=world.ago(days=3))
        world.standin.add_run(parent=root)
        world.standin.forget_before(world.ago(days=2))
        assert world.sync().problems == []
        assert world.spend() == {"": 0.01}


class TestSettling:
    def test_the_first_reading_settles_nothing_and_the_second_every_day_that_is_over(self, world: World) -> None:
        world.standin.add_runs({"start": world.ago(days=days, hours=1)} for days in range(12))
        world.sync()
        assert world.project().settled_through is None
        world.later(minutes=1)
        assert days_settled(world.project(), world) == 1

    def test_a_day_of_which_something_changed_is_not_settled_until_the_next_night(self, world: World) -> None:
        world.standin.add_run(start=world.ago(days=3))
        world.sync()
        world.standin.add_run(start=world.ago(days=3, seconds=1))
        world.later(minutes=1)
        assert days_settled(world.project(), world) == 4
        next_night(world)
        assert days_settled(world.project(), world) == 1

    def test_nor_while_a_run_of_it_is_pending(self, world: World) -> None:
        midnight = world.clock.now.replace(hour=0, minute=0)
        world.standin.add_run(status="PENDING", start=midnight - timedelta(minutes=1))
        world.settle()
        assert days_settled(world.project(), world) == 2
        next_night(world)
        assert days_settled(world.project(), world) == 1, "a run of more than a day is not waited for"

    def test_after_a_settled_day_langsmiths_late_cost_changes_nothing(self, world: World) -> None:
        world.standin.hold_back_costs(tokens=False)
        world.standin.add_run(start=world.ago(days=2))
        world.settle()
        estimate = world.total().cost
        world.standin.release_costs()
        world.sync(world.ago(days=5))
        assert world.total().cost == world.total().estimate == estimate


def test_twenty_days_of_downtime_are_caught_up_with(world: World) -> None:
    world.settle()
    for half_days in range(1, 41):
        world.standin.add_run(start=world.clock.now + timedelta(days=half_days / 2))
    summary = world.later(days=20, seconds=1)
    assert (summary.booked.new, summary.gaps, summary.problems) == (40, 1, []), "six days may be those with feedback"
    assert days_settled(world.project(), world) == 15, "what is younger was read for the first time"


def test_a_clock_that_was_ahead_for_two_days_loses_nothing(world: World) -> None:
    world.settle()
    right = world.clock.now
    world.clock.now += timedelta(days=2)
    world.sync()
    world.clock.now = right
    for minutes in range(5, 180, 30):
        world.standin.add_run(start=right + timedelta(minutes=minutes))
        world.clock.now = right + timedelta(minutes=minutes + 1)
        assert world.sync().problems == []
    assert world.total().runs == 6
