"""A budget's story over sockets, told by `llmcost run` as a process: one that is killed between any two of its steps,
and two side by side on one ledger."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from bot.jobs.alerts import LOOKED
from bot.ledger.claims import CLAIM
from bot.ledger.lease import LEASE_MICROSECONDS
from bot.slack.alert_message import RAISE
from tests.e2e.commands import start
from tests.e2e.conversation import Talk, now
from tests.e2e.llmcost import noon_zone, wait_until
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

# Two syncs must have seen a crossing before it is told, and the least between two is 5 s.
SECONDS = 40.0
OWNER, CHANNEL = "U0OWNER", "C0COSTS"
TOML = f"""
[features.rag-search]
owner = "{OWNER}"
budget = {{ monthly = 10 }}
"""
# It is noon there.
DUE, NOT_YET = {"LLMCOST_DIGEST_AT": "11:00"}, {"LLMCOST_DIGEST_AT": "23:30"}


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    """rag-search spent $2 of its $10 yesterday, and more than the rest today."""
    (tmp_path / "llmcost.toml").write_text(TOML)
    more = {"LLMCOST_SYNC_EVERY": "5s", "LLMCOST_TIMEZONE": noon_zone(), "LLMCOST_DIGEST_CHANNEL": "#costs"}
    with SlackStandIn() as slack, LangSmithStandIn(now=now) as langsmith:
        slack.add_user(OWNER, "owner", "owner@example.com")
        slack.add_channel(CHANNEL, "costs")
        made = Talk(slack, langsmith, tmp_path, more)
        spend(made, "2", timedelta(days=1))
        spend(made, "12")
        yield made
        assert slack.violations == []


def spend(talk: Talk, dollars: str, ago: timedelta = timedelta()) -> None:
    start = now() - ago - timedelta(minutes=5)
    talk.langsmith.add_run(project="acme-prod", start=start, metadata={"feature": "rag-search"}, cost=dollars)


@contextmanager
def running(talk: Talk, digest: dict[str, str]) -> Iterator["Popen[str]"]:
    """While `llmcost run` does; in the end it is killed as by a power cut."""
    with start(talk.folder, "run", more=talk.environ | digest) as process:
        talk.slack.wait_connected(timeout=SECONDS)
        yield process
        assert process.poll() is None, "it did not end by itself"
        process.kill()
        process.wait(SECONDS)
        wait_out(talk)


def rows(talk: Talk, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(talk.folder / "llmcost.db")) as connection:
        return connection.execute(query).fetchall()


def rounds(talk: Talk) -> int:
    """After how many syncs the budgets have been looked at."""
    return int(next(iter(rows(talk, f"SELECT value FROM marks WHERE name = '{LOOKED}'")), (0,))[0])  # noqa: S608 - our own name


def wait_rounds(talk: Talk, process: "Popen[str]", more: int) -> None:
    """Until so many syncs more have come in, and what followed from all but the last of them is done."""
    wanted = rounds(talk) + more
    assert wait_until(process, lambda: rounds(talk) >= wanted)


def count_sent(talk: Talk) -> int:
    return len(rows(talk, "SELECT 1 FROM deliveries WHERE state = 'sent'"))


def sent(talk: Talk) -> list[str]:
    """The recipients of all that is known to stand in Slack; nothing may be on its way beside it."""
    assert rows(talk, "SELECT recipient FROM deliveries WHERE state <> 'sent'") == []
    return sorted(recipient for (recipient,) in rows(talk, "SELECT recipient FROM deliveries"))


def wait_out(talk: Talk) -> None:
    """Put what a killed process holds into the past by as long as it lasts: what waiting would do."""
    with closing(sqlite3.connect(talk.folder / "llmcost.db")) as connection, connection:
        connection.execute("UPDATE leases SET expires = expires - ?", (LEASE_MICROSECONDS,))
        claim = CLAIM // timedelta(microseconds=1)
        connection.execute("UPDATE deliveries SET next_try = next_try - ? WHERE claim IS NOT NULL", (claim,))


def filled(amount: str) -> dict[str, Any]:
    option = {"text": {"type": "plain_text", "text": "until it is changed", "emoji": False}, "value": "changed"}
    return {
        "amount": {"amount": {"type": "plain_text_input", "value": amount}},
        "holds": {"holds": {"type": "radio_buttons", "selected_option": option}},
    }


def test_an_alert_a_raised_budget_and_a_digest_come_once_though_it_is_killed_between_all_steps(talk: Talk) -> None:
    slack = talk.slack
    with running(talk, NOT_YET) as bot:  # spend arrives
        assert wait_until(bot, lambda: rounds(talk) == 1)
    assert slack.messages(OWNER) == []

    slack.fail_next("chat.postMessage", hang=SECONDS)  # accepted, and nobody hears of it
    with running(talk, NOT_YET):
        (alert,) = slack.wait_messages(OWNER, timeout=SECONDS)
        assert "rag-search has spent $14.00 of its monthly $10.00" in alert["text"]

    with running(talk, NOT_YET) as bot:
        assert wait_until(bot, lambda: count_sent(talk) == 1)
        slack.click(alert, RAISE, user=OWNER)
        modal = slack.wait_modal(SECONDS)
    with running(talk, NOT_YET):
        assert slack.submit(modal, filled("20"), user=OWNER).wait_ack().payload == {}
        assert rows(talk, "SELECT limit_nanos FROM limits") == [(20_000_000_000,)]
    spend(talk, "15")
    with running(talk, NOT_YET) as bot:  # the alert is armed again
        _, second = slack.wait_messages(OWNER, 2, timeout=SECONDS)
        assert "$29.00 of its monthly $20.00" in second["text"]
        assert wait_until(bot, lambda: count_sent(talk) == 2)

    with running(talk, DUE) as bot:
        (digest,) = slack.wait_messages(CHANNEL, timeout=SECONDS)
        assert "10 % of $20.00 monthly" in digest["text"]
        assert wait_until(bot, lambda: count_sent(talk) == 5)  # and what follows it in its thread: the table, the file
    with running(talk, DUE) as bot:
        wait_rounds(talk, bot, 2)
    assert sent(talk) == ["#costs", "#costs", "#costs", OWNER, OWNER]
    assert [len(slack.messages(place)) for place in (OWNER, CHANNEL)] == [2, 3]
    assert "Limit set to $20.00" in slack.messages(OWNER)[0]["text"]
    assert rows(talk, "SELECT count(*) FROM limits") == [(1,)]


def test_two_processes_on_one_ledger_answer_and_tell_everything_once(talk: Talk) -> None:
    with running(talk, DUE), running(talk, DUE) as bot:
        talk.slack.wait_connected(2, timeout=SECONDS)
        for _ in range(6):
            assert "$14.00" in talk.ask_until("week rag-search", "$14.00").text
        talk.slack.wait_messages(OWNER, timeout=SECONDS)
        talk.slack.wait_messages(CHANNEL, timeout=SECONDS)
        exchanges = [talk.slack.command("week rag-search") for _ in range(6)]
        assert all("$14.00" in exchange.wait_responses()[0]["text"] for exchange in exchanges)
        assert wait_until(bot, lambda: count_sent(talk) == 4)
        wait_rounds(talk, bot, 3)
    assert sent(talk) == ["#costs", "#costs", "#costs", OWNER]
    assert [len(talk.slack.messages(place)) for place in (OWNER, CHANNEL)] == [1, 3]
    assert [len(exchange.responses) for exchange in exchanges] == [1] * 6
