"""Which projects are read, and that one's trouble is not the others'."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from bot.demo.api import Request, Response
from bot.ingest.asking import TRIES
from bot.ingest.selection import Selection
from bot.ingest.sync import Sync
from bot.ledger.booking import microseconds
from tests.contract.sync.world import World
from tests.standins.langsmith import LangSmithStandIn

pytestmark = pytest.mark.each_database

ID = "0194d1c0-abcd-4000-8000-000000000001"


class WithExperiments(LangSmithStandIn):
    """Projects whose name begins with `exp-` are experiments."""

    def answer(self, request: Request) -> Response:
        response = super().answer(request)
        if not request.path.endswith("/sessions"):
            return response
        rows = [
            {**row, "type": "EXPERIMENT" if row["name"].startswith("exp-") else "PROJECT"}
            for row in response.payload["items"]
        ]
        asked = request.query.get("type", ["PROJECT", "EXPERIMENT"])
        return Response(200, {**response.payload, "items": [row for row in rows if row["type"] in asked]})


class DeafToFilters(LangSmithStandIn):
    """Answers with all that it has, whatever was asked for."""

    def answer(self, request: Request) -> Response:
        return super().answer(request._replace(query={}) if request.path.endswith("/sessions") else request)


def read_projects(world: World) -> set[str]:
    with world.ledger.reading() as reading:
        return {row.name for row in reading.projects(selected_only=True) if row.watermark is not None}


def selected(world: World) -> dict[str, int | None]:
    """Up to when each selected project has been read."""
    with world.ledger.reading() as reading:
        return {row.name: row.watermark for row in reading.projects(selected_only=True)}


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (("prod-eu",), {"prod-eu"}),
        (("prod-*",), {"prod-eu", "prod-us"}),
        (("*-eu", "prod-?s"), {"prod-eu", "prod-us", "test-eu"}),
        (("prod-[eu]*", "prod-eu"), {"prod-eu", "prod-us"}),
        (("[old] app",), {"[old] app"}),
        ((ID,), {"test-eu"}),
        ((ID.upper(),), {"test-eu"}),
        ((ID.replace("-", ""),), {"test-eu"}),
        ((UUID(ID).urn, "Prod-EU"), {"test-eu", "Prod-EU"}),
    ],
)
@pytest.mark.parametrize("kind", [LangSmithStandIn, DeafToFilters])
def test_names_ids_and_globs(
    tmp_path: Path, kind: type[LangSmithStandIn], patterns: tuple[str, ...], names: set[str]
) -> None:
    """Each with its case; a glob's characters in a name are found by that name too."""
    with World(tmp_path, standin=kind(), patterns=patterns) as world:
        for name in ("prod-eu", "prod-us", "Prod-EU", "[old] app", "o app"):
            world.standin.add_project(name)
        world.standin.add_project("test-eu", id=ID)
        summary = world.sync()
        assert summary.problems == []
        assert read_projects(world) - {"o app"} == names
        assert summary.projects == len(read_projects(world))


def test_more_projects_than_a_page_are_all_found(tmp_path: Path) -> None:
    with World(tmp_path, patterns=("*",), backfill=timedelta(minutes=1)) as world:
        for number in range(130):
            world.standin.add_project(f"p{number}")
        assert world.sync().projects == 130


def test_projects_are_looked_up_once_and_again_after_ten_minutes(tmp_path: Path) -> None:
    """A new one that matches joins by itself."""
    with World(tmp_path, patterns=("prod-*",)) as world:
        world.standin.add_project("prod-eu")
        world.sync()
        world.standin.add_run(project="prod-us")
        world.later(minutes=9, seconds=59)
        assert read_projects(world) == {"prod-eu"}
        world.later(seconds=1)
        assert read_projects(world) == {"prod-eu", "prod-us"}
        assert world.total().runs == 1
        looked_up = [request for request in world.standin.requests if request.path.endswith("/sessions")]
        assert len(looked_up) == 2


def test_a_clock_that_is_set_back_looks_projects_up_again(tmp_path: Path) -> None:
    with World(tmp_path, patterns=("prod-*",)) as world:
        world.sync()
        world.standin.add_project("prod-eu")
        world.clock.now -= timedelta(hours=1)
        assert world.sync().projects == 1


def test_what_another_process_has_selected_is_selected_anew(tmp_path: Path) -> None:
    """It was started with another LANGSMITH_PROJECT: a sync that reads nothing would pass for a good one."""
    with World(tmp_path, patterns=("prod-eu",)) as world:
        for name in ("prod-eu", "test"):
            world.standin.add_run(project=name)
        world.sync()
        other = replace(world.scope, selection=Selection(("test",)))
        Sync(world.source, world.ledger, world.rules, other, world.clock).run()
        assert list(selected(world)) == ["test"]
        assert world.later(minutes=1).projects == 1
        assert selected(world) == {"prod-eu": microseconds(world.clock.now)}


