"""Which alerts a ledger leads to, told to whom, and what becomes of them. Time and people are handed in."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from bot.domain.budget import ALERT_AT, Budget, SetLimit, Window
from bot.domain.catalog import Catalog, Feature
from bot.domain.period import first_instant
from bot.jobs.alerts import NOBODY, Alerts
from bot.jobs.budget_periods import SINCE
from bot.jobs.escalations import Escalations
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.coverage import TRACE
from bot.ledger.deliveries import Delivery, Kind, Role, State
from bot.ledger.events import Event
from bot.ledger.lease import SYNC
from bot.ledger.limits import Snooze
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger
from bot.reports.causes import Factor
from bot.slack.alert_copies import facts_of
from bot.slack.api import UnconfirmedError
from bot.slack.post_office import Awake, PostOffice
from bot.slack.routes import Route, route
from tests.ledgers import BERLIN, DIMENSIONS, NOW, PROJECT, Spent, emptied, fill, price
from tests.standins.slack_fake import LOST_BEFORE, FakeSlack
from tests.unit.zones import NASTY, day_of, first_second, segments

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = first_instant((NOW + DAY).date(), BERLIN)
DOLLAR = 1_000_000_000


class Person(NamedTuple):
    id: str
    why: str


def limit(feature: str, window: Window, dollars: float, **more: object) -> Feature:
    """A feature of the file with one budget."""
    usual: dict[str, object] = {"owners": (f"{feature}@example.com",)} | more
    made = Feature(feature, **usual)  # type: ignore[arg-type] # a test's shorthand
    return made._replace(budgets=(Budget(feature, window, int(dollars * DOLLAR), ALERT_AT, made.where),))


@dataclass
class World:
    """A ledger, the file, and people whom Slack knows."""

    ledger: Ledger
    features: list[Feature] = field(default_factory=list)
    zone: ZoneInfo = BERLIN
    spent: list[Spent] = field(default_factory=list)
    slack_is_down: bool = False
    digest_channel: str | None = "#llm-cost"
    admins: tuple[str, ...] = ("U0ADMIN",)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)

    def spend(self, feature: str | None, dollars: str, at: datetime = NOW, **more: object) -> None:
        """What the next sync will find."""
        self.spent.append(Spent(at, feature, Decimal(dollars), **more))  # type: ignore[arg-type] # a test's shorthand

    def sync(self, now: datetime = NOW, **more: object) -> None:
        """One useful sync."""
        runs, self.spent = self.spent, []
        fill(self.ledger, runs, catalog=self.catalog, zone=self.zone, now=now, **more)  # type: ignore[arg-type] # likewise

    def look(self, now: datetime = NOW) -> None:
        """One run of the job."""
        self.alerts.run(now)

    def sync_and_look(self, now: datetime = NOW, times: int = 1) -> None:
        for _ in range(times):
            self.sync(now)
            self.look(now)

    @property
    def catalog(self) -> Catalog:
        return Catalog({feature.name: feature for feature in self.features})

    @property
    def alerts(self) -> Alerts:
        """The job, new each time: it must know nothing by itself."""
        return Alerts(
            self.ledger, lambda: self.catalog, self.zone, 0, self.recipients, self.not_before, self.digest_channel,
            self.admins,
        )  # fmt: skip

    @property
    def escalations(self) -> Escalations:
        return Escalations(
            self.ledger.outbox, lambda: self.catalog, self.zone, lambda name: self.channels.get(name, name),
            self.digest_channel, self.admins,
        )  # fmt: skip

    def recipients(self, owners: Sequence[str], feature: str) -> list[Person]:
        if self.slack_is_down:
            raise UnconfirmedError("Slack did not answer.")
        found = []
        for owner in owners:
            found += [Person(one, f"in {owner}") for one in self.groups.get(owner, ())]
            if not owner.startswith("S"):
                found.append(Person(owner, f"owner of {feature}"))
        return found

    def not_before(self, recipient: str, now: datetime, percent: int) -> datetime:
        if self.slack_is_down:
            raise UnconfirmedError("Slack did not answer.")
        del recipient
        return now + 12 * HOUR if percent < 100 else now

    def told(self) -> list[str]:
        """The thresholds of what was told, as `feature:window:period:threshold`, in order."""
        found = []
        for event in sorted(self.events(), key=lambda event: (event.created, event.threshold)):
            state = facts_of(event).state
            found.append(f"{state.feature}:{state.window}:{state.period}:{event.threshold}")
        return found

    def events(self) -> list[Event]:
        """What was told, without what was superseded."""
        events = self.ledger.outbox.recent_events(Kind.ALERT, datetime(2000, 1, 1, tzinfo=UTC))
        return [event for event in events if event.superseded_by is None]

    def deliveries(self) -> list[Delivery]:
        return sorted(self.ledger.outbox.latest(99), key=lambda one: (one.created, one.recipient))

    def send_all(self, now: datetime) -> None:
        """Everything that is due stands in Slack."""
        while (claimed := self.ledger.outbox.claim_next(now)) is not None:
            place = self.channels.get(claimed.delivery.recipient, f"D{claimed.delivery.recipient}")
            assert self.ledger.outbox.record_sending(claimed, place, now)
            self.ledger.outbox.record_sent(claimed, place, "1.1", now)


@pytest.fixture
def world(reused: Ledger) -> World:
    return World(emptied(reused), [limit("rag", Window.MONTHLY, 100)])


# --- what is told -----------------------------------------------------------------------------------------------------


def test_a_crossing_is_told_after_the_second_sync_that_sees_it(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look()
    assert world.told() == []
    world.look()  # the same sync once more
    assert world.told() == []
    world.sync_and_look()
    assert world.told() == ["rag:monthly:2026-11:80"]


def test_what_was_told_is_not_told_again_by_any_later_look(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look(times=6)
    assert len(world.deliveries()) == 1


def test_of_several_thresholds_the_highest_is_told_and_the_others_are_superseded_by_it(world: World) -> None:
    world.spend("rag", "210")
    world.sync_and_look(times=3)
    assert world.told() == ["rag:monthly:2026-11:200"]
    key = "budget:rag:monthly:2026-11:limit=100000000000"
    for lower in (80, 100, 150):
        event = world.ledger.outbox.event(f"{key}:{lower}")
        assert event is not None
        assert event.superseded_by == f"{key}:200"
    (delivery,) = world.deliveries()
    assert delivery.events == (f"{key}:200",)


def test_a_higher_threshold_later_is_told_beside_the_lower_one(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    world.send_all(NOW + DAY)
    world.spend("rag", "70")
    world.sync_and_look(times=3)
    assert world.told() == ["rag:monthly:2026-11:80", "rag:monthly:2026-11:150"]


def test_a_cost_that_is_gone_at_the_next_sync_is_told_to_nobody(world: World) -> None:
    spike = Spent(NOW, "rag", Decimal(500)).as_run(1)
    for cost in (500, 1, 1):
        world.sync()
        with world.ledger.reading() as reading:
            (project,) = reading.projects()
        with world.ledger.lease(SYNC, NOW) as lease:
            rules = Rules(world.catalog.attribution(("feature",)), price, day_finder(BERLIN), DIMENSIONS)
            world.ledger.book(lease, NOW, project, [spike._replace(raw_cost=cost * DOLLAR)], {}, rules)
        world.look()
    assert world.told() == []


def test_impossible_runs_page_nobody(world: World) -> None:
    world.spend("rag", "-500")
    world.spend("rag", "10")
    world.sync_and_look(times=3)
    assert world.told() == []


def test_where_narrows_a_budget(world: World) -> None:
    """Dev traffic must not page anybody."""
    world.features = [limit("rag", Window.MONTHLY, 100, where=(("env", "production"),))]
    world.spend("rag", "500", keys={"env": "dev"})
    world.spend("rag", "90", keys={"env": "production"})
    world.sync_and_look(times=3)
    assert world.told() == ["rag:monthly:2026-11:80"]


def test_total_and_untagged_have_budgets(world: World) -> None:
    world.features = [limit("total", Window.DAILY, 100), limit("untagged", Window.DAILY, 100)]
    world.spend("rag", "60")
    world.spend(None, "85")
    world.sync_and_look(times=2)
    assert sorted(world.told()) == ["total:daily:2026-11-22:100", "untagged:daily:2026-11-22:80"]


def test_a_changed_limit_re_arms(world: World) -> None:
    world.spend("rag", "110")
    world.sync_and_look(times=2)
    old = SetLimit("rag", Window.MONTHLY, 130 * DOLLAR, "U1", NOW, file_limit=100 * DOLLAR)
    world.ledger.outbox.set_limit(old, None)
    world.sync_and_look(NOW + HOUR, times=2)
    assert world.told() == ["rag:monthly:2026-11:100", "rag:monthly:2026-11:80"]
    world.ledger.outbox.set_limit(old._replace(limit_nanos=90 * DOLLAR), None)
    world.sync_and_look(NOW + 2 * HOUR, times=3)
    assert world.told()[2:] == ["rag:monthly:2026-11:100"]


def test_a_crossing_is_not_told_again_because_the_feature_has_another_name(world: World) -> None:
    world.spend("rag", "110")
    world.sync_and_look(times=2)
    world.send_all(NOW)
    world.features = [limit("search", Window.MONTHLY, 100, aliases=("rag",))]
    world.sync_and_look(NOW + HOUR, times=3)
    assert world.told() == ["rag:monthly:2026-11:100"]
    world.spend("rag", "45", NOW + HOUR)
    world.sync_and_look(NOW + 2 * HOUR, times=2)
    assert world.told()[1:] == ["search:monthly:2026-11:150"]


def test_a_lower_alert_that_waits_is_withdrawn_under_its_former_name_too(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    world.features = [limit("search", Window.MONTHLY, 100, aliases=("rag",))]
    world.spend("rag", "30")
    world.sync_and_look(NOW + HOUR, times=2)
    assert world.told() == ["search:monthly:2026-11:100"]
    (waiting,) = (one for one in world.deliveries() if one.state is State.OPEN)
    assert "search has spent $115.00" in waiting.message["text"]


def test_late_costs_of_a_closed_day_are_told_though_the_feature_has_another_name(world: World) -> None:
    world.features = [limit("rag", Window.DAILY, 100)]
    world.sync_and_look(NOW - DAY, times=2)
    world.features = [limit("search", Window.DAILY, 100, aliases=("rag",))]
    world.spend("rag", "110", NOW - DAY)
    world.sync_and_look(NOW, times=2)
    assert world.told() == ["search:daily:2026-11-21:100"]


def test_a_snooze_lasts_though_the_feature_gets_another_name(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    (event,) = world.events()
    world.ledger.outbox.snooze([event.subject], Snooze(NOW + 5 * HOUR, "U1", NOW))
    world.features = [limit("search", Window.MONTHLY, 100, aliases=("rag",))]
    world.spend("rag", "30")
    world.sync_and_look(NOW + HOUR, times=3)
    assert world.told() == ["rag:monthly:2026-11:80"]
    world.sync_and_look(NOW + 6 * HOUR)
    assert world.told() == ["search:monthly:2026-11:100"]


def test_a_limit_that_was_set_in_slack_is_watched_under_the_features_new_name(world: World) -> None:
    world.features = []
    world.ledger.outbox.set_limit(SetLimit("rag", Window.MONTHLY, 100 * DOLLAR, "U1", NOW), None)
    world.features = [Feature("search", ("alice@example.com",), aliases=("rag",))]
    world.spend("rag", "110")
    world.sync_and_look(NOW + HOUR, times=2)
    assert world.told() == ["search:monthly:2026-11:100"]


def test_late_costs_are_judged_by_the_limit_of_their_days_though_it_was_narrowed_since(world: World) -> None:
    """Its runs and its thresholds are those of then."""
    world.features = []
    old = SetLimit("rag", Window.DAILY, 100 * DOLLAR, "U1", NOW, owners=("U1",), alert_at=(50,), where=())
    world.ledger.outbox.set_limit(old, None)
    world.sync_and_look(times=2)
    new = old._replace(set_at=NOW + DAY, alert_at=(300,), where=(("env", "production"),))
    world.ledger.outbox.set_limit(new, None)
    world.sync_and_look(NOW + DAY, times=2)
    assert world.told() == []
    world.spend("rag", "60", at=NOW)
    world.sync_and_look(NOW + DAY + HOUR, times=2)
    assert world.told() == ["rag:daily:2026-11-22:50"]


def test_a_snooze_holds_back_and_then_the_highest_is_told(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    world.send_all(NOW + DAY)
    (delivery,) = world.deliveries()
    event = world.ledger.outbox.event(delivery.events[0])
    assert event is not None
    world.ledger.outbox.snooze([event.subject], Snooze(NOW + DAY, "U1", NOW))
    world.spend("rag", "140")
    world.sync_and_look(times=3)
    assert len(world.told()) == 1
    world.sync_and_look(NOW + DAY)
    assert world.told()[1:] == ["rag:monthly:2026-11:200"]


# --- periods ----------------------------------------------------------------------------------------------------------


def test_the_first_look_tells_nothing_of_periods_that_had_closed(world: World) -> None:
    world.features = [limit("rag", Window.DAILY, 100)]
    world.spend("rag", "900", NOW - DAY)
    world.sync_and_look(times=4)
    assert world.told() == []


def test_a_crossing_by_late_costs_is_told_of_a_closed_day_until_it_is_settled(world: World) -> None:
    world.features = [limit("rag", Window.DAILY, 100)]
    world.sync_and_look(times=2)
    tomorrow = NOW + DAY
    world.spend("rag", "120", NOW)
    world.sync_and_look(tomorrow, times=2)
    assert world.told() == ["rag:daily:2026-11-22:100"]
    world.spend("rag", "120", NOW)
    world.sync(tomorrow + HOUR, settled=NOW.date())
    world.look(tomorrow + HOUR)
    world.sync_and_look(tomorrow + HOUR, times=2)
    assert world.told() == ["rag:daily:2026-11-22:100"]


def test_days_that_crossed_while_the_bot_was_down_are_told(world: World) -> None:
    world.features = [limit("rag", Window.DAILY, 100)]
    world.sync_and_look(NOW - 3 * DAY)
    world.spend("rag", "120", NOW - 2 * DAY)
    world.sync_and_look(times=2)
    assert world.told() == ["rag:daily:2026-11-20:100"]


def test_a_new_period_begins_anew(world: World) -> None:
    world.features = [limit("rag", Window.DAILY, 100)]
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    world.spend("rag", "85", NOW + DAY)
    world.sync_and_look(NOW + DAY, times=2)
    assert world.told() == ["rag:daily:2026-11-22:80", "rag:daily:2026-11-23:80"]


@pytest.mark.parametrize("how", ["set in Slack", "lowered", "added", "of all runs"])
def test_a_budget_says_nothing_of_periods_that_had_ended_before_it_was_there(world: World, how: str) -> None:
    before = {
        "lowered": [limit("rag", Window.DAILY, 100)],
        "of all runs": [limit("rag", Window.DAILY, 50, where=(("env", "production"),))],
    }
    world.features = before.get(how, [])
    world.sync_and_look(NOW - 3 * DAY)
    for days in (2, 1, 0):
        world.spend("rag", "60", NOW - days * DAY)
    world.sync_and_look(times=2)
    assert world.told() == []
    if how == "set in Slack":
        new = SetLimit("rag", Window.DAILY, 50 * DOLLAR, "U1", NOW, owners=("U1",))
        world.ledger.outbox.set_limit(new, None)
    else:
        world.features = [limit("rag", Window.DAILY, 50)]
    world.sync_and_look(NOW + HOUR, times=3)
    assert world.told() == ["rag:daily:2026-11-22:100"]
    world.send_all(NOW + HOUR)
    world.spend("rag", "20")
    world.sync_and_look(NOW + DAY, times=2)
    assert world.told()[1:] == ["rag:daily:2026-11-22:150"]


def test_a_limit_that_comes_back_is_a_new_one(world: World) -> None:
    """Yesterday it was another: 150 is no overage of that."""
    for at, dollars in ((NOW - 2 * DAY, 100), (NOW - DAY, 200), (NOW, 100)):
        world.features = [limit("rag", Window.DAILY, dollars)]
        world.spend("rag", "150", NOW - DAY)
        world.spent = world.spent if dollars == 200 else []
        world.sync_and_look(at, times=2)
    assert world.told() == []


def test_a_budget_is_known_from_the_first_look_on_even_if_nothing_could_be_read(world: World) -> None:
    world.features = []
    world.sync_and_look(NOW - DAY)
    world.features = [limit("rag", Window.DAILY, 100)]
    world.look()
    world.spend("rag", "120")
    world.sync_and_look(NOW + DAY, times=2)
    assert world.told() == ["rag:daily:2026-11-22:100"]


def test_what_counted_before_a_raise_for_a_day_is_as_old_as_before(world: World) -> None:
    world.features = [limit("rag", Window.DAILY, 100)]
    world.sync_and_look(NOW - DAY)
    raise_for_today(world, 200)
    world.sync_and_look(NOW)
    world.spend("rag", "120", NOW - DAY)
    world.sync_and_look(MIDNIGHT + HOUR, times=2)
    assert world.told() == ["rag:daily:2026-11-21:100"]


def test_budgets_of_a_ledger_that_does_not_say_since_when_are_as_old_as_its_looks(world: World) -> None:
    """An earlier version has looked at them."""
    world.features = [limit("rag", Window.DAILY, 100)]
    world.ledger.outbox.set_mark(SINCE, str(microseconds(NOW - DAY)))
    world.spend("rag", "120", NOW - DAY)
    world.spend("rag", "120", NOW - 2 * DAY)
    world.sync_and_look(times=2)
    assert world.told() == ["rag:daily:2026-11-21:100"]


def raise_for_today(world: World, dollars: int, now: datetime = NOW) -> None:
    """What the modal suggests: until the period ends."""
    new = SetLimit("rag", Window.DAILY, dollars * DOLLAR, "U1", now, until=MIDNIGHT, file_limit=100 * DOLLAR)
    world.ledger.outbox.set_limit(new, 100 * DOLLAR)


def test_a_limit_until_the_period_ends_is_still_that_periods_when_it_has_ended(world: World) -> None:
    """Late costs are measured by it too, and by what it was then: one for today says nothing of yesterday."""
    world.features = [limit("rag", Window.DAILY, 100)]
    world.spend("rag", "110")
    world.sync_and_look(times=2)
    raise_for_today(world, 200)
    world.spend("rag", "45")
    for minutes in (-5, 0, 1, 2, 3):
        world.sync_and_look(MIDNIGHT + timedelta(minutes=minutes))
    assert world.told() == ["rag:daily:2026-11-22:100"]
    again = SetLimit("rag", Window.DAILY, 150 * DOLLAR, "U1", MIDNIGHT + HOUR, file_limit=100 * DOLLAR)
    world.ledger.outbox.set_limit(again, None)
    world.sync_and_look(MIDNIGHT + HOUR, times=2)
    assert len(world.told()) == 1
    world.spend("rag", "15")
    world.sync_and_look(MIDNIGHT + HOUR, times=2)
    assert world.told()[1:] == ["rag:daily:2026-11-22:80"]
    assert facts_of(world.events()[-1]).state.limit == 200


def changes_of(name: str) -> list[int]:
    """The latest seconds since 2001 at which the clocks of a zone were changed: put on and put back, about midnight and
    at other hours; NOW where they never were."""
    zone, found = ZoneInfo(name), dict[tuple[bool, bool], int]()
    for before, after in pairwise(segments(zone)):
        if day_of(after.start, zone).year > 2000:
            shown = (after.start + before.offset) % 86_400
            found[after.offset > before.offset, min(shown, 86_400 - shown) < 3_600] = after.start
    return list(found.values()) or [int(NOW.timestamp())]


@pytest.mark.parametrize(("name", "change"), [(name, change) for name in NASTY for change in changes_of(name)])
def test_each_periods_alert_is_in_its_period_in_every_zone(name: str, change: int, world: World) -> None:
    """Runs in the first and the last second of a day on which clocks change, in those that lie beside it, and when they
    change."""
    zone = world.zone = ZoneInfo(name)
    world.features = [limit("rag", Window.DAILY, 100)]
    begins = first_second(day_of(change, zone), zone)
    ends = min(second for days in (1, 2) if (second := first_second(day_of(change, zone) + days * DAY, zone)) > begins)
    seconds = {begins - 1, begins, change - 1, change, ends - 1, ends}
    at = {second: datetime.fromtimestamp(second, UTC) for second in seconds}
    world.sync_and_look(at[begins - 1] - HOUR)
    for second in seconds:
        world.spend("rag", "85", at[second])
    world.sync_and_look(at[ends], times=2)
    days = Counter(day_of(second, zone) for second in seconds)
    highest = {day: max(one for one in ALERT_AT if one <= 85 * runs) for day, runs in days.items()}
    assert sorted(world.told()) == [f"rag:daily:{day}:{highest[day]}" for day in sorted(days)]


# --- who is told ------------------------------------------------------------------------------------------------------


def test_an_owner_gets_one_message_for_all_budgets_of_a_look(world: World) -> None:
    owner = {"owners": ("alice@example.com",)}
    world.features = [limit("a", Window.DAILY, 10, **owner), limit("b", Window.DAILY, 10, **owner)]
    world.features.append(limit("c", Window.DAILY, 10, owners=("bob@example.com", "alice@example.com")))
    for feature, dollars in (("a", "11"), ("b", "16"), ("c", "21")):
        world.spend(feature, dollars)
    world.sync_and_look(times=2)
    to_alice, to_bob = world.deliveries()
    assert (to_alice.recipient, len(to_alice.events)) == ("alice@example.com", 3)
    assert (to_bob.recipient, len(to_bob.events), to_bob.role) == ("bob@example.com", 1, Role.OWNER)
    assert to_alice.message["text"].index("c has spent") < to_alice.message["text"].index("a has spent")


def test_members_of_a_group_get_one_each_and_read_why(world: World) -> None:
    world.groups = {"S1": ("U1", "U2")}
    world.features = [limit("rag", Window.MONTHLY, 100, owners=("S1", "U1"))]
    world.spend("rag", "110")
    world.sync_and_look(times=2)
    assert [one.recipient for one in world.deliveries()] == ["U1", "U2"]
    assert "in S1" in world.deliveries()[1].message["text"]


@pytest.mark.parametrize(
    ("channel", "digest", "admins", "expected"),
    [
        ("#rag", "#llm-cost", ("U0ADMIN",), [("#rag", Role.CHANNEL)]),
        (None, "#llm-cost", ("U0ADMIN",), [("#llm-cost", Role.CHANNEL)]),
        (None, None, ("U0ADMIN", "U0BOSS"), [("U0ADMIN", Role.ADMIN), ("U0BOSS", Role.ADMIN)]),
        (None, None, (), [(NOBODY, Role.ADMIN)]),
    ],
)
@pytest.mark.parametrize("owners", [(), ("S0EMPTY",)])
def test_a_budget_whose_owner_is_nobody_is_told_to_its_channel_or_the_digests_or_admins(
    world: World,
    owners: tuple[str, ...],
    channel: str | None,
    digest: str | None,
    admins: tuple[str, ...],
    expected: list[tuple[str, Role]],
) -> None:
    world.features = [limit("rag", Window.MONTHLY, 100, owners=owners, channel=channel)]
    world.digest_channel, world.admins = digest, admins
    world.spend("rag", "110")
    world.sync_and_look(times=2)
    assert [(one.recipient, one.role) for one in world.deliveries()] == expected


def test_below_the_limit_it_waits_for_the_morning_and_from_the_limit_on_it_does_not(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    world.spend("rag", "30")
    world.sync_and_look(NOW + HOUR, times=2)
    assert [one.next_try for one in world.deliveries()] == [NOW + 12 * HOUR, NOW + HOUR]


def test_while_slack_is_down_owners_are_told_without_being_looked_up(world: World) -> None:
    """What hour it is where they are is asked again by whoever sends it."""
    world.slack_is_down = True
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    (delivery,) = world.deliveries()
    assert (delivery.recipient, delivery.next_try) == ("rag@example.com", NOW)
    slack, office = posting(world, awake=lambda _, now, percent: now + HOUR if percent == 80 and now == NOW else now)
    office.deliver(NOW)
    assert slack.messages == []
    office.deliver(NOW + HOUR)
    assert len(slack.messages) == 1


# --- what it says -----------------------------------------------------------------------------------------------------


def test_the_facts_say_what_happened(world: World) -> None:
    for days in range(1, 40):
        world.spend("rag", "1", NOW - days * DAY, model="gpt-4o-mini")
    world.spend("rag", "40", NOW - 5 * HOUR, trace="big", name="agent")
    world.spend("rag", "50", NOW - 2 * HOUR, trace="big", name="agent")
    world.spend("rag", "7", NOW - HOUR, trace="second", name="search")
    world.spend("rag", "2", NOW - HOUR, trace="fourth", name="title")
    world.spend("rag", "3", NOW - HOUR, trace="third", name="answer")
    world.spend("other", "900")
    for _ in range(2):
        world.sync(link=f"https://smith.example.com/{TRACE}")
        world.look()
    (event,) = world.events()
    facts = facts_of(event)
    assert (facts.threshold, facts.state.spent, facts.state.limit) == (100, Decimal(123), Decimal(100))
    assert facts.state.overage == 23
    assert facts.reached_at == NOW - 2 * HOUR
    assert facts.cause is not None
    assert facts.cause.factor is Factor.PRICE
    assert facts.model is not None
    assert facts.model.name == "gpt-4o"
    assert [(one.cost, one.runs, one.name, one.project) for one in facts.traces] == [
        (Decimal(90), 2, "agent", PROJECT),
        (Decimal(7), 1, "search", PROJECT),
        (Decimal(3), 1, "answer", PROJECT),
    ]
    assert [one.link for one in facts.traces] == [f"https://smith.example.com/{one.id}" for one in facts.traces]
    assert len({one.id for one in facts.traces}) == 3
    assert facts.as_of == NOW
    assert facts.ledger_start is None


def test_what_does_not_reach_the_owner_goes_to_the_features_channel(world: World) -> None:
    world.features = [limit("rag", Window.MONTHLY, 100, channel="#rag")]
    world.spend("rag", "110")
    world.sync_and_look(times=2)
    assert route(world.events(), world.catalog, "#llm-cost", ()).feature_channel == "#rag"


def test_a_period_that_began_before_the_ledger_says_so(world: World) -> None:
    start = NOW - 3 * DAY
    world.spend("rag", "120")
    for _ in range(2):
        world.sync(start=start)
        world.look()
    (event,) = world.events()
    assert facts_of(event).ledger_start == start


# --- escalation -------------------------------------------------------------------------------------------------------


def far_over(world: World, **more: object) -> None:
    """An alert of 150 % that was sent at NOW."""
    world.features = [limit("rag", Window.MONTHLY, 100, **more)]
    world.spend("rag", "160")
    world.sync_and_look(times=2)
    world.send_all(NOW)


def escalated(world: World) -> list[str]:
    return [one.recipient for one in world.deliveries() if one.role is Role.ESCALATION]


def test_after_four_hours_without_an_acknowledgement_others_are_told_once(world: World) -> None:
    far_over(world, channel="#rag")
    world.escalations.run(NOW + 4 * HOUR - timedelta(seconds=1))
    assert escalated(world) == []
    for minutes in range(5):
        world.escalations.run(NOW + 4 * HOUR + timedelta(minutes=minutes))
    assert escalated(world) == ["#rag"]


def test_an_escalation_follows_its_feature_to_its_new_name_and_is_one(world: World) -> None:
    far_over(world, channel="#rag")
    world.features = [limit("search", Window.MONTHLY, 100, aliases=("rag",), channel="#search")]
    rise(world, 3, "50")
    for hours in (4, 8, 12):
        world.escalations.run(NOW + hours * HOUR)
    assert world.told()[-1] == "search:monthly:2026-11:200"
    assert escalated(world) == ["#search"]


def test_below_150_percent_nobody_else_is_bothered(world: World) -> None:
    world.spend("rag", "149")
    world.sync_and_look(times=2)
    world.send_all(NOW)
    world.escalations.run(NOW + DAY)
    assert escalated(world) == []


@pytest.mark.parametrize("what", ["acknowledged", "snoozed", "raised", "edited in the file"])
def test_what_somebody_has_seen_to_is_not_escalated(world: World, what: str) -> None:
    far_over(world)
    (delivery,) = world.deliveries()
    event = world.ledger.outbox.event(delivery.events[0])
    assert event is not None
    if what == "acknowledged":
        world.ledger.outbox.acknowledge([event.key], "U1", NOW + HOUR)
    elif what == "snoozed":
        world.ledger.outbox.snooze([event.subject], Snooze(NOW + DAY, "U1", NOW + HOUR))
    elif what == "raised":
        new = SetLimit("rag", Window.MONTHLY, 500 * DOLLAR, "U1", NOW + HOUR, file_limit=100 * DOLLAR)
        world.ledger.outbox.set_limit(new, None)
    else:
        world.features = [limit("rag", Window.MONTHLY, 500)]
    world.escalations.run(NOW + 5 * HOUR)
    assert escalated(world) == []


def rise(world: World, hours: int, dollars: str) -> None:
    """More is spent, and the owner is told of it."""
    world.spend("rag", dollars)
    world.sync_and_look(NOW + hours * HOUR, times=2)
    world.send_all(NOW + hours * HOUR)


def test_spend_that_goes_on_rising_does_not_put_its_escalation_off(world: World) -> None:
    far_over(world, channel="#rag")
    rise(world, 3, "50")
    world.escalations.run(NOW + 4 * HOUR - timedelta(seconds=1))
    assert escalated(world) == []
    world.escalations.run(NOW + 4 * HOUR)
    assert escalated(world) == ["#rag"]
    assert "rag has spent $210.00" in world.deliveries()[-1].message["text"]
    for hours in (6, 9, 12):
        rise(world, hours, "100")
        world.escalations.run(NOW + hours * HOUR)
    world.escalations.run(NOW + 20 * HOUR)
    assert world.told()[-1] == "rag:monthly:2026-11:500"
    assert escalated(world) == ["#rag"]


class Behind:
    """An outbox to a process that has read the alerts a while ago."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._events = outbox.recent_events(Kind.ALERT, NOW - DAY)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def recent_events(self, kind: Kind, since: datetime) -> list[Event]:
        del kind, since
        return self._events


