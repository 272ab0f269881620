"""Mentions and direct messages: each event is answered once, whatever restarts, and nobody is left in silence."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.ledger.handled import KEPT_MICROSECONDS
from bot.ledger.store import Ledger, open_ledger
from bot.slack.conversation import Conversation
from bot.slack.listeners import Listeners
from tests.ledgers import CATALOG, NOW, believable, fill, reporter
from tests.standins.slack_fake import LOST_BEFORE, FakeSlack, Fault

KEPT = timedelta(microseconds=KEPT_MICROSECONDS)
BOT = "U0LLMCOST"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "llmcost.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{path}", create=True)
    fill(opened, believable(), catalog=CATALOG, projects=("acme-prod", "acme-staging"))
    yield opened
    opened.close()


@pytest.fixture
def slack() -> FakeSlack:
    made = FakeSlack(lambda: NOW)
    made.add_channel("C1", "general")
    return made


def hear(slack: FakeSlack, ledger: Ledger, text: str, event_id: str = "Ev1", **more: Any) -> list[str]:
    """What is answered to a mention."""
    root = slack.post("C1", {"text": text, "blocks": []}, "asked")
    event = {"type": "app_mention", "user": "U1", "channel": "C1", "text": text, "ts": root.ts} | more
    body = {"event_id": event_id, "event": event, "authorizations": [{"user_id": BOT}]}
    talk = Conversation(Listeners(reporter(ledger, CATALOG), ledger, lambda: NOW), slack)
    talk.hear(body, lambda _: None)
    return [str(one.form["text"]) for one in slack.said("C1") if one.thread == root.ts]


def test_the_mention_of_the_bot_is_no_word(slack: FakeSlack, ledger: Ledger) -> None:
    (said,) = hear(slack, ledger, f"<@{BOT}> yesterday rag-search")
    assert said.startswith("rag-search cost")
    (said,) = hear(slack, ledger, f"today <@{BOT}>", "Ev2")
    assert said.startswith("All features together cost")


def test_another_process_does_not_answer_again(slack: FakeSlack, ledger: Ledger, path: Path) -> None:
    assert len(hear(slack, ledger, "today")) == 1
    other = open_ledger(f"sqlite:///{path}", create=False)
    assert hear(slack, other, "today") == []
    assert len(hear(slack, other, "today", "Ev2")) == 1
    other.close()


def test_events_are_forgotten_once_slack_cannot_send_them_again(ledger: Ledger) -> None:
    assert ledger.take_up("Ev1", NOW)
    assert not ledger.take_up("Ev1", NOW + KEPT)
    assert ledger.take_up("Ev1", NOW + KEPT + timedelta(seconds=1))


def test_a_reply_in_a_thread_is_answered_in_that_thread(slack: FakeSlack, ledger: Ledger) -> None:
    root = slack.post("C1", {"text": "x", "blocks": []}, "root")
    hear(slack, ledger, "today", thread_ts=root.ts)
    assert [one.thread for one in slack.said("C1")][-1] == root.ts


@pytest.mark.parametrize(
    "more", [{"bot_id": "B1"}, {"subtype": "message_changed"}, {"user": None}, {"type": "message"}, {"ts": ""}]
)
def test_nobody_but_a_person_who_speaks_to_us_is_answered(
    slack: FakeSlack, ledger: Ledger, more: dict[str, Any]
) -> None:
    assert hear(slack, ledger, "today", **more) == []
    assert ledger.take_up("Ev1", NOW)


def test_a_workspace_without_tables_gets_the_simpler_form(slack: FakeSlack, ledger: Ledger) -> None:
    slack.refuses.add("table")
    (said,) = hear(slack, ledger, "week")
    assert "All features together" in said


def test_the_doctor_is_consulted_elsewhere(slack: FakeSlack, ledger: Ledger) -> None:
    (said,) = hear(slack, ledger, f"<@{BOT}> doctor")
    assert "for admins alone" in said


def test_a_failure_is_said_with_its_reference(
    slack: FakeSlack, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    root = slack.post("C1", {"text": "x", "blocks": []}, "root")
    slack.fail_next("post", Fault(code="new_trouble"))
    event = {"type": "app_mention", "user": "U1", "channel": "C1", "text": "today", "ts": root.ts}
    talk = Conversation(Listeners(reporter(ledger, CATALOG), ledger, lambda: NOW), slack)
    talk.hear({"event_id": "Ev1", "event": event}, lambda _: None)
    said = slack.said("C1")[-1].form["text"]
    assert "Something went wrong here" in said
    assert caplog.records[0].getMessage().partition("reference ")[2][:8] in said


def test_nobody_left_to_tell_ends_in_the_log(
    slack: FakeSlack, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    root = slack.post("C1", {"text": "x", "blocks": []}, "root")
    slack.fail_next("post", LOST_BEFORE, times=2)
    event = {"type": "app_mention", "user": "U1", "channel": "C1", "text": "today", "ts": root.ts}
    talk = Conversation(Listeners(reporter(ledger, CATALOG), ledger, lambda: NOW), slack)
    talk.hear({"event_id": "Ev1", "event": event}, lambda _: None)
    assert len(caplog.records) == 2
