"""Who hears about a budget, and who may change it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.slack import people
from bot.slack.api import UnconfirmedError
from bot.slack.people import KEEP, LARGEST_GROUP, SILENCE, People, Recipient, zone_of
from tests.standins.slack_fake import LOST_BEFORE, RATE_LIMITED, FakeSlack, Fault

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def slack() -> FakeSlack:
    slack = FakeSlack(lambda: NOW)
    slack.add_person("U1", "alice@example.com", "Asia/Kathmandu")
    slack.add_person("U2", "bob@example.com", "Europe/Berlin")
    slack.add_person("U3", "carol@example.com", None)
    slack.add_group("S1", ["U1", "U2"])
    slack.add_group("S2", [f"U{number}" for number in range(LARGEST_GROUP + 1)])
    slack.add_group("S3", [])
    return slack


@pytest.fixture
def known(slack: FakeSlack) -> People:
    return People(slack)


def told(found: Iterable[Recipient]) -> tuple[tuple[str, str | None], ...]:
    return tuple((one.who, one.zone) for one in found)


# --- who hears of it -------------------------------------------------------------------------------------------------


def test_owners_are_members_with_their_zones(known: People) -> None:
    assert told(known.recipients(["bob@example.com", "U1", "U3"], NOW)) == (
        ("U2", "Europe/Berlin"),
        ("U1", "Asia/Kathmandu"),
        ("U3", None),
    )


def test_who_is_named_twice_is_told_once(known: People) -> None:
    assert [one.who for one in known.recipients(["alice@example.com", "S1", "U1"], NOW)] == ["U1", "U2"]


def test_a_large_group_and_an_empty_one_stay_as_configured(known: People) -> None:
    assert told(known.recipients(["S2", "S3"], NOW)) == (("S2", None), ("S3", None))


def test_whom_slack_does_not_know_stays_as_configured(known: People) -> None:
    owners = ["nobody@example.com", "U404", "S404"]
    assert told(known.recipients(owners, NOW)) == tuple((owner, None) for owner in owners)


@pytest.mark.parametrize("fault", [LOST_BEFORE, RATE_LIMITED, Fault(code="missing_scope", permanent=True)])
def test_where_slack_cannot_be_asked_owners_stay_as_configured(slack: FakeSlack, known: People, fault: Fault) -> None:
    slack.fail_next("person", fault)
    assert told(known.recipients(["alice@example.com"], NOW)) == (("alice@example.com", None),)
    assert [one.who for one in known.recipients(["alice@example.com"], NOW + SILENCE)] == ["U1"]


def test_what_hangs_is_not_waited_for_by_every_budget(slack: FakeSlack, known: People) -> None:
    slack.fail_next("person", LOST_BEFORE, times=9)
    for _ in range(9):
        known.recipients(["U1", "U2"], NOW)
    assert slack.calls["person"] == 1


def test_an_answer_is_believed_for_a_while(slack: FakeSlack, known: People) -> None:
    for _ in range(3):
        known.recipients(["alice@example.com", "S1"], NOW)
    assert (slack.calls["person"], slack.calls["members"]) == (3, 1)
    slack.add_person("U1", "alice@example.com", "Europe/Berlin")
    assert told(known.recipients(["U1"], NOW + KEEP - timedelta(seconds=1))) == (("U1", "Asia/Kathmandu"),)
    assert told(known.recipients(["U1"], NOW + KEEP)) == (("U1", "Europe/Berlin"),)


def test_no_more_than_so_many_answers_are_kept(
    slack: FakeSlack, known: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "MOST", 2)
    for owner in ("U1", "U2", "U3", "U3", "U2", "U1"):
        known.recipients([owner], NOW)
    assert slack.calls["person"] == 4


# --- who may change it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "owners", "allowed"),
    [
        ("U1", ["U1"], True),
        ("U1", ["alice@example.com"], True),
        ("U1", ["Alice@Example.com"], True),
        ("U2", ["S1"], True),
        ("U3", ["S1"], False),
        ("U3", ["U1", "bob@example.com", "S1"], False),
        ("U3", ["nobody@example.com", "S404"], False),
        ("U3", ["U1", "carol@example.com"], True),
        ("U3", [], True),
        ("U9", ["U1"], True),
        ("S1", ["U1"], False),
        ("alice@example.com", ["U1"], False),
    ],
)
def test_owners_members_of_owning_groups_and_admins_may_and_nobody_else(
    known: People, user: str, owners: list[str], allowed: bool
) -> None:
    assert known.may_change(user, owners, ["U9"], NOW) is allowed


def test_an_admin_can_be_named_by_address(known: People) -> None:
    assert known.may_change("U2", ["U1"], ["bob@example.com"], NOW)


@pytest.mark.parametrize("fault", [LOST_BEFORE, RATE_LIMITED])
def test_who_cannot_be_known_for_the_moment_is_told_so(slack: FakeSlack, known: People, fault: Fault) -> None:
    slack.fail_next("members", fault)
    with pytest.raises(UnconfirmedError):
        known.may_change("U3", ["S1"], [], NOW)
    assert not known.may_change("U3", ["S1"], [], NOW)


def test_slack_is_not_asked_about_who_is_named(slack: FakeSlack, known: People) -> None:
    assert known.may_change("U2", ["S1", "alice@example.com"], ["U2"], NOW)
    assert slack.calls.total() == 0


def test_who_has_left_a_group_may_soon_change_nothing(slack: FakeSlack, known: People) -> None:
    assert known.may_change("U2", ["S1"], [], NOW)
    slack.add_group("S1", ["U1"])
    assert not known.may_change("U2", ["S1"], [], NOW + KEEP)


# --- zones -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, "", "Mars/Phobos", "../etc/passwd", "Europe", "no zone"])
def test_a_zone_that_is_none_here_is_the_reporting_zone(name: str | None) -> None:
    assert zone_of(name, ZoneInfo("Europe/Berlin")) == ZoneInfo("Europe/Berlin")


def test_a_zone_is_the_one_that_slack_names() -> None:
    assert zone_of("Asia/Kathmandu", ZoneInfo("UTC")) == ZoneInfo("Asia/Kathmandu")
