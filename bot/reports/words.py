"""The words that one can say: the table that help and the README are made from, and the words that are reserved."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from bot.reports.period_words import PERIOD_WORDS, is_period_word
from bot.reports.tokens import fold, in_quotes, is_bare

MAX_TOP = 1000

# What the examples are about.
_EXAMPLE, _EXAMPLE_KEY = "rag-search", "env"


class Verb(StrEnum):
    """What is asked for. `report` need not be said."""

    REPORT = "report"
    HELP = "help"
    FEATURES = "features"
    UNTAGGED = "untagged"
    STATUS = "status"
    TRACE = "trace"
    AUDIT = "audit"
    VERIFY = "verify"
    DIGEST = "digest"
    BUDGET = "budget"


VERBS = frozenset(verb.value for verb in Verb)
BY = frozenset({"by", "per"})
COMPARE = frozenset({"compare", "compared"})
VERSUS = frozenset({"vs", "vs.", "versus"}) | COMPARE
TOP = "top"
PREVIOUS = "previous"

RESERVED = VERBS | BY | VERSUS | PERIOD_WORDS | {TOP, PREVIOUS}


class Word(NamedTuple):
    """A line of help: what one can say, what it means, and a whole question that says it."""

    pattern: str
    meaning: str
    example: str


WORDS = (
    Word("today", "the running day", "today"),
    Word("yesterday", "the day before", "yesterday rag-search"),
    Word("week", "the last 7 days, today included; what you get without words", "week rag-search"),
    Word("month", "the last 30 days, today included", "month by model"),
    Word("14d", "the last 14 days, today included; any number of days", "14d rag-search"),
    Word("wtd", "the calendar week so far", "wtd"),
    Word("mtd", "the calendar month so far", "mtd by provider"),
    Word("ytd", "the calendar year so far", "ytd top 5"),
    Word("mtd 2026-11-15", "the same, up to that date; wtd and ytd too", "mtd 2026-11-15 rag-search"),
    Word("last week", "the calendar week before this one", "last week by day"),
    Word("last month", "the calendar month before this one", "last month rag-search"),
    Word("2026-11-03", "one day", "2026-11-03 by project"),
    Word("2026-11-01..2026-11-15", "from one day to another, both included", "2026-11-01..2026-11-15 by day"),
    Word("since 2026-11-01", "from that day to today, both included", "since 2026-11-01 rag-search"),
    Word("november", "the latest November that has begun; nov is enough", "november by feature"),
    Word("november 2025", "that month, whole; 2025-11 is the same", "november 2025 vs 2025-10"),
    Word("FEATURE", "one feature, or an old name of it; its models, unless something else is asked", "rag-search"),
    Word('"FEATURE"', "quotes make a feature of any word, these here included", 'month "rag-search"'),
    Word(
        "by DIMENSION",
        "a line per feature, model, provider, project, day, trace or thread; per is the same",
        "by model",
    ),
    Word("by trace", "the traces that cost most", "week rag-search by trace top 10"),
    Word("by thread", "the conversations that cost most", "month by thread top 10"),
    Word("by KEY", "a line per value of a configured metadata key; of many values, the costliest", "month by env"),
    Word("vs previous", "against the time just before, as without vs; versus is the same", "week vs previous"),
    Word("vs PERIOD", "against another period; compare to is the same", "mtd vs last month"),
    Word("top N", f"the N lines that cost most (1 to {MAX_TOP}); the rest is added up", "month top 5"),
    Word("report", "all of the above; need not be said", "report week rag-search"),
    Word("features", "every feature, with what it cost", "features month"),
    Word("untagged", "run names and projects that lack the tag, by cost", "untagged week top 10"),
    Word(
        "trace ID",
        "one trace, run by run; the id of a trace or a run, or its address in LangSmith",
        "trace 019db6c1-e59b-73a1-958b-ee98a94e7a0a",
    ),
    Word(
        "audit",
        "who says what runs cost, and which costs look wrong; of a period or a feature",
        "audit week rag-search",
    ),
    Word("verify", "LangSmith's own total beside ours, and what lies between them", "verify last week"),
    Word("digest", "what the morning digest would say now, to you alone", "digest"),
    Word("status", "when LangSmith was last read, and how completely", "status"),
    Word("budget", "every budget: its limit, what is spent of it, and how fast", "budget"),
    Word(
        "budget FEATURE", "the budgets of one feature, of total or untagged, and who changed them", "budget rag-search"
    ),
    Word("help", "these words", "help"),
)


def example_here(word: Word, feature: str | None, keys: Sequence[str]) -> str:
    """The example of a word with a feature and a metadata key that there are here, as far as there are any."""
    text = word.example
    if feature is not None:
        text = text.replace(f'"{_EXAMPLE}"', in_quotes(feature)).replace(_EXAMPLE, written(feature))
    return text.replace(f"by {_EXAMPLE_KEY}", f"by {written(keys[0])}") if keys else text


def is_reserved(word: str) -> bool:
    """Whether an unquoted word, folded, means something other than a feature."""
    return word in RESERVED or is_period_word(word)


def written(name: str) -> str:
    """A feature, alias or dimension as one has to write it: in quotes where it would not be read as itself."""
    return name if is_bare(name) and not is_reserved(fold(name)) else in_quotes(name)
