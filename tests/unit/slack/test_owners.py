"""Owners as alerts need them: when they may be disturbed, by their own clocks, and why they hear of something."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.domain.quiet import QuietHours
from bot.slack.api import UnconfirmedError
from bot.slack.owners import Owners, Told
from bot.slack.people import People
from tests.standins.slack_fake import LOST_BEFORE, FakeSlack

NIGHT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # 03:00 in Berlin, where reports are made; 07:45 in Kathmandu
BERLIN = ZoneInfo("Europe/Berlin")
QUIET = QuietHours(time(18), time(9))


@pytest.fixture
def slack() -> FakeSlack:
    slack = FakeSlack(lambda: NIGHT)
    slack.add_person("U1", "alice@example.com", "Asia/Kathmandu")
    slack.add_person("U2", "bob@example.com", "UTC")
    slack.add_person("U3", "carol@example.com", None)
    slack.add_person("U4", "dave@example.com", "Atlantis/Capital")
    slack.add_group("S1", ["U1", "U2"])
    return slack


def owners(slack: FakeSlack, quiet: QuietHours | None = QUIET) -> Owners:
    return Owners(People(slack), ("U9",), quiet, BERLIN, lambda: NIGHT)


@pytest.mark.parametrize(
    ("who", "hears"),
    [
        ("alice@example.com", "2026-11-22T09:00+05:45"),
        ("U1", "2026-11-22T09:00+05:45"),
        ("U2", "2026-11-22T09:00+00:00"),
        ("U3", "2026-11-22T09:00+01:00"),  # Slack has no zone for Carol: the reports' counts
        ("U4", "2026-11-22T09:00+01:00"),  # nor one that exists for Dave
        ("#costs", "2026-11-22T02:00+00:00"),
        ("C1", "2026-11-22T02:00+00:00"),
        ("S1", "2026-11-22T02:00+00:00"),  # whoever sends it asks each member
    ],
)
def test_below_the_limit_members_hear_of_it_when_their_quiet_hours_end(slack: FakeSlack, who: str, hears: str) -> None:
    assert owners(slack).not_before(who, NIGHT, 80) == datetime.fromisoformat(hears)


@pytest.mark.parametrize("percent", [100, 150])
def test_from_the_limit_on_nobody_is_spared_and_nobody_is_asked_about(slack: FakeSlack, percent: int) -> None:
    known = owners(slack)
    assert known.not_before("U2", NIGHT, percent) == NIGHT
    assert not slack.calls
    assert known.awake(slack.person("U2"), NIGHT, percent) == NIGHT


def test_without_quiet_hours_nobody_waits(slack: FakeSlack) -> None:
    assert owners(slack, quiet=None).not_before("U2", NIGHT, 1) == NIGHT


def test_a_member_as_slack_has_them_now_counts(slack: FakeSlack) -> None:
    known = owners(slack)
    known.not_before("U2", NIGHT, 80)
    slack.add_person("U2", "bob@example.com", "Pacific/Auckland")
    assert known.awake(slack.person("U2"), NIGHT, 99) == NIGHT


def test_that_slack_does_not_say_where_somebody_is_is_said(slack: FakeSlack) -> None:
    slack.fail_next("person", LOST_BEFORE)
    with pytest.raises(UnconfirmedError):
        owners(slack).not_before("U2", NIGHT, 80)


def test_owners_read_that_they_own_it_and_members_that_their_group_does(slack: FakeSlack) -> None:
    own, group = "You get this because you own rag.", "You get this because you are in a group that owns rag."
    assert owners(slack).recipients(["bob@example.com", "S1"], "rag") == [Told("U2", own), Told("U1", group)]


def test_a_group_that_is_told_as_a_whole_is_the_owner(slack: FakeSlack) -> None:
    slack.add_group("S1", [f"U{number}" for number in range(99)])
    assert owners(slack).recipients(["S1"], "rag") == [Told("S1", "You get this because you own rag.")]


def test_whoever_slack_does_not_say_stays_as_configured(slack: FakeSlack) -> None:
    slack.fail_next("members", LOST_BEFORE)
    assert [one.id for one in owners(slack).recipients(["S1", "U2"], "rag")] == ["S1", "U2"]
