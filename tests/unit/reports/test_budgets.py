"""Facts are kept exactly; what drove the spend up is the factor that grew most."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ledger.figures import NOTHING, Figures
from bot.reports.budget_reporter import driver
from bot.reports.budgets import AlertFacts, Cause, Driver
from tests.alerts import CLOSED, FACTS, NEAR, facts
from tests.ledger_worlds import PATIENT
from tests.unit.zones import NASTY


@given(facts(st.sampled_from(NASTY)))
@settings(PATIENT)
def test_facts_come_back_from_json_as_they_were(one: AlertFacts) -> None:
    assert AlertFacts.from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize("one", [FACTS, NEAR, CLOSED])
def test_an_instant_of_a_night_with_two_of_them_stays_the_one_it_was(one: AlertFacts) -> None:
    kept = AlertFacts.from_json(one.to_json())
    assert kept == one
    assert [at.utcoffset() for at in (kept.state.start, kept.state.end)] == [
        at.utcoffset() for at in (one.state.start, one.state.end)
    ]


def _figures(runs: int, tokens: int, cost: int) -> Figures:
    return NOTHING._replace(runs=runs, input=tokens, cost=cost)


BEFORE = _figures(10, 1_000, 100_000)
CASES = {
    "more runs": (_figures(20, 2_000, 200_000), Driver(Cause.RUNS, Decimal(10), Decimal(20), Decimal(1))),
    "more tokens a run": (_figures(10, 3_000, 300_000), Driver(Cause.TOKENS, Decimal(100), Decimal(300), Decimal(2))),
    "a higher price": (
        _figures(10, 1_000, 150_000),
        Driver(Cause.PRICE, Decimal("0.1"), Decimal("0.15"), Decimal("0.5")),
    ),
    "the largest of several": (
        _figures(20, 8_000, 400_000),
        Driver(Cause.TOKENS, Decimal(100), Decimal(400), Decimal(3)),
    ),
    "fewer but dearer runs": (
        _figures(5, 500, 200_000),
        Driver(Cause.PRICE, Decimal("0.1"), Decimal("0.4"), Decimal(3)),
    ),
    "nothing, where it did not grow": (BEFORE, None),
    "nothing, where it shrank": (_figures(20, 1_000, 50_000), None),
    "nothing, where there was nothing before or now": (NOTHING, None),
    "nothing, where there are no tokens": (_figures(20, 0, 200_000), None),
}


@pytest.mark.parametrize("case", CASES)
def test_what_drove_it_is(case: str) -> None:
    now, expected = CASES[case]
    assert driver(now, BEFORE) == expected
    assert driver(BEFORE, NOTHING) is None
