"""Prices of the past change on demand only: said first, booked whole, taken back to the nano-dollar; and what had no
price may get one."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.ledger.repricing
from bot.domain.cost import Cost
from bot.domain.costing import CostMode
from bot.domain.period import Span
from bot.domain.run import Source, State
from bot.domain.usage import Usage
from bot.ledger.booking import Rules, microseconds
from bot.ledger.repricing import Moved, Movement, Place, Wanted
from tests.ledger_books import MINE, NOW, Books
from tests.ledger_worlds import PATIENT, World, id_of, list_price, make_run, worlds

UTC_ZONE = ZoneInfo("UTC")
EVER = Wanted(0)
DAY = Span(date(2026, 11, 15), date(2026, 11, 16), UTC_ZONE)


def dearer(*, model: str | None, usage: Usage | None, langsmith_cost: int | None, **more: object) -> Cost:
    """Another price list: everything of the old one costs twice as much, and the in-house model has a price."""
    if model == "in-house" and usage is not None:
        return Cost(5 * usage.input, Source.ESTIMATE, "new in-house")
    cost = list_price(model=model, usage=usage, langsmith_cost=langsmith_cost, **more)
    return cost if cost.nanos is None else cost._replace(nanos=2 * cost.nanos, reference="new")


def new_rules(books: Books) -> Rules:
    return Rules(books.rules.attribution, dearer, books.rules.day_of, books.rules.dimensions)


def reprice(books: Books, wanted: Wanted = EVER) -> list[Moved]:
    moved = Movement()
    change = books.ledger.begin_repricing(MINE, NOW, "alice", wanted.since)
    place: Place | None = Place()
    while place is not None:
        place = books.ledger.reprice_next(MINE, NOW, change, new_rules(books), wanted, place, moved)
        assert books.ledger.wrong_rollups() == []
    return moved.rows()


def undo(books: Books) -> int:
    last = books.ledger.last_repricing()
    assert last is not None
    left, after = 0, b""
    place: bytes | None = after
    while place is not None:
        skipped, place = books.ledger.undo_repricing_next(MINE, NOW, last.id, books.rules, "bob", place, Movement())
        left += skipped
        assert books.ledger.wrong_rollups() == []
    return left


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.ledger.repricing, "BATCH", 2)


@given(worlds(), st.booleans(), st.integers(0, 4))
@settings(PATIENT, max_examples=30)
def test_what_was_said_is_what_is_booked_and_undo_gives_back_every_row(
    world: World, unknown_only: bool, first: int
) -> None:
    """The books are right after each transaction, whatever the order and the modes."""
    books = Books(world.zone)
    books.fill(world)
    before = books.dump()
    since = microseconds(datetime.combine(world.days[first], datetime.min.time(), UTC))
    wanted = Wanted(since, unknown_only)
    said = books.ledger.repricing(new_rules(books), wanted).rows()
    assert books.dump() == before
    old = books.booked()
    assert reprice(books, wanted) == said
    new = books.booked()
    changed = [run_id for run_id, one in new.items() if one != old[run_id]]
    assert sum(row.runs for row in said) == len(changed)
    delta = sum((new[run_id].cost or 0) - (old[run_id].cost or 0) for run_id in changed)
    assert sum(row.after - row.before for row in said) == delta
    assert all(old[run_id].run.start >= since for run_id in changed)
    if unknown_only:
        assert {old[run_id].state for run_id in changed} <= {State.UNPRICED}
        assert {new[run_id].state for run_id in changed} <= {State.COSTED}
    if changed:
        assert undo(books) == 0
    assert books.ledger.last_repricing() is None
    assert books.dump() == before


def test_a_change_is_on_record_with_who_and_when_and_one_that_changes_nothing_is_not() -> None:
    books = Books(UTC_ZONE)
    books.book([make_run(1, raw_cost=500)])
    assert reprice(books, Wanted(microseconds(NOW))) == []
    assert books.ledger.last_repricing() is None
    assert reprice(books) == [Moved("", "gpt-4o", 1, 500, 1_000, 0, 0)]
    last = books.ledger.last_repricing()
    assert last is not None
    assert (last.at, last.by, last.since, last.runs, last.undone) == (microseconds(NOW), "alice", 0, 1, None)


def test_what_was_repriced_stays_so_when_it_is_read_again() -> None:
    books = Books(UTC_ZONE)
    run = make_run(1, raw_cost=500)
    books.book([run])
    reprice(books)
    books.book([run])
    assert books.booked()[id_of(1)].cost == 1_000
    assert undo(books) == 0
    books.book([run])
    assert books.booked()[id_of(1)].cost == 500


def test_undo_leaves_what_has_changed_since() -> None:
    books = Books(UTC_ZONE)
    books.book([make_run(1, raw_cost=500), make_run(2, raw_cost=70)])
    reprice(books)
    books.book([make_run(1, raw_cost=900)])
    assert undo(books) == 1
    assert [books.booked()[id_of(number)].cost for number in (1, 2)] == [900, 70]


def test_changes_are_taken_back_the_last_first() -> None:
    books = Books(UTC_ZONE)
    books.book([make_run(1, raw_cost=500), make_run(2, model="in-house")])
    assert reprice(books, Wanted(0, unknown_only=True)) == [Moved("", "in-house", 1, 0, 500, 1, 0)]
    reprice(books)
    undo(books)
    assert [books.booked()[id_of(number)].cost for number in (1, 2)] == [500, 500]
    undo(books)
    assert [books.booked()[id_of(number)].cost for number in (1, 2)] == [500, None]


def test_a_parent_is_priced_with_what_is_its_own() -> None:
    books = Books(UTC_ZONE)
    books.learn(CostMode.ROLLED_UP)
    books.book([make_run(1, type="CHAIN", usage=None, raw_cost=900), make_run(2, above=[1], raw_cost=500)])
    reprice(books)
    assert [books.booked()[id_of(number)].cost for number in (1, 2)] == [800, 1_000]
    with books.ledger.reading() as reading:
        assert reading.total(DAY).cost == 1_800


def test_another_attribution_is_said_before_it_counts_and_totals_stay() -> None:
    books = Books(UTC_ZONE)
    books.book([make_run(1, raw_cost=500, tags=("drafts",)), make_run(2, raw_cost=70)])
    rules = books.rules.attribution.__class__(features=frozenset())
    other = Rules(rules, list_price, books.rules.day_of, books.rules.dimensions)
    before = books.dump()
    said = books.ledger.reattribution(other).rows()
    assert said == [
        Moved("", "gpt-4o", 1, 0, 500, 0, 0),
        Moved("drafts", "gpt-4o", 1, 500, 0, 0, 0),
    ]
    assert books.dump() == before
    books.ledger.keep_rules(other, UTC_ZONE)
    assert books.ledger.reattribution(other).rows() == []
    with books.ledger.reading() as reading:
        assert reading.total(DAY, "").cost == reading.total(DAY).cost == 570


def test_before_since_nothing_changes() -> None:
    books = Books(UTC_ZONE)
    early = make_run(1, raw_cost=500)
    late = make_run(2, raw_cost=500, start=early.start + 1)
    books.book([early, late])
    reprice(books, Wanted(late.start))
    assert [books.booked()[id_of(number)].cost for number in (1, 2)] == [500, 1_000]
