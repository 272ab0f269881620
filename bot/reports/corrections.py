"""Whole questions that somebody may have meant, made from the nearest words that a QuestionError names (pure)."""

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher

# Reading a question that makes no sense takes a while where there are thousands of features.
MOST_TRIES = 3
_LONGEST = 200
_MOST_WORDS = 15
_WIDEST = 4
_WORD = re.compile(r'"[^"]*"|\S+')


def corrections(text: str, suggestions: Sequence[str], makes_sense: Callable[[str], bool]) -> tuple[str, ...]:
    """`text` with each suggestion in place of the words that resemble it most, as far as that `makes_sense`; each once.
    Nothing for long texts."""
    words = _WORD.findall(text)
    if len(text) > _LONGEST or len(words) > _MOST_WORDS:
        return ()
    found = (_corrected(words, suggestion, makes_sense) for suggestion in suggestions)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _corrected(words: Sequence[str], suggestion: str, makes_sense: Callable[[str], bool]) -> str | None:
    spans = sorted(_spans(len(words)), key=lambda span: -_likeness(" ".join(words[slice(*span)]), suggestion))
    for first, until in spans[:MOST_TRIES]:
        text = " ".join([*words[:first], suggestion, *words[until:]])
        if makes_sense(text):
            return text
    return None


def _spans(length: int) -> Iterator[tuple[int, int]]:
    for wide in range(1, min(length, _WIDEST) + 1):
        for first in range(length - wide + 1):
            yield first, first + wide


def _likeness(said: str, suggestion: str) -> float:
    return SequenceMatcher(None, said.casefold(), suggestion.casefold(), autojunk=False).ratio()
