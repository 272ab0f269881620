"""The modals: what people see (tests/golden/modal_*.json), and that any name fits into them and none acts there."""

import ast
import inspect
import json
from datetime import datetime
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.budget import Budget, Window
from bot.domain.catalog import BudgetInForce
from bot.domain.feature import Rule
from bot.slack import alert_actions, budget_form, field_errors, rule_form
from bot.slack.blocks import Block
from bot.slack.budget_modal import budget_view, saved_view
from bot.slack.digest_message import preview_view
from bot.slack.limit_desk import Standing
from bot.slack.raise_modal import Wanted, raise_view
from bot.slack.rule_desk import Moved
from bot.slack.rule_modal import rule_view, sure_view, working_view
from bot.slack.views import feature_options
from tests import golden
from tests.golden.digests import digest
from tests.ledgers import BERLIN
from tests.standins.slack_rules import autolinked, problems, visible_mentions
from tests.unit.slack.test_messages import NAMES

RULE = Rule("rag-search", "acme-prod", "rag_chain*")
MOVED = Moved(
    Decimal("312.40"),
    1_204,
    (("rag_chain_v2", "acme-prod", Decimal("300.15")), ("rag_chain", "acme-prod", Decimal("12.25"))),
)
PERIOD_END = datetime(2026, 12, 1, tzinfo=BERLIN)


def standing(feature: str = "rag-search") -> Standing:
    budget = BudgetInForce(Budget(feature, Window.MONTHLY, 50 * 10**9), ("U1",), None)
    return Standing(feature, Window.MONTHLY, budget, ("U1",), 52_104_000_000, PERIOD_END)


AGAIN = Wanted("a key", "51", for_period=False, warned=None)
VIEWS: dict[str, Block] = {
    "budget": budget_view(["env", "user_tier"]),
    "budget_saved": saved_view(
        "rag-search",
        [
            Budget("rag-search", Window.DAILY, 7 * 10**9),
            Budget("rag-search", Window.MONTHLY, 1_200_500_000_000, where=(("env", "production"),)),
        ],
    ),
    "preview": preview_view(digest("digest")),
    "rule": rule_view(),
    "rule_sure": sure_view(RULE, MOVED, None),
    "rule_working": working_view(),
    "raise": raise_view("a key", standing()),
    "raise_warned": raise_view("a key", standing(), filled=AGAIN, warning="$52.10 has been spent already."),
}


@pytest.mark.parametrize("kind", VIEWS)
def test_a_modal_looks_as_it_should(kind: str) -> None:
    assert problems(VIEWS[kind], "modal") == []
    golden.check(f"modal_{kind}.slack.json", json.dumps(VIEWS[kind], ensure_ascii=False, indent=1) + "\n")


def test_what_stands_beside_fields_reads_as_it_should() -> None:
    said = {name: one for name, one in vars(field_errors).items() if name.isupper() and isinstance(one, str)}
    said |= {"failed": field_errors.failed("1a2b3c4d"), "spent_already": field_errors.spent_already(Decimal("52.104"))}
    made = [name for name, one in vars(field_errors).items() if getattr(one, "__module__", "") == field_errors.__name__]
    assert set(made) <= set(said)
    golden.check("modal_errors.slack.json", json.dumps(said, ensure_ascii=False, indent=1) + "\n")


@pytest.mark.parametrize("form", [budget_form, rule_form, alert_actions], ids=lambda module: module.__name__)
def test_forms_have_no_sentences_of_their_own(form: ModuleType) -> None:
    """But for what stands in the code for whoever reads that, and what goes into the log."""
    tree = ast.parse(inspect.getsource(form))
    nodes = list(ast.walk(tree))
    unseen = [node.value for node in nodes if isinstance(node, ast.Expr)]
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        if ast.unparse(call.func) in {"log_failure", "say_failure", "self._guarded"}:
            unseen += call.args
    hidden = {id(part) for one in unseen for part in ast.walk(one)}
    texts = [str(node.value) for node in nodes if isinstance(node, ast.Constant) and id(node) not in hidden]
    assert [text for text in texts if text.endswith(".")] == []


def test_a_whole_digest_fits_into_its_preview() -> None:
    assert problems(preview_view(digest("digest_after_a_weekend")), "modal") == []


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=30), NAMES)
def test_any_names_fit_into_a_modal_and_none_acts(names: list[tuple[str, str]], feature: str) -> None:
    typed = Rule(feature[:250], *("".join(filter(str.isprintable, one))[:250] for one in names[0]))
    moved = Moved(Decimal(9), 9, tuple((name, project, Decimal(1)) for name, project in names))
    views: list[dict[str, Any]] = [
        sure_view(typed, moved, PERIOD_END.date()),
        raise_view("a key", standing(feature)),
        budget_view([key for key, _ in names if key.strip()]),
    ]
    for view in views:
        assert problems(view, "modal") == []
        assert visible_mentions(view) == []
        assert autolinked(view) == []


def test_what_a_rule_moves_is_counted_beyond_the_first_names() -> None:
    moved = Moved(Decimal(9), 9, tuple((f"n{number}", "p", Decimal(1)) for number in range(13)))
    assert "and 3 more names" in json.dumps(sure_view(RULE, moved, None))


@settings(deadline=None)
@given(NAMES, st.lists(NAMES, max_size=200), st.booleans())
def test_any_features_can_be_searched(typed: str, names: list[str], special: bool) -> None:
    options = feature_options(typed, {name for name in names if name.strip()}, special=special)
    assert len(options) <= 100
    for one in options:
        assert 0 < len(one["text"]["text"]) <= 75
        assert 0 < len(one["value"]) <= 150
