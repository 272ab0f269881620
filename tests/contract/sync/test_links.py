"""How a project's traces are addressed is asked once, and no sync fails for it; and what a run is asked by its id."""

import logging
from datetime import timedelta
from uuid import UUID

import pytest

from bot.errors import SourceRefusedError, SourceUnavailableError
from bot.ledger.booking import microseconds
from tests.contract.sync.world import LINK, World

pytestmark = pytest.mark.each_database


def asked(world: World) -> int:
    return sum(bool(LINK.fullmatch(request.path)) for request in world.standin.requests)


def test_it_is_learned_from_a_run_that_was_read_and_never_asked_again(world: World) -> None:
    assert world.sync().problems == []
    assert (asked(world), world.project().link) == (0, None)  # there is no run to ask about
    root = world.standin.add_run(run_type="CHAIN")
    world.standin.add_run(parent=root)
    assert world.later(minutes=1).problems == []
    trace = UUID(root).bytes
    project = str(UUID(bytes=world.project().id))
    link = world.project().link_to(trace)
    assert link is not None
    assert link.startswith(f"{world.standin.url}/o/")
    assert link.endswith(f"/projects/p/{project}/r/{root}?trace_id={root}")
    world.restart()
    world.standin.add_run()
    world.later(minutes=20)
    assert asked(world) == 1


@pytest.mark.parametrize("fault", ["refused", "down", "no address", "an address that acts"])
def test_a_failure_is_a_warning_and_is_tried_again_when_projects_are_looked_up(
    world: World, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    world.standin.add_run()
    if fault in {"refused", "down"}:
        world.standin.fail_next(2, status=404 if fault == "refused" else 503, path="/url")
    else:
        body = b'{"url": null}' if fault == "no address" else b'{"url": "javascript:alert(1)"}'
        world.standin.raw_next(body, times=2, path="/url")
    assert world.sync().problems == []
    assert world.later(minutes=1).problems == []
    assert (asked(world), world.project().link) == (1, None)
    assert world.later(minutes=10).problems == []
    assert (asked(world), world.project().link) == (2, None)
    assert world.later(minutes=10).problems == []
    assert asked(world) == 3
    assert world.project().link is not None
    said = [record for record in caplog.records if "cannot link" in record.getMessage()]
    assert [record.levelno for record in said if record.levelno >= logging.WARNING] == [logging.WARNING]
    assert "javascript" not in caplog.text


def test_the_thread_of_a_run_is_kept(world: World) -> None:
    world.standin.add_run(metadata={"session_id": " caf\u0065\u0301 "})
    world.standin.add_run(metadata={"thread_id": "t" * 300})
    world.standin.add_run(metadata={"conversation_id": 7})
    world.standin.add_run(metadata={"session_id": ""})
    world.sync()
    kept = {thread for (thread,) in world.rows("SELECT thread FROM runs")}
    assert kept == {"caf\u00e9", "t" * 250, "7", None}


class TestLookingUp:
    """One question by the id of a run, over all projects."""

    def look_up(self, world: World, run_id: str) -> bytes | None:
        now = world.clock.now
        projects = [UUID(project.id).bytes for project in world.standin.store.projects()]
        before = len(world.standin.requests)
        try:
            return world.source.trace_of(
                projects, UUID(run_id).bytes, microseconds(now - timedelta(days=400)), microseconds(now)
            )
        finally:
            (request,) = world.standin.requests[before:]
            assert request.body["selects"] == ["ID", "TRACE_ID"]
            assert len(request.body["project_ids"]) == 2
            world.standin.requests.remove(request)  # no sync asks so

    def test_it_finds_the_trace_of_a_run_that_is_not_read(self, world: World) -> None:
        world.standin.add_project("other")
        root = world.standin.add_run(run_type="CHAIN", project="other", start=world.ago(days=300))
        step = world.standin.add_run(run_type="CHAIN", parent=root, start=world.ago(days=300))
        assert self.look_up(world, step) == UUID(root).bytes
        assert self.look_up(world, "0194d1c0-0000-4000-8000-00000000beef") is None

    @pytest.mark.parametrize(("status", "error"), [(503, SourceUnavailableError), (403, SourceRefusedError)])
    def test_it_is_asked_once(self, world: World, status: int, error: type[Exception]) -> None:
        world.standin.add_project("other")
        world.standin.fail_next(1, status=status)
        with pytest.raises(error):
            self.look_up(world, "0194d1c0-0000-4000-8000-00000000beef")
        assert world.clock.waits == []
