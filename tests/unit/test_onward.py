"""The ways on from an answer: words that mean the same at any later time."""

from datetime import timedelta

import pytest

from bot.reports.onward import Direction, ways_on
from bot.reports.question import MAX_LENGTH, Verb, Vocabulary, parse
from tests.ledgers import BERLIN, NOW

KNOWN = Vocabulary(["rag-search", "week", 'a "b"', "x" * 250], keys=("env", "user_tier"), wide_keys=("user_id",))


def ways(words: str, vocabulary: Vocabulary = KNOWN) -> dict[str, str]:
    question = parse(words, vocabulary, now=NOW, zone=BERLIN)
    return {way.dimension or way.direction.value: way.words for way in ways_on(question, vocabulary)}


def test_from_a_week_one_can_go_everywhere() -> None:
    assert ways("week") == {
        "model": "2026-11-16..2026-11-22 by model",
        "day": "2026-11-16..2026-11-22 by day",
        "env": "2026-11-16..2026-11-22 by env",
        "user_tier": "2026-11-16..2026-11-22 by user_tier",
        "user_id": "2026-11-16..2026-11-22 by user_id",
        "provider": "2026-11-16..2026-11-22 by provider",
        "project": "2026-11-16..2026-11-22 by project",
        "previous": "2026-11-09..2026-11-15 by feature",
        "traces": "2026-11-16..2026-11-22 by trace top 10",
        "untagged": "untagged 2026-11-16..2026-11-22",
    }


@pytest.mark.parametrize(
    ("words", "before"),
    [
        ("mtd", "mtd 2026-10-22"),
        ("wtd", "wtd 2026-11-15"),
        ("last month", "2026-09"),
        ("ytd", "ytd 2025-11-22"),
        ("yesterday", "2026-11-20"),
        ("features 3d", "features 2026-11-17..2026-11-19"),
        ("untagged 3d", "untagged 2026-11-17..2026-11-19"),
    ],
)
def test_the_period_before_is_the_whole_one(words: str, before: str) -> None:
    assert ways(words)["previous"].removesuffix(" by feature") == before


def test_nobody_is_led_to_where_they_are() -> None:
    assert "model" not in ways("week by model")
    assert "day" not in ways("today")
    assert "feature" not in ways("week rag-search")
    assert "untagged" not in ways("untagged")
    assert "traces" not in ways("week by trace")
    assert ways("week rag-search by day")["model"] == "2026-11-16..2026-11-22 rag-search by model"


@pytest.mark.parametrize("words", ["status", "help", "budget", "digest", "verify week"])
def test_what_is_about_no_period_leads_nowhere(words: str) -> None:
    assert ways(words) == {}


@pytest.mark.parametrize(
    "words", ["week", '"week"', '"a ""b"""', '"' + "x" * 250 + '"', "mtd", "top 3 by env vs last month", "2d"]
)
def test_every_way_can_be_asked_at_any_time(words: str) -> None:
    """A forged or an old value is nothing but words."""
    question = parse(words, KNOWN, now=NOW, zone=BERLIN)
    for way in ways_on(question, KNOWN):
        assert len(way.words) <= MAX_LENGTH
        now, later = (parse(way.words, KNOWN, now=at, zone=BERLIN) for at in (NOW, NOW + timedelta(days=400)))
        assert (now.period.span, now.feature, now.by) == (later.period.span, later.feature, later.by)
        if way.direction is Direction.BY:
            assert (now.period.span, now.feature, now.by) == (question.period.span, question.feature, way.dimension)
        if way.direction is Direction.UNTAGGED:
            assert now.verb is Verb.UNTAGGED


def test_a_way_that_would_be_too_long_to_be_asked_is_left_out() -> None:
    found = ways(f'week "{"x" * 250}"', Vocabulary(["x" * 250], keys=("k" * 250, "env")))
    assert "k" * 250 not in found
    assert {"env", "day", "untagged"} <= found.keys()
