"""What `llmcost run` looks after without being asked: that its jobs run, and that what they decide reaches people."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.ledger.booking import microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.store import open_ledger
from tests.e2e.commands import start
from tests.e2e.conversation import Talk, now, traced
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

OLD = '[features.rag-search]\nowner = "U1"\n'
RENAMED = '[features.find]\nowner = "U1"\naliases = ["rag-search"]\n'


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    """A tick lasts five seconds, the least that a setting allows."""
    (tmp_path / "llmcost.toml").write_text(OLD)
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        traced(langsmith)
        talk = Talk(slack, langsmith, tmp_path, {"LLMCOST_ADMINS": "U1", "LLMCOST_SYNC_EVERY": "5s"})
        talk.sync()
        yield talk


def test_that_langsmith_is_not_read_any_more_is_told_to_the_admin(talk: Talk) -> None:
    ago = microseconds(now() - timedelta(hours=1))
    ledger = open_ledger(talk.url, create=False)
    ledger.record_sync(SyncRow(ago, ago, 0, 0, 0, None, 1))
    ledger.close()
    talk.langsmith.fail_next(1_000, status=403)
    with start(talk.folder, "run", more=talk.environ) as bot:
        (told,) = talk.slack.wait_messages("U1", timeout=40)
        bot.send_signal(signal.SIGTERM)
        bot.communicate(timeout=20)
    assert "LangSmith has not been read to the end since" in told["text"]
    assert talk.slack.violations == []


def test_an_llmcost_toml_that_is_edited_comes_into_force_by_itself(talk: Talk) -> None:
    """It must have rested for two seconds, and a tick looks: some ten seconds, which nothing shortens."""
    with start(talk.folder, "run", more=talk.environ) as bot:
        talk.slack.wait_connected(timeout=30)
        assert "rag-search cost $1.70" in talk.ask("week rag-search").text
        (talk.folder / "llmcost.toml").write_text(RENAMED)
        assert "find cost $1.70" in talk.ask_until("week rag-search", "find cost", seconds=40).text
        bot.send_signal(signal.SIGTERM)
        _, log = bot.communicate(timeout=20)
    assert "llmcost.toml has changed and is in force; the ledger was recounted" in log
