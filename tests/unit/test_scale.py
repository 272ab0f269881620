"""docs/scale.md says what the simulation computes, and the simulation what can be worked out by hand."""

from pathlib import Path

import pytest

from tests.bench import scale

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()


@pytest.mark.parametrize("name", ["paging", "limits", "aggregation"])
def test_the_tables_are_those_of_the_simulation(name: str) -> None:
    assert scale.tables()[name] in PAGE


def test_the_sentences_name_the_simulations_numbers() -> None:
    ten, hundred, billion = (scale.paging(size) for size in scale.SIZES[1:])
    once = scale.paging(scale.SIZES[3], 0.0)
    assert scale.paging(scale.SIZES[0]).budget <= scale.DEFAULT_BUDGET
    for said in (
        f"about {scale.reread_factor():.0f}\ntimes",
        f"a budget of {ten.budget} requests",
        f"paging ends: {hundred.budget} requests in 10 seconds, more than one core, {hundred.bytes / 1e9:.0f} GB a day",
        f"at {once.budget} requests in 10 seconds and {billion.bytes / 1e9:.0f} GB a day",
        f"**{scale.most_projects()} projects**",
        f"With {scale.FEATURES} features",
    ):
        assert said in PAGE


def test_a_million_runs_by_hand() -> None:
    day = scale.paging(1_000_000, again=1.0)
    assert (day.pages, day.requests, day.budget, day.rows) == (1_000, 2_000, 1, 1_000_000)
    assert day.seconds == pytest.approx(scale.NEW_MICROSECONDS + scale.KNOWN_MICROSECONDS)


@pytest.mark.parametrize("again", [0.0, 1.0, scale.reread_factor()])
@pytest.mark.parametrize("budget", [1, 10, 1_000])
def test_what_a_budget_reads_needs_that_budget_and_a_page_more_a_larger_one(budget: int, again: float) -> None:
    most = scale.most_runs(budget, again)
    assert scale.paging(most, again).budget == budget
    assert scale.paging(most + scale.PAGE, again).budget == budget + 1


def test_aggregation_at_its_limit_takes_half_a_day() -> None:
    """The other half asks again."""
    assert 2 * scale.aggregated(scale.most_projects()).seconds <= scale.SECONDS_A_DAY
    assert 2 * scale.aggregated(scale.most_projects() + 1).seconds > scale.SECONDS_A_DAY
