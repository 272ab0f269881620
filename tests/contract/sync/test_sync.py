"""From LangSmith's pages to the ledger: every run once, with its own money, whatever the pages do."""

import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from bot.domain.costing import CostMode
from bot.errors import LlmcostError
from bot.ingest.langsmith import PAGE_SIZE
from bot.ingest.summary import Progress
from tests.contract.sync.traces import add_traces
from tests.contract.sync.world import EVER, World
from tests.standins.langsmith import NOW, LangSmithStandIn

pytestmark = pytest.mark.each_database


@pytest.mark.parametrize("mode", ["own", "rolled_up"])
@pytest.mark.parametrize("seed", range(3))
def test_the_ledger_adds_up_to_what_each_run_cost_by_itself(
    tmp_path: Path, mode: Literal["own", "rolled_up"], seed: int
) -> None:
    """On both kinds of servers; the kind is found out."""
    standin = LangSmithStandIn(mode)
    with World(tmp_path, standin=standin) as world:
        add_traces(standin, seed, 60, NOW)
        raw = standin.store.newest_first([standin.store.projects()[0].id], None, None)
        booked = [run for run in raw if run.run_type in ("LLM", "EMBEDDING") or run.amounts.total_cost]
        roots = {run.id: run for run in raw}
        spend: Counter[str] = Counter()
        for run in booked:
            spend[str(roots[run.trace_id].metadata.get("feature", ""))] += int(
                (run.amounts.total_cost or Decimal(0)) * 10**9
            )

        summary = world.sync()

        assert (summary.problems, summary.malformed, summary.gaps) == ([], 0, 0)
        assert world.project().cost_mode == (CostMode.OWN if mode == "own" else CostMode.ROLLED_UP)
        total = world.total()
        assert total.cost == total.langsmith == sum(spend.values())
        assert total.input == sum(run.amounts.prompt_tokens or 0 for run in booked)
        assert total.output == sum(run.amounts.completion_tokens or 0 for run in booked)
        assert total.runs == len(booked)
        assert total.traces == len({run.trace_id for run in booked})
        with world.ledger.reading() as reading:
            by_feature = {name: figures.cost for name, figures in reading.by_value(EVER, "feature").items()}
        assert by_feature == dict(spend)


def test_a_second_sync_reads_again_and_changes_nothing(world: World) -> None:
    add_traces(world.standin, 7, 30, NOW)
    first = world.sync()
    figures, runs = world.total(), world.rows("SELECT * FROM runs ORDER BY id")
    world.restart()
    second = world.later(minutes=1)
    assert second.booked.read >= first.booked.read > 0
    assert (second.booked.new, second.booked.changed) == (0, 0)
    assert (world.total(), world.rows("SELECT * FROM runs ORDER BY id")) == (figures, runs)


def test_the_summary_counts_what_was_done(world: World) -> None:
    world.standin.add_runs(
        [
            {"metadata": {"feature": "rag-search"}},
            {},
            {"model": "acme-7b", "provider": "acme", "cost": None},
            {"run_type": "TOOL"},
            {"run_type": "CHAIN"},
            {"run_type": "TOOL", "cost": "0.5"},
        ]
    )
    summary = world.sync()
    booked = summary.booked
    assert (summary.projects, booked.read, booked.new, booked.changed) == (1, 5, 4, 0)
    assert (booked.unpriced, booked.untagged) == (1, 3)
    assert (summary.malformed, summary.gaps, summary.repeated, summary.problems) == (0, 0, 0, [])
    with world.ledger.reading() as reading:
        last = reading.last_sync()
    assert last is not None
    assert (last.read, last.new, last.changed, last.problem) == (5, 4, 0, None)


def test_progress_goes_from_nothing_to_the_whole_of_each_project(tmp_path: Path) -> None:
    with World(tmp_path, patterns=("a", "b")) as world:
        for name, runs in (("a", 10), ("b", 3)):
            world.standin.add_runs({"project": name, "start": world.ago(days=day, seconds=1)} for day in range(runs))
        seen: list[Progress] = []
        world._sync.run(progress=seen.append)
        for name, runs in (("a", 10), ("b", 3)):
            steps = [step for step in seen if step.project == name]
            assert [step.done for step in steps] == sorted(step.done for step in steps)
            assert steps[-1].done == steps[-1].whole
            assert steps[-1].read == runs


