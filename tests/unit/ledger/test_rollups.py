"""What a trace adds to which rows of the rollups."""

from zoneinfo import ZoneInfo

from bot.domain.costing import CostMode
from bot.domain.run import Run
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import Booked, Project, Rules, book_trace, day_finder
from bot.ledger.rollups import MEASURES, Delta, Key, Return, Tally
from tests.ledger_worlds import ATTRIBUTION, list_price, make_run

RULES = Rules(ATTRIBUTION, list_price, day_finder(ZoneInfo("UTC")), ("env",))
DAY = 86_400_000_000
RUN = make_run(1, keys=(("env", "test"), ("feature", "search")), raw_cost=700)
TODAY = RULES.day_of(RUN.start)


def booked(*trace: Run) -> list[Booked]:
    return list(book_trace({}, trace, {}, Project(1, "project-1", CostMode.OWN, None), RULES).values())


def tally(*traces: list[Booked]) -> Delta:
    counted = Tally(RULES.dimensions)
    for trace in traces:
        counted.add(trace, +1)
    return counted.delta()


def measured(delta: Delta, measure: str, view: str = "all", feature: str = "") -> dict[tuple[int, str], int]:
    """One measure of one view, by day (from today) and value."""
    return {
        (key.day - TODAY, key.value): sums[MEASURES.index(measure)]
        for key, sums in delta.rollups.items()
        if (key.view, key.feature) == (view, feature)
    }


def test_a_run_adds_to_one_row_of_each_view() -> None:
    delta = tally(booked(RUN))
    assert set(delta.rollups) == {
        Key("all", "", TODAY, ""),
        Key("all/feature", "", TODAY, "search"),
        Key("all/model", "", TODAY, "gpt-4o"),
        Key("all/provider", "", TODAY, "openai"),
        Key("all/project", "", TODAY, "1"),
        Key("all/env", "", TODAY, "test"),
        Key("one", "search", TODAY, ""),
        Key("one/model", "search", TODAY, "gpt-4o"),
        Key("one/provider", "search", TODAY, "openai"),
        Key("one/project", "search", TODAY, "1"),
        Key("one/env", "search", TODAY, "test"),
    }
    expected = {"runs": 1, "traces": 1, "cost": 700, "langsmith": 700, "input": 100, "output": 10}
    for sums in delta.rollups.values():
        assert dict(zip(MEASURES, sums, strict=True)) == dict.fromkeys(MEASURES, 0) | expected
    assert delta.returns == {}


def test_a_trace_counts_once_in_a_row_that_its_runs_reach_by_different_keys() -> None:
    below = make_run(2, trace=1, above=(1,), keys=(("env", "test"), ("feature", "old-search")), usage=Usage(50, 5))
    delta = tally(booked(RUN, below))
    assert measured(delta, "traces", "one", "search") == {(0, ""): 1}
    assert measured(delta, "runs", "one", "search") == {(0, ""): 2}
    assert {sums[MEASURES.index("traces")] for sums in delta.rollups.values()} == {1}


def test_an_untagged_run_adds_to_its_projects_and_names_row_too() -> None:
    delta = tally(booked(RUN._replace(keys=(), name="agent")))
    assert measured(delta, "cost", "untagged", "1") == {(0, "agent"): 700}
    assert measured(delta, "cost", "all/feature") == {(0, ""): 700}
    assert measured(delta, "cost", "one/env") == {(0, ""): 700}


def test_each_state_and_each_source_has_a_measure_of_its_own() -> None:
    runs = [
        make_run(1, raw_cost=700),
        make_run(2),
        make_run(3, model="negotiated"),
        make_run(4, model="in-house"),
        make_run(5, usage=None),
        make_run(6, usage=None, status="ERROR"),
        make_run(7, usage=None, status="PENDING", end=None),
        make_run(8, raw_cost=50, flags=Flag.SAMPLED),
    ]
    delta = tally(*(booked(run) for run in runs))
    expected = {
        "runs": 8,
        "traces": 8,
        "cost": 750 + 3_500 + 370,
        "langsmith": 750,
        "estimate": 3_500,
        "override": 370,
        "unpriced": 1,
        "no_usage": 1,
        "failed": 1,
        "sampled": 1,
        "input": 500,
        "output": 50,
    }  # fmt: skip - as a block it can be checked against MEASURES
    for measure in MEASURES:
        assert measured(delta, measure) == {(0, ""): expected[measure]}, measure


def test_a_trace_counts_once_in_each_row_however_many_runs_it_has_there() -> None:
    inner = make_run(2, above=[1], keys=RUN.keys, model="claude", provider="anthropic", raw_cost=10)
    delta = tally(booked(RUN, inner, make_run(3, above=[1], keys=RUN.keys, usage=Usage(5, 5), raw_cost=10)))
    assert measured(delta, "traces") == {(0, ""): 1}
    assert measured(delta, "traces", "all/model") == {(0, "gpt-4o"): 1, (0, "claude"): 1}
    assert measured(delta, "runs", "all/model") == {(0, "gpt-4o"): 2, (0, "claude"): 1}


def test_a_trace_over_several_days_counts_on_its_first_and_returns_on_the_later_ones() -> None:
    delta = tally(booked(*(RUN._replace(id=bytes([day] * 16), start=RUN.start + day * DAY) for day in (0, 1, 4))))
    assert measured(delta, "traces") == {(0, ""): 1, (1, ""): 0, (4, ""): 0}
    assert {(back.key.day - TODAY, back.previous_day - TODAY) for back in delta.returns if back.key.view == "all"} == {
        (1, 0),
        (4, 1),
    }
    assert delta.returns[Return(Key("one/model", "search", TODAY + 4, "gpt-4o"), TODAY + 1)] == 1


def test_runs_that_count_nowhere_add_nothing() -> None:
    wrapped = make_run(2, above=[1], keys=RUN.keys, raw_cost=650)
    assert tally(booked(RUN, wrapped)) == tally(booked(wrapped))
    assert tally(booked(make_run(1, type="TOOL"))) == Delta({}, {})


def test_what_is_taken_back_leaves_nothing_and_what_changes_leaves_the_difference() -> None:
    before, after = booked(RUN), booked(RUN._replace(raw_cost=900, start=RUN.start + DAY))
    counted = Tally(RULES.dimensions)
    counted.add(before, +1)
    counted.add(before, -1)
    assert counted.delta() == Delta({}, {})
    counted.add(before, -1)
    counted.add(after, +1)
    assert measured(counted.delta(), "cost") == {(0, ""): -700, (1, ""): 900}
    assert measured(counted.delta(), "traces") == {(0, ""): -1, (1, ""): 1}
    corrected = Tally(RULES.dimensions)
    corrected.add(before, -1)
    corrected.add([one._replace(cost=701) for one in before], +1)
    assert measured(corrected.delta(), "cost") == {(0, ""): 1}
    assert measured(corrected.delta(), "runs") == {(0, ""): 0}
