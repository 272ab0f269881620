"""Answers as Slack messages (pure): a sentence with the number first, then the table, then what it rests on.

Every message has a `text` that says it all without blocks, because notifications, screen readers and workspaces that
refuse a block show nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.errors import QuestionError
from bot.render.page import page
from bot.render.sentences import question_lines
from bot.reports.answers import Answer, TraceReport
from bot.reports.digest import Digest
from bot.slack.blocks import (
    SECTION_CHARACTERS,
    Block,
    button,
    buttons,
    context,
    escaped,
    fence,
    fenced_section,
    fitting_text,
    link_line,
    link_lines,
    paragraph,
    plain_paragraph,
    trusted_context,
)
from bot.slack.blocks import table as table_block

SHARE = "share_answer"
# What the ids of the buttons with a question that may have been meant begin with.
MEANT = "meant_"

# `text` stays below 3,500 characters, the line about who shared it included.
_SENTENCES = 1_200
_TABLE = 1_800
_DETAILS = 800  # they take it from the table
_SMALL_PRINT = 300


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack is sent: `blocks` with native ones, `simple_blocks` for workspaces that refuse those, and `text`."""

    text: str
    blocks: tuple[Block, ...]
    simple_blocks: tuple[Block, ...]

    def with_blocks(self, *more: Block) -> "Message":
        """The message with more at its end."""
        return replace(self, blocks=(*self.blocks, *more), simple_blocks=(*self.simple_blocks, *more))

    def forms(self) -> tuple[dict[str, Any], ...]:
        """The message from its best form to the one that no workspace refuses."""
        return (
            {"text": self.text, "blocks": list(self.blocks)},
            {"text": self.text, "blocks": list(self.simple_blocks)},
            {"text": self.text, "blocks": []},
        )

    def as_json(self) -> dict[str, Any]:
        """JSON's values, to be kept."""
        return {"text": self.text, "blocks": list(self.blocks), "simple_blocks": list(self.simple_blocks)}

    @staticmethod
    def from_json(kept: dict[str, Any]) -> "Message":
        """The inverse of `as_json`."""
        return Message(kept["text"], tuple(kept["blocks"]), tuple(kept["simple_blocks"]))


def answer_message(answer: Answer | Digest) -> Message:
    """An answer as its asker sees it, but for the Share button."""
    said = page(answer)
    words = paragraph(*said.sentences)
    head = [words, *([link_line("Open in LangSmith", said.link)] if said.link else [])]
    native, left_out = table_block(said.table)
    fenced, hidden = fitting_text(said.table, SECTION_CHARACTERS)
    grid, missing = fitting_text(said.table, _TABLE - (_DETAILS if said.details else 0))
    details = [plain_paragraph(*said.details)] if said.details else []
    links = link_lines(said.links)
    details += [links] if links is not None else []
    pieces = [
        escaped("\n".join(said.sentences), _SENTENCES),
        fence(grid) if grid else "",
        _left_out(answer, missing),
        escaped("\n".join(said.details), _DETAILS),
        escaped("\n".join(said.small_print), _SMALL_PRINT),
    ]
    return Message(
        "\n".join(filter(None, pieces)),
        (*head, *([native] if native else []), *details, *_small(_left_out(answer, left_out), said.small_print)),
        (
            *head,
            *([fenced_section(fenced)] if fenced else []),
            *details,
            *_small(_left_out(answer, hidden), said.small_print),
        ),
    )


def with_share(message: Message, answer_id: str) -> Message:
    """The message with a button that shows it to the channel."""
    return message.with_blocks(button("Share", SHARE, answer_id))


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


def _small(left_out: str, small_print: tuple[str, ...]) -> list[Block]:
    lines = [line for line in (left_out, *small_print) if line]
    return [context(*lines)] if lines else []


def _left_out(answer: Answer | Digest, rows: int) -> str:
    if not rows:
        return ""
    way = "" if isinstance(answer, TraceReport) else "add top N, or "
    return f"{rows:,} more rows left out: {way}ask llmcost report in a terminal."