def test_two_processes_escalate_once_though_one_knows_of_a_higher_alert(world: World) -> None:
    far_over(world, channel="#rag")
    behind: Any = Behind(world.ledger.outbox)
    rise(world, 3, "50")
    world.escalations.run(NOW + 4 * HOUR)
    replace(world.escalations, outbox=behind).run(NOW + 4 * HOUR)
    assert escalated(world) == ["#rag"]


@pytest.mark.parametrize("what", ["acknowledged", "snoozed"])
def test_what_rises_after_somebody_has_seen_to_it_has_four_hours_of_its_own(world: World, what: str) -> None:
    far_over(world, channel="#rag")
    (event,) = world.events()
    world.escalations.run(NOW + 4 * HOUR)
    if what == "acknowledged":
        world.ledger.outbox.acknowledge([event.key], "U1", NOW + 5 * HOUR)
    else:
        world.ledger.outbox.snooze([event.subject], Snooze(NOW + 6 * HOUR, "U1", NOW + 5 * HOUR))
    rise(world, 7, "50")
    world.escalations.run(NOW + 11 * HOUR - timedelta(seconds=1))
    assert escalated(world) == ["#rag"]
    world.escalations.run(NOW + 11 * HOUR)
    assert escalated(world) == ["#rag", "#rag"]


