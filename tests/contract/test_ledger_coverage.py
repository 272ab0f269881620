"""How far LangSmith was read: the watermark, the gaps, the settled days, the projects, the syncs."""

from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ledger.coverage import KEPT_SYNCS, Gap, SyncRow
from tests.ledger_books import MINE, NOW, Books
from tests.ledger_worlds import PATIENT, id_of

pytestmark = pytest.mark.each_database

ZONE = ZoneInfo("UTC")


@pytest.fixture
def books() -> Books:
    return Books(ZONE)


def cover(books: Books, start: int, end: int, *, lost: bool = False, project: int = 1) -> None:
    books.ledger.cover(MINE, NOW, books.project(project), start, end, expired=lost)


def covered(books: Books) -> tuple[int | None, int | None]:
    return books.project().covered_from, books.project().watermark


def gaps(books: Books) -> list[tuple[int, int]]:
    with books.ledger.reading() as ledger:
        return [(gap.start, gap.end) for gap in ledger.gaps()]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (100, 200, (100, 200)),  # the same again
        (200, 300, (100, 300)),  # adjoining
        (150, 300, (100, 300)),  # overlapping
        (50, 100, (50, 200)),  # backwards
        (50, 300, (50, 300)),  # all around
        (120, 180, (100, 200)),  # inside
        (201, 300, (100, 200)),  # beyond: there would be unread time between
        (10, 99, (100, 200)),
    ],
)
def test_the_watermark_moves_only_over_stretches_that_touch(
    books: Books, start: int, end: int, expected: tuple[int, int]
) -> None:
    cover(books, 100, 200)
    assert covered(books) == (100, 200)
    cover(books, start, end)
    assert covered(books) == expected


def test_what_langsmith_had_forgotten_before_it_was_read_is_a_gap(books: Books) -> None:
    cover(books, 100, 200, lost=True)
    assert (covered(books), gaps(books)) == ((100, 200), [(100, 200)])


def test_adjoining_gaps_are_one(books: Books) -> None:
    for start, end in ((100, 200), (200, 300), (50, 100)):
        cover(books, start, end, lost=True)
    assert gaps(books) == [(50, 300)]


def test_a_gap_that_grows_from_the_same_start_is_one_gap(books: Books) -> None:
    cover(books, 100, 105, lost=True)
    cover(books, 100, 200, lost=True)
    assert gaps(books) == [(100, 200)]


def test_what_was_read_before_langsmith_forgot_it_is_no_gap(books: Books) -> None:
    cover(books, 100, 200)
    cover(books, 100, 200, lost=True)
    assert gaps(books) == []
    cover(books, 50, 300, lost=True)
    assert gaps(books) == [(50, 100), (200, 300)]


def test_what_is_found_after_all_fills_the_gap(books: Books) -> None:
    cover(books, 100, 300, lost=True)
    cover(books, 150, 200)
    assert gaps(books) == [(100, 150), (200, 300)]
    cover(books, 90, 160)
    assert gaps(books) == [(200, 300)]
    cover(books, 200, 400)
    assert (covered(books), gaps(books)) == ((90, 400), [])


def test_a_stretch_that_does_not_touch_leaves_no_gap(books: Books) -> None:
    cover(books, 100, 200)
    cover(books, 300, 400, lost=True)
    assert gaps(books) == []


stretches = st.tuples(st.integers(0, 20), st.integers(1, 8), st.booleans())


@given(st.lists(stretches, max_size=12))
@PATIENT
def test_coverage_and_gaps_are_what_a_list_of_moments_would_say(stretches: list[tuple[int, int, bool]]) -> None:
    books = Books(ZONE)
    known: dict[int, bool] = {}  # moment -> whether it was lost
    for start, length, lost in stretches:
        moments = range(start, start + length)
        if not known or (start <= max(known) + 1 and moments[-1] >= min(known) - 1):
            known |= {moment: lost and known.get(moment, True) for moment in moments}
        cover(books, start, start + length, lost=lost)
    assert covered(books) == ((min(known), max(known) + 1) if known else (None, None))
    found = gaps(books)
    assert {moment for start, end in found for moment in range(start, end)} == {at for at in known if known[at]}
    assert all(one[1] < other[0] for one, other in pairwise(found))


