"""The nightly look: are the figures still what the runs add up to?"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.domain.period import instant_at, local_day
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger
from bot.render.numbers import plural
from bot.slack.notes.admins import books_wrong

# Few people ask anything then, and the day before has been read again.
AT = time(3, 30)
# The books of about so many runs are checked in a few seconds.
MOST_RUNS = 50_000
MARK = "nightly look"  # under which the ledger remembers the last date that it was done for

_TELL_FOR = timedelta(days=2)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Nightly:
    """Checks the rollups of the latest days against their runs, once a local date, and tells `admins` what is wrong."""

    ledger: Ledger
    admins: Sequence[str]
    zone: ZoneInfo
    name: ClassVar[str] = "the nightly look"

    def run(self, now: datetime) -> None:
        """Look, if this date's look has not been done and its time has come. Raises LedgerError."""
        today = local_day(now, self.zone)
        outbox = self.ledger.outbox
        if now < instant_at(today, AT, self.zone) or outbox.mark(MARK) == today.isoformat():
            return
        with self.ledger.reading() as reading:
            since = reading.latest_days(MOST_RUNS)
        wrong = self.ledger.wrong_rollups(since)
        if wrong:
            _log.error("the books are wrong in %s, the first: %s", plural(len(wrong), "place"), wrong[0])
            key = f"books:{today.isoformat()}"
            message = books_wrong(len(wrong)).as_json()
            deliveries = [
                NewDelivery(Kind.NOTICE, Role.ADMIN, admin, (key,), message, now, now + _TELL_FOR)
                for admin in self.admins
            ]
            outbox.announce([NewEvent(key, Kind.NOTICE, {"places": len(wrong)})], deliveries, now)
        outbox.set_mark(MARK, today.isoformat())
