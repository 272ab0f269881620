"""The words one can say: what they mean, that their order does not matter, and that nothing is ever guessed."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.period import MONTHS, Unit
from bot.errors import QuestionError
from bot.reports.question import WORDS, Question, Verb, Vocabulary, Word, canonical, parse, parse_words
from bot.reports.trace_reference import TraceReference
from bot.reports.words import RESERVED

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 18, 12, 30, tzinfo=BERLIN)  # a Wednesday
FEATURES = ("rag-search", "agent-copilot", "Summarizer", "email drafts", "week", "café", "RAG", "rag", "rag eval")
VOCABULARY = Vocabulary(
    FEATURES, {"old-search": "rag-search", "Mail Writer": "email drafts"}, ("env", "user_tier"), ("user_id", "env")
)
ID = "019db6c1-e59b-73a1-958b-ee98a94e7a0a"
OTHER_ID = "4f7a1b2c-8d9e-4a0b-9c1d-2e3f4a5b6c7d"
PROJECT_ID = "00e14091-aa22-4ef8-84d9-aec107bd98f7"
ADDRESS = f"https://smith.langchain.com/o/{OTHER_ID}/projects/p/{PROJECT_ID}/r/{ID}"
A_RUN = TraceReference(None, UUID(ID).bytes, None)
ITS_ADDRESS = replace(A_RUN, project_id=UUID(PROJECT_ID).bytes)


def ask(text: str, vocabulary: Vocabulary = VOCABULARY, week_start: int = 0) -> Question:
    return parse(text, vocabulary, now=NOW, zone=BERLIN, week_start=week_start)


def dates(question: Question) -> tuple[str, str]:
    return str(question.period.span.first), str(question.period.span.last)


def said(error: pytest.ExceptionInfo[QuestionError]) -> str:
    return str(error.value)


@pytest.mark.parametrize(
    ("words", "first", "last", "unit", "name"),
    [
        ("", "2026-11-12", "2026-11-18", Unit.DAYS, "week"),
        ("today", "2026-11-18", "2026-11-18", Unit.DAYS, "today"),
        ("yesterday", "2026-11-17", "2026-11-17", Unit.DAYS, "yesterday"),
        ("week", "2026-11-12", "2026-11-18", Unit.DAYS, "week"),
        ("month", "2026-10-20", "2026-11-18", Unit.DAYS, "month"),
        ("14d", "2026-11-05", "2026-11-18", Unit.DAYS, "14d"),
        ("wtd", "2026-11-16", "2026-11-18", Unit.WEEK, "wtd"),
        ("mtd", "2026-11-01", "2026-11-18", Unit.MONTH, "mtd"),
        ("ytd", "2026-01-01", "2026-11-18", Unit.YEAR, "ytd"),
        ("last week", "2026-11-09", "2026-11-15", Unit.WEEK, "last week"),
        ("last month", "2026-10-01", "2026-10-31", Unit.MONTH, "last month"),
        ("2026-11-03", "2026-11-03", "2026-11-03", Unit.DAYS, "2026-11-03"),
        ("2026-2-3", "2026-02-03", "2026-02-03", Unit.DAYS, "2026-02-03"),
        ("2026-11-01..2026-11-15", "2026-11-01", "2026-11-15", Unit.DAYS, "2026-11-01..2026-11-15"),
        ("2026-11-01..2026-11-01", "2026-11-01", "2026-11-01", Unit.DAYS, "2026-11-01..2026-11-01"),
        ("november", "2026-11-01", "2026-11-30", Unit.MONTH, "november 2026"),
        ("Dec", "2025-12-01", "2025-12-31", Unit.MONTH, "december 2025"),
        ("sept", "2026-09-01", "2026-09-30", Unit.MONTH, "september 2026"),
        ("february 2024", "2024-02-01", "2024-02-29", Unit.MONTH, "february 2024"),
        ("2025-11", "2025-11-01", "2025-11-30", Unit.MONTH, "november 2025"),
        ("since 2026-11-01", "2026-11-01", "2026-11-18", Unit.DAYS, "since 2026-11-01"),
        ("wtd 2026-11-03", "2026-11-02", "2026-11-03", Unit.WEEK, "wtd 2026-11-03"),
        ("mtd 2026-10-15", "2026-10-01", "2026-10-15", Unit.MONTH, "mtd 2026-10-15"),
        ("ytd 2025-03-01", "2025-01-01", "2025-03-01", Unit.YEAR, "ytd 2025-03-01"),
    ],
)
def test_periods(words: str, first: str, last: str, unit: Unit, name: str) -> None:
    """Each word's dates; and the name of a period says the same again."""
    question = ask(words)
    assert (*dates(question), question.period.unit, question.period.name) == (first, last, unit, name)
    assert ask(name) == question


