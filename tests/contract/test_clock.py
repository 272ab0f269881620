"""The clock: a sync at once and then again and again, one at a time, until it is stopped, whatever hangs."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import pytest

from bot.app.ledgers import build_rules, open_to_write, utc_now
from bot.app.source import build_sync
from bot.errors import LlmcostError
from bot.jobs.clock import STOP_SECONDS, Clock, Job
from bot.ledger.booking import microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.lease import JOBS, Lease
from bot.ledger.store import Ledger
from bot.settings import load
from tests.standins.langsmith import API_KEY, LangSmithStandIn

if TYPE_CHECKING:
    from bot.ingest.sync import Sync

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
def ticking(langsmith: Watched, folder: Path, every: timedelta, *jobs: Job, **more: Any) -> Iterator[Ticking]:
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
    ledger = open_to_write(settings, config, rules)
    stopper = Stopper()
    sync, source = build_sync(settings, ledger, rules, sleep=lambda seconds: _wait(stopper, seconds))
    clock = Clock(sync, every, stopper, last_sync=ledger.last_sync, now=utc_now, jobs=jobs, **more)
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
        ticks.stopper.wait_for(20)
        ticks.stop()
        last = ticks.ledger.last_sync()
    assert last is not None
    assert last.number >= 3, "one sync asks a few times"


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
    (said,) = (
        one.getMessage() for one in caplog.records if one.name == "bot.jobs.clock" and one.levelname == "WARNING"
    )
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


class Noting:
    """A job that notes when it was looked after, and lets a test wait for that."""

    def __init__(self, name: str = "noting", *, raises: Exception | None = None, waits: bool = False) -> None:
        self.name = name
        self.times: list[datetime] = []
        self.go_on = threading.Event()
        self._raises = raises
        self._waits = waits
        self._ran = threading.Semaphore(0)

    def run(self, now: datetime) -> None:
        self.times.append(now)
        self._ran.release()
        if self._waits:
            self.go_on.wait(60)
        if self._raises is not None:
            raise self._raises

    def wait_for(self, times: int) -> None:
        for _ in range(times):
            assert self._ran.acquire(timeout=20), f"it ran {len(self.times)} times only"


def test_the_jobs_do_not_wait_for_the_sync(langsmith: Watched, tmp_path: Path) -> None:
    job = Noting()
    langsmith.hang_next(3_600)
    with ticking(langsmith, tmp_path, HOUR, job) as ticks:
        assert langsmith.asked.acquire(timeout=20)
        job.wait_for(1)  # although the sync is not over
        assert ticks.ledger.last_sync() is None
        ticks.stopper.stopped.set()
        langsmith.stop()  # what hangs, hangs no more
        ticks.stop()


def test_after_a_sync_the_jobs_run_at_once(langsmith: Watched, tmp_path: Path) -> None:
    """Long before the next tick, and they find what it has written."""
    seen: list[bool] = []
    begun, found = threading.Event(), threading.Event()

    class Looking:
        name = "looking"

        def run(self, now: datetime) -> None:
            del now
            begun.wait(20)
            seen.append(ticks.ledger.last_sync() is not None)
            if seen[-1]:
                found.set()

    with ticking(langsmith, tmp_path, HOUR, Looking()) as ticks:
        begun.set()
        assert found.wait(20)
        ticks.stop()


def test_a_job_that_fails_stops_no_other(langsmith: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken, refused, sound = (
        Noting("broken", raises=ZeroDivisionError()),
        Noting("refused", raises=LlmcostError("nobody is there")),
        Noting("sound"),
    )
    with ticking(langsmith, tmp_path, SOON, broken, refused, sound) as ticks:
        for job in (broken, refused, sound):
            job.wait_for(3)
        ticks.stop()
    assert "broken failed; the next tick tries again" in caplog.text
    assert "refused did not go through: nobody is there" in caplog.text


def test_a_job_that_hangs_holds_up_neither_the_sync_nor_the_end(
    langsmith: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job, after = Noting(waits=True), Noting("after")
    with ticking(langsmith, tmp_path, SOON, job, after) as ticks:
        job.wait_for(1)
        ticks.stopper.wait_for(20)
        assert ticks.stop() < STOP_SECONDS + 2
        job.go_on.set()
    assert "a job is left where it is" in caplog.text
    assert (len(job.times), after.times) == (1, [])


def test_what_another_process_has_just_read_is_not_read_again(langsmith: Watched, tmp_path: Path) -> None:
    """Two processes on one ledger sync as often as one; so does one that is started again and again."""
    job = Noting()
    with ticking(langsmith, tmp_path, HOUR) as ticks:
        ticks.stopper.wait_for(2)
        ticks.stop()
    assert langsmith.asked.acquire(timeout=1)
    with Watched() as other, ticking(other, tmp_path, HOUR, job) as ticks:
        job.wait_for(1)
        assert not ticks.stopper.was_asked_within(0.3, 1)
        ticks.stop()
        assert other.requests == []


def test_who_is_not_on_duty_does_what_is_everywhere_and_nothing_else(langsmith: Watched, tmp_path: Path) -> None:
    job, own = Noting(), Noting("own")
    duty = threading.Event()
    with ticking(langsmith, tmp_path, SOON, job, everywhere=[own], take_duty=lambda _: duty.is_set()) as ticks:
        own.wait_for(3)
        assert (job.times, langsmith.requests) == ([], [])
        duty.set()
        job.wait_for(1)
        ticks.stopper.wait_for(2)
        duty.clear()
        ticks.stop()


def test_who_cannot_be_told_whether_it_is_on_duty_is_not(
    langsmith: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def ask(now: datetime) -> bool:
        raise LlmcostError(f"nobody knows at {now.year}")

    job, own = Noting(), Noting("own")
    with ticking(langsmith, tmp_path, SOON, job, everywhere=[own], take_duty=ask) as ticks:
        own.wait_for(2)
        ticks.stop()
    assert (job.times, langsmith.requests) == ([], [])
    assert "it cannot be told whose turn it is: nobody knows" in caplog.text


def test_a_fault_in_telling_whose_turn_it_is_ends_nothing(
    langsmith: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread of the jobs is the only one that ever asks again: without it the bot would be silent for good."""
    answers = iter([ZeroDivisionError(), ZeroDivisionError(), ZeroDivisionError()])

    def ask(_: datetime) -> bool:
        if (error := next(answers, None)) is not None:
            raise error
        return True

    job = Noting()
    with ticking(langsmith, tmp_path, SOON, job, take_duty=ask) as ticks:
        job.wait_for(2)
        ticks.stopper.wait_for(2)
        ticks.stop()
    assert caplog.text.count("it cannot be told whose turn it is; the next tick asks again") == 3


