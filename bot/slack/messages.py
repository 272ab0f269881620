"""Answers as Slack messages (pure): a sentence with the number first, then the table, then what it rests on.

Every message has a `text` that says it all without blocks, because notifications, screen readers and workspaces that
refuse a block show nothing else.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.errors import QuestionError
from bot.render.chart import chart_line
from bot.render.page import Page, page
from bot.render.sentences import question_lines
from bot.render.table import Table
from bot.reports.answers import FeatureList, Report, UntaggedList
from bot.reports.digest import Digest
from bot.reports.kinds import Answer
from bot.slack.blocks import (
    SECTION_CHARACTERS,
    TABLE_CHARACTERS,
    Block,
    buttons,
    context,
    data_table,
    escape,
    escaped,
    fence,
    fenced_section,
    fitting_text,
    link_line,
    link_lines,
    paragraph,
    plain_paragraph,
    trusted_context,
    weight_of,
)
from bot.slack.blocks import table as table_block
from bot.slack.charts import chart_block, chart_text

SHARE = "share_answer"
# What the ids of the buttons with a question that may have been meant begin with.
MEANT = "meant_"

# The types of blocks that not every workspace takes.
NATIVE = frozenset({"data_visualization", "data_table", "table"})

# `text` stays below 3,500 characters, the line about who shared it included.
_SENTENCES = 1_200
_DETAILS = 800
_SMALL_PRINT = 700
_ALL = 3_300  # what the other parts leave of it is the table's
_LEFT_OUT = 90


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack is sent: `blocks` with native ones, `simple_blocks` for workspaces that refuse those, and `text`.

    What lies `between` the two has some native blocks, the better first.
    """

    text: str
    blocks: tuple[Block, ...]
    simple_blocks: tuple[Block, ...]
    between: tuple[tuple[Block, ...], ...] = ()

    def with_blocks(self, *more: Block) -> "Message":
        """The message with more at its end."""
        return replace(
            self,
            blocks=(*self.blocks, *more),
            simple_blocks=(*self.simple_blocks, *more),
            between=tuple((*blocks, *more) for blocks in self.between),
        )

    def forms(self, refused: Collection[str] = ()) -> tuple[dict[str, Any], ...]:
        """The message from its best form to the one that no workspace refuses, without those that hold a type of block
        that is `refused`."""
        layouts = (self.blocks, *self.between, self.simple_blocks, ())
        return tuple(
            {"text": self.text, "blocks": list(blocks)}
            for blocks in layouts
            if not any(block["type"] in refused for block in blocks)
        )

    def as_json(self) -> dict[str, Any]:
        """JSON's values, to be kept."""
        between = {"between": [list(blocks) for blocks in self.between]} if self.between else {}
        return {"text": self.text, "blocks": list(self.blocks), "simple_blocks": list(self.simple_blocks), **between}

    @staticmethod
    def from_json(kept: dict[str, Any]) -> "Message":
        """The inverse of `as_json`."""
        between = tuple(tuple(blocks) for blocks in kept.get("between", ()))
        return Message(kept["text"], tuple(kept["blocks"]), tuple(kept["simple_blocks"]), between)


def answer_message(answer: Answer | Digest) -> Message:
    """An answer as its asker sees it, but for what stands below it."""
    return page_message(page(answer), names_top=isinstance(answer, Report | FeatureList | UntaggedList))


def page_message(said: Page, *, names_top: bool = False, details: Block | None = None) -> Message:
    """A page as a message. `names_top` if a question for more rows can be asked; `details` is a block that says the
    page's details better than plain lines do."""
    head = [paragraph(*said.sentences), *([link_line("Open in LangSmith", said.link)] if said.link else [])]
    chart = chart_block(said.chart) if said.chart is not None else None
    drawings = [(chart,), (chart_text(said.chart),)] if chart is not None and said.chart is not None else [()]
    below = [details or plain_paragraph(*said.details)] if said.details else []
    links = link_lines(said.links)
    below += [links] if links is not None else []

    def small(left_out: int) -> list[Block]:
        lines = [line for line in (_left_out(left_out, names_top), *said.small_print) if line]
        return [context(*lines)] if lines else []

    best, *others = [
        (*head, *drawing, *table, *below, *small(left_out))
        for table, left_out in _tables(said.table, TABLE_CHARACTERS - (weight_of(chart) if chart is not None else 0))
        for drawing in drawings
    ]
    simple = others.pop() if others else best
    return Message(_text(said, names_top), best, simple, tuple(others))


def _text(said: Page, names_top: bool) -> str:
    above = escaped("\n".join(said.sentences), _SENTENCES)
    below = [
        chart_line(said.chart),
        escaped("\n".join(said.details), _DETAILS),
        escaped("\n".join(said.small_print), _SMALL_PRINT),
    ]
    grid, missing = fitting_text(said.table, _ALL - _LEFT_OUT - sum(len(piece) + 1 for piece in (above, *below)))
    return "\n".join(filter(None, [above, fence(grid) if grid else "", _left_out(missing, names_top), *below]))


def _tables(cells: Table, room: int) -> list[tuple[tuple[Block, ...], int]]:
    """What can stand for a table, the best first, each with how many rows it leaves out."""
    natives = (data_table(cells, room), table_block(cells, room))
    found: list[tuple[tuple[Block, ...], int]] = [((block,), left_out) for block, left_out in natives if block]
    fenced, hidden = fitting_text(cells, SECTION_CHARACTERS)
    return [*found, ((fenced_section(fenced),) if fenced else (), hidden)]


def shared(message: Message, user_id: str, asked: datetime) -> Message:
    """The message as the channel sees it: figures that were asked for a while ago say so, in each reader's own time."""
    when = f"<!date^{int(asked.timestamp())}^{{date_short_pretty}} {{time}}|{asked:%Y-%m-%d %H:%M %Z}>"
    by = f"Shared by <@{user_id}> from /llmcost, asked {when}"
    return replace(message.with_blocks(trusted_context(by)), text=f"{message.text}\n{by}")


def question_problem(error: QuestionError, meant: Sequence[str] = ()) -> Message:
    """What is wrong with a question, and a way on: a button for each whole question that may have been `meant`."""
    message = note(*question_lines(error), "/llmcost help shows what can be said.")
    return (
        message.with_blocks(buttons({f"{MEANT}{number}": text for number, text in enumerate(meant)}))
        if meant
        else message
    )


def note(first: str, *others: str) -> Message:
    """A few plain sentences."""
    block = paragraph(first, *others)
    return Message(escaped("\n".join([first, *others]), _SENTENCES), (block,), (block,))


def note_of_member(first: str, before: str, user_id: str, after: str) -> Message:
    """A bold sentence, and one that names a member between its words; they are told that they did it, like whoever
    shares an answer. The id must be one that Slack gave us."""
    block = paragraph(first)
    (section,) = block["elements"]
    section["elements"] += [
        {"type": "text", "text": f"\n{before} "},
        {"type": "user", "user_id": user_id},
        {"type": "text", "text": after},
    ]
    text = f"{escaped(f'{first}{chr(10)}{before}', _SENTENCES)} <@{user_id}>{escape(after)}"
    return Message(text, (block,), (block,))


def _left_out(rows: int, names_top: bool) -> str:
    if not rows:
        return ""
    way = "add top N, or " if names_top else ""
    return f"{rows:,} more {'row' if rows == 1 else 'rows'} left out: {way}ask llmcost report in a terminal."