def test_the_week_begins_where_it_is_set() -> None:
    """With weeks from Sunday, the running one began on the 15th."""
    assert dates(ask("wtd", week_start=6)) == ("2026-11-15", "2026-11-18")
    assert dates(ask("last week", week_start=6)) == ("2026-11-08", "2026-11-14")


def test_today_is_the_zones() -> None:
    """At 23:30 UTC it is tomorrow in Berlin."""
    late = datetime.fromisoformat("2026-11-18T23:30:00Z")
    question = parse("today", VOCABULARY, now=late, zone=BERLIN)
    assert question.period.span.first == date(2026, 11, 19)


WEEK = ask("week").period
LAST_MONTH = ask("last month").period


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {}),
        ("report", {}),
        ("rag-search", {"feature": "rag-search", "by": "model"}),
        ("RAG-Search WEEK", {"feature": "rag-search", "by": "model"}),
        ("rag-search by env", {"feature": "rag-search", "by": "env"}),
        ("by USER_TIER", {"by": "user_tier"}),
        ("per day", {"by": "day"}),
        ('by "model"', {"by": "model"}),
        ("by trace", {"by": "trace"}),
        ("Per THREAD top 10", {"by": "thread", "top": 10}),
        ('by "trace"', {"by": "trace"}),
        ("rag-search by user_ID", {"feature": "rag-search", "by": "user_id"}),
        ("summarizer", {"feature": "Summarizer", "by": "model"}),
        ("rag", {"feature": "rag", "by": "model"}),
        ("RAG", {"feature": "RAG", "by": "model"}),
        ('"week"', {"feature": "week", "by": "model"}),
        ("“Week”", {"feature": "week", "by": "model"}),
        ("old-search", {"feature": "rag-search", "by": "model"}),
        ('"OLD-search"', {"feature": "rag-search", "by": "model"}),
        ("rag eval", {"feature": "rag eval", "by": "model"}),
        ("mail writer", {"feature": "email drafts", "by": "model"}),
        ("week email   drafts by model", {"feature": "email drafts", "by": "model"}),
        ("'email drafts' top 3", {"feature": "email drafts", "by": "model", "top": 3}),
        ("top 1000", {"top": 1000}),
        ("vs previous", {}),
        ("vs last month", {"versus": LAST_MONTH}),
        ("compare to last month", {"versus": LAST_MONTH}),
        ("week compared with last month", {"versus": LAST_MONTH}),
        ("Versus Last Month week", {"versus": LAST_MONTH}),
        ("vs. last month", {"versus": LAST_MONTH}),
        ("untagged top 5", {"verb": Verb.UNTAGGED, "top": 5}),
        ("last month features", {"verb": Verb.FEATURES, "period": LAST_MONTH}),
        ("Status", {"verb": Verb.STATUS}),
        ("verify", {"verb": Verb.VERIFY}),
        ("last month Verify", {"verb": Verb.VERIFY, "period": LAST_MONTH}),
        (f"trace {ID}", {"verb": Verb.TRACE, "trace": A_RUN}),
        (f"  Trace {ID.upper()}", {"verb": Verb.TRACE, "trace": A_RUN}),
        (f"trace {ID.replace('-', '')}", {"verb": Verb.TRACE, "trace": A_RUN}),
        (f'trace "{ID}"', {"verb": Verb.TRACE, "trace": A_RUN}),
        (f"trace \u201c{ID}\u201d", {"verb": Verb.TRACE, "trace": A_RUN}),
        (f"trace {ADDRESS}", {"verb": Verb.TRACE, "trace": ITS_ADDRESS}),
        (f"trace <{ADDRESS}>", {"verb": Verb.TRACE, "trace": ITS_ADDRESS}),
        (f"trace <{ADDRESS}|{ADDRESS[8:]}>", {"verb": Verb.TRACE, "trace": ITS_ADDRESS}),
        (f"trace <{ADDRESS}|the slow one>", {"verb": Verb.TRACE, "trace": ITS_ADDRESS}),
        (f"trace <{ADDRESS}", {"verb": Verb.TRACE, "trace": ITS_ADDRESS}),
        ("help", {"verb": Verb.HELP}),
        ("nonsense help month", {"verb": Verb.HELP}),
        (f"trace {ID} help", {"verb": Verb.HELP}),
        ("trace help", {"verb": Verb.HELP}),
    ],
)
def test_questions(words: str, expected: Mapping[str, Any]) -> None:
    """What is said, and what stands where nothing is said: the last 7 days, every feature, by feature."""
    assert ask(words) == replace(Question(Verb.REPORT, WEEK), **expected)


