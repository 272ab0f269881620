"""Answers as Slack messages (pure): a sentence with the number first, then the table, then what it rests on.

Every message has a `text` that says it all without blocks, because notifications, screen readers and workspaces that
refuse a block show nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.errors import QuestionError
from bot.render.sentences import (
    basis,
    features_headline,
    headline,
    status_lines,
    untagged_headline,
    volume,
    warnings,
)
from bot.render.table import Table, table
from bot.render.text import help_headline
from bot.reports.answers import Answer, FeatureList, Report, Status, UntaggedList
from bot.slack.blocks import (
    Block,
    button,
    context,
    cut,
    escape,
    fence,
    fenced_section,
    fitting_text,
    paragraph,
    trusted_context,
)
from bot.slack.blocks import table as table_block

TEXT_CHARACTERS = 3_500
SHARE = "share_answer"
_DOT = " \N{MIDDLE DOT} "
_FEW_WARNINGS = 6


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


def answer_message(answer: Answer) -> Message:
    """An answer as its asker sees it, but for the Share button."""
    cells = table(answer)
    if isinstance(answer, Report):
        sentences = [headline(answer), *warnings(answer.coverage)[:_FEW_WARNINGS], f"{volume(answer)}."]
        return _message(sentences, cells, _DOT.join(basis(answer.coverage)))
    if isinstance(answer, FeatureList):
        sentences = [features_headline(answer), *warnings(answer.coverage)[:_FEW_WARNINGS]]
        more = [f"{answer.left_out} more features left out"] if answer.left_out else []
        return _message(sentences, cells, _DOT.join([*more, *basis(answer.coverage)]))
    if isinstance(answer, UntaggedList):
        sentences = [untagged_headline(answer), *warnings(answer.coverage)[:_FEW_WARNINGS]]
        return _message(sentences, cells, _DOT.join(basis(answer.coverage)))
    if isinstance(answer, Status):
        return _message(status_lines(answer), cells, "")
    features = f"Features here: {', '.join(answer.features)}" if answer.features else ""
    small = _DOT.join(filter(None, [f"Dimensions: {', '.join(answer.dimensions)}", features]))
    return _message([f"/llmcost {help_headline()}"], cells, small)


def with_share(message: Message, answer_id: str) -> Message:
    """The message with a button that shows it to the channel."""
    return message.with_blocks(button("Share", SHARE, answer_id))


def shared(message: Message, user_id: str) -> Message:
    """The message as the channel sees it."""
    by = f"Shared by <@{user_id}> from `/llmcost`"
    return replace(message.with_blocks(trusted_context(by)), text=cut(message.text, TEXT_CHARACTERS))


def question_problem(error: QuestionError) -> Message:
    """What is wrong with a question, and a way on."""
    hints = []
    if error.suggestions:
        hints.append(f"Did you mean: {', '.join(error.suggestions)}?")
    hints.append("/llmcost help shows what can be said.")
    return note(str(error), *hints)


def note(first: str, *others: str) -> Message:
    """A few plain sentences."""
    text = cut("\n".join([first, *others]), TEXT_CHARACTERS // 2)
    block = paragraph(first, *others)
    return Message(escape(text), (block,), (block,))


def _message(sentences: Sequence[str], cells: Table, small_print: str) -> Message:
    block, left_out = table_block(cells)
    blocks = [paragraph(*sentences)]
    if block is not None:
        blocks.append(block)
    if left_out:
        blocks.append(context(_left_out(left_out)))
    if small_print:
        blocks.append(context(small_print))
    words = cut("\n".join(sentences), 1_000)
    plain, hidden = fitting_text(cells, TEXT_CHARACTERS - 1_600)
    pieces = [escape(words), *([fence(plain)] if plain else []), *([_left_out(hidden)] if hidden else [])]
    text = "\n".join([*pieces, escape(cut(small_print, 300))]).rstrip()
    simple = [paragraph(*sentences), *([fenced_section(plain)] if plain else [])]
    if hidden or small_print:
        simple.append(context(_DOT.join(filter(None, [_left_out(hidden) if hidden else "", small_print]))))
    return Message(text, tuple(blocks), tuple(simple))


def _left_out(rows: int) -> str:
    return f"{rows} more rows left out: add top N, or ask llmcost report in a terminal."
