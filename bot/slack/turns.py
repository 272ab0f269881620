"""How much somebody may ask for: one person's script must not keep the others waiting."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST = 30
SECONDS = 60.0
# Counts that somebody asks, and gives 0.0 if they may, else the seconds until then. See Turns.wait_for.
WaitFor = Callable[[str], float]

# People who were heard longer ago are forgotten once so many are remembered.
_REMEMBERED = 10_000


class Turns:
    """Counts what people ask in this process: at most MOST in SECONDS for each person."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._taken: dict[str, deque[float]] = {}

    def wait_for(self, user: str) -> float:
        """0.0 if the person may ask now, which is counted; else the seconds until they may."""
        now = self._monotonic()
        with self._lock:
            if len(self._taken) > _REMEMBERED:
                self._taken = {one: taken for one, taken in self._taken.items() if taken[-1] > now - SECONDS}
            taken = self._taken.setdefault(user, deque())
            while taken and taken[0] <= now - SECONDS:
                taken.popleft()
            if len(taken) >= MOST:
                return taken[0] + SECONDS - now
            taken.append(now)
            return 0.0


class OneAtATime:
    """Keeps each person to one long piece of work at a time in this process, and nobody to another's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    @contextmanager
    def turn_of(self, user: str) -> Iterator[bool]:
        """Whether it is the person's turn: nothing else is under way for them. It ends with the block, however that
        ends."""
        with self._lock:
            is_theirs = user not in self._busy
            self._busy.add(user)
        try:
            yield is_theirs
        finally:
            if is_theirs:
                with self._lock:
                    self._busy.discard(user)
