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

    def try_at_once() -> None:
        with pytest.raises(TimeoutError), pen.held(0.0):
            wrote.append("impatient")
        wrote.append("in vain")

    with pen.held(PATIENT):
        impatient = threading.Thread(target=try_at_once)
        impatient.start()
        impatient.join(PATIENT)
        waiting = wait_in_line(pen, "patient", wrote)
    waiting.join(PATIENT)
    assert wrote == ["in vain", "patient"]


def test_what_ctrl_c_left_in_the_line_holds_its_thread_up_no_longer_and_nobody_else() -> None:
    """Between taking the pen and beginning to write with it: nothing gives it back while the traceback is there."""
    pen, wrote = Pen(), list[str]()
    left = pen.held(PATIENT)
    left.__enter__()
    waiting = wait_in_line(pen, "another", wrote)
    with pen.held(PATIENT):
        wrote.append("who was stopped")
    waiting.join(PATIENT)
    assert wrote == ["another", "who was stopped"]
    left.__exit__(None, None, None)
    with pen.held(0.0):
        pass


def test_who_fails_gives_the_pen_back() -> None:
    pen = Pen()
    with pytest.raises(ZeroDivisionError), pen.held(0.0):
        raise ZeroDivisionError
    with pen.held(0.0):
        pass
