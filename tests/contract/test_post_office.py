"""The post office: every message reaches somebody or is known to reach nobody, once where Slack lets us look."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.ledger.claims import CLAIM
from bot.ledger.deliveries import Delivery, Kind, NewDelivery, Role, State
from bot.ledger.events import NewEvent
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger
from bot.slack.api import Person
from bot.slack.blocks import trusted_context
from bot.slack.messages import Message, note
from bot.slack.notes.deliveries import REPEAT
from bot.slack.people import LARGEST_GROUP
from bot.slack.post_office import LOOK_AGAIN, MOST_UNANSWERED, PostOffice
from bot.slack.routes import Route
from bot.slack.undelivered import BACKOFF, TRIES
from tests.ledgers import BERLIN, emptied, new_ledger
from tests.standins.slack_fake import FORM_REFUSED, LOST_AFTER, LOST_BEFORE, RATE_LIMITED, FakeSlack, Fault

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TEXT = "rag-search has spent $82 of $100."
REFUSED = Fault(code="is_archived", permanent=True)


class CrashError(BaseException):
    """The process is gone; nobody catches that."""


class Crashing:
    """An outbox or a Slack whose process dies at a call of one method, before or after it took effect."""

    def __init__(self, inner: object, method: str, *, after: bool) -> None:
        self._inner, self._method, self._after = inner, method, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)
        if name != self._method:
            return real

        def dies(*arguments: Any, **named: Any) -> None:
            if self._after:
                real(*arguments, **named)
            raise CrashError

        return dies


class Town:
    """A post office with its ledger and its Slack: Alice (U1), Bob (U2), #rag (C2), #costs (C1), Ada the admin (U9)."""

    def __init__(self, outbox: Outbox) -> None:
        self.now = START
        self.outbox = outbox
        self.slack = FakeSlack(lambda: self.now)
        self.slack.add_person("U1", "alice@example.com")
        self.slack.add_person("U2", "bob@example.com")
        self.slack.add_person("U9", "ada@example.com")
        self.slack.add_channel("C1", "costs")
        self.slack.add_channel("C2", "rag")
        self.route = Route("#rag", "#costs", ("U9",))
        self.office = PostOffice(self.slack, outbox, lambda _: self.route, BERLIN)
        self._keys = 0

    def announce(self, *recipients: str, keys: Sequence[str] = (), **more: Any) -> list[str]:
        """Decide an event and a delivery to each recipient; gives the deliveries' ids."""
        self._keys += 1
        named = tuple(keys) or (f"event {self._keys}",)
        wanted: dict[str, Any] = {
            "kind": Kind.ALERT,
            "role": Role.OWNER,
            "message": note(TEXT).as_json(),
            "not_before": self.now,
            "expires": self.now + DAY,
            **more,
        }
        deliveries = [NewDelivery(recipient=one, events=named, **wanted) for one in recipients]
        new = [NewEvent(key, Kind.ALERT, {}) for key in named if self.outbox.event(key) is None]
        ids = self.outbox.announce(new, deliveries, self.now)
        assert ids is not None
        return ids

    def run(self, for_: timedelta = 2 * DAY) -> None:
        """Let time pass, and the post office work whenever something is due; then nothing is open any more."""
        end = self.now + for_
        while open_ones := self.outbox.latest(1000, states=[State.OPEN]):
            due = min(one.next_try for one in open_ones)
            if due > end:
                break
            self.now = max(self.now, due)
            self.office.deliver(self.now)

    def one(self, delivery_id: str) -> Delivery:
        found = self.outbox.find(delivery_id)
        assert found is not None
        return found

    def states(self) -> dict[str, State]:
        """The state of each delivery by recipient."""
        return {one.recipient: one.state for one in self.outbox.latest(1000)}

    def crash(self, where: str, method: str, *, after: bool) -> None:
        """The post office dies at a method of `outbox` or of `slack`."""
        parts: dict[str, Any] = {"outbox": self.outbox, "slack": self.slack}
        parts[where] = Crashing(parts[where], method, after=after)
        office = PostOffice(parts["slack"], parts["outbox"], lambda _: self.route, BERLIN)
        with pytest.raises(CrashError):
            office.deliver(self.now)


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


@pytest.fixture
def town(ledger: Ledger) -> Town:
    return Town(emptied(ledger).outbox)


