"""Mentions and direct messages: each event is answered once, whatever restarts, and nobody is left in silence."""

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.ledger.handled import KEPT_MICROSECONDS
from bot.ledger.store import Ledger, open_ledger
from bot.render.chart import BARS
from bot.slack.conversation import Conversation
from bot.slack.listeners import Listeners
from bot.slack.messages import MEANT_IN_THREAD
from bot.slack.refusals import Refusals
from bot.slack.turns import MOST, Turns
from tests.databases import new_url
from tests.ledgers import CATALOG, NOW, believable, fill, reporter
from tests.standins.slack_fake import LOST_BEFORE, FakeSlack, Fault, Said
from tests.standins.slack_rules import problems

KEPT = timedelta(microseconds=KEPT_MICROSECONDS)
BOT = "U0LLMCOST"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "llmcost.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = open_ledger(new_url(path.parent), create=False)
    fill(opened, believable(), catalog=CATALOG, projects=("acme-prod", "acme-staging"))
    yield opened
    opened.close()


@pytest.fixture
def slack() -> FakeSlack:
    made = FakeSlack(lambda: NOW)
    made.add_channel("C1", "general")
    return made


def hear(
    slack: FakeSlack, ledger: Ledger, text: str, event_id: str = "Ev1", turns: Turns | None = None, **more: Any
) -> list[str]:
    """What is answered to a mention."""
    root = slack.post("C1", {"text": text, "blocks": []}, "asked")
    event = {"type": "app_mention", "user": "U1", "channel": "C1", "text": text, "ts": root.ts} | more
    body = {"event_id": event_id, "event": event, "authorizations": [{"user_id": BOT}]}
    talk = Conversation(Listeners(reporter(ledger, CATALOG), ledger, lambda: NOW, turns=turns or Turns()), slack)
    talk.hear(body, lambda _: None)
    return [str(one.form["text"]) for one in slack.said("C1") if one.thread == root.ts]


class Meant(NamedTuple):
    """An answer in a thread that shows what may have been meant, and a press of its first button."""

    slack: FakeSlack
    ledger: Ledger
    shown: Said
    url: str

    @property
    def button(self) -> dict[str, Any]:
        (row,) = (block for block in self.shown.form["blocks"] if block["type"] == "actions")
        found: dict[str, Any] = row["elements"][0]
        return found

    def press(self, user: str = "U2", press_id: str = "1.2.3", turns: Turns | None = None, **more: Any) -> list[Said]:
        """What there is to read in that thread afterwards, but for what was pressed."""
        body = {
            "actions": [self.button],
            "user": {"id": user},
            "channel": {"id": self.shown.place},
            "message": {**self.shown.form, "ts": self.shown.ts, "thread_ts": self.shown.thread},
            "trigger_id": press_id,
            "response_url": self.url,
        }
        listeners = Listeners(reporter(self.ledger, CATALOG), self.ledger, lambda: NOW, turns=turns or Turns())
        Conversation(listeners, self.slack).press(body | more)
        return [one for one in self.slack.said(self.shown.place) if one.thread == self.shown.thread][1:]


@pytest.fixture(params=["a channel", "a thread", "direct messages"])
def meant(
    request: pytest.FixtureRequest, slack: FakeSlack, ledger: Ledger, response_url: tuple[str, list[dict[str, Any]]]
) -> Meant:
    slack.add_person("U1")
    place = "D1" if request.param == "direct messages" else "C1"
    root = slack.post(place, {"text": "x", "blocks": []}, "root")
    more: dict[str, Any] = {"channel": place}
    if request.param == "a thread":
        more["thread_ts"] = root.ts
    elif place == "D1":
        more |= {"ts": root.ts, "type": "message", "channel_type": "im"}
    hear(slack, ledger, "yesterday rag-serch", **more)
    url, said = response_url
    said.clear()
    return Meant(slack, ledger, slack.messages[-1], url)


def test_what_was_meant_is_a_button_that_answers_in_the_thread_and_replaces_nothing(meant: Meant) -> None:
    assert "Did you mean" in meant.shown.form["text"]
    assert meant.button["action_id"] == f"{MEANT_IN_THREAD}0"
    assert meant.button["value"] == "yesterday rag-search"
    assert problems(meant.shown.form) == []
    (answer,) = meant.press()
    assert answer.form["text"].startswith("rag-search cost")
    assert (answer.place, answer.thread, answer.key) == (meant.shown.place, meant.shown.thread, "press:1.2.3")
    assert len(meant.shown.versions) == 1


