"""Going on from an answer by pressing, running a shared one again, and getting its rows as a file."""

import csv
import io
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.conversation import Talk, now, traced
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import Exchange, SlackStandIn
from tests.standins.slack_socket import HttpAnswer, HttpRequest

DATES = r"[0-9-]{10}\.\.[0-9-]{10}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """A bot that is running, with a ledger that has been read."""
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        talk = Talk(slack, langsmith, tmp_path_factory.mktemp("drilling"))
        traced(langsmith)
        talk.sync()
        with talk.running():
            yield talk


@pytest.fixture
def talk(shared: Talk) -> Talk:
    """The bot that all share, in a channel of one's own, and somebody who has not asked it anything yet."""
    channel, user = shared.slack.next_id("C"), shared.slack.next_id("U")
    shared.slack.add_user(user, user.lower(), f"{user.lower()}@example.com")
    shared.slack.add_user("U2", "bob", "bob@example.com")
    shared.slack.add_channel(channel, channel.lower(), [user, "U2"])
    return replace(shared, channel=channel, user=user)


def shown(exchange: Exchange) -> str:
    """What the person sees now, in words."""
    return str(exchange.visible[-1]["text"])


def options(exchange: Exchange) -> dict[str, str]:
    """What can be chosen from the list under what is seen."""
    elements = [one for block in exchange.visible[-1]["blocks"] for one in block.get("elements", ())]
    (select,) = [one for one in elements if one.get("type") == "static_select"]
    return {one["text"]["text"]: one["value"] for one in select["options"]}


def labels(exchange: Exchange) -> dict[str, str]:
    """The buttons that are seen, by what stands on them."""
    elements = [one for block in exchange.visible[-1]["blocks"] for one in block.get("elements", ())]
    return {one["text"]["text"]: one["action_id"] for one in elements if one.get("type") == "button"}


def test_each_press_puts_another_answer_in_the_place_of_the_last(talk: Talk) -> None:
    asked = talk.ask("week").exchange
    assert list(labels(asked)) == ["By model", "By day", "Previous period", "Share", "CSV"]
    talk.click(asked, labels(asked)["By model"]).wait_responses()
    assert "Model" in shown(asked)
    talk.click(asked, labels(asked)["Previous period"]).wait_responses()
    assert shown(asked).startswith("All features together cost $4.40 over ")
    talk.click(asked, "ask:more", options(asked)["Untagged"]).wait_responses()
    assert shown(asked).startswith("No untagged runs ")
    talk.click(asked, "ask:more", options(asked)["Costliest traces"]).wait_responses()
    assert "Counted from 2 runs" in shown(asked)
    assert len(asked.visible) == 1
    assert talk.told() == []


def test_more_presses_than_a_response_url_has_uses_are_answered(talk: Talk) -> None:
    """Each press has a response_url of its own."""
    asked = talk.ask("week").exchange
    for _ in range(4):
        talk.click(asked, labels(asked)["By model"]).wait_responses()
        talk.click(asked, "ask:more", options(asked)["By feature"]).wait_responses()
    assert shown(asked).startswith("All features together cost $4.20 over ")


@pytest.mark.parametrize("value", ["nonsense <!channel>", '"', "x" * 2000, "trace 1", "digest", "2026-02-30", "by by"])
def test_a_forged_value_is_read_like_typed_words(value: str, talk: Talk) -> None:
    asked = talk.ask("week").exchange
    (said,) = talk.click(asked, labels(asked)["By model"], value).wait_responses()
    assert "Something went wrong" not in said["text"]
    assert said["response_type"] == "ephemeral"
    if value != "digest":
        assert "replace_original" not in said or not said["replace_original"]
        assert shown(asked) != "", "what was there stays"