# --- to whom ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipient", "place"),
    [("U1", "D1"), ("alice@example.com", "D1"), ("#costs", "C1"), ("C2", "C2")],
)
def test_a_message_goes_where_its_recipient_reads(town: Town, recipient: str, place: str) -> None:
    (sent,) = town.announce(recipient)
    assert town.office.deliver(town.now) == 1
    assert [one.form["text"] for one in town.slack.said(place)] == [TEXT]
    (said,) = town.slack.messages
    delivery = town.one(sent)
    assert (delivery.state, delivery.place, delivery.ts) == (State.SENT, place, said.ts)
    assert delivery.sent_at == START
    assert said.key == sent


def test_nothing_goes_out_before_its_time_nor_twice(town: Town) -> None:
    town.announce("U1", not_before=START + timedelta(hours=1))
    assert town.office.deliver(START + timedelta(minutes=59)) == 0
    assert town.office.deliver(START + timedelta(hours=1)) == 1
    assert town.office.deliver(START + timedelta(hours=2)) == 0
    assert len(town.slack.messages) == 1


def group(town: Town, size: int) -> list[str]:
    members = [f"U{100 + number}" for number in range(size)]
    for member in members:
        town.slack.add_person(member)
    town.slack.add_group("S1", members)
    return members


def test_each_member_of_a_group_of_ten_gets_a_message_of_their_own(town: Town) -> None:
    members = group(town, LARGEST_GROUP)
    town.announce("S1")
    town.run()
    assert sorted(one.place for one in town.slack.messages) == sorted(f"D{member[1:]}" for member in members)
    assert {one.role for one in town.outbox.latest(100)} == {Role.OWNER}
    assert {one.form["text"] for one in town.slack.messages} == {TEXT}
    assert town.states()["S1"] is State.REPLACED


def test_a_group_of_eleven_hears_of_it_in_the_features_channel(town: Town) -> None:
    group(town, LARGEST_GROUP + 1)
    town.announce("S1")
    town.run()
    (said,) = town.slack.messages
    assert said.place == "C2"
    assert said.form["text"].endswith("You read this because S1 did not get it. It is a group of 11 members.")


def test_a_group_without_members_is_nobody(town: Town) -> None:
    town.slack.add_group("S1", [])
    town.announce("S1")
    town.run()
    assert [one.place for one in town.slack.messages] == ["C2"]


def test_who_is_named_twice_hears_it_once(town: Town) -> None:
    town.slack.add_group("S1", ["U1", "U2"])
    town.announce("U1", "alice@example.com", "S1")
    town.run()
    assert sorted(one.place for one in town.slack.messages) == ["D1", "D2"]
    assert State.UNDELIVERABLE not in town.states().values()


def test_who_is_named_twice_hears_it_once_though_slack_did_not_confirm_the_first(town: Town) -> None:
    town.announce("U1", "alice@example.com")
    town.slack.fail_next("post", LOST_AFTER)
    town.run()
    assert [one.place for one in town.slack.messages] == ["D1"]
    assert sorted(town.states().values()) == [State.REPLACED, State.SENT]


# --- when it cannot get there ----------------------------------------------------------------------------------------

GONE: dict[str, Callable[[Town], None]] = {
    "U404": lambda town: None,  # noqa: ARG005 - nothing is to be done to be nobody
    "#rag": lambda town: town.slack.closed.update(C2="is_archived"),
    "#costs": lambda town: town.slack.closed.update(C1="not_in_channel"),
    "U9": lambda town: town.slack.add_person("U9", reachable=False),
}


@pytest.mark.parametrize(("broken", "reached"), [(1, "C2"), (2, "C1"), (3, "D9"), (4, None)])
def test_owner_then_feature_channel_then_digest_channel_then_admins(
    town: Town, broken: int, reached: str | None
) -> None:
    for breaks in list(GONE.values())[:broken]:
        breaks(town)
    town.announce("U404")
    town.run()
    assert [one.place for one in town.slack.messages] == ([reached] if reached else [])
    chain = list(GONE)[: broken + 1]
    assert set(town.states()) == set(chain)
    assert [town.states()[one] for one in chain[:-1]] == [State.REPLACED] * (len(chain) - 1)
    last = State.SENT if reached else State.UNDELIVERABLE
    assert town.states()[chain[-1]] is last
    assert len(town.outbox.undeliverable(START)) == (0 if reached else 1)


