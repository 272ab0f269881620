"""What people type and press in Slack, and what they read."""

import json
import logging
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

SECRETS = ("xoxb-", "xapp-", "lsv2_", "not-a-secret")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    """A bot that is running, with a ledger that has been read."""
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        talk = Talk(slack, langsmith, tmp_path_factory.mktemp("shared"))
        traced(langsmith)
        talk.sync()
        with talk.running():
            yield talk


@pytest.fixture
def talk(shared: Talk) -> Iterator[Talk]:
    """The bot that all share, in a channel and as a person of one's own: each may ask 30 times a minute."""
    channel, user = shared.slack.next_id("C"), shared.slack.next_id("U")
    shared.slack.add_user(user, user.lower(), f"{user.lower()}@example.com")
    shared.slack.add_channel(channel, channel.lower(), [user])
    yield replace(shared, channel=channel, user=user)
    if shared.slack.refuses:
        shared.slack.refuses = set()
        shared.slack.json_refusals = False
        with closing(ledger_of(shared)) as ledger:
            ledger.execute("DELETE FROM marks WHERE name = 'blocks that Slack refused'")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Talk]:
    """Two services and an empty ledger of one's own, and no bot yet."""
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        traced(langsmith)
        yield Talk(slack, langsmith, tmp_path)


def ledger_of(talk: Talk) -> sqlite3.Connection:
    return sqlite3.connect(talk.folder / "llmcost.db", isolation_level=None)


# --- Asking


@pytest.mark.each_database
def test_somebody_asks_what_a_feature_cost_and_shares_the_answer(talk: Talk) -> None:
    asked = talk.ask("week rag-search")
    assert asked.exchange.wait_ack().seconds < 3
    assert asked.exchange.wait_ack().payload == {}
    assert [payload["response_type"] for payload in asked.exchange.responses] == ["ephemeral"]
    assert talk.told() == []

    assert asked.kinds == ["rich_text", "data_visualization", "table", "context", "actions", "actions"]
    first = asked.text.splitlines()[0]
    assert first.startswith("rag-search cost $1.70 in the last 7 days (")
    assert asked.text.splitlines()[1].startswith("Down 50 % from $3.40 (")
    assert asked.rows == [
        ["Model", "Cost", "Share", "Runs", "Traces", "Tokens in", "Tokens out"],
        ["gpt-4o-mini", "$1.70", "100 %", "2", "2", "2.00k", "200"],
    ]

    as_shown = asked.message["blocks"][:4]
    pressed = asked.share()
    pressed.wait_ack()
    (told,) = talk.slack.wait_messages(talk.channel)
    assert [{**block, "block_id": ""} for block in told["blocks"][:4]] == [
        {**block, "block_id": ""} for block in as_shown
    ]
    assert "As of " in told["blocks"][3]["elements"][0]["text"]
    assert told["blocks"][4]["elements"][0]["text"].startswith(f"Shared by <@{talk.user}> from /llmcost, asked <!date^")
    assert f"<@{talk.user}>" in told["text"]
    pressed.wait_responses(2)
    assert asked.kinds == ["rich_text", "data_visualization", "table", "context", "actions", "actions"]
    assert "share_answer" not in str(asked.message)


def test_what_is_shared_is_what_was_shown_even_if_the_ledger_has_gone_on(alone: Talk) -> None:
    alone.sync()
    with alone.running():
        asked = alone.ask("week rag-search")
        alone.langsmith.add_run(project="acme-prod", start=now(), metadata={"feature": "rag-search"}, cost="50")
        alone.sync()
        asked.share().wait_responses(2)
        assert alone.told()[0]["text"].startswith("rag-search cost $1.70 ")
        assert alone.ask("week rag-search").text.startswith("rag-search cost $51.70 ")


def test_two_presses_at_once_share_once(talk: Talk) -> None:
    asked = talk.ask("week")
    presses: list[Exchange] = [asked.share(), asked.share(), asked.share()]
    for press in presses:
        press.wait_ack()
        press.wait_responses()
    talk.slack.wait_for(lambda: sum(len(press.responses) for press in presses) == 4)
    assert len(talk.told()) == 1
    said = [payload["text"] for press in presses for payload in press.responses]
    assert said.count("This answer has been shared already.") == 2


@pytest.mark.parametrize("value", [None, "", "an-id-that-nobody-gave", "x" * 2_000])
def test_nobody_shares_another_persons_answer_or_one_that_never_was(value: str | None, talk: Talk) -> None:
    talk.slack.add_user("U2", "mallory", "mallory@example.com")
    asked = talk.ask("week")
    pressed = asked.share(user="U2") if value is None else asked.share(value=value)
    pressed.wait_ack()
    (payload,) = pressed.wait_responses()
    assert payload["text"].startswith("This answer cannot be shared any more.")
    assert talk.told() == []
    asked.share().wait_responses(2)
    assert len(talk.told()) == 1


