"""LangSmith's own totals, asked for while somebody waits: one question at a time, and given up when the bot stops."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from datetime import datetime

from bot.domain.cost import Listed
from bot.errors import SourceUnavailableError, StoppedError
from bot.ingest.langsmith import LangSmith
from bot.ledger.booking import microseconds

# LangSmith adds up once in ten seconds for a key, in its strictest region.
BUDGET = 1
# Somebody waits: six tries of a minute and a half each, as a sync has them, would outlast the place for the answer.
TRIES = 3
SECONDS = 60.0

_Totals = dict[str, Listed]


class Totals:
    """What LangSmith itself adds up, by type of run. Called from any thread."""

    def __init__(self, connect: Callable[[], LangSmith]) -> None:
        """`connect` makes the connection for one question: it is closed afterwards."""
        self._connect = connect
        self._guard = threading.Lock()
        self._current: Future[_Totals] | None = None
        self._stopped = False

    def __call__(self, projects: Collection[bytes], start: datetime, end: datetime) -> _Totals:
        """See LangSmith.totals. Raises SourceError; at once while another question is under way, so that a handful of
        impatient people do not have LangSmith refuse everybody."""
        with self._guard:
            if self._stopped:
                raise _stopping()
            if self._current is not None:
                raise SourceUnavailableError("LangSmith is being asked for a total already; that answer comes first.")
            answer = self._current = Future[_Totals]()
        # A request may hang for a minute, and nothing can wake it: it must not keep the process alive.
        asking = (answer, tuple(projects), microseconds(start), microseconds(end))
        threading.Thread(target=self._ask, args=asking, name="totals", daemon=True).start()
        try:
            return answer.result()
        except (CancelledError, StoppedError):
            raise _stopping() from None

    def stop(self) -> None:
        """Let whoever waits go, and ask nothing any more."""
        with self._guard:
            self._stopped = True
            if self._current is not None:
                self._current.cancel()

    def _ask(self, answer: "Future[_Totals]", projects: Collection[bytes], start: int, end: int) -> None:
        try:
            source = self._connect()
            try:
                found = source.totals(projects, start, end)
            finally:
                source.close()
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
            self._finish()
            with suppress(InvalidStateError):
                answer.set_exception(error)
        else:
            self._finish()
            with suppress(InvalidStateError):
                answer.set_result(found)

    def _finish(self) -> None:
        # Before the answer: whoever has it may ask the next question.
        with self._guard:
            self._current = None


def _stopping() -> SourceUnavailableError:
    return SourceUnavailableError("llmcost is being stopped or started anew, and LangSmith had not answered yet.")