def test_whoever_reads_it_instead_is_told_why_once(town: Town) -> None:
    town.slack.closed["C2"] = "is_archived"
    town.announce("U404")
    town.run()
    (said,) = town.slack.messages
    assert said.place == "C1"
    assert said.form["text"] == f"{TEXT}\nYou read this because <@U404> did not get it. Slack said no (user_not_found)."
    assert len(said.form["blocks"]) == 2


def test_all_admins_are_told_and_one_who_has_left_is_no_loss(town: Town) -> None:
    town.slack.add_person("U8", reachable=False)
    town.route = Route(admins=("U8", "U9"))
    town.announce("U404")
    town.run()
    assert [one.place for one in town.slack.messages] == ["D9"]
    assert town.outbox.undeliverable(START) == []


def test_two_owners_who_have_left_leave_one_message_in_the_channel(town: Town) -> None:
    town.announce("U404", "U405")
    town.run()
    assert [one.place for one in town.slack.messages] == ["C2"]
    assert town.states() == {"U404": State.REPLACED, "U405": State.REPLACED, "#rag": State.SENT}


def test_a_channel_that_carries_it_gets_no_second_one(town: Town) -> None:
    town.announce("#rag", "C2")
    town.run()
    assert [one.place for one in town.slack.messages] == ["C2"]
    town.announce("C2", keys=["event 1"], role=Role.ESCALATION)
    town.run()
    assert len(town.slack.messages) == 1


def test_a_channel_that_carries_a_part_of_it_gets_the_whole(town: Town) -> None:
    town.announce("#rag", keys=["a"])
    town.run()
    town.announce("U404", keys=["a", "b"])
    town.run()
    assert [one.place for one in town.slack.messages] == ["C2", "C2"]


def test_one_owner_who_has_left_is_no_loss_where_another_heard_it(town: Town) -> None:
    town.route = Route()
    town.announce("U404", "U1")
    town.run()
    assert town.states() == {"U404": State.REPLACED, "U1": State.SENT}


def test_what_comes_too_late_for_one_is_no_loss_where_another_heard_it(town: Town) -> None:
    town.slack.fail_next("post", LOST_BEFORE, where="D1", times=100)
    town.announce("U1", "U2")
    town.run()
    assert town.states() == {"U1": State.REPLACED, "U2": State.SENT}


def test_a_word_to_an_admin_goes_to_nobody_else(town: Town) -> None:
    town.announce("U404", kind=Kind.NOTICE, role=Role.ADMIN)
    town.run()
    assert town.slack.messages == []
    assert town.states() == {"U404": State.UNDELIVERABLE}


def test_what_comes_too_late_is_given_up(town: Town) -> None:
    (late,) = town.announce("#costs", expires=START + timedelta(hours=6))
    town.now += timedelta(hours=6)
    town.office.deliver(town.now)
    assert town.slack.messages == []
    assert town.one(late).state is State.UNDELIVERABLE


# --- when Slack is in trouble ----------------------------------------------------------------------------------------


def test_a_rate_limit_is_waited_for(town: Town) -> None:
    (limited,) = town.announce("U1")
    town.slack.fail_next("post", RATE_LIMITED)
    town.office.deliver(START)
    delivery = town.one(limited)
    assert (delivery.next_try, delivery.unconfirmed_since) == (START + timedelta(seconds=30), None)
    town.run()
    assert len(town.slack.messages) == 1
    assert town.slack.calls["find"] == 0


def test_a_refusal_that_may_go_away_is_tried_again_later_and_later(town: Town) -> None:
    (refused,) = town.announce("U1")
    town.slack.fail_next("post", Fault(code="new_trouble"), times=8)
    waits = []
    for _ in range(8):
        town.office.deliver(town.now)
        waits.append(town.one(refused).next_try - town.now)
        town.now = town.one(refused).next_try
    assert waits == [*BACKOFF, BACKOFF[-1], BACKOFF[-1]]
    town.run()
    assert [one.place for one in town.slack.messages] == ["D1"]