@pytest.mark.parametrize(
    "words",
    [
        "week\u00a0café",  # non-breaking space
        "we\u200bek caf\u00e9\ufeff",  # zero-width space, byte order mark
        "\u200e“café”\u200f week",  # marks of direction
        "\uff37\uff25\uff25\uff2b cafe\u0301",  # full width; an accent of its own
        "«\u00a0café\u00a0» week",
        "„café“",
        "\u2018café\u2019 week",
        "»café«",
    ],
)
def test_what_phones_type_is_understood(words: str) -> None:
    """Spaces, invisible characters, widths, accents and quotes differ between keyboards, and mean the same."""
    assert ask(words) == ask("week café")


@pytest.mark.parametrize("dash", ["..", "...", "…", "\u2013", "—"])
def test_dashes_between_dates_are_dots(dash: str) -> None:
    """A phone makes an ellipsis of dots and a dash of hyphens; hyphens within a date come in several kinds."""
    assert ask(f"2026-11-01{dash}2026\u201111\u201115") == ask("2026-11-01..2026-11-15")
    assert ask("\uff11\uff14d top \uff15") == ask("14d top 5")


PARTS = ("last week", "email drafts", "by env", "vs 2026-10-01..2026-10-07", "top 7")


@settings(deadline=None)
@given(st.permutations(PARTS), st.integers(0, 5), st.randoms(use_true_random=False))
def test_order_and_case_do_not_matter(parts: list[str], count: int, dice: random.Random) -> None:
    """Any of the parts in any order and any case ask the same as in the order of the book."""
    chosen = parts[:count]
    text = "".join(dice.choice([char.lower(), char.upper()]) for char in " ".join(chosen))
    assert ask(text) == ask(" ".join(part for part in PARTS if part in chosen))