def test_an_unknown_word_gets_the_nearest_ones(talk: Talk) -> None:
    asked = talk.ask("weak rag-serch")
    assert asked.text.startswith('"weak" is neither a feature nor another word that I know')
    assert "Did you mean: rag-search, week?" in asked.text
    assert "/llmcost help" in asked.text
    (buttons,) = [block["elements"] for block in asked.message["blocks"] if block["type"] == "actions"]
    assert [one["value"] for one in buttons] == ["week rag-search"]
    assert "Did you mean: rag-search?" in talk.ask("week rag-serch").text


@pytest.mark.parametrize("words", ["help", "HELP", "week help"])
def test_help_shows_the_words_and_nothing_to_share(words: str, talk: Talk) -> None:
    asked = talk.ask(words)
    assert asked.kinds == ["rich_text", "table", "context"]
    assert "Features here: agent-copilot, rag-search" in asked.message["blocks"][2]["elements"][0]["text"]


def test_no_words_ask_for_the_week(talk: Talk) -> None:
    asked = talk.ask("")
    assert asked.text.startswith("All features together cost $4.20 in the last 7 days")
    assert [row[:3] for row in asked.rows[1:]] == [["agent-copilot", "$2.50", "60 %"], ["rag-search", "$1.70", "40 %"]]


def test_what_slack_and_phones_do_to_a_text_is_undone(alone: Talk) -> None:
    for name in ("R&D <lab>", "week"):
        alone.langsmith.add_run(project="acme-prod", metadata={"feature": name}, cost="0.25")
    alone.sync()
    typed = "R&amp;D &lt;lab&gt;"
    with alone.running():
        for words in (f'week "{typed}"', f"week \u201c{typed}\u201d", f"week\u00a0\u201e{typed}\u201c"):
            assert alone.ask(words).text.startswith(f"{typed} cost $0.25 ")
        assert alone.ask("month \u201cweek\u201d").text.startswith("week cost $0.25 in the last 30 days")


def test_somebody_finds_the_costliest_trace_and_looks_into_it(alone: Talk) -> None:
    """From the week to one request: its address as LangSmith gives it, as Slack writes it, as a run of it."""
    start = now() - timedelta(hours=2)
    metadata = {"feature": "agent-copilot", "session_id": "<c-1>"}
    add = alone.langsmith.add_run
    root = add(project="acme-prod", run_type="CHAIN", name="agent", start=start, metadata=metadata)
    step = add(parent=root, run_type="CHAIN", name="step", start=start, metadata=metadata)
    wrapper = add(parent=step, name="wrapper", start=start, metadata=metadata, cost=None)
    add(parent=wrapper, name="<!channel>", start=start, metadata=metadata, cost="7.25")
    alone.sync()
    with alone.running():
        asked = alone.ask("week by trace top 2")
        assert asked.rows[1][:4] == [root, "$7.25", "63 %", "1"]
        assert asked.rows[3][0] == "other (2)"
        assert "Counted from 4 runs" in asked.small_print
        address = asked.links[0]
        assert address.startswith(f"{alone.langsmith.url}/o/")
        assert f"/r/{root}?trace_id={root}" in address
        assert alone.ask("week by thread").rows[1][:2] == ["<c-1>", "$7.25"]

        looked = alone.ask(f"trace {address}")
        assert looked.text.startswith(f"Trace {root} cost $7.25.")
        assert [(row[0], row[2], row[-1]) for row in looked.rows[1:]] == [
            ("wrapper", "\N{EM DASH}", "suppressed: repeats the runs below it"),
            ("\N{BOX DRAWINGS LIGHT VERTICAL AND RIGHT} <!channel>", "$7.25", "\N{EM DASH}"),
        ]
        for reference in (f"<{address.replace('&', '&amp;')}>", f"<{address}|the trace>", root, wrapper, step):
            assert alone.ask(f"trace {reference}").rows == looked.rows
        looked.share().wait_responses(2)
        assert alone.told()[0]["text"].startswith(f"Trace {root} cost $7.25.")

        unknown = "0194d1c0-0000-4000-8000-00000000beef"
        assert alone.ask(f"trace {unknown}").text.startswith(f"Neither the ledger nor LangSmith has a run {unknown}")
    questions = [one.body for one in alone.langsmith.requests if one.method == "POST" and "ids" in one.body]
    by_id = [body["ids"] for body in questions if body["selects"] == ["ID", "TRACE_ID"]]
    assert by_id == [[step], [unknown]]
    assert alone.langsmith.violations == []


