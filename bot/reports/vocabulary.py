"""The names that a question may hold: features, their aliases, dimensions. Exact or unmistakable, never a guess."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from bot.errors import QuestionError
from bot.reports.tokens import fold, in_quotes, shown

DIMENSIONS = ("feature", "model", "provider", "project", "day", "trace", "thread")

MAX_SUGGESTIONS = 3

# A longer word resembles nothing, and the comparison takes time with the square of the length.
_MAX_COMPARED = 60


@dataclass(frozen=True)
class Vocabulary:
    """The known features, the aliases (old name -> feature), and the configured metadata keys to group by: `keys` of
    few values, and `wide_keys` of so many that only the costliest are listed."""

    features: Collection[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    wide_keys: tuple[str, ...] = ()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What runs can be grouped by."""
        return tuple(dict.fromkeys((*DIMENSIONS, *self.keys, *self.wide_keys)))

    def feature(self, text: str) -> str | None:
        """The feature called `text`: by its exact name, else by the only name that differs in case, width or spacing
        alone, else by an alias in the same way; None if there is none. Raises QuestionError if several are meant
        equally."""
        name = _resolve(text, self._features)
        if name is None and (alias := _resolve(text, self._aliases)) is not None:
            name = self.aliases[alias]
        return name

    def dimension(self, text: str) -> str | None:
        """The dimension called `text`, found as features are."""
        return _resolve(text, _by_fold(self.dimensions))

    def names(self) -> dict[str, str]:
        """Every feature and alias: the form in which words are compared -> how it is written."""
        return {folded: names[0] for folded, names in (self._aliases | self._features).items() if folded}

    @cached_property
    def _features(self) -> dict[str, list[str]]:
        return _by_fold(self.features)

    @cached_property
    def _aliases(self) -> dict[str, list[str]]:
        return _by_fold(self.aliases)


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Up to three of the folded words `known`: first those that `word` begins, then those that it resembles."""
    word = fold(word)[:_MAX_COMPARED]
    known = list(known)
    begun = sorted(name for name in known if len(word) > 1 and name.startswith(word))
    alike = get_close_matches(word, known, MAX_SUGGESTIONS)
    return list(dict.fromkeys([*begun, *alike]))[:MAX_SUGGESTIONS]


def _by_fold(names: Iterable[str]) -> dict[str, list[str]]:
    spellings: dict[str, list[str]] = {}
    for name in sorted(filter(None, names)):
        spellings.setdefault(fold(name), []).append(name)
    return spellings


def _resolve(text: str, spellings: Mapping[str, list[str]]) -> str | None:
    names = spellings.get(fold(text), [])
    for exact in (text, unicodedata.normalize("NFC", text)):
        if exact in names:
            return exact
    if len(names) > 1:
        several = names[:MAX_SUGGESTIONS]
        raise QuestionError(
            f"{shown(text)} could be any of {', '.join(map(shown, several))}; write it exactly so.",
            [in_quotes(name) for name in several],
        )
    return names[0] if names else None
