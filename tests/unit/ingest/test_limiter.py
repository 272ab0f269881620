import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.ingest.limiter import WINDOW_SECONDS, RequestLimiter

# Sixty-fourths of a second are exact as floats.
gaps = st.lists(st.integers(0, 64 * 12).map(lambda ticks: ticks / 64), min_size=2, max_size=80)


class Clock:
    """Seconds that pass only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def begun(budget: int, gaps: list[float], closings: dict[int, float] | None = None) -> list[tuple[float, float]]:
    """When each request was wanted and when it began, if the next is wanted `gap` seconds after the one before began;
    before the n-th the limiter is closed for `closings[n]`."""
    clock = Clock()
    limiter = RequestLimiter(budget, clock, clock.sleep)
    found = []
    for number, gap in enumerate(gaps):
        clock.now += gap
        if closings and number in closings:
            limiter.close_for(closings[number])
        wanted = clock.now
        limiter.wait()
        found.append((wanted, clock.now))
    return found


@given(st.integers(1, 12), gaps)
@example(2, [0.0, 9.0, 0.0, 0.0, 0.0])
def test_no_ten_seconds_hold_more_than_the_budget(budget: int, gaps: list[float]) -> None:
    starts = [start for _, start in begun(budget, gaps)]
    for start in starts:
        assert sum(start <= other < start + WINDOW_SECONDS for other in starts) <= budget


def test_a_request_that_may_begin_now_is_counted_whatever_floats_make_of_the_time() -> None:
    """10.26 - 10 is less than 0.26, and 0.26 + 10 is 10.26: nothing to wait for, and yet not over."""
    clock = Clock()
    clock.now = 0.26
    limiter = RequestLimiter(1, clock, clock.sleep)
    limiter.wait()
    clock.now = 10.26
    assert limiter.try_begin() == 0
    assert limiter.begun == 2
    assert limiter.try_begin() > 9


@given(st.integers(1, 12), gaps)
@example(2, [0.0, 1.0, 0.0])
def test_a_request_waits_no_longer_than_the_budget_makes_it(budget: int, gaps: list[float]) -> None:
    """It begins when it is wanted, or ten seconds after the one that is the budget before it: the full rate."""
    requests = begun(budget, gaps)
    for number, (wanted, start) in enumerate(requests):
        earliest = requests[number - budget][1] + WINDOW_SECONDS if number >= budget else wanted
        assert start == max(wanted, earliest)


@given(st.integers(1, 5), gaps, st.dictionaries(st.integers(0, 20), st.integers(1, 100), max_size=4))
def test_nobody_begins_while_it_is_closed(budget: int, gaps: list[float], closings: dict[int, float]) -> None:
    requests = begun(budget, gaps, closings)
    for number, seconds in closings.items():
        if number < len(requests):
            closed_at = requests[number][0]
            assert all(start >= closed_at + seconds for _, start in requests[number:])


def test_a_shorter_closing_does_not_end_a_longer_one() -> None:
    clock = Clock()
    limiter = RequestLimiter(10, clock, clock.sleep)
    limiter.close_for(60)
    limiter.close_for(1)
    limiter.wait()
    assert clock.now == 1_060


def test_what_begins_in_a_narrow_limiter_counts_in_the_wide_one_too() -> None:
    clock = Clock()
    wide = RequestLimiter(3, clock, clock.sleep)
    narrow = RequestLimiter(1, clock, clock.sleep, within=wide)
    for limiter in (narrow, wide, wide):
        limiter.wait()
    assert clock.now == 1_000
    wide.wait()
    assert clock.now == 1_000 + WINDOW_SECONDS
    narrow.wait()
    narrow.wait()
    assert clock.now == 1_000 + 2 * WINDOW_SECONDS


def test_who_waits_in_a_narrow_limiter_does_so_by_its_own_sleep() -> None:
    clock = Clock()

    def never(seconds: float) -> None:
        raise AssertionError(seconds)

    wide = RequestLimiter(1, clock, never)
    wide.wait()
    RequestLimiter(1, clock, clock.sleep, within=wide).wait()
    assert clock.now == 1_000 + WINDOW_SECONDS


def test_a_narrow_limiter_that_is_closed_leaves_the_wide_one_open() -> None:
    clock = Clock()
    wide = RequestLimiter(10, clock, clock.sleep)
    RequestLimiter(1, clock, clock.sleep, within=wide).close_for(60)
    wide.wait()
    assert clock.now == 1_000


def test_waiting_can_be_ended_by_an_exception_and_counts_no_request() -> None:
    class StoppedError(Exception):
        pass

    def stop(_: float) -> None:
        raise StoppedError

    clock = Clock()
    limiter = RequestLimiter(1, clock, stop)
    limiter.wait()
    with pytest.raises(StoppedError):
        limiter.wait()
    clock.now += WINDOW_SECONDS
    limiter.wait()


def test_all_threads_share_the_budget_and_none_decides_while_another_does() -> None:
    """Forty threads at once, and a clock that lets the others run whenever it is read."""

    class FullError(Exception):
        pass

    reading: list[int] = []
    at_once: list[int] = []

    def yielding() -> float:
        reading.append(threading.get_ident())
        for _ in range(20):
            os.sched_yield()
        at_once.append(len(reading))
        reading.remove(threading.get_ident())
        return 1_000.0

    def give_up(_: float) -> None:
        raise FullError

    limiter = RequestLimiter(15, yielding, give_up)
    let_in: list[int] = []
    together = threading.Barrier(40)

    def ask(number: int) -> None:
        together.wait()
        with suppress(FullError):
            limiter.wait()
            let_in.append(number)

    run_threads([partial(ask, number) for number in range(40)])
    assert len(let_in) == 15
    assert set(at_once) == {1}


def run_threads(targets: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
