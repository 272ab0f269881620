"""Names from traces, made harmless for people's eyes and terminals."""

import unicodedata

# Long enough to tell names apart, short enough to leave room for the numbers.
LONGEST = 60

# Letters and marks are as they are; what moves the cursor, turns the writing direction or cannot be seen is spelt out.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(name: str, longest: int = LONGEST) -> str:
    """A name in one line without control, direction or invisible characters (shown as `\\x1b`), at most `longest`."""
    if not (name.isascii() and name.isprintable()):
        name = "".join(_spelt(character) for character in name)
    return name if len(name) <= longest else name[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _spelt(character: str) -> str:
    if unicodedata.category(character) in _UNSEEN:
        return ascii(character)[1:-1]
    return " " if character.isspace() else character
