"""Which limit counts: what was set in Slack comes before the file, for as long as it holds."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.budget import ALERT_AT, Budget, SetLimit, Window
from bot.domain.catalog import BudgetInForce, Catalog, Feature

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, 31, tzinfo=BERLIN)
LATER, BEFORE = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
WHERE = (("env", "production"),)
STATED = Budget("rag", Window.MONTHLY, 100, (50, 90), WHERE)
CATALOG = Catalog({"rag": Feature("rag", ("alice@example.com",), alert_at=(50, 90), where=WHERE, budgets=(STATED,))})


def _set(limit: int = 200, at: int = 0, **more: object) -> SetLimit:
    usual: dict[str, object] = {"file_limit": 100} | more
    return SetLimit("rag", Window.MONTHLY, limit, "U1", BEFORE + timedelta(hours=at), **usual)  # type: ignore[arg-type] # a test's shorthand


# rule: (what was set, the limit that counts now)
CASES = {
    "nothing was set: the file counts": ([], 100),
    "what was set counts": ([_set()], 200),
    "lower counts as well": ([_set(10)], 10),
    "until its end was reached": ([_set(until=LATER)], 200),
    "not from its end on": ([_set(until=NOW)], 100),
    "not after the file has changed": ([_set(file_limit=99)], 100),
    "not if the file said nothing when it was set": ([_set(file_limit=None)], 100),
    "not before it was set": ([_set(at=2)], 100),
    "from the instant at which it was set": ([_set(at=1)], 200),
    "of several the last that was set by then": ([_set(300, at=2), _set(200), _set(50, at=-1)], 200),
    "one that has ended gives nothing back to the one before": ([_set(50, at=-1), _set(until=NOW)], 100),
}


@pytest.mark.parametrize("rule", CASES)
def test_which_limit_counts(rule: str) -> None:
    limits, expected = CASES[rule]
    (found,) = CATALOG.budgets(limits, NOW)
    assert found.budget.limit_nanos == expected
    assert (found.set_limit is not None) == (expected != 100)


def test_what_the_file_says_beside_the_limit_still_holds() -> None:
    assert CATALOG.budgets([_set()], NOW) == [
        BudgetInForce(Budget("rag", Window.MONTHLY, 200, (50, 90), WHERE), ("alice@example.com",), _set())
    ]


def test_a_limit_for_another_window_takes_the_features_thresholds_and_where() -> None:
    weekly = SetLimit("rag", Window.WEEKLY, 70, "U1", BEFORE)
    found = CATALOG.budgets([weekly], NOW)
    assert [one.budget for one in found] == [Budget("rag", Window.WEEKLY, 70, (50, 90), WHERE), STATED]


def test_a_feature_that_the_file_does_not_name_can_have_a_limit() -> None:
    new = SetLimit("chat", Window.DAILY, 5, "U1", BEFORE, owners=("U2",))
    assert CATALOG.budgets([new], NOW)[0] == BudgetInForce(Budget("chat", Window.DAILY, 5, ALERT_AT), ("U2",), new)


def test_a_limit_follows_its_feature_to_its_new_name() -> None:
    """Under its old one nothing is spent any more: nobody would ever hear of it."""
    renamed = Catalog({"search": Feature("search", ("alice@example.com",), aliases=("rag", "chat"))})
    before, after = SetLimit("rag", Window.MONTHLY, 7, "U1", BEFORE), SetLimit("search", Window.MONTHLY, 9, "U1", NOW)
    (found,) = renamed.budgets([before], NOW)
    assert (found.budget.feature, found.budget.limit_nanos, found.owners) == ("search", 7, ("alice@example.com",))
    for limits in ([before, after], [after, before]):
        (found,) = renamed.budgets(limits, NOW)
        assert found.budget.limit_nanos == 9
    ended = before._replace(feature="chat", set_at=NOW, until=NOW)
    (found,) = renamed.budgets([before, ended], NOW)
    assert found.budget.limit_nanos == 7, "one that has ended hides none that was set under another name"
    assert [renamed.name_of(name) for name in ("rag", "search", "other")] == ["search", "search", "other"]
    assert [renamed.names_of(name) for name in ("search", "other")] == [("search", "rag", "chat"), ("other",)]


def test_a_limit_for_what_the_file_took_back_goes_with_it() -> None:
    assert Catalog().budgets([_set()], NOW) == []


def test_owners_given_with_a_limit_hear_of_it_instead() -> None:
    (found,) = CATALOG.budgets([_set(owners=("U7",))], NOW)
    assert found.owners == ("U7",)


def test_a_limit_ends_once_on_the_night_on_which_clocks_go_back() -> None:
    until = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)
    one = _set(until=until)
    assert one.holds(100, until.replace(fold=0))
    assert not one.holds(100, until)


def test_budgets_stand_by_feature_and_then_from_the_shortest_window() -> None:
    limits = [SetLimit(name, window, 5, "U1", BEFORE) for name in ("b", "a") for window in reversed(Window)]
    found = Catalog().budgets(limits, NOW)
    assert [(one.budget.feature, one.budget.window.value) for one in found] == [
        (name, window) for name in ("a", "b") for window in ("daily", "weekly", "monthly")
    ]


def test_a_limit_can_bring_its_own_thresholds_and_runs() -> None:
    own = _set(alert_at=(25,), where=())
    (found,) = [one for one in CATALOG.budgets([own], NOW) if one.set_limit == own]
    assert (found.budget.alert_at, found.budget.where) == ((25,), ())
