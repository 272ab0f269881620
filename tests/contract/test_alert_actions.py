"""What pressing an alert's buttons does, and that nothing that a payload says is believed."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.budget import SetLimit, Window
from bot.domain.catalog import Catalog
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger, open_ledger
from bot.reports.reporter import Reporter
from bot.slack.alert_actions import AlertActions
from bot.slack.alert_copies import cards
from bot.slack.alert_message import ACKNOWLEDGE, Card
from bot.slack.api import Person, Posted, RefusedError
from bot.slack.budget_commands import BudgetCommands
from bot.slack.limit_desk import LimitDesk
from bot.slack.listeners import Listeners
from tests.contract.test_alerts import DOLLAR, HOUR, World, limit
from tests.databases import new_url
from tests.ledgers import BERLIN, DIMENSIONS, NOW, emptied
from tests.standins.slack_rules import problems, visible_mentions

TEAM, OWNER, ADMIN, STRANGER = "T0TEAM", "U0OWNER", "U0ADMIN", "U0STRANGER"
LATER = NOW + HOUR
Json = dict[str, Any]


@dataclass
class Modals:
    """A Slack that opens modals and does nothing else."""

    opened: list[Mapping[str, Any]] = field(default_factory=list)
    refusal: RefusedError | None = None

    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None:
        assert trigger == "trigger"
        if self.refusal is not None:
            raise self.refusal
        assert problems(view, "modal") == []
        self.opened.append(view)

    def direct(self, user: str) -> str:
        raise NotImplementedError(user)

    def channel(self, name: str) -> str:
        raise NotImplementedError(name)

    def person(self, who: str) -> Person:
        raise NotImplementedError(who)

    def members(self, group: str) -> tuple[str, ...]:
        raise NotImplementedError(group)

    def post(self, place: str, form: Mapping[str, Any], key: str, thread: str | None = None) -> Posted:
        raise NotImplementedError(place, form, key, thread)

    def update(self, place: str, ts: str, form: Mapping[str, Any]) -> None:
        raise NotImplementedError(place, ts, form)

    def find(self, place: str, key: str, since: datetime, thread: str | None = None) -> Posted | None:
        raise NotImplementedError(place, key, since)

    def permalink(self, place: str, ts: str) -> str:
        raise NotImplementedError(place, ts)

    def upload(self, place: str, name: str, content: bytes, thread: str | None = None) -> None:
        raise NotImplementedError(place, name, content)


@dataclass
class Desk:
    """An alert of 110 % that stands with its owner and, as a second copy, in a channel; and who can press on it."""

    world: World
    url: str
    said: list[Json]
    now: datetime = LATER
    modals: Modals = field(default_factory=Modals)

    @property
    def actions(self) -> AlertActions:
        """New for each press, as after a restart."""
        return AlertActions(self._desk, self.modals, lambda: self.now)

    @property
    def commands(self) -> BudgetCommands:
        return BudgetCommands(self._desk, self._reporter.vocabulary, lambda: self.now)

    @property
    def _reporter(self) -> Reporter:
        return Reporter(self.world.ledger, lambda: self.world.catalog, DIMENSIONS, BERLIN)

    @property
    def _desk(self) -> LimitDesk:
        def may_change(user: str, owners: Sequence[str]) -> bool:
            return user in owners or user == ADMIN

        return LimitDesk(self.world.ledger, self._catalog, BERLIN, 0, may_change, self.world.digest_channel)

    def _catalog(self) -> Catalog:
        return self.world.catalog

    @property
    def key(self) -> str:
        return self.world.events()[0].key

    def body(self, user: str = OWNER, **more: object) -> Json:
        """A press as Slack sends it."""
        (first, *_) = self.world.deliveries()
        usual: Json = {
            "type": "block_actions",
            "user": {"id": user, "team_id": TEAM},
            "team": {"id": TEAM},
            "actions": [{"action_id": ACKNOWLEDGE, "value": self.key}],
            "container": {"channel_id": first.place, "message_ts": first.ts},
            "response_url": self.url,
            "trigger_id": "trigger",
        }
        return usual | more

    def type(self, text: str, user: str = OWNER) -> Json:
        """A command; gives what is answered."""
        listeners = Listeners(self._reporter, self.world.ledger, lambda: self.now, budgets=self.commands)
        listeners.command({"text": text, "user_id": user, "response_url": self.url})
        return self.said[-1]

    def submit(
        self, amount: str, holds: str = "period", user: str = OWNER, view: Mapping[str, Any] | None = None
    ) -> Json:
        """The modal, filled in and sent."""
        shown = view or self.modals.opened[-1]
        values = {"amount": {"amount": {"value": amount}}, "holds": {"holds": {"selected_option": {"value": holds}}}}
        body = {
            "user": {"id": user, "team_id": TEAM},
            "team": {"id": TEAM},
            "view": {**shown, "state": {"values": values}},
        }
        return self.actions.submit_raise(body, TEAM)

    @property
    def card(self) -> Card:
        (found, *_) = cards(self.world.ledger.outbox, self.world.events()[:1], BERLIN)
        return found

    @property
    def limits(self) -> list[SetLimit]:
        return self.world.ledger.outbox.set_limits()

    def state(self) -> str:
        """Everything that a press could have changed."""
        outbox = self.world.ledger.outbox
        return repr((self.card, self.limits, outbox.limit_history(["rag"], 9), outbox.latest(99)))


@pytest.fixture
def desk(reused: Ledger, response_url: tuple[str, list[Json]]) -> Desk:
    return a_desk(emptied(reused), *response_url)


def a_desk(ledger: Ledger, url: str, said: list[Json]) -> Desk:
    said.clear()
    world = World(ledger, [limit("rag", Window.MONTHLY, 100, owners=(OWNER,))])
    world.spend("rag", "110")
    world.sync_and_look(times=2)
    (first,) = world.deliveries()
    copy = NewDelivery(
        Kind.ALERT, Role.ESCALATION, "#llm-cost", first.events, first.message, NOW + timedelta(seconds=1), first.expires
    )
    assert ledger.outbox.announce([], [copy], NOW + timedelta(seconds=1)) is not None
    world.send_all(NOW + timedelta(seconds=1))
    return Desk(world, url, said)


# --- acknowledge and snooze -------------------------------------------------------------------------------------------


def test_acknowledge_changes_every_copy_and_names_who_pressed(desk: Desk) -> None:
    desk.actions.acknowledge(desk.body(), TEAM)
    stale = desk.world.ledger.outbox.stale()
    assert len(stale) == 2
    assert all(f"Acknowledged by {OWNER}" in one.message["text"] for one in stale)
    assert len({one.message["text"] for one in stale}) == 2  # each says why one sees it
    (said,) = desk.said
    assert said["replace_original"] is True
    assert said["text"] == next(one.message["text"] for one in stale if one.role is Role.OWNER)


def test_pressing_twice_or_two_people_at_once_leaves_the_first_named(desk: Desk) -> None:
    desk.actions.acknowledge(desk.body(), TEAM)
    desk.now += HOUR
    desk.actions.acknowledge(desk.body(ADMIN), TEAM)
    assert desk.card.acknowledged is not None
    assert (desk.card.acknowledged.by, desk.card.acknowledged.at) == (OWNER, LATER)


def test_presses_at_the_very_same_time_do_no_harm(tmp_path: Path, response_url: tuple[str, list[Json]]) -> None:
    """Each by a bot of its own, on one file."""
    url = new_url(tmp_path)
    ledgers = [open_ledger(url, create=True) for _ in range(4)]
    desk = a_desk(ledgers[0], *response_url)
    desks = [Desk(replace(desk.world, ledger=ledger), desk.url, desk.said) for ledger in ledgers]
    people = (OWNER, ADMIN, OWNER, ADMIN)
    together = threading.Barrier(len(desks))

    def press(one: Desk, user: str) -> None:
        body = one.body(user)
        together.wait()
        one.actions.acknowledge(body, TEAM)
        one.actions.snooze_day(body, TEAM)

    threads = [threading.Thread(target=press, args=pair) for pair in zip(desks, people, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    card = desk.card
    assert card.acknowledged is not None
    assert card.snoozed is not None
    assert len(desk.said) == 8
    for one in desk.world.ledger.outbox.stale():
        assert f"Acknowledged by {card.acknowledged.by}" in one.message["text"]
        assert one.message["text"].count("Snoozed until") == 1
    for ledger in ledgers:
        ledger.close()


def test_a_snooze_until_tomorrow_ends_with_the_local_day(desk: Desk) -> None:
    desk.actions.snooze_day(desk.body(), TEAM)
    assert desk.card.snoozed is not None
    assert (desk.card.snoozed.by, desk.card.snoozed.until) == (OWNER, datetime(2026, 11, 23, tzinfo=BERLIN))


def test_a_snooze_until_the_periods_end_replaces_the_shorter_one(desk: Desk) -> None:
    desk.actions.snooze_day(desk.body(), TEAM)
    desk.actions.snooze_period(desk.body(ADMIN), TEAM)
    assert desk.card.snoozed is not None
    assert (desk.card.snoozed.by, desk.card.snoozed.until) == (ADMIN, datetime(2026, 12, 1, tzinfo=BERLIN))


def test_an_old_message_cannot_be_snoozed_once_its_period_is_over(desk: Desk) -> None:
    desk.now = datetime(2026, 12, 2, tzinfo=BERLIN)
    desk.actions.snooze_day(desk.body(), TEAM)
    assert desk.card.snoozed is None
    assert "This period is over" in desk.said[-1]["text"]


def test_details_are_for_whoever_asks_alone(desk: Desk) -> None:
    before = desk.state()
    desk.actions.details(desk.body(STRANGER), TEAM)
    said = desk.said[-1]
    assert said["response_type"] == "ephemeral"
    assert said["replace_original"] is False
    assert "Told <@U0OWNER> as owner: sent." in said["text"]
    assert "$110.00 of $100.00 (110 %)" in said["text"]
    assert desk.state() == before


# --- forged presses ---------------------------------------------------------------------------------------------------

FORGED: dict[str, Callable[[Desk], Json]] = {
    "another user": lambda desk: desk.body(STRANGER),
    "another team's user": lambda desk: desk.body() | {"user": {"id": OWNER, "team_id": "T0OTHER"}},
    "another team": lambda desk: desk.body(team={"id": "T0OTHER"}),
    "no team": lambda desk: desk.body(team=None) | {"user": {"id": OWNER}},
    "no user": lambda desk: desk.body() | {"user": None},
    "a user that is none": lambda desk: desk.body("<!channel>"),
    "an edited value": lambda desk: desk.body(actions=[{"value": desk.key + "0"}]),
    "a value that is none": lambda desk: desk.body(actions=[{"value": {"a": 1}}]),
    "no actions": lambda desk: desk.body(actions=None),
    "another kind of event": lambda desk: desk.body(actions=[{"value": "limit:monthly:1:U1"}]),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_press_changes_nothing_and_is_answered(desk: Desk, forgery: str) -> None:
    desk.world.ledger.outbox.announce([NewEvent("limit:monthly:1:U1", Kind.NOTICE, {})], [], NOW)
    before = desk.state()
    actions = desk.actions
    for number, press in enumerate(
        (actions.acknowledge, actions.snooze_day, actions.snooze_period, actions.open_raise)
    ):
        press(FORGED[forgery](desk), TEAM)
        assert desk.state() == before
        assert desk.modals.opened == []
        assert len(desk.said) == number + 1
        assert visible_mentions(desk.said[number]) == []


@pytest.mark.parametrize("forgery", ["another user", "another team", "no team", "no user", "a user that is none"])
def test_a_forged_submission_changes_nothing(desk: Desk, forgery: str) -> None:
    desk.actions.open_raise(desk.body(), TEAM)
    filled = {"amount": {"amount": {"value": "500"}}, "holds": {"holds": {"selected_option": {"value": "changed"}}}}
    before = desk.state()
    body = FORGED[forgery](desk) | {"view": {**desk.modals.opened[0], "state": {"values": filled}}}
    assert desk.actions.submit_raise(body, TEAM)["response_action"] == "errors"
    assert desk.state() == before


@pytest.mark.parametrize("metadata", ["", "null", "{}", '{"key": 1}', '{"key": "nothing", "warned": null}', "[]"])
def test_a_submission_of_no_view_of_ours_changes_nothing(desk: Desk, metadata: str) -> None:
    desk.actions.open_raise(desk.body(), TEAM)
    before = desk.state()
    answer = desk.submit("500", view={**desk.modals.opened[0], "private_metadata": metadata})
    assert answer["response_action"] == "errors"
    assert desk.state() == before


def test_who_is_no_owner_any_more_may_not_change_anything_by_an_old_message(desk: Desk) -> None:
    desk.world.features = [limit("rag", Window.MONTHLY, 100, owners=("U0NEW",))]
    desk.actions.acknowledge(desk.body(), TEAM)
    assert desk.card.acknowledged is None


# --- raising ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["invalid_blocks", "invalid_arguments", "expired_trigger_id"])
def test_a_modal_that_slack_refuses_is_said_with_a_reference_and_changes_nothing(desk: Desk, code: str) -> None:
    before = desk.state()
    desk.modals.refusal = RefusedError(f"Slack said no ({code}).", code, permanent=True)
    desk.actions.open_raise(desk.body(), TEAM)
    assert "in the log as" in desk.said[-1]["text"]
    assert desk.state() == before


def test_raise_holds_until_the_period_ends_and_keeps_an_audit_trail(desk: Desk) -> None:
    desk.actions.open_raise(desk.body(), TEAM)
    assert desk.submit("$1,200.50") == {}
    end = datetime(2026, 12, 1, tzinfo=BERLIN)
    assert desk.limits == [
        SetLimit("rag", Window.MONTHLY, 1_200_500_000_000, OWNER, LATER, end, file_limit=100 * DOLLAR)
    ]
    (change,) = desk.world.ledger.outbox.limit_history(["rag"], 9)
    assert (change.by, change.old_nanos, change.new_nanos) == (OWNER, 100 * DOLLAR, 1_200_500_000_000)
    assert all("Limit set to $1,200" in one.message["text"] for one in desk.world.ledger.outbox.stale())
    assert len(desk.world.ledger.outbox.stale()) == 2


def test_a_card_from_before_a_rename_raises_the_limit_of_the_feature_and_says_so(desk: Desk) -> None:
    (feature,) = desk.world.features
    desk.world.features = [
        feature._replace(
            name="search", aliases=("rag",), budgets=tuple(one._replace(feature="search") for one in feature.budgets)
        )
    ]
    desk.world.sync(desk.now)
    desk.actions.open_raise(desk.body(), TEAM)
    shown = str(desk.modals.opened[-1])
    assert "$0.00" not in shown
    assert "no limit" not in shown
    desk.submit("300", holds="change")
    (in_force,) = desk.world.catalog.budgets(desk.limits, desk.now + timedelta(minutes=1))
    assert (in_force.budget.feature, in_force.budget.limit_nanos) == ("search", 300 * DOLLAR)
    assert desk.card.changed is not None
    desk.actions.acknowledge(desk.body(), TEAM)
    assert all("has no owner" not in str(one.message) for one in desk.world.ledger.outbox.latest(99))


def test_raise_can_hold_until_it_is_changed(desk: Desk) -> None:
    desk.actions.open_raise(desk.body(ADMIN), TEAM)
    desk.submit("150", "changed", ADMIN)
    assert (desk.limits[0].until, desk.limits[0].set_by) == (None, ADMIN)


@pytest.mark.parametrize("amount", ["", "much", "0", "-5", "1e9", "10000000000"])
def test_what_is_no_limit_is_said_beside_the_field(desk: Desk, amount: str) -> None:
    desk.actions.open_raise(desk.body(), TEAM)
    answer = desk.submit(amount)
    assert answer["response_action"] == "errors"
    assert list(answer["errors"]) == ["amount"]
    assert desk.limits == []


def test_at_or_below_what_is_spent_it_warns_first_and_saves_the_second_time(desk: Desk) -> None:
    desk.actions.open_raise(desk.body(), TEAM)
    answer = desk.submit("110")
    assert answer["response_action"] == "update"
    assert problems(answer["view"], "modal") == []
    assert desk.limits == []
    again = desk.submit("105", view=answer["view"])  # another amount is another question
    assert again["response_action"] == "update"
    assert desk.submit("105", view=again["view"]) == {}
    assert desk.limits[0].limit_nanos == 105 * DOLLAR


def test_submitting_twice_is_one_change(desk: Desk) -> None:
    desk.actions.open_raise(desk.body(), TEAM)
    assert desk.submit("150") == desk.submit("150") == {}
    assert len(desk.world.ledger.outbox.limit_history(["rag"], 9)) == 1


def test_a_feature_without_an_owner_may_be_changed_by_anybody_which_the_digests_channel_reads(desk: Desk) -> None:
    desk.world.features = [limit("rag", Window.MONTHLY, 100, owners=())]
    desk.actions.open_raise(desk.body(STRANGER), TEAM)
    assert desk.submit("150", user=STRANGER) == {}
    (told,) = [one for one in desk.world.deliveries() if one.kind is Kind.NOTICE]
    assert told.recipient == "#llm-cost"
    assert "$150.00 now, $100.00 before" in told.message["text"]
    assert STRANGER in told.message["text"]


@pytest.mark.parametrize(
    ("press", "done"),
    [
        ("acknowledge", "was acknowledged."),
        ("snooze_day", "was snoozed until 23 Nov 2026 00:00."),
        ("snooze_period", "was snoozed until 1 Dec 2026 00:00."),
    ],
)
def test_so_may_an_alert_be_seen_to_without_an_owner_which_the_digests_channel_reads_once(
    desk: Desk, press: str, done: str
) -> None:
    desk.world.features = [limit("rag", Window.MONTHLY, 100, owners=())]
    for user in (STRANGER, OWNER):
        getattr(desk.actions, press)(desk.body(user), TEAM)
        desk.now += timedelta(minutes=1)
    (told,) = [one for one in desk.world.deliveries() if one.kind is Kind.NOTICE]
    assert (told.recipient, told.role) == ("#llm-cost", Role.CHANNEL)
    assert f"The alert about the monthly budget of rag (2026-11) {done}" in told.message["text"]
    assert f"rag has no owner, so anybody may do that; <@{STRANGER}> did." in told.message["text"]


def test_who_acknowledges_what_was_acknowledged_does_nothing_that_could_be_announced(desk: Desk) -> None:
    desk.actions.acknowledge(desk.body(), TEAM)
    desk.world.features = [limit("rag", Window.MONTHLY, 100, owners=())]
    desk.actions.acknowledge(desk.body(STRANGER), TEAM)
    assert Kind.NOTICE not in {one.kind for one in desk.world.deliveries()}


@pytest.mark.parametrize("press", ["acknowledge", "snooze_day", "snooze_period"])
def test_what_owners_do_is_announced_nowhere_and_without_a_channel_nothing_is(desk: Desk, press: str) -> None:
    getattr(desk.actions, press)(desk.body(), TEAM)
    desk.world.features = [limit("rag", Window.MONTHLY, 100, owners=())]
    desk.world.digest_channel = None
    getattr(desk.actions, press)(desk.body(STRANGER), TEAM)
    assert Kind.NOTICE not in {one.kind for one in desk.world.deliveries()}


# --- by words ---------------------------------------------------------------------------------------------------------


def _pressed(said: Json, label: str) -> str:
    buttons = [one for block in said["blocks"] if block["type"] == "actions" for one in block["elements"]]
    return str(next(one["value"] for one in buttons if one["text"]["text"] == label))


def test_words_are_understood_and_nothing_is_stored_before_save(desk: Desk) -> None:
    said = desk.type("budget rag weekly $1,200.50 owner <@U0NEW|new>")
    assert said["response_type"] == "ephemeral"
    assert "I understood: rag may spend $1,200 weekly." in said["text"]
    assert problems({"text": said["text"], "blocks": said["blocks"]}) == []
    assert desk.limits == []
    save = desk.body(actions=[{"value": _pressed(said, "Save")}])
    for _ in range(2):
        desk.commands.save(save, TEAM)
        assert desk.said[-1]["replace_original"] is True
    assert desk.limits == [SetLimit("rag", Window.WEEKLY, 1_200_500_000_000, OWNER, LATER, None, None, ("U0NEW",))]
    assert len(desk.world.ledger.outbox.limit_history(["rag"], 9)) == 1


def test_cancel_changes_nothing(desk: Desk) -> None:
    desk.type("budget rag weekly 5")
    before = desk.state()
    desk.commands.cancel(desk.body(), TEAM)
    assert desk.state() == before
    assert "Nothing was changed" in desk.said[-1]["text"]


def test_who_may_not_change_a_budget_gets_no_button(desk: Desk) -> None:
    said = desk.type("budget rag weekly 5", STRANGER)
    assert "Only the owners of rag" in said["text"]
    assert [block["type"] for block in said["blocks"]] == ["rich_text"]


def test_without_save_words_only_show_how_budgets_stand(desk: Desk) -> None:
    assert "1 budget, 1 over the limit." in desk.type("budget")["text"]
    assert "The limit stands in llmcost.toml." in desk.type("budget rag")["text"]
    assert "no feature called" in desk.type("budget rga monthly 5")["text"]


@pytest.mark.parametrize(
    "value",
    [
        "", "null", "[]", '["rag"]', '["rag", "yearly", "5"]', '["rag", "daily", "0"]', '["rag", "daily", "NaN"]',
        '["rag", "daily", "-1"]', '["rag", "daily", "1e30"]', '["rag", "daily", "x"]', '["nothing", "daily", "5"]',
        '["rag", "daily", "5", "<!channel>"]', '{"rag": 1}', '[["rag"], "daily", "5"]',
    ],
)  # fmt: skip
def test_a_forged_save_changes_nothing(desk: Desk, value: str) -> None:
    before = desk.state()
    desk.commands.save(desk.body(actions=[{"value": value}]), TEAM)
    assert desk.state() == before
    assert "cannot be saved" in desk.said[-1]["text"]


@pytest.mark.parametrize("forgery", ["another user", "another team's user", "another team", "no team", "no user"])
def test_a_save_by_somebody_else_changes_nothing(desk: Desk, forgery: str) -> None:
    value = _pressed(desk.type("budget rag monthly 500"), "Save")
    before = desk.state()
    desk.commands.save(FORGED[forgery](desk) | {"actions": [{"value": value}]}, TEAM)
    assert desk.state() == before


def test_a_new_budget_is_watched_from_then_on(desk: Desk) -> None:
    value = _pressed(desk.type("budget rag daily 50 owner <@U0NEW>"), "Save")
    desk.commands.save(desk.body(actions=[{"value": value}]), TEAM)
    desk.world.sync_and_look(LATER + timedelta(minutes=1), times=2)
    assert desk.world.told()[1:] == ["rag:daily:2026-11-22:200"]
    assert desk.world.deliveries()[-1].recipient == "U0NEW"