def test_the_buttons_work_after_a_restart(tmp_path: Path) -> None:
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        talk = Talk(slack, langsmith, tmp_path)
        traced(langsmith)
        talk.sync()
        with talk.running():
            asked = talk.ask("week rag-search").exchange
        with talk.running():
            talk.click(asked, labels(asked)["By day"]).wait_responses()
            assert "Day" in shown(asked)
            talk.click(asked, "share_answer").wait_responses(2)
    assert len(talk.told()) == 1


def test_anybody_runs_a_shared_answer_again_and_reads_it_alone(talk: Talk) -> None:
    asked = talk.ask("week rag-search")
    asked.share().wait_responses(2)
    (told,) = talk.told()
    assert f"Shared by <@{talk.user}>" in str(told["blocks"])
    button = next(one for block in told["blocks"] for one in block.get("elements", ()) if "ask_again" in str(one))
    assert re.fullmatch(rf"{DATES} rag-search by model", button["value"])
    again = talk.slack.click(told, "ask_again", user="U2")
    (said,) = again.wait_responses()
    assert said["response_type"] == "ephemeral"
    assert said["text"].startswith("rag-search cost $1.70 over ")
    assert "Share" in labels(again)
    assert talk.told() == [told]


def rows(content: bytes | None) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((content or b"").decode())))


def test_the_rows_come_directly_to_whoever_asked_alone_and_once(talk: Talk) -> None:
    asked = talk.ask("week top 1").exchange
    before = len(talk.slack.files)
    said = [talk.click(asked, "upload_csv").wait_responses()[0]["text"] for _ in range(2)]
    assert said[0] == "The rows are in your direct messages with llmcost."
    assert said[1].startswith("These rows have been uploaded already.")
    (file,) = talk.slack.files[before:]
    assert file.channel.startswith("D")
    assert re.fullmatch(r"llmcost-[0-9-]{10}-to-[0-9-]{10}-by-feature-top-1\.csv", file.name)
    assert [row["key"] for row in rows(file.content)] == ["agent-copilot"]


def test_a_file_has_the_rows_that_a_message_has_no_room_for(tmp_path: Path) -> None:
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        talk = Talk(slack, langsmith, tmp_path)
        for number in range(40):
            start = now() - timedelta(minutes=5)
            langsmith.add_run(project="acme-prod", start=start, metadata={"feature": f"f{number}"}, cost="1")
        talk.sync()
        with talk.running():
            asked = talk.ask("week")
            assert len(asked.rows) == 22
            asked.press("upload_csv").wait_responses()
        (file,) = slack.files
    assert len(rows(file.content)) == 40


def test_the_rows_of_a_shared_answer_come_into_its_thread(talk: Talk) -> None:
    talk.ask("week").share().wait_responses(2)
    (told,) = talk.told()
    before = len(talk.slack.files)
    talk.slack.click(told, "upload_csv", user="U2")
    talk.slack.wait_for(lambda: len(talk.slack.files) > before)
    file = talk.slack.files[-1]
    assert (file.channel, file.thread_ts) == (talk.channel, told["ts"])
    talk.click(told, "upload_csv").wait_responses()
    assert len(talk.slack.files) == before + 1


def test_where_the_bot_is_no_member_they_come_directly(talk: Talk) -> None:
    talk.slack.channels[talk.channel].bot_is_member = False
    talk.ask("week").share().wait_responses(2)
    (said,) = talk.click(talk.told()[0], "upload_csv").wait_responses()
    assert said["text"] == "llmcost is not in this channel: the rows are in your direct messages with llmcost."
    assert talk.slack.files[-1].channel.startswith("D")


def test_an_upload_that_failed_says_so_and_can_be_tried_again(talk: Talk) -> None:
    asked = talk.ask("week").exchange
    before = len(talk.slack.files)
    talk.slack.fail_next("upload", status=500)
    (said,) = talk.click(asked, "upload_csv").wait_responses()
    assert said["text"].startswith("The rows could not be uploaded. Slack did not take the file (HTTP 500).\nPress CSV")
    assert len(talk.slack.files) == before
    talk.click(asked, "upload_csv").wait_responses()
    assert len(talk.slack.files) == before + 1


