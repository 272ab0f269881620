"""The parts as they are put together by the settings: that each is handed what belongs to it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app.office import Office
from bot.domain.budget import Window
from bot.domain.catalog import Catalog, Feature
from bot.ledger.deliveries import State
from bot.ledger.events import Event
from bot.ledger.store import Ledger
from bot.settings import load_settings
from bot.slack.alert_copies import facts_of
from bot.slack.alert_message import RAISE
from bot.slack.listeners import Listeners
from tests.contract.test_alerts import World, limit
from tests.ledgers import BERLIN, emptied, reporter
from tests.standins.slack_fake import LOST_BEFORE, TEAM, FakeSlack, Fault, Said

NIGHT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Building:
    """An office with its ledger and its Slack: Alice (U1) in Kathmandu; Bob (U2) and Ada the admin (U9) in UTC."""

    world: World
    folder: Path
    now: datetime = NIGHT
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.slack = FakeSlack(lambda: self.now)
        self.slack.add_person("U1", "alice@example.com", "Asia/Kathmandu")
        self.slack.add_person("U2", "bob@example.com", "UTC")
        self.slack.add_person("U9", "ada@example.com", "UTC")
        self.slack.add_group("S1", ["U1", "U2"])
        self.slack.add_channel("C1", "costs")

    @property
    def catalog(self) -> Catalog:
        return self.world.catalog

    @property
    def office(self) -> Office:
        """New for each step, as after a restart."""
        usual = {"LLMCOST_TIMEZONE": "Europe/Berlin", "LLMCOST_ADMINS": "U9", "DATABASE_URL": "sqlite:////nowhere/l.db"}
        settings = load_settings(environ=usual | self.environ, directory=self.folder)
        return Office(settings, self, self.world.ledger, self.slack, lambda: self.now)

    def cross(self, dollars: str, *, trouble: str | None = None, times: int = 0) -> None:
        """The budget has been seen to be crossed twice; Slack does not answer the next calls of a method."""
        self.world.spend("rag", dollars, self.now - HOUR)
        for look in (1, 2):
            self.world.sync(self.now)
            if look == 2 and trouble is not None:
                self.slack.fail_next(trouble, LOST_BEFORE, times=times)
            self.office.alerts().run(self.now)
            self.now += MINUTE

    def deliver(self) -> dict[str, datetime]:
        """Time passes until nothing is on its way any more; when something was first said in each place."""
        outbox = self.world.ledger.outbox
        while waiting := outbox.latest(100, states=[State.OPEN]):
            self.now = max(self.now, min(one.next_try for one in waiting))
            self.office.post_office().run(self.now)
        return {one.place: one.at for one in reversed(self.slack.messages)}


@pytest.fixture
def building(reused: Ledger, tmp_path: Path) -> Building:
    return Building(World(emptied(reused)), tmp_path)


@pytest.mark.parametrize("form", ["budget", "rule"])
@pytest.mark.parametrize("code", ["invalid_blocks", "invalid_arguments", "expired_trigger_id"])
def test_a_form_that_slack_refuses_is_said_on_the_home_tab_with_a_reference(
    building: Building, form: str, code: str
) -> None:
    building.slack.fail_next("open_modal", Fault(code=code, permanent=True))
    answers = reporter(building.world.ledger, building.catalog)
    listeners = Listeners(answers, building.world.ledger, lambda: building.now)
    shown = building.office.surfaces(answers, listeners, lambda _: (), lambda _: None)
    opened = {"budget": shown.open_budget, "rule": shown.open_rule}[form]
    opened({"trigger_id": "T1", "user": {"id": "U2", "team_id": TEAM}, "team": {"id": TEAM}})
    assert building.slack.modals == []
    assert "in the log as" in json.dumps(building.slack.homes["U2"])


def nine(zone: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-22T09:00{zone}")


# --- quiet hours ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owners", "trouble", "times", "heard"),
    [
        (("alice@example.com", "U2"), None, 0, {"D1": nine("+05:45"), "D2": nine("+00:00")}),
        (("S1",), None, 0, {"D1": nine("+05:45"), "D2": nine("+00:00")}),
        # As a group it waits for nobody: its members do.
        (("S1",), "members", 1, {"D1": nine("+05:45"), "D2": nine("+00:00")}),
        # When it is decided, nobody knows what hour it is there.
        (("alice@example.com",), "person", 1, {"D1": nine("+05:45")}),
        (("alice@example.com",), "person", 2, {"D1": nine("+05:45")}),
        (("alice@example.com",), "person", 3, {"D1": nine("+05:45")}),
        # Ada hears of it instead of somebody who has left.
        (("U404",), None, 0, {"D9": nine("+00:00")}),
        ((), None, 0, {"D9": nine("+00:00")}),
    ],
)
def test_an_alert_below_the_limit_waits_for_the_morning_of_whoever_gets_it(
    building: Building, owners: tuple[str, ...], trouble: str | None, times: int, heard: dict[str, datetime]
) -> None:
    building.world.features = [limit("rag", Window.MONTHLY, 100, owners=owners)]
    building.cross("85", trouble=trouble, times=times)
    assert building.deliver() == heard


@pytest.mark.parametrize("owners", [("alice@example.com",), ("S1",), ("U404",)])
def test_from_the_limit_on_it_waits_for_nobody(building: Building, owners: tuple[str, ...]) -> None:
    building.world.features = [limit("rag", Window.MONTHLY, 100, owners=owners)]
    building.cross("105")
    assert set(building.deliver().values()) == {building.now}
    assert building.now < NIGHT + 5 * MINUTE


def test_it_waits_for_nobody_where_quiet_hours_are_off(building: Building) -> None:
    building.environ = {"LLMCOST_QUIET_HOURS": "off"}
    building.world.features = [limit("rag", Window.MONTHLY, 100, owners=("S1", "U404"))]
    building.cross("85")
    assert set(building.deliver().values()) == {building.now}
    assert building.now < NIGHT + 5 * MINUTE


def test_a_channel_hears_of_it_at_night(building: Building) -> None:
    building.environ = {"LLMCOST_DIGEST_CHANNEL": "#costs"}
    building.world.features = [limit("rag", Window.MONTHLY, 100, owners=("U404",))]
    building.cross("85")
    assert building.deliver().keys() == {"C1"}
    assert building.now < NIGHT + 5 * MINUTE


def test_what_did_not_get_through_in_the_evening_is_not_tried_again_at_night(building: Building) -> None:
    building.now = datetime(2026, 11, 21, 17, 57, tzinfo=UTC)
    building.world.features = [limit("rag", Window.MONTHLY, 100, owners=("U2",))]
    building.cross("85")
    building.slack.fail_next("post", LOST_BEFORE)
    assert building.deliver() == {"D2": nine("+00:00")}


def test_nothing_is_lost_by_waiting(building: Building) -> None:
    """Slack is silent for almost as long as an alert lasts, and comes back at night."""
    building.now = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)
    building.world.features = [limit("rag", Window.MONTHLY, 100, owners=("U2",))]
    building.cross("85", trouble="person", times=146)
    heard = building.deliver()
    assert heard == {"D2": nine("+00:00")}
    (delivery,) = building.world.deliveries()
    assert building.slack.faults["person", LOST_BEFORE] == 146
    assert delivery.created + timedelta(days=3) < heard["D2"]


# --- digests ----------------------------------------------------------------------------------------------------------


def test_a_channel_that_is_configured_by_name_and_by_id_is_one(building: Building) -> None:
    building.environ = {"LLMCOST_DIGEST_CHANNEL": "#costs"}
    building.world.features = [Feature("rag", channel="C1", digest=True)]
    building.now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    building.world.sync(building.now)
    building.office.digests().run(building.now)
    assert [one.events for one in building.world.deliveries()] == [("digest:C1:2026-11-22",)]
    assert building.deliver().keys() == {"C1"}


# --- weeks ------------------------------------------------------------------------------------------------------------


def test_a_week_begins_on_the_same_day_wherever_it_is_spoken_of(building: Building) -> None:
    """On Sundays, here; of an alert, of the modal that raises its limit, of the digest and of what stands under it."""
    building.environ = {"LLMCOST_WEEK_START": "sunday", "LLMCOST_DIGEST_CHANNEL": "#costs"}
    building.world.features = [limit("rag", Window.WEEKLY, 100, owners=("U2",))]
    building.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    building.world.spend("rag", "105", day(22))
    building.cross("4")
    (event,) = building.world.events()
    state = facts_of(event).state
    assert (state.start, state.end) == (day(22), day(29))

    building.deliver()
    building.office.actions().open_raise(pressed(event, building.slack.messages[0]), TEAM)
    ((_, view),) = building.slack.modals
    assert "The period ends on 29 Nov 2026 00:00." in json.dumps(view)

    building.now = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
    building.world.spend("rag", "2", day(28))
    building.world.sync(building.now)
    building.office.digests().run(building.now)
    building.deliver()
    building.office.digest_threads().run(building.now)
    building.deliver()
    digest, thread = building.slack.said("C1")
    assert "The week (22\u201328 Nov 2026) cost $111.00." in digest.form["text"]
    assert "111 % of $100.00 weekly" in thread.form["text"]


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=BERLIN)


def pressed(event: Event, said: Said) -> dict[str, Any]:
    """Bob has pressed a button of an alert's message."""
    return {
        "type": "block_actions",
        "user": {"id": "U2", "team_id": TEAM},
        "team": {"id": TEAM},
        "actions": [{"action_id": RAISE, "value": event.key}],
        "container": {"channel_id": said.place, "message_ts": said.ts},
        "response_url": "http://127.0.0.1:9/",
        "trigger_id": "trigger",
    }
