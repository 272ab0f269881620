"""What people say about budgets: `budget`, `budget rag-search`, `budget rag-search monthly 50 owner @alice`.

A pure parser like bot.reports.question: it raises nothing but QuestionError, and it never guesses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.budget import HIGHEST_ALERT, Window
from bot.domain.catalog import SPECIAL
from bot.domain.money import from_words, nanos
from bot.errors import QuestionError
from bot.reports.tokens import Token, fold, shown, tokens_of
from bot.reports.vocabulary import Vocabulary, nearest
from bot.reports.words import Verb, written

OWNER = "owner"
HIGHEST_LIMIT = Decimal(1_000_000_000)
MOST_OWNERS = 20

_MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:[|][^<>]*)?>")
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]{1,30})(?:[|][^<>]*)?>")


@dataclass(frozen=True, slots=True)
class LimitRequest:
    """A limit that somebody wants to set. `owners` are ids of members (`U…`, `W…`) and groups (`S…`); none leaves the
    owners as they are."""

    feature: str
    window: Window
    limit_nanos: int
    owners: tuple[str, ...] = ()


def asks_to_set(text: str) -> bool:
    """Whether words want to set a limit: they name a budget and more than a feature. Raises QuestionError for a quote
    that is not closed."""
    tokens = tokens_of(text)
    return bool(tokens) and tokens[0].word == Verb.BUDGET and _setting_begins(tokens) is not None


def parse_limit(text: str, vocabulary: Vocabulary) -> LimitRequest:
    """The limit that words which `asks_to_set` want to set. Raises QuestionError."""
    tokens = tokens_of(text)
    begins = _setting_begins(tokens) or len(tokens)
    feature = budget_feature(tokens[1:begins], vocabulary)
    if feature is None:
        raise QuestionError("After budget comes the feature that it is for.", ["budget total monthly 500"])
    word, asked = tokens[begins].word, f"budget {written(feature)}"
    if word not in set(Window):
        raise QuestionError("Say daily, weekly or monthly before the amount.", [f"{asked} monthly 50"])
    if begins + 1 == len(tokens):
        raise QuestionError(f"How many dollars {word}?", [f"{asked} {word} 50"])
    limit = read_amount(tokens[begins + 1].text)
    owners = _owners(tokens[begins + 2 :], f"{asked} {word} {tokens[begins + 1].text}")
    return LimitRequest(feature, Window(word), limit, owners)


def budget_feature(tokens: Sequence[Token], vocabulary: Vocabulary) -> str | None:
    """The feature that words name, `total` and `untagged` included; None for no words. Raises QuestionError."""
    if not tokens:
        return None
    name = " ".join(token.text for token in tokens)
    if len(tokens) == 1 and tokens[0].word in SPECIAL:
        return tokens[0].word
    feature = vocabulary.feature(name)
    if feature is None:
        names = vocabulary.names() | {special: special for special in SPECIAL}
        suggestions = [
            f"budget {written(names[near]) if near not in SPECIAL else near}" for near in nearest(name, names)
        ]
        raise QuestionError(f"There is no feature called {shown(name)}; features lists them.", suggestions)
    return feature


def read_amount(text: str) -> int:
    """Nano-dollars from `50`, `$50` or `1,200.50`. Raises QuestionError with a sentence about the amount alone."""
    amount = from_words(fold(text))
    if amount is None:
        raise QuestionError(f"{shown(text)} is no amount in US dollars; write it like 50, $50 or 1,200.50.")
    if not 0 < amount <= HIGHEST_LIMIT:
        raise QuestionError(f"A limit is above 0 and at most ${HIGHEST_LIMIT:,}.")
    return nanos(amount)


def read_thresholds(text: str) -> tuple[int, ...]:
    """Percentages from `50, 80, 100` or `50 % 80 %`, rising. Raises QuestionError with a sentence about them alone."""
    words = fold(text).replace("%", " ").replace(",", " ").split()
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) <= 4 and 1 <= int(word) <= HIGHEST_ALERT):
            raise QuestionError(f"{shown(word)} is not a whole number of percent from 1 to {HIGHEST_ALERT}.")
    if not words:
        raise QuestionError("Write percentages, like 80, 100, 150.")
    return tuple(sorted({int(word) for word in words}))


def _setting_begins(tokens: Sequence[Token]) -> int | None:
    """Where the words after the feature begin: at a window, an amount of dollars, or an owner."""
    wanted = {*Window, OWNER}
    for index, token in enumerate(tokens[1:], 1):
        if token.word in wanted or (index > 1 and token.word and from_words(token.word) is not None):
            return index
    return None


def _owners(tokens: Sequence[Token], without: str) -> tuple[str, ...]:
    if not tokens:
        return ()
    if tokens[0].word != OWNER:
        raise QuestionError(
            f"After the amount comes owner @somebody, or nothing; not {shown(tokens[0].text)}.", [without]
        )
    owners = []
    for token in tokens[1:]:
        said = token.text.rstrip(",")
        found = _MENTION.fullmatch(said) or _GROUP.fullmatch(said)
        if found is None:
            raise QuestionError(f"{shown(token.text)} is nobody here; choose a member or a group after typing @.")
        owners.append(found[1])
    if not owners:
        raise QuestionError("After owner comes a member or a group: type @ and choose.")
    return tuple(dict.fromkeys(owners))