class TestPages:
    """Slices of more than one page."""

    def fill(self, world: World, count: int = 1_300) -> list[str]:
        return world.standin.add_runs(
            {"start": world.ago(minutes=20, seconds=number), "cost": "0.001"} for number in range(count)
        )

    def test_all_pages_are_read(self, world: World) -> None:
        self.fill(world, 2_100)
        assert world.sync().booked.new == 2_100
        assert world.total().cost == 2_100 * 1_000_000

    def test_a_run_on_two_pages_counts_once(self, world: World) -> None:
        self.fill(world)
        world.standin.repeat_while_paging(200)
        summary = world.sync()
        assert (summary.booked.read, summary.booked.new) == (1_500, 1_300)
        assert world.total().runs == 1_300

    def test_what_arrives_while_paging_is_read_now_or_at_the_next_sync(self, world: World) -> None:
        self.fill(world)
        world.standin.insert_while_paging(
            [{"start": world.ago(seconds=1)}, {"start": world.ago(minutes=50)}, {"start": world.ago(minutes=5)}]
        )
        assert world.sync().booked.new == 1_301
        assert world.later(minutes=1).booked.new == 2
        assert world.total().runs == 1_303

    def test_a_circle_of_cursors_is_no_end(self, world: World) -> None:
        """What lies behind it would never be read."""
        run = {"id": "0194d1c0-0000-4000-8000-000000000001", "run_type": "LLM", "start_time": "2026-11-18T15:00:00Z"}
        for cursor in ("a", "b", "a"):
            body = {"items": [run], "next_cursor": cursor, "has_more": True}
            world.standin.raw_next(str(body).replace("'", '"').replace("True", "true").encode(), path="/runs/query")
        (problem,) = world.sync().problems
        assert "circle" in problem
        assert world.project().watermark is None
        assert world.later(minutes=1).problems == []


class TestMalformedRows:
    @pytest.mark.parametrize(
        "spoilt",
        [
            {"start_time": "yesterday"},
            {"id": "run-1"},
            {"trace_id": [1]},
            {"parent_run_ids": ["root"]},
        ],
        ids=lambda spoilt: next(iter(spoilt)),
    )
    def test_is_left_out_and_counted_and_said_once(
        self, world: World, caplog: pytest.LogCaptureFixture, spoilt: dict[str, Any]
    ) -> None:
        ids = world.standin.add_runs({"start": world.ago(minutes=minutes)} for minutes in range(1, 7))
        for run_id in ids[1:3]:
            world.standin.spoil(run_id, lambda row: {**row, **spoilt})
        summary = world.sync()
        assert (summary.malformed, summary.booked.new) == (2, 4)
        (problem,) = summary.problems
        assert problem.startswith("acme-prod: some runs cannot be read (")
        assert len([one for one in caplog.records if "left out" in one.getMessage()]) == 1
        assert world.project().watermark is not None
        world.standin._spoiled.clear()
        assert world.later(minutes=1).booked.new == 2

    @pytest.mark.parametrize("row", [None, 7, "run", []])
    def test_what_is_no_row_at_all(self, world: World, row: object) -> None:
        bad, _ = world.standin.add_runs([{}, {}])
        world.standin.spoil(bad, lambda _: row)
        summary = world.sync()
        assert (summary.malformed, summary.booked.new) == (1, 1)

    def test_nonsense_in_any_other_field_is_no_reason_to_leave_a_run_out(self, world: World) -> None:
        run_id = world.standin.add_run()
        kept = ("id", "start_time", "trace_id", "parent_run_ids", "run_type")
        world.standin.spoil(run_id, lambda row: {key: row[key] if key in kept else [{"a": 1}] for key in row})
        summary = world.sync()
        assert (summary.problems, summary.booked.new) == ([], 1)
        assert world.states() == {"unpriced": 1}

    def test_half_a_surrogate_pair_and_numbers_beyond_json(self, world: World) -> None:
        odd, _ = world.standin.add_runs([{}, {}])
        world.standin.spoil(odd, lambda row: {**row, "name": "\ud800", "total_cost": float("nan")})
        assert world.sync().booked.new == 2
        assert world.rows("SELECT count(*) FROM runs WHERE raw_cost IS NULL") == [(1,)]

    @pytest.mark.parametrize("odd", ["a\0b", "\ud800", "\udc00\0\ud800", "\0"])
    def test_what_no_database_can_hold_in_every_text_of_a_run(self, world: World, odd: str) -> None:
        """A NUL, and halves of surrogate pairs: cleaned where a run is read."""
        root = world.standin.add_run(run_type="CHAIN", start=world.ago(minutes=2))
        run_id = world.standin.add_run(parent=root, cost="0.5", start=world.ago(minutes=1))
        said = {"ls_provider": odd, "ls_model_name": odd, "feature": odd, "env": odd, "user_id": odd, odd: odd}
        texts = {"name": odd, "tags": [odd, f"feature:{odd}"], "metadata": said, "thread_id": odd, "status": odd}
        world.standin.spoil(run_id, lambda row: {**row, **texts, "run_type": "LLM\0", "error": odd})
        world.standin.spoil(root, lambda row: {**row, **texts})
        assert world.sync().problems == []
        assert world.total().cost == 500_000_000
        ((kind, *words),) = world.rows("SELECT type, name, model, provider, thread, tags, key_values FROM runs")
        assert kind == "LLM"
        assert "\0" not in repr(words)
        assert world.later(minutes=1).problems == []


