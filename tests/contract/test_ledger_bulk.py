"""Looking many ids up at once."""

from zoneinfo import ZoneInfo

import pytest

from bot.ledger.bulk import rows_in
from bot.ledger.engine import reading
from bot.ledger.tables import runs
from tests.ledger_books import Books, memory
from tests.ledger_worlds import id_of, make_run

pytestmark = pytest.mark.each_database


@pytest.fixture
def held() -> int:
    """A ledger with that many runs, numbered from 1, and as many of the other project behind them."""
    books, many = Books(ZoneInfo("UTC")), 2_100
    for key, first in ((1, 1), (2, 1 + many)):
        books.book([make_run(number, project=key) for number in range(first, first + many)], project=key)
    return many


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("asked", [0, 1, 2, 3, 1_023, 1_024, 1_025, 2_100])
def test_as_many_ids_as_are_asked_for_are_found_once_each(asked: int) -> None:
    ids = [id_of(number) for number in range(1, 1 + asked)]
    with reading(memory()) as connection:
        found = list(rows_in(connection, (runs.c.id, runs.c.project), runs.c.id, ids, project=None))
    assert sorted(found) == sorted((run_id, 1) for run_id in ids)


def test_ids_that_are_not_held_or_of_another_project_are_not_found(held: int) -> None:
    ids = [id_of(held), id_of(held + 1), id_of(2 * held + 1)]
    with reading(memory()) as connection:
        mine = list(rows_in(connection, (runs.c.id,), runs.c.trace_id, ids, project=1))
        anyones = list(rows_in(connection, (runs.c.id,), runs.c.trace_id, ids, project=None))
    assert mine == [(id_of(held),)]
    assert sorted(anyones) == sorted([(id_of(held),), (id_of(held + 1),)])


def test_booking_more_runs_than_one_look_up_takes_again_changes_nothing() -> None:
    books = Books(ZoneInfo("UTC"))
    page = [make_run(number) for number in range(1, 2_100)]
    assert books.book(page).new == len(page)
    before = books.dump()
    again = books.book(page)
    assert (again.new, again.changed, again.strays) == (0, 0, [])
    assert books.dump() == before
