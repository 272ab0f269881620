from datetime import timedelta
from decimal import Decimal

from bot.render.budgets import alert_sentences, budget_sentences
from bot.reports.budgets import BudgetList, BudgetState
from tests.alerts import FACTS, STATE
from tests.ledgers import NOW

ASIDE = STATE._replace(set_aside=Decimal("6.5"))


def sentences(*rows: BudgetState, feature: str | None = None, age: timedelta | None = None) -> str:
    return " ".join(budget_sentences(BudgetList(feature, rows, (), NOW, age, None, "UTC")))


def test_what_was_not_read_for_long_is_no_proof_that_nothing_was_spent() -> None:
    said = "LangSmith has not been read completely since 22 Nov 2026 14:31 (8 days ago): later runs are missing."
    assert said in sentences(STATE, age=timedelta(days=8))
    assert said not in sentences(STATE, age=timedelta(minutes=30))


def test_what_reports_count_and_budgets_do_not_is_said_wherever_a_budget_is() -> None:
    """Else a report says $7.50 and its budget $1.00, and nobody knows which is wrong."""
    said = "Set aside, and not in what was spent, for data that cannot be true: rag-search monthly $6.50; see audit."
    assert said in sentences(ASIDE)
    assert said in sentences(ASIDE, feature="rag-search")
    assert "$6.50 more is set aside for data that cannot be true; see audit." in alert_sentences(
        FACTS._replace(state=ASIDE)
    )
    assert "et aside" not in sentences(STATE) + " ".join(alert_sentences(FACTS))


def test_a_budget_of_some_runs_alone_says_so_in_the_list_too() -> None:
    assert "Of some runs alone: rag-search monthly (env = production)." in sentences(STATE)
    assert "alone" not in sentences(STATE._replace(where=()))
