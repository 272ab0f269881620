"""Where one can go from an answer without typing: the same days seen otherwise, and the days before."""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.domain.period import Period, previous
from bot.reports.question import MAX_LENGTH, Question, Verb, Vocabulary, canonical
from bot.reports.vocabulary import DIMENSIONS

# The costliest traces are read one by one.
TRACES = 10

_BUILT_IN = tuple(name for name in DIMENSIONS if name not in {"trace", "thread"})
_PERIODIC = frozenset({Verb.REPORT, Verb.FEATURES, Verb.UNTAGGED})


class Direction(StrEnum):
    """Which way a question leads from another; a dimension of its own is named beside it."""

    BY = "by"
    PREVIOUS = "previous"
    TRACES = "traces"
    UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True)
class Way:
    """A further question, in words that ask the same at any time; `dimension` is what BY groups by."""

    direction: Direction
    words: str
    dimension: str = ""


def ways_on(question: Question, vocabulary: Vocabulary) -> tuple[Way, ...]:
    """The ways on from a question, those first that most people take. None from one that is about no period, and none
    whose words would be too long to be asked."""
    if question.verb not in _PERIODIC:
        return ()
    report = replace(question, verb=Verb.REPORT, trace=None)
    here = question.by if question.verb is Verb.REPORT else "feature" if question.verb is Verb.FEATURES else None
    found = [
        Way(Direction.BY, canonical(replace(report, by=name)), name)
        for name in _dimensions(question, vocabulary)
        if name != here
    ]
    before = _before(question.period)
    if before is not None:
        found.append(Way(Direction.PREVIOUS, canonical(replace(question, period=before, versus=None))))
    if here != "trace":
        traces = replace(report, by="trace", versus=None, top=TRACES)
        found.append(Way(Direction.TRACES, canonical(traces)))
    if question.verb is not Verb.UNTAGGED:
        untagged = Question(Verb.UNTAGGED, question.period, by=question.by)
        found.append(Way(Direction.UNTAGGED, canonical(untagged)))
    return tuple(way for way in found if len(way.words) <= MAX_LENGTH)


def _dimensions(question: Question, vocabulary: Vocabulary) -> list[str]:
    configured = [name for name in vocabulary.dimensions if name not in DIMENSIONS]
    first = [name for name in ("model", "day") if name != "day" or question.period.span.days > 1]
    others = [name for name in _BUILT_IN if name not in {"model", "day"}]
    return [name for name in (*first, *configured, *others) if name != "feature" or question.feature is None]


def _before(period: Period) -> Period | None:
    """The whole period before; None before the first day of all."""
    span = previous(period, period.span.end)
    return None if span.is_empty else Period("previous", span, period.unit)
