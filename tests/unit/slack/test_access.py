"""Who may see what llmcost says."""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.slack.access import GUEST, NOT_NAMED, OUTDATED, STRANGER, UNCLEAR, Access, Visitor, visitor_of
from bot.slack.api import Person
from bot.slack.people import People
from tests.ledgers import NOW
from tests.standins.slack_fake import LOST_BEFORE, RATE_LIMITED, TEAM, FakeSlack

PEOPLE = {
    "U1": Person("U1", "UTC", True, "alice@example.com", teams=(TEAM,)),
    "UGUEST": Person("UGUEST", "UTC", True, "guest@example.org", is_guest=True, teams=(TEAM,)),
    "UGRID": Person("UGRID", "UTC", True, teams=("E0GRID", TEAM)),
    "UFAR": Person("UFAR", "UTC", True, "far@example.net", teams=("T0FAR",)),
    "UGONE": Person("UGONE", "UTC", False, teams=(TEAM,)),
}


class Workspace(FakeSlack):
    """A Slack with guests and strangers in it."""

    def person(self, who: str) -> Person:
        super().person(who)
        return PEOPLE[who]


def workspace() -> Workspace:
    slack = Workspace(lambda: NOW)
    for user in PEOPLE:
        slack.add_person(user)
    slack.add_group("STEAM", ["U1", "UGUEST"])
    return slack


def refusal(
    user: str, *viewers: str, insiders: tuple[str, ...] = (), slack: Workspace | None = None, team: str = TEAM
) -> str | None:
    access = Access(People(slack or workspace()), viewers, lambda: insiders, lambda: NOW)
    return access.refusal(Visitor(user, frozenset({team})), TEAM)


@pytest.mark.parametrize(
    ("user", "viewers", "expected"),
    [
        ("U1", (), None),
        ("UGRID", (), None),
        ("UGUEST", (), GUEST),
        ("UFAR", (), STRANGER),
        ("UGONE", (), STRANGER),
        ("U404", (), STRANGER),
        ("not an id", (), STRANGER),
        ("U1", ("U1",), None),
        ("U1", ("Alice@Example.com",), None),
        ("U1", ("STEAM",), None),
        ("U1", ("UGRID",), NOT_NAMED),
        ("UGRID", ("STEAM",), NOT_NAMED),
        ("UGUEST", ("UGUEST",), None),
        ("UGUEST", ("STEAM",), None),
        ("UGUEST", ("U1",), GUEST),
        ("UFAR", ("UFAR",), STRANGER),
        ("U1", ("SGONE",), NOT_NAMED),
    ],
)
def test_full_members_are_let_in_or_those_who_are_named(user: str, viewers: tuple[str, ...], expected: str) -> None:
    assert refusal(user, *viewers) == expected


def test_owners_and_admins_see_what_is_theirs() -> None:
    assert refusal("U1", "UGRID", insiders=("alice@example.com",)) is None
    assert refusal("UGUEST", insiders=("STEAM",)) is None


def test_whoever_comes_from_another_workspace_is_a_stranger_whatever_the_id() -> None:
    assert refusal("U1", team="T0FAR") == STRANGER


@pytest.mark.parametrize("fault", [LOST_BEFORE, RATE_LIMITED])
def test_where_slack_cannot_tell_nobody_is_let_in_and_it_is_said(fault: Any) -> None:
    for method, viewers in (("person", ()), ("members", ("STEAM",))):
        slack = workspace()
        slack.fail_next(method, fault)
        assert refusal("U1", *viewers, slack=slack) == UNCLEAR


def test_slack_is_asked_once_in_a_while() -> None:
    slack = workspace()
    access = Access(People(slack), ("STEAM",), tuple, lambda: NOW)
    for _ in range(5):
        assert access.refusal(Visitor("U1", frozenset({TEAM})), TEAM) is None
    assert (slack.calls["person"], slack.calls["members"]) == (1, 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"user_id": "U1", "team_id": "T1"}, Visitor("U1", frozenset({"T1"}))),
        ({"user": {"id": "U1", "team_id": "T2"}, "team": {"id": "T1"}}, Visitor("U1", frozenset({"T1", "T2"}))),
        ({"user": {"id": "U1"}, "team": None}, Visitor("U1", frozenset())),
        (
            {"team_id": "T1", "event": {"user": "U1", "user_team": "T2", "team": "T2"}},
            Visitor("U1", frozenset({"T1", "T2"})),
        ),
        ({"event": {"type": "message"}, "user_id": "U1"}, None),
        ({}, None),
    ],
)
def test_who_is_behind_what_slack_sends(body: Mapping[str, Any], expected: Visitor | None) -> None:
    assert visitor_of(body) == expected


def test_somebody_of_two_workspaces_at_once_is_a_stranger() -> None:
    access = Access(People(workspace()), (), tuple, lambda: NOW)
    assert access.refusal(Visitor("U1", frozenset({TEAM, "T2"})), TEAM) == STRANGER
    assert access.refusal(None, TEAM) == STRANGER


def test_where_a_newer_llmcost_has_the_ledger_all_members_are_told_so_and_slack_is_asked_nothing() -> None:
    slack = workspace()
    access = Access(People(slack), ("U1",), tuple, lambda: NOW, lambda: True)
    assert [access.refusal(Visitor(user, frozenset({TEAM})), TEAM) for user in ("U1", "UGUEST")] == [OUTDATED] * 2
    assert access.refusal(Visitor("U1", frozenset({"T0FAR"})), TEAM) == STRANGER
    assert slack.calls["person"] == 0
