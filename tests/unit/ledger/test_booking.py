"""How one trace is booked: what a later reading changes, and what it must not."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.costing import CostMode, Reason
from bot.domain.run import Run, Source, State
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import MAX_COST, Booked, Project, Rules, book_trace, day_finder, instant, microseconds
from tests.ledger_worlds import ATTRIBUTION, PATIENT, PLACES, id_of, list_price, make_run, versions
from tests.unit.zones import day_of

RULES = Rules(ATTRIBUTION, list_price, day_finder(ZoneInfo("UTC")))
OPEN = Project(1, "project-1", CostMode.UNKNOWN, None)
SETTLED = OPEN._replace(settled_through=date(2026, 11, 15).toordinal())
ONE = make_run(1, raw_cost=700)
ESTIMATE = 25 * 100 + 100 * 10


def book(before: Mapping[bytes, Booked], *read: Run, project: Project = OPEN, **told: Any) -> dict[bytes, Booked]:
    return book_trace(before, read, {}, project, RULES, **told)


def known(*read: Run, project: Project = OPEN) -> dict[bytes, Booked]:
    return book({}, *read, project=project)


def cost(booked: Mapping[bytes, Booked], number: int = 1) -> tuple[int | None, Source | None]:
    one = booked[id_of(number)]
    return one.cost, one.source


def total(booked: Iterable[Booked]) -> int:
    return sum(one.cost or 0 for one in booked)


def test_a_more_complete_reading_replaces_a_less_complete_one() -> None:
    booked: dict[bytes, Booked] = {}
    for version in versions(ONE):
        booked = book(booked, version)
        assert booked[ONE.id].run == version
    assert cost(booked) == (700, Source.LANGSMITH)


def test_a_less_complete_reading_changes_nothing() -> None:
    booked = known(ONE)
    for version in versions(ONE):
        assert book(booked, version) == booked


def test_an_equally_complete_reading_is_a_correction() -> None:
    assert cost(book(known(ONE), ONE._replace(raw_cost=800))) == (800, Source.LANGSMITH)


def test_a_run_that_is_not_read_again_stays() -> None:
    other = make_run(2, above=[1], model="claude")
    assert set(book(known(ONE, other), ONE)) == {ONE.id, other.id}


def test_a_late_cost_of_langsmith_replaces_an_estimate_before_the_day_is_settled() -> None:
    before = known(ONE._replace(raw_cost=None))
    assert cost(before) == (ESTIMATE, Source.ESTIMATE)
    assert cost(book(before, ONE)) == (700, Source.LANGSMITH)


def test_afterwards_it_is_kept_beside_the_booked_cost() -> None:
    after = book(known(ONE._replace(raw_cost=None)), ONE, project=SETTLED)
    assert cost(after) == (ESTIMATE, Source.ESTIMATE)
    assert after[ONE.id].run.raw_cost == 700
    assert book(after, ONE, project=SETTLED) == after


def test_a_day_is_settled_up_to_and_with_its_last_microsecond() -> None:
    for start, expected in (("2026-11-15T23:59:59.999999", ESTIMATE), ("2026-11-16T00:00:00", 700)):
        run = ONE._replace(start=microseconds(datetime.fromisoformat(start).replace(tzinfo=UTC)))
        assert cost(book(known(run._replace(raw_cost=None)), run, project=SETTLED))[0] == expected


@pytest.mark.parametrize("model", [None, "in-house"])
def test_an_unknown_cost_is_filled_in_even_on_a_settled_day(model: str | None) -> None:
    before = known(ONE._replace(raw_cost=None, model=model))
    assert before[ONE.id].state is State.UNPRICED
    assert cost(book(before, ONE._replace(model=model), project=SETTLED)) == (700, Source.LANGSMITH)


@pytest.mark.parametrize("version", versions(ONE)[:2])
def test_a_run_that_had_not_come_to_its_end_is_completed_even_on_a_settled_day(version: Run) -> None:
    assert cost(book(known(version), ONE, project=SETTLED)) == (700, Source.LANGSMITH)


@pytest.mark.parametrize("mode", [CostMode.UNKNOWN, CostMode.ROLLED_UP])
def test_a_child_that_arrives_late_on_a_settled_day_corrects_its_parents_double_count(mode: CostMode) -> None:
    project = SETTLED._replace(mode=mode)
    parent = make_run(1, usage=Usage(300, 30), raw_cost=1_000)
    child = make_run(2, above=[1], raw_cost=600)
    before = known(parent, project=project)
    assert total(before.values()) == 1_000
    after = book(before, child, project=project)
    assert (cost(after)[0], cost(after, 2)[0]) == (400, 600)
    assert (after[parent.id].input, after[child.id].input) == (200, 100)


def test_a_wrapped_run_that_arrives_late_on_a_settled_day_takes_the_place_of_its_wrapper() -> None:
    project = SETTLED._replace(mode=CostMode.OWN)
    after = book(known(ONE, project=project), make_run(2, above=[1], raw_cost=650), project=project)
    assert (after[ONE.id].reason, cost(after)[0], cost(after, 2)[0]) == (Reason.WRAPPER, None, 650)


def test_a_suppressed_run_has_neither_cost_nor_tokens_but_keeps_what_was_read() -> None:
    wrapper = known(ONE, make_run(2, above=[1], raw_cost=650))[ONE.id]
    assert (wrapper.state, wrapper.cost, wrapper.source, wrapper.input, wrapper.output) == (
        State.SUPPRESSED,
        None,
        None,
        0,
        0,
    )  # fmt: skip - one line of values
    assert wrapper.run == ONE
    assert not wrapper.counts


def test_prices_that_have_changed_do_not_touch_what_is_booked() -> None:
    before = known(ONE._replace(raw_cost=None))
    dearer = Rules(ATTRIBUTION, lambda **told: list_price(**told)._replace(nanos=1), RULES.day_of)
    assert book_trace(before, [ONE._replace(raw_cost=None)], {}, OPEN, dearer) == before
    assert book_trace(before, (), {}, OPEN, dearer) == before


def test_when_the_mode_is_learnt_only_runs_whose_share_changes_are_priced_again() -> None:
    parent, child = make_run(1, usage=Usage(300, 30), raw_cost=1_000), make_run(2, above=[1], raw_cost=600)
    before = known(parent, child)
    after = book(before, project=OPEN._replace(mode=CostMode.OWN), mode_before=CostMode.UNKNOWN)
    assert (cost(after)[0], cost(after, 2)[0]) == (1_000, 600)
    assert after[child.id] == before[child.id]


def test_the_booked_root_knows_better_than_what_was_looked_up() -> None:
    child = make_run(2, above=[1], model="claude")
    looked_up = {"feature": "looked up"}
    assert book_trace({}, [child], looked_up, OPEN, RULES)[child.id].feature == "looked up"
    root = make_run(1, keys=(("feature", "of the root"),))
    for read in ([child, root], [root, child]):
        assert book_trace({}, read, looked_up, OPEN, RULES)[child.id].feature == "of the root"
    silent = make_run(1)
    assert {one.feature for one in book_trace({}, [child, silent], looked_up, OPEN, RULES).values()} == {""}
    assert book_trace({}, [silent], looked_up, OPEN, RULES)[silent.id].feature == ""


def test_a_run_without_ancestors_is_not_the_root_of_a_trace_that_has_another() -> None:
    stray = make_run(2, trace=1, keys=(("feature", "stray"),))
    sibling = make_run(3, above=[1])
    assert known(stray, sibling)[sibling.id].feature == ""


def test_a_cost_that_is_no_money_is_unpriced_and_flagged() -> None:
    most, more = known(ONE._replace(raw_cost=MAX_COST)), known(ONE._replace(raw_cost=MAX_COST + 1))
    assert cost(most) == (MAX_COST, Source.LANGSMITH)
    assert (cost(more), more[ONE.id].state) == ((None, None), State.UNPRICED)
    assert more[ONE.id].cost_flags == Flag.IMPOSSIBLE_COST
    assert more[ONE.id].run.raw_cost == MAX_COST + 1


def test_what_was_odd_about_a_cost_is_kept_with_it() -> None:
    odd = known(ONE._replace(raw_cost=-3))[ONE.id]
    assert (odd.cost, odd.source, odd.cost_flags) == (ESTIMATE, Source.ESTIMATE, Flag.NEGATIVE_COST)
    unpriced = known(ONE._replace(raw_cost=-3, model="in-house"))[ONE.id]
    assert (unpriced.cost, unpriced.source, unpriced.cost_flags) == (None, None, Flag.NEGATIVE_COST)


@given(st.integers(microseconds(datetime(2000, 1, 1, tzinfo=UTC)), microseconds(datetime(2037, 1, 1, tzinfo=UTC))))
@PATIENT
def test_a_run_belongs_to_the_local_day_on_which_it_started(start: int) -> None:
    for zone in {zone for zone, _ in PLACES}:
        assert date.fromordinal(day_finder(zone)(start)) == day_of(start // 1_000_000, zone)


@given(st.integers(-(10**16), 10**17))
@PATIENT
def test_instants_are_kept_to_the_microsecond(number: int) -> None:
    assert microseconds(instant(number)) == number
