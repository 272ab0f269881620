"""Secrets are planted in every setting that holds one, every path that can fail fails, and nowhere is one found."""

import json
import logging
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.app.answers import build_reporter
from bot.app.bot import build_jobs, build_reload
from bot.app.in_force import InForce
from bot.app.ledgers import build_rules, open_to_write, utc_now
from bot.app.office import Office
from bot.app.source import build_sync
from bot.cli.outcome import _OneLine
from bot.errors import LlmcostError
from bot.ledger.store import open_ledger
from bot.settings import Need, load
from bot.slack.connection import plain_client
from bot.slack.web import WebSlack
from tests.e2e.conversation import Talk, traced
from tests.standins import slack_web
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import Fault, SlackStandIn
from tests.standins.slack_socket import HttpAnswer

PLANTED = {
    "LANGSMITH_API_KEY": "lsv2_pt_PLANTED-langsmith-key",
    "SLACK_BOT_TOKEN": "xoxb-PLANTED-bot-token",
    "SLACK_APP_TOKEN": "xapp-PLANTED-app-token",
    "SLACK_SIGNING_SECRET": "PLANTED-signing-secret",
    "LLMCOST_HEARTBEAT_URL": "http://127.0.0.1:9/PLANTED-heartbeat",
}
MARK = "PLANTED"
ECHO = " ".join(PLANTED.values())


class EchoingSlack(SlackStandIn):
    """A Slack whose tokens are the planted ones and whose response_urls are secrets too, as they are."""

    bot_token = PLANTED["SLACK_BOT_TOKEN"]
    app_token = PLANTED["SLACK_APP_TOKEN"]

    def next_id(self, prefix: str) -> str:
        return super().next_id(f"{prefix}-{MARK}-url-" if prefix == "R" else prefix)

    def _failed(self, method: str, fault: Fault) -> HttpAnswer:
        """What fails says what it was sent, in its body and its headers."""
        answer = super()._failed(method, fault)
        return HttpAnswer(answer.status, ECHO.encode(), {"X-Echo": ECHO}) if fault.status else answer


def lines(records: list[logging.LogRecord]) -> str:
    """The log as it is written, tracebacks included."""
    formatter = _OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s")
    return "\n".join(formatter.format(record) for record in records if heard(record))


def heard(record: logging.LogRecord) -> bool:
    """What log_to_stderr lets through."""
    level = logging.INFO if record.name.startswith("bot") else logging.WARNING
    return record.levelno >= (logging.CRITICAL if record.name.startswith("slack_sdk") else level)


def test_no_secret_leaves_by_any_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(slack_web, "BOT_TOKEN", PLANTED["SLACK_BOT_TOKEN"])
    monkeypatch.setattr(slack_web, "APP_TOKEN", PLANTED["SLACK_APP_TOKEN"])
    said: list[str] = []
    with EchoingSlack() as slack, LangSmithStandIn(api_key=PLANTED["LANGSMITH_API_KEY"]) as langsmith:
        more = {**PLANTED, "LLMCOST_ADMINS": "U1", "LLMCOST_DIGEST_CHANNEL": "#general"}
        del more["SLACK_SIGNING_SECRET"]
        talk = Talk(slack, langsmith, tmp_path, more=more)
        traced(langsmith)
        talk.sync()
        said.append(json.dumps(sync_fails(talk)))
        tick_fails(talk)
        with talk.running():
            slack_fails(talk)
        payloads = [{**call.payload, "response_url": ""} for call in slack.requests]
        said += [json.dumps(payloads), lines(caplog.records)]
    said += [file.read_bytes().decode("latin-1") for file in tmp_path.iterdir()]
    assert any("failed" in one for one in said)
    assert [one[max(0, one.find(MARK) - 200) : one.find(MARK) + 60] for one in said if MARK in one] == []


def sync_fails(talk: Talk) -> list[str]:
    """LangSmith answers with whatever it was sent."""
    problems = []
    body = json.dumps({"detail": ECHO, "error": ECHO}).encode()
    settings, config = load(Need.LANGSMITH, environ=talk.environ, directory=talk.folder)
    rules = build_rules(settings, config)
    with ExitStack() as closing:
        ledger = open_to_write(settings, config, rules)
        closing.callback(ledger.close)
        sync, source = build_sync(settings, ledger, rules, sleep=lambda _: None)
        closing.callback(source.close)
        answers = [(status, body) for status in (401, 403, 404, 422, 500, 200)]
        for status, raw in [*answers, (200, b"<html>" + body)]:
            for path in ("sessions", "/runs/query"):
                talk.langsmith.raw_next(raw, status=status, times=6, path=path)
                try:
                    problems += sync.run().problems
                except LlmcostError as error:
                    problems.append(str(error))
                talk.langsmith._faults.clear()
    assert problems
    return problems


