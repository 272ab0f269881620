"""The names that a question may hold: features, their aliases, dimensions. Exact or unmistakable, never a guess."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from bot.errors import QuestionError
from bot.reports.tokens import fold, in_quotes, shown

DIMENSIONS = ("feature", "model", "provider", "project", "day")

_MAX_SUGGESTIONS = 3

# A longer word resembles nothing, and the comparison takes time with the square of the length.
_MAX_COMPARED = 60


@dataclass(frozen=True)
class Vocabulary:
    """The known features, the aliases (old name -> feature), and the configured metadata `keys` to group by."""

    features: Collection[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What runs can be grouped by."""
        return tuple(dict.fromkeys((*DIMENSIONS, *self.keys)))

    def feature(self, text: str) -> str | None:
        """The feature called `text`: by its exact name, else by the only name that differs in case or spacing alone,
        else by an alias in the same way; None if there is none. Raises QuestionError if several are meant equally."""
        name = _resolve(text, self.features, self._folded_features)
        if name is None and (alias := _resolve(text, self.aliases, self._folded_aliases)) is not None:
            name = self.aliases[alias]
        return name

    def dimension(self, text: str) -> str | None:
        """The dimension called `text`, found as features are."""
        return _resolve(text, self.dimensions, _folded(self.dimensions))

    def names(self) -> list[str]:
        """Every feature and alias, in the form in which words are compared."""
        return [*self._folded_features, *self._folded_aliases]

    def spelling(self, folded: str) -> str:
        """How a name from `names` is written."""
        return (self._folded_features.get(folded) or self._folded_aliases[folded])[0]

    @cached_property
    def _folded_features(self) -> dict[str, list[str]]:
        return _folded(self.features)

    @cached_property
    def _folded_aliases(self) -> dict[str, list[str]]:
        return _folded(self.aliases)


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Up to three folded words that `word` is most likely to mean: those that it begins, then those that it resembles."""
    word = fold(word)[:_MAX_COMPARED]
    known = list(dict.fromkeys(known))
    begun = sorted(name for name in known if len(word) > 1 and name.startswith(word))
    alike = get_close_matches(word, known, _MAX_SUGGESTIONS) if word else []
    return list(dict.fromkeys([*begun, *alike]))[:_MAX_SUGGESTIONS]


def _folded(names: Iterable[str]) -> dict[str, list[str]]:
    spellings: dict[str, list[str]] = {}
    for name in sorted(names):
        if folded := fold(name):
            spellings.setdefault(folded, []).append(name)
    return spellings


def _resolve(text: str, exact: Collection[str], folded: Mapping[str, list[str]]) -> str | None:
    for name in (text, unicodedata.normalize("NFC", text)):
        if name and name in exact:
            return name
    spellings = folded.get(fold(text), [])
    if len(spellings) > 1:
        names = " and ".join(shown(name) for name in spellings[:_MAX_SUGGESTIONS])
        raise QuestionError(
            f"{shown(text)} could be any of {names}; write it exactly so.",
            [in_quotes(name) for name in spellings[:_MAX_SUGGESTIONS]],
        )
    return spellings[0] if spellings else None
