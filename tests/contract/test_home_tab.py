"""The home tab as it is published: at once, again if Slack knows more, and with a sentence when something fails."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.budget import Budget, Window
from bot.domain.catalog import Catalog, Feature
from bot.ledger.engine import writing
from bot.ledger.store import Ledger
from bot.render.chart import BARS
from bot.reports.findings import Finding, Verdict
from bot.slack.home_tab import HomeTab
from bot.slack.limit_desk import LimitDesk
from bot.slack.owners import Owners
from bot.slack.people import People
from bot.slack.refusals import Refusals
from tests.ledgers import BERLIN, NOW, Spent, emptied, fill, new_ledger, reporter
from tests.standins.slack_fake import LOST_BEFORE, FakeSlack, Fault

DAY = timedelta(days=1)
CATALOG = Catalog(
    {
        "search": Feature("search", owners=("alice@example.com",)),
        "voice": Feature("voice", owners=("STEAM",), budgets=(Budget("voice", Window.DAILY, 10**9),)),
        "chat": Feature("chat", owners=("U9",)),
    }
)


class Published(FakeSlack):
    """A Slack that keeps every home that was shown."""

    def __init__(self) -> None:
        super().__init__(lambda: NOW)
        self.add_person("U1", "Alice@example.com")
        self.add_person("U2", "bob@example.com")
        self.add_group("STEAM", ["U1"])
        self.shown: list[str] = []

    def publish_home(self, user: str, view: Any) -> None:
        super().publish_home(user, view)
        self.shown.append(json.dumps(view, ensure_ascii=False))


@dataclass
class Tab:
    ledger: Ledger
    slack: Published = field(default_factory=Published)
    asked: list[object] = field(default_factory=list)
    now: datetime = NOW

    def show(self, user: str = "U1") -> list[str]:
        """What is published when somebody opens the tab."""
        before = len(self.slack.shown)
        self.home.opened({"event": {"tab": "home", "user": user}}, lambda _: None)
        return self.slack.shown[before:]

    @property
    def home(self) -> HomeTab:
        owners = Owners(People(self.slack), ("bob@example.com",), None, BERLIN, lambda: NOW)
        desk = LimitDesk(self.ledger, lambda: CATALOG, BERLIN, 0, owners.may_change, None)
        return HomeTab(reporter(self.ledger, CATALOG), desk, owners, self.slack, self.missing, lambda: self.now)

    def missing(self, now: object) -> list[Finding]:
        self.asked.append(now)
        return [Finding("tags", Verdict.WARNING, "12 % is untagged.")]


@pytest.fixture
def tab(reused: Ledger) -> Tab:
    runs = [Spent(NOW - n * DAY, name, "1") for n in range(20) for name in ("search", "voice", "chat")]
    return Tab(fill(emptied(reused), runs, catalog=CATALOG))


def yours(view: str) -> str:
    return view.partition("Your features")[2].partition("Other features")[0]


def test_what_a_group_says_makes_a_second_home_and_never_holds_up_the_first(tab: Tab) -> None:
    first, second = tab.show()
    assert ("search" in yours(first), "voice" in yours(first)) == (True, False)
    assert ("search" in yours(second), "voice" in yours(second), "chat" in yours(second)) == (True, True, False)


def test_where_slack_does_not_say_who_is_in_a_group_the_first_home_stays(tab: Tab) -> None:
    tab.slack.fail_next("members", LOST_BEFORE)
    (only,) = tab.show()
    assert "search" in yours(only)


def test_the_welcome_is_shown_once_and_what_lacks_to_admins_alone(tab: Tab) -> None:
    assert all("Welcome" in view and "12 % is untagged" not in view for view in tab.show("U1"))
    assert all("Welcome" in view and "12 % is untagged" in view for view in tab.show("U2"))
    assert tab.asked == [NOW]
    assert not any("Welcome" in view for user in ("U1", "U2") for view in tab.show(user))


def test_a_welcome_that_was_not_published_comes_again(tab: Tab) -> None:
    tab.slack.fail_next("publish_home", LOST_BEFORE)
    (problem,) = tab.show("U2")
    assert "Something went wrong" in problem
    assert "Welcome" in tab.show("U2")[0]


def test_a_ledger_that_cannot_be_read_is_said_with_a_reference(caplog: pytest.LogCaptureFixture) -> None:
    ledger = new_ledger()
    with writing(ledger._engine) as connection:
        connection.exec_driver_sql("DROP TABLE rollups")
    (said,) = Tab(ledger).show()
    ledger.close()
    assert "in the log as" in said
    assert "rollups" not in said
    assert "rollups" in caplog.text


@pytest.mark.parametrize("code", ["invalid_blocks", "invalid_arguments"])
def test_a_chart_that_is_refused_is_drawn_in_text_at_once_and_for_a_day(tab: Tab, code: str) -> None:
    assert "data_visualization" in tab.show("U2")[0]
    tab.slack.fail_next("publish_home", Fault(code=code, permanent=True))
    before = tab.slack.calls["publish_home"]
    (shown,) = tab.show("U2")
    assert tab.slack.calls["publish_home"] == before + 2
    assert "data_visualization" not in shown
    assert all(part in shown for part in ("What LLM calls cost", "Per day, 9\u201322 Nov 2026", BARS[-1] * 14))
    tab.now += DAY - timedelta(minutes=1)
    assert "data_visualization" not in tab.show("U2")[0]
    tab.now += timedelta(minutes=1)
    assert "data_visualization" in tab.show("U2")[0]


@pytest.mark.parametrize("code", ["invalid_blocks", "invalid_arguments", "ratelimited"])
def test_a_preview_that_slack_refuses_is_said_with_a_reference_and_another_way(tab: Tab, code: str) -> None:
    tab.slack.fail_next("open_modal", Fault(code=code, permanent=code != "ratelimited"))
    tab.home.preview({"trigger_id": "T1", "user": {"id": "U1"}}, lambda _: 0.0)
    assert tab.slack.modals == []
    (shown,) = tab.slack.shown
    assert "The digest cannot be shown now. It is in the log as " in shown
    assert "Try /llmcost digest." in shown


def test_what_is_refused_for_other_reasons_than_its_form_is_not_the_charts_fault(tab: Tab) -> None:
    tab.slack.fail_next("publish_home", Fault(code="ratelimited", retry_after=1))
    (said,) = tab.show("U2")
    assert "Something went wrong" in said
    assert "data_visualization" in tab.show("U2")[0]


def test_a_reply_that_refused_the_chart_is_not_forgotten_by_the_home_tab(tab: Tab) -> None:
    Refusals(tab.ledger.outbox).learn({"data_visualization"}, NOW)
    assert "data_visualization" not in tab.show("U2")[0]
    assert tab.slack.calls["publish_home"] == 1


def test_a_home_of_nothing_new_is_drawn_in_text_once(tab: Tab) -> None:
    """What a group says makes no other home of it, so that it is not published again after the refusal."""
    tab.slack.refuses.add("data_visualization")
    assert len(tab.show("U2")) == 1


def test_the_messages_tab_is_no_home(tab: Tab) -> None:
    desk = LimitDesk(tab.ledger, lambda: CATALOG, BERLIN, 0, lambda *_: True, None)
    owners = Owners(People(tab.slack), (), None, BERLIN, lambda: NOW)
    home = HomeTab(reporter(tab.ledger), desk, owners, tab.slack, tab.missing, lambda: NOW)
    home.opened({"event": {"tab": "messages", "user": "U1"}}, lambda _: None)
    home.opened({"event": {"tab": "home", "user": "U2"}}, lambda _: "Not you.")
    assert len(tab.slack.shown) == 1
    assert "Not you." in tab.slack.shown[0]
