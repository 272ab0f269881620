"""What somebody may have meant: a whole question, made of theirs and the nearest words."""

import pytest

from bot.errors import QuestionError
from bot.reports.corrections import MOST_TRIES, corrections
from bot.reports.question import parse
from bot.reports.vocabulary import Vocabulary
from tests.ledgers import BERLIN, NOW

VOCABULARY = Vocabulary(features=("rag-search", "agent copilot"), keys=("env",))


def meant(text: str) -> tuple[str, ...]:
    def makes_sense(said: str) -> bool:
        try:
            parse(said, VOCABULARY, now=NOW, zone=BERLIN)
        except QuestionError:
            return False
        return True

    with pytest.raises(QuestionError) as caught:
        parse(text, VOCABULARY, now=NOW, zone=BERLIN)
    return corrections(text, caught.value.suggestions, makes_sense)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("week rag-serch by model", "week rag-search by model"),
        ("week rag-search by modle", "week rag-search by model"),
        ("mtd agent copilto", 'mtd "agent copilot"'),
        ("budget rag-serch", "budget rag-search"),
        ("weak", "week"),
        ("rag-search vs", "rag-search vs previous"),
    ],
)
def test_the_words_that_were_wrong_are_replaced_and_the_others_stay(said: str, expected: str) -> None:
    assert expected in meant(said)


def test_what_makes_no_sense_either_is_not_offered() -> None:
    assert corrections("week foo bar", ["rag-search"], lambda _: False) == ()


def test_few_questions_are_tried_and_none_for_a_long_text() -> None:
    tried: list[str] = []

    def makes_sense(text: str) -> bool:
        tried.append(text)
        return False

    corrections("a b c d e f g h", ["one", "two", "three"], makes_sense)
    assert len(tried) == 3 * MOST_TRIES
    assert corrections("word " * 300, ["word"], lambda _: True) == ()


def test_two_suggestions_that_make_the_same_are_offered_once() -> None:
    assert corrections("x", ["week", "week"], lambda _: True) == ("week",)
