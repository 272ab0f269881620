"""How a problem is put into words: the value as it was given, and the nearest names that would do."""

import re
from collections.abc import Iterable
from datetime import date, time
from decimal import Decimal
from difflib import get_close_matches

_LONGEST = 60


class UnfitError(ValueError):
    """A value cannot be used. The message is a sentence that quotes it and says what to write instead; whoever knows
    the place puts that before it. It never leaves the settings: they raise SettingsError."""


# A token that was pasted into the wrong variable is still a secret.
_TOKEN = re.compile(r"\b(xox[a-z]|xapp|lsv2|ls_|sk)[-_]", re.IGNORECASE)


def shown(value: object) -> str:
    """A given value as an error message may quote it: short, without control characters, never a token."""
    if isinstance(value, str):
        if _TOKEN.search(value):
            return "a value that looks like a token (not shown)"
        return repr(value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return "a huge number" if isinstance(value, int) and value.bit_length() > 128 else str(value)[:_LONGEST]
    if isinstance(value, date | time):
        return str(value)
    return "a list" if isinstance(value, list) else "a table"


def nearest(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """The known names that are most like `word`, whatever its case; the best first, none if nothing is like it."""
    names = {name.casefold(): name for name in known}
    # No name is that long, and the comparison is slow on long words.
    return [names[match] for match in get_close_matches(word[:100].casefold(), names, n=count)]


def suggestion(word: str, known: Iterable[str]) -> str:
    """What somebody who wrote `word` may have meant, as the end of a sentence; all known names if nothing is near."""
    known = list(known)
    match nearest(word, known):
        case [name]:
            return f"did you mean {name}?"
        case _:
            return f"known are {', '.join(known)}."