def test_gaps_are_those_of_selected_projects_oldest_first(books: Books) -> None:
    cover(books, 200, 300, lost=True)
    cover(books, 100, 150, lost=True, project=2)
    with books.ledger.reading() as ledger:
        assert ledger.gaps() == [Gap(2, 100, 150), Gap(1, 200, 300)]
    books.ledger.select_projects(MINE, NOW, [(id_of(1), "project-1", 0)])
    with books.ledger.reading() as ledger:
        assert ledger.gaps() == [Gap(1, 200, 300)]


def test_a_project_that_is_no_longer_selected_keeps_what_it_brought(books: Books) -> None:
    cover(books, 100, 200, project=2)
    before = books.project(2)
    selected = books.ledger.select_projects(MINE, NOW, [(id_of(3), "new", 5), (id_of(1), "renamed", 7)])
    assert [(row.id, row.name, row.started, row.selected) for row in selected] == [
        (id_of(3), "new", 5, True),
        (id_of(1), "renamed", 7, True),
    ]
    assert books.project(2) == before._replace(selected=False)
    books.ledger.select_projects(MINE, NOW, [(id_of(2), "project-2", 0)])
    assert books.project(2) == before
    with books.ledger.reading() as ledger:
        assert [row.name for row in ledger.projects(selected_only=True)] == ["project-2"]
        assert [row.name for row in ledger.projects()] == ["new", "project-2", "renamed"]


def test_settled_days_never_become_unsettled(books: Books) -> None:
    for day in (date(2026, 11, 3), date(2026, 11, 5), date(2026, 11, 4)):
        books.settle(day)
    assert books.project().settled_through == date(2026, 11, 5).toordinal()
    assert books.project(2).settled_through is None


def test_a_rereading_is_remembered_by_its_tiers(books: Books) -> None:
    books.ledger.finish_reread(MINE, NOW, books.project(), ["reread_2h", "reread_days"], 77, None)
    books.ledger.finish_reread(MINE, NOW, books.project(), [], 99, None)
    row = books.project()
    assert (row.reread_2h, row.reread_26h, row.reread_days) == (77, None, 77)


def test_the_last_sync_and_the_last_one_that_went_through_are_known(books: Books) -> None:
    with books.ledger.reading() as ledger:
        assert ledger.last_sync() is None
    good, bad = SyncRow(1, 2, 30, 20, 10, None, 1, 1), SyncRow(3, 4, 0, 0, 0, "LangSmith is down.", 0, 2)
    books.ledger.record_sync(good)
    books.ledger.record_sync(bad)
    with books.ledger.reading() as ledger:
        assert (ledger.last_sync(), ledger.last_sync(successful=True)) == (bad, good)


def test_old_syncs_are_forgotten(books: Books) -> None:
    good = SyncRow(1, 2, 3, 4, 5, None, 1, 1)
    books.ledger.record_sync(good)
    for _ in range(KEPT_SYNCS - 1):
        books.ledger.record_sync(good._replace(problem="x"))
    with books.ledger.reading() as ledger:
        assert ledger.last_sync(successful=True) == good
    for _ in range(3):
        books.ledger.record_sync(good._replace(problem="x"))
    with books.ledger.reading() as ledger:
        # The last good one is kept however long the outage lasts: since when is known.
        assert ledger.last_sync(successful=True) == ledger.first_sync() == good
    books.ledger.record_sync(good)
    with books.ledger.reading() as ledger:
        first = ledger.first_sync()
    assert first is not None
    assert first.number == 5  # of 1,504
