"""Every view of a ledger adds up, to the nano-dollar, to what its raw runs cost."""

from datetime import date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.feature import UNTAGGED
from bot.domain.period import Span
from bot.ledger.figures import NOTHING, Figures
from tests.ledger_books import DIMENSIONS, Books
from tests.ledger_worlds import PATIENT, World, make_run, worlds
from tests.reckoning import Entry, add_up, break_down, reckon
from tests.unit.zones import first_second

pytestmark = pytest.mark.each_database

LONG = timedelta(days=200)  # which is added up in another way
VIEWS = ("feature", "model", "provider", "project", *DIMENSIONS)


def spans(data: st.DataObject, world: World) -> list[Span]:
    """All days of a world, two stretches of them, and long ones that begin and end among them."""
    days = [*world.days, world.days[-1] + timedelta(days=1)]
    stretches = st.sampled_from([Span(first, until, world.zone) for first, until in combinations(days, 2)])
    long = [Span(days[2], days[2] + LONG, world.zone), Span(days[-2] - LONG, days[-2], world.zone)]
    return [Span(days[0], days[-1], world.zone), *data.draw(st.lists(stretches, min_size=2, max_size=2)), *long]


def within(entries: list[Entry], span: Span) -> list[Entry]:
    return [entry for entry in entries if span.first <= entry.day < span.until]


def costs_by_day(entries: list[Entry], view: str) -> dict[str, dict[date, int]]:
    found: dict[str, dict[date, int]] = {}
    for day in {entry.day for entry in entries}:
        for value, figures in break_down([entry for entry in entries if entry.day == day], view).items():
            found.setdefault(value, {})[day] = figures.cost
    return found


def added(figures: list[Figures]) -> Figures:
    """Sums without the traces, which are distinct per row and need not add up."""
    total = NOTHING
    for one in figures:
        total = total.plus(one._replace(traces=0))
    return total