@pytest.mark.parametrize(
    ("ago", "is_due"),
    [
        (timedelta(seconds=-1), True),  # the clock has been set right since
        (timedelta(seconds=0), False),
        (timedelta(seconds=56), False),
        (timedelta(seconds=58), True),  # or it would wait for the tick after this one
        (timedelta(days=3), True),
        (None, True),
    ],
)
def test_a_sync_is_due_by_the_ledgers_last_one(ago: timedelta | None, is_due: bool) -> None:
    now = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))  # a night with two of it
    started = None if ago is None else microseconds(now.astimezone(UTC) - ago)
    last = None if started is None else SyncRow(started, started, 0, 0, 0, "it failed", 0)
    clock = Clock(
        cast("Sync", None), timedelta(minutes=1), Stopper(), last_sync=lambda: last, now=lambda: now.astimezone(UTC)
    )
    assert clock._is_due() is is_due


@pytest.mark.parametrize("has_duty", [True, False])
def test_once_a_newer_llmcost_has_migrated_the_ledger_nothing_is_done_and_that_is_said_once(
    has_duty: bool, langsmith: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job, own, duties = Noting(), Noting("own"), threading.Semaphore(0)
    mine, begun = Lease(JOBS, "mine"), threading.Event()

    def take_duty(now: datetime) -> bool:
        begun.wait(20)
        duties.release()
        return ticks.ledger.keep_lease(mine, now) and has_duty

    with ticking(langsmith, tmp_path, SOON, job, everywhere=[own], take_duty=take_duty) as ticks:
        begun.set()
        own.wait_for(2)
        if has_duty:
            job.wait_for(2)
        with closing(sqlite3.connect(tmp_path / "llmcost.db", timeout=20)) as newer, newer:
            newer.execute("UPDATE alembic_version SET version_num = '0999'")
        until = time.monotonic() + 20
        while not ticks.clock._is_outdated:
            assert time.monotonic() < until
            duties.acquire(timeout=0.1)
        ticks.clock._idle.wait(20)
        done = len(job.times), len(own.times), len(langsmith.requests)
        for _ in range(5):  # it goes on ticking
            ticks.clock._tick()
        assert not ticks.stopper.was_asked_within(5 * SOON.total_seconds(), ticks.stopper.times + 1)
        assert ticks.clock._worker.is_alive()
        ticks.stop()
        ended = len(job.times), len(own.times), len(langsmith.requests)
        said = [
            (one.name, one.levelname)
            for one in caplog.records
            if one.levelno >= logging.WARNING and one.name[:3] == "bot"
        ]
    # What had begun when it was noticed may still have ended.
    assert all(after - before <= 1 for before, after in zip(done, ended, strict=True))
    assert said == [("bot.ledger.schema", "ERROR")]
