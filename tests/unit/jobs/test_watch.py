"""The dead-man's switch: one DM for each outage and admin, and in the same DM that it is over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.jobs.watch import Watch
from bot.ledger.booking import microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.deliveries import Delivery, Role
from bot.ledger.store import Ledger
from bot.reports.watch import PATIENCE, patience
from tests.ledgers import BERLIN, new_ledger

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADMINS = ("U1", "ops@example.com")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


def watch(ledger: Ledger, up_since: datetime = NOW - timedelta(days=9)) -> Watch:
    return Watch(ledger, ADMINS, BERLIN, PATIENCE, up_since)


def synced(ledger: Ledger, at: datetime, problem: str | None = None) -> None:
    ledger.record_sync(SyncRow(microseconds(at), microseconds(at), 0, 0, 0, problem, 0 if problem else 1))


def told(ledger: Ledger) -> list[Delivery]:
    return ledger.outbox.latest(100)


def test_an_outage_is_told_once_to_each_admin_whatever_restarts(ledger: Ledger) -> None:
    synced(ledger, NOW)
    for minute in range(1, 90):
        synced(ledger, NOW + minute * MINUTE, "LangSmith refuses the key.")
        watch(ledger).run(NOW + minute * MINUTE)
        watch(ledger).run(NOW + minute * MINUTE)
    assert sorted(one.recipient for one in told(ledger)) == ["U1", "ops@example.com"]
    note = told(ledger)[0]
    assert note.role is Role.ADMIN
    assert note.created == NOW + 16 * MINUTE
    assert "not been read to the end since 22 Nov 2026 10:00" in note.message["text"]
    assert "LangSmith refuses the key." in note.message["text"]


def test_that_it_is_over_stands_in_the_same_message_once(ledger: Ledger) -> None:
    synced(ledger, NOW)
    watch(ledger).run(NOW + 20 * MINUTE)
    (first, _) = told(ledger)
    for claimed in iter(lambda: ledger.outbox.claim_next(NOW + 20 * MINUTE), None):
        if claimed.delivery.id == first.id:
            ledger.outbox.record_sent(claimed, "D1", "1.0", NOW + 20 * MINUTE)
    synced(ledger, NOW + 25 * MINUTE)
    for minute in (25, 26, 30):
        watch(ledger).run(NOW + minute * MINUTE)
    assert len(told(ledger)) == 2
    for one in told(ledger):  # what is not sent yet goes out so
        assert one.message["text"].startswith("This is over since 22 Nov 2026 10:25.\nIt was: LangSmith has not been")
    assert [one.id for one in ledger.outbox.stale()] == [first.id]


def test_the_next_outage_is_told_anew(ledger: Ledger) -> None:
    for hour in (0, 1, 2):
        at = NOW + timedelta(hours=hour)
        synced(ledger, at)
        watch(ledger).run(at)
        watch(ledger).run(at + 20 * MINUTE)
    assert len(told(ledger)) == 6


def test_a_process_that_was_down_tries_before_it_complains(ledger: Ledger) -> None:
    synced(ledger, NOW - timedelta(days=3))
    started = watch(ledger, up_since=NOW)
    started.run(NOW)
    started.run(NOW + PATIENCE)
    assert told(ledger) == []
    started.run(NOW + PATIENCE + MINUTE)  # even a sync that hangs for ever is noticed
    assert len(told(ledger)) == 2


def test_once_it_has_tried_in_vain_it_complains_at_once(ledger: Ledger) -> None:
    synced(ledger, NOW - timedelta(days=3))
    synced(ledger, NOW + MINUTE, "no")
    watch(ledger, up_since=NOW).run(NOW + MINUTE)
    assert len(told(ledger)) == 2


def test_who_reads_once_an_hour_is_not_missed_after_a_quarter() -> None:
    assert patience(timedelta(minutes=1)) == PATIENCE
    assert patience(timedelta(hours=1)) == timedelta(hours=3)
