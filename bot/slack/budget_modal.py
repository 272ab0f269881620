"""The modal in which budgets are set (pure)."""

from collections.abc import Iterable, Sequence

from bot.domain.budget import Budget, Window
from bot.domain.money import dollars
from bot.render.names import plain
from bot.render.numbers import money
from bot.reports.budget_words import MOST_OWNERS
from bot.slack.blocks import Block, cut, paragraph, plain_text
from bot.slack.views import closing_view, feature_field, field

BUDGET_VIEW = "set_budget"

DIMENSION, VALUE, ALERT_AT, OWNERS = "dimension", "value", "alert_at", "owners"

# The option that narrows a budget no more.
ALL_RUNS = "*"

_AMOUNT, _TEXT = 30, 250


def budget_view(keys: Sequence[str]) -> Block:
    """The empty modal."""
    amount = {"type": "plain_text_input", "max_length": _AMOUNT, "placeholder": plain_text("50 or 1,200.50")}
    options = [{"text": plain_text(cut(plain(key), 75)), "value": key} for key in keys if len(key) <= 150][:99]
    narrowed = []
    if options:
        everything = {"text": plain_text("no key: all runs count"), "value": ALL_RUNS}
        select = {"type": "static_select", "placeholder": plain_text("Choose a key"), "options": [everything, *options]}
        value = {"type": "plain_text_input", "max_length": _TEXT, "placeholder": plain_text("production")}
        hint = "Left empty, the same runs count as before; for a new budget all, or those that llmcost.toml says."
        narrowed = [
            field(DIMENSION, "Only runs with this", select, optional=True, hint=hint),
            field(VALUE, "being", value, optional=True, hint="The value of the key that is chosen above."),
        ]
    thresholds = {"type": "plain_text_input", "max_length": _TEXT, "placeholder": plain_text("80, 100, 150")}
    people = {"type": "multi_users_select", "max_selected_items": MOST_OWNERS}
    return {
        "type": "modal",
        "callback_id": BUDGET_VIEW,
        "title": plain_text("Set a budget"),
        "submit": plain_text("Save"),
        "close": plain_text("Cancel"),
        "blocks": [
            feature_field("Feature"),
            *(
                field(window.value, f"{window.value.capitalize()} limit in US dollars", amount, optional=True)
                for window in reversed(Window)
            ),
            *narrowed,
            field(
                ALERT_AT,
                "Tell of it at these percentages",
                thresholds,
                optional=True,
                hint="Left empty, what llmcost.toml says, or 80, 100, 150 and so on.",
            ),
            field(OWNERS, "Whom to tell", people, optional=True, hint="Left empty, the owners stay as they are."),
        ],
    }


def saved_view(feature: str, budgets: Iterable[Budget]) -> Block:
    """What it turns into once these budgets of the feature count."""
    said = [
        f"{plain(feature)} may spend {money(dollars(one.limit_nanos))} {one.window} now"
        f"{''.join(f', {plain(name)} {plain(value)} only' for name, value in one.where)}."
        for one in budgets
    ]
    return closing_view("Saved", paragraph(*said, f"/llmcost budget {plain(feature)} shows how it stands."))
