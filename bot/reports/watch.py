"""Whether the figures can be trusted to be coming in: silence is told, because a $0 looks like good news."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bot.ledger.booking import instant
from bot.ledger.store import Reading

PATIENCE = timedelta(minutes=15)
# Of that many runs in the same hour last week, some should have been there by now.
BUSY_RUNS = 50
_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)


def patience(sync_every: timedelta) -> timedelta:
    """How long reading may fail before it is an outage: three syncs, if they are that rare."""
    return max(PATIENCE, 3 * sync_every)


class Cause(StrEnum):
    """What is missing."""

    NOT_READ = "not_read"
    NO_RUNS = "no_runs"


class Silence(NamedTuple):
    """An outage. `since` is when LangSmith was last read to the end, or when the last run began; None if never.

    `problem` is the last sync's, where reading is the trouble. `usual_runs` is how many there were in the same hour
    last week, where runs are missing.
    """

    cause: Cause
    since: datetime | None
    problem: str | None = None
    usual_runs: int = 0

    @property
    def key(self) -> str:
        """The same for as long as it lasts, and another for the next one."""
        return f"silence:{self.cause.value}:{self.since.astimezone(UTC).isoformat() if self.since else 'ever'}"


def silence(reading: Reading, now: datetime, patience: timedelta = PATIENCE) -> Silence | None:
    """What is silent at `now`; None if nothing is, and for a ledger that no sync has ended in yet.

    `now` is on the clock of the reporting zone, and so are the instants that come back: the same hour last week is by
    that clock. `patience` is how long reading may fail; more than the time between two syncs.
    """
    last = reading.last_sync()
    if last is None:
        return None
    good, first = reading.last_sync(successful=True), reading.first_sync()
    began = instant(good.finished) if good is not None else instant((first or last).started)
    if now.astimezone(UTC) - began > patience:
        since = began.astimezone(now.tzinfo) if good is not None else None
        return Silence(Cause.NOT_READ, since, problem=last.problem)
    return _no_runs(reading, now)


def _no_runs(reading: Reading, now: datetime) -> Silence | None:
    """No runs in the hour up to which was read, where last week's had many."""
    marks = [project.watermark for project in reading.projects(selected_only=True)]
    known = [mark for mark in marks if mark is not None]
    if not known or len(known) < len(marks):
        return None
    end = min(instant(min(known)), now.astimezone(UTC)).astimezone(now.tzinfo)
    # Dates and hours by the clock on the wall: a week is not always 168 hours.
    before = end - _WEEK
    usual = reading.count_runs(_earlier(before, _HOUR), before)
    if usual <= BUSY_RUNS or reading.count_runs(_earlier(end, _HOUR), end):
        return None
    last = reading.last_run(end)
    return Silence(Cause.NO_RUNS, last.astimezone(now.tzinfo) if last is not None else None, usual_runs=usual)


def _earlier(moment: datetime, length: timedelta) -> datetime:
    """By real time: an hour that the clocks repeat is two."""
    return (moment.astimezone(UTC) - length).astimezone(moment.tzinfo)
