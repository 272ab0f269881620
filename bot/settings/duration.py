"""The one way in which a duration is written in a setting."""

import re
from datetime import timedelta

from bot.settings.explain import UnfitError, shown

_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_FORM = re.compile(r"([0-9]{1,9}) *([smhdw]?)", re.IGNORECASE)
_FORMS = "write it like 60s, 5m, 6h, 14d or 2w (60 alone is seconds)"


def duration(text: str, *, at_least: timedelta, at_most: timedelta) -> timedelta:
    """`60` and `60s` are seconds; `5m`, `6h`, `14d` and `2w` minutes, hours, days and weeks.

    Raises UnfitError, with the forms, if it is none of these or not within the bounds.
    """
    form = _FORM.fullmatch(text)
    if not form:
        raise UnfitError(f"{shown(text)} is no duration; {_FORMS}.")
    # Counted in seconds first: the largest number of weeks is more than a timedelta holds.
    seconds = int(form[1]) * int(_UNITS[form[2].lower() or "s"].total_seconds())
    if not at_least.total_seconds() <= seconds <= at_most.total_seconds():
        raise UnfitError(f"{shown(text)} is not between {spelled(at_least)} and {spelled(at_most)}; {_FORMS}.")
    return timedelta(seconds=seconds)


def spelled(length: timedelta) -> str:
    """A duration as one would write it in a setting, in the largest unit that divides it; weeks as days."""
    unit = next(unit for unit in "dhms" if length % _UNITS[unit] == timedelta())
    return f"{length // _UNITS[unit]}{unit}"
