"""Checks of Slack and LangSmith, each green and each kind of red."""

from datetime import UTC, datetime

import pytest

from bot.doctor.services import check_admins, check_channels, check_langsmith, check_owners, check_slack
from bot.domain.budget import Budget, Window
from bot.domain.catalog import BudgetInForce
from bot.errors import SourceRefusedError
from bot.ingest.selection import Project
from bot.reports.findings import Verdict
from bot.slack.api import UnconfirmedError
from bot.slack.scopes import SCOPES
from bot.slack.standing import Auth
from tests.unit.doctor.people import People, refused

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_slack_takes_the_token_and_allows_all_that_is_needed() -> None:
    found = check_slack(lambda: Auth("Acme", "llmcost", frozenset({*SCOPES, "more"})))
    assert (found.verdict, found.todo) == (Verdict.OK, "")


@pytest.mark.parametrize("missing", SCOPES)
def test_each_scope_that_is_missing_is_named_with_what_it_is_for(missing: str) -> None:
    found = check_slack(lambda: Auth("Acme", "llmcost", frozenset(SCOPES) - {missing}))
    assert found.verdict is Verdict.BROKEN
    assert f"without {missing} (to {SCOPES[missing]})" in found.found
    assert "install the app anew" in found.todo


def test_scopes_that_slack_does_not_tell_are_no_missing_ones() -> None:
    assert check_slack(lambda: Auth("Acme", "llmcost", None)).verdict is Verdict.WARNING


def test_a_token_that_is_refused_is_broken_with_a_way_on() -> None:
    def auth() -> Auth:
        raise refused("token_revoked")

    found = check_slack(auth)
    assert found.verdict is Verdict.BROKEN
    assert "token_revoked" in found.found
    assert "SLACK_BOT_TOKEN" in found.todo


def test_channels_must_be_there_and_joined() -> None:
    people = People()
    assert check_channels(["#costs", "C1"], people.channel, lambda _: True).found == "In #costs, C1."
    assert check_channels([], people.channel, lambda _: False).verdict is Verdict.OK
    found = check_channels(["#gone", "#costs", "C1"], people.channel, lambda channel: channel == "C1")
    assert found.verdict is Verdict.BROKEN
    assert found.found == "Cannot post in #gone (channel_not_found), #costs (not a member)."
    assert "/invite" in found.todo


def test_langsmith_takes_the_key_and_has_every_project() -> None:
    project = Project(b"1" * 16, "acme-prod", 0)
    assert check_langsmith(lambda: ([project], [])).verdict is Verdict.OK
    found = check_langsmith(lambda: ([project], ["LangSmith has no project 'x' that this key can see."]))
    assert found.verdict is Verdict.BROKEN
    assert "'x'" in found.found

    def refuse() -> tuple[list[Project], list[str]]:
        raise SourceRefusedError("LangSmith refuses the key.")

    with pytest.raises(SourceRefusedError):  # which makes a broken line: see test_checkup
        check_langsmith(refuse)


def test_admins_must_be_there_and_reachable() -> None:
    assert check_admins([], None).verdict is Verdict.WARNING
    assert check_admins(["UALICE", "alice@example.com"], People()).verdict is Verdict.OK
    found = check_admins(["UALICE", "nobody@example.com", "UCAROL"], People())
    assert found.verdict is Verdict.BROKEN
    assert "nobody@example.com (users_not_found), UCAROL (has left, or is a bot)" in found.found


def budget(feature: str, *owners: str) -> BudgetInForce:
    return BudgetInForce(Budget(feature, Window.MONTHLY, 1), owners, None)


def test_every_budget_needs_an_owner_who_can_be_reached() -> None:
    assert check_owners([], None).verdict is Verdict.OK
    assert check_owners([budget("a", "UALICE"), budget("b", "STEAM", "alice@example.com")], People()).verdict is (
        Verdict.OK
    )
    found = check_owners([budget("a"), budget("b", "UALICE")], People())
    assert (found.verdict, found.found) == (Verdict.WARNING, "Nobody owns a.")


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        ("UCAROL", "has left, or is a bot"),
        ("U0", "users_not_found"),
        ("S0", "no_such_subteam"),
        ("SEMPTY", "an empty group"),
        ("Sue@example.com", "users_not_found"),
    ],
)
def test_an_owner_whom_slack_cannot_reach_is_named_with_the_feature(owner: str, why: str) -> None:
    found = check_owners([budget("a", "UALICE"), budget("rag-search", "UBOB", owner)], People())
    assert found.verdict is Verdict.BROKEN
    assert found.found == f"Slack cannot reach {owner} ({why}), owner of rag-search."


def test_of_many_the_first_are_named_and_the_others_counted() -> None:
    found = check_owners([budget(f"f{number}", f"U{number}") for number in range(9)], People())
    assert "U0 (users_not_found), U1 (users_not_found), U2 (users_not_found), 6 more" in found.found


def test_a_slack_that_is_down_says_nothing_about_people() -> None:
    people = People()
    people.down = True
    with pytest.raises(UnconfirmedError):
        check_owners([budget("a", "UALICE")], people)
