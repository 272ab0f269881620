"""Sentences that name members and groups as Slack names them (pure)."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from bot.render.names import plain
from bot.slack.blocks import BOLD_CHARACTERS, SENTENCES_CHARACTERS, Block, cut, escape, rich_text, weight
from bot.slack.messages import Message

# What Slack gives to members and groups.
ID = re.compile(r"[UWS][A-Z0-9]{1,30}")

_TEXT = 1_200
_LEFT_OUT = "\N{HORIZONTAL ELLIPSIS}"


class Named(NamedTuple):
    """A member or a group of the workspace, by Slack's id."""

    id: str

    @property
    def is_group(self) -> bool:
        """Whether it is a group."""
        return self.id.startswith("S")


Line = Sequence[str | Named]


def somebody(who: str) -> str | Named:
    """Whom an id stands for; what it says if that is no id."""
    return Named(who) if ID.fullmatch(who) else plain(who)


def naming(first: str, *lines: Line) -> Message:
    """A bold sentence, and lines of words and names. What does not fit is left out from the end, line by line."""
    head = cut(first, BOLD_CHARACTERS, weight)
    elements: list[Block] = [{"type": "text", "text": head, "style": {"bold": True}}]
    text, room = escape(head), SENTENCES_CHARACTERS
    for line in lines:
        said, size = "".join(map(written, line)), sum(weight(str(part)) for part in line)
        if size > room or len(text) + len(said) > _TEXT:
            elements.append(_words(f"\n{_LEFT_OUT}"))
            text += f"\n{_LEFT_OUT}"
            break
        elements += [_words("\n"), *map(_element, line)]
        text, room = f"{text}\n{said}", room - size
    block = rich_text(*elements)
    return Message(text, (block,), (block,))


def written(part: str | Named) -> str:
    """In mrkdwn."""
    if not isinstance(part, Named):
        return escape(part)
    return f"<!subteam^{part.id}>" if part.is_group else f"<@{part.id}>"


def _element(part: str | Named) -> Block:
    if not isinstance(part, Named):
        return _words(part)
    return {"type": "usergroup", "usergroup_id": part.id} if part.is_group else {"type": "user", "user_id": part.id}


def _words(text: str) -> Block:
    return {"type": "text", "text": text}
