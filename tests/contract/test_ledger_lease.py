"""One sync at a time, and none that was paused and wakes up late."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.costing import CostMode
from bot.errors import LedgerBusyError
from bot.ledger.booking import Rules, day_finder
from bot.ledger.coverage import ProjectRow
from bot.ledger.lease import JOBS, LEASE_MICROSECONDS, SYNC, Lease
from bot.ledger.store import Ledger, open_ledger
from tests.databases import new_url
from tests.ledger_worlds import ATTRIBUTION, id_of, list_price, make_run

pytestmark = pytest.mark.each_database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(microseconds=LEASE_MICROSECONDS)
RULES = Rules(ATTRIBUTION, list_price, day_finder(ZoneInfo("UTC")))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return new_url(tmp_path)


@pytest.fixture
def one(url: str) -> Iterator[Ledger]:
    with closing(open_ledger(url, create=True)) as ledger:
        yield ledger


@pytest.fixture
def other(url: str) -> Iterator[Ledger]:
    """The same ledger in what could be another process."""
    with closing(open_ledger(url, create=True)) as ledger:
        yield ledger


def projects(ledger: Ledger) -> list[ProjectRow]:
    with ledger.reading() as reading:
        return reading.projects()


def choose(ledger: Ledger, lease: Lease, now: datetime, name: str) -> ProjectRow:
    (row,) = ledger.select_projects(lease, now, [(id_of(1), name, 0)])
    return row


def test_while_one_holds_the_lease_another_is_told_so(one: Ledger, other: Ledger) -> None:
    with (
        one.lease(SYNC, NOW),
        pytest.raises(LedgerBusyError, match="Another process is at the sync of this ledger"),
        other.lease(SYNC, LATER - timedelta(microseconds=1)),
    ):
        pass


def test_a_lease_that_is_given_back_can_be_taken_at_once(one: Ledger, other: Ledger) -> None:
    with one.lease(SYNC, NOW):
        pass
    with pytest.raises(ZeroDivisionError), other.lease(SYNC, NOW):
        raise ZeroDivisionError
    with one.lease(SYNC, NOW) as lease:
        assert choose(one, lease, NOW, "p").name == "p"


def test_leases_of_different_jobs_do_not_hinder_each_other(one: Ledger, other: Ledger) -> None:
    with one.lease(SYNC, NOW) as sync, other.lease("digest", NOW) as digest:
        assert (sync.name, digest.name) == (SYNC, "digest")


def test_an_expired_lease_is_taken_over_and_its_holder_can_no_longer_write(one: Ledger, other: Ledger) -> None:
    with one.lease(SYNC, NOW) as paused:
        project = choose(one, paused, NOW, "p")
        with other.lease(SYNC, LATER) as fresh:
            choose(other, fresh, LATER, "of the new holder")
            for write in (
                lambda: one.select_projects(paused, LATER, [(id_of(2), "late", 0)]),
                lambda: one.book(paused, LATER, project, [make_run(1)], {}, RULES),
                lambda: one.set_cost_mode(paused, LATER, project, CostMode.OWN, RULES),
                lambda: one.cover(paused, LATER, project, 0, 10, expired=True),
                lambda: one.finish_reread(paused, LATER, project, ["reread_2h"], 5, 700_000),
            ):
                with pytest.raises(LedgerBusyError, match="has taken over the sync; this one stops"):
                    write()
            assert projects(one) == [project._replace(name="of the new holder")]
            assert one.unknown_roots(project, [id_of(1)]) == {id_of(1)}
        with pytest.raises(LedgerBusyError):  # given back is not given to the one that was paused
            one.book(paused, LATER, project, [make_run(1)], {}, RULES)


def test_the_holder_who_wakes_up_does_not_end_the_lease_of_the_new_one(one: Ledger, other: Ledger) -> None:
    paused = one.lease(SYNC, NOW)
    paused.__enter__()
    with other.lease(SYNC, LATER) as fresh:
        paused.__exit__(None, None, None)
        assert choose(other, fresh, LATER, "p").name == "p"


def test_every_write_prolongs_the_lease(one: Ledger, other: Ledger) -> None:
    with one.lease(SYNC, NOW) as lease:
        choose(one, lease, NOW + timedelta(seconds=20), "p")
        with pytest.raises(LedgerBusyError), other.lease(SYNC, LATER + timedelta(seconds=19)):
            pass
        with other.lease(SYNC, LATER + timedelta(seconds=20)):
            pass


def test_an_expired_lease_that_nobody_took_is_still_held(one: Ledger) -> None:
    with one.lease(SYNC, NOW) as lease:
        assert choose(one, lease, NOW + timedelta(days=1), "p").name == "p"


def test_a_lease_from_a_clock_that_was_years_ahead_does_not_last_for_years(one: Ledger, other: Ledger) -> None:
    with one.lease(SYNC, NOW + timedelta(days=1_000)), other.lease(SYNC, NOW) as lease:
        assert choose(other, lease, NOW, "p").name == "p"


def test_a_clock_that_is_a_few_minutes_behind_is_no_reason_to_take_over(one: Ledger, other: Ledger) -> None:
    with one.lease(SYNC, NOW), pytest.raises(LedgerBusyError), other.lease(SYNC, NOW - timedelta(minutes=5)):
        pass


def test_a_ledger_under_a_lease_writes_only_as_long_as_nobody_else_has_taken_it(one: Ledger, other: Ledger) -> None:
    """Whoever was paused, and wakes up late, has written nothing."""
    mine, theirs = Lease(JOBS, "mine"), Lease(JOBS, "theirs")
    clock = [NOW]
    late = one.under(mine, lambda: clock[0])
    with pytest.raises(LedgerBusyError, match="has taken over the jobs"):
        late.outbox.set_mark("a", "before it was taken")
    assert one.keep_lease(mine, NOW)
    late.outbox.set_mark("a", "in time")
    assert not other.keep_lease(theirs, LATER - timedelta(microseconds=1))
    assert other.keep_lease(theirs, LATER)
    clock[0] = LATER
    with pytest.raises(LedgerBusyError, match="has taken over the jobs"):
        late.outbox.set_mark("a", "late")
    assert other.outbox.mark("a") == "in time"
    assert not one.keep_lease(mine, LATER)


def test_a_lease_that_is_kept_before_it_runs_out_is_nobody_elses(one: Ledger, other: Ledger) -> None:
    mine, theirs = Lease(JOBS, "mine"), Lease(JOBS, "theirs")
    for _ in range(2):
        assert one.keep_lease(mine, NOW)
    assert one.keep_lease(mine, NOW + timedelta(seconds=20))
    assert not other.keep_lease(theirs, LATER + timedelta(seconds=19))
    one.release(mine)
    assert other.keep_lease(theirs, LATER + timedelta(seconds=19))


def test_a_ledger_that_is_closed_gives_back_what_it_holds(one: Ledger, url: str) -> None:
    with closing(open_ledger(url, create=True)) as ending:
        assert ending.keep_lease(Lease(JOBS, "ending"), NOW)
        ending.lease(SYNC, NOW).__enter__()
    with one.lease(SYNC, NOW):
        assert one.keep_lease(Lease(JOBS, "mine"), NOW)