def test_who_acknowledges_the_highest_has_seen_the_lower_ones_too(world: World) -> None:
    far_over(world, channel="#rag")
    rise(world, 3, "50")
    world.ledger.outbox.acknowledge([world.events()[-1].key], "U1", NOW + 3 * HOUR)
    world.escalations.run(NOW + 9 * HOUR)
    assert escalated(world) == []


def test_what_was_far_over_a_limit_that_has_ended_with_its_period_is_escalated(world: World) -> None:
    world.features = [limit("rag", Window.DAILY, 100, channel="#rag")]
    raise_for_today(world, 200)
    late = MIDNIGHT - 2 * HOUR
    world.spend("rag", "650", late)
    world.sync_and_look(late, times=2)
    world.send_all(late)
    world.escalations.run(late + 4 * HOUR)
    assert escalated(world) == ["#rag"]


@pytest.mark.parametrize(
    ("channel", "digest", "admins", "expected"),
    [
        ("#rag", "#llm-cost", ("U0ADMIN",), ["#rag"]),
        (None, "#llm-cost", ("U0ADMIN",), ["#llm-cost"]),
        (None, None, ("U0ADMIN", "rag@example.com"), ["U0ADMIN"]),
        (None, None, (), []),
    ],
)
def test_an_escalation_goes_to_the_channel_or_the_digests_or_to_admins_who_do_not_have_it(
    world: World, channel: str | None, digest: str | None, admins: tuple[str, ...], expected: list[str]
) -> None:
    world.digest_channel, world.admins = digest, admins
    far_over(world, channel=channel)
    world.escalations.run(NOW + 5 * HOUR)
    assert escalated(world) == expected


