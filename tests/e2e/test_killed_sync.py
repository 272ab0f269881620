"""A sync that is killed at any moment, and the next one."""

import random
import signal
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.ledger.store import open_ledger
from tests.contract.sync.traces import add_traces
from tests.e2e.llmcost import Llmcost, finish, kill, lasts, now, wait_until
from tests.standins.langsmith import LangSmithStandIn

KILLS = 6  # per seed
# So long takes each answer, so that a kill hits the waiting as well as the writing.
ANSWER_SECONDS = 0.03
QUERY = "/runs/query"


@pytest.fixture
def standin() -> Iterator[LangSmithStandIn]:
    with LangSmithStandIn(now=now) as server:
        yield server
        assert server.violations == []


def fill(server: LangSmithStandIn, seed: int) -> None:
    """Nested traces over five days, with the tag on the runs or on the root; an hour of two pages; runs that go on."""
    add_traces(server, seed, 60, now(), days=5)
    begin = now() - timedelta(hours=30)
    server.add_runs({"start": begin + timedelta(seconds=number), "cost": "0.001"} for number in range(1_200))
    server.add_runs({"status": "PENDING", "start": begin + timedelta(hours=hours)} for hours in (0, 20))


def dump(command: Llmcost) -> dict[str, list[tuple[Any, ...]]]:
    """The ledger without what only tells when it was read."""
    queries = {table: f"SELECT * FROM {table}" for table in ("runs", "rollups", "returns", "roots", "gaps", "rules")}  # noqa: S608 - our own names
    queries["projects"] = "SELECT key, id, name, started, selected, cost_mode, covered_from FROM projects"
    return {name: sorted(command.rows(query), key=repr) for name, query in queries.items()}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ledger_of_a_sync_that_was_killed_again_and_again_is_that_of_one_that_was_not(
    tmp_path: Path, standin: LangSmithStandIn, seed: int
) -> None:
    fill(standin, seed)
    folders = [tmp_path / name for name in ("clean", "killed")]
    for folder in folders:
        folder.mkdir()
    clean, killed = (Llmcost(folder, standin) for folder in folders)
    done = clean.run("sync")
    assert (done.code, done.stderr) == (0, "")
    questions = len(standin.requests)
    assert questions > 8

    standin.hang_next(ANSWER_SECONDS, 1_000_000)
    dice = random.Random(seed)
    kills = 0
    left: list[int] = []  # how many runs the ledger held after each kill
    while kills < KILLS:
        seen = len(standin.requests)
        process = killed.start("sync", "--since", "6d")
        if kills == 0:  # while it makes the ledger, or before
            lasts(process, dice.uniform(0.2, 0.8))
        else:
            wanted = seen + dice.randrange(1, questions)
            wait_until(process, partial(has_been_asked, standin, wanted))
            lasts(process, dice.uniform(0, 2 * ANSWER_SECONDS))
        kills += kill(process)
        if killed.file.exists():
            killed.let_lease_expire()
            left.append(killed.count_runs())
    runs = clean.count_runs()
    assert any(0 < number < runs for number in left), "some kills must come while the ledger is written"

    standin._faults.clear()
    assert killed.run("sync").code == 0
    assert dump(killed) == dump(clean)
    ledger = open_ledger(f"sqlite:///{killed.file}", create=False)
    assert ledger.wrong_rollups() == []
    ledger.close()


def has_been_asked(server: LangSmithStandIn, times: int) -> bool:
    return len(server.requests) >= times


def test_ctrl_c_ends_it_with_a_sentence_and_leaves_a_clean_ledger(tmp_path: Path, standin: LangSmithStandIn) -> None:
    """In the middle of the second page."""
    fill(standin, 3)
    command = Llmcost(tmp_path, standin)
    standin.hang_next(60, path=QUERY, project='"cursor"')
    process = command.start("sync")
    assert wait_until(process, lambda: any("cursor" in request.body for request in standin.requests if request.body))
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done == (1, "", "Stopped. What was read is kept; the next sync goes on from there.\n")
    assert command.rows("SELECT name FROM leases") == []
    assert command.rows("SELECT problem FROM syncs") == [("It was stopped before its end.",)]
    assert command.count_runs() >= 1_000
    assert command.run("sync").code == 0
    (folder := tmp_path / "clean").mkdir()
    clean = Llmcost(folder, standin)
    assert clean.run("sync").code == 0
    assert dump(command) == dump(clean)


def test_beside_a_sync_that_runs_another_is_told_so_and_a_killed_one_is_in_nobodys_way_for_longer_than_its_lease(
    tmp_path: Path, standin: LangSmithStandIn
) -> None:
    standin.add_run(start=now() - timedelta(hours=1))
    command = Llmcost(tmp_path, standin)
    standin.hang_next(60, path=QUERY)
    first = command.start("sync")
    assert wait_until(first, lambda: any(request.path.endswith(QUERY) for request in standin.requests))
    second = command.run("sync")
    assert (second.code, second.stdout) == (1, "")
    assert second.stderr == "Another process is at the sync of this ledger; it is done there.\n"
    assert kill(first)
    command.let_lease_expire()
    third = command.run("sync")
    assert (third.code, third.stderr) == (0, "")
    assert third.stdout.startswith("1 run read from 1 project, 1 new, ")
