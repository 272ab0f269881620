"""What budgets look at: a feature's runs add up, less what cannot be believed, and the moment at which they were too
much."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from bot.domain.feature import UNTAGGED
from bot.domain.period import Span
from bot.domain.usage import Flag
from bot.ledger.engine import reading
from bot.ledger.spending import CostlyTrace
from tests.contract.test_ledger_conservation import spans, within
from tests.ledger_books import DIMENSIONS, Books, memory
from tests.ledger_worlds import PATIENT, World, make_run, worlds
from tests.reckoning import Entry, reckon

pytestmark = pytest.mark.each_database

WHERE = (
    (),
    (("env", "production"),),
    (("env", "test"), ("user_tier", "free")),
    (("env", "production"), ("user_tier", "free")),
)
_IMPOSSIBLE = Flag.IMPOSSIBLE_USAGE | Flag.NEGATIVE_COST | Flag.IMPOSSIBLE_COST


def believed(entries: list[Entry], feature: str | None, where: tuple[tuple[str, str], ...]) -> list[Entry]:
    """The runs that a budget counts, in the order in which they began."""
    found = [
        entry
        for entry in entries
        if entry.state == "costed"
        and (feature is None or entry.feature == feature)
        and all(entry.value(name) == value for name, value in where)
        and not entry.run.flags & _IMPOSSIBLE
        and ((entry.run.raw_cost or 0) >= 0 or entry.source == "override")  # nobody asked for LangSmith's then
    ]
    return sorted(found, key=lambda entry: (entry.run.start, entry.run.id))


@given(worlds(), st.data())
@settings(PATIENT, max_examples=25)
def test_spend_is_what_the_believable_runs_cost(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    entries, stretches = reckon(world), spans(data, world)
    features = {entry.feature for entry in entries} | {UNTAGGED, "never heard of"}
    with books.ledger.reading() as ledger:
        for span in stretches:
            for feature in (None, *features):
                for where in WHERE:
                    counted = believed(within(entries, span), feature, where)
                    assert ledger.spent(span, feature, where) == sum(entry.cost for entry in counted)
                    if not where:  # with what is set aside it is what reports say
                        reported = ledger.total(span, feature).cost
                        assert ledger.set_aside(span, feature) == reported - ledger.spent(span, feature)


@given(worlds(), st.data())
@settings(PATIENT, max_examples=25)
def test_unpriced_runs_are_counted_as_spend_is(world: World, data: st.DataObject) -> None:
    """Of the same feature, the same days and the same values."""
    books = Books(world.zone)
    books.fill(world)
    entries, stretches = reckon(world), spans(data, world)
    with books.ledger.reading() as ledger:
        for span in stretches:
            for feature in (None, *{entry.feature for entry in entries}):
                for where in WHERE:
                    expected = [
                        entry
                        for entry in within(entries, span)
                        if entry.state == "unpriced"
                        and feature in (None, entry.feature)
                        and all(entry.value(name) == value for name, value in where)
                    ]
                    assert ledger.unpriced(span, feature, where) == len(expected)


@given(worlds(), st.data())
@settings(PATIENT, max_examples=25)
def test_a_limit_was_reached_by_the_run_that_made_it_so(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    entries, where = reckon(world), data.draw(st.sampled_from(WHERE))
    feature = data.draw(st.none() | st.sampled_from(sorted({entry.feature for entry in entries} | {UNTAGGED})))
    for span in spans(data, world):
        counted = believed(within(entries, span), feature, where)
        sums = list(accumulate(entry.cost for entry in counted))
        near = [amount + around for amount in sums for around in (-1, 0, 1) if amount + around > 0] or [1]
        amount = data.draw(st.sampled_from(near))
        reached = next((entry for entry, so_far in zip(counted, sums, strict=True) if so_far >= amount), None)
        with books.ledger.reading() as ledger:
            found = ledger.reached_at(span, feature, where, amount)
        expected = (
            None if reached is None else datetime.fromtimestamp(0, UTC) + timedelta(microseconds=reached.run.start)
        )
        assert found == expected


@given(worlds(), st.data())
@settings(PATIENT, max_examples=25)
def test_the_costliest_traces_are_those_on_which_most_was_spent(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    where, most = data.draw(st.sampled_from(WHERE)), data.draw(st.integers(1, 4))
    for span in spans(data, world):
        sums: dict[tuple[bytes, int], list[Entry]] = {}
        for entry in believed(within(reckon(world), span), None, where):
            if entry.cost:
                sums.setdefault((entry.run.trace_id, entry.run.project), []).append(entry)
        costs = {key: sum(entry.cost for entry in found) for key, found in sums.items()}
        expected = []
        for key in sorted(costs, key=lambda key: (-costs[key], key))[:most]:
            first = min(sums[key], key=lambda entry: (-entry.cost, entry.run.id))
            expected.append(CostlyTrace(*key, first.run.name, costs[key], len(sums[key])))
        with books.ledger.reading() as ledger:
            assert ledger.costliest_traces(span, None, where, most) == expected


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The statements that were put to the database."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(memory(), "before_cursor_execute", note)
    yield statements
    event.remove(memory(), "before_cursor_execute", note)


@pytest.mark.sqlite
@pytest.mark.parametrize("where", [(), (("env", "production"),)])
@pytest.mark.parametrize("feature", [None, "search", UNTAGGED])
def test_a_check_reads_the_rollups_and_of_the_runs_only_the_impossible_ones(
    where: tuple[tuple[str, str], ...], feature: str | None, asked: list[str]
) -> None:
    """It happens after every sync, for every budget: a month may have millions of runs."""
    books = Books(ZoneInfo("UTC"))
    books.book([make_run(number, keys=(("env", "production"), ("feature", "search"))) for number in range(1, 50)])
    month = Span(datetime(2026, 11, 1, tzinfo=UTC).date(), datetime(2026, 12, 1, tzinfo=UTC).date(), ZoneInfo("UTC"))
    with books.ledger.reading() as ledger:
        asked.clear()
        ledger.spent(month, feature, where)
    of_runs = [statement for statement in asked if "FROM runs" in statement]
    assert len(of_runs) == 1
    with reading(memory()) as connection:
        marks = of_runs[0].count("?")
        plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + of_runs[0], (0,) * marks).all()
    assert any("USING INDEX runs_impossible" in row[-1] for row in plan), plan


def test_the_dimensions_of_the_worlds_are_those_that_are_kept() -> None:
    assert {name for where in WHERE for name, _ in where} <= set(DIMENSIONS)
