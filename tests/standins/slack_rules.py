"""Slack's limits, offline: what it refuses in a message or a view, and what it acts on in the text of one.

The rules follow Slack's published limits where they are published, and the stricter reading where sources differ. A
block or an element that has no rules here is reported as unknown, so a new one gets its rules before it gets sent.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import inf, isfinite, nextafter
from typing import Any, NamedTuple

Json = dict[str, Any]

TEXT_LIMIT = 4_000
ALL_BLOCKS_LIMIT = 13_200
MARKDOWN_LIMIT = 12_000
TABLE_LIMIT = 10_000
DATA_TABLE_LIMIT = 20_000
MOST_BLOCKS = {"message": 50, "modal": 100, "home": 100}


class Problem(NamedTuple):
    """One reason to refuse: the error that Slack answers, the place in the payload, and what is wrong there."""

    error: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def problems(message: Mapping[str, Any], surface: str = "message") -> list[str]:
    """Why Slack would refuse `message`, a sentence each; empty if it fits. On "modal" and "home" it is a view."""
    return [str(problem) for problem in examine(message, surface)]


def examine(message: Mapping[str, Any], surface: str = "message") -> list[Problem]:
    """The same as `problems`, with the error that Slack would answer for each."""
    walk = _Walk(surface)
    if surface == "message":
        _message(walk, message)
    else:
        _VIEWS[surface](walk, "view", dict(message))
    return walk.found


# --- how a value is checked ------------------------------------------------------------------------------------------


@dataclass
class _Walk:
    """One pass over one payload: what was found, and what must be counted across its blocks."""

    surface: str
    found: list[Problem] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    markdown: int = 0

    def say(self, where: str, what: str, error: str = "invalid_blocks") -> None:
        self.found.append(Problem(error, where, what))


Check = Callable[[_Walk, str, Any], None]


def _string(most: int, least: int = 1) -> Check:
    def check(walk: _Walk, where: str, value: Any) -> None:
        if not isinstance(value, str):
            walk.say(where, "must be a string")
        elif len(value) < least:
            walk.say(where, "must not be empty")
        elif len(value) > most:
            walk.say(where, f"has {len(value)} characters, {most} fit")

    return check


def _number(least: float = -inf, most: float = inf, *, whole: bool = False) -> Check:
    def check(walk: _Walk, where: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not isfinite(value):
            walk.say(where, "must be a whole number" if whole else "must be a finite number")
        elif not least <= value <= most:
            walk.say(where, f"{value} is not from {least} to {most}")

    return check


def _flag(walk: _Walk, where: str, value: Any) -> None:
    if not isinstance(value, bool):
        walk.say(where, "must be true or false")


def _date(walk: _Walk, where: str, value: Any) -> None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        walk.say(where, f"{value!r} is no date")


def _one_of(*values: object) -> Check:
    def check(walk: _Walk, where: str, value: Any) -> None:
        if value not in values:
            walk.say(where, f"{value!r} is none of {', '.join(map(str, values))}")

    return check


def _anything(walk: _Walk, where: str, value: Any) -> None:
    """Said by the rule around it."""


def _items(item: Check, least: int, most: float = inf) -> Check:
    def check(walk: _Walk, where: str, value: Any) -> None:
        if not isinstance(value, list):
            walk.say(where, "must be a list")
            return
        if not least <= len(value) <= most:
            walk.say(where, f"has {len(value)} items, {least} to {most} fit")
        for index, one in enumerate(value):
            item(walk, f"{where}[{index}]", one)

    return check


def _object(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *rules: Check) -> Check:
    """All of `required`, some of `optional`, nothing else; `rules` see the whole object once its parts are in order."""
    known = {**required, **(optional or {})}

    def check(walk: _Walk, where: str, value: Any) -> None:
        if not isinstance(value, dict):
            walk.say(where, "must be an object")
            return
        before = len(walk.found)
        for key in required:
            if key not in value:
                walk.say(where, f"lacks {key!r}")
        for key, one in value.items():
            if key in known:
                known[key](walk, f"{where}.{key}", one)
            else:
                walk.say(where, f"has an unknown key {key!r}")
        if len(walk.found) == before:
            for rule in rules:
                rule(walk, where, value)

    return check


def _typed(word: str, kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` says which of `kinds` it must fit."""

    def check(walk: _Walk, where: str, value: Any) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in kinds:
            kinds[kind](walk, where, {key: one for key, one in value.items() if key != "type"})
        else:
            walk.say(where, f"{kind!r} is no {word} that is known here")

    return check


