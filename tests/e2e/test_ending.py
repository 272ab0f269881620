"""SIGTERM: within ten seconds whoever was acknowledged is answered, the page in hand is booked whole or not at all, and
the leases are given back."""

import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import Popen

import pytest

from bot.ledger.store import open_ledger
from bot.slack.connection import ANSWER_THREADS
from tests.e2e.commands import start
from tests.e2e.conversation import Talk, now, traced
from tests.e2e.test_watching import leased
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

SECONDS = 30
PAGE, RUNS = 1_000, 1_200


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        yield Talk(slack, langsmith, tmp_path)


def end(process: "Popen[str]") -> None:
    """As systemd and Kubernetes do."""
    process.send_signal(signal.SIGTERM)


def wait_end(process: "Popen[str]", began: float) -> None:
    _, log = process.communicate(timeout=SECONDS)
    assert time.monotonic() - began < 10, log
    assert process.returncode == 0, log


def test_whoever_was_acknowledged_is_answered_those_in_line_too(talk: Talk) -> None:
    traced(talk.langsmith)
    talk.sync()
    people = [f"U9{number:02}" for number in range(ANSWER_THREADS + 5)]
    for person in people:
        talk.slack.add_user(person, person.lower(), f"{person}@example.com")
    with start(talk.folder, "run", more=talk.environ) as bot:
        talk.slack.wait_connected(timeout=SECONDS)
        # Nobody is answered before Slack has said who they are.
        talk.slack.fail_next("users.info", hang=2, times=len(people))
        asked = [talk.slack.command("week rag-search", user=person) for person in people]
        for exchange in asked:
            exchange.wait_ack()
        began = time.monotonic()
        end(bot)
        assert [exchange.responses for exchange in asked[ANSWER_THREADS:]] == [[]] * 5
        wait_end(bot, began)
    assert [len(exchange.responses) for exchange in asked] == [1] * len(people)
    assert all("$1.70" in exchange.responses[0]["text"] for exchange in asked)
    assert leased(talk) == []


def test_whoever_cannot_be_answered_in_time_holds_up_neither_the_end_nor_the_others(talk: Talk) -> None:
    """Slack does not say who they are; their answer is given up, the leases are not."""
    traced(talk.langsmith)
    talk.sync()
    for person in ("U901", "U902"):
        talk.slack.add_user(person, person.lower(), f"{person}@example.com")
    with start(talk.folder, "run", more=talk.environ) as bot:
        talk.slack.wait_connected(timeout=SECONDS)
        talk.slack.fail_next("users.info", hang=SECONDS)
        hanging = talk.slack.command("week rag-search", user="U901")
        hanging.wait_ack()
        talk.slack.wait_for(lambda: not talk.slack._faults["users.info"], what="the question that hangs")
        answered = talk.slack.command("week rag-search", user="U902")
        answered.wait_ack()
        began = time.monotonic()
        end(bot)
        wait_end(bot, began)
    assert "$1.70" in answered.responses[0]["text"]
    assert hanging.responses == []
    assert leased(talk) == []


def test_a_start_that_hangs_ends_too(talk: Talk) -> None:
    talk.slack.fail_next("auth.test", hang=SECONDS)
    with start(talk.folder, "run", more=talk.environ) as bot:
        talk.slack.wait_for(lambda: not talk.slack._faults["auth.test"], what="the question that hangs")
        began = time.monotonic()
        end(bot)
        wait_end(bot, began)
    assert bot.returncode == 0
    assert leased(talk) == []


@pytest.mark.parametrize("is_let_in", [True, False], ids=["in time", "too late"])
def test_the_page_in_hand_is_booked_whole_or_not_at_all(talk: Talk, is_let_in: bool) -> None:
    """It has been read, and waits for another process that writes: until after the signal, or for longer than that can
    be waited for."""
    talk.langsmith.add_runs([{"project": "acme-prod", "start": now(), "cost": "0.01"} for _ in range(RUNS)])
    file, is_taken = talk.folder / "llmcost.db", threading.Event()
    with (
        start(talk.folder, "run", more=talk.environ) as bot,
        closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=SECONDS)) as another,
    ):

        def take() -> None:
            another.execute("BEGIN IMMEDIATE")
            is_taken.set()

        talk.langsmith._between_pages.append(take)  # once the first page is made, and before it is sent
        assert is_taken.wait(SECONDS)
        began = time.monotonic()
        end(bot)
        if is_let_in:
            another.execute("ROLLBACK")
        wait_end(bot, began)
        if not is_let_in:
            another.execute("ROLLBACK")
            another.execute("UPDATE leases SET expires = 0")  # as if what it held had run out since
    with closing(open_ledger(f"sqlite:///{file}", create=False)) as ledger:
        with closing(sqlite3.connect(file)) as database:
            ((runs, covered),) = database.execute("SELECT (SELECT count(*) FROM runs), watermark FROM projects")
        assert runs == (PAGE if is_let_in else 0)
        assert ledger.wrong_rollups() == []
    if is_let_in:
        assert leased(talk) == []
    talk.sync()
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (RUNS,)
        assert database.execute("SELECT watermark > ? FROM projects", (covered or 0,)).fetchone() == (1,)
