"""The modal in which a limit is raised: what it shows of the budget, what is chosen at first, and when it warns."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.domain.alert import budget_period
from bot.domain.budget import Window
from bot.domain.catalog import Catalog
from bot.domain.period import local_day
from bot.ledger.store import Ledger
from bot.render.numbers import clock
from bot.slack.limit_desk import LimitDesk, Standing
from bot.slack.raise_modal import Wanted, raise_view, wanted
from tests.contract.test_alert_actions import OWNER, TEAM, Desk, a_desk
from tests.ledgers import BERLIN
from tests.standins.slack_rules import problems

SANTIAGO = ZoneInfo("America/Santiago")  # where the days on which clocks go forward have no midnight
TROLL = ZoneInfo("Antarctica/Troll")
SUNDAY = 6
KEY = "budget:rag:monthly:2026-11:limit=100000000000:100"
Json = dict[str, Any]


def standing(
    ledger: Ledger, now: datetime, window: Window = Window.MONTHLY, zone: ZoneInfo = BERLIN, week_start: int = 0
) -> Standing:
    return LimitDesk(ledger, Catalog, zone, week_start, lambda *_: True, None).standing("rag", window, now)


def said(view: Mapping[str, Any]) -> str:
    """The small print: the budget, and the warning."""
    return "\n".join(element["text"] for block in view["blocks"] for element in block.get("elements", ()))


def chosen(view: Mapping[str, Any]) -> str:
    (holds,) = [block["element"] for block in view["blocks"] if block.get("block_id") == "holds"]
    assert holds["initial_option"] in holds["options"]
    return str(holds["initial_option"]["value"])


def written(view: Mapping[str, Any]) -> str | None:
    (amount,) = [block["element"] for block in view["blocks"] if block.get("block_id") == "amount"]
    found: str | None = amount.get("initial_value")
    return found


def filled_in(view: Mapping[str, Any], amount: str, holds: str) -> Json:
    """As Slack sends it back."""
    values = {"amount": {"amount": {"value": amount}}, "holds": {"holds": {"selected_option": {"value": holds}}}}
    return {**view, "state": {"values": values}}


# --- The end of the period


@pytest.mark.parametrize(
    ("now", "week_start", "ends"),
    [
        # The night on which clocks go forward, and both times that they show half past two in the other.
        (
            datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN),
            0,
            ("30 Mar 2026 00:00", "30 Mar 2026 00:00", "1 Apr 2026 00:00"),
        ),
        (
            datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
            0,
            ("26 Oct 2026 00:00", "26 Oct 2026 00:00", "1 Nov 2026 00:00"),
        ),
        (
            datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
            SUNDAY,
            ("26 Oct 2026 00:00", "1 Nov 2026 00:00", "1 Nov 2026 00:00"),
        ),
        # The next day begins at one.
        (
            datetime(2026, 9, 5, 23, 59, tzinfo=SANTIAGO),
            SUNDAY,
            ("6 Sep 2026 01:00", "6 Sep 2026 01:00", "1 Oct 2026 00:00"),
        ),
        # By Greenwich this is the day before still.
        (datetime(2026, 3, 30, 0, 30, tzinfo=TROLL), 0, ("31 Mar 2026 00:00", "6 Apr 2026 00:00", "1 Apr 2026 00:00")),
    ],
)
def test_the_end_that_is_shown_is_the_periods_own_on_nights_when_clocks_change(
    ledger: Ledger, now: datetime, week_start: int, ends: tuple[str, str, str]
) -> None:
    zone = now.tzinfo
    assert isinstance(zone, ZoneInfo)
    for window, end in zip((Window.DAILY, Window.WEEKLY, Window.MONTHLY), ends, strict=True):
        view = raise_view(KEY, standing(ledger, now, window, zone, week_start))
        assert clock(budget_period(window, local_day(now, zone), zone, week_start).span.end) == end
        assert said(view).endswith(f" The period ends on {end}.")
        assert problems(view, "modal") == []


# --- What is chosen, and what comes back


def test_at_first_nothing_is_filled_in_and_it_holds_until_the_period_ends(ledger: Ledger) -> None:
    view = raise_view(KEY, standing(ledger, datetime(2026, 11, 22, tzinfo=BERLIN)))
    assert (written(view), chosen(view), view["submit"]["text"]) == (None, "period", "Save")
    assert re.match(r"rag, monthly\nThere is no limit now\W+\$0\.00 .* spent\. ", said(view))
    assert wanted(filled_in(view, "150", "period")) == Wanted(KEY, "150", for_period=True, warned=None)


@pytest.mark.parametrize("holds", ["period", "changed"])
def test_the_second_time_what_was_filled_in_stands_there(ledger: Ledger, holds: str) -> None:
    filled = Wanted(KEY, "$50", for_period=holds == "period", warned=None)
    view = raise_view(
        KEY, standing(ledger, datetime(2026, 11, 22, tzinfo=BERLIN)), filled=filled, warning="That is too little."
    )
    assert (written(view), chosen(view), view["submit"]["text"]) == ("$50", holds, "Save anyway")
    assert said(view).endswith("\nThat is too little.")
    assert wanted(filled_in(view, "$50", holds)) == filled._replace(warned="$50")


@pytest.mark.parametrize(
    "broken", [{"private_metadata": "{"}, {"private_metadata": "[]"}, {"state": {"values": {}}}, {}]
)
def test_what_is_no_such_modal_says_nothing(ledger: Ledger, broken: Json) -> None:
    view = raise_view(KEY, standing(ledger, datetime(2026, 11, 22, tzinfo=BERLIN)))
    assert wanted({**filled_in(view, "50", "period"), **broken} if broken else {}) is None


# --- The warning


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """An alert about a monthly budget of $100, of which $110 are spent."""
    desk = a_desk(ledger, "", [])
    desk.actions.open_raise(desk.body(), TEAM)
    (view,) = desk.modals.opened
    assert re.search(r"The limit is \$100\.00\W+\$110\.00 .* spent\. The period ends on 1 Dec 2026 00:00\.", said(view))
    return desk


@pytest.mark.parametrize(("amount", "is_warned"), [("109.99", True), ("110", True), ("110.01", False)])
def test_it_warns_at_or_below_what_is_spent(desk: Desk, amount: str, is_warned: bool) -> None:
    answer = desk.submit(amount, user=OWNER)
    assert bool(answer) == is_warned
    assert len(desk.limits) == (not is_warned)
    if is_warned:
        warning = said(answer["view"]).splitlines()[-1]
        assert warning.startswith("$110.00 ")
        assert warning.endswith(" already: with this limit its owners are told again.")


def test_who_saves_it_all_the_same_is_not_warned_again_and_keeps_the_choice(desk: Desk) -> None:
    view = desk.submit("50", "changed")["view"]
    assert (written(view), chosen(view), json.loads(view["private_metadata"])["warned"]) == ("50", "changed", "50")
    assert desk.submit("50", "changed", view=view) == {}
    assert [(one.limit_nanos, one.until) for one in desk.limits] == [(50 * 10**9, None)]
