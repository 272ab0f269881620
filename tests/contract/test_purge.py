"""Purging: words go, figures stay, and no re-reading brings the words back."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.feature import Attribution
from bot.ledger.answers import KeptAnswer
from bot.ledger.booking import instant, microseconds
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.purging import Purge, Wanted
from bot.ledger.store import open_ledger
from bot.ledger.trace_rows import Root
from tests.databases import is_postgresql
from tests.ledger_books import MINE, NOW, Books
from tests.ledger_worlds import PATIENT, World, id_of, make_run, worlds
from tests.ledgers import NOW as LATER
from tests.ledgers import Spent, fill

pytestmark = pytest.mark.each_database

UTC = ZoneInfo("UTC")
HERS = (("env", "production"), ("feature", "search"), ("user_id", "u-4711-hers"))
PAIR = ("user_id", "u-4711-hers")


def purge(books: Books, wanted: Wanted) -> Purge:
    return books.ledger.purge(MINE, NOW, wanted, books.rules)


def words(books: Books) -> str:
    return repr(books.dump())


def figures(books: Books) -> dict[tuple[int, str], tuple[int, int, int, int]]:
    """Cost, tokens and runs by day and feature."""
    found: dict[tuple[int, str], tuple[int, int, int, int]] = {}
    for booked in books.booked().values():
        if booked.counts:
            before = found.get((booked.day, booked.feature), (0, 0, 0, 0))
            more = (booked.cost or 0, booked.input, booked.output, 1)
            found[booked.day, booked.feature] = tuple(map(sum, zip(before, more, strict=True)))  # type: ignore[assignment] # four of them
    return found


@settings(PATIENT, max_examples=25)
@given(world=worlds(), data=st.data())
def test_a_purge_changes_no_figure_and_neither_does_reading_everything_again(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    before = figures(books)
    trace = data.draw(st.sampled_from(world.traces))
    wanted = data.draw(
        st.sampled_from([Wanted(trace=trace.id), Wanted(feature="search"), Wanted(pair=("env", "production"))])
    )
    purge(books, wanted)
    assert figures(books) == before
    assert books.ledger.wrong_rollups() == []
    kept = books.dump()
    books.fill(world)
    assert books.dump() == kept
    books.ledger.keep_rules(books.rules, UTC)
    books.ledger.keep_rules(books.rules, world.zone)
    assert figures(books) == before
    assert books.ledger.wrong_rollups() == []


def test_a_value_is_gone_with_all_that_its_traces_say_but_the_feature_and_other_dimensions() -> None:
    books = Books(UTC)
    root = make_run(1, keys=HERS, name="her agent", tags=("hers",), thread="her thread", raw_cost=5)
    below = make_run(2, above=[1], keys=(), name="her tool", raw_cost=7)
    other = make_run(3, keys=(("feature", "search"), ("user_id", "u-4711-hers-not")), name="his agent")
    books.book([root, below, other])
    assert purge(books, Wanted(pair=PAIR)) == Purge(1, 2, 0, 0, (), is_overwritten=not is_postgresql())
    said = words(books)
    assert "her" not in said.replace("u-4711-hers-not", "")
    assert "his agent" in said
    kept = books.booked()
    assert kept[root.id].run.keys == (("env", "production"),)
    assert [kept[run.id].feature for run in (root, below)] == ["search", "search"]


@pytest.mark.parametrize("number", [1, 5])
def test_what_is_read_again_or_for_the_first_time_stays_without_words_but_later_traces_keep_theirs(number: int) -> None:
    books = Books(UTC)
    books.book([make_run(1, keys=HERS, name="her agent", raw_cost=5)])
    purge(books, Wanted(pair=PAIR))
    books.book([make_run(number, keys=HERS, name="her agent", raw_cost=5, thread="her thread")])
    assert "her" not in words(books)
    after = make_run(9, keys=HERS, start=make_run(1).start + 30 * 86_400 * 10**6)
    assert instant(after.start) > NOW
    books.book([after])
    assert "u-4711-hers" in words(books)


def test_what_the_root_alone_says_is_gone_and_not_looked_up_again() -> None:
    books = Books(UTC)
    below = make_run(2, above=[1], keys=())
    books.book([below], {id_of(1): Root(HERS, final=False)})
    purge(books, Wanted(pair=PAIR))
    books.book([below, make_run(3, above=[1], name="her tool")], {id_of(1): Root(HERS, final=True)})
    assert "her" not in words(books)
    assert books.ledger.unknown_roots(books.project(), [id_of(1)]) == set()
    assert books.booked()[below.id].feature == "search"


@pytest.mark.parametrize("wanted", [Wanted(pair=PAIR), Wanted(trace=id_of(1)), Wanted(feature="search")])
def test_what_a_tool_says_that_is_no_run_is_gone_and_stays_gone_when_it_is_read_again(wanted: Wanted) -> None:
    books = Books(UTC)
    tool = make_run(1, keys=HERS, name="her tool", type="TOOL", usage=None, raw_cost=None)
    below = make_run(2, above=[1], keys=(), name="a call")
    books.book([tool])
    books.book([below])
    assert books.booked()[below.id].feature == "search"
    assert books.ledger.unknown_roots(books.project(), [id_of(1)]) == set()
    purge(books, wanted)
    for page in ([tool, below], [tool], [below]):
        books.book(page)
        assert "her" not in words(books)
    assert books.ledger.wrong_rollups() == []


def test_what_a_root_said_for_good_stays_when_it_is_read_itself() -> None:
    """A root that was purged is kept as one that says nothing for good."""
    books = Books(UTC)
    below = make_run(2, above=[1], keys=())
    books.book([below], {id_of(1): Root((("feature", "search"),), final=True)})
    books.book([make_run(1, keys=(("feature", "other"),), type="TOOL", usage=None, raw_cost=None), below])
    assert books.booked()[below.id].feature == "search"


def test_what_a_root_says_is_gone_and_stays_gone_where_none_of_its_runs_is_kept() -> None:
    books = Books(UTC)
    chain, roots = make_run(2, above=[1], keys=(), type="CHAIN", raw_cost=None), {id_of(1): Root(HERS, final=True)}
    books.book([chain], roots)
    assert "u-4711-hers" in words(books)
    purge(books, Wanted(pair=PAIR))
    assert "her" not in words(books)
    books.book([chain], roots)
    assert "her" not in words(books)


@pytest.mark.parametrize("said", [HERS, (("user_id", "his"),)])
def test_a_trace_all_of_whose_runs_are_known_under_another_one_stops_no_booking(
    said: tuple[tuple[str, str], ...],
) -> None:
    """Its root was looked up for them; when it began nobody knows, so that what was purged goes from it, too."""
    books = Books(UTC)
    run = make_run(3, raw_cost=5)
    books.book([run, make_run(4, keys=HERS)])
    purge(books, Wanted(pair=PAIR))
    elsewhere = run._replace(trace_id=id_of(1), ancestors=(id_of(1),))
    summary = books.book([elsewhere, make_run(5)], {id_of(1): Root(said, final=True)})
    assert (summary.strays, summary.new) == ([run.id], 1)
    assert "her" not in words(books)
    assert books.ledger.unknown_roots(books.project(), [id_of(1)]) == set()


def test_a_purged_value_that_named_a_feature_takes_the_name_with_it() -> None:
    books = Books(UTC)
    run = make_run(1, keys=(("feature", "alice@example.com"),))
    books.book([run])
    purge(books, Wanted(pair=("feature", "alice@example.com")))
    assert "alice" not in words(books)
    assert books.booked()[run.id].feature == ""
    assert books.ledger.wrong_rollups() == []
    books.book([run, make_run(2, keys=run.keys)])
    assert "alice" not in words(books)


def test_a_purged_value_that_a_tag_or_a_rule_made_a_feature_goes_there_too() -> None:
    books = Books(UTC)
    tagged = make_run(1, tags=("feature:alice@example.com",), keys=(("user_id", "7"),))
    books.book([tagged])
    assert books.booked()[tagged.id].feature == "alice@example.com"
    purge(books, Wanted(pair=("feature", "alice@example.com")))
    books.book([tagged, make_run(2, tags=tagged.tags)])
    assert "alice" not in words(books)
    assert books.ledger.wrong_rollups() == []


def test_a_feature_that_is_renamed_takes_its_purged_runs_along() -> None:
    books = Books(UTC)
    run = make_run(1, keys=(("feature", "search"),))
    books.book([run])
    purge(books, Wanted(feature="search"))
    renamed = Attribution(("feature",), frozenset({"find"}), {"search": "find"})
    books = _again(books, renamed)
    assert books.booked()[run.id].feature == "find"


def _again(books: Books, attribution: Attribution) -> Books:
    books.rules = type(books.rules)(attribution, books.rules.price, books.rules.day_of, books.rules.dimensions)
    books.ledger.keep_rules(books.rules, UTC)
    return books


@pytest.mark.sqlite
def test_nothing_of_it_is_left_in_the_files(tmp_path: Path) -> None:
    file = tmp_path / "llmcost.db"
    spent = [
        Spent(LATER - timedelta(hours=2 * number), "search", name=f"agent of her-{number % 7}", keys={"user_id": "her"})
        for number in range(1, 60)
    ]
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as ledger:
        fill(ledger, spent, now=LATER)
        assert b"her" in b"".join(one.read_bytes() for one in tmp_path.iterdir())
        rules = ledger._rules
        assert rules is not None
        with ledger.lease("sync", LATER) as lease:
            done = ledger.purge(lease, LATER, Wanted(pair=("user_id", "her")), rules)
        assert done == Purge(59, 59, 0, 0, (), is_overwritten=True)
        left = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert b"agent of" not in left
    assert b"user_id" not in left


def test_kept_answers_go_and_what_was_told_is_counted() -> None:
    books = Books(UTC)
    books.book([make_run(1, keys=HERS)])
    books.ledger.keep_answer(KeptAnswer("an answer", "U1", microseconds(NOW), "u-4711-hers cost $5"))
    notice = NewDelivery(Kind.NOTICE, Role.ADMIN, "U1", ("a key",), {"text": "u-4711-hers"}, NOW, NOW)
    books.ledger.outbox.announce([NewEvent("a key", Kind.NOTICE, {})], [notice], NOW)
    assert purge(books, Wanted(pair=PAIR)).told == 1
    assert books.ledger.find_answer("an answer") is None


def test_a_value_that_another_begins_with_is_another() -> None:
    books = Books(UTC)
    books.book([make_run(1, keys=HERS)])
    assert books.ledger.find_to_purge(Wanted(pair=PAIR), books.rules) == [(1, id_of(1))]
    for value in ("u-4711", 'u-4711-hers"],["x', "%", "_"):
        assert books.ledger.find_to_purge(Wanted(pair=("user_id", value)), books.rules) == []
