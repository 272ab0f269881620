"""The clock: a sync at once and then again and again, one at a time, until it is stopped, whatever hangs."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.app import build_rules, build_sync, open_to_write
from bot.errors import LlmcostError
from bot.jobs import STOP_SECONDS, Clock
from bot.ledger.store import Ledger
from bot.settings import load
from tests.standins.langsmith import API_KEY, LangSmithStandIn

HOUR, SOON = timedelta(hours=1), timedelta(milliseconds=20)


class Stopper:
    """What the clock asks at the beginning of a sync and at each page. It counts, and says when it is over."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.times = 0
        self._asked = threading.Condition()

    def __call__(self) -> None:
        with self._asked:
            self.times += 1
            self._asked.notify_all()
        if self.stopped.is_set():
            raise LlmcostError("it is being stopped")

    def was_asked_within(self, seconds: float, times: int) -> bool:
        with self._asked:
            return self._asked.wait_for(lambda: self.times >= times, seconds)

    def wait_for(self, times: int) -> None:
        assert self.was_asked_within(20, times), f"asked {self.times} times only"


class Watched(LangSmithStandIn):
    """Lets a test wait for requests."""

    def __init__(self) -> None:
        super().__init__(now=lambda: datetime.now(UTC))
        self.asked = threading.Semaphore(0)
        self.add_project("acme-prod")

    def _note(self, request: object) -> None:
        super()._note(request)  # type: ignore[arg-type] # handed on as it came
        self.asked.release()


@pytest.fixture
def langsmith() -> Iterator[Watched]:
    with Watched() as standin:
        yield standin


class Ticking(NamedTuple):
    clock: Clock
    stopper: Stopper
    ledger: Ledger

    def stop(self) -> float:
        """Stop the clock; how many seconds that took."""
        self.stopper.stopped.set()
        began = time.monotonic()
        self.clock.stop()
        return time.monotonic() - began


@contextmanager
def ticking(langsmith: Watched, folder: Path, every: timedelta) -> Iterator[Ticking]:
    """A clock that has been started; to be stopped by the test."""
    environ = {
        "LANGSMITH_API_KEY": API_KEY,
        "LANGSMITH_ENDPOINT": langsmith.url,
        "LANGSMITH_PROJECT": "acme-*",
        "LLMCOST_BACKFILL": "1d",
        "LLMCOST_REQUESTS_PER_10S": "1000",
        "DATABASE_URL": f"sqlite:///{folder}/llmcost.db",
    }
    settings, config = load(environ=environ, directory=folder)
    rules = build_rules(settings, config)
    ledger = open_to_write(settings, rules)
    stopper = Stopper()
    sync, source = build_sync(settings, ledger, rules, sleep=lambda seconds: _wait(stopper, seconds))
    clock = Clock(sync, every, stopper)
    clock.start()
    try:
        yield Ticking(clock, stopper, ledger)
    finally:
        stopper.stopped.set()
        langsmith.stop()  # what hangs, hangs no more
        source.close()
        ledger.close()


def _wait(stop: Stopper, seconds: float) -> None:
    stop.stopped.wait(seconds)
    stop()


def test_the_first_sync_is_at_once_and_the_next_after_a_while(langsmith: Watched, tmp_path: Path) -> None:
    with ticking(langsmith, tmp_path, HOUR) as ticks:
        ticks.stopper.wait_for(2)  # its beginning, and a page
        ticks.stop()
        with ticks.ledger.reading() as reading:
            assert reading.last_sync() is not None
    assert len([request for request in langsmith.requests if "sessions" in request.path]) == 1


def test_it_goes_on_as_often_as_was_asked_for(langsmith: Watched, tmp_path: Path) -> None:
    with ticking(langsmith, tmp_path, SOON) as ticks:
        ticks.stopper.wait_for(12)
        ticks.stop()


def test_trouble_in_one_sync_does_not_stop_the_next(
    langsmith: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    langsmith.fail_next(status=401, path="sessions")
    with ticking(langsmith, tmp_path, SOON) as ticks:
        ticks.stopper.wait_for(8)
        ticks.stop()
        with ticks.ledger.reading() as reading:
            assert reading.last_sync(successful=True) is not None
    # Being stopped is no trouble.
    (said,) = (one.getMessage() for one in caplog.records if one.name == "bot.jobs" and one.levelname == "WARNING")
    assert said.startswith("the sync did not go through: LangSmith refuses the key")


def test_after_it_was_stopped_nothing_begins(langsmith: Watched, tmp_path: Path) -> None:
    with ticking(langsmith, tmp_path, SOON) as ticks:
        ticks.stopper.wait_for(2)
        ticks.stop()
        asked = ticks.stopper.times
        assert not ticks.stopper.was_asked_within(5 * SOON.total_seconds(), asked + 1)


def test_a_request_that_hangs_holds_nobody_up(
    langsmith: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    langsmith.hang_next(3_600)
    with ticking(langsmith, tmp_path, HOUR) as ticks:
        assert langsmith.asked.acquire(timeout=20)
        assert ticks.stop() < STOP_SECONDS + 2
    assert "a sync is left where it is" in caplog.text
