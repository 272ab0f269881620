"""Questions: `[period] [feature] [by DIMENSION] [vs previous|PERIOD] [top N]`, in any order and any case; or a verb
and what it takes.

A pure parser. It raises nothing but QuestionError, and it never guesses: a word that it does not know is an error that
names the nearest ones.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.catalog import SPECIAL
from bot.domain.period import Calendar, Period, local_day
from bot.errors import QuestionError
from bot.reports.budget_words import budget_feature
from bot.reports.period_words import dates_of, read_period, unsaid_period
from bot.reports.tokens import Token, fold, shown, tokens_of
from bot.reports.trace_reference import TraceReference, read_reference, written_reference
from bot.reports.vocabulary import DIMENSIONS, MAX_SUGGESTIONS, Vocabulary, nearest
from bot.reports.words import (
    BY,
    COMPARE,
    MAX_TOP,
    PREVIOUS,
    RESERVED,
    TOP,
    VERBS,
    VERSUS,
    WORDS,
    Verb,
    Word,
    is_reserved,
    written,
)

__all__ = ["WORDS", "Question", "Verb", "Vocabulary", "Word", "canonical", "parse", "parse_words"]

MAX_LENGTH = 500
# It does not count: LangSmith puts the filters of a whole page into an address.
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)

_PARTS = {
    Verb.REPORT: {"period", "feature", "by", "vs", "top"},
    Verb.FEATURES: {"period", "top"},
    Verb.UNTAGGED: {"period", "top"},
    Verb.AUDIT: {"period", "feature"},
    Verb.VERIFY: {"period"},
    Verb.TRACE: set[str](),
    Verb.STATUS: set[str](),
    Verb.DIGEST: set[str](),
    Verb.BUDGET: {"feature"},
}
_TAKES = {
    Verb.FEATURES: "takes a period and top N only",
    Verb.UNTAGGED: "takes a period and top N only",
    Verb.AUDIT: "takes a period and a feature only",
    Verb.VERIFY: "takes a period only",
    Verb.TRACE: "takes one id or address only",
    Verb.STATUS: "stands alone",
    Verb.DIGEST: "stands alone",
    Verb.BUDGET: "takes a feature only",
}
_TWICE = {
    "verb": "Two questions, {} and {}: ask one at a time.",
    "period": "Two periods, {} and {}: keep one, or put vs between them.",
    "feature": "Two features, {} and {}: ask for one at a time, or put a name of several words in quotes.",
    "by": "Two ways to break it down, {} and {}: keep one.",
    "vs": "Two comparisons, {} and {}: keep one.",
    "top": "Two limits, {} and {}: keep one.",
}
_NUMBER = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know. `versus` None means the previous period (bot.domain.period.previous); `by` is a
    dimension of the vocabulary; `top` None means all rows; `trace` is there for Verb.TRACE alone."""

    verb: Verb
    period: Period
    feature: str | None = None
    by: str = "feature"
    versus: Period | None = None
    top: int | None = None
    trace: TraceReference | None = None


def parse(text: str, vocabulary: Vocabulary, *, now: datetime, zone: ZoneInfo, week_start: int = 0) -> Question:
    """The question that `text` asks at the aware `now`. No words ask for the last 7 days. Raises QuestionError."""
    _check_length(text)
    return _read(tokens_of(text), vocabulary, Calendar(local_day(now, zone), zone, week_start))


def parse_words(
    words: Sequence[str], vocabulary: Vocabulary, *, now: datetime, zone: ZoneInfo, week_start: int = 0
) -> Question:
    """The question that a command line's words ask. Raises QuestionError.

    A shell has taken the quotes away: a word with spaces in it is a feature if there is one of that name and it is no
    period (`last week`); else it is read as the words that it holds.
    """
    _check_length(" ".join(words))
    calendar = Calendar(local_day(now, zone), zone, week_start)
    tokens: list[Token] = []
    for word in words:
        inner = tokens_of(word)
        period = read_period(inner, calendar) if len(inner) > 1 else None
        is_name = len(inner) > 1 and (period is None or period[1] < len(inner)) and vocabulary.feature(word) is not None
        tokens += [Token(word, "")] if is_name else inner
    return _read(tokens, vocabulary, calendar)


