"""Block Kit as plain dictionaries (pure). Limits: docs.slack.dev/reference/block-kit; checked by the tests' Slack.

Names from traces stand in `rich_text` and `raw_text` and `plain_text` only, where nothing acts; or in mrkdwn, escaped
and `verbatim`.
"""

from collections.abc import Sequence
from typing import Any

from bot.render.table import Table
from bot.render.text import text_table

Block = dict[str, Any]

# A message may have about 13,200 characters over all its blocks; the table leaves room for the words around it.
TABLE_CHARACTERS = 8_000
TABLE_ROWS = 99
SECTION_CHARACTERS = 2_900
CONTEXT_CHARACTERS = 1_900
PARAGRAPH_CHARACTERS = 2_000


def escape(text: str) -> str:
    """Text for mrkdwn: `&`, `<` and `>` once, in this order, so that nothing in it mentions anybody or is a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fence(text: str) -> str:
    """Text in a code fence, for mrkdwn. Backticks in it become quotes: three of them would close the fence."""
    return f"```\n{escape(text.replace('`', chr(39)))}\n```"


def cut(text: str, longest: int) -> str:
    """`text`, or its beginning with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def paragraph(first: str, *others: str) -> Block:
    """A bold first sentence and plain ones, each on a line of its own. Nothing in them acts."""
    elements: list[Block] = [{"type": "text", "text": cut(first, PARAGRAPH_CHARACTERS), "style": {"bold": True}}]
    rest = "".join(f"\n{sentence}" for sentence in others if sentence)
    if rest:
        elements.append({"type": "text", "text": cut(rest, PARAGRAPH_CHARACTERS)})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def context(text: str) -> Block:
    """A line of small print. Nothing in it acts."""
    return {
        "type": "context",
        "elements": [{"type": "plain_text", "text": cut(text, CONTEXT_CHARACTERS), "emoji": False}],
    }


def trusted_context(mrkdwn: str) -> Block:
    """A line of small print in mrkdwn: for text of our own alone."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn, "verbatim": True}]}


def fenced_section(text: str) -> Block:
    """Plain text in a section, for workspaces that refuse newer blocks."""
    return {
        "type": "section",
        "text": {"type": "mrkdwn", "text": fence(cut(text, SECTION_CHARACTERS)), "verbatim": True},
    }


def button(label: str, action: str, value: str) -> Block:
    """A row with one button."""
    text = {"type": "plain_text", "text": label, "emoji": False}
    return {"type": "actions", "elements": [{"type": "button", "action_id": action, "text": text, "value": value}]}


def table(cells: Table) -> tuple[Block | None, int]:
    """A native table, and how many of its last rows were left out because Slack takes no more; None without rows."""
    rows = fitting(cells, TABLE_CHARACTERS, TABLE_ROWS)
    if not rows:
        return None, len(cells.rows)
    settings = [{"align": "right"} if numeric else {"align": "left", "is_wrapped": True} for numeric in cells.numeric]
    block = {
        "type": "table",
        "column_settings": settings,
        "rows": [[{"type": "raw_text", "text": cell} for cell in row] for row in (cells.header, *rows)],
    }
    return block, len(cells.rows) - len(rows)


def fitting(cells: Table, characters: int, most: int) -> Sequence[tuple[str, ...]]:
    """The first rows that fit together with the header."""
    left = characters - sum(len(cell) for cell in cells.header)
    for number, row in enumerate(cells.rows):
        left -= sum(len(cell) for cell in row)
        if left < 0 or number == most:
            return cells.rows[:number]
    return cells.rows


def fitting_text(cells: Table, characters: int) -> tuple[str, int]:
    """The table in plain text with as many whole rows as fit, and how many were left out."""
    text = text_table(cells)
    if len(text) <= characters:
        return text, 0
    lines = text.splitlines()
    width = len(lines[1]) + 1  # the line under the header is as long as any
    kept = max(0, characters // width - 2)
    shown = Table(cells.header, cells.rows[:kept], cells.numeric)
    return text_table(shown), len(cells.rows) - kept
