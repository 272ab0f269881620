"""Deliveries as the ledger keeps them: decided once, one sender at a time, and a try of unknown outcome stays known."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.ledger.claims import CLAIM, Claimed
from bot.ledger.deliveries import Kind, NewDelivery, Role, State
from bot.ledger.events import NewEvent
from bot.ledger.outbox import Outbox
from bot.ledger.store import open_ledger
from tests.databases import new_url
from tests.ledgers import new_ledger

pytestmark = pytest.mark.each_database

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    with closing(new_ledger()) as ledger:
        yield ledger.outbox


def new(key: str = "a", *, not_before: datetime = NOW, recipient: str = "U1") -> NewDelivery:
    return NewDelivery(
        Kind.ALERT, Role.OWNER, recipient, (key,), {"text": key}, not_before, not_before + timedelta(hours=12)
    )


def announced(outbox: Outbox, key: str = "a", *, not_before: datetime = NOW) -> str:
    """The id of the delivery of one new event."""
    ids = outbox.announce(
        [NewEvent(key, Kind.ALERT, {"spent": "1"}, "subject", 80)], [new(key, not_before=not_before)], NOW
    )
    assert ids is not None
    return ids[0]


def claimed(outbox: Outbox, now: datetime = NOW) -> Claimed:
    one = outbox.claim_next(now)
    assert one is not None
    return one


def test_an_event_is_decided_once(outbox: Outbox) -> None:
    announced(outbox)
    again = [NewEvent("b", Kind.ALERT, {}), NewEvent("a", Kind.ALERT, {})]
    assert outbox.announce(again, [new("b")], NOW, levels={"subject": 80}, sync=1) is None
    assert outbox.event("b") is None
    assert len(outbox.latest(10)) == 1
    assert outbox.memories(["subject"], sync=2)["subject"].level == 0


def test_what_was_told_of_a_subject_is_its_highest_threshold(outbox: Outbox) -> None:
    outbox.announce(
        [
            NewEvent("s:80", Kind.ALERT, {}, "s", 80, superseded_by="s:100"),
            NewEvent("s:100", Kind.ALERT, {}, "s", 100),
        ],
        [new("s:100")],
        NOW,
    )
    assert outbox.memories(["s", "t"], sync=1)["s"].told == 100
    assert outbox.memories(["s", "t"], sync=1)["t"].told == 0


def test_a_level_counts_from_the_sync_after_the_one_that_saw_it(outbox: Outbox) -> None:
    outbox.announce([], [], NOW, levels={"s": 80}, sync=5)
    assert outbox.memories(["s"], sync=5)["s"].level == 0
    assert outbox.memories(["s"], sync=6)["s"].level == 80
    outbox.announce([], [], NOW, levels={"s": 0}, sync=4)
    assert outbox.memories(["s"], sync=6)["s"].level == 80
    outbox.announce([], [], NOW, levels={"s": 0}, sync=6)
    assert outbox.memories(["s"], sync=7)["s"].level == 0


def test_nothing_is_claimed_before_its_time(outbox: Outbox) -> None:
    announced(outbox, not_before=NOW + MINUTE)
    assert outbox.claim_next(NOW) is None
    assert claimed(outbox, NOW + MINUTE).delivery.recipient == "U1"


def test_while_one_sends_nobody_else_does(outbox: Outbox) -> None:
    announced(outbox)
    assert claimed(outbox).delivery.unconfirmed_since is None
    assert outbox.claim_next(NOW + CLAIM - timedelta(seconds=1)) is None
    assert claimed(outbox, NOW + CLAIM).delivery.tries == 1


def test_the_one_that_has_been_due_for_longest_goes_first(outbox: Outbox) -> None:
    announced(outbox, "late", not_before=NOW - MINUTE)
    announced(outbox, "early", not_before=NOW - 2 * MINUTE)
    assert [claimed(outbox).delivery.message["text"] for _ in range(2)] == ["early", "late"]


def test_a_crash_before_sending_leaves_nothing_to_look_for(outbox: Outbox) -> None:
    announced(outbox)
    claimed(outbox)
    assert claimed(outbox, NOW + CLAIM).delivery.unconfirmed_since is None


def test_a_crash_after_sending_leaves_something_to_look_for(outbox: Outbox) -> None:
    announced(outbox)
    assert outbox.record_sending(claimed(outbox), "D1", NOW)
    after = claimed(outbox, NOW + CLAIM).delivery
    assert (after.unconfirmed_since, after.place) == (NOW, "D1")


def test_who_comes_too_late_must_not_send(outbox: Outbox) -> None:
    announced(outbox)
    slow = claimed(outbox)
    claimed(outbox, NOW + CLAIM)
    assert not outbox.record_sending(slow, "D1", NOW + CLAIM)
    assert not outbox.give_up(slow, "gone", [new("a", recipient="C1")], NOW)
    assert len(outbox.latest(10)) == 1


def test_what_was_sent_is_known_even_if_the_sender_was_late(outbox: Outbox) -> None:
    delivery = announced(outbox)
    slow = claimed(outbox)
    assert outbox.record_sending(slow, "D1", NOW)
    claimed(outbox, NOW + CLAIM)
    outbox.record_sent(slow, "D1", "1.1", NOW + CLAIM)
    found = outbox.find(delivery)
    assert found is not None
    assert (found.state, found.place, found.ts) == (State.SENT, "D1", "1.1")
    assert outbox.claim_next(NOW + 10 * CLAIM) is None


def test_two_looks_are_counted_until_the_next_try(outbox: Outbox) -> None:
    announced(outbox)
    assert outbox.record_sending(claimed(outbox), "D1", NOW)
    now = NOW + CLAIM
    for looks in range(2):
        one = claimed(outbox, now)
        assert (one.delivery.looks, one.delivery.tries) == (looks, 1)
        outbox.record_look(one, now + MINUTE)
        assert outbox.claim_next(now) is None
        now += MINUTE
    assert outbox.record_sending(claimed(outbox, now), "D1", now)
    assert claimed(outbox, now + CLAIM).delivery.looks == 0


def test_a_refusal_leaves_nothing_to_look_for(outbox: Outbox) -> None:
    announced(outbox)
    one = claimed(outbox)
    assert outbox.record_sending(one, "D1", NOW)
    outbox.record_refused(one, "slow down", NOW + MINUTE)
    assert outbox.claim_next(NOW) is None
    again = claimed(outbox, NOW + MINUTE).delivery
    assert (again.unconfirmed_since, again.problem) == (None, "slow down")


def test_silence_leaves_something_to_look_for(outbox: Outbox) -> None:
    announced(outbox)
    one = claimed(outbox)
    assert outbox.record_sending(one, "D1", NOW)
    outbox.record_unconfirmed(one, "no answer", NOW + MINUTE)
    assert claimed(outbox, NOW + MINUTE).delivery.unconfirmed_since == NOW


def test_who_is_given_up_is_replaced_by_others_or_by_nobody(outbox: Outbox) -> None:
    announced(outbox)
    assert outbox.give_up(claimed(outbox), "left", [new("a", recipient="C1"), new("a", recipient="C2")], NOW)
    assert [one.state for one in outbox.deliveries_of(["a"])].count(State.REPLACED) == 1
    for _ in range(2):
        assert outbox.give_up(claimed(outbox), "archived", [], NOW)
    assert {one.recipient for one in outbox.undeliverable(NOW)} == {"C1", "C2"}
    assert outbox.undeliverable(NOW + MINUTE) == []


def test_what_changes_before_it_is_sent_goes_out_changed(outbox: Outbox) -> None:
    delivery = announced(outbox)
    outbox.change({delivery: {"text": "new"}})
    assert outbox.stale() == []
    assert claimed(outbox).delivery.message == {"text": "new"}


def test_what_changes_after_it_was_sent_is_stale_until_slack_shows_it(outbox: Outbox) -> None:
    delivery = announced(outbox)
    one = claimed(outbox)
    outbox.record_sent(one, "D1", "1.1", NOW)
    outbox.change({delivery: {"text": "new"}})
    (stale,) = outbox.stale()
    outbox.change({delivery: {"text": "newer"}})
    outbox.record_changed(stale)
    (stale,) = outbox.stale()
    assert stale.message == {"text": "newer"}
    outbox.record_changed(stale)
    assert outbox.stale() == []


def test_the_first_to_acknowledge_stays_named(outbox: Outbox) -> None:
    announced(outbox)
    assert outbox.acknowledge(["a"], "U1", NOW)
    assert not outbox.acknowledge(["a"], "U2", NOW + MINUTE)
    event = outbox.event("a")
    assert event is not None
    assert (event.acknowledged_by, event.acknowledged_at) == ("U1", NOW)


def test_what_was_claimed_is_known_to_other_processes(tmp_path: Path) -> None:
    url = new_url(tmp_path)
    with closing(open_ledger(url, create=True)) as one, closing(open_ledger(url, create=True)) as another:
        announced(one.outbox)
        assert another.outbox.announce([NewEvent("a", Kind.ALERT, {})], [new()], NOW) is None
        claimed(one.outbox)
        assert another.outbox.claim_next(NOW) is None


def test_a_mark_stays_until_it_is_replaced(outbox: Outbox) -> None:
    assert outbox.mark("x") is None
    outbox.set_mark("x", "1")
    outbox.set_mark("x", "2")
    assert outbox.mark("x") == "2"