def _unique(walk: _Walk, where: str, values: Sequence[str], word: str) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            walk.say(where, f"{word} {value!r} stands {times} times")


# --- text and the objects around it ----------------------------------------------------------------------------------


def _texts(most: int) -> dict[str, Check]:
    return {
        "plain_text": _object({"text": _string(most)}, {"emoji": _flag}),
        "mrkdwn": _object({"text": _string(most)}, {"verbatim": _flag}),
    }


def _text(most: int) -> Check:
    return _typed("text object", _texts(most))


def _plain(most: int) -> Check:
    return _typed("plain_text object", {"plain_text": _texts(most)["plain_text"]})


_CONFIRM = _object(
    {"title": _plain(100), "text": _text(300), "confirm": _plain(30), "deny": _plain(30)},
    {"style": _one_of("primary", "danger")},
)
_OPTION = _object({"text": _plain(75), "value": _string(150)}, {"description": _plain(75)})
_LIVELY_OPTION = _object({"text": _text(75), "value": _string(150)}, {"description": _text(75)})
_LINK_OPTION = _object({"text": _plain(75), "value": _string(150)}, {"description": _plain(75), "url": _string(3000)})
_BLOCK_ID = {"block_id": _string(255)}
_ACTION_ID = {"action_id": _string(255)}
_COMMON = {**_ACTION_ID, "confirm": _CONFIRM, "focus_on_load": _flag}
_PLACEHOLDER = {"placeholder": _plain(150)}


def _initial_is_offered(walk: _Walk, where: str, value: Json) -> None:
    chosen = [value["initial_option"]] if "initial_option" in value else value.get("initial_options", [])
    if any(one not in value["options"] for one in chosen):
        walk.say(where, "starts with an option that is not among its options")


def _choice(option: Check, most: int, **more: Check) -> Check:
    return _object({"options": _items(option, 1, most)}, {**_COMMON, **more}, _initial_is_offered)


_PICTURE = {"image_url": _string(3000), "alt_text": _string(2000)}
_IMAGE = _object(_PICTURE)
_BUTTON = _object(
    {"text": _plain(75)},
    {
        **_ACTION_ID,
        "value": _string(2000),
        "url": _string(3000),
        "style": _one_of("primary", "danger"),
        "confirm": _CONFIRM,
        "accessibility_label": _string(75),
    },
)
_PICKERS: Mapping[str, Check] = {
    "static_select": _choice(_OPTION, 100, **_PLACEHOLDER, initial_option=_OPTION),
    "external_select": _object(
        {},
        {
            **_COMMON,
            **_PLACEHOLDER,
            "min_query_length": _number(0, 3000, whole=True),
            "initial_option": _OPTION,
        },
    ),
    "users_select": _object({}, {**_COMMON, **_PLACEHOLDER, "initial_user": _string(TEXT_LIMIT)}),
    "datepicker": _object({}, {**_COMMON, **_PLACEHOLDER, "initial_date": _date}),
    "radio_buttons": _choice(_LIVELY_OPTION, 10, initial_option=_LIVELY_OPTION),
    "checkboxes": _choice(_LIVELY_OPTION, 10, initial_options=_items(_LIVELY_OPTION, 1)),
}
_OVERFLOW = _object({"options": _items(_LINK_OPTION, 1, 5)}, {**_ACTION_ID, "confirm": _CONFIRM})
_TYPED_IN = {**_ACTION_ID, **_PLACEHOLDER, "focus_on_load": _flag, "initial_value": _string(3000)}
_ACTION_ELEMENT = _typed("element of an actions block", {"button": _BUTTON, "overflow": _OVERFLOW, **_PICKERS})
_ACCESSORY = _typed("accessory", {"image": _IMAGE, "button": _BUTTON, "overflow": _OVERFLOW, **_PICKERS})
_INPUT_ELEMENT = _typed(
    "element of an input block",
    {
        "plain_text_input": _object(
            {},
            {
                **_TYPED_IN,
                "multiline": _flag,
                "min_length": _number(0, 3000, whole=True),
                "max_length": _number(1, 3000, whole=True),
            },
        ),
        "number_input": _object(
            {"is_decimal_allowed": _flag},
            {**_TYPED_IN, "min_value": _string(TEXT_LIMIT), "max_value": _string(TEXT_LIMIT)},
        ),
        "multi_users_select": _object(
            {},
            {
                **_COMMON,
                **_PLACEHOLDER,
                "initial_users": _items(_string(TEXT_LIMIT), 1),
                "max_selected_items": _number(1, whole=True),
            },
        ),
        **_PICKERS,
    },
)

