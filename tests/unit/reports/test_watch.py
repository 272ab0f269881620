"""When the ledger is silent: reading fails, or no runs come where last week's hour had many."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.ledger.booking import microseconds
from bot.ledger.coverage import KEPT_SYNCS, SyncRow
from bot.ledger.store import Ledger
from bot.reports.watch import BUSY_RUNS, PATIENCE, Cause, Silence, silence
from tests.ledgers import BERLIN, NOW, Spent, fill, new_ledger

MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


def look(ledger: Ledger, now: datetime = NOW) -> Silence | None:
    with ledger.reading() as reading:
        return silence(reading, now)


def synced(ledger: Ledger, at: datetime, problem: str | None = None) -> None:
    ledger.record_sync(SyncRow(microseconds(at), microseconds(at), 0, 0, 0, problem, 0 if problem else 1))


def hour(now: datetime, runs: int, project: str = "acme-prod") -> list[Spent]:
    """So many runs in the hour before `now` on the clock."""
    return [
        Spent(now - timedelta(seconds=7 + 3_500 * number / max(runs, 1)), project=project) for number in range(runs)
    ]


def test_a_ledger_that_was_never_read_is_no_outage(ledger: Ledger) -> None:
    assert look(ledger) is None


@pytest.mark.parametrize(("late", "is_silent"), [(PATIENCE, False), (PATIENCE + MINUTE, True)])
def test_reading_may_fail_for_a_quarter_of_an_hour(late: timedelta, is_silent: bool, ledger: Ledger) -> None:
    synced(ledger, NOW - late)
    synced(ledger, NOW - MINUTE, "LangSmith refuses the key.")
    found = look(ledger)
    expected = Silence(Cause.NOT_READ, NOW - late, "LangSmith refuses the key.")
    assert found == (expected if is_silent else None)


def test_one_that_never_succeeded_is_an_outage_too_with_one_key(ledger: Ledger) -> None:
    synced(ledger, NOW - timedelta(minutes=16), "no")
    found = look(ledger)
    assert found == Silence(Cause.NOT_READ, None, "no")
    assert look(ledger, NOW - 2 * MINUTE) is None
    for minute in range(KEPT_SYNCS):
        synced(ledger, NOW + minute * MINUTE, "no")
    later = look(ledger, NOW + KEPT_SYNCS * MINUTE)
    assert later is not None
    assert later.key == found.key


def test_an_outage_keeps_its_beginning_however_long_it_lasts(ledger: Ledger) -> None:
    synced(ledger, NOW)
    for minute in range(1, KEPT_SYNCS + 5):
        synced(ledger, NOW + minute * MINUTE, "no")
    found = look(ledger, NOW + timedelta(days=2))
    assert found is not None
    assert found.since == NOW


@pytest.mark.parametrize(("before", "is_silent"), [(BUSY_RUNS, False), (BUSY_RUNS + 1, True)])
def test_no_runs_where_the_same_hour_last_week_had_more_than_fifty(
    before: int, is_silent: bool, ledger: Ledger
) -> None:
    last = NOW - timedelta(hours=3)
    fill(ledger, [*hour(NOW - WEEK, before), Spent(last)])
    found = look(ledger)
    assert found == (Silence(Cause.NO_RUNS, last, usual_runs=before) if is_silent else None)


def test_a_single_run_breaks_the_silence(ledger: Ledger) -> None:
    fill(ledger, [*hour(NOW - WEEK, 60), Spent(NOW - MINUTE)])
    assert look(ledger) is None


def test_the_key_stays_while_no_run_comes_and_the_next_outage_has_another(ledger: Ledger) -> None:
    earlier = [Spent(NOW - WEEK + minute * MINUTE) for minute in range(-180, 180)]
    fill(ledger, [*earlier, Spent(NOW - timedelta(hours=2))], as_of=NOW)
    first = look(ledger)
    fill(ledger, as_of=NOW + 20 * MINUTE)
    second = look(ledger, NOW + 20 * MINUTE)
    fill(ledger, [Spent(NOW + 21 * MINUTE)], as_of=NOW + 100 * MINUTE)
    third = look(ledger, NOW + 100 * MINUTE)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.key == second.key != third.key


def test_projects_that_are_read_no_more_are_not_missed(ledger: Ledger) -> None:
    fill(ledger, hour(NOW - WEEK, 60, "acme-old"), projects=("acme-prod", "acme-old"))
    fill(ledger, projects=("acme-prod",))
    assert look(ledger) is None


def test_a_project_that_was_not_read_yet_is_no_outage(ledger: Ledger) -> None:
    fill(ledger, hour(NOW - WEEK, 60), projects=("acme-prod", "acme-new"), unread=("acme-new",))
    assert look(ledger) is None


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Berlin", 25), ("America/New_York", 1), ("Europe/Berlin", 26)],
)
def test_last_weeks_hour_is_the_same_on_the_clock_when_clocks_have_changed(zone: str, day: int, ledger: Ledger) -> None:
    month = 11 if zone == "America/New_York" else 10
    now = datetime(2026, month, day, 14, tzinfo=ZoneInfo(zone))
    fill(ledger, hour(now - WEEK, 60), now=now, zone=ZoneInfo(zone))
    found = look(ledger, now)
    assert found is not None
    assert found.usual_runs == 60


def test_reading_that_fails_comes_before_runs_that_are_missing(ledger: Ledger) -> None:
    fill(ledger, hour(NOW - WEEK, 60), as_of=NOW - timedelta(hours=1))
    found = look(ledger)
    assert found is not None
    assert found.cause is Cause.NOT_READ
    assert found.since is not None
    assert found.since.tzinfo is BERLIN
