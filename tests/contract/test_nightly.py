"""The nightly look at the books: a wrong figure is told to each admin once a date, at its hour, whatever restarts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from bot.jobs.nightly import MARK, Nightly
from bot.ledger.deliveries import Delivery, Role
from bot.ledger.engine import writing
from bot.ledger.store import Ledger
from bot.ledger.tables import rollups
from tests.ledgers import BERLIN, Spent, emptied, fill

pytestmark = pytest.mark.each_database

HALF_PAST_THREE = datetime(2026, 11, 24, 3, 30, tzinfo=BERLIN)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ADMINS = ("U1", "ops@example.com")
HELSINKI = ZoneInfo("Europe/Helsinki")


@pytest.fixture
def ledger(reused: Ledger) -> Ledger:
    """Three days with a run each."""
    runs = [Spent(HALF_PAST_THREE - days * DAY, "chat", "1") for days in (1, 2, 3)]
    return fill(emptied(reused), runs, now=HALF_PAST_THREE)


def look(ledger: Ledger, *times: datetime, zone: ZoneInfo = BERLIN) -> list[Delivery]:
    """What has been told after looks at these times, each by a process that has just started."""
    for now in times:
        Nightly(ledger, ADMINS, zone).run(now)
    return ledger.outbox.latest(100)


def add_a_nano(ledger: Ledger) -> None:
    """To the total of one day, by hand."""
    day = (HALF_PAST_THREE - DAY).date().toordinal()
    with writing(ledger._engine) as connection:
        here = (rollups.c.view == "all") & (rollups.c.day == day)
        assert connection.execute(update(rollups).where(here).values(cost=rollups.c.cost + 1)).rowcount == 1


def test_books_that_are_right_are_not_spoken_of(ledger: Ledger) -> None:
    assert look(ledger, HALF_PAST_THREE) == []
    assert ledger.outbox.mark(MARK) == "2026-11-24"


def test_a_wrong_nano_is_told_to_each_admin_once_a_date(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    add_a_nano(ledger)
    told = look(ledger, *(HALF_PAST_THREE + hours * HOUR for hours in range(20)))
    assert sorted((one.recipient, one.role) for one in told) == [(who, Role.ADMIN) for who in ADMINS]
    assert {one.events for one in told} == {("books:2026-11-24",)}
    assert told[0].message["text"].startswith("The figures differ from their runs in 1 place: reports may be wrong.")
    assert caplog.text.count("the books are wrong in 1 place, the first: Key(view='all'") == 1  # looked at once
    told = look(ledger, HALF_PAST_THREE + DAY)
    assert sorted(key for one in told for key in one.events) == ["books:2026-11-24"] * 2 + ["books:2026-11-25"] * 2


def test_nobody_looks_before_half_past_three(ledger: Ledger) -> None:
    add_a_nano(ledger)
    midnight = HALF_PAST_THREE.replace(hour=0, minute=0)
    assert look(ledger, midnight, midnight + HOUR, HALF_PAST_THREE - MINUTE) == []
    assert len(look(ledger, HALF_PAST_THREE)) == 2


def test_who_was_down_then_looks_later_that_date(ledger: Ledger) -> None:
    add_a_nano(ledger)
    assert len(look(ledger, HALF_PAST_THREE + 17 * HOUR)) == 2


def test_who_ended_before_noting_the_date_down_does_not_tell_it_twice(ledger: Ledger) -> None:
    add_a_nano(ledger)
    before = look(ledger, HALF_PAST_THREE)
    ledger.outbox.set_mark(MARK, "2026-11-23")
    assert look(ledger, HALF_PAST_THREE + MINUTE) == before


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        (BERLIN, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # two and a half hours after midnight
        (BERLIN, datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),  # four and a half
        (HELSINKI, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),  # clocks jump from three to four: it is due at four
        (HELSINKI, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # they show half past three twice: the first time
    ],
)
def test_on_nights_when_clocks_change_it_is_still_half_past_three_and_once(
    ledger: Ledger, zone: ZoneInfo, first: datetime
) -> None:
    add_a_nano(ledger)
    assert look(ledger, *(first - minutes * MINUTE for minutes in (90, 60, 30, 1)), zone=zone) == []
    assert len(look(ledger, *(first + minutes * MINUTE for minutes in (0, 30, 60, 90)), zone=zone)) == 2