def test_a_key_of_many_values_is_answered_by_its_costliest(alone: Talk) -> None:
    for number in range(25):
        metadata = {"feature": "rag-search", "user_id": f"user-{number}"}
        alone.langsmith.add_run(project="acme-prod", metadata=metadata, cost=number)
    talk = replace(alone, more={"LLMCOST_WIDE_KEYS": "user_id"})
    talk.sync()
    with talk.running():
        asked = talk.ask("week rag-search by user_id")
        assert [row[0] for row in asked.rows[1:4]] == ["user-24", "user-23", "user-22"]
        assert asked.rows[-1][0] == "other (6)"


def test_a_command_works_where_the_bot_is_no_member(talk: Talk) -> None:
    talk.slack.channels[talk.channel].bot_is_member = False
    asked = talk.ask("week")
    assert "$4.20" in asked.text
    asked.share().wait_responses(2)
    assert len(talk.told()) == 1


def test_twenty_people_at_once_are_all_answered(talk: Talk) -> None:
    people = [f"U1{number:02}" for number in range(20)]
    for person in people:
        talk.slack.add_user(person, person.lower(), f"{person}@example.com")
    exchanges = [talk.slack.command("week by model", user=person) for person in people]
    assert max(exchange.wait_ack().seconds for exchange in exchanges) < 3
    for exchange in exchanges:
        (payload,) = exchange.wait_responses(timeout=20)
        assert "$4.20" in payload["text"]


def test_nobody_waits_for_an_ack_while_answers_hang(talk: Talk) -> None:
    talk.slack.fail_next("response_url", hang=2, times=30)
    exchanges = [talk.slack.command("week", user=talk.user) for _ in range(30)]
    assert max(exchange.wait_ack().seconds for exchange in exchanges) < 3


# --- Freshness


def test_while_langsmith_is_down_the_answer_comes_and_says_how_old_it_is(alone: Talk) -> None:
    alone.sync()
    with closing(ledger_of(alone)) as ledger:
        ledger.execute("UPDATE projects SET watermark = watermark - ?", [3 * 3_600_000_000])
    alone.langsmith.fail_next(10_000, status=503)
    with alone.running():
        asked = alone.ask("week")
    assert "$4.20" in asked.text
    assert "(3 h ago): later runs are missing." in asked.text
    assert "(3 h ago)" in asked.small_print


def test_the_ledger_is_kept_up_to_date_beside_it(alone: Talk) -> None:
    talk = replace(alone, more={"LLMCOST_SYNC_EVERY": "5s"})
    talk.sync()
    with talk.running():
        assert "$4.20" in talk.ask("week").text
        talk.langsmith.add_run(project="acme-prod", start=now(), metadata={"feature": "new-one"}, cost="10")
        talk.ask_until("week", "$14.20")


# --- Trouble