def test_a_refusal_that_does_not_go_away_is_taken_for_one_that_never_does(town: Town) -> None:
    town.announce("U1")
    town.slack.fail_next("post", Fault(code="new_trouble"), where="D1", times=100)
    town.run()
    assert [one.place for one in town.slack.messages] == ["C2"]
    assert town.slack.calls["post"] == TRIES + 1


def test_the_wait_for_a_limit_does_not_use_up_tries(town: Town) -> None:
    town.announce("U1")
    town.slack.fail_next("post", RATE_LIMITED, times=100)
    town.run()
    assert [one.place for one in town.slack.messages] == ["D1"]


@pytest.mark.parametrize("method", ["person", "direct"])
def test_where_nobody_can_be_asked_nothing_is_looked_for(town: Town, method: str) -> None:
    town.announce("U1")
    town.slack.fail_next(method, LOST_BEFORE, times=3)
    town.run()
    assert len(town.slack.messages) == 1
    assert town.slack.calls["find"] == 0


def test_what_slack_took_without_saying_so_is_found_and_not_said_again(town: Town) -> None:
    (lost,) = town.announce("U1")
    town.slack.fail_next("post", LOST_AFTER)
    town.run()
    assert len(town.slack.messages) == 1
    assert (town.one(lost).state, town.one(lost).ts) == (State.SENT, town.slack.messages[0].ts)


def test_what_slack_did_not_take_is_looked_for_twice_and_said_again(town: Town) -> None:
    (lost,) = town.announce("U1")
    town.slack.fail_next("post", LOST_BEFORE)
    town.office.deliver(START)
    looked = town.now = town.one(lost).next_try
    town.office.deliver(town.now)
    assert (town.one(lost).next_try, town.slack.messages) == (looked + LOOK_AGAIN, [])
    town.run()
    assert town.slack.calls["find"] == 2
    assert [one.form["text"] for one in town.slack.messages] == [TEXT]


def test_what_slack_shows_late_is_not_said_again(town: Town) -> None:
    town.announce("U1")
    town.slack.fail_next("post", LOST_AFTER)
    town.office.deliver(START)
    hidden, town.slack.messages = town.slack.messages, []
    town.now += BACKOFF[0]
    town.office.deliver(town.now)
    town.slack.messages = hidden
    town.run()
    assert len(town.slack.messages) == 1


def test_where_nobody_can_look_it_is_said_again_and_says_so(town: Town) -> None:
    town.slack.unreadable.add("D1")
    town.announce("U1")
    town.slack.fail_next("post", LOST_AFTER)
    town.run()
    assert [one.form["text"] for one in town.slack.messages] == [TEXT, f"{TEXT}\n{REPEAT}"]


def test_a_rate_limit_between_does_not_make_it_forget_that_it_may_be_a_repeat(town: Town) -> None:
    town.slack.unreadable.add("D1")
    town.announce("U1")
    for fault in (LOST_AFTER, RATE_LIMITED):
        town.slack.fail_next("post", fault)
    town.run()
    assert [one.form["text"] for one in town.slack.messages] == [TEXT, f"{TEXT}\n{REPEAT}"]


def test_a_look_that_is_not_answered_is_no_look(town: Town) -> None:
    town.announce("U1")
    town.slack.fail_next("post", LOST_AFTER)
    for fault in (LOST_BEFORE, RATE_LIMITED, LOST_BEFORE):
        town.slack.fail_next("find", fault)
    town.run()
    assert len(town.slack.messages) == 1


def test_what_is_too_late_but_may_stand_there_is_looked_for_first(town: Town) -> None:
    (lost,) = town.announce("#costs", expires=START + BACKOFF[0])
    town.slack.fail_next("post", LOST_AFTER)
    town.run()
    assert town.one(lost).state is State.SENT


def test_one_that_hangs_does_not_hold_up_the_others(town: Town) -> None:
    town.slack.fail_next("post", LOST_BEFORE, where="D1", times=100)
    town.announce("U1", expires=START + timedelta(hours=1))
    town.announce("U2", not_before=START + timedelta(seconds=1))
    assert town.office.deliver(START + timedelta(seconds=1)) == 2
    assert [one.place for one in town.slack.messages] == ["D2"]


def test_where_everything_hangs_a_call_ends_soon(town: Town) -> None:
    for _ in range(20):
        town.announce("U1")
    town.slack.fail_next("person", LOST_BEFORE, times=20)
    assert town.office.deliver(START) == MOST_UNANSWERED
    assert town.slack.calls["person"] == MOST_UNANSWERED


