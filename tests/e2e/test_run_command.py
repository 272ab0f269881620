"""`llmcost run` as a process: how it starts, what it says when it cannot, and how it ends."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from subprocess import Popen

import pytest

from tests.e2e.commands import run, start
from tests.e2e.conversation import Talk, now, traced
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SIGNING_SECRET, SlackStandIn


class Watched(LangSmithStandIn):
    """Lets a test wait for a request."""

    def __init__(self) -> None:
        super().__init__(now=now)
        self.asked = threading.Semaphore(0)

    def _note(self, request: object) -> None:
        super()._note(request)  # type: ignore[arg-type] # handed on as it came
        self.asked.release()


@pytest.fixture
def langsmith() -> Iterator[Watched]:
    with Watched() as langsmith:
        traced(langsmith)
        yield langsmith


@pytest.fixture
def talk(langsmith: Watched, tmp_path: Path) -> Iterator[Talk]:
    with SlackStandIn() as slack:
        yield Talk(slack, langsmith, tmp_path, has_ledger=False)


def test_it_answers_until_it_is_told_to_end(talk: Talk) -> None:
    talk.sync()
    with start(talk.folder, "run", more=talk.environ) as bot:
        talk.slack.wait_connected(timeout=30)
        assert "$1.70" in talk.ask("week rag-search").text
        bot.send_signal(signal.SIGTERM)
        out, log = bot.communicate(timeout=20)
    assert (bot.returncode, out) == (0, "")
    assert "llmcost is ready" in log
    assert "Traceback" not in log
    assert not [secret for secret in ("xoxb-", "xapp-", "lsv2_", "not-a-secret") if secret in log]


def port_of(bot: "Popen[str]") -> int:
    """Where it waits for Slack: it says so in its log, once it is there."""
    assert bot.stderr is not None
    for line in bot.stderr:
        if found := re.search(r"Slack is expected at port (\d+), path /slack/events", line):
            return int(found[1])
    raise AssertionError("it ended without a port")


def test_without_an_app_token_slack_comes_to_it_by_http(talk: Talk) -> None:
    """Probed, asked, asked for what takes two answers, and told to end."""
    talk.sync()
    more = {**talk.environ, "SLACK_SIGNING_SECRET": SIGNING_SECRET, "PORT": "0"}
    del more["SLACK_APP_TOKEN"]
    with start(talk.folder, "run", more=more) as bot:
        port = port_of(bot)
        with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as balancer:
            balancer.request("GET", "/healthz")
            assert balancer.getresponse().status == 200
        talk.slack.deliver_to(f"http://127.0.0.1:{port}/slack/events")
        assert "rag-search cost $1.70" in talk.ask("week rag-search").text
        verified = talk.slack.command("verify week")
        assert verified.wait_ack().payload == {}
        at_first, then = verified.wait_responses(2)
        assert at_first["text"].startswith("Asking LangSmith for its own total")
        assert then["text"].startswith("LangSmith's own total in the last 7 days (")
        bot.send_signal(signal.SIGTERM)
        out, log = bot.communicate(timeout=20)
    assert (bot.returncode, out) == (0, "")
    assert "Traceback" not in log
    assert talk.slack.payloads("apps.connections.open") == []
    assert talk.slack.violations == []


def test_a_langsmith_that_hangs_does_not_keep_it_alive(talk: Talk, langsmith: Watched) -> None:
    langsmith.hang_next(3_600, times=10)
    with start(talk.folder, "run", more=talk.environ) as bot:
        assert langsmith.asked.acquire(timeout=30)
        talk.slack.wait_connected(timeout=30)
        assert "Nothing has been read from LangSmith yet" in talk.ask("week").text
        began = time.monotonic()
        bot.send_signal(signal.SIGTERM)
        _, log = bot.communicate(timeout=20)
        assert time.monotonic() - began < 10  # what the README promises, and when `docker stop` kills
    assert bot.returncode == 0
    assert "a sync is left where it is" in log


def test_no_name_acts_in_the_log(talk: Talk, langsmith: Watched) -> None:
    """A project's name can neither move the cursor of whoever reads the log nor make up a line of it."""
    project = langsmith.add_project("acme-\x1b[31m\n2026-11-22 ERROR fake")
    langsmith.fail_next(1_000, status=403, project=project)
    with start(talk.folder, "run", more=talk.environ) as bot:
        talk.slack.wait_connected(timeout=30)
        talk.ask_until("status", "It had a problem")
        bot.send_signal(signal.SIGTERM)
        _, log = bot.communicate(timeout=20)
    assert "acme-\\x1b[31m\\n2026-11-22 ERROR fake" in log
    assert not [one for one in log if not one.isprintable() and one != "\n"]
    assert not [line for line in log.splitlines() if line.startswith("2026-11-22 ERROR fake")]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-wrong", "Slack refuses SLACK_BOT_TOKEN (invalid_auth).\n"),
        ("SLACK_APP_TOKEN", "xapp-wrong", "Slack refuses SLACK_APP_TOKEN (invalid_auth).\n"),
        ("SLACK_API_URL", "http://127.0.0.1:9/api/", "Slack cannot be reached (URLError); is SLACK_API_URL right?\n"),
    ],
)
def test_what_slack_refuses_is_one_clear_sentence(setting: str, value: str, said: str, talk: Talk) -> None:
    done = run(talk.folder, "run", more=talk.environ | {setting: value})
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_a_firewall_that_stops_websockets_is_named(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk.slack.api, "apps_connections_open", lambda _: {"url": "ws://127.0.0.1:9/"})
    done = run(talk.folder, "run", more=talk.environ)
    assert done.returncode == 1
    assert done.stderr.endswith("\nSlack's Socket Mode cannot be reached: does a firewall stop WebSockets?\n")


def test_every_setting_that_is_missing_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("4 settings need a look:\n")
    for name in ("LANGSMITH_API_KEY", "LANGSMITH_PROJECT", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        assert f"  - {name} is not set; " in done.stderr
    assert list(tmp_path.iterdir()) == []
