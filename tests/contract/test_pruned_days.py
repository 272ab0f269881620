"""Days whose runs were pruned, and everything that may change the past: nothing of them is lost or counted twice."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from bot.doctor.books import check_rollups
from bot.domain.feature import UNTAGGED, Attribution, Rule
from bot.domain.period import Span
from bot.errors import LedgerBusyError
from bot.ledger.booking import Rules, microseconds
from bot.ledger.engine import reading, writing
from bot.ledger.figures import Figures
from bot.ledger.lease import SYNC, Lease
from bot.ledger.purging import Wanted
from bot.ledger.repricing import Movement, Place
from bot.ledger.repricing import Wanted as ToReprice
from bot.ledger.rollups import MEASURES
from bot.ledger.tables import repriced_runs, rollups
from bot.reports.findings import Verdict
from tests.contract.sync.world import World as SyncWorld
from tests.contract.test_repricing import dearer
from tests.ledger_books import MINE, NOW, Books, memory
from tests.ledger_worlds import ATTRIBUTION, PATIENT, World, list_price, make_run, worlds

pytestmark = pytest.mark.each_database

ZONE = ZoneInfo("UTC")
DAY = timedelta(days=1)
EDGE = datetime(2026, 11, 10, tzinfo=UTC)
EVER = Span(date(2005, 1, 1), date(2030, 1, 1), ZONE)
OLD = Span(date(2026, 11, 1), EDGE.date(), ZONE)


@pytest.fixture
def books() -> Books:
    """An old trace of two days, an old untagged run, a trace over the edge, and a new one; the old ones are pruned."""
    found = Books(ZONE)
    search = (("env", "production"), ("feature", "search"))
    found.book(
        [
            make_run(1, start=microseconds(EDGE - 4 * DAY), raw_cost=100, keys=search),
            make_run(2, trace=1, start=microseconds(EDGE - 3 * DAY), raw_cost=20, keys=search),
            make_run(3, start=microseconds(EDGE - 3 * DAY), raw_cost=7, name="her agent"),
            make_run(4, start=microseconds(EDGE - DAY), raw_cost=1_000, keys=search),
            make_run(5, trace=4, start=microseconds(EDGE + DAY), raw_cost=2_000, keys=search),
            make_run(6, start=microseconds(EDGE + DAY), raw_cost=40_000, name="her agent"),
        ]
    )
    assert found.ledger.prune(EDGE.date(), ZONE) == 3
    return found


def costs(books: Books, span: Span = EVER, by: str = "feature") -> dict[str, int]:
    """By the values of a dimension; the books are right, and make the total."""
    assert books.ledger.wrong_rollups() == []
    with books.ledger.reading() as found:
        each = {value: figures.cost for value, figures in found.by_value(span, by).items()}
        assert sum(each.values()) == found.total(span).cost
        return each


def keep(books: Books, attribution: Attribution = ATTRIBUTION, dimensions: tuple[str, ...] = ("env",)) -> None:
    books.rules = Rules(attribution, list_price, books.rules.day_of, dimensions)
    books.ledger.keep_rules(books.rules, ZONE)


RULES = st.builds(
    Rules,
    st.builds(
        Attribution,
        st.sampled_from([("feature",), ("team", "feature")]),
        st.just(frozenset({"find", "drafts"})),
        st.dictionaries(st.sampled_from(["search", "drafts", "summaries"]), st.just("find"), max_size=3),
    ),
    st.just(list_price),
    st.none(),
    st.sampled_from([(), ("env",), ("env", "user_tier"), ("team",)]),
)


@settings(PATIENT, max_examples=20)
@given(worlds(), st.data(), st.lists(RULES, min_size=1, max_size=3))
def test_whatever_the_rules_become_every_day_costs_what_it_did(
    world: World, data: st.DataObject, others: list[Rules]
) -> None:
    books = Books(world.zone)
    books.fill(world)

    def days() -> dict[date, Figures]:
        with books.ledger.reading() as found:
            return found.by_day(Span(EVER.first, EVER.until, world.zone))

    before = days()
    books.ledger.prune(data.draw(st.sampled_from(world.days)), world.zone)
    for other in others:
        rules = Rules(other.attribution, list_price, books.rules.day_of, other.dimensions)
        books.ledger.keep_rules(rules, world.zone)
        assert books.ledger.wrong_rollups() == []
        assert days() == before
        with books.ledger.reading() as found:
            span = Span(EVER.first, EVER.until, world.zone)
            for dimension in ("feature", "model", *other.dimensions):
                each = found.by_value(span, dimension).values()
                assert sum(one.cost for one in each) == sum(one.cost for one in before.values())
                assert sum(one.traces for one in each) >= found.total(span).traces


@pytest.mark.parametrize("measure", [name for name in MEASURES if name != "traces"])
def test_one_more_in_any_row_of_a_pruned_day_is_found(books: Books, measure: str) -> None:
    """No run can say which row is wrong; that two views differ is seen."""
    with reading(memory()) as connection:
        old = connection.execute(select(rollups).where(rollups.c.day < EDGE.toordinal())).all()
    assert {row.view for row in old} >= {"all", "one", "all/feature", "one/model", "all/env", "untagged"}
    for row in old:
        here = [column == value for column, value in zip(rollups.primary_key.columns, row, strict=False)]
        for by in (1, -1):
            with writing(memory()) as connection:
                connection.execute(update(rollups).where(*here).values({measure: rollups.c[measure] + by}))
            assert (books.ledger.wrong_rollups() != []) is (by == 1)
    assert check_rollups(books.ledger).verdict is Verdict.OK


def test_the_doctor_says_which_days_it_holds_to_their_runs(books: Books) -> None:
    assert check_rollups(books.ledger).found == (
        "The days since 10 Nov 2026: they are what the runs add up to. "
        "Before 10 Nov 2026, where the runs were pruned, every view makes the same total."
    )


def test_a_renamed_feature_takes_its_pruned_days_along(books: Books) -> None:
    keep(books, Attribution(("feature",), frozenset({"find"}), {"search": "find"}))
    assert costs(books) == {"find": 3_120, UNTAGGED: 40_007}
    assert costs(books, OLD) == {"find": 1_120, UNTAGGED: 7}
    with books.ledger.reading() as found:
        assert found.by_value(EVER, "feature")["find"].traces == 2
        assert found.by_value(OLD, "env", "find")["production"].cost == 1_120


def test_a_dimension_of_later_has_no_value_on_pruned_days_and_counts_a_trace_once(books: Books) -> None:
    keep(books, dimensions=("env", "team"))
    assert costs(books, by="team") == {"": 43_127}
    with books.ledger.reading() as found:
        assert found.by_value(EVER, "team")[""] == found.total(EVER)
        # The trace of two days returns on its second.
        late = Span(date(2026, 11, 7), date(2026, 11, 8), ZONE)
        assert found.by_value(late, "team")[""] == found.total(late)


def test_a_rule_that_is_set_and_taken_back_moves_what_is_held_and_nothing_else(books: Books) -> None:
    before = books.dump()
    new = books.ledger.set_rule(MINE, Rule("hers", None, "her*"), "U1", NOW)
    assert new is not None
    assert costs(books) == {"search": 3_120, "hers": 40_000, UNTAGGED: 7}
    assert books.ledger.undo_rule(MINE, new.id, "U1", NOW)
    assert books.dump() == before


def test_prices_of_pruned_days_stay_and_a_change_keeps_nothing_of_their_runs() -> None:
    books = Books(ZONE)
    books.book(make_run(number, start=microseconds(EDGE + (number - 2) * DAY), raw_cost=10) for number in (1, 2))
    rules = Rules(books.rules.attribution, dearer, books.rules.day_of, books.rules.dimensions)

    def change(wanted: ToReprice, place: Place | None, moved: Movement) -> int:
        number = books.ledger.begin_repricing(MINE, NOW, "alice", wanted.since)
        while place is not None:
            place = books.ledger.reprice_next(MINE, NOW, number, rules, wanted, place, moved)
        return number

    number = change(ToReprice(0), Place(), Movement())
    assert sum(costs(books).values()) == 40
    books.ledger.prune(EDGE.date(), ZONE)
    with reading(memory()) as connection:
        assert connection.scalar(select(func.count()).select_from(repriced_runs)) == 1
    after: bytes | None = b""
    while after is not None:
        left, after = books.ledger.undo_repricing_next(MINE, NOW, number, rules, "bob", after, Movement())
        assert left == 0
    assert sum(costs(books).values()) == 20 + 10
    assert sum(costs(books, OLD).values()) == 20


class TestPurging:
    def test_a_purged_value_is_in_no_figure_of_pruned_days_either(self, books: Books) -> None:
        books.ledger.purge(MINE, NOW, Wanted(pair=("env", "production")), books.rules)
        assert "production" not in repr(books.dump())
        assert costs(books, by="env") == {"": 43_127}
        assert costs(books) == {"search": 3_120, UNTAGGED: 40_007}

    def test_nor_is_a_feature_that_was_called_by_it(self, books: Books) -> None:
        books.ledger.purge(MINE, NOW, Wanted(pair=("feature", "search")), books.rules)
        assert "search" not in repr(books.dump())
        assert costs(books) == {UNTAGGED: 43_127}

    def test_another_value_changes_nothing(self, books: Books) -> None:
        before = books.dump()
        books.ledger.purge(MINE, NOW, Wanted(pair=("feature", "other")), books.rules)
        assert books.dump() == before


def test_a_process_that_lost_its_lease_and_wakes_up_late_prunes_nothing(books: Books) -> None:
    late = books.ledger.under(Lease(SYNC, "another"), lambda: NOW)
    with pytest.raises(LedgerBusyError):
        late.prune(EDGE.date() + 9 * DAY, ZONE)
    assert len(books.booked()) == 3
    with books.ledger.reading() as found:
        gone = found.pruned()
    assert gone is not None
    assert gone.day == EDGE.date()


def test_what_was_not_read_before_it_was_pruned_is_a_gap(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A project that was left out meanwhile is read again from the first kept day on."""
    with SyncWorld(tmp_path) as world:
        world.standin.add_project("acme-prod")
        world.standin.add_run(start=world.ago(days=1))
        world.sync()
        seen = world.clock.now
        world.clock.now += 20 * DAY
        world.standin.add_run(start=seen + DAY)
        world.standin.add_run(start=world.clock.now - DAY)
        edge = (world.clock.now - 5 * DAY).date()
        world.ledger.prune(edge, ZONE)
        world.sync()
        start = datetime(edge.year, edge.month, edge.day, tzinfo=UTC)
        with world.ledger.reading() as found:
            (gap,) = found.gaps()
        assert (gap.start, gap.end) == (microseconds(seen), microseconds(start))
        assert world.total().runs == 2
        assert f"project acme-prod is read from {edge} on: earlier runs were pruned" in caplog.text
