"""Names from traces, made harmless for people's eyes and terminals."""

import unicodedata
from collections.abc import Sequence

# Long enough to tell names apart, short enough to leave room for the numbers.
LONGEST = 48

# Letters and marks are as they are; what moves the cursor, turns the writing direction or cannot be seen is spelt out.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

# Hebrew, Arabic and their digits: numbers that follow them would be shown before them, in one another's columns.
_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_MARK = "\N{LEFT-TO-RIGHT MARK}"

_FEW = 3


def plain(name: str, longest: int = LONGEST) -> str:
    """A name in one line without control, direction or invisible characters (shown as `\\x1b`), at most `longest`.

    One that is written from right to left stands between two marks that keep it from turning round what is beside it.
    """
    if name.isascii() and name.isprintable():
        return _cut(name, longest)
    name = _cut(spelt(name[: longest + 1]), longest)
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in name):
        return f"{_MARK}{name}{_MARK}"
    return name


def spelt(name: str) -> str:
    """All of a name, in one line, with the characters spelt out that cannot be seen or that act."""
    return "".join(_spelt(character) for character in name)


def _cut(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _spelt(character: str) -> str:
    if unicodedata.category(character) in _UNSEEN:
        return ascii(character)[1:-1]
    return " " if character.isspace() else character


def few(texts: Sequence[str], between: str = ", ") -> str:
    """The first few of several, and how many more there are."""
    more = [f"{len(texts) - _FEW} more"] if len(texts) > _FEW else []
    return between.join([*texts[:_FEW], *more])
