"""HTTP mode end to end: Slack calls us, with a signature, and gets the answer that Socket Mode gives."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bot.errors import SlackError
from bot.ledger.store import open_ledger
from bot.slack.connection import HttpConnection
from bot.slack.hearing import Answerers
from bot.slack.listeners import Listeners
from bot.slack.messages import Message, note
from tests.e2e.conversation import Answer
from tests.ledgers import NOW, believable, fill, new_ledger, reporter
from tests.standins.slack import SlackStandIn

SECRET = "fake-signing-secret"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[SlackStandIn]:
    """A Slack that reaches the bot by HTTP."""
    ledger = open_ledger(f"sqlite:///{tmp_path}/llmcost.db", create=True)
    fill(ledger, believable(), projects=("acme-prod", "acme-staging"))
    with SlackStandIn() as slack:
        connection = connected(slack, Answerers(Listeners(reporter(ledger), ledger, lambda: NOW)))
        try:
            yield slack
        finally:
            connection.close()
            ledger.close()


def connected(slack: SlackStandIn, answerers: Answerers) -> HttpConnection:
    """A bot that Slack reaches by HTTP; to be closed."""
    connection = HttpConnection(
        answerers, bot_token=slack.bot_token, signing_secret=SECRET, port=0, api_url=slack.api_url
    )
    connection.open()
    slack.deliver_to(f"http://127.0.0.1:{connection.port}/slack/events", signing_secret=SECRET)
    return connection


def ask(slack: SlackStandIn, words: str, user: str = "U1") -> Answer:
    exchange = slack.command(words, user=user)
    exchange.wait_ack()
    exchange.wait_responses()
    return Answer(slack, exchange)


def test_a_command_is_acknowledged_and_answered(slack: SlackStandIn) -> None:
    answer = ask(slack, "week")
    assert "All features together cost $" in answer.text
    assert slack.violations == []


def test_an_answer_is_shared(slack: SlackStandIn) -> None:
    answer = ask(slack, "week")
    slack.click(answer.exchange, "share_answer").wait_ack()
    (told,) = slack.wait_messages("C1")
    assert told["text"].startswith(answer.text.splitlines()[0])


def test_many_people_at_once_are_answered(slack: SlackStandIn) -> None:
    for number in range(20):
        slack.add_user(f"U10{number}", f"user{number}", f"user{number}@example.com")
    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(lambda number: ask(slack, "week", user=f"U10{number}").text, range(20)))
    assert len(set(answers)) == 1


def test_a_port_that_is_taken_is_said(slack: SlackStandIn) -> None:
    ledger = new_ledger()
    answerers = Answerers(Listeners(reporter(ledger), ledger, lambda: NOW))
    common: dict[str, Any] = {
        "bot_token": slack.bot_token,
        "signing_secret": SECRET,
        "api_url": slack.api_url,
    }
    first = HttpConnection(answerers, port=0, **common)
    try:
        with pytest.raises(SlackError, match=f"Port {first.port} cannot be used"):
            HttpConnection(answerers, port=first.port, **common)
    finally:
        first.close()
        ledger.close()


def test_whoever_is_acknowledged_waits_until_they_are_answered() -> None:
    """A sync makes way for them meanwhile."""
    ledger, is_asked, may_go_on = new_ledger(), threading.Event(), threading.Event()

    def examine(user: str, trial: bool) -> Message:
        del user, trial
        is_asked.set()
        may_go_on.wait(30)
        return note("All is well.")

    with SlackStandIn() as slack:
        connection = connected(slack, Answerers(Listeners(reporter(ledger), ledger, lambda: NOW, doctor=examine)))
        try:
            assert connection.waiting.let_them_go_first(0)
            exchange = slack.command("doctor")
            assert is_asked.wait(30)
            assert not connection.waiting.let_them_go_first(0)
            may_go_on.set()
            assert connection.waiting.let_them_go_first(30)
            assert exchange.responses
        finally:
            may_go_on.set()
            connection.close()
            ledger.close()


def test_what_fails_beside_an_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The threads that answer would keep it to themselves."""
    ledger = new_ledger()

    def count(seconds: float) -> None:
        raise ZeroDivisionError(f"{seconds > 0}")

    with SlackStandIn() as slack:
        connection = connected(slack, Answerers(Listeners(reporter(ledger), ledger, lambda: NOW), answered=count))
        try:
            assert ask(slack, "week").text
        finally:
            connection.close()
            ledger.close()
    assert "hearing Slack failed (reference " in caplog.text