@pytest.mark.parametrize(
    ("words", "message", "suggestions"),
    [
        ("rag-serch", '"rag-serch" is neither a feature', ("rag-search",)),
        ("weak", '"weak" is neither', ("week",)),
        ("agent", '"agent" is neither', ("agent-copilot",)),
        ("emial draft", '"emial" is neither', ('"email drafts"',)),
        ("old-serch", '"old-serch" is neither', ("old-search",)),
        ('"weak"', 'no feature called "weak"', ('"week"',)),
        ('"today"', 'no feature called "today"', ()),
        ('""', 'no feature called ""', ()),
        ("env", '"env" is neither', ("by env",)),
        ("xyzzy", '"xyzzy" is neither a feature nor another word that I know; help lists them.', ()),
        ("2026/11/03", '"2026/11/03" is neither a feature nor a date like 2026-11-03', ()),
        ("2026-11-01..", "nor a date like", ()),
        ("Rag", '"Rag" could be any of "RAG", "rag"', ('"RAG"', '"rag"')),
        ("by modell", '"modell" is nothing to group by', ("by model",)),
        ("trce", '"trce" is neither', ("trace",)),
        ("verfy", '"verfy" is neither', ("verify",)),
        ("thread", '"thread" is neither', ("by thread",)),
        ("user_id", '"user_id" is neither', ("by user_id",)),
        ("by thred", '"thred" is nothing to group by', ("by thread",)),
        ("by tracer", '"tracer" is nothing to group by', ("by trace",)),
        ("by user", '"user" is nothing to group by', ("by user_id", "by user_tier")),
        ("trace", "After trace comes the id of a trace or a run, or its LangSmith address.", ("by trace",)),
        ("week trace", "After trace comes the id", ("by trace",)),
        ("trace week", '"week" is no id; paste that of a trace or a run, or its address in LangSmith.', ()),
        ('trace ""', '"" is no id', ()),
        (f"trace {ID[:-1]}", f'"{ID[:-1]}" is no id', ()),
        (f"trace {ADDRESS[:-1]}", "This address names no trace and no run", ()),
        (f"trace <{ADDRESS[:-1]}|{ID} >", "This address names no trace and no run", ()),
        (f"trace https://smith.langchain.com/public/{ID}/r", "A public link does not say which trace it shows", ()),
        (f"trace {ID} week", 'trace takes one id or address only; leave out "week"', ()),
        (f"by model trace {ID}", 'trace takes one id or address only; leave out "by model"', ()),
        (f"trace {ID} trace {ID}", f'Two questions, "trace {ID[:33]}…" and "trace', ()),
        (f"verify trace {ID}", f'Two questions, "verify" and "trace {ID[:33]}…"', ()),
        ("verify rag-search", 'verify takes a period only; leave out "rag-search"', ()),
        ("verify week vs previous", 'verify takes a period only; leave out "vs previous"', ()),
        ("verify top 5", 'verify takes a period only; leave out "top 5"', ()),
        ("verify status", 'Two questions, "verify" and "status"', ()),
        ("untagged by trace", 'leave out "by trace"', ()),
        ("by", "After by", ("by feature", "by model", "by provider")),
        ("by xyzzy", "nothing to group by", ("by feature", "by model", "by provider")),
        ("vs rag-search", 'previous or a period, not "rag-search"', ("vs previous", "vs last month")),
        ('vs "week"', 'previous or a period, not "week"', ("vs previous", "vs last month")),
        ("week vs", "After vs comes previous or a period.", ("vs previous", "vs last month")),
        ("compare to", "After vs", ("vs previous", "vs last month")),
        ("previous", "comes after vs", ("vs previous",)),
        ("last", "week or month", ("last week", "last month", "14d")),
        ("last 14 days", "week or month", ("last week", "last month", "14d")),
        ("since yesterday", "a date like", ()),
        ("since 2026-11-19", "2026-11-19 has not come yet", ()),
        ("top", "from 1 to 1000", ("top 5",)),
        ("top 0", "from 1 to 1000", ("top 5",)),
        ("top 1001", "from 1 to 1000", ("top 5",)),
        ("top 1000000", "from 1 to 1000", ("top 5",)),
        ("top -5", "from 1 to 1000", ("top 5",)),
        ("top five", "from 1 to 1000", ("top 5",)),
        ("top " + "9" * 490, "from 1 to 1000", ("top 5",)),
        ("0d", "1 to 3,660 days", ()),
        ("3661d", "1 to 3,660 days", ()),
        ("9" * 490 + "d", "1 to 3,660 days", ()),
        ("2026-02-30", '"2026-02-30" is not a date', ()),
        ("2026-13", '"2026-13" is not a month', ()),
        ("0000-01-01", '"0000-01-01" is not a date', ()),
        ("1999-12-31", "between 2000-01-01 and 2099-12-31", ()),
        ("2100-01-01", "between 2000-01-01 and 2099-12-31", ()),
        ("november 2199", "between 2000-01-01 and 2099-12-31", ()),
        ("january 0000", "between 2000-01-01 and 2099-12-31", ()),
        ("0000-11", "between 2000-01-01 and 2099-12-31", ()),
        ("wtd 0001-01-01", "between 2000-01-01 and 2099-12-31, and 0001-01-01 does not", ()),
        ("wtd 2000-01-01", "between 2000-01-01 and 2099-12-31", ()),
        ("2026-11-15..2026-11-01", "2026-11-15..2026-11-01 ends before it begins", ()),
        ("2016-01-01..2026-11-01", "1 to 3,660 days", ()),
        ("week last month", 'Two periods, "week" and "last month"', ()),
        ("rag-search week summarizer", 'Two features, "rag-search" and "summarizer"', ()),
        ('"rag"\u201crag-search\u201d', 'Two features, "rag" and "rag-search"', ()),
        ("rag-search rag", 'Two features, "rag-search" and "rag"', ()),
        ("by model by day", 'break it down, "by model" and "by day"', ()),
        ("vs previous vs last month", 'Two comparisons, "vs previous" and "vs last month"', ()),
        ("top 5 top 5", 'Two limits, "top 5" and "top 5"', ()),
        ("features untagged", 'Two questions, "features" and "untagged"', ()),
        ("status week", 'status stands alone; leave out "week"', ()),
        ("features by model", 'features takes a period and top N only; leave out "by model"', ()),
        ("untagged rag-search", 'leave out "rag-search"', ()),
        ('week "rag', 'The quote before "rag" is not closed', ()),
    ],
)
def test_errors_say_what_is_wrong(words: str, message: str, suggestions: tuple[str, ...]) -> None:
    """A sentence that names the word, and the nearest words; nothing is guessed."""
    with pytest.raises(QuestionError) as error:
        ask(words)
    assert message in said(error)
    assert error.value.suggestions[: len(suggestions)] == suggestions
    assert bool(error.value.suggestions) == bool(suggestions) or "neither" in message


