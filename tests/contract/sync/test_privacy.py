"""Prompts, answers, keys and metadata that nobody asked for stay where they are."""

import logging
from pathlib import Path
from typing import Any

import pytest

from bot.ingest.summary import Progress
from bot.ledger.tables import metadata
from tests.contract.sync.world import World
from tests.standins.langsmith import API_KEY, LangSmithStandIn

pytestmark = pytest.mark.each_database

MARKER = "PROMPT-TEXT"
SECRET = {"email": f"{MARKER}@example.com", "LANGSMITH_API_KEY": f"{MARKER}-key", "revision": {"deep": [MARKER]}}


class Leaky(LangSmithStandIn):
    """A server that answers with prompts and answers though they were not selected, and puts them into its errors."""

    def _row(self, row: Any) -> Any:
        shown = super()._row(row)
        return {**shown, "inputs": {"messages": MARKER}, "outputs": MARKER, "error": MARKER, "events": [MARKER]}


def add_runs(world: World) -> None:
    content = {"inputs": {"messages": [MARKER]}, "outputs": {"answer": MARKER}, "error": MARKER}
    root = world.standin.add_run(run_type="CHAIN", metadata={**SECRET, "feature": "rag-search"}, **content)
    world.standin.add_run(parent=root, metadata={**SECRET, "env": "prod"}, **content)
    world.standin.add_run(status="PENDING", metadata={**SECRET, "feature": [MARKER]}, start=world.ago(hours=3))


def test_nothing_of_it_is_in_the_ledger_the_log_or_the_summary(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    standin = Leaky()
    with World(tmp_path, standin=standin) as world:
        add_runs(world)
        summaries = [world.sync(), world.later(minutes=10)]
        body = f'{{"detail": "{MARKER}"}}'.encode()
        for status in (500, 422, 403):
            standin.raw_next(body, status=status, times=6, path="/runs/query")
            summaries.append(world.later(minutes=1))
        standin.raw_next(body, times=6, path="/runs/query")
        summaries.append(world.later(minutes=1))
        assert [len(summary.problems) for summary in summaries] == [0, 0, 1, 1, 1, 1]
        assert world.spend()["rag-search"] == world.spend("env")["prod"] == 0.01
        said = repr(summaries) + repr([(record.getMessage(), record.args) for record in caplog.records])
    kept = (
        b"".join(file.read_bytes() for file in tmp_path.iterdir())
        + repr(
            [world.rows(f'SELECT * FROM "{name}"') for name in metadata.tables]  # noqa: S608 - our own names
        ).encode()
    )
    assert b"rag-search" in kept
    for private in (MARKER, API_KEY, "example.com"):
        assert private not in said
        assert private.encode() not in kept


@pytest.mark.parametrize(
    "spoilt",
    [{"id": MARKER}, {"start_time": MARKER}, {"trace_id": MARKER}, {"parent_run_ids": [{MARKER: 1}]}],
    ids=lambda spoilt: next(iter(spoilt)),
)
def test_what_is_said_of_a_malformed_run_does_not_quote_it(
    world: World, caplog: pytest.LogCaptureFixture, spoilt: dict[str, Any]
) -> None:
    world.standin.spoil(world.standin.add_run(), lambda row: {**row, **spoilt})
    (problem,) = world.sync().problems
    (record,) = caplog.records
    assert MARKER not in problem + record.getMessage()


def test_of_a_bug_the_ledger_remembers_the_kind_alone(world: World) -> None:
    def fail(_: Progress) -> None:
        raise RuntimeError(MARKER)

    with pytest.raises(RuntimeError):
        world._sync.run(progress=fail)
    with world.ledger.reading() as reading:
        last = reading.last_sync()
    assert last is not None
    assert last.problem == "It broke off (RuntimeError)."
    assert world.sync().problems == []


def test_nothing_that_can_hold_it_is_asked_for(world: World) -> None:
    add_runs(world)
    world.sync()
    asked = {select for query in world.queries for select in query["selects"]}
    assert asked == {
        *(
            "ID",
            "NAME",
            "RUN_TYPE",
            "STATUS",
            "START_TIME",
            "END_TIME",
            "TRACE_ID",
            "PARENT_RUN_IDS",
            "THREAD_ID",
            "METADATA",
            "TAGS",
        ),
        *("PROMPT_TOKENS", "COMPLETION_TOKENS", "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS"),
        *("PROMPT_COST", "COMPLETION_COST", "TOTAL_COST"),
    }
