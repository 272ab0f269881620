"""Slices are read several at a time, under one limiter; each is over only once all before it are."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from bot.ingest.ahead import IN_FLIGHT, read_ahead
from bot.ingest.limiter import WINDOW_SECONDS, RequestLimiter

SECONDS = 20  # nothing takes so long; what does is stuck


class Source:
    """Slices of three pages each. Some may be held up, and one be broken after its first page."""

    def __init__(self, broken: int | None = None, held: int | None = None) -> None:
        self.broken, self.held = broken, held
        self.asked: list[str] = []
        self.go_on = threading.Event()
        self.changed = threading.Condition()

    def read(self, one: int) -> Iterator[str]:
        for page in range(3):
            with self.changed:
                self.asked.append(f"{one}.{page}")
                self.changed.notify_all()
            if one == self.held:
                assert self.go_on.wait(SECONDS)
            if one == self.broken and page == 1:
                raise LookupError(f"slice {one}")
            yield f"{one}.{page}"

    def wait_for(self, asked: Callable[[list[str]], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: asked(self.asked), SECONDS)


def take(source: Source, count: int, in_flight: int = IN_FLIGHT) -> Iterator[tuple[int, str | None]]:
    with closing(read_ahead(iter(range(count)), source.read, in_flight)) as ahead:
        yield from ahead


def pages_of(found: list[tuple[int, str | None]], one: int) -> list[str]:
    return [page for of, page in found if of == one and page is not None]


@pytest.mark.parametrize("in_flight", [1, 2, 4])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 30])
def test_every_page_comes_once_and_in_the_order_of_its_slice_and_slices_are_over_in_theirs(
    count: int, in_flight: int
) -> None:
    found = list(take(Source(), count, in_flight))
    assert [of for of, page in found if page is None] == list(range(count))
    for one in range(count):
        assert pages_of(found, one) == [f"{one}.{page}" for page in range(3)]
        assert all(place < found.index((one, None)) for place, (of, page) in enumerate(found) if of == one and page)


def test_each_slice_is_cut_when_the_one_so_many_before_it_is_over() -> None:
    """So that how long slices become does not hang on which answer comes first."""
    over: list[int] = []
    cut: list[int] = []

    def slices() -> Iterator[int]:
        for one in range(30):
            cut.append(len(over))
            yield one

    with closing(read_ahead(slices(), Source().read, 3)) as ahead:
        for one, page in ahead:
            if page is None:
                over.append(one)
    assert cut == [0, 1, 1, 1, *range(2, 28)]


def test_the_first_slice_is_read_alone_and_the_next_at_once() -> None:
    source = Source()
    taking = take(source, 9, in_flight=3)
    found = [next(taking) for _ in range(4)]
    assert found[-1] == (0, None)
    assert source.asked == ["0.0", "0.1", "0.2"]
    next(taking)
    source.wait_for(lambda asked: {"1.0", "2.0", "3.0"} <= set(asked))


def test_the_next_page_is_asked_for_when_the_last_one_is_booked() -> None:
    """So that no more pages are held than slices are read, and none that is lost before another was asked for."""
    source = Source()
    booked: list[str] = []
    for _, page in take(source, 12):
        if page is not None:
            one, number = page.split(".")
            assert f"{one}.{int(number) + 1}" not in source.asked
            assert len(set(source.asked) - {*booked}) <= IN_FLIGHT
            booked.append(page)


def test_a_slow_slice_holds_up_that_others_are_over_and_not_that_they_are_read() -> None:
    source = Source(held=1)
    taking = take(source, 99)
    found: list[tuple[int, str | None]] = []
    while sum(page is not None for _, page in found) < 3 * IN_FLIGHT:
        found.append(next(taking))
    assert [of for of, page in found if page is None] == [0]
    source.go_on.set()
    found += list(taking)
    assert [of for of, page in found if page is None] == list(range(99))


@pytest.mark.parametrize("broken", [0, 1, 3, 8])
def test_what_goes_wrong_is_raised_once_all_before_it_is_over_and_nothing_after_it_is(broken: int) -> None:
    found: list[tuple[int, str | None]] = []
    with pytest.raises(LookupError, match=f"slice {broken}"):
        take_into(found, Source(broken), 9)
    assert [of for of, page in found if page is None] == list(range(broken))
    assert pages_of(found, broken) == [f"{broken}.0"]


def take_into(found: list[tuple[int, str | None]], source: Source, count: int) -> None:
    found.extend(take(source, count))


def test_who_stops_taking_stops_the_reading() -> None:
    source = Source(held=2)
    taking = take(source, 99)
    for _, page in taking:
        if page == "1.0":
            break
    source.wait_for(lambda asked: "2.0" in asked)
    source.go_on.set()
    taking.close()  # type: ignore[attr-defined] # it is a generator
    assert [thread.name for thread in threading.enumerate() if thread.name == "read-ahead"] == []
    assert len([page for page in source.asked if page.startswith("1.")]) == 1


class Simulated:
    """Time that passes only when nobody can do anything without it: everybody who reads waits for an answer, for the
    limiter or for a page to be booked, and so does who books."""

    def __init__(self, slices: int, pages: int, in_flight: int) -> None:
        self.now = 0.0
        self.begun: list[float] = []
        self._pages, self._in_flight = pages, in_flight
        self._left = slices
        self._read_so_far = 0
        self.over = 0  # slices; also the number of the earliest that is not
        self._changed = threading.Condition()
        self._wakes: dict[object, float] = {}
        self._doing: dict[object, str] = {}  # by slice; and of who books, under None
        self.limiter = RequestLimiter(300, lambda: self.now, self.sleep)

    def slices(self) -> Iterator[int]:
        for one in range(self._left):
            self._left -= 1
            yield one

    def sleep(self, seconds: float) -> None:
        me = threading.current_thread()
        with self._changed:
            self._wakes[me] = self.now + seconds
            self._look()
            assert self._changed.wait_for(lambda: self.now >= self._wakes[me], SECONDS)
            del self._wakes[me]

    def read(self, one: int) -> Iterator[int]:
        self._read_so_far += 1
        self._say(one, "reads")
        return self._read(one)

    def _read(self, one: int) -> Iterator[int]:
        for page in range(self._pages):
            self.limiter.wait()
            self.begun.append(self.now)
            self.sleep(0.1)
            self._say(one, "hands over")
            yield page
        self._say(one, None)

    def book(self, one: int) -> None:
        """A page of that slice, which is read on then."""
        self._say(None, "books")
        self.sleep(0.03)
        self._say(one, "reads")
        self._say(None, None)

    def cover(self) -> None:
        """The earliest slice."""
        with self._changed:
            self.over += 1
            self._look()

    def _say(self, who: object, what: str | None) -> None:
        with self._changed:
            if what is None:
                self._doing.pop(who, None)
            else:
                self._doing[who] = what
            self._look()

    def _look(self) -> None:
        """Let time pass to the next thing that is waited for, if it is all that is waited for."""
        if not self._wakes or min(self._wakes.values()) <= self.now:
            return  # somebody is about to go on
        reading = [what for who, what in self._doing.items() if who is not None]
        if None in self._doing:
            is_still = len(self._wakes) - 1 == reading.count("reads")
        else:
            # The earliest slice makes room for another once it is over, if there is one; the first is read alone.
            are_all = self._read_so_far - self.over == self._in_flight or not self._left or 0 in self._doing
            is_still = len(self._wakes) == len(reading) and are_all and self.over in self._doing
        if is_still:
            self.now = min(self._wakes.values())
            self._changed.notify_all()


@pytest.mark.parametrize(("in_flight", "seconds"), [(IN_FLIGHT, 30), (1, 117)])
def test_with_a_tenth_of_a_second_to_each_page_the_limiters_rate_is_reached_and_never_passed(
    in_flight: int, seconds: int
) -> None:
    """LangSmith's own limit, 300 in ten seconds; while 30 ms are taken to book each page. One by one it is less."""
    pages = 1_200
    time = Simulated(slices=pages // 4, pages=4, in_flight=in_flight)
    with closing(read_ahead(time.slices(), time.read, in_flight)) as ahead:
        for one, page in ahead:
            if page is not None:
                time.book(one)
            else:
                time.cover()
    begun = sorted(time.begun)
    assert len(begun) == pages
    assert all(later - earlier >= WINDOW_SECONDS - 1e-6 for earlier, later in zip(begun, begun[300:], strict=False))
    assert begun[900] == pytest.approx(seconds, abs=0.5)
