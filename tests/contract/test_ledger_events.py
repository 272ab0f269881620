"""Events: each is decided once, with its deliveries and with what the sync saw, or not at all."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alert import Memory
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import Event, NewEvent
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger
from tests.ledger_worlds import PATIENT
from tests.ledgers import emptied, new_ledger

pytestmark = pytest.mark.each_database

NOW = datetime(2026, 11, 22, 14, 31, 5, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=4)
FACTS = {"spent": "1.000000001", "name": "\u202e<!channel>", "list": [1, None, {"deep": True}]}


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    ledger = new_ledger()
    yield ledger.outbox
    ledger.close()


def alert(key: str, subject: str = "s", threshold: int = 100) -> NewEvent:
    return NewEvent(key, Kind.ALERT, FACTS, subject, threshold)


def delivery(*keys: str, recipient: str = "U1") -> NewDelivery:
    return NewDelivery(Kind.ALERT, Role.OWNER, recipient, keys, {"text": "x"}, NOW, LATER)


def test_an_event_comes_back_as_it_was_decided(outbox: Outbox) -> None:
    outbox.announce([alert("a")._replace(superseded_by="b")], [], NOW)
    assert outbox.event("a") == Event("a", Kind.ALERT, "s", 100, NOW, FACTS, "b", None, None)
    assert outbox.event("b") is None


def test_an_event_is_decided_once_and_the_second_time_nothing_is_written(outbox: Outbox) -> None:
    first = outbox.announce([alert("a")], [delivery("a")], NOW)
    assert first is not None
    assert outbox.announce([alert("b"), alert("a")], [delivery("a", "b")], LATER, levels={"s": 100}, sync=7) is None
    assert outbox.event("b") is None
    assert [one.id for one in outbox.deliveries_of(["a", "b"])] == first
    assert outbox.memories(["s"], 99)["s"].level == 0


def test_a_level_counts_only_for_a_later_sync(outbox: Outbox) -> None:
    outbox.announce([], [], NOW, levels={"s": 80}, sync=7)
    assert [outbox.memories(["s"], sync)["s"].level for sync in (6, 7, 8)] == [0, 0, 80]


def test_an_older_sync_does_not_overwrite_what_a_newer_one_saw(outbox: Outbox) -> None:
    outbox.announce([], [], NOW, levels={"s": 80}, sync=7)
    outbox.announce([], [], NOW, levels={"s": 500}, sync=6)
    outbox.announce([], [], NOW, levels={"s": 300}, sync=7)
    assert outbox.memories(["s"], 8)["s"].level == 80
    outbox.announce([], [], NOW, levels={"s": 0}, sync=8)
    assert outbox.memories(["s"], 9)["s"].level == 0


def test_what_was_told_is_the_highest_of_its_own_subject(outbox: Outbox) -> None:
    outbox.announce([alert("a", "s", 80), alert("b", "s", 150), alert("c", "other", 500)], [], NOW)
    assert outbox.memories(["s", "other", "new"], 1) == {"s": Memory(0, 150), "other": Memory(0, 500), "new": Memory()}


def test_the_first_who_acknowledges_stays_named(outbox: Outbox) -> None:
    outbox.announce([alert("a"), alert("b")], [], NOW)
    assert outbox.acknowledge(["a"], "U1", NOW)
    assert outbox.acknowledge(["a", "b"], "U2", LATER)  # b had not been seen to
    assert not outbox.acknowledge(["a", "b", "never heard of"], "U3", LATER)
    found = [outbox.event(key) for key in ("a", "b")]
    assert [(one.acknowledged_by, one.acknowledged_at) for one in found if one] == [("U1", NOW), ("U2", LATER)]


def test_recent_events_are_those_of_their_kind_since_then(outbox: Outbox) -> None:
    outbox.announce([alert("b")], [], NOW)
    outbox.announce([alert("a")], [], LATER)
    outbox.announce([NewEvent("n", Kind.NOTICE, {})], [], LATER)
    assert [one.key for one in outbox.recent_events(Kind.ALERT, NOW)] == ["b", "a"]
    assert [one.key for one in outbox.recent_events(Kind.ALERT, NOW + timedelta(microseconds=1))] == ["a"]


@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=3, unique=True), max_size=8))
@PATIENT
def test_whatever_is_announced_in_whatever_groups_nothing_is_told_twice(
    reused: Ledger, groups: list[list[str]]
) -> None:
    outbox = emptied(reused).outbox
    told: list[str] = []
    for group in groups:
        ids = outbox.announce([alert(key, key) for key in group], [delivery(*group)], NOW)
        assert (ids is None) == bool(set(group) & set(told))
        told += group if ids is not None else []
    assert sorted(key for one in outbox.latest(99) for key in one.events) == sorted(told)


def test_marks_are_left_and_replaced(outbox: Outbox) -> None:
    assert outbox.mark("one") is None
    outbox.set_mark("one", "1")
    outbox.set_mark("one", "2")
    outbox.set_mark("two", "3")
    assert (outbox.mark("one"), outbox.mark("two")) == ("2", "3")
