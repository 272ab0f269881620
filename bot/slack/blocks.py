"""Block Kit as plain dictionaries (pure). Limits: docs.slack.dev/reference/block-kit; checked by the tests' Slack.

Names from traces stand in `rich_text` and `raw_text` and `plain_text` only, where nothing acts; or in mrkdwn, escaped
and `verbatim`.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from bot.render.table import Table
from bot.render.text import text_table

Block = dict[str, Any]

# All blocks of a message have room for about 13,200 characters together. These add up to less, with what is ours:
# a bold sentence, the others, the chart and the table, what was left out, the small print, the buttons.
BOLD_CHARACTERS = 700
SENTENCES_CHARACTERS = 1_700
TABLE_CHARACTERS = 7_000  # and the chart above it
CONTEXT_CHARACTERS = 1_200
SECTION_CHARACTERS = 2_900
CONTROLS_CHARACTERS = 1_900
# Below a table of a dozen rows, which leaves room for them.
DETAILS_CHARACTERS = 2_400
LINKS_CHARACTERS = 1_500
TABLE_ROWS = 99
UNBROKEN = 24
BUTTON_CHARACTERS = 75
# More rows than these, which are the days of a month, are turned page by page and sorted.
COMFORT_ROWS = 31
PAGE_ROWS = 25


def escape(text: str) -> str:
    """Text for mrkdwn: `&`, `<` and `>` once, in this order, so that nothing in it mentions anybody or is a link.
    Backticks become quotes: three of them would open or close a code fence."""
    return text.replace("`", "'").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fence(text: str) -> str:
    """Text in a code fence, for mrkdwn."""
    return f"```\n{escape(text)}\n```"


def cut(text: str, longest: int, measure: Callable[[str], int] = len) -> str:
    """`text`, or so much of its beginning that it measures at most `longest` with an ellipsis."""
    if measure(text) <= longest:
        return text
    kept = bisect_right(range(len(text)), longest - 1, key=lambda length: measure(text[:length])) - 1
    return text[:kept].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def escaped(text: str, longest: int) -> str:
    """Text for mrkdwn of at most `longest` characters."""
    return escape(cut(text, longest, lambda part: len(escape(part))))


def weight(text: str) -> int:
    """How much of a message's room a text takes: its characters as they stand in JSON, those beyond the basic plane
    twice, because it is not known how Slack counts them."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-16-le", "surrogatepass")) // 2 - 2


def paragraph(first: str, *others: str) -> Block:
    """A bold first sentence and plain ones, each on a line of its own. Nothing in them acts."""
    elements: list[Block] = [{"type": "text", "text": cut(first, BOLD_CHARACTERS, weight), "style": {"bold": True}}]
    if others:
        rest = "".join(f"\n{sentence}" for sentence in others)
        elements.append({"type": "text", "text": cut(rest, SENTENCES_CHARACTERS, weight)})
    return rich_text(*elements)


def link_line(label: str, url: str) -> Block:
    """A line that is a link. The address must be one that bot.ingest.links has let in."""
    return rich_text(link(url, label))


def link_lines(links: Sequence[tuple[str, str]]) -> Block | None:
    """Lines that are links, (label, address) each, as many as there is room for; None for none."""
    elements: list[Block] = []
    left = LINKS_CHARACTERS
    for label, url in links:
        left -= weight(label) + weight(url)
        if left < 0:
            break
        elements += [{"type": "text", "text": "\n"}] if elements else []
        elements.append(link(url, label))
    return rich_text(*elements) if elements else None


def rich_text(*elements: Block) -> Block:
    """A block of one section."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


def plain_paragraph(*sentences: str) -> Block:
    """Plain sentences, each on a line of its own. Nothing in them acts."""
    text = cut("\n".join(sentences), DETAILS_CHARACTERS, weight)
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}],
    }


def context(*lines: str) -> Block:
    """Small print. Nothing in it acts."""
    text = cut("\n".join(lines), CONTEXT_CHARACTERS, weight)
    return {"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": False}]}


def trusted_context(mrkdwn: str) -> Block:
    """A line of small print in mrkdwn: for text of our own alone."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn, "verbatim": True}]}


