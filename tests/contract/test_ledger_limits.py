"""Limits that were set in Slack, who changed what when, and snoozes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.budget import SetLimit, Window
from bot.ledger.limits import LimitChange, Snooze
from bot.ledger.outbox import Outbox
from tests.ledgers import new_ledger

pytestmark = pytest.mark.each_database

NOW = datetime(2026, 11, 22, 14, 31, 5, 123456, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
MONTHLY = SetLimit("rag", Window.MONTHLY, 50_000_000_000, "U1", NOW, LATER, 35_000_000_000, ("U7", "S1"))


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    ledger = new_ledger()
    yield ledger.outbox
    ledger.close()


def test_a_limit_comes_back_as_it_was_set(outbox: Outbox) -> None:
    daily = SetLimit("rag", Window.DAILY, 1, "U2", NOW)
    outbox.set_limit(MONTHLY, None)
    outbox.set_limit(daily, None)
    assert outbox.set_limits() == [daily, MONTHLY]


def test_a_limit_replaces_the_one_of_its_feature_and_window_alone(outbox: Outbox) -> None:
    new = SetLimit("rag", Window.MONTHLY, 70, "U2", LATER)
    other = SetLimit("chat", Window.MONTHLY, 5, "U2", LATER)
    for one in (MONTHLY, other, new):
        outbox.set_limit(one, None)
    assert outbox.set_limits() == [other, new]


def test_what_was_replaced_is_still_known_as_it_was(outbox: Outbox) -> None:
    """Periods that are over are judged by what held then: by its limit, of its runs, at its thresholds."""
    old = MONTHLY._replace(alert_at=(50,), where=(("env", "production"),))
    new = old._replace(
        limit_nanos=70, set_by="U2", set_at=LATER, until=None, owners=(), alert_at=None, where=(("env", "dev"),)
    )
    other = SetLimit("chat", Window.MONTHLY, 5, "U2", NOW)
    for one in (old, other, new):
        outbox.set_limit(one, None)
    assert outbox.every_limit() == [old, other, new]


def test_every_change_stays_written_down_the_latest_first(outbox: Outbox) -> None:
    new = SetLimit("rag", Window.MONTHLY, 70, "U2", LATER)
    outbox.set_limit(MONTHLY, 35_000_000_000)
    outbox.set_limit(new, MONTHLY.limit_nanos)
    outbox.set_limit(SetLimit("chat", Window.DAILY, 5, "U2", LATER), None)
    assert outbox.limit_history(["rag"], 10) == [
        LimitChange(LATER, "U2", "rag", Window.MONTHLY, MONTHLY.limit_nanos, 70, None, ()),
        LimitChange(NOW, "U1", "rag", Window.MONTHLY, 35_000_000_000, MONTHLY.limit_nanos, LATER, ("U7", "S1")),
    ]
    assert len(outbox.limit_history(["rag"], 1)) == 1


def test_a_snooze_replaces_the_one_before_and_says_whose_it_is(outbox: Outbox) -> None:
    outbox.snooze(["a", "b"], Snooze(LATER, "U1", NOW))
    outbox.snooze(["b"], Snooze(NOW, "U2", LATER))
    assert outbox.snoozed(["a", "b", "c"]) == {"a": Snooze(LATER, "U1", NOW), "b": Snooze(NOW, "U2", LATER)}
    assert outbox.memories(["a", "c"], 1)["a"].snoozed_until == LATER
    assert outbox.memories(["a", "c"], 1)["c"].snoozed_until is None


def test_a_snooze_of_nothing_is_nothing(outbox: Outbox) -> None:
    outbox.snooze([], Snooze(LATER, "U1", NOW))
    assert outbox.snoozed([]) == {}


def test_a_limit_keeps_its_own_thresholds_and_runs_apart_from_none(outbox: Outbox) -> None:
    own = MONTHLY._replace(alert_at=(50, 90), where=(("env", "production"),))
    bare = MONTHLY._replace(alert_at=None, where=())
    assert outbox.set_limit(own, None)
    assert outbox.set_limits() == [own]
    assert not outbox.set_limit(own, None)
    assert outbox.set_limit(bare, None)
    assert outbox.set_limits() == [bare]
