"""Whatever nobody waits for makes way for whoever waits."""

import threading

import pytest

from bot.slack.waiting import Waiting

PATIENT = 60.0


def test_where_nobody_waits_nothing_makes_way() -> None:
    assert Waiting().let_them_go_first(0.0)


def test_the_last_who_is_answered_lets_it_go_on() -> None:
    waiting, said = Waiting(), list[str]()
    for _ in range(2):
        waiting.begin()

    def answer() -> None:
        for name in ("one", "two"):
            with waiting.answering():
                said.append(name)

    thread = threading.Thread(target=answer)
    thread.start()
    assert waiting.let_them_go_first(PATIENT)
    assert said == ["one", "two"]
    thread.join()


def test_it_goes_on_at_last_however_many_wait() -> None:
    waiting = Waiting()
    waiting.begin()
    assert not waiting.let_them_go_first(0.0)


def test_an_answer_that_fails_keeps_nothing_waiting() -> None:
    waiting = Waiting()
    waiting.begin()
    with pytest.raises(ZeroDivisionError), waiting.answering():
        raise ZeroDivisionError
    assert waiting.let_them_go_first(0.0)