def tick_fails(talk: Talk) -> None:
    """The clock's jobs, with a Slack that refuses, breaks and echoes; the heartbeat reaches nobody."""
    settings, config = load(Need.LANGSMITH, Need.SLACK, environ=talk.environ, directory=talk.folder)
    rules = build_rules(settings, config)
    with ExitStack() as closing:
        ledger = open_to_write(settings, config, rules)
        closing.callback(ledger.close)
        sync, source = build_sync(settings, ledger, rules)
        closing.callback(source.close)
        in_force = InForce(settings, config, ledger, sync)
        api = WebSlack(plain_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url))
        office = Office(settings, in_force, ledger, api, utc_now)
        for method in ("conversations.list", "chat.postMessage", "users.info"):
            for fault in ({"error": ECHO[:60]}, {"status": 500}, {"drop": True}, {"error": "invalid_auth"}):
                talk.slack.fail_next(method, **fault)
        for _ in range(4):
            reporter = build_reporter(settings, in_force, ledger)
            jobs = build_jobs(settings, in_force, ledger, ledger, office, reporter, utc_now())
            for job in (build_reload(settings, in_force, ledger, talk.folder), *jobs):
                try:
                    job.run(utc_now())
                except LlmcostError:
                    logging.getLogger("bot.test").exception("a job failed")
        talk.slack._faults.clear()


def slack_fails(talk: Talk) -> None:
    """Answers that Slack does not take."""
    faults: list[dict[str, Any]] = [
        *({"status": status} for status in (500, 404)),
        *({"error": error} for error in ("no_text", "expired_url", ECHO[:60])),
        {"drop": True},
    ]
    for fault in faults:
        talk.slack.fail_next("response_url", **fault)
        asked = talk.slack.command("week")
        asked.wait_ack()
        talk.slack.wait_for(lambda: not talk.slack._faults["response_url"], what="the failure")
    talk.ask("doctor")
    talk.ask("verify")


def test_settings_show_none_of_them(tmp_path: Path) -> None:
    environ = {**PLANTED, "LANGSMITH_PROJECT": "p", "DATABASE_URL": f"sqlite:///{tmp_path}/{MARK}.db?password={MARK}"}
    settings, config = load(*Need, environ=environ, directory=tmp_path)
    assert MARK not in repr(settings) + str(settings) + repr(config)
    with pytest.raises(LlmcostError) as caught:
        load(
            *Need,
            environ={**environ, "PORT": "x", "DATABASE_URL": f"mysql://u:{MARK}@h/d", "SLACK_BOT_TOKEN": f"xox-{MARK}"},
            directory=tmp_path,
        )
    assert MARK not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("command", [["sync"], ["report", "week"], ["run"], ["doctor"], ["migrate"], ["backup", "x/y"]])
def test_a_command_that_fails_or_crashes_prints_none(tmp_path: Path, command: list[str]) -> None:
    """Also where a bug shows its traceback: the one here is planted in the ledger's door."""
    crash = (
        "import sys, bot.ledger.engine as e\n"
        "def broken(url, *, create): settings = url; raise RuntimeError('a bug')\n"
        "import bot.ledger.store, bot.cli.main\n"
        "bot.ledger.store.open_engine = e.open_engine = broken\n"
        "bot.cli.main.app(sys.argv[1:])"
    )
    for start in (["-m", "bot"], ["-c", crash]):
        done = subprocess.run(
            [sys.executable, *start, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            env={
                "PATH": "/usr/bin", "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path),
                "LANGSMITH_ENDPOINT": "http://127.0.0.1:9", "LANGSMITH_PROJECT": "p",
                "SLACK_API_URL": "http://127.0.0.1:9/api/", **PLANTED,
                "DATABASE_URL": f"postgresql://u:{MARK}@127.0.0.1:9/llmcost" if start[0] == "-m" else "sqlite:///l.db",
            },
        )  # fmt: skip
        assert done.returncode != 0
        assert done.stderr + done.stdout
        assert MARK not in done.stderr + done.stdout


def test_what_holds_data_is_private(tmp_path: Path) -> None:
    file, copy = tmp_path / "llmcost.db", tmp_path / "copy.db"
    ledger = open_ledger(f"sqlite:///{file}", create=True)
    try:
        ledger.back_up(copy)
        assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == {0o600}
        assert len([*tmp_path.iterdir()]) == 4
    finally:
        ledger.close()