def test_a_question_has_at_most_500_characters() -> None:
    """500 are read, 501 are not."""
    assert ask("week".ljust(500)) == ask("week")
    with pytest.raises(QuestionError, match="at most 500 characters, and this one has 501"):
        ask("week".ljust(501))
    with pytest.raises(QuestionError, match="at most 500 characters"):
        parse_words(["week"] * 101, VOCABULARY, now=NOW, zone=BERLIN)


def test_an_address_may_be_as_long_as_it_likes() -> None:
    """LangSmith keeps a page's filters in the address, so one does not count; a second, and all else that is said,
    does."""
    long = f"{ADDRESS}?timeModel={'x' * 3000}&trace_id={OTHER_ID}"
    reference = replace(ITS_ADDRESS, trace_id=UUID(OTHER_ID).bytes)
    for typed_address in (long, long.replace("https", "HTTP", 1), f"<{long}|{long}>", f'"{long}"'):
        assert ask(f"trace {typed_address}").trace == reference
    with pytest.raises(QuestionError, match="at most 500 characters, and this one has 501"):
        ask(f"trace {long}".ljust(len(long) + 501))
    with pytest.raises(QuestionError, match="at most 500 characters, and this one has 3,"):
        ask(f"trace {long} {long}")


def test_errors_are_short_and_on_one_line() -> None:
    """Whatever was typed, the sentence about it holds 40 characters of it and nothing that moves a cursor."""
    with pytest.raises(QuestionError) as error:
        ask("x\x1b[2J\x00\u202e" + "y" * 400)
    shown = '"x [2J ' + "y" * 33 + "…"
    assert len(shown) == 1 + 40
    assert said(error).startswith(shown + '" is neither')
    assert said(error).isprintable()


def test_suggestions_can_be_typed() -> None:
    """Every suggestion, typed as it stands, is understood."""
    for word in (
        "rag-serch",
        "weak",
        "email draft",
        "env",
        "Rag",
        "by modell",
        "by",
        "last",
        "top",
        "previous",
        "trace",
        "thread",
        "by thred",
        "user_id",
    ):
        with pytest.raises(QuestionError) as error:
            ask(word)
        assert [ask(suggestion) for suggestion in error.value.suggestions]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["week", "rag-search"], "week rag-search"),
        (["last", "week"], "last week"),
        (["last week", "email drafts"], 'last week "email drafts"'),
        (["week email drafts by model"], 'week "email drafts" by model'),
        (["Mail Writer"], '"email drafts"'),
        (['"week"'], '"week"'),
        (["email", "drafts", "vs last month"], '"email drafts" vs last month'),
        (["by", "env", ""], "by env"),
        (["trace", ADDRESS], f"trace {ADDRESS}"),
        (["trace", f'"{ID}"'], f"trace {ID}"),
        ([f"trace {ID}"], f"trace {ID}"),
        (["trace", f" {ID} "], f"trace {ID}"),
        ([], ""),
    ],
)
def test_a_command_lines_words(words: list[str], text: str) -> None:
    """A shell takes quotes away: one word with spaces is a feature, a phrase, or a whole question."""
    assert parse_words(words, VOCABULARY, now=NOW, zone=BERLIN) == ask(text)


def test_a_command_lines_feature_may_hold_reserved_words() -> None:
    """A feature's name that holds `by` is itself if it is one word of the command line; a period is a period."""
    vocabulary = Vocabulary(["safe by design", "last week"])
    question = parse_words(["safe by design"], vocabulary, now=NOW, zone=BERLIN)
    assert question.feature == "safe by design"
    assert parse_words(["last week"], vocabulary, now=NOW, zone=BERLIN) == ask("last week")


