"""Facts are kept exactly; what drove the spend up is the largest cause of its growth."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ledger.figures import NOTHING
from bot.reports.budget_reporter import cause_of_growth
from bot.reports.budgets import AlertFacts
from bot.reports.causes import Factor
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


BEFORE = NOTHING._replace(runs=10, input=1_000, cost=100_000)


def test_what_drove_it_is_the_largest_cause_of_the_growth() -> None:
    found = cause_of_growth(BEFORE, BEFORE._replace(input=3_000, cost=300_000))
    assert found is not None
    assert found == (Factor.TOKENS, Decimal("0.0002"), Decimal(100), Decimal(300), Decimal(2))


@pytest.mark.parametrize("cost", [100_000, 50_000])
def test_what_did_not_grow_was_driven_by_nothing(cost: int) -> None:
    assert cause_of_growth(BEFORE, BEFORE._replace(runs=20, cost=cost)) is None
