"""A sync that is killed at any moment, and the next one."""

import random
import re
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

KILLS = 8  # per seed
# So long takes each answer, so that a kill hits the waiting as well as the writing.
ANSWER_SECONDS = 0.03
# Most of it is older than anything that is read again: what a sync leaves out there is lost.
DAYS = 30
QUERY = "/runs/query"


@pytest.fixture
def standin() -> Iterator[LangSmithStandIn]:
    with LangSmithStandIn(now=now) as server:
        yield server
        # A kill can cut a question short: it arrives without its body.
        assert [one for one in server.violations if not one.startswith("body: b'")] == []


def fill(server: LangSmithStandIn, seed: int) -> None:
    """Nested traces over a month, with the tag on the runs or on the root; an hour of two pages; runs that go on."""
    add_traces(server, seed, 100, now(), days=DAYS - 1)
    begin = now() - timedelta(days=20)
    server.add_runs({"start": begin + timedelta(seconds=number), "cost": "0.001"} for number in range(1_200))
    server.add_runs({"status": "PENDING", "start": now() - timedelta(hours=hours)} for hours in (10, 30))


def dump(command: Llmcost) -> dict[str, list[tuple[Any, ...]]]:
    """The ledger without what only tells when it was read: gaps end where slices do, and those begin anew."""
    queries = {table: f"SELECT * FROM {table}" for table in ("runs", "rollups", "returns", "roots", "rules")}  # noqa: S608 - our own names
    queries["projects"] = "SELECT key, id, name, started, selected, cost_mode, covered_from FROM projects"
    return {name: sorted(command.rows(query), key=repr) for name, query in queries.items()}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ledger_of_a_sync_that_was_killed_again_and_again_is_that_of_one_that_was_not(
    tmp_path: Path, standin: LangSmithStandIn, seed: int
) -> None:
    """Whenever one gets to its end, the ledger is compared, and the next begins with none."""
    fill(standin, seed)
    clean = llmcost(tmp_path / "clean", standin)
    done = clean.run("sync")
    assert (done.code, done.stderr) == (0, "")
    questions = len(standin.requests)
    assert questions > 12
    standin.hang_next(ANSWER_SECONDS, 1_000_000)

    dice = random.Random(seed)
    left: list[int] = []  # how many runs the ledger held after each kill
    ledgers = 0
    while len(left) < KILLS:
        ledgers += 1
        command = llmcost(tmp_path / str(ledgers), standin)
        while len(left) < KILLS:
            process = command.start("sync")
            if not left:  # while it makes the ledger, or before
                lasts(process, dice.uniform(0.2, 0.6))
            else:
                wanted = len(standin.requests) + dice.randrange(1, questions)
                wait_until(process, partial(has_been_asked, standin, wanted))
                lasts(process, dice.uniform(0, 2 * ANSWER_SECONDS))
            if not kill(process):
                assert process.returncode == 0
                break
            left.append(command.count_runs())
            command.let_lease_expire()
        else:
            assert command.run("sync").code == 0
        assert dump(command) == dump(clean)
        ledger = open_ledger(f"sqlite:///{command.file}", create=False)
        assert ledger.wrong_rollups() == []
        ledger.close()
    assert sum(0 < runs < clean.count_runs() for runs in left) > 1, "some must come while it is written"


def llmcost(folder: Path, server: LangSmithStandIn) -> Llmcost:
    folder.mkdir()
    return Llmcost(folder, server, LLMCOST_BACKFILL=f"{DAYS}d", LLMCOST_RETENTION=f"{DAYS + 1}d")


def has_been_asked(server: LangSmithStandIn, times: int) -> bool:
    return len(server.requests) >= times


def test_ctrl_c_ends_it_with_a_sentence_and_leaves_a_clean_ledger(tmp_path: Path, standin: LangSmithStandIn) -> None:
    """In the middle of the second page."""
    fill(standin, 3)
    command = llmcost(tmp_path / "stopped", standin)
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
    clean = llmcost(tmp_path / "clean", standin)
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
    said = r"Another process is at the sync of this ledger\. If it was killed, try again in [1-6]?[0-9] s\.\n"
    assert re.fullmatch(said, second.stderr)
    assert kill(first)
    command.let_lease_expire()
    third = command.run("sync")
    assert (third.code, third.stderr) == (0, "")
    assert third.stdout.startswith("1 run read from 1 project, 1 new, ")
