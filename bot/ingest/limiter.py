"""The request limiter: never more than so many requests in any ten seconds, retries included."""

import threading
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 10.0


class RequestLimiter:
    """Lets at most `budget` requests begin within any WINDOW_SECONDS, from all threads together.

    `clock` gives monotonic seconds; `sleep` waits, and may raise to end the waiting. What begins here begins `within`
    the wider limiter too, if there is one, and is waited for by this one's `sleep`.
    """

    def __init__(
        self,
        budget: int,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        *,
        within: "RequestLimiter | None" = None,
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._sleep = sleep
        self.within = within
        self._lock = threading.Lock()
        self._begun: deque[float] = deque()
        self._closed_until = float("-inf")
        self.begun = 0  # requests so far
        self.refused = 0  # those that the server has answered with "too many"

    def wait(self) -> None:
        """Return when a request may begin; it is counted as begun."""
        limiter: RequestLimiter | None = self
        while limiter is not None:
            while (seconds := limiter.try_begin()) > 0:
                self._sleep(seconds)
            limiter = limiter.within

    def close_for(self, seconds: float) -> None:
        """Let nobody begin for so long: the server said so."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def note_refusal(self) -> None:
        """The server has answered a request with "too many", here and in all that this is within."""
        limiter: RequestLimiter | None = self
        while limiter is not None:
            limiter.refused += 1
            limiter = limiter.within

    def try_begin(self) -> float:
        """0 if a request was counted as begun, else how many seconds to wait before the next try."""
        with self._lock:
            now = self._clock()
            if now < self._closed_until:
                return self._closed_until - now
            # Added up as below: of floats, what is over by one sum must not be nearly over by another.
            while self._begun and self._begun[0] + WINDOW_SECONDS <= now:
                self._begun.popleft()
            if len(self._begun) < self._budget:
                self._begun.append(now)
                self.begun += 1
                return 0.0
            return self._begun[0] + WINDOW_SECONDS - now
