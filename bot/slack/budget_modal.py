"""The modal in which budgets are set (pure)."""

from collections.abc import Mapping, Sequence

from bot.domain.budget import Window
from bot.domain.money import dollars
from bot.render.names import plain
from bot.render.numbers import money
from bot.reports.budget_words import MOST_OWNERS
from bot.slack.blocks import Block, cut, paragraph, plain_text
from bot.slack.views import closing_view, feature_field, field

BUDGET_VIEW = "set_budget"

DIMENSION, VALUE, ALERT_AT, OWNERS = "dimension", "value", "alert_at", "owners"

_AMOUNT, _TEXT = 30, 250


def budget_view(keys: Sequence[str]) -> Block:
    """The empty modal."""
    amount = {"type": "plain_text_input", "max_length": _AMOUNT, "placeholder": plain_text("50 or 1,200.50")}
    options = [{"text": plain_text(cut(plain(key), 75)), "value": key} for key in keys if len(key) <= 150][:100]
    narrowed = []
    if options:
        select = {"type": "static_select", "placeholder": plain_text("All runs"), "options": options}
        value = {"type": "plain_text_input", "max_length": _TEXT, "placeholder": plain_text("production")}
        narrowed = [
            field(DIMENSION, "Only runs with this", select, optional=True),
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


def saved_view(feature: str, limits: Mapping[Window, int]) -> Block:
    """What it turns into once these limits, in nano-dollars, count."""
    said = [f"{plain(feature)} may spend {money(dollars(limit))} {window} now." for window, limit in limits.items()]
    return closing_view("Saved", paragraph(*said, f"/llmcost budget {plain(feature)} shows how it stands."))
