"""SQLite's one pen, within this process: whoever wants to write waits in line."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Pen:
    """Lets one thread write at a time, first come, first served. SQLite itself has those who wait look again now and
    then: one who writes page after page has always just begun another, and a crowd of them finds it so for seconds."""

    def __init__(self) -> None:
        self._line: deque[object] = deque()
        self._moved = threading.Condition()

    @contextmanager
    def held(self, seconds: float) -> Iterator[None]:
        """While it is ours. Raises TimeoutError if it did not become ours within so many seconds."""
        place = object()
        with self._moved:
            self._line.append(place)
        try:
            with self._moved:
                if not self._moved.wait_for(lambda: self._line[0] is place, seconds):
                    raise TimeoutError
            yield
        finally:
            with self._moved:
                self._line.remove(place)
                self._moved.notify_all()