@pytest.mark.parametrize("channel", ["#rag", "C0RAG"])
def test_a_channel_that_carries_it_is_left_out_by_whatever_name(world: World, channel: str) -> None:
    world.channels = {"#rag": "C0RAG", "C0RAG": "C0RAG"}
    far_over(world, owners=(), channel="#rag")
    world.features = [world.features[0]._replace(channel=channel)]
    world.escalations.run(NOW + 5 * HOUR)
    assert escalated(world) == ["#llm-cost"]


def test_an_alert_that_was_escalated_holds_up_no_other(world: World) -> None:
    """Not even where the place that it went to is not to be seen any more."""
    far_over(world, owners=("U1",))
    world.escalations.run(NOW + 4 * HOUR)
    world.features.append(limit("chat", Window.MONTHLY, 10, owners=("U1",)))
    world.spend("chat", "16")
    world.sync_and_look(NOW + 5 * HOUR, times=2)
    world.send_all(NOW + 5 * HOUR)
    world.digest_channel = "#new-channel"
    world.escalations.run(NOW + 9 * HOUR)
    (first, second) = [one for one in world.deliveries() if one.role is Role.ESCALATION]
    assert [first.recipient, second.recipient] == ["#llm-cost", "#new-channel"]
    assert [len(first.events), len(second.events)] == [1, 1]


