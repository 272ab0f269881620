"""Several slices at a time: while the pages of one are waited for, those of others are booked.

Only the one who iterates works with what was read: the ledger has one writer. Each slice's next page is asked for when
the last one has been booked, so that no more pages are held than slices are read, and whatever ends a sync loses no
page that was read before another was asked for.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

# Slices that are read at a time: at 100 ms a page these bring 50 pages a second, more than LangSmith says that it
# answers, and more than a core can book.
IN_FLIGHT = 5
# How long is waited for requests that nobody wants any more.
PATIENCE_SECONDS = 3.0

Slice = TypeVar("Slice")
Page = TypeVar("Page")


def read_ahead(
    slices: Iterator[Slice], read: Callable[[Slice], Iterator[Page]], in_flight: int = IN_FLIGHT
) -> Generator[tuple[Slice, Page | None], None, None]:
    """Each page with its slice, as it comes; and each slice with None once it and all before it are over, so that these
    come in the order of `slices`. What is raised where a slice is read is raised once all before it are over.

    The first slice is read alone: most syncs have one, and where nobody answers it is enough to have asked once. To be
    closed, so that nothing more is asked for.
    """
    for first in slices:
        for page in read(first):
            yield first, page
        yield first, None
        break
    yield from _several(slices, read, in_flight)


def _several(
    slices: Iterator[Slice], read: Callable[[Slice], Iterator[Page]], in_flight: int
) -> Generator[tuple[Slice, Page | None], None, None]:
    arrived: SimpleQueue[_Reading[Slice, Page]] = SimpleQueue()
    begun: deque[_Reading[Slice, Page]] = deque()
    given_up: list[_Reading[Slice, Page]] = []
    has_more = True
    try:
        while True:
            # One for one: whoever cuts slices by what earlier ones held, cuts the same whatever comes first.
            while has_more and len(begun) < in_flight:
                one = next(slices, None)
                has_more = one is not None
                if one is not None:
                    begun.append(_Reading(one, read(one), arrived))
            if not begun:
                return
            if begun[0].is_over:
                over = begun.popleft()
                if over.problem is not None:
                    raise over.problem
                yield over.of, None
                continue
            reading = arrived.get()
            if reading not in begun:
                continue  # it was given up
            if reading.page is not None:
                yield reading.of, reading.page
                reading.go_on()
                continue
            reading.is_over = True
            if reading.problem is not None:
                # What comes after it could not be covered.
                has_more = False
                while begun[-1] is not reading:
                    given_up.append(begun.pop())
                    given_up[-1].give_up()
    finally:
        _give_up([*begun, *given_up])


def _give_up(readings: "Iterable[_Reading[Slice, Page]]") -> None:
    """Ask for no more pages: the requests under way are the last, and are waited for."""
    left = list(readings)
    for reading in left:
        reading.give_up()
    until = time.monotonic() + PATIENCE_SECONDS
    for reading in left:
        reading.thread.join(max(0.0, until - time.monotonic()))


class _Reading(Generic[Slice, Page]):
    """A slice that is read in a thread. It stands in `arrived` with its `page`, and once more when it `is_over`."""

    def __init__(self, of: Slice, pages: Iterator[Page], arrived: "SimpleQueue[_Reading[Slice, Page]]") -> None:
        self.of = of
        self.page: Page | None = None
        self.problem: BaseException | None = None
        self.is_over = False  # as the one who takes the pages knows it
        self._pages = pages
        self._arrived = arrived
        self._next = threading.Semaphore(0)
        self._given_up = False
        self.thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self.thread.start()

    def go_on(self) -> None:
        """The page is booked."""
        self._next.release()

    def give_up(self) -> None:
        """The request under way is the last."""
        self._given_up = True
        self._next.release()

    def _run(self) -> None:
        try:
            for page in self._pages:
                self.page = page
                self._arrived.put(self)
                self._next.acquire()
                if self._given_up:
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised where the pages are taken
            self.problem = error
        self.page = None
        self._arrived.put(self)
