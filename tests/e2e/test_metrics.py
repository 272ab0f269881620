"""What Prometheus reads of `llmcost run`, after things have happened to it."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conversation import Talk, now, traced
from tests.e2e.test_watching import figures, port_of
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        yield Talk(slack, langsmith, tmp_path, {"LLMCOST_METRICS_PORT": "0"})


def test_every_figure_that_is_promised_has_its_value(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    """Sync lag, runs read, requests and 429s, deliveries by outcome, command latency: after one alert that reached its
    owner and one that reached nobody, three commands, and a sync that LangSmith has throttled twice."""
    traced(talk.langsmith)
    (talk.folder / "llmcost.toml").write_text(
        '[features.rag-search]\nowner = "U1"\nbudget = { daily = 0.1 }\n'
        '[features.agent-copilot]\nowner = "U0GONE"\nbudget = { monthly = 0.1 }\n'
    )
    talk = replace(talk, more={**talk.more, "LLMCOST_SYNC_EVERY": "5s", "LLMCOST_QUIET_HOURS": "off"})
    caplog.set_level("INFO")
    talk.langsmith.fail_next(2, status=429)
    with talk.running():
        port = port_of(caplog)
        for _ in range(3):
            talk.ask("week")
        until = time.monotonic() + 60
        while (seen := figures(port))["llmcost_deliveriessent"] < 1 or seen["llmcost_deliveriesundeliverable"] < 1:
            assert time.monotonic() < until, seen
            time.sleep(0.1)
        before, asked = reads(talk), len(talk.langsmith.requests)
        seen = figures(port)
    assert 0 <= seen["llmcost_sync_lag_seconds"] < 60
    assert 5 <= before <= seen["llmcost_runs_read_total"] <= reads(talk)
    assert asked <= seen["llmcost_langsmith_requests_total"] <= len(talk.langsmith.requests)
    assert seen["llmcost_langsmith_throttled_total"] == 2
    assert seen["llmcost_deliveriessent"] == len(talk.slack.messages("U1")) == 1
    assert seen["llmcost_deliveriesundeliverable"] == 1
    assert seen["llmcost_deliveriesopen"] == seen["llmcost_deliveriesreplaced"] == 0
    assert seen["llmcost_command_seconds_count"] == 3
    assert 0 < seen["llmcost_command_seconds_sum"] < 3 * 30


def reads(talk: Talk) -> int:
    """How many runs all syncs together have read."""
    with closing(sqlite3.connect(talk.folder / "llmcost.db")) as ledger:
        return int(ledger.execute("SELECT coalesce(sum(read), 0) FROM syncs").fetchone()[0])


def test_runs_are_counted_while_they_are_read(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    """A first sync of a day is watched while it goes on, not when it has ended."""
    caplog.set_level("INFO")
    talk.langsmith.add_runs([{"project": "acme-prod", "start": now()} for _ in range(1_200)])
    talk.langsmith.hang_next(3_600, path="/runs/query", project='"cursor"')
    with talk.running():
        port, until = port_of(caplog), time.monotonic() + 30
        while figures(port)["llmcost_runs_read_total"] < 1_000:
            assert time.monotonic() < until
        assert reads(talk) == 0