def test_a_message_that_cannot_be_read_does_not_stop_the_others(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.announce("U1", message={"nonsense": 1})
    town.announce("U2")
    town.office.deliver(START)
    assert [one.place for one in town.slack.messages] == ["D2"]
    assert "failed" in caplog.text


# --- crashes ---------------------------------------------------------------------------------------------------------

STEPS = [
    ("outbox", "claim_next"),
    ("slack", "person"),
    ("slack", "direct"),
    ("outbox", "record_sending"),
    ("slack", "post"),
    ("outbox", "record_sent"),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("where", "method"), STEPS)
def test_a_crash_anywhere_loses_nothing_and_says_nothing_twice(
    town: Town, where: str, method: str, after: bool
) -> None:
    (sent,) = town.announce("U1")
    town.crash(where, method, after=after)
    town.run()
    assert [one.form["text"] for one in town.slack.messages] == [TEXT]
    assert town.one(sent).state is State.SENT


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("where", "method"), STEPS)
def test_where_nobody_can_look_a_second_one_is_marked(town: Town, where: str, method: str, after: bool) -> None:
    town.slack.unreadable.add("D1")
    town.announce("U1")
    town.crash(where, method, after=after)
    town.run()
    first, *others = [one.form["text"] for one in town.slack.messages]
    assert all(text.endswith(REPEAT) for text in others)
    assert len(others) <= 1
    assert first.startswith(TEXT)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("where", "method"), [("slack", "find"), ("outbox", "record_look"), ("outbox", "record_sent")])
def test_a_crash_while_it_is_looked_for_changes_nothing(town: Town, where: str, method: str, after: bool) -> None:
    town.announce("U1")
    town.slack.fail_next("post", LOST_BEFORE if method == "record_look" else LOST_AFTER)
    town.office.deliver(town.now)
    town.now += BACKOFF[0]
    town.crash(where, method, after=after)
    town.run()
    assert [one.form["text"] for one in town.slack.messages] == [TEXT]


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_another_is_told_instead_tells_one(town: Town, after: bool) -> None:
    town.announce("U404")
    town.crash("outbox", "give_up", after=after)
    town.run()
    assert [one.place for one in town.slack.messages] == ["C2"]


def test_a_claim_holds_off_others_until_it_runs_out(town: Town) -> None:
    town.announce("U1")
    town.crash("outbox", "claim_next", after=True)
    assert town.office.deliver(START + CLAIM - timedelta(seconds=1)) == 0
    assert town.office.deliver(START + CLAIM) == 1


def test_who_is_too_slow_does_not_send_any_more(town: Town) -> None:
    town.announce("U1")

    class Slow(FakeSlack):
        def direct(self, user: str) -> str:
            town.now += CLAIM
            town.office.deliver(town.now)
            return f"D{user[1:]}"

    slow = Slow(lambda: town.now)
    slow.add_person("U1")
    PostOffice(slow, town.outbox, lambda _: town.route, BERLIN).deliver(START)
    assert slow.messages == []
    assert len(town.slack.messages) == 1


@pytest.mark.parametrize(
    ("kind", "threshold", "begins"),
    [(Kind.ALERT, 80, START + DAY / 2), (Kind.ALERT, 100, START), (Kind.NOTICE, 0, START), (Kind.DIGEST, 0, START)],
)
def test_only_an_alert_below_the_limit_waits_for_the_morning_and_keeps_its_time(
    town: Town, kind: Kind, threshold: int, begins: datetime
) -> None:
    town.outbox.announce([NewEvent("event", kind, {}, threshold=threshold)], [], START)
    (sent,) = town.announce("U1", keys=("event",), kind=kind, expires=START + 3 * DAY)

    def awake(person: Person, now: datetime, percent: int) -> datetime:
        assert person.id == "U1"
        return max(now, START + DAY / 2) if percent < 100 else now

    town.office = PostOffice(town.slack, town.outbox, lambda _: town.route, BERLIN, awake)
    town.run()
    assert (town.one(sent).sent_at, town.one(sent).expires) == (begins, START + 3 * DAY)


# --- threads, changes, forms -----------------------------------------------------------------------------------------