class SlowFiles(SlackStandIn):
    """A Slack that takes files once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def _answer(self, request: HttpRequest) -> HttpAnswer | None:
        if request.path.startswith("/upload"):
            self.reached.set()
            self.go_on.wait(10)
        return super()._answer(request)


@pytest.mark.parametrize("fails", [False, True])
def test_while_a_file_is_being_made_for_somebody_they_get_no_second_and_others_do(fails: bool, tmp_path: Path) -> None:
    with LangSmithStandIn(now=now) as langsmith, SlowFiles() as slack:
        slack.add_user("U2", "bob", "bob@example.com")
        talk = Talk(slack, langsmith, tmp_path)
        traced(langsmith)
        talk.sync()
        with talk.running():
            mine, more, other = (talk.ask(words, user=user) for words, user in
                                 (("week", "U1"), ("yesterday", "U1"), ("week", "U2")))  # fmt: skip
            first = mine.press("upload_csv")
            assert slack.reached.wait(10)
            if fails:
                slack.fail_next("files.completeUploadExternal", error="internal_error")
            (said,) = more.press("upload_csv").wait_responses()
            assert said["text"].startswith("Another CSV file is still being made for you.\nPress CSV again")
            second = other.press("upload_csv")
            slack.go_on.set()
            first.wait_responses()
            second.wait_responses()
            (said,) = more.press("upload_csv").wait_responses()
            assert said["text"] == "The rows are in your direct messages with llmcost."
        assert len(slack.files) == 3 - fails


def test_an_upload_that_slack_did_not_confirm_is_not_repeated(talk: Talk) -> None:
    asked = talk.ask("week").exchange
    before = len(talk.slack.files)
    talk.slack.fail_next("files.completeUploadExternal", drop=True)
    (said,) = talk.click(asked, "upload_csv").wait_responses()
    assert said["text"].startswith("Slack did not confirm the file: it may be there.")
    (said,) = talk.click(asked, "upload_csv").wait_responses()
    assert said["text"].startswith("These rows have been uploaded already.")
    assert len(talk.slack.files) == before + 1


def test_what_slack_refuses_is_remembered_and_the_next_message_is_right_at_once(tmp_path: Path) -> None:
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        talk = Talk(slack, langsmith, tmp_path)
        traced(langsmith)
        talk.sync()
        slack.refuses = {"data_visualization"}
        with talk.running():
            first = talk.ask("week")
            tried = len(slack.payloads("response_url"))
            assert first.kinds[:3] == ["rich_text", "section", "table"]
            assert "▁" in first.message["blocks"][1]["text"]["text"]
            second = talk.ask("week")
        assert tried == 2
        assert len(slack.payloads("response_url")) == 3
        assert second.kinds == first.kinds
        with closing(sqlite3.connect(tmp_path / "llmcost.db")) as ledger:
            (kept,) = ledger.execute("SELECT value FROM marks WHERE name = 'blocks that Slack refused'").fetchone()
        assert list(json.loads(kept)) == ["data_visualization"]


@pytest.mark.parametrize("refuses", [set[str](), {"rich_text"}])
def test_a_long_list_comes_where_nothing_native_is_taken_before_its_response_url_is_used_up(
    refuses: set[str], tmp_path: Path
) -> None:
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        talk = Talk(slack, langsmith, tmp_path)
        for number in range(80):
            start = now() - timedelta(days=number % 2)
            langsmith.add_run(project="acme-prod", start=start, metadata={"feature": f"f{number // 2}"}, cost="1")
        talk.sync()
        slack.refuses = {"data_visualization", "data_table", "table", *refuses}
        with talk.running():
            answer = talk.ask("week top 40")
        assert answer.text.startswith("All features together cost $80.00")
        assert answer.kinds[:3] == ([] if refuses else ["rich_text", "section", "section"])
