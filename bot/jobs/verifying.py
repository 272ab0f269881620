"""The nightly verification: LangSmith's own total of the last days beside ours. It may take minutes and waits in a
thread of its own, so that it holds up no other job."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.domain.period import instant_at, local_day
from bot.errors import LlmcostError, SourceError
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger
from bot.render.verified import verified_sentences
from bot.reports.digest_reporter import checked_key
from bot.reports.verified import Verdict, Verification
from bot.slack.notes.admins import far_apart

# Before the morning's digest, and after the days before have been read again.
AT = time(4, 0)
DAYS = 7
MARK = "nightly verification"  # under which the ledger remembers the last date that it was done for

AGAIN_AFTER = timedelta(hours=1)
TRIES = 3

_TELL_FOR = timedelta(days=1)
_ONE_DAY = timedelta(days=1)

_log = logging.getLogger(__name__)


@dataclass
class Verifying:
    """Asks once a local date. What is more than 5 % apart is kept for the digest of that morning; what is more than
    20 % apart is told `admins`. `verify` answers the words of `verify`, and may take minutes."""

    ledger: Ledger
    verify: Callable[[str, datetime], object]
    admins: Sequence[str]
    zone: ZoneInfo
    name: ClassVar[str] = "the nightly verification"
    _asking: "_Asking | None" = field(default=None, init=False)
    _tries: int = field(default=0, init=False)
    _not_before: datetime | None = field(default=None, init=False)

    def run(self, now: datetime) -> None:
        """Take up an answer that has come, or ask if this date's turn has come. Raises LedgerError."""
        asking = self._asking
        if asking is not None:
            if not asking.is_over():
                return
            self._asking = None
            self._take_up(asking, now)
            return
        today = local_day(now, self.zone)
        is_early = now < instant_at(today, AT, self.zone) or (self._not_before is not None and now < self._not_before)
        done_on = self.ledger.outbox.mark(MARK)
        if is_early or done_on == today.isoformat():
            return
        if done_on is None:
            # Whoever has just installed it verifies by hand, and must not be told that somebody else is asking.
            self.ledger.outbox.set_mark(MARK, today.isoformat())
            return
        words = f"verify {today - DAYS * _ONE_DAY}..{today - _ONE_DAY}"
        self._asking = _Asking(today, lambda: self.verify(words, now))

    def wait(self, seconds: float) -> None:
        """Until the answer that is awaited has come, or so long."""
        if self._asking is not None:
            self._asking.wait(seconds)

    def _take_up(self, asking: "_Asking", now: datetime) -> None:
        answer = asking.answer
        if isinstance(answer, SourceError) and self._tries + 1 < TRIES:
            self._tries += 1
            self._not_before = now + AGAIN_AFTER
            _log.info("LangSmith could not be asked for its own total, it will be asked again: %s", answer)
            return
        self._tries, self._not_before = 0, None
        if isinstance(answer, Verification):
            self._tell(answer, asking.date, now)
        else:
            _log.warning("the last days could not be verified: %s", answer)
        self.ledger.outbox.set_mark(MARK, asking.date.isoformat())

    def _tell(self, answer: Verification, morning: date, now: datetime) -> None:
        if answer.verdict is Verdict.FINE:
            return
        lines = verified_sentences(answer)[:2]
        _log.warning("%s", " ".join(lines))
        key = checked_key(morning)
        deliveries = []
        if answer.verdict is Verdict.FAR:
            message = far_apart(lines).as_json()
            deliveries = [
                NewDelivery(Kind.NOTICE, Role.ADMIN, admin, (key,), message, now, now + _TELL_FOR)
                for admin in self.admins
            ]
        self.ledger.outbox.announce([NewEvent(key, Kind.NOTICE, {"lines": lines})], deliveries, now)


class _Asking:
    """A question on its way, in a thread that does not keep the process alive."""

    def __init__(self, date: date, ask: Callable[[], object]) -> None:
        self.date = date
        self.answer: object = None
        self._ask = ask
        self._thread = threading.Thread(target=self._run, name="verifying", daemon=True)
        self._thread.start()

    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self.answer = self._ask()
        except LlmcostError as error:
            self.answer = error
        except Exception as error:  # noqa: BLE001 - a bug here must not ask for ever: it is logged, and the day is over
            _log.exception("the nightly verification failed")
            self.answer = error