def test_trouble_with_the_ledger_is_told_with_a_reference_that_the_log_has(
    alone: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    alone.sync()
    with alone.running():
        with closing(ledger_of(alone)) as ledger:
            ledger.execute("DROP TABLE rollups")
        asked = alone.ask("week")
    reference = asked.text.split()[-1].rstrip(".")
    assert asked.text.startswith("Something went wrong here, and it is not your fault.")
    assert "llmcost.db" not in json.dumps(asked.message)
    assert "rollups" not in json.dumps(asked.message)
    logged = [record for record in caplog.records if reference in record.getMessage()]
    assert [record.levelno for record in logged] == [logging.ERROR]
    assert "no such table: rollups" in logged[0].getMessage()


def test_an_answer_comes_without_its_button_while_the_ledger_cannot_be_written(
    alone: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    alone.sync()
    with alone.running():
        with closing(ledger_of(alone)) as ledger:
            ledger.execute("DROP TABLE answers")
        asked = alone.ask("week")
    assert "$4.20" in asked.text
    assert "share_answer" not in str(asked.message)
    assert "an answer cannot be shared" in caplog.text


@pytest.mark.parametrize("in_json", [False, True])
def test_where_slack_has_no_tables_yet_the_same_message_comes_in_a_simpler_form(in_json: bool, talk: Talk) -> None:
    talk.slack.json_refusals = in_json
    talk.slack.refuses = {"table"}
    asked = talk.ask("week rag-search")
    assert asked.kinds == ["rich_text", "data_visualization", "section", "context", "actions", "actions"]
    assert "gpt-4o-mini  $1.70  100 %" in asked.message["blocks"][2]["text"]["text"]
    asked.share().wait_responses(2)
    (told,) = talk.told()
    assert [block["type"] for block in told["blocks"]][:4] == ["rich_text", "data_visualization", "section", "context"]


def test_where_slack_has_no_rich_text_either_the_text_alone_comes(talk: Talk) -> None:
    talk.slack.refuses = {"table", "rich_text"}
    asked = talk.ask("week rag-search")
    assert asked.kinds == []
    assert "gpt-4o-mini  $1.70  100 %" in asked.text


def test_a_rate_limit_is_waited_for(talk: Talk) -> None:
    before = len(talk.slack.payloads("response_url"))
    talk.slack.fail_next("response_url", status=429, retry_after=1)
    asked = talk.ask("week")
    assert "$4.20" in asked.text
    assert len(talk.slack.payloads("response_url")) - before == 2


def test_a_rate_limit_that_is_too_long_is_not(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    talk.slack.fail_next("response_url", status=429, retry_after=3_600)
    asked = talk.ask("week")
    assert asked.text.startswith("Something went wrong here")
    assert "HTTP 429" in caplog.text


@pytest.mark.parametrize(
    ("fault", "is_shown"),
    [
        ({"status": 500}, False),
        ({"status": 500, "accepted": True}, True),
        ({"drop": True}, True),
        ({"drop": True, "accepted": False}, False),
        ({"hang": 60}, True),
    ],
    ids=str,
)
def test_an_answer_that_slack_did_not_confirm_is_not_sent_again(
    fault: dict[str, float], is_shown: bool, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    """It may stand there already; the person is told what to do if it does not."""
    before = len(talk.slack.payloads("response_url"))
    talk.slack.fail_next("response_url", **fault)  # type: ignore[arg-type] # one fault's arguments
    exchange = talk.slack.command("week", channel=talk.channel, user=talk.user)
    exchange.wait_responses(1 + is_shown, timeout=20)
    said = [payload["text"] for payload in exchange.responses]
    assert sum("$4.20" in text for text in said) == is_shown
    assert said[-1].startswith("Slack did not confirm this.\nIf you cannot see it, ask again.")
    assert len(talk.slack.payloads("response_url")) - before == 2
    reference = said[-1].split()[-1].rstrip(".")
    assert reference in caplog.text


def test_a_share_that_slack_did_not_confirm_is_not_repeated(talk: Talk) -> None:
    asked = talk.ask("week")
    talk.slack.fail_next("response_url", drop=True)
    press = asked.share()
    press.wait_responses(2)
    assert len(talk.told()) == 1
    again = asked.share()
    assert again.wait_responses()[0]["text"] == "This answer has been shared already."
    assert len(talk.told()) == 1


def test_a_share_that_slack_refused_can_be_tried_again(talk: Talk) -> None:
    asked = talk.ask("week")
    talk.slack.fail_next("response_url", status=404)
    asked.share().wait_responses()
    assert talk.told() == []
    asked.share().wait_responses(2)
    assert len(talk.told()) == 1


@pytest.mark.parametrize("warning", [False, True])
def test_a_connection_that_drops_is_made_again(warning: bool, talk: Talk) -> None:
    assert "$4.20" in talk.ask("week").text
    before = len(talk.slack.payloads("apps.connections.open"))
    talk.slack.drop_sockets(warning=warning)
    talk.slack.wait_calls("apps.connections.open", before + 1, timeout=15)
    talk.slack.wait_connected(timeout=15)
    assert "$4.20" in talk.ask("week").text


def test_oauth_variables_in_the_environment_change_nothing(alone: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bolt would turn to OAuth and forget the token."""
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "not-a-secret")
    alone.sync()
    with alone.running():
        assert "$4.20" in alone.ask("week").text


def test_nothing_secret_and_no_prompt_stands_in_log_or_messages(alone: Talk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    alone.langsmith.add_run(
        project="acme-prod",
        metadata={"feature": "f", "customer": "PRIVATE-CUSTOMER"},
        inputs={"messages": "PRIVATE-PROMPT"},
        outputs={"text": "PRIVATE-ANSWER"},
        error="PRIVATE-ERROR",
        status="ERROR",
    )
    alone.sync()
    with alone.running():
        for words in ("week", "features", "untagged", "status", "help", "nonsense"):
            alone.ask(words)
    seen = json.dumps(alone.slack.payloads("response_url")) + caplog.text
    assert not [secret for secret in (*SECRETS, "PRIVATE-") if secret in seen]


def test_the_bot_leaves_no_thread_behind(alone: Talk) -> None:
    alone.sync()
    before = set(threading.enumerate())
    with alone.running():
        assert "$4.20" in alone.ask("week").text
        ours = {one for one in threading.enumerate() if one.name.startswith(("slack-", "sync", "APScheduler"))} - before
    assert not [thread for thread in ours if thread.is_alive()]
