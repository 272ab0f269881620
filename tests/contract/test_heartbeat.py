"""The heartbeat: one GET after each good sync, which holds nobody up, goes nowhere else and is never quoted."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError

import pytest

from bot.jobs.heartbeat import Heartbeat, ping
from bot.ledger.booking import microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.store import Ledger
from tests.ledgers import new_ledger

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SECRET = "hunter2"


class Monitor(ThreadingHTTPServer):
    """Somebody to be pinged."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths: list[str] = []
        self.status = 200
        self.location = ""
        self.go_on = threading.Event()
        self.go_on.set()
        self.url = f"http://127.0.0.1:{self.server_port}/ping/{SECRET}?key={SECRET}"


class Handler(BaseHTTPRequestHandler):
    server: Monitor

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.go_on.wait(20)
        self.send_response(self.server.status if len(self.server.paths) == 1 or self.server.status != 302 else 200)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with Monitor() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


def synced(ledger: Ledger, problem: str | None = None) -> None:
    ledger.record_sync(SyncRow(microseconds(NOW), microseconds(NOW), 0, 0, 0, problem, 1))


def look(job: Heartbeat) -> None:
    job.run(NOW)
    job.wait(20)


def test_each_good_sync_is_pinged_for_once_whatever_restarts(monitor: Monitor, ledger: Ledger) -> None:
    look(Heartbeat(monitor.url, ledger))
    assert monitor.paths == []
    synced(ledger)
    for _ in range(3):
        look(Heartbeat(monitor.url, ledger))
    synced(ledger, "LangSmith is down.")
    look(Heartbeat(monitor.url, ledger))
    assert monitor.paths == [f"/ping/{SECRET}?key={SECRET}"]
    synced(ledger)
    look(Heartbeat(monitor.url, ledger))
    assert len(monitor.paths) == 2


def test_a_monitor_that_hangs_holds_nobody_up_and_is_not_asked_twice_at_once(monitor: Monitor, ledger: Ledger) -> None:
    monitor.go_on.clear()
    job = Heartbeat(monitor.url, ledger)
    for _ in range(3):
        synced(ledger)
        job.run(NOW)  # returns at once, or this test would end by its time-out
    monitor.go_on.set()
    job.wait(20)
    look(job)
    assert len(monitor.paths) == 2


def test_it_gives_up_after_a_while(monitor: Monitor) -> None:
    monitor.go_on.clear()
    with pytest.raises(TimeoutError):
        ping(monitor.url, seconds=0.1)


def test_trouble_is_one_warning_until_it_is_over_and_the_address_stays_secret(
    monitor: Monitor, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    job = Heartbeat(monitor.url, ledger)
    for status in (500, 500, 404, 200, 200, 503):
        monitor.status = status
        synced(ledger)
        look(job)
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "the ping to LLMCOST_HEARTBEAT_URL did not go through (HTTP 500)"),
        ("INFO", "the ping to LLMCOST_HEARTBEAT_URL goes through again"),
        ("WARNING", "the ping to LLMCOST_HEARTBEAT_URL did not go through (HTTP 503)"),
    ]
    assert SECRET not in caplog.text + repr(job)


def test_an_address_where_nobody_is_is_a_warning_too(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    synced(ledger)
    look(Heartbeat(f"http://127.0.0.1:9/{SECRET}", ledger))
    assert "did not go through (URLError)" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("elsewhere", ["file:///etc/passwd", "https://127.0.0.1:9/", "ftp://127.0.0.1:9/x"])
def test_it_follows_nobody_to_another_scheme(elsewhere: str, monitor: Monitor) -> None:
    monitor.status, monitor.location = 302, elsewhere
    with pytest.raises(HTTPError):
        ping(monitor.url)


def test_it_follows_within_the_scheme(monitor: Monitor) -> None:
    monitor.status, monitor.location = 302, "/elsewhere"
    ping(monitor.url)
    assert monitor.paths[1:] == ["/elsewhere"]


def test_nothing_is_pinged_an_hour_later_for_the_same_sync(monitor: Monitor, ledger: Ledger) -> None:
    synced(ledger)
    job = Heartbeat(monitor.url, ledger)
    look(job)
    job.run(NOW + timedelta(hours=1))
    job.wait(20)
    assert len(monitor.paths) == 1
