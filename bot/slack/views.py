"""Parts of modals that several have in common (pure), and what a submitted one says."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.domain.catalog import SPECIAL
from bot.render.names import plain
from bot.reports.tokens import fold
from bot.slack.blocks import Block, cut, plain_text

# The select of a feature: what stands in it is asked for while somebody types.
PICK_FEATURE = "pick_feature"
FEATURE = "feature"

_OPTIONS, _OPTION_TEXT, _OPTION_VALUE = 100, 75, 150


def closing_view(title: str, *blocks: Block) -> Block:
    """A modal that only shows something."""
    return {"type": "modal", "title": plain_text(title), "close": plain_text("Close"), "blocks": list(blocks)}


def field(name: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    """A field of a modal; `name` is its block's id, and its element's action id unless that has one."""
    block = {
        "type": "input",
        "block_id": name,
        "label": plain_text(label),
        "optional": optional,
        "element": {"action_id": name, **element},
    }
    return block | ({"hint": plain_text(hint)} if hint else {})


def feature_field(label: str) -> Block:
    """The select of a feature."""
    select = {
        "type": "external_select",
        "action_id": PICK_FEATURE,
        "min_query_length": 0,
        "placeholder": plain_text("Type to search"),
    }
    return field(FEATURE, label, select)


def feature_options(typed: str, features: Collection[str], *, special: bool) -> list[Block]:
    """The features whose names hold what was typed, those that begin with it first; `special` if total and untagged
    are offered too."""
    wanted = fold(typed)
    names = sorted({*features, *(SPECIAL if special else ())})
    fitting = [name for name in names if wanted in fold(name)]
    fitting.sort(key=lambda name: not fold(name).startswith(wanted))
    return [{"text": plain_text(cut(plain(name), _OPTION_TEXT)), "value": _value(name)} for name in fitting[:_OPTIONS]]


def chosen_feature(value: str, features: Collection[str], *, special: bool) -> str | None:
    """The feature that an option stands for, if there still is one."""
    return next((name for name in {*features, *(SPECIAL if special else ())} if _value(name) == value), None)


def problems(said: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a submission that says beside fields, by block id, what is wrong there."""
    return {"response_action": "errors", "errors": dict(said)}


class Filled:
    """What was filled into a submitted view. Whatever is not there is empty."""

    def __init__(self, view: Mapping[str, Any]) -> None:
        values = (view.get("state") or {}).get("values") or {}
        self._elements = {
            block: next(iter(elements.values()), None) or {} for block, elements in values.items() if elements
        }

    def text(self, block: str) -> str:
        """What was typed into a field, trimmed."""
        return str(self._elements.get(block, {}).get("value") or "").strip()

    def option(self, block: str) -> str:
        """The value of the option that was chosen."""
        return str((self._elements.get(block, {}).get("selected_option") or {}).get("value") or "")

    def users(self, block: str) -> Sequence[str]:
        """The members that were chosen."""
        return tuple(str(one) for one in self._elements.get(block, {}).get("selected_users") or ())


def _value(name: str) -> str:
    """Names can be longer than what an option carries."""
    return name if len(name) <= _OPTION_VALUE else f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