@pytest.mark.parametrize(
    ("words", "again"),
    [
        ("week rag-search", "2026-11-12..2026-11-18 rag-search by model"),
        ("today", "2026-11-18 by feature"),
        ("last month by day top 3", "2026-10 by day top 3"),
        ("mtd vs yesterday", "mtd 2026-11-18 by feature vs 2026-11-17"),
        ('last week "email drafts"', 'wtd 2026-11-15 "email drafts" by model'),
        ('"week" ytd', 'ytd 2026-11-18 "week" by model'),
        ("untagged week top 5", "untagged 2026-11-12..2026-11-18 top 5"),
        ("by trace", "2026-11-12..2026-11-18 by trace"),
        ("by thread top 3", "2026-11-12..2026-11-18 by thread top 3"),
        ("rag-search by USER_id", "2026-11-12..2026-11-18 rag-search by user_id"),
        ("verify last month", "verify 2026-10"),
        ("verify", "verify 2026-11-12..2026-11-18"),
        (f'trace "{ID.upper()}"', f"trace {ID}"),
        (f"trace <{ADDRESS}?poll=true>", f"trace /projects/p/{PROJECT_ID}/r/{ID}"),
        ("status", "status"),
        ("help me", "help"),
    ],
)
def test_the_same_again(words: str, again: str) -> None:
    """The words with absolute dates, in the order of the book."""
    assert canonical(ask(words)) == again


typed = st.sampled_from(
    [
        *sorted(RESERVED), *FEATURES, *VOCABULARY.aliases, *VOCABULARY.dimensions, "last week", "since 2026-11-01",
        "14d", "0d", "\u0663d", "\u00b2d", "2026-11-03", "2026-02-30", "9999-99-99", "0000-00", "2025-11", "2026", "5",
        "2026-11-01..2026-11-15", "2026-11-15\u20132026-11-01", "9" * 300,
        ID, ID.upper(), ADDRESS, f"<{ADDRESS}|", f"trace {ID}", f"trace {ADDRESS}", "trace <", "<", ">",
        '"', "\u201c", "'", "\u2019", "\u00ab", "\u200b",
    ]
)  # fmt: skip
texts = st.text(max_size=60) | st.lists(typed | st.text(max_size=5), max_size=9).map(" ".join)
names = st.text(min_size=1, max_size=250).filter(lambda name: name.strip() == name and "\0" not in name)
vocabularies = st.builds(
    Vocabulary,
    st.frozensets(names | typed, max_size=6),
    st.dictionaries(names, names, max_size=3),
    st.just(("env", "by", "user tier", "help")),
    st.just(("user_id", "verify", "user tier")),
)


@settings(max_examples=500, deadline=None)
@given(texts, vocabularies, st.datetimes(datetime(1999, 1, 1), datetime(2101, 1, 1)))  # noqa: DTZ001 - made aware below
@example("November\u200b 0000", VOCABULARY, datetime(2026, 1, 1))  # noqa: DTZ001 - made aware below
def test_nothing_but_its_own_error(text: str, vocabulary: Vocabulary, wall: datetime) -> None:
    """Whatever is typed, at whatever time, it is a question or a QuestionError: a short sentence in one line."""
    now = wall.replace(tzinfo=BERLIN)

    def heard(words: list[str] | None) -> Question | QuestionError:
        try:
            if words is None:
                return parse(text, vocabulary, now=now, zone=BERLIN)
            return parse_words(words, vocabulary, now=now, zone=BERLIN)
        except QuestionError as error:
            return error

    for found in map(heard, (None, text.split(" "), [text])):
        if isinstance(found, QuestionError):
            assert str(found).isprintable()
            assert 0 < len(str(found)) <= 200
            assert len(found.suggestions) <= 3
        else:
            assert found.verb in Verb


def nameless(question: Question) -> Question:
    versus = question.versus and replace(question.versus, name="")
    return replace(question, period=replace(question.period, name=""), versus=versus)


