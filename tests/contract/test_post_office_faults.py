"""The post office under whatever goes wrong, at random: calls that fail before and after they took effect, crashes at
every step, several post offices side by side, people who leave, channels that close, history that cannot be read."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from bot.ledger.deliveries import Kind, Role, State
from bot.ledger.store import Ledger
from bot.slack.messages import note
from bot.slack.notes.deliveries import REPEAT
from bot.slack.post_office import PostOffice
from bot.slack.routes import Route
from tests.contract.test_post_office import CrashError, Town
from tests.ledgers import BERLIN, emptied, new_ledger, seeded
from tests.standins.slack_fake import FORM_REFUSED, LOST_AFTER, LOST_BEFORE, RATE_LIMITED, Fault

FAULTS = (LOST_BEFORE, LOST_AFTER, RATE_LIMITED, Fault(code="new_trouble"))
METHODS = ("direct", "channel", "person", "members", "post", "post", "post", "find", "update")
PEOPLE = [f"U{number}" for number in range(1, 8)]
RECIPIENTS = (*PEOPLE, "alice@example.com", "U404", "S1", "S2", "#rag", "#costs", "C2", "#nowhere")
HOURS = 20


class Unlucky:
    """An outbox or a Slack at whose calls the process may die, before or after they took effect."""

    def __init__(self, inner: object, luck: random.Random, often: float, crashes: Counter[str]) -> None:
        self._inner, self._luck, self._often, self._crashes = inner, luck, often, crashes

    def chance(self, name: str) -> float:  # noqa: ARG002 - others tell calls apart
        """How likely it is that the process dies at a call of this name."""
        return self._often

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            for where in ("before", "after"):
                self._crashes[f"{where} {name}"] += 0  # what may happen and never does is to be seen, too
            dies, after = self._luck.random() < self.chance(name), self._luck.random() < 0.5
            if dies and not after:
                self._crashes[f"before {name}"] += 1
                raise CrashError
            said = real(*arguments, **named)
            if dies:
                self._crashes[f"after {name}"] += 1
                raise CrashError
            return said

        return call


class Trial:
    """Two days in a town where things go wrong, and a third on which nothing does."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self.luck = random.Random(seed)
        self.town = Town(seeded(emptied(ledger), seed).outbox)
        self.crashes: Counter[str] = Counter()
        slack = self.town.slack
        for person in PEOPLE[2:]:
            slack.add_person(person)
        slack.add_group("S1", ["U1", "U3", "U4"])
        slack.add_group("S2", PEOPLE * 2)
        slack.unreadable = {place for place in ("D1", "D3", "C1") if self.luck.random() < 0.3}
        rag, costs = (channel if self.luck.random() < 0.8 else None for channel in ("#rag", "#costs"))
        self.town.route = Route(rag, costs, ("U9", "U2") if self.luck.random() < 0.8 else ())
        self.often = self.luck.choice((0, 0.02, 0.1))

    def run(self) -> None:
        luck, town = self.luck, self.town
        for _ in range(luck.randint(1, 8)):
            self.announce()
        ids = [one.id for one in town.outbox.latest(100)]
        end = town.now + timedelta(hours=HOURS)
        while town.now < end:
            town.now += timedelta(seconds=luck.choice((1, 30, 30, 120, 1800, 7200)))
            self.meddle(luck.choice(ids))
            self.work()
        self.often = 0
        town.slack._ordered.clear()
        for _ in range(50):
            town.now += timedelta(minutes=31)
            self.work()

    def announce(self) -> None:
        luck, town = self.luck, self.town
        recipients = luck.sample(RECIPIENTS, luck.randint(1, 4))
        (first, *_) = town.announce(
            *recipients,
            kind=luck.choice((Kind.ALERT, Kind.DIGEST, Kind.NOTICE)),
            role=luck.choice(tuple(Role)),
            not_before=town.now + timedelta(minutes=luck.choice((0, 0, 10, 600))),
            expires=town.now + timedelta(hours=luck.choice((1, 6, HOURS))),
        )
        if luck.random() < 0.3:
            town.announce(recipients[0], thread=first, expires=town.now + timedelta(hours=6))

    def meddle(self, delivery: str) -> None:
        luck, town = self.luck, self.town
        if luck.random() < 0.4:
            method = luck.choice(METHODS)
            faults = [*FAULTS, FORM_REFUSED] if method == "post" else FAULTS
            town.slack.fail_next(method, luck.choice(faults), times=luck.choice((1, 1, 2, 6)))
        if luck.random() < 0.02:
            town.slack.closed[luck.choice(("C1", "C2"))] = "is_archived"
        if luck.random() < 0.02:
            town.slack.add_person(luck.choice(PEOPLE), reachable=False)
        if luck.random() < 0.1:
            town.outbox.change({delivery: note(f"changed at {town.now}").as_json()})

    def work(self) -> None:
        """One of several processes works, and may die; the next one knows nothing of it."""
        town = self.town
        slack: Any = Unlucky(town.slack, self.luck, self.often, self.crashes)
        outbox: Any = Unlucky(town.outbox, self.luck, self.often, self.crashes)
        office = PostOffice(slack, outbox, lambda _: town.route, BERLIN)
        try:
            office.deliver(town.now)
            office.refresh(town.now)
        except CrashError:
            pass


def judge(trial: Trial) -> None:
    town = trial.town
    deliveries = {one.id: one for one in town.outbox.latest(1000)}
    assert [one for one in deliveries.values() if one.state is State.OPEN] == [], "every delivery ends"
    seen: dict[str, list[Any]] = {}
    for message in town.slack.messages:
        seen.setdefault(message.key, []).append(message)
    for key, messages in seen.items():
        places = {message.place for message in messages}
        if not places & town.slack.unreadable:
            assert len(messages) == 1, "once where history can be read"
        assert all(REPEAT in message.versions[0]["text"] for message in messages[1:]), "else it says so"
        assert deliveries[key].state is not State.OPEN
    for one in deliveries.values():
        if one.state is State.SENT:
            assert one.id in seen
        family = town.outbox.deliveries_of(one.events)
        ends = {relative.state for relative in family}
        assert State.SENT in ends or State.UNDELIVERABLE in ends, "it reaches somebody or is known to reach nobody"
    for one in town.outbox.latest(1000, states=[State.SENT]):
        if one not in town.outbox.stale():
            (*_, last) = [message for message in town.slack.messages if message.ts == one.ts]
            assert last.form["text"].startswith(one.message["text"]), "Slack says what the ledger says"
    steps = {(message.key, message.place) for message in town.slack.messages}
    assert len(steps) == len({key for key, _ in steps}), "one delivery stands in one place"


@pytest.fixture(scope="module")
def ledger() -> Any:
    ledger = new_ledger()
    yield ledger
    ledger.close()


@pytest.mark.parametrize(
    "seeds", [range(15), pytest.param(range(15, 500), marks=pytest.mark.long)], ids=["few", "many"]
)
def test_every_message_ends_and_is_seen_once_whatever_goes_wrong(ledger: Ledger, seeds: range) -> None:
    crashes: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for seed in seeds:
        trial = Trial(ledger, seed)
        trial.run()
        judge(trial)
        crashes += trial.crashes
        faults += Counter({method: count for (method, _), count in trial.town.slack.faults.items()})
    for method in ("claim_next", "record_sending", "post", "record_sent", "record_refused", "give_up"):
        assert crashes[f"before {method}"] + crashes[f"after {method}"] > 0
    assert set(faults) == {*METHODS}
