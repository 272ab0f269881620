"""SQLite's one pen, within this process: whoever wants to write waits in line."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class _Place:
    """A thread's place in the line."""

    def __init__(self, thread: int) -> None:
        self.thread = thread


class Pen:
    """Lets one thread write at a time, first come, first served. SQLite itself has those who wait look again now and
    then: one who writes page after page has always just begun another, and a crowd of them finds it so for seconds."""

    def __init__(self) -> None:
        self._line: deque[_Place] = deque()
        self._moved = threading.Condition()

    @contextmanager
    def held(self, seconds: float) -> Iterator[None]:
        """While it is ours. Raises TimeoutError if it did not become ours within so many seconds."""
        place = _Place(threading.get_ident())
        try:
            with self._moved:
                # A thread writes one thing at a time: what is there of ours was left by Ctrl-C between two steps.
                if any(one.thread == place.thread for one in self._line):
                    self._line = deque(one for one in self._line if one.thread != place.thread)
                    self._moved.notify_all()
                self._line.append(place)
                if not self._moved.wait_for(lambda: self._line[0] is place, seconds):
                    raise TimeoutError
            yield
        finally:
            with self._moved:
                if place in self._line:
                    self._line.remove(place)
                self._moved.notify_all()
