"""Who writes next in one process."""

import threading

import pytest

from bot.ledger.pen import Pen

PATIENT = 60.0


def wait_in_line(pen: Pen, name: str, wrote: list[str]) -> threading.Thread:
    """A thread that writes its name once it has the pen; it stands in line when this returns."""

    def write() -> None:
        with pen.held(PATIENT):
            wrote.append(name)

    before = len(pen._line)
    thread = threading.Thread(target=write)
    thread.start()
    while len(pen._line) == before:
        thread.join(0.001)
    return thread


def test_who_came_first_writes_first_and_who_writes_again_stands_at_the_end() -> None:
    pen, wrote = Pen(), list[str]()
    with pen.held(PATIENT):
        waiting = [wait_in_line(pen, name, wrote) for name in "abcde"]
    with pen.held(PATIENT):
        wrote.append("again")
    for thread in waiting:
        thread.join(PATIENT)
    assert wrote == [*"abcde", "again"]


def test_who_waits_in_vain_leaves_the_line_and_holds_nobody_up() -> None:
    pen, wrote = Pen(), list[str]()
    with pen.held(PATIENT):
        with pytest.raises(TimeoutError), pen.held(0.0):
            wrote.append("impatient")
        waiting = wait_in_line(pen, "patient", wrote)
    waiting.join(PATIENT)
    assert wrote == ["patient"]


def test_who_fails_gives_the_pen_back() -> None:
    pen = Pen()
    with pytest.raises(ZeroDivisionError), pen.held(0.0):
        raise ZeroDivisionError
    with pen.held(0.0):
        pass