def test_whoever_else_presses_is_answered_too(meant: Meant) -> None:
    meant.press()
    assert [one.key for one in meant.press("U3", "1.2.4")] == ["press:1.2.3", "press:1.2.4"]


def test_a_button_in_the_answer_to_a_press_leads_on(meant: Meant) -> None:
    """Values that nobody understands come back with buttons of their own."""
    (answer,) = meant.press(actions=[{"value": "week rag-serch"}])
    assert json.dumps(answer.form).count(f'"{MEANT_IN_THREAD}') > 0


def test_who_presses_too_often_is_told_so_in_the_thread(meant: Meant) -> None:
    turns = Turns(lambda: 0.0)
    for _ in range(MOST):
        turns.wait_for("U2")
    (said,) = meant.press(turns=turns)
    assert said.form["text"] == f"You have asked {MOST} times within a minute.\nAsk again in 60 s."
    assert meant.press("U3", "1.2.4", turns)[1].form["text"].startswith("rag-search cost")


def test_who_mentions_it_too_often_is_told_so_too(slack: FakeSlack, ledger: Ledger) -> None:
    turns = Turns(lambda: 0.0)
    for _ in range(MOST):
        assert hear(slack, ledger, "help", secrets.token_hex(4), turns=turns)[0].startswith("[period]")
    (said,) = hear(slack, ledger, "help", turns=turns)
    assert said.startswith(f"You have asked {MOST} times")


def test_a_press_is_answered_without_tables_where_there_are_none(meant: Meant) -> None:
    meant.slack.refuses.add("table")
    (answer,) = meant.press(actions=[{"value": "week"}])
    assert "All features together" in answer.form["text"]


@pytest.mark.parametrize("fault", [Fault(code="not_in_channel", permanent=True), LOST_BEFORE])
def test_a_press_that_cannot_be_answered_there_is_told_so_alone(
    meant: Meant, fault: Fault, response_url: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    meant.slack.fail_next("post", fault)
    assert meant.press() == []
    (said,) = response_url[1]
    assert said["response_type"] == "ephemeral"
    assert not said["replace_original"]
    assert caplog.records[0].getMessage().partition("reference ")[2][:8] in said["text"]


@pytest.mark.parametrize(
    "more", [{"message": None}, {"channel": {}}, {"actions": []}, {"actions": [{}]}, {"user": "U1"}, {"trigger_id": []}]
)
def test_a_press_that_is_none_raises_nothing(meant: Meant, more: dict[str, Any]) -> None:
    meant.press(**more)


def test_the_mention_of_the_bot_is_no_word(slack: FakeSlack, ledger: Ledger) -> None:
    (said,) = hear(slack, ledger, f"<@{BOT}> yesterday rag-search")
    assert said.startswith("rag-search cost")
    (said,) = hear(slack, ledger, f"today <@{BOT}>", "Ev2")
    assert said.startswith("All features together cost")


@pytest.mark.parametrize("name", [f"<@{BOT}>:", f"<@{BOT}>,", f"<@{BOT}> ,", f"<@{BOT}|llmcost>", f"<@{BOT}>"])
def test_nor_is_what_people_write_after_a_name(slack: FakeSlack, ledger: Ledger, name: str) -> None:
    (said,) = hear(slack, ledger, f"{name} yesterday rag-search")
    assert said.startswith("rag-search cost")


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


def test_what_is_refused_there_is_remembered_and_the_next_answer_is_right_at_once(
    slack: FakeSlack, ledger: Ledger
) -> None:
    slack.refuses.add("data_visualization")
    hear(slack, ledger, "week")
    assert Refusals(ledger.outbox).known(NOW) == {"data_visualization"}
    before = slack.calls["post"]
    hear(slack, ledger, "week", "Ev2")
    assert slack.calls["post"] == before + 2, "what is asked, and one try at the answer"
    assert BARS[0] in json.dumps(slack.messages[-1].form["blocks"], ensure_ascii=False)


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
