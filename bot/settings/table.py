"""Reading one table of llmcost.toml: what it may hold, and what is wrong with what it holds, with the place."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from json import dumps
from typing import TypeVar

from bot.domain.feature import clean_value
from bot.settings.explain import UnfitError, nearest, shown, suggestion

Value = TypeVar("Value")
Default = TypeVar("Default")


class Table:
    """A table of the file while it is read. `place` is how its problems name it, e.g. `[features.rag-search]`.

    Every problem is added to `problems`, which all tables of a file share; none is raised.
    """

    def __init__(
        self, values: object, place: str, known: Iterable[str], problems: list[str], *, within: str = ""
    ) -> None:
        self._place = place
        self._problems = problems
        self._within = within  # the dotted keys that lead from the place to here
        self._values: Mapping[str, object] = {}
        known = list(known)
        if not isinstance(values, dict):
            self.problem("", f"{shown(values)} stands where a table belongs; it takes {', '.join(known)}.")
            return
        self._values = values
        for key, value in values.items():
            if key not in known:
                self.problem(printable(key), f"no such key; {suggestion(key, known)}{_on_dots(key, value, known)}")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def take(self, key: str, read: Callable[[object], Value], default: Default) -> Value | Default:
        """The key's value as `read` understands it; `default` if it is absent, or unfit, which is noted."""
        if key not in self._values:
            return default
        try:
            return read(self._values[key])
        except UnfitError as error:
            self.problem(key, str(error))
            return default

    def inner(self, key: str, known: Iterable[str]) -> "Table":
        """The table below the key; an empty one if it is absent."""
        return Table(self._values.get(key, {}), self._place, known, self._problems, within=f"{self._within}{key}.")

    def problem(self, key: str, sentence: str) -> None:
        """Notes what is wrong, at a key or (with "") at the table itself."""
        where = f"{self._place} {self._within}{key}".rstrip(". ")
        self._problems.append(f"{where}: {sentence}")


def _on_dots(key: str, value: object, known: Iterable[str]) -> str:
    """What to add where a key like no other leads to a table: so TOML reads `[features.rag.search]`."""
    is_cut = isinstance(value, dict) and not nearest(key, known)
    return " In a heading, a name that holds a dot stands in quotes." if is_cut else ""


def printable(key: str) -> str:
    """A key as TOML writes it: quoted where it is not a plain word."""
    return key if re.fullmatch("[A-Za-z0-9_-]{1,60}", key) else dumps(key[:60])


def text(value: object) -> str:
    """A text that says something, in the form in which names are compared (`clean_value`)."""
    if not isinstance(value, str):
        raise UnfitError(f"{shown(value)} stands where a text in quotes belongs.")
    cleaned = clean_value(value)
    if not cleaned:
        raise UnfitError("the text is empty; fill it in or leave the key out.")
    return cleaned


def flag(value: object) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise UnfitError(f"{shown(value)} is neither true nor false; write it without quotes.")
    return value


def number(value: object) -> Decimal:
    """A finite number, exactly as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UnfitError(f"{shown(value)} stands where a number without quotes belongs.")
    if isinstance(value, Decimal) and not value.is_finite():
        raise UnfitError(f"{shown(value)} is no number that one can reckon with.")
    return Decimal(value)


def each(value: object, read: Callable[[object], Value]) -> tuple[Value, ...]:
    """A list's values as `read` understands them, in its order; a value that stands alone is a list of one.

    Raises UnfitError with what is wrong with any of them, or if the list is empty.
    """
    values = value if isinstance(value, list) else [value]
    found: list[Value] = []
    wrong: list[str] = []
    for item in values:
        try:
            found.append(read(item))
        except UnfitError as error:
            wrong.append(str(error))
    if wrong or not values:
        raise UnfitError(" ".join(wrong) or "the list is empty; fill it in or leave the key out.")
    return tuple(found)
