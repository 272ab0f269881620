"""Who waits for an answer just now: what nobody waits for makes way."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Waiting:
    """Counts people from their acknowledgement to their answer."""

    def __init__(self) -> None:
        self._number = 0
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Somebody waits."""
        with self._changed:
            self._number += 1

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While one of them is being answered: they wait no longer, whatever came of it."""
        try:
            yield
        finally:
            with self._changed:
                self._number -= 1
                self._changed.notify_all()

    def let_them_go_first(self, seconds: float) -> bool:
        """Wait until nobody waits any more, by so many seconds at most; whether it is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._number, seconds)
