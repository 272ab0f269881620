"""`verify`, as a conversation and in a terminal: LangSmith is really asked, and nobody waits in silence."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.commands import run
from tests.e2e.conversation import Answer, Talk, now, traced
from tests.standins.langsmith import API_KEY, STATS, LangSmithStandIn
from tests.standins.langsmith_requests import RUNS_STATS, violations
from tests.standins.slack import SlackStandIn

WAIT = "Asking LangSmith for its own total; this may take a minute."


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    """A ledger that has been read, and no bot yet."""
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        traced(langsmith)
        talk = Talk(slack, langsmith, tmp_path)
        talk.sync()
        yield talk


def asked(talk: Talk) -> int:
    """How often LangSmith was asked for a total; each time in the right way."""
    bodies = [request.body for request in talk.langsmith.requests if request.path == STATS]
    assert [wrong for body in bodies for wrong in violations(body, RUNS_STATS)] == []
    return len(bodies)


def test_somebody_verifies_the_week_and_reads_7_percent(talk: Talk) -> None:
    talk.langsmith.distort_totals(1.07)
    with talk.running():
        exchange = talk.slack.command("verify week", channel=talk.channel)
        assert exchange.wait_ack().payload == {}
        first, second = exchange.wait_responses(2)
        assert [one["response_type"] for one in (first, second)] == ["ephemeral", "ephemeral"]
        assert first["text"] == WAIT
        answer = Answer(talk.slack, exchange)
        said = answer.text.splitlines()
        assert said[0].startswith("LangSmith's own total in the last 7 days (")
        assert said[0].endswith(") is $4.49, 7.0 % more than its costs in the ledger, $4.20.")
        assert said[1].startswith("That is more than 5 % apart. Likely cause: ")
        assert answer.rows[1:3] == [["LangSmith's own total", "$4.49"], ["LangSmith's costs in the ledger", "$4.20"]]
        assert answer.rows[-1] == ["llmcost's total", "$4.20"]
        answer.share().wait_responses(2)
        assert "7.0 % more" in talk.told()[0]["text"]
    assert asked(talk) == 1


def test_a_server_that_rolls_costs_up_is_told_from_one_that_is_wrong(tmp_path: Path) -> None:
    """Its runs carry what those below them cost; its total counts it once, and so does ours."""
    with LangSmithStandIn("rolled_up", now=now) as langsmith, SlackStandIn() as slack:
        talk = Talk(slack, langsmith, tmp_path)
        tool = langsmith.add_run(run_type="TOOL", project="acme-prod", start=now() - timedelta(minutes=5))
        langsmith.add_run(parent=tool, start=now() - timedelta(minutes=4), cost="1.5")
        talk.sync()
        with talk.running():
            exchange = talk.slack.command("verify", channel=talk.channel)
            exchange.wait_responses(2)
        answer = Answer(slack, exchange)
        assert "is $1.50, 50 % less than its costs in the ledger, $3.00." in answer.text
        assert "Likely cause: runs carry the cost of those below them too" in answer.text
        assert answer.rows[3] == ["less what is counted twice", "-$1.50"]
        assert answer.rows[-1] == ["llmcost's total", "$1.50"]


def test_a_question_that_cannot_be_verified_is_answered_without_asking(talk: Talk) -> None:
    with talk.running():
        assert "can be verified" in talk.ask("verify 2024-01").text
        assert "verify takes a period only" in talk.ask("verify rag-search").text
    assert asked(talk) == 0


@pytest.mark.parametrize(("status", "then"), [(401, "check LANGSMITH_API_KEY"), (404, "check LANGSMITH_ENDPOINT")])
def test_what_langsmith_refuses_is_said_in_a_sentence(talk: Talk, status: int, then: str) -> None:
    with talk.running():
        talk.langsmith.fail_next(status=status, path=STATS)
        exchange = talk.slack.command("verify", channel=talk.channel)
        said = exchange.wait_responses(2)[1]["text"]
    assert f"({status})" in said
    assert then in said
    assert "went wrong" not in said
    assert API_KEY not in json.dumps(exchange.responses)


def test_while_one_verification_is_under_way_a_second_asks_nothing_and_stopping_waits_for_neither(talk: Talk) -> None:
    arrived, answered = threading.Event(), threading.Event()

    def hang(*_: object) -> bool:
        arrived.set()
        talk.langsmith._stopping.wait(60)
        answered.set()
        return True

    talk.langsmith._order(hang, 1, STATS, None)
    with talk.running():
        first = talk.slack.command("verify", channel=talk.channel)
        first.wait_responses()
        assert arrived.wait(10)
        second = talk.slack.command("verify", channel=talk.channel)
        assert second.wait_responses(2)[1]["text"].startswith("LangSmith is being asked for a total already")
        assert "$4.20" in talk.ask("week").text
    assert not answered.is_set()  # the bot has ended all the same
    assert first.responses[-1]["text"].startswith("llmcost is being stopped or started anew")
    assert asked(talk) == 1


def test_the_terminal_verifies_with_a_key_and_says_what_it_needs_without(talk: Talk) -> None:
    ledger = {"DATABASE_URL": talk.environ["DATABASE_URL"]}
    without = run(talk.folder, "report", "verify", "week", more=ledger)
    assert (without.returncode, without.stdout) == (2, "")
    assert "LANGSMITH_API_KEY is not set" in without.stderr
    assert "LANGSMITH_PROJECT is not set" in without.stderr
    talk.langsmith.distort_totals(0.93)
    access = {name: talk.environ[name] for name in ("LANGSMITH_API_KEY", "LANGSMITH_ENDPOINT", "LANGSMITH_PROJECT")}
    done = run(talk.folder, "report", "verify", "week", more=ledger | access)
    assert (done.returncode, done.stderr) == (0, f"{WAIT[:-1]} ...\n")
    assert ") is $3.91, 7.0 % less than its costs in the ledger, $4.20.\n" in done.stdout
    assert asked(talk) == 1


def test_the_terminal_says_in_a_sentence_what_langsmith_refuses(talk: Talk) -> None:
    talk.langsmith.fail_next(status=403, path=STATS)
    done = run(talk.folder, "report", "verify", "--json", more=talk.environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert "LangSmith refuses the key (403)" in done.stderr.splitlines()[-1]
