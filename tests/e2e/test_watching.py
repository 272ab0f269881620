"""What whoever watches sees of `llmcost run`: metrics, readiness, a log for programs, an end that leaves nothing."""

import json
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.slack.access import OUTDATED
from tests.e2e.commands import start
from tests.e2e.conversation import Talk, now, traced
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        traced(langsmith)
        yield Talk(slack, langsmith, tmp_path, {"LLMCOST_METRICS_PORT": "0"})


def get(port: int, path: str) -> tuple[int, str]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        said = connection.getresponse()
        return said.status, said.read().decode()


def figures(port: int) -> dict[str, float]:
    """Every sample by its name and labels."""
    status, body = get(port, "/metrics")
    assert status == 200
    return {
        sample.name + "".join(sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def port_of(caplog: pytest.LogCaptureFixture) -> int:
    found = re.search(r"metrics and readiness are served at port (\d+) of 127\.0\.0\.1", caplog.text)
    assert found is not None
    return int(found[1])


def test_figures_follow_what_is_read_and_asked(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    talk.langsmith.fail_next(1, status=429)
    with talk.running():
        port = port_of(caplog)
        talk.ask_until("week rag-search", "$1.70")
        until = time.monotonic() + 30
        while get(port, "/readyz") != (200, "Ready.\n"):
            assert time.monotonic() < until
        seen = figures(port)
        assert seen["llmcost_runs_read_total"] >= 5
        assert seen["llmcost_langsmith_requests_total"] == len(talk.langsmith.requests)
        assert seen["llmcost_langsmith_throttled_total"] == 1
        assert 0 <= seen["llmcost_sync_lag_seconds"] < 60
        assert seen["llmcost_command_seconds_count"] >= 1
        assert seen["llmcost_ledger_up"] == 1
        assert seen["llmcost_deliveriessent"] == seen["llmcost_deliveriesundeliverable"] == 0
        assert get(port, "/") == (404, "Only /metrics and /readyz are here.\n")


def test_who_has_not_read_langsmith_lately_is_not_ready(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    talk.langsmith.fail_next(1_000, status=403)
    with talk.running():
        port = port_of(caplog)
        assert get(port, "/readyz") == (503, "LangSmith has not been read to the end yet.\n")
        with closing(sqlite3.connect(talk.folder / "llmcost.db")) as ledger, ledger:
            ago = int((time.time() - 3 * 3600 - 60) * 1_000_000)  # it syncs once an hour
            ledger.execute("INSERT INTO syncs VALUES (1000, ?, ?, 0, 0, 0, NULL, 1)", (ago, ago))
        assert get(port, "/readyz") == (503, "LangSmith was last read to the end 3 h ago.\n")
        with closing(sqlite3.connect(talk.folder / "llmcost.db")) as ledger, ledger:
            ledger.execute("UPDATE syncs SET finished = finished + 120000000 WHERE id = 1000")
        assert get(port, "/readyz") == (200, "Ready.\n")
        with closing(sqlite3.connect(talk.folder / "llmcost.db")) as ledger, ledger:
            ledger.execute("DROP TABLE syncs")
        assert get(port, "/readyz") == (503, "The ledger cannot be reached.\n")
        assert figures(port)["llmcost_ledger_up"] == 0


def test_who_is_too_old_for_the_ledger_is_not_ready_answers_with_that_and_stays_up(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    """A newer replica has migrated it: whoever runs them replaces this one; to end would only make it start again."""
    caplog.set_level("INFO")
    with talk.running():
        port = port_of(caplog)
        answer = talk.ask_until("week rag-search", "$1.70")
        syncs = counted(talk, "syncs")
        with closing(sqlite3.connect(talk.folder / "llmcost.db")) as ledger, ledger:
            ledger.execute("UPDATE alembic_version SET version_num = '0999'")
        status, said = get(port, "/readyz")
        assert (status, said.startswith("The ledger was written by a newer llmcost (schema 0999, ")) == (503, True)
        assert figures(port)["llmcost_ledger_up"] == 0
        answers = counted(talk, "answers")
        for _ in range(2):
            assert talk.ask("week rag-search").text == OUTDATED
            pressed = answer.share()
            pressed.wait_responses()
            assert pressed.visible[-1]["text"] == OUTDATED
        assert (counted(talk, "answers"), counted(talk, "syncs")) == (answers, syncs)
        assert [one.name for one in caplog.records if "newer llmcost" in one.getMessage()] == ["bot.ledger.schema"]


def counted(talk: Talk, table: str) -> int:
    with closing(sqlite3.connect(talk.folder / "llmcost.db")) as ledger:
        (number,) = ledger.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - the test's own
    return int(number)


def test_a_log_for_programs_is_an_object_a_line(talk: Talk) -> None:
    project = talk.langsmith.add_project("acme-\x1b[31m\nfake")
    talk.langsmith.fail_next(1_000, status=403, project=project)
    with start(talk.folder, "run", more=talk.environ | {"LLMCOST_LOG": "json"}) as bot:
        talk.slack.wait_connected(timeout=30)
        talk.ask_until("status", "It had a problem")
        bot.send_signal(signal.SIGTERM)
        _, log = bot.communicate(timeout=20)
    lines = [json.loads(line) for line in log.splitlines()]
    assert {tuple(line) for line in lines} == {("time", "level", "logger", "message")}
    assert any("acme-\\x1b[31m\\nfake" in line["message"] for line in lines)
    assert any(line["message"].startswith("llmcost is ready") and line["level"] == "INFO" for line in lines)


def test_told_to_end_it_answers_who_has_asked_and_gives_its_leases_back(talk: Talk) -> None:
    """Within ten seconds, although LangSmith hangs."""
    talk.langsmith.hang_next(3_600, times=10)
    with start(talk.folder, "run", more=talk.environ) as bot:
        talk.slack.wait_connected(timeout=30)
        leases = leased(talk)
        until = time.monotonic() + 30
        while leases != ["jobs", "sync"]:
            assert time.monotonic() < until, leases
            leases = leased(talk)
        asked = talk.slack.command("week")
        asked.wait_ack()
        began = time.monotonic()
        bot.send_signal(signal.SIGTERM)
        asked.wait_responses()
        bot.communicate(timeout=20)
        assert time.monotonic() - began < 10  # what the README promises, and when `docker stop` kills
    assert bot.returncode == 0
    assert leased(talk) == []


def leased(talk: Talk) -> list[str]:
    with closing(sqlite3.connect(talk.folder / "llmcost.db")) as ledger:
        return [name for (name,) in ledger.execute("SELECT name FROM leases ORDER BY name")]
