"""Whole questions that somebody may have meant, made from the nearest words that a QuestionError names (pure)."""

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice

from bot.errors import QuestionError

# Reading a question that makes no sense takes a while where there are thousands of features.
MOST_TRIES = 3
_LONGEST = 200
_MOST_WORDS = 15
_WIDEST = 4
_WORD = re.compile(r'"[^"]*"|\S+')


def corrections(
    text: str, suggestions: Sequence[str], problem: Callable[[str], QuestionError | None]
) -> tuple[str, ...]:
    """`text` with each suggestion in place of the words that resemble it most, as far as that has no `problem`; each
    once. Where a second word is wrong as well, the nearest to it takes its place. Nothing for long texts."""
    words = _WORD.findall(text)
    if len(text) > _LONGEST or len(words) > _MOST_WORDS:
        return ()
    found = (_corrected(words, suggestion, problem) for suggestion in suggestions)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _corrected(words: Sequence[str], suggestion: str, problem: Callable[[str], QuestionError | None]) -> str | None:
    for number, text in enumerate(islice(_replaced(words, suggestion), MOST_TRIES)):
        error = problem(text)
        if error is None:
            return text
        # Only where the suggestion fits best: a question of two wrong words is rare, and reading it takes as long.
        if number == 0:
            again = (next(_replaced(_WORD.findall(text), other), None) for other in error.suggestions)
            twice = [one for one in again if one is not None and problem(one) is None]
            if twice:  # the one that drops no word
                return max(twice, key=len)
    return None


def _replaced(words: Sequence[str], suggestion: str) -> Iterator[str]:
    """The words with the suggestion in place of some of them, the likeliest first."""
    for first, until in sorted(
        _spans(len(words)), key=lambda span: -_likeness(" ".join(words[slice(*span)]), suggestion)
    ):
        if list(words[first:until]) != [suggestion]:
            yield " ".join([*words[:first], suggestion, *words[until:]])


def _spans(length: int) -> Iterator[tuple[int, int]]:
    for wide in range(1, min(length, _WIDEST) + 1):
        for first in range(length - wide + 1):
            yield first, first + wide


def _likeness(said: str, suggestion: str) -> float:
    return SequenceMatcher(None, said.casefold(), suggestion.casefold(), autojunk=False).ratio()