_STYLE = {"style": _object({}, dict.fromkeys(("bold", "italic", "strike", "code"), _flag))}
_LONG = _string(TEXT_LIMIT)
_LEAF = _typed(
    "rich text element",
    {
        "text": _object({"text": _LONG}, _STYLE),
        "link": _object({"url": _string(3000)}, {**_STYLE, "text": _LONG}),
        "emoji": _object({"name": _LONG}, _STYLE),
        "user": _object({"user_id": _LONG}, _STYLE),
        "usergroup": _object({"usergroup_id": _LONG}, _STYLE),
        "channel": _object({"channel_id": _LONG}, _STYLE),
        "broadcast": _object({"range": _one_of("here", "channel", "everyone")}, _STYLE),
        "date": _object({"timestamp": _number(whole=True), "format": _LONG}, {**_STYLE, "fallback": _LONG}),
    },
)
_LEAVES = _object({"elements": _items(_LEAF, 1)})
_RICH_LIST = _object(
    {
        "style": _one_of("bullet", "ordered"),
        "elements": _items(_typed("list item", {"rich_text_section": _LEAVES}), 1),
    },
    {"indent": _number(0, 8, whole=True)},
)
_RICH_PART = _typed(
    "part of rich text",
    {
        "rich_text_section": _LEAVES,
        "rich_text_quote": _LEAVES,
        "rich_text_preformatted": _LEAVES,
        "rich_text_list": _RICH_LIST,
    },
)
_RICH_TEXT = _object({"elements": _items(_RICH_PART, 1)}, _BLOCK_ID)


# --- tables ----------------------------------------------------------------------------------------------------------


