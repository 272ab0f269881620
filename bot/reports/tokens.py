"""Text as people type it, taken apart: words, quoted names, and the forms in which two spellings are the same."""

import re
import unicodedata
from typing import NamedTuple

from bot.errors import QuestionError

# What phones and word processors make of a quote: double, then single ones, each with its low, reversed, angle and
# full-width forms. Any may close what another of its kind opened: languages disagree on which way round they stand.
_QUOTES = (
    '"\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02',
    "'\u2018\u2019\u201a\u201b\u2039\u203a\uff07",
)

# Hyphen, non-breaking hyphen, figure dash, minus sign. The longer dashes stand between two dates.
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2212", "-"))

_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:@+-]*")

_MAX_SHOWN = 40


class Token(NamedTuple):
    """A word or a quoted name: `text` as typed, `word` folded, which is empty if quoted: no quoted word is reserved."""

    text: str
    word: str

    @property
    def quoted(self) -> bool:
        """Whether it can only be a name."""
        return not self.word


def tokens_of(text: str) -> list[Token]:
    """The words of `text`. A quote opens at the beginning of a word; within, the same quote twice stands for itself.

    Raises QuestionError for a quote that is not closed.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        marks = next((marks for marks in _QUOTES if text[at] in marks), None)
        if marks is not None:
            name, at = _quoted(text, at, marks)
            tokens.append(Token(name, ""))
        elif text[at].isspace() or _is_invisible(text[at]):
            at += 1
        else:
            end = next((i for i in range(at, len(text)) if text[i].isspace()), len(text))
            tokens.append(Token(text[at:end], fold(text[at:end])))
            at = end
    return tokens


def _quoted(text: str, opening: int, marks: str) -> tuple[str, int]:
    name: list[str] = []
    at = opening + 1
    while at < len(text):
        char = text[at]
        if char in marks:
            if text[at + 1 : at + 2] != char:
                return "".join(name), at + 1
            at += 1
        name.append(char)
        at += 1
    raise QuestionError(f"The quote before {shown(text[opening + 1 :])} is not closed.")


def fold(text: str) -> str:
    """The form in which two spellings are the same: case, width, invisible characters and the kinds of spaces and
    hyphens do not count."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_HYPHENS)
        text = "".join(char for char in text if not _is_invisible(char))
    return " ".join(text.casefold().split())


def in_quotes(name: str) -> str:
    """`name` so that it is read as exactly this name, whatever it holds."""
    marks = min(_QUOTES, key=lambda marks: sum(name.count(mark) for mark in marks))
    return marks[0] + "".join(char * 2 if char in marks else char for char in name) + marks[0]


def is_bare(name: str) -> bool:
    """Whether `name` is one plain word, which needs quotes only if it is reserved."""
    return _BARE.fullmatch(name) is not None


def shown(text: str) -> str:
    """What somebody typed, for a sentence: in quotes, on one line, at most 40 characters of it."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return f'"{line}"' if len(line) <= _MAX_SHOWN else f'"{line[: _MAX_SHOWN - 1]}…"'


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) == "Cf"