def test_what_is_still_on_its_way_to_the_owner_is_not_escalated(world: World) -> None:
    world.spend("rag", "160")
    world.sync_and_look(times=2)
    world.escalations.run(NOW + 9 * HOUR)
    assert escalated(world) == []
    assert [one.state for one in world.deliveries()] == [State.OPEN]


# --- what waits while something higher is told ------------------------------------------------------------------------


def test_a_lower_threshold_that_waits_for_the_morning_is_not_told_after_a_higher_one(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    world.spend("rag", "30")
    world.sync_and_look(NOW + HOUR, times=2)
    low, high = world.deliveries()
    assert (low.state, low.problem) == (State.REPLACED, "A higher threshold is told instead.")
    assert (high.state, high.next_try) == (State.OPEN, NOW + HOUR)
    assert [event.threshold for event in world.events()] == [100]


def test_what_else_a_message_that_waits_tells_of_stays_in_it(world: World) -> None:
    world.features.append(limit("copilot", Window.MONTHLY, 100, owners=("rag@example.com",)))
    world.spend("rag", "85")
    world.spend("copilot", "81")
    world.sync_and_look(times=2)
    world.spend("rag", "30")
    world.sync_and_look(NOW + HOUR, times=2)
    waiting, high = world.deliveries()
    assert waiting.state is State.OPEN
    assert "copilot has spent $81.00" in waiting.message["text"]
    assert "rag" not in waiting.message["text"].replace("rag@example.com", "")
    assert "rag has spent $115.00" in high.message["text"]


def test_what_may_stand_in_slack_already_is_not_withdrawn(world: World) -> None:
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    claimed = world.ledger.outbox.claim_next(NOW + DAY)
    assert claimed is not None
    assert world.ledger.outbox.record_sending(claimed, "D1", NOW + DAY)
    world.spend("rag", "30")
    world.sync_and_look(NOW + DAY, times=2)
    low, _ = world.deliveries()
    assert low.state is State.OPEN
    assert len(world.events()) == 2


def test_what_turns_out_not_to_stand_in_slack_is_not_said_after_a_higher_one(world: World) -> None:
    """It was just being sent when the higher one was decided, and Slack did not take it."""
    slack, office = overtaken_while_it_was_sent(world)
    low, high = world.deliveries()
    assert (low.state, low.unconfirmed_since) == (State.OPEN, NOW + DAY)
    for seconds in (0, 30, 60, 90, 120):
        office.run(NOW + DAY + timedelta(seconds=seconds))
    low, high = world.deliveries()
    assert (low.state, low.problem) == (State.REPLACED, "A higher threshold is told instead.")
    assert [one.key for one in slack.messages] == [high.id]
    assert [event.threshold for event in world.events()] == [100]


def test_what_goes_to_somebody_else_instead_is_not_said_after_a_higher_one_either(world: World) -> None:
    """The channel that a lower one falls back to has the higher one already."""
    slack, office = overtaken_while_it_was_sent(world)
    slack.add_person("U1", "rag@example.com", reachable=False)
    for seconds in (0, 30, 60, 90, 120, 150, 180):
        office.run(NOW + DAY + timedelta(seconds=seconds))
    assert [(one.place, "$115.00" in one.form["text"]) for one in slack.messages] == [("C1", True)]
    assert State.OPEN not in {one.state for one in world.deliveries()}


def test_the_rest_of_a_message_is_said_without_what_a_higher_one_has_overtaken(world: World) -> None:
    world.features.append(limit("copilot", Window.MONTHLY, 100, owners=("rag@example.com",)))
    world.spend("copilot", "81")
    slack, office = overtaken_while_it_was_sent(world)
    for seconds in (0, 30, 60, 90, 120):
        office.run(NOW + DAY + timedelta(seconds=seconds))
    said = sorted(one.form["text"].partition("\n")[0] for one in slack.messages)
    assert len(said) == 2
    assert said[0].startswith("copilot has spent $81.00")
    assert "rag has spent $115.00" in said[1]


def test_nothing_is_sent_that_was_overtaken_since_it_was_looked_at(world: World) -> None:
    """Also where it may have been in Slack when the higher one was decided, and was left alone therefore."""
    outbox = world.ledger.outbox
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    claimed = outbox.claim_next(NOW + DAY)
    assert claimed is not None
    assert outbox.overtaken(claimed.delivery) == {}
    assert outbox.record_sending(claimed, "D1", NOW + DAY)
    world.spend("rag", "30")
    world.sync_and_look(NOW + DAY, times=2)
    _, high = world.deliveries()
    assert outbox.overtaken(claimed.delivery) == {claimed.delivery.events[0]: high.events[0]}
    assert not outbox.record_sending(claimed, "D1", NOW + DAY)


def test_an_escalation_is_overtaken_by_nothing(world: World) -> None:
    far_over(world)
    world.escalations.run(NOW + 4 * HOUR)
    (escalation,) = [one for one in world.deliveries() if one.role is Role.ESCALATION]
    world.spend("rag", "60")
    world.sync_and_look(NOW + 4 * HOUR, times=2)
    assert world.ledger.outbox.overtaken(escalation) == {}
    assert world.ledger.outbox.overtaken(escalation._replace(role=Role.OWNER)) != {}


def overtaken_while_it_was_sent(world: World) -> tuple[FakeSlack, PostOffice]:
    """rag is over its first threshold, which Slack did not take and did not refuse, and then over the next."""
    slack, office = posting(world)
    world.spend("rag", "85")
    world.sync_and_look(times=2)
    slack.fail_next("post", LOST_BEFORE)
    office.run(NOW + DAY)
    world.spend("rag", "30")
    world.sync_and_look(NOW + DAY, times=2)
    return slack, office


def posting(world: World, **more: Awake) -> tuple[FakeSlack, PostOffice]:
    """A Slack that knows rag's owner and the digest's channel, and who takes messages there."""
    slack = FakeSlack(lambda: NOW)
    slack.add_person("U1", "rag@example.com")
    slack.add_channel("C1", "llm-cost")
    return slack, PostOffice(slack, world.ledger.outbox, lambda _: Route(digest_channel="#llm-cost"), BERLIN, **more)