def _filled(walk: _Walk, where: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        walk.say(where, "an empty cell gets the whole message refused: use a dash")


_RAW_CELLS: Mapping[str, Check] = {
    "raw_text": _object({"text": _filled}),
    "raw_number": _object({"value": _number(), "text": _filled}),
}
_CELL = _typed("table cell", {**_RAW_CELLS, "rich_text": _RICH_TEXT})
_HEADER_CELL = _typed("cell of a header row", _RAW_CELLS)


def _rows(least: int, most: int, limit: int, header: Check) -> Check:
    """Rows of 1 to 20 cells, all of one length, with no more than `limit` characters in all of them together."""

    def check(walk: _Walk, where: str, value: Any) -> None:
        _items(_anything, least, most)(walk, where, value)
        rows = value if isinstance(value, list) else []
        for index, row in enumerate(rows):
            _items(_CELL if index else header, 1, 20)(walk, f"{where}[{index}]", row)
        if len({len(row) for row in rows if isinstance(row, list)}) > 1:
            walk.say(where, "rows differ in length")
        size = sum(len(text) for text in _strings_under(rows, "text"))
        if size > limit:
            walk.say(where, f"cells have {size} characters together, {limit} fit")

    return check


def _strings_under(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get(key), str):
            yield value[key]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _strings_under(one, key)


def _column_setting(walk: _Walk, where: str, value: Any) -> None:
    if value is not None:  # null leaves a column as it is
        _object({}, {"align": _one_of("left", "center", "right"), "is_wrapped": _flag})(walk, where, value)


def _row_header_is_a_column(walk: _Walk, where: str, value: Json) -> None:
    if value.get("row_header_column_index", 0) >= len(value["rows"][0]):
        walk.say(where, "row_header_column_index is no column")


_TABLE = _object(
    {"rows": _rows(1, 100, TABLE_LIMIT, _CELL)},
    {**_BLOCK_ID, "column_settings": _items(_column_setting, 0, 20)},
)
_DATA_TABLE = _object(
    {"caption": _string(TEXT_LIMIT), "rows": _rows(2, 101, DATA_TABLE_LIMIT, _HEADER_CELL)},
    {
        **_BLOCK_ID,
        "page_size": _number(1, 100, whole=True),
        "row_header_column_index": _number(0, whole=True),
    },
    _row_header_is_a_column,
)


# --- charts ----------------------------------------------------------------------------------------------------------


def _segments_differ(walk: _Walk, where: str, value: Json) -> None:
    _unique(walk, where, [segment["label"] for segment in value["segments"]], "label")


def _series_fit_the_axis(walk: _Walk, where: str, value: Json) -> None:
    categories = value["axis_config"]["categories"]
    _unique(walk, where, categories, "category")
    _unique(walk, where, [series["name"] for series in value["series"]], "series")
    for series in value["series"]:
        if sorted(point["label"] for point in series["data"]) != sorted(categories):
            walk.say(where, f"series {series['name']!r} has not exactly one point per category")


# Newer sources allow 12 series and segments; the documentation says 6, which is what we stay within.
_SERIES_CHART = _object(
    {
        "series": _items(
            _object(
                {
                    "name": _string(20),
                    "data": _items(_object({"label": _string(20), "value": _number()}), 0),
                }
            ),
            1,
            6,
        ),
        "axis_config": _object(
            {"categories": _items(_string(20), 1, 20)}, {"x_label": _string(50), "y_label": _string(50)}
        ),
    },
    None,
    _series_fit_the_axis,
)
_PIE = _object(
    {"segments": _items(_object({"label": _string(20), "value": _number(nextafter(0, 1))}), 1, 6)},
    None,
    _segments_differ,
)
_CHART = _typed("chart", {"bar": _SERIES_CHART, "line": _SERIES_CHART, "area": _SERIES_CHART, "pie": _PIE})


# --- blocks ----------------------------------------------------------------------------------------------------------


def _action_ids_differ(walk: _Walk, where: str, value: Json) -> None:
    ids = [element["action_id"] for element in value["elements"] if "action_id" in element]
    _unique(walk, where, ids, "action_id")


def _text_or_fields(walk: _Walk, where: str, value: Json) -> None:
    if not value.keys() & {"text", "fields"}:
        walk.say(where, "needs text or fields")


def _titled_and_consistent(walk: _Walk, where: str, value: Json) -> None:
    if not value.keys() & {"title", "rich_text_title"}:
        walk.say(where, "needs a title")
    if value.get("default_collapsed") and not value.get("is_collapsible"):
        walk.say(where, "default_collapsed needs is_collapsible")
    if value.get("has_header_divider") and value.get("is_collapsible"):
        walk.say(where, "a collapsible container has no header divider")


def _counted_markdown(walk: _Walk, where: str, value: Any) -> None:
    _string(MARKDOWN_LIMIT)(walk, where, value)
    walk.markdown += len(value) if isinstance(value, str) else 0


def _child(walk: _Walk, where: str, value: Any) -> None:
    # The documentation and Slack's live validator list different children; these stand in both lists.
    allowed = ("actions", "context", "divider", "header", "image", "section", "table")
    kind = str(value.get("type")) if isinstance(value, dict) else ""
    if kind in _BLOCK_KINDS and kind not in allowed:
        walk.say(where, f"{kind!r} cannot stand in a container")
    else:
        _block(walk, where, value)


_BLOCK_KINDS: Mapping[str, Check] = {
    "section": _object(
        {},
        {
            **_BLOCK_ID,
            "text": _text(3000),
            "fields": _items(_text(2000), 1, 10),
            "accessory": _ACCESSORY,
            "expand": _flag,
        },
        _text_or_fields,
    ),
    "header": _object({"text": _plain(150)}, _BLOCK_ID),
    "divider": _object({}, _BLOCK_ID),
    "context": _object(
        {"elements": _items(_typed("element of a context block", {"image": _IMAGE, **_texts(3000)}), 1, 10)},
        _BLOCK_ID,
    ),
    "actions": _object({"elements": _items(_ACTION_ELEMENT, 1, 25)}, _BLOCK_ID, _action_ids_differ),
    "image": _object(_PICTURE, {**_BLOCK_ID, "title": _plain(2000)}),
    "input": _object(
        {"label": _plain(2000), "element": _INPUT_ELEMENT},
        {**_BLOCK_ID, "hint": _plain(2000), "optional": _flag, "dispatch_action": _flag},
    ),
    "rich_text": _RICH_TEXT,
    "markdown": _object({"text": _counted_markdown}, _BLOCK_ID),
    "table": _TABLE,
    "data_table": _DATA_TABLE,
    "data_visualization": _object({"title": _string(50), "chart": _CHART}, _BLOCK_ID),
    "alert": _object(
        {"text": _text(200)}, {**_BLOCK_ID, "level": _one_of("default", "info", "warning", "error", "success")}
    ),
    "container": _object(
        {"child_blocks": _items(_child, 1, 10)},
        {
            **_BLOCK_ID,
            "title": _plain(150),
            "rich_text_title": _typed("rich text", {"rich_text": _RICH_TEXT}),
            "subtitle": _text(150),
            "icon": _typed("icon", {"image": _IMAGE}),
            "width": _one_of("narrow", "standard", "wide", "full"),
            "is_collapsible": _flag,
            "default_collapsed": _flag,
            "has_header_divider": _flag,
        },
        _titled_and_consistent,
    ),
}
# A block that is not named here may stand anywhere.
_SURFACES: Mapping[str, tuple[str, ...]] = {
    "table": ("message", "home"),
    "data_table": ("message", "home"),
    "data_visualization": ("message", "home"),
    "markdown": ("message",),
    "alert": ("modal",),
}
_MOST_OF_A_KIND = {"table": 1, "data_visualization": 2}


def _block(walk: _Walk, where: str, value: Any) -> None:
    _typed("block", _BLOCK_KINDS)(walk, where, value)
    kind = str(value.get("type")) if isinstance(value, dict) else ""
    if kind not in _BLOCK_KINDS:
        return
    walk.kinds[kind] += 1
    if walk.surface not in _SURFACES.get(kind, (walk.surface,)):
        walk.say(where, f"{kind!r} cannot stand in a {walk.surface}")
    block_id = value.get("block_id")
    if isinstance(block_id, str):
        if block_id in walk.block_ids:
            walk.say(where, f"block_id {block_id!r} is taken")
        walk.block_ids.add(block_id)


def _blocks(walk: _Walk, where: str, value: Any) -> None:
    _items(_block, 0, MOST_BLOCKS[walk.surface])(walk, where, value)
    for kind, most in _MOST_OF_A_KIND.items():
        if walk.surface == "message" and walk.kinds[kind] > most:
            walk.say(where, f"has {walk.kinds[kind]} {kind!r} blocks, {most} fit in a message")
    if walk.markdown > MARKDOWN_LIMIT:
        walk.say(where, f"markdown blocks have {walk.markdown} characters together, {MARKDOWN_LIMIT} fit")
    size = _size(value)
    if walk.surface == "message" and size > ALL_BLOCKS_LIMIT:
        walk.say(where, f"have {size} characters together, {ALL_BLOCKS_LIMIT} fit", "msg_blocks_too_long")


def _size(value: Any) -> int:
    """The characters of all strings in `value` as they stand in JSON: a line break counts as the two of its escape."""
    if isinstance(value, str):
        return len(json.dumps(value, ensure_ascii=False)) - 2
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_size, value)) if isinstance(value, list) else 0