@given(worlds(), st.data())
@settings(PATIENT, max_examples=40)
def test_every_view_of_every_stretch_of_days_says_what_the_raw_runs_say(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    entries, stretches = reckon(world), spans(data, world)
    features = {entry.feature for entry in entries}
    with books.ledger.reading() as ledger:
        assert ledger.features() == features - {UNTAGGED}
        for span in stretches:
            these = within(entries, span)
            assert ledger.total(span) == add_up(these)
            for view in VIEWS:
                assert ledger.by_value(span, view) == break_down(these, view)
                assert ledger.costs_by_day(span, view, ["gpt-4o", "search"]) == {
                    value: days for value, days in costs_by_day(these, view).items() if value in {"gpt-4o", "search"}
                }
            for feature in features:
                those = [entry for entry in these if entry.feature == feature]
                assert ledger.total(span, feature) == add_up(those)
                for view in VIEWS[1:]:
                    assert ledger.by_value(span, view, feature) == break_down(those, view)


@given(worlds(), st.data())
@settings(PATIENT, max_examples=30)
def test_every_view_adds_up_to_the_total(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    stretches = spans(data, world)
    with books.ledger.reading() as ledger:
        for span in stretches:
            for feature in (None, UNTAGGED, *ledger.features()):
                total = ledger.total(span, feature)._replace(traces=0)
                assert total.cost == total.langsmith + total.estimate + total.override
                assert added(list(ledger.by_day(span, feature).values())) == total
                for view in VIEWS[feature is not None :]:
                    assert added(list(ledger.by_value(span, view, feature).values())) == total
            untagged = ledger.total(span, UNTAGGED)._replace(traces=0)
            assert added([name.figures for name in ledger.untagged_names(span)]) == untagged
            assert ledger.by_value(span, "feature").get(UNTAGGED, NOTHING) == ledger.total(span, UNTAGGED)


@given(worlds(), st.data())
@settings(PATIENT, max_examples=40)
def test_every_day_and_every_untagged_name_says_what_the_raw_runs_say(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    entries, stretches = reckon(world), spans(data, world)
    with books.ledger.reading() as ledger:
        for feature in (None, UNTAGGED, *ledger.features()):
            these = [entry for entry in entries if feature is None or entry.feature == feature]
            for span in stretches:
                days = {day: add_up(entry for entry in these if entry.day == day) for day in world.days}
                expected = {
                    day: figures for day, figures in days.items() if figures.runs and span.first <= day < span.until
                }
                assert ledger.by_day(span, feature) == expected
        for span in stretches:
            untagged = [entry for entry in within(entries, span) if not entry.feature]
            names = {(entry.run.project, entry.run.name) for entry in untagged}
            assert {(one.project, one.name): one.figures for one in ledger.untagged_names(span)} == {
                name: add_up(entry for entry in untagged if (entry.run.project, entry.run.name) == name)
                for name in names
            }


@given(worlds(), st.data())
@settings(PATIENT, max_examples=40)
def test_a_span_that_is_cut_says_what_the_raw_runs_up_to_then_say(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    entries, stretches = reckon(world), spans(data, world)
    with books.ledger.reading() as ledger:
        for whole in stretches:
            begins, ends = (first_second(day, world.zone) * 1_000_000 for day in (whole.last, whole.until))
            at_runs = [run.start + around for run in world.runs for around in (0, 1) if begins <= run.start < ends]
            cut = data.draw(st.integers(begins, ends) | st.sampled_from([begins, ends, *at_runs]))
            span = Span(whole.first, whole.until, world.zone, instant_of(cut, world))
            for feature in (None, UNTAGGED, *ledger.features()):
                assert ledger.total(span, feature) == add_up(
                    entry
                    for entry in within(entries, span)
                    if entry.run.start < cut and feature in {None, entry.feature}
                )


@given(worlds(), st.data())
@settings(PATIENT, max_examples=40)
def test_pending_runs_are_counted_apart_from_unfinished_ones(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    entries = [entry for entry in reckon(world) if entry.state == "pending"]
    span = spans(data, world)[-1]
    before = data.draw(st.sampled_from([run.start + around for run in world.runs for around in (0, 1)]))
    with books.ledger.reading() as ledger:
        for feature in (None, UNTAGGED, *ledger.features()):
            starts = [entry.run.start for entry in within(entries, span) if feature in {None, entry.feature}]
            unfinished = sum(start < before for start in starts)
            assert ledger.pending(span, unfinished_before=instant_of(before, world), feature=feature) == (
                len(starts) - unfinished,
                unfinished,
            )


def test_a_trace_that_comes_back_counts_once_in_every_view_of_every_span_that_it_touches() -> None:
    zone, day = ZoneInfo("Europe/Berlin"), date(2026, 10, 24)  # and over the night of 25 hours
    begins = [first_second(day + timedelta(days=number), zone) * 1_000_000 for number in range(5)]
    books = Books(zone)
    books.book([make_run(number + 1, trace=1, start=begins[number]) for number in (0, 1, 3)])
    with books.ledger.reading() as ledger:
        for first, until in combinations(range(5), 2):
            span = Span(day + timedelta(days=first), day + timedelta(days=until), zone)
            runs = len({0, 1, 3} & set(range(first, until)))
            once = [(runs, 1)] if runs else []
            figures = [ledger.by_value(span, view, of) for view in VIEWS[1:] for of in (None, UNTAGGED)]
            found = [[(one.runs, one.traces) for one in by_value.values()] for by_value in figures]
            found.append([(one.figures.runs, one.figures.traces) for one in ledger.untagged_names(span)])
            found += [
                [(one.runs, one.traces)] if one.runs else [] for one in (ledger.total(span), ledger.total(span, ""))
            ]
            assert found == [once] * len(found)
            assert {one.traces for one in ledger.by_day(span).values()} <= {1}


@given(worlds())
@settings(PATIENT, max_examples=40)
def test_the_books_are_found_right(world: World) -> None:
    books = Books(world.zone)
    books.fill(world)
    assert books.ledger.wrong_rollups() == []


def instant_of(microseconds: int, world: World) -> datetime:
    return datetime.fromtimestamp(microseconds // 1_000_000, world.zone) + timedelta(
        microseconds=microseconds % 1_000_000
    )
