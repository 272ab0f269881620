"""One short tick starts what is due. What that is is computed from the time and the ledger, never from the clock's own
memory, which is gone after a restart, and of which another process knows nothing."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from bot.errors import LedgerBusyError, LedgerNewerError, LlmcostError
from bot.ingest.summary import Progress
from bot.ingest.sync import Sync
from bot.ledger.booking import instant
from bot.ledger.coverage import SyncRow

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

TICK = timedelta(seconds=30)
# How often a process looks whether the jobs are its own: far more often than the lease of a dead one lasts.
DUTY_SECONDS = 10.0
# How long a sync and the jobs may take to notice that they have been stopped. A sync notices at each page, and at each
# wait; the jobs between two of them.
STOP_SECONDS = 3.0

_log = logging.getLogger(__name__)


class Job(Protocol):
    """Something that is looked after at each tick. It finds out by itself what is due, and may be asked at any time."""

    @property
    def name(self) -> str:
        """What the log calls it."""
        ...

    def run(self, now: datetime) -> object:
        """Do what is due at `now`. Whatever it raises is logged, and the other jobs go on."""
        ...


class Clock:
    """Starts a sync when it is due, one at a time, and looks after the jobs at each tick and after each sync, until it
    is stopped, or a newer llmcost has migrated the ledger (which the ledger logs). The jobs share a thread that never
    waits for the sync. Of several processes one is on duty: the others look after nothing but what is `everywhere`,
    until it is silent."""

    def __init__(
        self,
        sync: Sync,
        every: timedelta,
        check_stopped: Callable[[], None],
        *,
        last_sync: Callable[[], SyncRow | None],
        now: Callable[[], datetime],
        jobs: Sequence[Job] = (),
        everywhere: Sequence[Job] = (),
        take_duty: Callable[[datetime], bool] = lambda _: True,
    ) -> None:
        """`every` is the time from one sync's beginning to the next's, whichever process it is of: `last_sync` is the
        ledger's. `check_stopped` raises LlmcostError once the bot is being stopped, so that a long sync ends at a
        page. `take_duty` takes the duty or keeps it, and says whether this process has it."""
        self._sync = sync
        self._every = every
        self._check_stopped = check_stopped
        self._last_sync = last_sync
        self._now = now
        self._jobs = tuple(jobs)
        self._everywhere = tuple(everywhere)
        self._take_duty = take_duty
        self._was_on_duty = False
        self._is_outdated = False
        self._idle = threading.Event()
        self._idle.set()
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        # A request may hang for a minute and a half, and nothing can wake it: no thread here keeps the process alive.
        self._worker = threading.Thread(target=self._look_after_jobs, name="jobs", daemon=True)
        # A whole number of ticks from one sync to the next, or each would be late by the rest of one.
        self._tick_every = every / -(-every // TICK)
        self._scheduler = _scheduler(self._tick, self._tick_every)

    def start(self) -> None:
        """Start ticking, at once, in threads of its own."""
        self._worker.start()
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking, and wait for the sync and the job that are running; for what hangs STOP_SECONDS only."""
        deadline = time.monotonic() + STOP_SECONDS
        self._stopped.set()
        self._wanted.set()
        self._scheduler.shutdown(wait=False)
        if not self._idle.wait(STOP_SECONDS):
            _log.warning("a sync is left where it is, because LangSmith does not answer; the next one goes on there")
        self._worker.join(max(deadline - time.monotonic(), 0.1))
        if self._worker.is_alive():
            _log.warning("a job is left where it is, because nobody answers it; the next start goes on there")

    def _tick(self) -> None:
        self._wanted.set()
        if self._idle.is_set() and not self._stopped.is_set() and not self._is_outdated:
            self._idle.clear()
            threading.Thread(target=self._sync_if_due, name="sync", daemon=True).start()

    def _look_after_jobs(self) -> None:
        while True:
            is_wanted = self._wanted.wait(DUTY_SECONDS)
            self._wanted.clear()
            if self._stopped.is_set():
                return
            if self._begins_duty():
                self._tick()  # whoever had it may have left a sync that is due
            elif is_wanted and not self._is_outdated:
                self._look_after_all()

    def _look_after_all(self) -> None:
        for job in (*self._everywhere, *self._jobs):
            if self._stopped.is_set():
                return
            if job in self._everywhere or self._is_on_duty():
                self._run(job)

    def _begins_duty(self) -> bool:
        before, self._was_on_duty = self._was_on_duty, self._is_on_duty()
        if self._was_on_duty and not before:
            _log.info("this process is on duty: it reads LangSmith and tells what is to be told")
        return self._was_on_duty and not before

    def _is_on_duty(self) -> bool:
        try:
            return self._take_duty(self._now())
        except LedgerNewerError:
            self._is_outdated = True
            return False
        except LlmcostError as error:
            _log.warning("it cannot be told whose turn it is: %s", error)
            return False
        except Exception:  # noqa: BLE001 - a bug here must not end the thread of the jobs, which is the only one
            _log.exception("it cannot be told whose turn it is; the next tick asks again")
            return False

    def _run(self, job: Job) -> None:
        try:
            job.run(self._now())
        except LedgerNewerError:
            self._is_outdated = True
        except LlmcostError as error:
            _log.warning("%s did not go through: %s", job.name, error)
        except Exception:  # noqa: BLE001 - a bug in one job must not stop the others
            _log.exception("%s failed; the next tick tries again", job.name)

    def _sync_if_due(self) -> None:
        try:
            if self._is_on_duty() and self._is_due():
                self._sync_once()
                self._wanted.set()
        except LedgerNewerError:
            self._is_outdated = True
        except LlmcostError as error:
            _log.warning("it cannot be told whether a sync is due: %s", error)
        finally:
            self._idle.set()

    def _is_due(self) -> bool:
        """Also if the last sync lies in the future: the clock has been set right since. Ticks are not quite even: one
        that comes a little early must not wait for the next."""
        last = self._last_sync()
        if last is None:
            return True
        since = self._now() - instant(last.started)
        return not timedelta(0) <= since < self._every - self._tick_every / 10

    def _sync_once(self) -> None:
        def progress(_: Progress) -> None:
            self._check_stopped()

        try:
            self._check_stopped()
            summary = self._sync.run(progress=progress)
        except LedgerBusyError as error:
            _log.info("%s", error)
        except LedgerNewerError:
            raise
        except LlmcostError as error:
            level = logging.INFO if self._is_stopped() else logging.WARNING
            _log.log(level, "the sync did not go through: %s", error)
        except Exception:  # noqa: BLE001 - a bug in one sync must not be the last of them
            _log.exception("the sync failed; the next one tries again")
        else:
            booked = summary.booked
            _log.info(
                "synced %d projects: %d runs read, %d new, %d changed",
                summary.projects,
                booked.read,
                booked.new,
                booked.changed,
            )

    def _is_stopped(self) -> bool:
        try:
            self._check_stopped()
        except LlmcostError:
            return True
        return False


def _scheduler(tick: Callable[[], None], every: timedelta) -> "BackgroundScheduler":
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.interval import IntervalTrigger

    scheduler = BackgroundScheduler(timezone="UTC")
    # Its default grace is one second: on a busy machine a tick would be dropped. A late one is as good as one in time.
    scheduler.add_job(
        tick,
        IntervalTrigger(seconds=every.total_seconds(), timezone="UTC"),
        next_run_time=datetime.now(UTC),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    return scheduler
