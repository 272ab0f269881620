"""Messages: nothing that came from a trace acts in them, Slack takes all of them, and what was left out is said."""

import json
import re
from datetime import timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import QuestionError
from bot.ledger.store import Ledger
from bot.reports.onward import Direction, Way
from bot.slack.blocks import cut, escape, escaped, weight
from bot.slack.controls import with_again, with_controls
from bot.slack.messages import Message, answer_message, note, question_problem, shared
from tests.ledgers import CATALOG, NOW, Spent, emptied, fill, reporter
from tests.standins.slack_rules import Json, autolinked, problems, visible_mentions

DAY = timedelta(days=1)

NASTY = (
    "<!channel>",
    "<@U1>",
    "<https://evil.example.com|our wiki>",
    "```",
    "``` <!here> ```",
    "*bold* _it_ ~gone~ `code`",
    "@alice #general https://evil.example.com evil.com",
    "&&&amp;&lt;!channel&gt;",
    "&" * 300,
    "<" * 250,
    '"' * 250,
    "\\" * 250,
    "\u202eevil\u202c",
    "\u200b",
    "שלום עולם",
    "\x1b[31mred\x1b[0m\x07",
    "a\nb\r\nc\u2028d",
    "x" * 10_000,
    "=1+1",
    "%s %(name)s {0} {name}",
    "🚀👩‍💻" * 40,
    " ",
    "   \u3000",
    "||",
    ":boom:",
    "null",
)
NAMES = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80),
    st.lists(st.sampled_from(("<", ">", "&", "`", "!channel", "@U1", "|", "\n", "*")), max_size=40).map("".join),
)
QUESTIONS = (
    "week", "week by model top 1000", "week by env", "week by project", "14d by day", "features", "features top 1000",
    "untagged top 1000", "untagged", "status", "help", "week by trace top 1000", "week by thread top 1000",
    f"trace {uuid5(NAMESPACE_URL, 'one')}",
)  # fmt: skip


LINK = "https://smith.example.com/r/{trace}"


# As many ways on as a ledger can have, each in as many words as a question may have.
WAYS = tuple(
    Way(direction, f"{letter}{'w' * (length - 1)}", name)
    for length in (40, 400)
    for direction, letter, name in (
        *((Direction.BY, str(place), name) for place, name in enumerate(("model", "day", "x" * 250, "&_" * 99, "env"))),
        (Direction.PREVIOUS, "p", ""),
        (Direction.TRACES, "t", ""),
        (Direction.UNTAGGED, "u", ""),
    )
)


def forms(message: Message) -> list[Json]:
    """All that Slack may be sent of a message: to its asker, to the channel, in each form."""
    found = []
    for ways, words in ((WAYS[:8], "w" * 40), (WAYS[8:], '"' * 500), (WAYS, "w" * 2_100), ((), "")):
        asked = with_controls(message, ways, words, "x" * 22, is_shareable=True, has_csv=True)
        beside = with_controls(message, ways, words, "x" * 22, is_shareable=False, has_csv=True, in_thread=True)
        told = with_again(shared(message, "U1", NOW), words, "x" * 22, has_csv=True)
        found += [*asked.forms(), *beside.forms(), *told.forms()]
    return found


def refused(message: Message) -> list[str]:
    too_long = [form["text"] for form in forms(message) if len(form["text"]) > 3_500]
    return [problem for form in forms(message) for problem in problems(form)] + too_long


def acting(message: Message) -> set[str]:
    """What acts in a message beside the name of who shared it."""
    found = {one for form in forms(message) for one in (*visible_mentions(form), *autolinked(form))}
    found = found - {"<@U1>"} | {one for form in message.forms() for one in visible_mentions(form)}
    return {one for one in found if not re.fullmatch("<https://smith[.]example[.]com/r/[0-9a-f-]{36}>", one)}


def fences(message: Message) -> list[int]:
    """How often each text in mrkdwn opens or closes a fence of code."""
    sections = [block["text"]["text"] for block in message.simple_blocks if block["type"] == "section"]
    return [text.count("```") for text in (message.text, *sections)]


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(NAMES, min_size=1, max_size=8), st.sampled_from(QUESTIONS))
def test_no_name_acts_and_slack_takes_every_message(reused: Ledger, names: list[str], words: str) -> None:
    runs = []
    projects = list(dict.fromkeys(names))
    for place, name in enumerate(names):
        start = NOW - place * DAY
        runs += [
            Spent(start, name, model=name, provider=name, name=name, project=name, keys={"env": name}, thread=name),
            Spent(start, name, model=name, name=name, project=projects[0], trace="one"),
            Spent(start, None, None, model=name, name=name, project=name),
        ]
    lost = [(NOW - 6 * DAY, NOW - 5 * DAY), (NOW - 4 * DAY, NOW - 3 * DAY)]
    problem = " ".join(names)
    ledger = fill(emptied(reused), runs, projects=projects, lost=lost, problem=problem, as_of=NOW - DAY / 4, link=LINK)
    message = answer_message(reporter(ledger).ask(words, NOW))
    assert refused(message) == []
    assert acting(message) == set()
    assert set(fences(message)) <= {0, 2}
    assert Message.from_json(json.loads(json.dumps(message.as_json()))) == message


