"""The dead-man's switch: the admins hear once when nothing comes in any more, and read there when it is over."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.ledger.booking import instant
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger
from bot.render.silence import over_lines, silence_lines
from bot.reports.watch import silence
from bot.slack.notes.admins import silent

TELL_FOR = timedelta(hours=6)
MARK = "silence"  # under which the ledger remembers the outage that lasts, "" for none

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """Tells `admins`, once for each outage. `up_since` is when this process began: one that was down for a night has
    to try before it complains."""

    ledger: Ledger
    admins: Sequence[str]
    zone: ZoneInfo
    patience: timedelta
    up_since: datetime
    name: ClassVar[str] = "the watch"

    def run(self, now: datetime) -> None:
        """Tell an outage that has begun, or say in what was told that it is over."""
        with self.ledger.reading() as reading:
            found = silence(reading, now.astimezone(self.zone), self.patience)
            last = reading.last_sync()
        has_tried = last is not None and instant(last.finished) >= self.up_since
        if found is not None and not has_tried and now - self.up_since <= self.patience:
            return
        told = self.ledger.outbox.mark(MARK) or ""
        key = found.key if found is not None else ""
        if key == told:
            return
        if told:
            self._say_over(told, now)
        if found is not None:
            lines = silence_lines(found)
            _log.error("%s", " ".join(lines))
            message = silent(lines).as_json()
            deliveries = [
                NewDelivery(Kind.NOTICE, Role.ADMIN, admin, (key,), message, now, now + TELL_FOR)
                for admin in self.admins
            ]
            self.ledger.outbox.announce([NewEvent(key, Kind.NOTICE, {"lines": list(lines)})], deliveries, now)
        self.ledger.outbox.set_mark(MARK, key)

    def _say_over(self, key: str, now: datetime) -> None:
        """Every copy says so, those that are not sent yet too."""
        outbox = self.ledger.outbox
        event = outbox.event(key)
        if event is not None:
            lines = over_lines(event.facts["lines"], now.astimezone(self.zone))
            _log.info("%s", lines[0])
            message = silent(lines).as_json()
            outbox.change({delivery.id: message for delivery in outbox.deliveries_of([key])})
