"""What stands under an answer to go on from it without typing (pure). What a button asks is in its value, in words with
absolute dates: it works after a restart, and whoever presses it is answered as if they had typed them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.render.names import plain
from bot.reports.onward import Direction, Way
from bot.slack.blocks import CONTROLS_CHARACTERS, Block, weight_of
from bot.slack.messages import SHARE, Message

# The ids of actions: each in a block has one of its own. In a thread, where others read it too, what is asked takes no
# answer's place.
ASK = re.compile(r"^ask:.+")
ASK_IN_THREAD = re.compile(r"^thread_ask:.+")
AGAIN = "ask_again"
CSV = "upload_csv"

# What fits into the value of an option; of a button 2,000.
OPTION_VALUE = 150
BUTTON_VALUE = 2_000
_LABEL = 40

_LABELS = {
    Direction.PREVIOUS: "Previous period",
    Direction.TRACES: "Costliest traces",
    Direction.UNTAGGED: "Untagged",
}
# These are pressed most; the others are chosen from a list.
_BUTTONS = 3


def with_controls(
    message: Message,
    ways: Sequence[Way],
    words: str,
    answer_id: str,
    *,
    is_shareable: bool,
    has_csv: bool,
    in_thread: bool = False,
) -> Message:
    """The message with the ways on from it, and with buttons to show it to the channel and to get its rows. What they
    ask is answered in its place, or in the thread that it stands in."""
    others = [_button("Share", SHARE, answer_id)] if is_shareable else []
    others += _csv(answer_id, words) if has_csv else []
    last = [_row(others)] if others else []
    first = _ways(ways, "thread_ask" if in_thread else "ask", CONTROLS_CHARACTERS - weight_of(last))
    return message.with_blocks(*first, *last)


def with_again(message: Message, words: str, answer_id: str, *, has_csv: bool) -> Message:
    """A shared message with buttons for everybody: the same question asked now, and the rows."""
    again = [_button("Run again", AGAIN, words)] if 0 < len(words) <= BUTTON_VALUE else []
    buttons = [*again, *(_csv(answer_id, words) if has_csv else [])]
    return message.with_blocks(_row(buttons)) if buttons else message


def export_of(value: str) -> tuple[str, str]:
    """The answer's id and the words behind a CSV button."""
    answer_id, _, words = value.partition(" ")
    return answer_id, words


def asked_by(body: Mapping[str, Any]) -> str:
    """The words behind the button that was pressed, or the option that was chosen."""
    action = body["actions"][0]
    return str(action.get("value") or (action.get("selected_option") or {}).get("value") or "")


def _csv(answer_id: str, words: str) -> list[Block]:
    value = f"{answer_id} {words}"
    return [_button("CSV", CSV, value)] if words and len(value) <= BUTTON_VALUE else []


def _ways(ways: Sequence[Way], ask: str, room: int) -> list[Block]:
    """A row of buttons and a list; of long words there may be too many for the room."""
    kept = list(ways)
    while kept:
        row = _row(_elements(kept, ask))
        if weight_of(row) <= room:
            return [row]
        kept.pop()
    return []


def _elements(ways: Sequence[Way], ask: str) -> list[Block]:
    first = [way for way in ways if way.direction is Direction.PREVIOUS or way.dimension in {"model", "day"}]
    first = first[:_BUTTONS]
    rest = [way for way in ways if way not in first]
    listed = [way for way in rest if len(way.words) <= OPTION_VALUE]
    buttons = [way for way in ways if way not in listed]
    elements = [_button(_label(way), f"{ask}:{place}", way.words) for place, way in enumerate(buttons)]
    if listed:
        options = [{"text": _plain(_label(way)), "value": way.words} for way in listed]
        elements.append(
            {"type": "static_select", "action_id": f"{ask}:more", "placeholder": _plain("More"), "options": options}
        )
    return elements


def _label(way: Way) -> str:
    if way.direction is Direction.BY:
        return f"By {plain(way.dimension.replace('_', ' '), _LABEL)}"
    return _LABELS[way.direction]


def _button(label: str, action: str, value: str) -> Block:
    return {"type": "button", "action_id": action, "text": _plain(label), "value": value}


def _row(elements: Sequence[Block]) -> Block:
    return {"type": "actions", "elements": list(elements)}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