@pytest.mark.parametrize("letter", ["x", "&", '"', "🚀", "\n"])
def test_hundreds_of_long_names_fit_and_the_rest_is_said(letter: str, reused: Ledger) -> None:
    projects = [f"{place}{letter * 250}" for place in range(60)]
    runs = [
        Spent(
            NOW - DAY,
            f"{place}{letter * 200}" if place % 2 else None,
            name=f"{place}{letter * 250}",
            project=projects[place % 60],
            thread=f"{place}{letter * 240}",
        )
        for place in range(500)
    ]
    lost = [(NOW - (days + 0.5) * DAY, NOW - days * DAY) for days in range(1, 6)]
    problem = letter * 2_000
    asked = reporter(fill(emptied(reused), runs, projects=projects, lost=lost, problem=problem, link=LINK))
    assert refused(answer_message(asked.ask("status", NOW))) == []
    rows = {"week top 1000": 251, "features top 1000": 250, "untagged top 1000": 250, "week by project top 1000": 60}
    rows |= {"week by trace top 1000": 500, "week by thread top 1000": 500}
    for words, whole in rows.items():
        message = answer_message(asked.ask(words, NOW))
        assert refused(message) == []
        assert "more rows left out" in message.text
        native = next(block for block in message.blocks if block["type"] in ("table", "data_table"))
        small = next(block["elements"][0]["text"] for block in message.blocks if block["type"] == "context")
        left_out = whole - (len(native["rows"]) - 1)
        assert small.startswith(f"{left_out} more rows left out") or left_out == 0


def test_a_long_list_of_days_is_sorted_by_time_and_by_any_figure(reused: Ledger) -> None:
    """Not by the names of the weekdays, nor by dollars as text."""
    ledger = fill(emptied(reused), [Spent(NOW - days * DAY, cost=str(days + 1)) for days in range(40)])
    message = answer_message(reporter(ledger).ask("40d by day top 40", NOW))
    (_, *rows) = next(block for block in message.blocks if block["type"] == "data_table")["rows"]
    assert len(rows) == 40
    by_day, by_cost = (sorted(rows, key=lambda row: row[column]["value"]) for column in (0, 1))
    assert [row[0]["text"] for row in by_day][::39] == ["Wed 14 Oct 2026", "Sun 22 Nov 2026"]
    assert by_cost == by_day[::-1]


def test_a_link_stands_in_a_cell_of_its_own_and_for_a_trace_beside_it(reused: Ledger) -> None:
    runs = [Spent(NOW - DAY, number=1, thread="<c>"), Spent(NOW - DAY, None, "0.001", number=2)]
    ledger = fill(emptied(reused), runs, link=LINK)
    url = LINK.replace("{trace}", str(UUID(int=1)))
    message = answer_message(reporter(ledger).ask("week by thread", NOW))
    first, second = next(block for block in message.blocks if block["type"] == "table")["rows"][1:]
    assert first[0]["elements"][0]["elements"] == [{"type": "link", "url": url, "text": "<c>"}]
    assert second[0] == {"type": "raw_text", "text": "(none)"}
    message = answer_message(reporter(ledger).ask(f"trace {UUID(int=1)}", NOW))
    for blocks in (message.blocks, message.simple_blocks):
        assert blocks[1]["elements"][0]["elements"] == [{"type": "link", "url": url, "text": "Open in LangSmith"}]


def test_the_same_message_without_native_blocks_says_the_same(reused: Ledger) -> None:
    ledger = fill(emptied(reused), [Spent(NOW - DAY, f"f{place}", f"{place}.5") for place in range(5)])
    message = answer_message(reporter(ledger).ask("yesterday", NOW))
    native = next(block for block in message.blocks if block["type"] == "table")
    plain = next(block for block in message.simple_blocks if block["type"] == "section")["text"]["text"]
    for row in native["rows"]:
        assert all(cell["text"] in plain for cell in row)
    kinds = [block["type"] for block in message.simple_blocks]
    assert kinds == ["rich_text", "section", "context"]
    assert [block["type"] for block in message.blocks] == ["rich_text", "table", "context"]


@settings(deadline=None)
@given(st.lists(NAMES, max_size=4), NAMES)
def test_a_problem_with_a_question_acts_no_more_than_an_answer(suggestions: list[str], said: str) -> None:
    message = question_problem(QuestionError(said or "x", suggestions))
    assert refused(message) == []
    assert acting(message) == set()
    assert set(fences(message)) == {0}


@settings(deadline=None)
@given(NAMES.filter(str.strip), st.lists(NAMES, max_size=3))
def test_a_note_acts_no_more_either(first: str, others: list[str]) -> None:
    message = note(first, *others)
    assert refused(message) == []
    assert acting(message) == set()


@settings(deadline=None)
@given(st.text(), st.integers(1, 50))
def test_a_text_is_cut_to_what_it_may_measure(text: str, longest: int) -> None:
    for measure in (len, weight, lambda part: len(escape(part))):
        kept = cut(text, max(longest, measure("…")), measure)
        assert measure(kept) <= max(longest, measure("…"))
        assert kept == text or kept.endswith("…")
    assert len(escaped(text, longest)) <= longest


def test_who_shared_it_and_when_it_was_asked_stands_in_every_form() -> None:
    """Its "just now" was then."""
    for form in shared(note("Hello."), "U1", NOW).forms():
        said = "Shared by <@U1> from /llmcost, asked <!date^1795354260^{date_short_pretty} {time}|2026-11-22 14:31 CET>"
        assert said in json.dumps(form)


def test_the_configured_owners_are_shown_and_not_called(reused: Ledger) -> None:
    ledger = fill(emptied(reused), [Spent(NOW - DAY, "rag-search")], catalog=CATALOG)
    message = answer_message(reporter(ledger, CATALOG).ask("features", NOW))
    assert "U0BOB" in message.text
    assert acting(message) == set()