class TestMissing:
    def test_that_was_read_before_is_missed_and_not_forgotten(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Renamed or deleted: the ledger goes on saying up to when it was read."""
        with World(tmp_path, patterns=("prod-eu", "prod-us", "test-*")) as world:
            ids = {name: world.standin.add_project(name) for name in ("prod-eu", "prod-us", "test-a", "test-b")}
            world.settle()
            was = selected(world)
            world.standin.add_project("prod-us-2", id=ids["prod-us"])
            world.standin.add_project("old-a", id=ids["test-a"])
            problems = world.later(minutes=11).problems
            assert [problem.split("'")[1] for problem in problems] == ["prod-us"]
            now = microseconds(world.clock.now)
            # The glob does not fit test-a any more, and fits another.
            assert selected(world) == {"prod-eu": now, "prod-us": was["prod-us"], "test-b": now}
            assert "project test-a is none of those that are to be read any more" in caplog.text
            assert "project prod-us is none" not in caplog.text
            world.standin.add_project("old-b", id=ids["test-b"])
            assert len(world.later(minutes=11).problems) == 2
            assert list(selected(world)) == ["prod-eu", "prod-us", "test-b"]
            world.scope = replace(world.scope, selection=Selection(("prod-eu",)))
            world.restart()
            assert world.sync().problems == []
            assert list(selected(world)) == ["prod-eu"], "nobody asks for the others any more"

    def test_is_a_sentence_while_the_others_are_read(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with World(tmp_path, patterns=("acme-prod", "acme-prd", "x-*", ID)) as world:
            world.standin.add_run(project="acme-prod")
            problems = world.sync().problems
            assert world.total().runs == 1
            assert len(problems) == 3
            for name, problem in zip(("acme-prd", "x-*", ID), problems, strict=True):
                assert problem == (
                    f"LangSmith has no project '{name}' that this key can see: check LANGSMITH_PROJECT, "
                    "LANGSMITH_WORKSPACE_ID and the region in LANGSMITH_ENDPOINT."
                )
            for minutes in (1, 10, 10):
                assert world.later(minutes=minutes).problems == problems, "it is said with every sync"
            assert [record.getMessage() for record in caplog.records] == problems, "and logged once"

    def test_until_it_is_there(self, tmp_path: Path) -> None:
        with World(tmp_path, patterns=("acme-prod",)) as world:
            assert len(world.sync().problems) == 1
            world.standin.add_run(project="acme-prod")
            assert world.later(minutes=10).problems == []
            assert world.total().runs == 1


class TestExperiments:
    @pytest.mark.parametrize("pattern", ["*", "exp-1"])
    def test_are_left_out_unless_asked_for(self, tmp_path: Path, pattern: str) -> None:
        for experiments, number in ((False, 0), (True, 1)):
            (folder := tmp_path / str(experiments)).mkdir()
            with World(folder, standin=WithExperiments(), patterns=(pattern,), experiments=experiments) as world:
                world.standin.add_project("exp-1")
                assert world.sync().projects == number
                (looked_up,) = (request.query for request in world.standin.requests if request.method == "GET")
                assert looked_up.get("type") == (None if experiments else ["PROJECT", "AGENT"])

    def test_even_by_a_server_that_does_not_know_the_filter(self, tmp_path: Path) -> None:
        class Deaf(WithExperiments):
            def answer(self, request: Request) -> Response:
                return super().answer(request._replace(query={}) if request.path.endswith("/sessions") else request)

        with World(tmp_path, standin=Deaf(), patterns=("*",)) as world:
            for name in ("exp-1", "prod"):
                world.standin.add_project(name)
            world.sync()
            assert read_projects(world) == {"prod"}


def test_a_project_that_is_renamed_stays_the_same(tmp_path: Path) -> None:
    with World(tmp_path, patterns=(ID,)) as world:
        world.standin.add_project("old", id=ID)
        world.standin.add_run()
        world.sync()
        world.standin.add_project("new", id=ID)
        world.later(minutes=10)
        with world.ledger.reading() as reading:
            assert [row.name for row in reading.projects()] == ["new"]
        assert world.total().runs == 1


def test_a_project_that_is_gone_keeps_what_it_has_brought(tmp_path: Path) -> None:
    with World(tmp_path, patterns=("prod-*",)) as world:
        world.standin.add_run(project="prod-eu")
        world.standin.add_run(project="prod-us")
        world.sync()
        world.standin.store._projects.pop(world.standin._project_id("prod-us"))
        (problem,) = world.later(minutes=1).problems
        assert problem.startswith("prod-us: ")
        assert "404" in problem
        assert world.later(minutes=10).problems == []
        assert read_projects(world) == {"prod-eu"}
        assert world.total().runs == 2


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ('7, null, {"id": 3}, {"name": "no id"}', []),
        (f'{{"id": "{ID}", "name": "\\ud800\\u0007 ", "start_time": "soon", "type": 7}}', ["?\a"]),
        (f'{{"id": "{ID}"}}', [ID]),
    ],
)
def test_odd_projects_break_nothing(tmp_path: Path, rows: str, found: list[str]) -> None:
    with World(tmp_path, patterns=("*",)) as world:
        world.standin.add_project("there", id=ID)
        world.standin.raw_next(f'{{"items": [{rows}]}}'.encode(), path="/sessions")
        assert world.sync().projects == len(found)
        assert read_projects(world) == set(found)


@pytest.mark.parametrize("status", [403, 500, 404, 422])
def test_one_projects_failure_does_not_stop_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    with World(tmp_path, patterns=("a", "b", "c")) as world:
        for name in ("a", "b", "c"):
            world.standin.add_run(project=name)
        broken = world.standin._project_id("b")
        world.standin.fail_next(TRIES, status=status, path="/runs/query", project=broken)
        summary = world.sync()
        (problem,) = summary.problems
        assert problem.startswith("b: LangSmith ")
        assert str(status) in problem
        assert (summary.projects, world.total().runs) == (3, 2)
        assert len([one for one in caplog.records if "not read to the end" in one.getMessage()]) == 1
        world.standin._faults.clear()
        assert world.later(minutes=1).problems == []
        assert world.total().runs == 3