def test_a_reply_waits_for_its_parent_and_stands_under_it(town: Town) -> None:
    (parent,) = town.announce("#costs", not_before=START + timedelta(minutes=10))
    town.announce("#costs", thread=parent)
    town.office.deliver(START)
    assert town.slack.messages == []
    town.run()
    assert [(one.place, one.thread) for one in town.slack.messages] == [("C1", None), ("C1", town.one(parent).ts)]


def test_a_lost_reply_is_looked_for_in_its_thread(town: Town) -> None:
    (parent,) = town.announce("#costs")
    town.run()
    town.announce("#costs", thread=parent)
    town.slack.fail_next("post", LOST_AFTER)
    town.run()
    assert len(town.slack.messages) == 2


def test_a_reply_follows_its_parent_to_where_that_went_instead(town: Town) -> None:
    town.slack.closed["C1"] = "is_archived"
    town.route = Route(None, "#costs", ("U9",))
    (parent,) = town.announce("#costs", kind=Kind.DIGEST, role=Role.CHANNEL)
    town.announce("#costs", thread=parent, kind=Kind.CORRECTION, role=Role.CHANNEL)
    town.run()
    first, second = town.slack.messages
    assert (first.place, second.place, second.thread) == ("D9", "D9", first.ts)


def test_a_reply_to_what_reached_nobody_reaches_nobody(town: Town) -> None:
    town.route = Route()
    (parent,) = town.announce("U404")
    (reply,) = town.announce("U404", thread=parent)
    town.run()
    assert town.one(reply).state is State.UNDELIVERABLE


def changed(town: Town, delivery_id: str, text: str) -> None:
    town.outbox.change({delivery_id: note(text).as_json()})


def test_what_has_changed_is_changed_in_slack_once(town: Town) -> None:
    (sent,) = town.announce("U1")
    town.run()
    assert town.office.refresh(town.now) == 0
    changed(town, sent, "Acknowledged.")
    assert town.office.refresh(town.now) == 1
    assert town.office.refresh(town.now) == 0
    (said,) = town.slack.messages
    assert [form["text"] for form in said.versions] == [TEXT, "Acknowledged."]


def test_what_changes_again_meanwhile_is_changed_again(town: Town) -> None:
    (sent,) = town.announce("U1")
    town.run()
    changed(town, sent, "Acknowledged.")
    real = town.slack.update

    def while_somebody_presses(place: str, ts: str, form: Any) -> None:
        real(place, ts, form)
        changed(town, sent, "Snoozed.")

    town.slack.update = while_somebody_presses  # type: ignore[method-assign] # somebody presses just then
    town.office.refresh(town.now)
    town.slack.update = real  # type: ignore[method-assign] # and not again
    assert town.office.refresh(town.now) == 1
    assert town.slack.messages[0].form["text"] == "Snoozed."


@pytest.mark.parametrize("fault", [LOST_BEFORE, LOST_AFTER, RATE_LIMITED, Fault(code="new_trouble")])
def test_a_change_that_slack_does_not_make_is_made_later(town: Town, fault: Fault) -> None:
    (sent,) = town.announce("U1")
    town.run()
    changed(town, sent, "Acknowledged.")
    town.slack.fail_next("update", fault)
    assert town.office.refresh(town.now) == 0
    assert town.office.refresh(town.now) == 1
    assert town.slack.messages[0].form["text"] == "Acknowledged."


def test_a_change_that_slack_never_makes_is_left(town: Town) -> None:
    (sent,) = town.announce("U1")
    town.run()
    changed(town, sent, "Acknowledged.")
    town.slack.fail_next("update", Fault(code="message_not_found", permanent=True))
    town.office.refresh(town.now)
    assert town.outbox.stale() == []


def test_one_change_that_hangs_does_not_hold_up_the_others_for_ever(town: Town) -> None:
    people = [f"U{number}" for number in range(20, 30)]
    for person in people:
        town.slack.add_person(person)
    ids = [town.announce(person)[0] for person in people]
    town.run()
    for one in ids:
        changed(town, one, "Acknowledged.")
    for hanging in people[:5]:
        town.slack.fail_next("update", LOST_BEFORE, where=f"D{hanging[1:]}", times=1000)
    for _ in range(20):
        town.now += timedelta(seconds=30)
        town.office.refresh(town.now)
    assert len(town.outbox.stale()) == 5