# --- whole messages and views ----------------------------------------------------------------------------------------

_EVENT_TYPE = re.compile(r"[A-Za-z0-9._-]{1,255}")


def _message(walk: _Walk, message: Mapping[str, Any]) -> None:
    blocks, text, metadata = message.get("blocks"), message.get("text"), message.get("metadata")
    if not text and not blocks:
        walk.say("text", "a message needs text or blocks", "no_text")
    if text is not None and not isinstance(text, str):
        walk.say("text", "must be a string", "no_text")
    elif text and len(text) > TEXT_LIMIT:
        walk.say("text", f"has {len(text)} characters, {TEXT_LIMIT} fit", "msg_too_long")
    if blocks is not None:
        _blocks(walk, "blocks", blocks)
    if metadata:  # chat.update removes metadata with an empty object
        _metadata(walk, metadata)


def _metadata(walk: _Walk, metadata: Any) -> None:
    if not isinstance(metadata, dict) or metadata.keys() != {"event_type", "event_payload"}:
        walk.say("metadata", "must have event_type and event_payload and nothing else", "invalid_metadata_format")
        return
    kind, payload = metadata["event_type"], metadata["event_payload"]
    if not isinstance(kind, str) or not _EVENT_TYPE.fullmatch(kind):
        walk.say("metadata.event_type", "must be letters, digits, '.', '_' and '-'", "invalid_metadata_format")
    if not isinstance(payload, dict):
        walk.say("metadata.event_payload", "must be an object", "invalid_metadata_format")