def canonical(question: Question) -> str:
    """The words that ask the same again at any later time: the dates are absolute, every name is unmistakable.

    Parsing them gives the question back, but for the names of its periods.
    """
    if question.verb in {Verb.STATUS, Verb.DIGEST, Verb.HELP}:
        return question.verb.value
    if question.trace is not None:
        return f"{Verb.TRACE} {written_reference(question.trace)}"
    if question.verb is Verb.BUDGET:
        feature = question.feature
        named = "" if feature is None else f" {feature if feature in SPECIAL else written(feature)}"
        return f"{question.verb}{named}"
    words = [dates_of(question.period)]
    if question.verb is not Verb.REPORT:
        words.insert(0, question.verb.value)
    if question.feature is not None:
        words.append(written(question.feature))
    if question.verb is Verb.REPORT:
        words.append(_by(question.by))
    if question.versus is not None:
        words.append(f"vs {dates_of(question.versus)}")
    if question.top is not None:
        words.append(f"top {question.top}")
    return " ".join(words)


def _by(dimension: str) -> str:
    # Those that every ledger has need no quotes after by: trace is a verb elsewhere only.
    return f"by {dimension if dimension in DIMENSIONS else written(dimension)}"


def _check_length(text: str) -> None:
    length = len(_ADDRESS.sub("", text, count=1))
    if length > MAX_LENGTH:
        raise QuestionError(f"A question has at most {MAX_LENGTH} characters, and this one has {length:,}.")


def _read(tokens: list[Token], vocabulary: Vocabulary, calendar: Calendar) -> Question:
    if any(token.word == Verb.HELP for token in tokens):
        # Whoever says help needs it, whatever else they tried.
        return Question(Verb.HELP, unsaid_period(calendar))
    if tokens and tokens[0].word == Verb.BUDGET:
        # total and untagged have budgets too, and mean something else elsewhere.
        return Question(Verb.BUDGET, unsaid_period(calendar), budget_feature(tokens[1:], vocabulary))
    draft = _Draft(vocabulary, calendar)
    while tokens:
        tokens = tokens[draft.take(tokens) :]
    return draft.question()


