"""What the clock does: one short tick; what is due is computed from the time and the ledger, never from the clock's own
memory, which is gone after a restart."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.errors import LedgerBusyError, LlmcostError
from bot.ingest.sync import Progress, Sync

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

# How long a sync may take to notice that it has been stopped. It notices at each page, and at each wait.
STOP_SECONDS = 3.0

_log = logging.getLogger(__name__)


class Clock:
    """Runs the sync at once and then every `every`, one at a time, until it is stopped."""

    def __init__(self, sync: Sync, every: timedelta, check_stopped: Callable[[], None]) -> None:
        """`check_stopped` raises LlmcostError once the bot is being stopped, so that a long sync ends at a page."""
        self._sync = sync
        self._check_stopped = check_stopped
        self._idle = threading.Event()
        self._idle.set()
        self._scheduler = _scheduler(self._tick, every)

    def start(self) -> None:
        """Start ticking, in a thread of its own."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking, and wait for the sync that is running; for one that LangSmith lets hang STOP_SECONDS only."""
        self._scheduler.shutdown(wait=False)
        if not self._idle.wait(STOP_SECONDS):
            _log.warning("a sync is left where it is, because LangSmith does not answer; the next one goes on there")
            self._idle.set()

    def _tick(self) -> None:
        """A sync in a thread that does not keep the process alive: a request may hang for a minute and a half, and
        nothing can wake it."""
        self._idle.clear()
        threading.Thread(target=self._sync_once, name="sync", daemon=True).start()
        self._idle.wait()

    def _sync_once(self) -> None:
        def progress(_: Progress) -> None:
            self._check_stopped()

        try:
            self._check_stopped()
            summary = self._sync.run(progress=progress)
        except LedgerBusyError as error:
            _log.info("%s", error)
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
        finally:
            self._idle.set()

    def _is_stopped(self) -> bool:
        try:
            self._check_stopped()
        except LlmcostError:
            return True
        return False


def _scheduler(job: Callable[[], None], every: timedelta) -> "BackgroundScheduler":
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.interval import IntervalTrigger

    scheduler = BackgroundScheduler(timezone="UTC")
    # Its default grace is one second: on a busy machine a tick would be dropped. A late one is as good as one in time.
    scheduler.add_job(
        job,
        IntervalTrigger(seconds=every.total_seconds(), timezone="UTC"),
        next_run_time=datetime.now(UTC),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    return scheduler
