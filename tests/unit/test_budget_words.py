"""What people say about budgets."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.budget import Window
from bot.errors import QuestionError
from bot.reports.budget_words import LimitRequest, asks_to_set, parse_limit, read_amount, read_thresholds
from bot.reports.tokens import in_quotes
from bot.reports.vocabulary import Vocabulary

VOCABULARY = Vocabulary({"rag-search", "Agent Copilot", "daily", "budget", "chat"}, {"rag_old": "rag-search"})
DOLLAR = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("budget rag-search monthly 50", LimitRequest("rag-search", Window.MONTHLY, 50 * DOLLAR)),
        ("BUDGET RAG-Search Daily $1,200.50", LimitRequest("rag-search", Window.DAILY, 1_200_500_000_000)),
        ("budget agent copilot weekly 0.000000001", LimitRequest("Agent Copilot", Window.WEEKLY, 1)),
        ("budget rag_old weekly 7", LimitRequest("rag-search", Window.WEEKLY, 7 * DOLLAR)),
        ('budget "daily" daily 7', LimitRequest("daily", Window.DAILY, 7 * DOLLAR)),
        ("budget “budget” daily 7", LimitRequest("budget", Window.DAILY, 7 * DOLLAR)),
        ("budget total monthly 7", LimitRequest("total", Window.MONTHLY, 7 * DOLLAR)),
        ("budget untagged monthly 7", LimitRequest("untagged", Window.MONTHLY, 7 * DOLLAR)),
        (
            "budget rag-search monthly 50 owner <@U0ALICE|alice>, <!subteam^S0TEAM|@team> <@U0ALICE>",
            LimitRequest("rag-search", Window.MONTHLY, 50 * DOLLAR, ("U0ALICE", "S0TEAM")),
        ),
        ("budget rag-search\u00a0monthly 50", LimitRequest("rag-search", Window.MONTHLY, 50 * DOLLAR)),
    ],
)
def test_a_limit_is_understood(text: str, expected: LimitRequest) -> None:
    assert asks_to_set(text)
    assert parse_limit(text, VOCABULARY) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("budget monthly 50", "After budget comes the feature"),
        ("budget rag-serch monthly 50", 'no feature called "rag-serch"'),
        ("budget rag-search monthly", "How many dollars"),
        ("budget rag-search 50", "Say daily, weekly or monthly"),
        ("budget rag-search owner <@U0ALICE>", "Say daily, weekly or monthly"),
        ("budget rag-search monthly much", "no amount"),
        ("budget rag-search monthly -5", "no amount"),
        ("budget rag-search monthly 1,20", "no amount"),
        ("budget rag-search monthly 50€", "no amount"),
        ("budget rag-search monthly 0", "above 0"),
        ("budget rag-search monthly 1000000001", "above 0"),
        ("budget rag-search monthly 50 please", "After the amount comes owner"),
        ("budget rag-search monthly 50 owner", "After owner comes"),
        ("budget rag-search monthly 50 owner alice", "is nobody here"),
        ("budget rag-search monthly 50 owner <!channel>", "is nobody here"),
    ],
)
def test_what_is_not_understood_is_named(text: str, says: str) -> None:
    assert asks_to_set(text)
    with pytest.raises(QuestionError, match=says):
        parse_limit(text, VOCABULARY)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("budget monthly 50", "budget total monthly 500"),
        ("budget rag-search 50", "budget rag-search monthly 50"),
        ("budget rag-search weekly", "budget rag-search weekly 50"),
        ("budget rag-search daily $7 please", "budget rag-search daily $7"),
    ],
)
def test_what_may_have_been_meant_is_about_what_was_asked_and_can_be_said(text: str, suggestion: str) -> None:
    with pytest.raises(QuestionError) as refused:
        parse_limit(text, VOCABULARY)
    assert refused.value.suggestions == (suggestion,)
    assert parse_limit(suggestion, VOCABULARY).limit_nanos > 0


@pytest.mark.parametrize("text", ["budget", "budget rag-search", 'budget "daily"', "week rag-search", "month", ""])
def test_a_question_is_none(text: str) -> None:
    assert not asks_to_set(text)


@given(st.integers(1, 10**18), st.booleans(), st.booleans())
def test_every_amount_is_read_to_the_nano_dollar(nanos: int, dollar_sign: bool, commas: bool) -> None:
    whole, rest = divmod(nanos, DOLLAR)
    text = f"{whole:,}" if commas else str(whole)
    assert read_amount(f"{'$' * dollar_sign}{text}.{rest:09d}") == nanos


@given(st.text(max_size=40))
def test_any_words_are_understood_or_refused_in_a_sentence(text: str) -> None:
    with suppress(QuestionError):
        if asks_to_set(f"budget {text}"):
            assert parse_limit(f"budget {text}", VOCABULARY).limit_nanos > 0


@given(st.text(min_size=1, max_size=30).filter(str.strip))
def test_a_quoted_feature_is_that_feature_whatever_it_is_called(name: str) -> None:
    vocabulary = Vocabulary({name})
    assert parse_limit(f"budget {in_quotes(name)} daily 5", vocabulary).feature == name


@pytest.mark.parametrize(
    ("said", "found"), [("50, 80,100", (50, 80, 100)), ("100 % 80%", (80, 100)), ("80 80", (80,)), ("1000", (1000,))]
)
def test_thresholds_are_read_rising_and_each_once(said: str, found: tuple[int, ...]) -> None:
    assert read_thresholds(said) == found


@pytest.mark.parametrize("said", ["", " , ", "0", "1001", "12.5", "-5", "eighty", "80;90", "\u0665", "99999999999"])
def test_what_is_no_threshold_is_refused(said: str) -> None:
    with pytest.raises(QuestionError):
        read_thresholds(said)