@dataclass(slots=True)
class _Draft:
    """A question while it is read. `said` keeps the words of each part, to be named when something is wrong."""

    vocabulary: Vocabulary
    calendar: Calendar
    said: dict[str, str] = field(default_factory=dict)
    verb: Verb = Verb.REPORT
    period: Period | None = None
    feature: str | None = None
    by: str | None = None
    versus: Period | None = None
    top: int | None = None
    trace: TraceReference | None = None

    def question(self) -> Question:
        for part, words in self.said.items():
            if part not in _PARTS[self.verb] and part != "verb":
                raise QuestionError(f"{self.verb} {_TAKES[self.verb]}; leave out {shown(words)}.")
        by = self.by or ("feature" if self.feature is None else "model")
        period = self.period or unsaid_period(self.calendar)
        return Question(self.verb, period, self.feature, by, self.versus, self.top, self.trace)

    def take(self, tokens: Sequence[Token]) -> int:
        """Reads one part from the beginning of `tokens`; returns how many of them said it."""
        word = tokens[0].word
        if word in BY:
            part, length = "by", self._take_by(tokens)
        elif word in VERSUS:
            part, length = "vs", self._take_versus(tokens)
        elif word == TOP:
            part, length = "top", self._take_top(tokens)
        elif word in VERBS:
            part, length = "verb", self._take_verb(tokens)
        elif word == PREVIOUS:
            raise QuestionError("previous comes after vs.", ["vs previous"])
        elif found := read_period(tokens, self.calendar):
            part, (self.period, length) = "period", found
        else:
            part, length = "feature", self._take_feature(tokens)
        words = " ".join(token.text for token in tokens[:length])
        if part in self.said:
            raise QuestionError(_TWICE[part].format(shown(self.said[part]), shown(words)))
        self.said[part] = words
        return length

    def _take_verb(self, tokens: Sequence[Token]) -> int:
        self.verb = Verb(tokens[0].word)
        if self.verb is not Verb.TRACE:
            return 1
        if len(tokens) < 2:
            raise QuestionError(
                "After trace comes the id of a trace or a run, or its LangSmith address.", [_by("trace")]
            )
        length = 2
        if tokens[1].text.startswith("<"):
            # The label that Slack gives an address may hold spaces.
            length = next((i for i, token in enumerate(tokens, 1) if token.text.endswith(">")), length)
        self.trace = read_reference(" ".join(token.text for token in tokens[1:length]))
        return length

    def _take_by(self, tokens: Sequence[Token]) -> int:
        dimensions = self.vocabulary.dimensions
        if len(tokens) < 2:
            raise QuestionError("After by comes what to group by.", [_by(name) for name in dimensions[:3]])
        self.by = self.vocabulary.dimension(tokens[1].text)
        if self.by is None:
            known = {fold(name): _by(name) for name in dimensions}
            near = nearest(tokens[1].text, known)
            raise QuestionError(
                f"{shown(tokens[1].text)} is nothing to group by.",
                [known[name] for name in near] or [_by(name) for name in dimensions[:3]],
            )
        return 2

    def _take_versus(self, tokens: Sequence[Token]) -> int:
        begins = 2 if tokens[0].word in COMPARE and len(tokens) > 1 and tokens[1].word in {"to", "with"} else 1
        if begins < len(tokens) and tokens[begins].word == PREVIOUS:
            self.versus = None
            return begins + 1
        found = read_period(tokens[begins:], self.calendar)
        if found is None:
            instead = f", not {shown(tokens[begins].text)}" if begins < len(tokens) else ""
            raise QuestionError(f"After vs comes previous or a period{instead}.", ["vs previous", "vs last month"])
        self.versus, length = found
        return begins + length

    def _take_top(self, tokens: Sequence[Token]) -> int:
        number = tokens[1].word if len(tokens) > 1 else ""
        if not _NUMBER.fullmatch(number) or not 1 <= int(number) <= MAX_TOP:
            raise QuestionError(f"After top comes a number from 1 to {MAX_TOP}.", ["top 5"])
        self.top = int(number)
        return 2

    def _take_feature(self, tokens: Sequence[Token]) -> int:
        """A quoted name; or the most words, up to the next reserved one, that are the name of a feature."""
        if tokens[0].quoted:
            self.feature = self.vocabulary.feature(tokens[0].text)
            if self.feature is None:
                raise self._unknown_feature(tokens[0].text)
            return 1
        run = next((i for i, token in enumerate(tokens) if token.quoted or is_reserved(token.word)), len(tokens))
        for length in range(run, 0, -1):
            self.feature = self.vocabulary.feature(" ".join(token.text for token in tokens[:length]))
            if self.feature is not None:
                return length
        raise self._unknown_word(tokens[:run])

    def _unknown_feature(self, name: str) -> QuestionError:
        names = self.vocabulary.names()
        suggestions = [written(names[near]) for near in nearest(name, names)]
        return QuestionError(f"There is no feature called {shown(name)}; features lists them.", suggestions)

    def _unknown_word(self, run: Sequence[Token]) -> QuestionError:
        """About the first of some words; what they resemble together is nearer than what it resembles alone."""
        names = self.vocabulary.names()
        known = {fold(name): _by(name) for name in self.vocabulary.dimensions}
        known |= {folded: written(name) for folded, name in names.items()}
        known |= {word: word for word in RESERVED}
        near = [*nearest(" ".join(token.word for token in run), known), *nearest(run[0].word, known)]
        suggestions: dict[str | None, str] = {}
        for name in near:  # of a feature and its old names the nearest
            suggestions.setdefault(self.vocabulary.feature(names[name]) if name in names else name, known[name])
        what = "another word that I know; help lists them"
        if run[0].word[0].isdigit():
            what = "a date like 2026-11-03 or 2026-11-01..2026-11-15"
        return QuestionError(
            f"{shown(run[0].text)} is neither a feature nor {what}.", [*suggestions.values()][:MAX_SUGGESTIONS]
        )