PERIODS = [
    ask(text).period
    for text in (
        "today", "14d", "month", "wtd", "mtd", "ytd", "last week", "last month", "november", "february 2024",
        "2024-02-29", "2026-11-03..2026-12-24", "since 2026-11-18", "wtd 2026-11-01", "mtd 2026-10-31",
        "ytd 2024-02-29",
    )
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data(), vocabularies.filter(lambda vocabulary: vocabulary.features), st.integers(0, 3000))
def test_the_same_again_is_the_same(data: st.DataObject, vocabulary: Vocabulary, days_later: int) -> None:
    """Whatever the feature is called, and whenever it is asked again: but for the names of periods, the same."""
    period = st.sampled_from(PERIODS)
    verb = data.draw(st.sampled_from([Verb.REPORT, Verb.FEATURES, Verb.UNTAGGED, Verb.VERIFY]))
    question = Question(verb, data.draw(period))
    if verb is not Verb.VERIFY:
        question = replace(question, top=data.draw(st.none() | st.integers(1, 1000)))
    if verb is Verb.REPORT:
        question = replace(
            question,
            feature=data.draw(st.none() | st.sampled_from(sorted(vocabulary.features))),
            by=data.draw(st.sampled_from(vocabulary.dimensions)),
            versus=data.draw(st.none() | period),
        )
    text = canonical(question)
    later = datetime.fromtimestamp(NOW.timestamp() + days_later * 86400, BERLIN)
    again = parse(text, vocabulary, now=later, zone=BERLIN)
    assert nameless(again) == nameless(question)
    assert canonical(again) == text


ids = st.binary(min_size=16, max_size=16)
references = st.builds(TraceReference, st.none() | ids, ids, st.none() | ids) | st.builds(
    TraceReference, ids, st.none(), st.none() | ids
)


@given(references)
def test_the_same_trace_again_is_the_same(reference: TraceReference) -> None:
    """Whatever is known of a trace, the words that ask for it again say all of it."""
    question = replace(ask(f"trace {ID}"), trace=reference)
    assert ask(canonical(question)) == question


def test_reserved_words_win() -> None:
    """A feature that has become a word is still there, in quotes; after by, and only there, trace groups."""
    vocabulary = Vocabulary(["trace", "verify", "safe trace log", "thread"])
    assert ask("verify", vocabulary).verb is Verb.VERIFY
    assert ask('"verify"', vocabulary).feature == "verify"
    assert ask('"trace" by trace', vocabulary) == replace(ask("by trace"), feature="trace")
    assert canonical(ask('"trace" today by trace', vocabulary)) == '2026-11-18 "trace" by trace'
    assert ask("thread", vocabulary).feature == "thread"
    assert ask('"safe trace log"', vocabulary).feature == "safe trace log"
    with pytest.raises(QuestionError, match='"safe" is neither'):
        ask("safe trace log", vocabulary)


def test_dimensions_in_their_order() -> None:
    """What every ledger has, then the keys, then the wide ones; a name that is several of them is the first."""
    vocabulary = Vocabulary(keys=("env", "day"), wide_keys=("user_id", "env", "trace"))
    always = ("feature", "model", "provider", "project", "day", "trace", "thread")
    assert vocabulary.dimensions == (*always, "env", "user_id")


def test_the_longest_name_can_be_asked_again() -> None:
    """Quotes are doubled within quotes, and still a name of 250 of them fits a question."""
    name = "\"'" * 125
    longest = Question(Verb.REPORT, PERIODS[-1], name, "by", PERIODS[-1], 1000)
    assert nameless(ask(canonical(longest), Vocabulary([name], keys=("by",)))) == nameless(longest)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.pattern)
def test_every_line_of_help_is_true(word: Word) -> None:
    """The example of each word is understood, and is an example of it; a pattern without a variable is itself one."""
    question = ask(word.example)
    fixed = [part for part in word.pattern.split() if not part.strip('"').isupper() and part != "N"]
    assert all(part in word.example.split() for part in fixed)
    if fixed == word.pattern.split():
        assert ask(word.pattern).verb is question.verb
    assert canonical(question)


def test_help_names_every_reserved_word() -> None:
    """A word that the parser knows stands in the table: in a pattern, a meaning or an example. Months stand for each
    other."""
    listed = {part.strip(';,()"').lower() for word in WORDS for text in word for part in text.split()}
    months = {*MONTHS, *(month[:3] for month in MONTHS), "sept"}
    assert {"november", "nov"} <= listed
    assert RESERVED - months - listed == {"vs.", "compared"}
    dimensions = next(word.meaning for word in WORDS if word.pattern == "by DIMENSION")
    assert all(dimension in dimensions for dimension in Vocabulary().dimensions)
