"""An alert in Slack over sockets: its buttons are pressed, the modal is filled in, words set a budget."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from sqlalchemy import text

from bot.ledger.engine import writing
from bot.ledger.store import open_ledger
from bot.reports.reporter import Reporter
from bot.slack.alert_actions import AlertActions
from bot.slack.alert_message import ACKNOWLEDGE, DETAILS, RAISE
from bot.slack.budget_commands import BudgetCommands
from bot.slack.connection import SocketConnection
from bot.slack.hearing import Answerers
from bot.slack.limit_desk import LimitDesk
from bot.slack.listeners import Listeners
from bot.slack.notes.budgets import SAVE
from bot.slack.turns import MOST, Turns
from tests.contract.test_alert_actions import Desk, Modals, a_desk
from tests.databases import new_url
from tests.ledgers import BERLIN, DIMENSIONS
from tests.standins.slack import SlackStandIn

OWNER, STRANGER = "U0OWNER", "U0STRANGER"


class RealModals(Modals):
    """Modals that Slack shows."""

    def __init__(self, client: WebClient) -> None:
        super().__init__()
        self._client = client

    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None:
        shown = self._client.views_open(trigger_id=trigger, view=dict(view))
        self.opened.append(shown["view"])


pytestmark = pytest.mark.each_database


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as slack:
        for user in (OWNER, STRANGER):
            slack.add_user(user, user.lower(), f"{user.lower()}@example.com")
        yield slack


@pytest.fixture
def desk(slack: SlackStandIn, tmp_path: Path) -> Iterator[Desk]:
    """An alert that stands in its owner's DM, and a bot that hears what is pressed."""
    ledger = open_ledger(new_url(tmp_path), create=True)
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    made = a_desk(ledger, "", [])
    made.modals = RealModals(client)

    def may_change(user: str, owners: Sequence[str]) -> bool:
        return user in owners

    limits = LimitDesk(ledger, lambda: made.world.catalog, BERLIN, 0, may_change, "#llm-cost")
    reporter = Reporter(ledger, lambda: made.world.catalog, DIMENSIONS, BERLIN)
    words = BudgetCommands(limits, reporter.vocabulary, lambda: made.now)
    connection = SocketConnection(
        Answerers(
            Listeners(reporter, ledger, lambda: made.now, budgets=words, turns=Turns(lambda: 0.0)),
            AlertActions(limits, made.modals, lambda: made.now),
        ),
        bot_token=slack.bot_token,
        app_token=slack.app_token,
        api_url=slack.api_url,
    )
    connection.open()
    try:
        slack.wait_connected()
        yield made
    finally:
        connection.close()
        ledger.close()


def posted(slack: SlackStandIn, desk: Desk) -> dict[str, Any]:
    """The owner's copy as Slack shows it."""
    (copy, *_) = desk.world.deliveries()
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    said = client.chat_postMessage(channel=OWNER, text=copy.message["text"], blocks=copy.message["blocks"])
    return {"channel": said["channel"], "ts": said["ts"]}


def filled(amount: str) -> dict[str, Any]:
    option = {"text": {"type": "plain_text", "text": "until it is changed", "emoji": False}, "value": "changed"}
    return {
        "amount": {"amount": {"type": "plain_text_input", "value": amount}},
        "holds": {"holds": {"type": "radio_buttons", "selected_option": option}},
    }


def test_acknowledge_is_heard(slack: SlackStandIn, desk: Desk) -> None:
    pressed = slack.click(posted(slack, desk), ACKNOWLEDGE, user=OWNER)
    pressed.wait_ack()
    slack.wait_for(lambda: desk.card.acknowledged, what="the acknowledgement")
    assert desk.card.acknowledged is not None
    assert desk.card.acknowledged.by == OWNER


def test_a_press_that_nobody_can_take_note_of_is_heard_all_the_same(slack: SlackStandIn, desk: Desk) -> None:
    """Whatever the database says to that: no thread may keep to itself that somebody is left in silence."""
    with writing(desk.world.ledger._engine) as connection:
        connection.execute(text("DROP TABLE handled"))
    slack.click(posted(slack, desk), ACKNOWLEDGE, user=OWNER).wait_ack()
    slack.wait_for(lambda: desk.card.acknowledged, what="the acknowledgement")
    assert desk.card.acknowledged is not None
    assert desk.card.acknowledged.by == OWNER


def test_a_stranger_is_told_no(slack: SlackStandIn, desk: Desk) -> None:
    pressed = slack.click(posted(slack, desk), ACKNOWLEDGE, user=STRANGER)
    (said,) = pressed.wait_responses()
    assert "Only the owners of rag" in said["text"]
    assert desk.card.acknowledged is None


def test_details_count_like_a_command_and_what_is_done_about_an_alert_does_not(slack: SlackStandIn, desk: Desk) -> None:
    alert = posted(slack, desk)
    said = [slack.click(alert, DETAILS, user=OWNER).wait_responses()[0]["text"] for _ in range(MOST + 1)]
    assert said[-1] == f"You have asked {MOST} times within a minute.\nAsk again in 60 s."
    assert said[-1] not in said[:-1]
    assert slack.command("week", user=OWNER).wait_responses()[0]["text"] == said[-1]
    slack.click(alert, ACKNOWLEDGE, user=OWNER)
    slack.wait_for(lambda: desk.card.acknowledged, what="the acknowledgement")
    assert said[-1] != slack.click(alert, DETAILS, user=STRANGER).wait_responses()[0]["text"]


def test_the_modal_opens_says_what_is_wrong_warns_and_saves(slack: SlackStandIn, desk: Desk) -> None:
    slack.click(posted(slack, desk), RAISE, user=OWNER)
    slack.wait_for(lambda: desk.modals.opened, what="the modal")
    view = desk.modals.opened[0]
    wrong = slack.submit(view, filled("much"), user=OWNER).wait_ack()
    assert list(wrong.payload["errors"]) == ["amount"]
    low = slack.submit(view, filled("50"), user=OWNER).wait_ack()
    assert low.payload["response_action"] == "update"
    saved = slack.submit(view, filled("50"), user=OWNER).wait_ack()
    assert saved.payload == {}
    assert [one.limit_nanos for one in desk.limits] == [50_000_000_000]
    assert slack.violations == []


def test_words_are_saved_when_save_is_pressed(slack: SlackStandIn, desk: Desk) -> None:
    asked = slack.command(f"budget rag daily $75 owner <@{OWNER}|owner>", user=OWNER)
    (said,) = asked.wait_responses()
    assert "rag may spend $75.00 daily" in said["text"]
    assert desk.limits == []
    slack.click(asked, SAVE, user=OWNER)
    slack.wait_for(lambda: desk.limits, what="the limit")
    (found,) = desk.limits
    assert found._replace(set_at=desk.now).owners == (OWNER,)
    assert slack.violations == []
