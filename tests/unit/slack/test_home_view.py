"""The home tab: what people see (tests/golden/home*.json), and that any ledger fits into it and no name acts there."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.budget import Budget, SetLimit, Window
from bot.domain.catalog import Catalog, Feature
from bot.domain.feature import Rule
from bot.ledger.lease import SYNC
from bot.ledger.store import Ledger
from bot.render.home import bar
from bot.reports.budgets import BudgetState
from bot.reports.findings import Finding, Verdict
from bot.reports.home import Home
from bot.slack.alert_message import Card, Done
from bot.slack.home_view import BUDGETS, FEATURES, SET_BUDGET, UNDO_RULE, home_view
from tests import golden
from tests.alerts import FACTS, NEAR, STATE, facts
from tests.golden.answers import _budgeted, lively_budgets
from tests.ledger_worlds import PATIENT
from tests.ledgers import CATALOG, NOW, Spent, emptied, fill, reporter
from tests.standins.slack_rules import autolinked, problems, visible_mentions
from tests.unit.slack.test_messages import NAMES

DAY = timedelta(days=1)
MISSING = [
    Finding("tags", Verdict.WARNING, "12 % of yesterday's spend is untagged.", "Tag it."),
    Finding("admins", Verdict.BROKEN, "There are none."),
]


def _weekly(feature: str, spent: str, limit: str) -> BudgetState:
    cost, most = Decimal(spent), Decimal(limit)
    over = max(cost - most, Decimal(0))
    return STATE._replace(feature=feature, window=Window.WEEKLY, spent=cost, limit=most, used=cost / most, overage=over)


ALERTS = [
    Card("k1", FACTS, Done("U1", NOW)),
    Card("k2", NEAR),
    Card("k3", FACTS, snoozed=Done("U2", NOW, FACTS.state.end), changed=Done("U3", NOW, None, Decimal(75))),
]
# Of what tests.golden.answers.lively_budgets tells.
LIVELY_ALERTS = [
    Card("k1", FACTS._replace(state=_weekly("voice", "75.92", "75")), Done("U1", NOW)),
    Card("k2", NEAR._replace(state=_weekly("agent-copilot", "156.40", "195"))),
]


def home_of(ledger: Ledger, catalog: Catalog = CATALOG) -> Home:
    return reporter(ledger, catalog).home(NOW)


def full(ledger: Ledger) -> Home:
    _budgeted(emptied(ledger))
    with ledger.lease(SYNC, NOW) as lease:
        ledger.set_rule(lease, Rule("rag-search", "acme-staging", "scratch*"), "U0BOB", NOW - DAY)
    return home_of(ledger)


def check(kind: str, view: dict[str, Any]) -> None:
    assert problems(view, "home") == []
    golden.check(f"{kind}.slack.json", json.dumps(view, ensure_ascii=False, indent=1) + "\n")


def words(view: dict[str, Any]) -> str:
    return json.dumps(view, ensure_ascii=False)


def test_a_home_looks_as_it_should(reused: Ledger) -> None:
    lively_budgets(emptied(reused))
    check("home", home_view(home_of(reused), {"rag-search"}, LIVELY_ALERTS))
    check("home_full", home_view(full(reused), {"rag-search"}, ALERTS))


def test_a_first_home_welcomes_and_tells_an_admin_what_still_lacks(reused: Ledger) -> None:
    check("home_first", home_view(full(reused), (), [], welcome=True, missing=MISSING))


def test_an_empty_ledger_says_so_and_never_zero(reused: Ledger) -> None:
    view = home_view(home_of(emptied(reused), Catalog()), (), [], welcome=True)
    check("home_empty", view)
    assert "$0" not in words(view)


def test_my_features_and_their_budgets_come_first(reused: Ledger) -> None:
    home = full(reused)
    for mine in ("rag-search", "agent-copilot"):
        text = words({"blocks": [one for one in home_view(home, {mine}, [])["blocks"] if "chart" not in one]})
        budgets = text.index('"Budgets"')
        names = ("rag-search", "agent-copilot")
        assert min(names, key=lambda name: text.index(f'"{name}"')) == mine
        assert min(names, key=lambda name: text.index(name, budgets)) == mine


def test_the_last_two_weeks_are_drawn_below_the_figures_by_feature(reused: Ledger) -> None:
    runs = [Spent(NOW - n * DAY, f"f{n % 8}", f"{n + 1}") for n in range(30)]
    home = home_of(fill(emptied(reused), runs, settled=date(2026, 11, 21)))
    view = home_view(home, (), [])
    assert problems(view, "home") == []
    kinds = [block["type"] for block in view["blocks"]]
    chart = view["blocks"][kinds.index("actions") - 1]["chart"]
    assert (len(chart["axis_config"]["categories"]), chart["axis_config"]["categories"][-1]) == (14, "22")
    assert [one["name"] for one in chart["series"]] == ["f5", "f4", "f3", "f2", "f1", "other (3)"]
    assert sum(point["value"] for one in chart["series"] for point in one["data"]) == sum(range(1, 15))


def test_where_the_chart_is_refused_the_same_stands_in_text(reused: Ledger) -> None:
    home = full(reused)
    drawn, said = (home_view(home, (), [], refused=refused)["blocks"] for refused in ((), {"data_visualization"}))
    (place,) = (place for place, block in enumerate(drawn) if block["type"] == "data_visualization")
    assert [*drawn[:place], *drawn[place + 1 :]] == [*said[:place], *said[place + 1 :]]
    assert "rag-search" in said[place]["text"]["text"]
    assert problems({"type": "home", "blocks": said}, "home") == []


@pytest.mark.parametrize(
    ("used", "full_cells"), [("0", 0), ("0.04", 0), ("0.5", 6), ("0.999", 11), ("1", 12), ("7.3", 12)]
)
def test_a_bar_is_full_at_the_limit_and_not_before(used: str, full_cells: int) -> None:
    assert bar(Decimal(used)).count("\N{FULL BLOCK}") == full_cells
    assert len(bar(Decimal(used))) == 12


def test_one_button_is_the_primary_one(reused: Ledger) -> None:
    text = words(home_view(full(reused), (), ALERTS))
    assert text.count('"style": "primary"') == 1
    assert SET_BUDGET in text
    assert UNDO_RULE in text


cards = st.builds(Card, st.just("k" * 204), facts(st.just("Europe/Berlin")), st.none() | st.just(Done("U0DOER", NOW)))


@given(st.lists(NAMES, min_size=1, max_size=5), st.lists(cards, max_size=8), st.booleans())
@settings(PATIENT, max_examples=15)
def test_any_ledger_fits_into_a_home_and_no_name_acts(
    reused: Ledger, names: list[str], alerts: list[Card], is_first: bool
) -> None:
    features = [(name[:250].strip() or "x") for name in names]
    catalog = Catalog(
        {
            name: Feature(name, budgets=(Budget(name, Window.MONTHLY, 10**9, where=(("env", name),)),))
            for name in features
        }
    )
    runs = [Spent(NOW - place * DAY, name, model=name, name=name) for place, name in enumerate(names)]
    ledger = fill(emptied(reused), runs, catalog=catalog, lost=[(NOW - 6 * DAY, NOW - 5 * DAY)])
    with ledger.lease(SYNC, NOW) as lease:
        for name in names:
            ledger.set_rule(lease, Rule(features[0], name, name), "U1", NOW)
    found = [Finding("tags", Verdict.BROKEN, " ".join(names), names[0])] if is_first else []
    view = home_view(home_of(ledger, catalog), set(features[:1]), alerts, welcome=is_first, missing=found)
    assert problems(view, "home") == []
    assert set(visible_mentions(view)) <= {"<@U0DOER>"}
    assert autolinked(view) == []


def test_many_features_and_budgets_fit_and_the_rest_is_said(reused: Ledger) -> None:
    names = [f"{number}{'x' * 200}" for number in range(40)]
    ledger = fill(emptied(reused), [Spent(NOW - DAY, name, "1") for name in names], settled=date(2026, 11, 21))
    for name in names:
        ledger.outbox.set_limit(SetLimit(name, Window.DAILY, 10**9, "U1", NOW), None)
    view = home_view(home_of(ledger, Catalog()), set(names[:15]), [replace(ALERTS[0])] * 40)
    assert problems(view, "home") == []
    text = words(view)
    assert f"{15 - FEATURES} more: /llmcost features" in text
    assert f"{25 - FEATURES} more: /llmcost features" in text
    assert f"{40 - BUDGETS} more: /llmcost budget" in text
