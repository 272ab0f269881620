"""What lies between LangSmith's own costs and ours: the steps make up the difference, to the nano-dollar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.costing import CostMode
from bot.domain.period import Span
from bot.domain.run import Run, Status
from bot.domain.usage import Flag, Usage
from bot.ledger.bridge import Bridge
from tests.ledger_books import Books
from tests.ledger_worlds import PATIENT, World, make_run, versions, worlds
from tests.reckoning import what_counts

pytestmark = pytest.mark.each_database

UTC_ZONE = ZoneInfo("UTC")
TYPES = ("LLM", "EMBEDDING", "TOOL", "CHAIN")
DAY = Span(date(2026, 11, 15), date(2026, 11, 16), UTC_ZONE)


def bridge(books: Books, span: Span = DAY, types: tuple[str, ...] = TYPES, keys: tuple[int, ...] = (1, 2)) -> Bridge:
    with books.ledger.reading() as reading:
        return reading.bridge(span.start, span.end, types, keys)


def booked(*runs: Run, mode: CostMode = CostMode.OWN) -> Books:
    books = Books(UTC_ZONE)
    books.learn(mode)
    books.book(runs)
    return books


@given(worlds(), st.data())
@settings(PATIENT, max_examples=60)
def test_what_langsmith_says_and_the_steps_make_the_total(world: World, data: st.DataObject) -> None:
    """Whatever is settled, read again, half counted or not asked for."""
    books = Books(world.zone)
    books.fill(world)
    if data.draw(st.booleans()):
        books.settle(world.days[-1])
        runs = [run._replace(raw_cost=data.draw(st.sampled_from([None, 0, 7, 900, -3]))) for run in world.runs[:4]]
        books.book([run for run in runs if run.project == 1])
    types = tuple(data.draw(st.sets(st.sampled_from(TYPES))))
    keys = tuple(data.draw(st.sets(st.sampled_from((1, 2)))))
    span = Span(world.first, data.draw(st.sampled_from(world.days)) + timedelta(days=1), world.zone)
    found = bridge(books, span, types, keys)
    with books.ledger.reading() as reading:
        assert found.total == reading.total(span).cost
    held = [
        one.run
        for one in books.booked().values()
        if one.run.type in types and one.run.project in keys and one.day < span.until.toordinal()
    ]
    assert found.raw == sum(run.raw_cost or 0 for run in held)
    assert found.runs == sum(run.type in {"LLM", "EMBEDDING"} for run in held)
    assert found.costed == sum((run.raw_cost or 0) > 0 for run in held)
    assert found.impossible == sum(Flag.IMPOSSIBLE_COST in run.flags for run in held)


@given(worlds())
@settings(PATIENT, max_examples=40)
def test_what_is_counted_twice_is_what_counts_in_no_figure(world: World) -> None:
    """Reckoned from the raw runs in the plainest way."""
    books = Books(world.zone)
    books.fill(world)
    twice = 0
    for trace in world.traces:
        counted = what_counts(trace.runs, world.modes[trace.project])
        for run in trace.runs:
            if run.type in {"LLM", "EMBEDDING"} or (run.raw_cost or 0) > 0:
                share = counted[run.id][1] if run.id in counted else 0
                twice += (share or 0) - (run.raw_cost or 0)
    found = bridge(books, Span(world.first, world.days[-1] + timedelta(days=1), world.zone))
    assert found.counted_twice == twice
    assert found.late == 0


def test_a_wrapper_is_counted_twice() -> None:
    books = booked(make_run(1, raw_cost=500), make_run(2, above=[1], raw_cost=500))
    assert bridge(books) == Bridge(raw=1_000, counted_twice=-500, runs=2, costed=2)


def test_a_parent_counts_with_what_its_children_do_not_carry() -> None:
    parent = make_run(1, type="CHAIN", usage=None, raw_cost=900)
    books = booked(parent, make_run(2, above=[1], raw_cost=500), mode=CostMode.ROLLED_UP)
    assert bridge(books) == Bridge(raw=1_400, counted_twice=-500, runs=1, costed=2)


def test_an_own_price_on_a_part_is_told_apart_from_the_part() -> None:
    """The parent's 5000 hold the child's 500; of its own tokens the deal knows the price."""
    parent = make_run(1, model="negotiated", usage=Usage(300, 30), raw_cost=5_000)
    books = booked(parent, make_run(2, above=[1], raw_cost=500), mode=CostMode.ROLLED_UP)
    own_price = 3 * 200 + 7 * 20
    assert bridge(books) == Bridge(raw=5_500, counted_twice=-500, overrides=own_price - 4_500, runs=2, costed=2)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (make_run(1, raw_cost=700), Bridge(raw=700, costed=1)),
        (make_run(1), Bridge(estimates=3_500)),
        (make_run(1, raw_cost=-40), Bridge(raw=-40, set_aside=40, estimates=3_500)),
        (make_run(1, model="in-house", raw_cost=-40), Bridge(raw=-40, set_aside=40)),
        (make_run(1, model="negotiated", raw_cost=700), Bridge(raw=700, overrides=370 - 700, costed=1)),
        (make_run(1, model="negotiated", raw_cost=-40), Bridge(raw=-40, set_aside=40, overrides=370)),
        (make_run(1, raw_cost=2 * 10**15), Bridge(raw=2 * 10**15, set_aside=-2 * 10**15, costed=1)),
        (make_run(1, model="in-house"), Bridge()),
        (make_run(1, flags=Flag.IMPOSSIBLE_COST, model="in-house"), Bridge(impossible=1)),
        (make_run(1, status=Status.PENDING.value, end=None, usage=None), Bridge(pending=1)),
    ],
    ids=str,
)
def test_each_way_to_a_cost_is_a_step_of_its_own(run: Run, expected: Bridge) -> None:
    assert bridge(booked(run)) == expected._replace(runs=1)


@pytest.mark.parametrize(("before", "booked_cost"), [(500, 500), (None, 3_500)])
def test_what_langsmith_says_after_the_day_is_settled_is_late(before: int | None, booked_cost: int) -> None:
    run = make_run(1, raw_cost=before)
    books = booked(run)
    books.settle(date(2026, 11, 15))
    books.book([run._replace(raw_cost=900)])
    assert bridge(books) == Bridge(raw=900, late=booked_cost - 900, runs=1, costed=1)


def test_types_and_projects_that_were_not_asked_for_are_elsewhere() -> None:
    books = booked(make_run(1, raw_cost=100), make_run(2, type="TOOL", raw_cost=20))
    books.book([make_run(3, project=2, raw_cost=3)], project=2)
    assert bridge(books, types=("LLM",), keys=(1,)) == Bridge(raw=100, elsewhere=23, runs=1, costed=1)
    assert bridge(books, types=(), keys=()) == Bridge(elsewhere=123)


def test_a_stretch_may_begin_and_end_within_a_day() -> None:
    start = datetime(2026, 11, 15, 10, tzinfo=UTC)
    run = make_run(1, raw_cost=100)
    books = booked(run, make_run(2, raw_cost=20, start=run.start - 1), make_run(3, raw_cost=3, start=run.start + 60))
    with books.ledger.reading() as reading:
        found = reading.bridge(start, start + timedelta(microseconds=60), TYPES, (1, 2))
    assert (found.raw, found.total) == (100, 100)


def test_a_run_in_any_state_of_completeness_adds_up() -> None:
    books = Books(UTC_ZONE)
    for version in versions(make_run(1, raw_cost=12_345)):
        books.book([version])
        with books.ledger.reading() as reading:
            total = reading.total(DAY).cost
        assert bridge(books).total == total