def _inputs_can_be_sent(walk: _Walk, where: str, value: Json) -> None:
    if walk.kinds["input"] and "submit" not in value:
        walk.say(where, "has an input, so it needs submit")


_VIEW_PARTS: Mapping[str, Check] = {
    "private_metadata": _string(3000, 0),
    "callback_id": _string(255),
    "external_id": _string(255),
}
_VIEWS: Mapping[str, Check] = {
    "modal": _object(
        {"type": _one_of("modal"), "title": _plain(24), "blocks": _blocks},
        {
            **_VIEW_PARTS,
            "submit": _plain(24),
            "close": _plain(24),
            "clear_on_close": _flag,
            "notify_on_close": _flag,
            "submit_disabled": _flag,
        },
        _inputs_can_be_sent,
    ),
    "home": _object({"type": _one_of("home"), "blocks": _blocks}, _VIEW_PARTS),
}


# --- what Slack acts on in a text ------------------------------------------------------------------------------------

_CONTROL = re.compile(r"<[^<>]+>")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_AUTOLINK = re.compile(
    r"https?://[^\s<>]+|(?<![\w&/])[@#][A-Za-z][\w-]*|\b[\w.-]+\.(?:com|net|org|io|dev|ai|co|app)\b(?:/[^\s<>]*)?",
    re.IGNORECASE,
)
_RICH_MENTIONS: Mapping[str, str] = {
    "user": "<@{user_id}>",
    "usergroup": "<!subteam^{usergroup_id}>",
    "channel": "<#{channel_id}>",
    "broadcast": "<!{range}>",
    "link": "<{url}>",
}


def visible_mentions(payload: Any) -> list[str]:
    """Everything in a message, view or list of blocks that Slack would act on, as it is written in mrkdwn.

    That is `<!channel>`, `<!here>`, `<!everyone>`, `<!subteam^S1>`, `<@U1>`, `<#C1>`, `<https://x|y>` and whatever
    else stands in angle brackets (Slack makes a link of it), in top-level text, mrkdwn objects and markdown blocks,
    and the same as rich text elements. A date without a link is none. The bot's own links are reported too.
    """
    found: list[str] = []
    for _, text in _acting(payload):
        found += [one for one in _CONTROL.findall(text) if not (one.startswith("<!date^") and one.count("^") == 2)]
    return found


def autolinked(payload: Any) -> list[str]:
    """The names (`@alice`, `#general`) and addresses that Slack would link in mrkdwn objects without `verbatim: true`.

    What stands in backticks is left alone, as Slack does. Top-level text cannot be verbatim and is not looked at.
    """
    found: list[str] = []
    for node, text in _acting(payload):
        if node == "mrkdwn":
            found += _AUTOLINK.findall(_CONTROL.sub(" ", _CODE.sub(" ", text)))
    return found


def _acting(node: Any) -> Iterator[tuple[str, str]]:
    """The texts under `node` that Slack interprets, each with what it is: "text", "mrkdwn", "verbatim", …"""
    if isinstance(node, list):
        for one in node:
            yield from _acting(one)
    if not isinstance(node, dict):
        return
    kind = str(node.get("type", "message"))
    if kind == "mrkdwn":
        yield ("verbatim" if node.get("verbatim") is True else "mrkdwn"), str(node.get("text"))
    elif kind in _RICH_MENTIONS:
        yield kind, _RICH_MENTIONS[kind].format_map(defaultdict(str, node))
    elif kind in ("message", "markdown"):
        for key in ("text", "pretext", "initial_comment"):
            if isinstance(node.get(key), str):
                yield "text", node[key]
    for key, one in node.items():
        if key != "metadata":
            yield from _acting(one)
