"""Two `llmcost run` on one PostgreSQL: each answers, one is on duty, and when it is killed the other goes on."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from bot.ledger.lease import LEASE_MICROSECONDS
from tests.databases import cluster, rows
from tests.e2e.commands import start
from tests.e2e.conversation import Talk, now, traced
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

TOML = """
[features.rag-search]
owner = "U1"
budget = { daily = 0.1 }
"""


class Town(NamedTuple):
    talk: Talk
    url: str


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    url = cluster().new_url(empty=True)
    (tmp_path / "llmcost.toml").write_text(TOML)
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        traced(langsmith)
        slack.add_user("U1", "alice", "alice@example.com")
        more = {"DATABASE_URL": url, "LLMCOST_SYNC_EVERY": "5s", "LLMCOST_QUIET_HOURS": "off"}
        yield Town(Talk(slack, langsmith, tmp_path, more), url)


def wait_for(found: Callable[[], bool], what: str, seconds: float = 60) -> float:
    """How long it took."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < seconds, f"{what} did not come"
        time.sleep(0.1)
    return time.monotonic() - began


def alerts(slack: SlackStandIn) -> list[str]:
    """What stands in the owner's direct messages."""
    return [message["text"] for message in slack.messages(slack.direct("U1").id)]


def count(url: str, query: str) -> int:
    return int(rows(url, query)[0][0])


def test_a_killed_process_is_followed_by_the_other_within_a_minute_and_nothing_is_said_twice(
    town: Town,
) -> None:
    talk, url = town
    with ExitStack() as ends:
        holder = ends.enter_context(start(talk.folder, "run", more=talk.environ))
        talk.slack.wait_connected(timeout=60)
        wait_for(lambda: len(alerts(talk.slack)) == 1, "the alert")
        ends.enter_context(start(talk.folder, "run", more=talk.environ))
        talk.slack.wait_connected(n=2, timeout=60)
        assert "$0.50" in talk.ask("today rag-search").text
        syncs = count(url, "SELECT max(id) FROM syncs")
        wait_for(lambda: count(url, "SELECT max(id) FROM syncs") > syncs + 1, "two more syncs of the holder")
        holders = "SELECT count(DISTINCT holder) FROM leases WHERE name = 'jobs'"
        assert count(url, holders) == 1

        kill(holder)
        let_leases_expire(url)
        syncs = count(url, "SELECT max(id) FROM syncs")
        talk.langsmith.add_run(project="acme-prod", start=now(), metadata={"feature": "rag-search"}, cost="0.70")
        seconds = 60 - LEASE_MICROSECONDS / 1e6
        wait_for(lambda: count(url, "SELECT max(id) FROM syncs") > syncs, "a sync of the other", seconds)
        assert talk.ask_until("today rag-search", "$1.20")
        assert len(alerts(talk.slack)) == 1
        assert talk.slack.violations == []


def let_leases_expire(url: str) -> None:
    """Put them into the past by as long as they last: what waiting would do."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE leases SET expires = expires - %s", (LEASE_MICROSECONDS,))


def kill(process: "subprocess.Popen[str]") -> None:
    """As a power cut does."""
    process.kill()
    process.communicate(timeout=20)
