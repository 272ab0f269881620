"""What somebody may have meant: a whole question, made of theirs and the nearest words."""

import pytest

from bot.errors import QuestionError
from bot.reports.corrections import MOST_TRIES, corrections
from bot.reports.question import parse
from bot.reports.vocabulary import Vocabulary
from tests.ledgers import BERLIN, NOW

NONSENSE = QuestionError("nonsense")
VOCABULARY = Vocabulary(features=("rag-search", "agent copilot"), keys=("env",))


def meant(text: str) -> tuple[str, ...]:
    def problem(said: str) -> QuestionError | None:
        try:
            parse(said, VOCABULARY, now=NOW, zone=BERLIN)
        except QuestionError as error:
            return error
        return None

    with pytest.raises(QuestionError) as caught:
        parse(text, VOCABULARY, now=NOW, zone=BERLIN)
    return corrections(text, caught.value.suggestions, problem)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("week rag-serch by model", "week rag-search by model"),
        ("week rag-search by modle", "week rag-search by model"),
        ("mtd agent copilto", 'mtd "agent copilot"'),
        ("budget rag-serch", "budget rag-search"),
        ("weak", "week"),
        ("rag-search vs", "rag-search vs previous"),
        ("wek rag-serch", "week rag-search"),
        ("rag-serch by modle", "rag-search by model"),
    ],
)
def test_the_words_that_were_wrong_are_replaced_and_the_others_stay(said: str, expected: str) -> None:
    assert expected in meant(said)


@pytest.mark.parametrize("said", ["weak rag-serch", "rag-serch weak"])
def test_no_word_is_dropped_where_both_have_a_neighbour(said: str) -> None:
    assert {" ".join(sorted(one.split())) for one in meant(said)} == {"rag-search week"}


def test_what_makes_no_sense_either_is_not_offered() -> None:
    assert corrections("week foo bar", ["rag-search"], lambda _: NONSENSE) == ()


def test_few_questions_are_tried_and_none_for_a_long_text() -> None:
    tried: list[str] = []

    def problem(text: str) -> QuestionError:
        tried.append(text)
        return QuestionError("nonsense", ["four", "five"])

    corrections("a b c d e f g h", ["one", "two", "three"], problem)
    assert len(tried) == 3 * (MOST_TRIES + 2)
    assert corrections("word " * 300, ["word"], lambda _: None) == ()


def test_two_suggestions_that_make_the_same_are_offered_once() -> None:
    assert corrections("x", ["week", "week"], lambda _: None) == ("week",)


def test_a_feature_and_its_old_name_are_offered_once() -> None:
    known = Vocabulary(features=("rag-search",), aliases={"rag_search": "rag-search"})
    with pytest.raises(QuestionError) as caught:
        parse("rag-serch", known, now=NOW, zone=BERLIN)
    assert caught.value.suggestions == ("rag-search",)
