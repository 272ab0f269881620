"""Thirty commands a minute and person, and one long piece of work at a time."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.turns import MOST, SECONDS, OneAtATime, Turns

STEPS = st.lists(st.tuples(st.floats(0, 20), st.sampled_from(["U1", "U2"])), max_size=200)


@given(STEPS)
def test_nobody_gets_more_and_who_waits_as_told_gets_one(steps: list[tuple[float, str]]) -> None:
    now = 0.0
    turns = Turns(lambda: now)
    heard: dict[str, list[float]] = {"U1": [], "U2": []}
    for pause, user in steps:
        now += pause / 10
        wait = turns.wait_for(user)
        recent = [at for at in heard[user] if at > now - SECONDS]
        assert (wait == 0.0) == (len(recent) < MOST)
        if wait:
            assert 0 < wait <= SECONDS
            now += wait + 1e-6
            assert turns.wait_for(user) == 0.0
        heard[user].append(now)


def test_it_does_not_remember_everybody_for_ever() -> None:
    now = 0.0
    turns = Turns(lambda: now)
    for number in range(25_000):
        now += 0.1
        turns.wait_for(f"U{number}")
    assert len(turns._taken) <= 11_000


def test_one_at_a_time_for_each_person_and_again_after_whatever_ended_it() -> None:
    turns = OneAtATime()
    with turns.turn_of("U1") as first, turns.turn_of("U2") as other, turns.turn_of("U1") as second:
        assert (first, other, second) == (True, True, False)
        with turns.turn_of("U1") as third:
            assert not third
    with pytest.raises(KeyError), turns.turn_of("U1"):
        raise KeyError
    with turns.turn_of("U1") as after:
        assert after
    assert not turns._busy


def test_of_many_presses_at_once_one_has_the_turn() -> None:
    turns, barrier, found = OneAtATime(), threading.Barrier(8), list[bool]()

    def press() -> None:
        barrier.wait()
        with turns.turn_of("U1") as is_theirs:
            found.append(is_theirs)
            barrier.wait()

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False] * 7 + [True]