def test_fields_that_nobody_knows_are_left_alone(world: World) -> None:
    """In a row, in its details, and around the page; also those that are called like ours elsewhere."""
    run_id = world.standin.add_run(cost="0.5")
    more = {"cost": 9, "total_cost_v3": "7", "price": {"usd": 1}, "TOTAL_COST": 3, "__proto__": {}, "": None}
    world.standin.spoil(run_id, lambda row: {**row, **more, "prompt_token_details": {"raw": {"holograms": 7}, **more}})
    assert world.sync().problems == []
    assert world.total().cost == 500_000_000
    world.standin.raw_next(
        json.dumps({"items": [], "has_more": False, "took_ms": 3, "v3": [more]}).encode(), path="query"
    )
    assert world.later(minutes=1).problems == []
    assert world.total().cost == 500_000_000


def test_a_run_from_a_clock_that_is_ahead_is_read_once_its_time_has_come(world: World) -> None:
    """An application's clock says when a run began: what begins in the future is found then, and counted once."""
    world.settle()
    world.standin.add_run(start=world.clock.now + timedelta(minutes=7), cost="0.5")
    for _ in range(4):
        assert world.later(minutes=5).problems == []
    assert (world.total().runs, world.total().cost) == (1, 500_000_000)


def test_roots_are_asked_for_together(world: World) -> None:
    """Requests are what is scarce: of three pages with 60 such traces, whose first runs are found before their roots
    are, no page has a question of its own."""
    for number in range(60):
        root = world.standin.add_run(
            run_type="CHAIN", metadata={"feature": f"f{number % 3}"}, start=world.ago(minutes=9, seconds=number)
        )
        world.standin.add_run(parent=root, cost="0.5", start=world.ago(minutes=8, seconds=5 * number))
    world.standin.add_runs(
        {"start": world.ago(minutes=8, seconds=number / 8), "metadata": {"feature": "f0"}, "cost": "0.5"}
        for number in range(2_400)
    )
    assert world.sync().problems == []
    pages = [query for query in world.queries if "ids" not in query and "cursor" in query]
    asked = [query for query in world.queries if "ids" in query and "TOTAL_COST" not in query["selects"]]
    assert (len(pages), len(asked), len(asked[0]["ids"])) == (2, 1, 60)
    assert world.spend() == {"f0": 1_210, "f1": 10, "f2": 10}


@pytest.mark.parametrize(
    "end", [KeyboardInterrupt(), LlmcostError("The bot is being stopped.")], ids=["Ctrl-C", "SIGTERM"]
)
def test_what_was_read_before_it_is_stopped_is_kept(world: World, end: BaseException) -> None:
    world.standin.add_runs({"start": world.ago(minutes=9, milliseconds=number)} for number in range(2_500))

    def stop(progress: Progress) -> None:
        if progress.read == 2 * PAGE_SIZE:
            raise end

    with pytest.raises(type(end)):
        world._sync.run(progress=stop)
    assert world.total().runs == 2 * PAGE_SIZE
    assert world.later(minutes=1).booked.new == 500


def test_runs_that_move_to_another_trace_stay_where_they_were(world: World, caplog: pytest.LogCaptureFixture) -> None:
    runs = world.standin.add_runs({"start": world.ago(days=days, minutes=1)} for days in range(6))
    world.sync()
    for run_id in runs:
        world.standin.spoil(run_id, lambda row: {**row, "trace_id": "0194d1c0-0000-4000-8000-000000000009"})
    summary = world.later(minutes=1)
    assert (len(summary.booked.strays), summary.booked.new, summary.problems) == (6, 0, [])
    assert world.total().runs == 6
    assert len([one for one in caplog.records if "another trace" in one.getMessage()]) == 1


def test_a_server_that_leaves_its_lower_bound_out_misses_nothing(tmp_path: Path) -> None:
    """LangSmith does not say whether the bound itself belongs to what is asked."""

    class Exclusive(LangSmithStandIn):
        def _page(self, asked: Any, page: Any) -> dict[str, Any]:
            shown = super()._page(asked, page)
            bound = asked["min_start_time"].replace("+00:00", ".000000Z")
            return {**shown, "items": [row for row in shown["items"] if row.get("start_time") != bound]}

    with World(tmp_path, standin=Exclusive(), backfill=timedelta(days=3)) as world:
        world.standin.add_runs({"start": NOW.replace(hour=0, minute=0) - timedelta(days=days)} for days in range(4))
        assert world.sync().booked.new == 4


def test_a_server_that_ignores_filters_brings_no_chains(tmp_path: Path) -> None:
    with World(tmp_path, types=("LLM",)) as world:
        run_id = world.standin.add_run()
        world.standin.spoil(run_id, lambda row: {**row, "run_type": "CHAIN"})
        summary = world.sync()
        assert (summary.problems, summary.booked.new) == ([], 0)


@pytest.mark.parametrize(("types", "new"), [(("LLM",), 1), (("EMBEDDING", "TOOL"), 2), (("LLM", "CHAIN"), 2)])
def test_only_the_run_types_in_scope_are_asked_for(tmp_path: Path, types: tuple[str, ...], new: int) -> None:
    with World(tmp_path, types=types) as world:
        world.standin.add_runs(
            {"run_type": kind, "tokens": (1, 1), "cost": "0.1"} for kind in ("LLM", "EMBEDDING", "TOOL", "CHAIN")
        )
        assert world.sync().booked.read == new