def fenced_section(text: str) -> Block:
    """Text in a code fence, for workspaces that refuse newer blocks; at most SECTION_CHARACTERS once it is escaped."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": fence(text), "verbatim": True}}


def button(label: str, action: str, value: str) -> Block:
    """A row with one button."""
    text = {"type": "plain_text", "text": label, "emoji": False}
    return {"type": "actions", "elements": [{"type": "button", "action_id": action, "text": text, "value": value}]}


def buttons(asked: Mapping[str, str]) -> Block:
    """A row of buttons that ask something: by action id, what each asks and says."""
    return {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": action, "text": plain_text(cut(text, BUTTON_CHARACTERS)), "value": text}
            for action, text in asked.items()
        ],
    }


def plain_text(text: str) -> Block:
    """A text in which nothing acts."""
    return {"type": "plain_text", "text": text, "emoji": False}


def table(cells: Table, room: int = TABLE_CHARACTERS) -> tuple[Block | None, int]:
    """A native table of at most `room` characters, and how many of its last rows were left out because Slack takes no
    more; None without rows."""
    rows, left_out = _fitting_rows(cells, room)
    if len(rows) < 2:
        return None, len(cells.rows)
    columns = zip(cells.numeric, zip(*cells.rows, strict=True), strict=True)
    settings = [_column(numeric, texts) for numeric, texts in columns]
    return {"type": "table", "column_settings": settings, "rows": rows}, left_out


def _column(numeric: bool, texts: Sequence[str]) -> Block:
    """Numbers on the right. Of texts only long ones are broken: in a narrow window short names would be, too."""
    if numeric:
        return {"align": "right"}
    return {"align": "left", "is_wrapped": any(len(text) > UNBROKEN for text in texts)}


def data_table(cells: Table, room: int = TABLE_CHARACTERS) -> tuple[Block | None, int]:
    """The same as a table to be turned page by page and sorted; None for one that is read at a glance, or that has no
    numbers to sort by."""
    rows, left_out = _fitting_rows(cells, room)
    if not cells.values or len(rows) - 1 <= COMFORT_ROWS:
        return None, len(cells.rows)
    caption = f"{len(rows) - 1} rows, to be sorted by any column"
    return {"type": "data_table", "caption": caption, "rows": rows, "page_size": PAGE_ROWS}, left_out


def _fitting_rows(cells: Table, room: int) -> tuple[list[list[Block]], int]:
    """The header and as many rows as fit, and how many do not."""
    rows: list[list[Block]] = []
    for row, values, url in zip_longest((cells.header, *cells.rows), ((), *cells.values), (None, *cells.links)):
        blocks = [_cell(text, value) for text, value in zip_longest(row, values or ())]
        if url is not None:
            blocks[0] = rich_text(link(url, row[0]))
        room -= sum(map(weight_of, blocks))
        if room < 0 or len(rows) > TABLE_ROWS:
            break
        rows.append(blocks)
    return rows, len(cells.rows) + 1 - len(rows)


def _cell(text: str, value: Decimal | int | None) -> Block:
    if value is None:
        return {"type": "raw_text", "text": text}
    return {"type": "raw_number", "value": float(value) if isinstance(value, Decimal) else value, "text": text}


def link(url: str, label: str) -> Block:
    """A part of a line that is a link."""
    return {"type": "link", "url": url, "text": label}


def weight_of(node: Any) -> int:
    """The weight of all texts and numbers within a block or a part of one, the words for what it is included."""
    if isinstance(node, dict | list | tuple):
        return sum(map(weight_of, node.values() if isinstance(node, dict) else node))
    return weight(str(node))


def fitting_text(cells: Table, longest: int) -> tuple[str, int]:
    """The table in plain text with as many rows as fit into a code fence of `longest` characters, and how many were
    left out."""

    def of(rows: int) -> str:
        return text_table(Table(cells.header, cells.rows[:rows], cells.numeric))

    kept = len(cells.rows)
    if len(fence(of(kept))) > longest:
        kept = bisect_right(range(kept), longest, key=lambda rows: len(fence(of(rows)))) - 1
    return of(kept), len(cells.rows) - kept