def test_what_changes_before_it_is_sent_goes_out_changed(town: Town) -> None:
    (sent,) = town.announce("U1")
    changed(town, sent, "Acknowledged.")
    town.run()
    assert town.office.refresh(town.now) == 0
    assert [one.form["text"] for one in town.slack.messages] == ["Acknowledged."]


def test_what_changes_while_it_is_sent_is_changed_afterwards(town: Town) -> None:
    (sent,) = town.announce("U1")
    real = town.slack.direct

    def while_somebody_presses(user: str) -> str:
        changed(town, sent, "Acknowledged.")
        return real(user)

    town.slack.direct = while_somebody_presses  # type: ignore[method-assign] # somebody presses just then
    town.run()
    town.office.refresh(town.now)
    assert town.slack.messages[0].form["text"] == "Acknowledged."


def test_what_changes_before_a_lost_message_is_found_is_changed_afterwards(town: Town) -> None:
    (sent,) = town.announce("U1")
    town.slack.fail_next("post", LOST_AFTER)
    town.office.deliver(town.now)
    changed(town, sent, "Acknowledged.")
    town.run()
    town.office.refresh(town.now)
    assert [form["text"] for form in town.slack.messages[0].versions] == [TEXT, "Acknowledged."]


def shapes(town: Town) -> list[list[str]]:
    return [[block["type"] for block in one.form["blocks"]] for one in town.slack.messages]


NATIVE = Message(TEXT, ({"type": "table"},), (trusted_context("simple"),))


def test_a_workspace_that_refuses_a_block_gets_a_simpler_form(town: Town) -> None:
    town.slack.refuses = {"table"}
    (sent,) = town.announce("U1", message=NATIVE.as_json())
    town.run()
    assert shapes(town) == [["context"]]
    changed(town, sent, "Acknowledged.")
    town.outbox.change({sent: NATIVE.as_json()})
    town.office.refresh(town.now)
    assert shapes(town) == [["context"]]
    assert town.outbox.stale() == []


def test_a_workspace_that_refuses_every_block_gets_the_text(town: Town) -> None:
    town.slack.refuses = {"table", "context"}
    town.announce("U1", message=NATIVE.as_json())
    town.run()
    assert shapes(town) == [[]]


def test_a_text_that_is_refused_as_well_is_refused_for_ever(town: Town) -> None:
    town.slack.fail_next("post", FORM_REFUSED, times=100)
    town.announce("U1")
    town.run()
    assert town.slack.messages == []
    assert len(town.outbox.undeliverable(START)) == 1


def test_a_token_that_is_revoked_leaves_nothing_in_silence_and_what_comes_after_it_goes_out(town: Town) -> None:
    revoked = Fault(code="token_revoked", permanent=True)
    methods = ("direct", "channel", "person", "members", "post", "find", "update")
    for method in methods:
        town.slack.fail_next(method, revoked, times=100)
    town.announce("U1", "alice@example.com", "S1", "#costs")
    town.run()
    assert town.slack.messages == []
    assert {one.state for one in town.outbox.latest(99)} <= {State.UNDELIVERABLE, State.REPLACED}
    lost = town.outbox.undeliverable(START)
    assert lost
    assert all("token_revoked" in str(one.problem) for one in lost)
    town.slack._ordered.clear()
    town.announce("U1")
    town.run()
    assert len(town.slack.messages) == 1


def test_a_simpler_form_that_may_have_got_through_is_looked_for(town: Town) -> None:
    town.slack.fail_next("post", FORM_REFUSED)
    town.slack.fail_next("post", LOST_AFTER)
    town.announce("U1")
    town.run()
    assert len(town.slack.messages) == 1


def test_nothing_comes_between_the_word_that_it_is_sent_and_the_sending(town: Town) -> None:
    """Whoever were held up there would send what others have looked for meanwhile, not found, and sent."""
    calls: list[str] = []

    class Noting:
        def __init__(self, inner: object) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            calls.append(name)
            return getattr(self._inner, name)

    slack: Any = Noting(town.slack)
    outbox: Any = Noting(town.outbox)
    town.announce("U1")
    PostOffice(slack, outbox, lambda _: town.route, BERLIN).deliver(START)
    assert calls[calls.index("record_sending") + 1] == "post"
