"""The words for periods: which tokens mean which dates."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from bot.domain.period import FIRST_DAY, LAST_DAY, MONTHS, Calendar, Period, Unit
from bot.errors import QuestionError
from bot.reports.tokens import Token, shown

_TO_DATE: Mapping[str, Callable[[Calendar], Period]] = {
    "wtd": Calendar.week_to_date,
    "mtd": Calendar.month_to_date,
    "ytd": Calendar.year_to_date,
}
_SINGLE: Mapping[str, Callable[[Calendar], Period]] = {
    "today": Calendar.today,
    "yesterday": Calendar.yesterday,
    "week": Calendar.week,
    "month": Calendar.month,
    **_TO_DATE,
}
_LAST: Mapping[str, Callable[[Calendar], Period]] = {"week": Calendar.last_week, "month": Calendar.last_month}
_MONTH_NUMBERS = {
    **{name: number for number, name in enumerate(MONTHS, 1)},
    **{name[:3]: number for number, name in enumerate(MONTHS, 1)},
    "sept": 9,
}

PERIOD_WORDS = frozenset({*_SINGLE, *_MONTH_NUMBERS, "last", "since"})

_DATE = r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
_ONE_DATE = re.compile(_DATE)
# Two dots, or what a phone makes of three dots or of two hyphens.
_TWO_DATES = re.compile(_DATE + "(?:[.]{2,3}|[\u2013\u2014])" + _DATE)
_DAYS = re.compile(r"([0-9]+)d")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{1,2})")
_YEAR = re.compile(r"[0-9]{4}")


def is_period_word(word: str) -> bool:
    """Whether a folded word is reserved for periods, whatever it comes to."""
    return word in PERIOD_WORDS or any(form.fullmatch(word) for form in (_ONE_DATE, _TWO_DATES, _DAYS, _MONTH))


def read_period(tokens: Sequence[Token], calendar: Calendar) -> tuple[Period, int] | None:
    """The period that `tokens` begin with, and how many of them say it; None if they begin with none.

    Raises QuestionError if they begin with one that does not exist.
    """
    if not tokens or not is_period_word(tokens[0].word):
        return None
    word, following = tokens[0].word, tokens[1].word if len(tokens) > 1 else ""
    try:
        if word in {"last", "since"} or (word in _TO_DATE and _ONE_DATE.fullmatch(following)):
            return _two_words(word, following, calendar), 2
        if word in _MONTH_NUMBERS and _YEAR.fullmatch(following):
            return _month(int(following), _MONTH_NUMBERS[word], calendar), 2
        return _one_word(word, calendar), 1
    except ValueError as error:
        raise QuestionError(str(error)) from None


def unsaid_period(calendar: Calendar) -> Period:
    """What no words mean: the last 7 days. Raises QuestionError on a machine whose clock is decades off."""
    try:
        return calendar.week()
    except ValueError as error:
        raise QuestionError(str(error)) from None


def _two_words(word: str, following: str, calendar: Calendar) -> Period:
    if word == "last":
        if following not in _LAST:
            raise QuestionError(
                "After last comes week or month; for days write 14d.", ["last week", "last month", "14d"]
            )
        return _LAST[following](calendar)
    if not _ONE_DATE.fullmatch(following):
        raise QuestionError("After since comes a date like 2026-11-01.")
    day = _date(following)
    if word == "since":
        return calendar.since(day)
    return replace(_TO_DATE[word](replace(calendar, as_of=day)), name=f"{word} {day}")


def _one_word(word: str, calendar: Calendar) -> Period:
    if word in _SINGLE:
        return _SINGLE[word](calendar)
    if word in _MONTH_NUMBERS:
        return calendar.latest_month(_MONTH_NUMBERS[word])
    if days := _DAYS.fullmatch(word):
        return calendar.last_days(int(days[1]))
    if month := _MONTH.fullmatch(word):
        if not 1 <= int(month[2]) <= len(MONTHS):
            raise QuestionError(f"{shown(word)} is not a month.")
        return _month(int(month[1]), int(month[2]), calendar)
    if dates := _TWO_DATES.fullmatch(word):
        return calendar.between(_date(dates[1]), _date(dates[2]))
    return calendar.day(_date(word))


def _month(year: int, month: int, calendar: Calendar) -> Period:
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        raise QuestionError(f"Dates lie between {FIRST_DAY} and {LAST_DAY}.")
    return calendar.month_of(year, month)


def _date(text: str) -> date:
    try:
        day = date(*(int(part) for part in text.split("-")))
    except ValueError:
        raise QuestionError(f"{shown(text)} is not a date in the calendar.") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise QuestionError(f"Dates lie between {FIRST_DAY} and {LAST_DAY}, and {day} does not.")
    return day


def dates_of(period: Period) -> str:
    """Words with absolute dates that mean the same days, and the same period before, at any time."""
    first, last = period.span.first, period.span.last
    if period.unit is Unit.WEEK:
        return f"wtd {last}"
    if period.unit is Unit.YEAR:
        return f"ytd {last}"
    if period.unit is Unit.MONTH:
        is_whole = (last + timedelta(days=1)).day == 1
        return f"{first:%Y-%m}" if is_whole else f"mtd {last}"
    return str(first) if first == last else f"{first}..{last}"
