"""What the clock does: one short tick; what is due is computed from the time and the ledger, never from the clock's own
memory, which is gone after a restart."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.errors import LedgerBusyError, LlmcostError
from bot.ingest.sync import Progress, Sync

if TYPE_CHECKING:
    from apscheduler.events import JobExecutionEvent
    from apscheduler.schedulers.background import BackgroundScheduler

_log = logging.getLogger(__name__)


class Clock:
    """Runs the sync at once and then every `every`, one at a time, until it is stopped."""

    def __init__(self, sync: Sync, every: timedelta, check_stopped: Callable[[], None]) -> None:
        """`check_stopped` raises LlmcostError once the bot is being stopped, so that a long sync ends at a page."""
        self._sync = sync
        self._check_stopped = check_stopped
        self._scheduler = _scheduler(self._sync_once, every)

    def start(self) -> None:
        """Start ticking, in a thread of its own."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; returns when what is running has ended."""
        self._scheduler.shutdown(wait=True)

    def _sync_once(self) -> None:
        def progress(_: Progress) -> None:
            self._check_stopped()

        try:
            self._check_stopped()
            summary = self._sync.run(progress=progress)
        except LedgerBusyError as error:
            _log.info("%s", error)
        except LlmcostError as error:
            _log.warning("the sync did not go through: %s", error)
        else:
            booked = summary.booked
            _log.info(
                "synced %d projects: %d runs read, %d new, %d changed",
                summary.projects,
                booked.read,
                booked.new,
                booked.changed,
            )


def _scheduler(job: Callable[[], None], every: timedelta) -> "BackgroundScheduler":
    from apscheduler.events import EVENT_JOB_ERROR
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.combining import OrTrigger
    from apscheduler.triggers.date import DateTrigger
    from apscheduler.triggers.interval import IntervalTrigger

    def tell(event: "JobExecutionEvent") -> None:
        _log.error("a job failed: %s", event.exception, exc_info=event.exception)

    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_listener(tell, EVENT_JOB_ERROR)
    # Its default grace is one second: on a busy machine a tick would be dropped. A late one is as good as one in time.
    scheduler.add_job(
        job,
        OrTrigger([DateTrigger(timezone="UTC"), IntervalTrigger(seconds=int(every.total_seconds()), timezone="UTC")]),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )
    return scheduler
