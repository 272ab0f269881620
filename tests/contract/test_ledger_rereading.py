"""Reading LangSmith again: nothing is deleted, nothing is counted twice, and settled figures stay."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from bot.domain.costing import CostMode
from bot.domain.period import Span
from bot.domain.run import Run, State
from bot.domain.usage import Usage
from bot.ledger import books as bookkeeping
from bot.ledger.booking import MAX_COST, Project
from bot.ledger.books import BookingSummary
from bot.ledger.engine import writing
from bot.ledger.figures import Figures
from bot.ledger.trace_rows import Root
from tests.ledger_books import Books, memory
from tests.ledger_worlds import id_of, make_run, versions

pytestmark = pytest.mark.each_database

ZONE = ZoneInfo("UTC")
DAY = date(2026, 11, 15)
TODAY = Span(DAY, date(2026, 11, 16), ZONE)
RUN = make_run(1, keys=(("feature", "search"),), raw_cost=700)
ESTIMATE = 3_500


@pytest.fixture
def books() -> Books:
    return Books(ZONE)


def total(books: Books, feature: str | None = None) -> Figures:
    assert books.ledger.wrong_rollups() == []
    with books.ledger.reading() as ledger:
        return ledger.total(TODAY, feature)


def test_the_summary_says_what_became_of_the_runs_that_were_read(books: Books) -> None:
    unpriced = make_run(2, model="in-house")
    tool, costed_tool = make_run(3, type="TOOL"), make_run(4, type="TOOL", usage=None, raw_cost=5)
    first = books.book([RUN, unpriced, unpriced, tool, costed_tool])
    assert first == BookingSummary(read=5, new=3, unpriced=1, untagged=2, changed_days={DAY.toordinal()})
    assert books.book([RUN, unpriced, tool, costed_tool]) == BookingSummary(read=4, unpriced=1, untagged=2)
    later = books.book([unpriced._replace(raw_cost=9)])
    assert later == BookingSummary(read=1, changed=1, untagged=1, changed_days={DAY.toordinal()})


def test_a_run_that_moves_to_another_day_changes_both(books: Books) -> None:
    books.book([RUN])
    moved = books.book([RUN._replace(start=RUN.start + 86_400_000_000)])
    assert moved.changed_days == {DAY.toordinal(), DAY.toordinal() + 1}
    assert total(books).runs == 0


def test_reading_the_same_again_writes_nothing_at_all(books: Books) -> None:
    page = [RUN, make_run(2), make_run(3, above=[1], raw_cost=5), make_run(5, above=[4]), make_run(6, type="TOOL")]
    roots = {id_of(4): Root((("feature", "drafts"),), final=True), id_of(2): Root((), final=False)}
    books.book(page, roots)
    said: list[str] = []
    with writing(memory()) as connection:
        event.listen(connection, "before_cursor_execute", lambda *what: said.append(what[2]))
        project = Project(1, "project-1", CostMode.UNKNOWN, None)
        summary = bookkeeping.book(connection, project, [*page, *page], roots, books.rules)
    assert said
    assert [statement for statement in said if not statement.startswith("SELECT")] == []
    assert (summary.read, summary.new, summary.changed, summary.changed_days) == (10, 0, 0, set())


def test_nothing_is_deleted_by_what_is_not_read_again(books: Books) -> None:
    books.book([RUN, make_run(2)])
    before = books.dump()
    books.book([])
    books.book([RUN])
    assert books.dump() == before


@pytest.mark.parametrize("older", versions(RUN)[:-1])
def test_a_less_complete_reading_never_replaces_a_more_complete_one(books: Books, older: Run) -> None:
    books.book([RUN])
    before = books.dump()
    assert books.book([older]).changed == 0
    assert books.book([older, RUN, older]).changed == 0
    assert books.dump() == before


def test_a_tool_without_a_cost_is_not_kept_until_it_has_one_and_then_for_good(books: Books) -> None:
    tool = make_run(2, type="TOOL", usage=None)
    books.book([RUN, tool])
    assert set(books.booked()) == {RUN.id}
    books.book([tool._replace(raw_cost=5)])
    assert total(books).cost == 705
    books.book([tool])
    assert total(books).cost == 705
    books.book([tool._replace(raw_cost=0)])  # as complete as the reading before: a correction
    assert (total(books).cost, total(books).runs) == (700, 1)
    assert books.booked()[tool.id].state is State.NOT_A_RUN


def test_a_run_stays_in_the_trace_under_which_it_came_first(books: Books) -> None:
    books.book([RUN])
    before = books.dump()
    elsewhere = RUN._replace(trace_id=id_of(9), ancestors=(id_of(9),))
    assert books.book([elsewhere]).strays == [RUN.id]
    assert books.book([RUN, elsewhere]).strays == [RUN.id]
    assert books.book([elsewhere, RUN]).strays == [RUN.id]
    assert books.book([RUN._replace(project=2)], project=2).strays == [RUN.id]
    assert books.dump() == before
    both = [one._replace(id=id_of(5)) for one in (RUN, elsewhere)]
    summary = books.book([*both, RUN])
    assert (summary.strays, summary.new) == ([id_of(5)], 1)
    assert total(books).runs == 2


def test_a_run_that_costs_more_than_money_can_does_not_make_the_ledger_unreadable(books: Books) -> None:
    books.book([make_run(number, raw_cost=2**63 - 1) for number in range(1, 5)])
    books.book([make_run(number, raw_cost=MAX_COST) for number in range(5, 9)])
    assert (total(books).cost, total(books).unpriced) == (4 * MAX_COST, 4)


def test_before_a_day_is_settled_a_late_cost_replaces_the_estimate(books: Books) -> None:
    books.book([RUN._replace(raw_cost=None)])
    assert (total(books).cost, total(books).estimate) == (ESTIMATE, ESTIMATE)
    assert books.book([RUN]).changed == 1
    assert (total(books).cost, total(books).langsmith, total(books).estimate) == (700, 700, 0)


def test_once_a_day_is_settled_a_late_cost_is_kept_beside_the_booked_one(books: Books) -> None:
    books.book([RUN._replace(raw_cost=None), make_run(2, raw_cost=None, model="in-house")])
    books.settle(DAY)
    books.book([RUN, make_run(2, raw_cost=90, model="in-house")])
    assert (total(books).estimate, total(books).langsmith, total(books).unpriced) == (ESTIMATE, 90, 0)
    assert books.booked()[RUN.id].run.raw_cost == 700
    assert books.book([RUN]).changed == 0


def test_on_a_settled_day_a_late_child_still_corrects_its_parent(books: Books) -> None:
    parent = make_run(1, usage=Usage(300, 30), raw_cost=1_000)
    books.book([parent])
    books.settle(DAY)
    books.book([make_run(2, above=[1], raw_cost=600)])
    assert (total(books).cost, total(books).input, total(books).runs) == (1_000, 300, 2)


def test_what_a_root_says_late_reaches_the_runs_below_it(books: Books) -> None:
    child = make_run(2, above=[1])
    books.book([child], {id_of(1): Root((), final=False)})
    assert total(books, "").runs == 1
    assert books.book([child], {id_of(1): Root((("feature", "drafts"),), final=True)}).changed == 1
    assert (total(books, "").runs, total(books, "drafts").runs) == (0, 1)
    assert books.book([child], {id_of(1): Root((), final=False)}).changed == 0
    assert total(books, "drafts").runs == 1


def test_roots_are_asked_for_until_they_are_booked_or_known_for_good(books: Books) -> None:
    traces = [id_of(number) for number in (1, 3, 5, 7)]
    books.book(
        [RUN, *(make_run(number + 1, above=[number]) for number in (3, 5, 7))],
        {id_of(3): Root((), final=True), id_of(5): Root((), final=False), id_of(9): Root((), final=True)},
    )
    assert books.ledger.unknown_roots(books.project(), [*traces, id_of(9)]) == {id_of(5), id_of(7), id_of(9)}
    assert books.ledger.unknown_roots(books.project(2), traces) == set(traces)


def test_what_a_root_says_in_one_project_is_not_known_in_another(books: Books) -> None:
    books.book([make_run(2, above=[1])], {id_of(1): Root((("feature", "drafts"),), final=True)})
    books.book([make_run(3, above=[1], project=2)], project=2)
    assert (total(books, "drafts").runs, total(books, "").runs) == (1, 1)


def test_open_runs_and_the_oldest_pending_one_are_found(books: Books) -> None:
    hour = 3_600_000_000
    pending = [make_run(n, status="PENDING", end=None, usage=None, start=RUN.start + n * hour) for n in (1, 2, 3)]
    no_usage = make_run(4, usage=None, start=RUN.start + 4 * hour)
    books.book([*pending, no_usage, make_run(5)])
    book, both = books.ledger, (State.PENDING, State.NO_USAGE)
    start, end = RUN.start + 2 * hour, RUN.start + 5 * hour

    def found(*states: State, limit: int = 9, until: int = end) -> list[int]:
        rows = book.open_runs(books.project(), states, start=start, end=until, limit=limit)
        assert [at for _, at in rows] == [RUN.start + id_[-1] * hour for id_, _ in rows]
        return [id_[-1] for id_, _ in rows]

    assert found(*both) == [4, 3, 2]
    assert found(State.PENDING) == [3, 2]
    assert found(*both, limit=1) == [4]
    assert found(*both, until=RUN.start + 4 * hour) == [3, 2]
    assert book.oldest_pending(books.project(), since=start) == start
    assert book.oldest_pending(books.project(), since=start + 2 * hour) is None
    assert book.oldest_pending(books.project(2), since=0) is None
    books.book([pending[1]._replace(status="SUCCESS", end=end, usage=Usage(1, 1))])
    assert found(State.PENDING) == [3]
