"""The check of the books finds a single wrong nano-dollar, run, trace or return, and names the row."""

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Table, and_, delete, insert, select, update

from bot.ledger.engine import writing
from bot.ledger.rollups import MEASURES
from bot.ledger.tables import returns, rollups
from tests.ledger_books import Books, memory
from tests.ledger_worlds import make_run

pytestmark = pytest.mark.each_database

DAY = 86_400_000_000


@pytest.fixture
def books() -> Books:
    """A trace over midnight with two runs, one of them untagged."""
    found = Books(ZoneInfo("Europe/Berlin"))
    first = make_run(1, keys=(("env", "test"), ("feature", "search")), raw_cost=700)
    found.book([first, make_run(2, above=[1], start=first.start + DAY, model="claude", raw_cost=10)])
    found.book([make_run(3, keys=first.keys, start=first.start + DAY, raw_cost=20), make_run(4, name="agent")])
    assert found.ledger.wrong_rollups() == []
    return found


def rows(table: Table) -> list[tuple[object, ...]]:
    with memory().connect() as connection:
        return [tuple(row) for row in connection.execute(select(table))]


def tamper(table: Table, row: tuple[object, ...], column: str, by: int) -> None:
    keys = table.primary_key.columns
    here = and_(*(key == value for key, value in zip(keys, row, strict=False)))
    with writing(memory()) as connection:
        connection.execute(update(table).where(here).values({column: table.c[column] + by}))


@pytest.mark.parametrize("measure", MEASURES)
def test_one_more_in_any_row_and_measure_is_found_and_named(books: Books, measure: str) -> None:
    found = rows(rollups)
    assert {row[0] for row in found} >= {"all", "one", "all/feature", "one/model", "all/env", "untagged"}
    for row in found:
        for by in (1, -1):
            tamper(rollups, row, measure, by)
            (sentence,) = books.ledger.wrong_rollups()
            assert sentence.startswith("Key(view={!r}, feature={!r}, day={!r}, value={!r}): booked ".format(*row[:4]))
            tamper(rollups, row, measure, -by)
    assert books.ledger.wrong_rollups() == []


def test_one_more_return_is_found_and_named(books: Books) -> None:
    found = rows(returns)
    assert found
    for row in found:
        tamper(returns, row, "traces", 1)
        (sentence,) = books.ledger.wrong_rollups()
        key = "Key(view={!r}, feature={!r}, day={!r}, value={!r})".format(*row[:4])
        assert sentence == f"Return(key={key}, previous_day={row[4]}): booked 2, the runs make 1"
        tamper(returns, row, "traces", -1)


@pytest.mark.parametrize("table", [rollups, returns])
def test_a_row_that_is_missing_and_one_too_many_are_found(books: Books, table: Table) -> None:
    row = rows(table)[0]
    here = and_(*(key == value for key, value in zip(table.primary_key.columns, row, strict=False)))
    with writing(memory()) as connection:
        connection.execute(delete(table).where(here))
    assert [sentence.split("booked")[1][:6] for sentence in books.ledger.wrong_rollups()] == [" None,"]
    with writing(memory()) as connection:
        connection.execute(insert(table).values(row))
    assert books.ledger.wrong_rollups() == []
    strange = list(row)
    strange[2] = 1
    with writing(memory()) as connection:
        connection.execute(insert(table).values(tuple(strange)))
    (sentence,) = books.ledger.wrong_rollups()
    assert sentence.endswith("the runs make None")
