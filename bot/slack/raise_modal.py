"""The modal in which a limit is changed (pure)."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from bot.domain.money import dollars
from bot.render.names import plain
from bot.render.numbers import clock, money
from bot.slack.blocks import Block, context
from bot.slack.limit_desk import Standing

RAISE_VIEW = "raise_budget"

_AMOUNT, _HOLDS = "amount", "holds"
_PERIOD, _CHANGED = "period", "changed"
_LONGEST = 30


class Wanted(NamedTuple):
    """What was filled in. `key` is the alert's event, `warned` the amount (as typed) that was warned of before."""

    key: str
    amount: str
    for_period: bool
    warned: str | None


def raise_view(key: str, standing: Standing, *, filled: Wanted | None = None, warning: str | None = None) -> Block:
    """The modal for one budget; with what was filled in, and a warning, the second time."""
    limit = standing.in_force.budget.limit_nanos if standing.in_force is not None else None
    now = f"The limit is {money(dollars(limit))}" if limit is not None else "There is no limit now"
    spent = f"{now}; {money(dollars(standing.spent))} has been spent. The period ends on {clock(standing.period_end)}."
    options = {_PERIOD: _option("until the period ends", _PERIOD), _CHANGED: _option("until it is changed", _CHANGED)}
    amount: Block = {"type": "plain_text_input", "action_id": _AMOUNT, "max_length": _LONGEST}
    if filled is not None:
        amount["initial_value"] = filled.amount[:_LONGEST]
    chosen = options[_PERIOD if filled is None or filled.for_period else _CHANGED]
    return {
        "type": "modal",
        "callback_id": RAISE_VIEW,
        "private_metadata": json.dumps({"key": key, "warned": filled.amount if filled is not None else None}),
        "title": _plain("Raise budget"),
        "submit": _plain("Save anyway" if warning else "Save"),
        "close": _plain("Cancel"),
        "blocks": [
            context(f"{plain(standing.feature)}, {standing.window}", spent),
            *([context(warning)] if warning else []),
            {"type": "input", "block_id": _AMOUNT, "label": _plain("New limit in US dollars"), "element": amount},
            {
                "type": "input",
                "block_id": _HOLDS,
                "label": _plain("It holds"),
                "element": {
                    "type": "radio_buttons",
                    "action_id": _HOLDS,
                    "options": list(options.values()),
                    "initial_option": chosen,
                },
            },
        ],
    }


def wanted(view: Mapping[str, Any]) -> Wanted | None:
    """What a submitted modal says; None if it is none of ours."""
    try:
        kept = json.loads(view["private_metadata"])
        values = view["state"]["values"]
        amount, holds = values[_AMOUNT][_AMOUNT]["value"], values[_HOLDS][_HOLDS]["selected_option"]["value"]
        warned = kept["warned"]
        return Wanted(str(kept["key"]), str(amount or ""), holds != _CHANGED, None if warned is None else str(warned))
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def problem(sentence: str) -> dict[str, Any]:
    """The answer to a submission that says beside the field what is wrong."""
    return {"response_action": "errors", "errors": {_AMOUNT: sentence}}


def _option(label: str, value: str) -> Block:
    return {"text": _plain(label), "value": value}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
