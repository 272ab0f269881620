"""Asking until LangSmith answers: under the limiter, again where that may help, and page after page.

Whoever makes the requests says what their errors mean: nothing here knows the SDK.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol, TypeVar

from bot.errors import SourceError, SourceUnavailableError
from bot.ingest.answers import Item, Page
from bot.ingest.limiter import RequestLimiter

TRIES = 6
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0

_Read = TypeVar("_Read")

_log = logging.getLogger(__name__)


class Answer(Protocol):
    """What a request brings."""

    def read(self) -> bytes:
        """Its body."""
        ...


# Our error for what went wrong with a question for something, and how many seconds the server asked us to wait. What is
# not LangSmith's is raised again.
Understand = Callable[[Exception, str], tuple[SourceError, float | None]]


class Asker:
    """Makes requests for one connection. Every method raises SourceError for a question that is given up."""

    def __init__(
        self,
        limiter: RequestLimiter,
        sleep: Callable[[float], None],
        understand: Understand,
        base_url: str,
        tries: int,
    ) -> None:
        """`tries` is how often a question is asked before it is given up, until one is answered."""
        self.repeated = 0  # how many requests had to be made again
        self._counting = threading.Lock()
        self._limiter = limiter
        self._sleep = sleep
        self._understand = understand
        self._base_url = base_url
        self._most_tries = self._tries = tries

    def ask(self, request: Callable[[], Answer], what: str, read: Callable[[bytes, str], _Read]) -> _Read:
        """One answer, as `read` has it, asked for up to `tries` times under the limiter.

        After a question was given up, others are asked once only until one is answered: a server that is down is not
        asked six times for each project.
        """
        wait = FIRST_WAIT_SECONDS
        for attempt in range(1, self._most_tries + 1):
            self._limiter.wait()
            try:
                answer = read(request().read(), self._base_url)
            except Exception as error:  # noqa: BLE001 - told apart below; what is not LangSmith's is raised again
                problem, asked_to_wait = self._understand(error, what)
            else:
                self._tries = self._most_tries
                return answer
            if not problem.transient:
                raise problem
            seconds = wait * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
            if asked_to_wait is not None:
                seconds = max(seconds, asked_to_wait)
                self._limiter.close_for(min(seconds, LONGEST_WAIT_SECONDS))
            if attempt >= self._tries or seconds > LONGEST_WAIT_SECONDS:
                self._tries = 1
                raise problem
            with self._counting:
                self.repeated += 1
            level = logging.WARNING if attempt == 1 else logging.INFO
            _log.log(level, "%s Asking for %s again in %.0f s.", problem, what, seconds)
            if asked_to_wait is None:
                self._sleep(seconds)
            wait *= 2
        raise AssertionError("unreachable: the last attempt returns or raises")

    def ask_once(self, request: Callable[[], Answer], what: str) -> bytes:
        """An answer's body, asked for once under the limiter."""
        self._limiter.wait()
        try:
            return request().read()
        except Exception as error:  # noqa: BLE001 - told apart below; what is not LangSmith's is raised again
            problem, asked_to_wait = self._understand(error, what)
            if asked_to_wait is not None:
                self._limiter.close_for(min(asked_to_wait, LONGEST_WAIT_SECONDS))
            raise problem from None

    def pages(
        self, ask: Callable[..., Answer], what: str, read: Callable[[bytes, str], Page[Item]]
    ) -> Iterator[list[Item]]:
        """All pages of an answer, as `read` has them; ends only where the server says that there is no more."""
        seen: set[str | None] = {None}
        cursor: str | None = None
        while True:
            page = self.ask(ask if cursor is None else partial(ask, cursor=cursor), what, read)
            yield page.items
            cursor = page.cursor
            if cursor is None:
                return
            if cursor in seen:
                raise SourceUnavailableError(f"LangSmith's pages of {what} go in a circle; the next sync asks again.")
            seen.add(cursor)
