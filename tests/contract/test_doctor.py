"""The doctor over sockets: Slack's scopes and channels, LangSmith's projects, the file on its disk, and the command."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from slack_sdk import WebClient
from sqlalchemy import event

from bot.app.checkup import examine_all
from bot.ledger.migrate import HEAD
from bot.ledger.store import open_ledger
from bot.reports.findings import Finding, Verdict
from bot.settings import Need, examine
from bot.slack.api import RefusedError, UnconfirmedError
from bot.slack.standing import Standing
from tests.e2e.commands import run
from tests.standins.langsmith import API_KEY, LangSmithStandIn
from tests.standins.slack import SlackStandIn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as standin:
        yield standin


@pytest.fixture
def langsmith() -> Iterator[LangSmithStandIn]:
    with LangSmithStandIn() as standin:
        standin.add_project("acme-prod")
        yield standin


@pytest.fixture
def environ(slack: SlackStandIn, langsmith: LangSmithStandIn, tmp_path: Path) -> dict[str, str]:
    return {
        "LANGSMITH_API_KEY": API_KEY,
        "LANGSMITH_ENDPOINT": langsmith.url,
        "LANGSMITH_PROJECT": "acme-prod",
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "DATABASE_URL": f"sqlite:///{tmp_path}/llmcost.db",
    }


def standing(slack: SlackStandIn, token: str | None = None) -> Standing:
    return Standing(WebClient(token=token or slack.bot_token, base_url=slack.api_url, retry_handlers=[]))


def test_slack_says_whose_the_token_is_and_what_it_may_do(slack: SlackStandIn) -> None:
    found = standing(slack).auth()
    assert (found.team, found.user, found.scopes) == ("Team", "llmcost", slack.api.scopes)


def test_a_token_that_slack_refuses_is_no_outage(slack: SlackStandIn) -> None:
    with pytest.raises(RefusedError, match="invalid_auth"):
        standing(slack, "xoxb-wrong").auth()
    nowhere = Standing(WebClient(token="xoxb-fake", base_url="http://127.0.0.1:9/api/", retry_handlers=[]))
    with pytest.raises(UnconfirmedError):
        nowhere.auth()


def test_slack_says_in_which_channels_the_bot_is(slack: SlackStandIn) -> None:
    slack.add_channel("C7", "ours", [])
    slack.add_channel("C8", "theirs", [], bot_is_member=False)
    slack.add_channel("C9", "old", [], archived=True)
    assert [standing(slack).has_joined(channel) for channel in ("C7", "C8", "C9")] == [True, False, False]
    with pytest.raises(RefusedError, match="channel_not_found"):
        standing(slack).has_joined("C0")


def examined(environ: dict[str, str], folder: Path) -> dict[str, Finding]:
    found = examine_all(examine(*Need, environ=environ, directory=folder), NOW, trial=False)
    return {finding.check: finding for finding in found}


def test_slack_and_langsmith_are_asked_and_a_fresh_ledger_is_no_trouble(
    environ: dict[str, str], tmp_path: Path
) -> None:
    open_ledger(environ["DATABASE_URL"], create=True).close()
    found = examined(environ, tmp_path)
    assert found["Slack"].verdict is Verdict.OK
    assert found["LangSmith"].found == "It takes the key and shows 1 project: acme-prod."
    assert found["reading"].verdict is Verdict.WARNING
    assert found["database"].verdict is Verdict.OK
    assert [name for name, finding in found.items() if finding.verdict is Verdict.BROKEN] == []


def test_what_langsmith_refuses_or_lacks_is_broken_and_nothing_else(
    environ: dict[str, str], langsmith: LangSmithStandIn, tmp_path: Path
) -> None:
    open_ledger(environ["DATABASE_URL"], create=True).close()
    found = examined(environ | {"LANGSMITH_PROJECT": "acme-prod,gone"}, tmp_path)
    assert [name for name, finding in found.items() if finding.verdict is Verdict.BROKEN] == ["LangSmith"]
    assert "'gone'" in found["LangSmith"].found
    langsmith.fail_next(status=401, path="sessions")
    assert "LangSmith refuses the key" in examined(environ, tmp_path)["LangSmith"].found
    langsmith.fail_next(9, status=503, path="sessions")  # asked once, or this would take a minute
    assert examined(environ, tmp_path)["LangSmith"].verdict is Verdict.BROKEN


def test_a_scope_that_was_not_granted_is_named(environ: dict[str, str], slack: SlackStandIn, tmp_path: Path) -> None:
    slack.api.scopes = slack.api.scopes - {"im:write"}
    found = examined(environ, tmp_path)["Slack"]
    assert found.verdict is Verdict.BROKEN
    assert "im:write" in found.found


def test_a_ledger_that_cannot_be_written_is_broken(tmp_path: Path) -> None:
    """As on a disk that was mounted read-only."""
    ledger = open_ledger(f"sqlite:///{tmp_path}/llmcost.db", create=True)
    well = ledger.health()
    assert (well.problem, well.schema) == (None, HEAD)
    assert well.size >= (tmp_path / "llmcost.db").stat().st_size > 0
    assert well.free
    ledger._engine.dispose()
    event.listen(ledger._engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=1"))
    problem = ledger.health().problem
    ledger.close()
    assert problem is not None
    assert "readonly" in problem


def test_a_ledger_that_a_newer_llmcost_has_migrated_is_named_once(environ: dict[str, str], tmp_path: Path) -> None:
    open_ledger(environ["DATABASE_URL"], create=True).close()
    with closing(sqlite3.connect(tmp_path / "llmcost.db")) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '0999'")
    found = examined(environ, tmp_path)
    assert [name for name, one in found.items() if one.verdict is Verdict.BROKEN] == ["database"]
    assert found["database"].found.startswith("The ledger was written by a newer llmcost (schema 0999, ")


def test_the_command_says_a_line_for_each_check_and_fails_if_one_is_broken(
    environ: dict[str, str], tmp_path: Path
) -> None:
    open_ledger(environ["DATABASE_URL"], create=True).close()
    well = run(tmp_path, "doctor", more=environ)
    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.startswith("ok       settings: ")
    ill = run(tmp_path, "doctor", "--test-alert", more=environ | {"LLMCOST_WEEK_START": "someday"})
    assert (ill.returncode, ill.stderr) == (1, "")
    assert "broken   settings: LLMCOST_WEEK_START: 'someday' is no weekday" in ill.stdout
    assert "broken   test alert: There is nobody to send it to." in ill.stdout
    shown = well.stdout + ill.stdout
    assert not [secret for secret in ("xoxb-", "xapp-", API_KEY) if secret in shown]


def test_without_any_settings_it_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor")
    assert (done.returncode, done.stderr) == (1, "")
    for name in ("LANGSMITH_API_KEY", "LANGSMITH_PROJECT", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        assert f"{name} is not set" in " ".join(done.stdout.split())
