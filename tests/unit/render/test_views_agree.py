"""Whatever the ledger holds: text, JSON, CSV and the Slack message show the same numbers."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wcwidth import wcswidth

from bot.domain.run import Source
from bot.ledger.store import Ledger
from bot.render.data import to_csv, to_json
from bot.render.names import plain
from bot.render.numbers import weekday
from bot.render.text import text
from bot.slack.messages import answer_message
from tests.ledgers import NOW, PROJECT, Spent, emptied, fill, new_ledger, reporter

FACTORS = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9}
FIELDS = {
    "Cost": "cost_usd",
    "Runs": "runs",
    "Traces": "traces",
    "Tokens in": "input_tokens",
    "Tokens out": "output_tokens",
    "Unpriced": "unpriced_runs",
}

RUNS = st.lists(
    st.builds(
        Spent,
        start=st.integers(0, 14 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        feature=st.sampled_from([None, "rag-search", "x" * 200, "日本語", "שלום", "\x1b[31m", "two  words"]),
        cost=st.one_of(st.none(), st.integers(0, 10**13).map(lambda nano: Decimal(nano).scaleb(-9))),
        tokens=st.one_of(st.none(), st.tuples(st.integers(0, 10**7), st.integers(0, 10**7))),
        model=st.sampled_from([None, "gpt-4o", "<!channel>"]),
        source=st.sampled_from(list(Source)),
        name=st.sampled_from(["", "ChatOpenAI", "a|b"]),
        trace=st.sampled_from([None, "t"]),
        project=st.sampled_from([PROJECT, "staging"]),
    ),
    max_size=20,
)
QUESTIONS = st.sampled_from(
    [
        "week",
        "week by model",
        "14d by day",
        "14d by project top 1",
        "yesterday",
        "features",
        "features top 2",
        "untagged",
    ]
)


@pytest.fixture(scope="module")
def reused() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


@settings(deadline=None, max_examples=100)
@given(RUNS, QUESTIONS)
def test_every_surface_shows_the_same_numbers(reused: Ledger, runs: list[Spent], words: str) -> None:
    ledger = fill(emptied(reused), runs, projects=[PROJECT, "staging"])
    answer = reporter(ledger).ask(words, NOW)
    document = json.loads(to_json(answer))
    shown, message = text(answer), answer_message(answer)
    table = next(iter(block for block in message.blocks if block["type"] == "table"), None)
    cells = [[cell["text"] for cell in row] for row in table["rows"]] if table else []

    assert grid(shown) == cells
    fenced = re.search("```\n(.*)\n```", message.text, re.DOTALL)
    assert (grid(unescaped(fenced[1])) if fenced else []) == cells
    if cells:
        same_rows(cells, [*document["rows"], *([document["other"]] if document.get("other") else [])])
    if "cost" in shown.split("\n")[0]:
        said = re.search(r" cost (<?\$[\d.,]*\d|an unknown amount)", shown)
        assert said is not None
        if said[1] == "an unknown amount":
            assert Decimal(document["total"]["cost_usd"]) == 0 < document["coverage"]["unpriced_runs"]
        else:
            same_amount(said[1], document["total"]["cost_usd"])
    else:
        assert document["total"]["runs"] == 0
    for sentences in (shown.split("\n\n")[0], unescaped(message.text).split("```")[0]):
        same_unit_costs(sentences, document)
    for surface in (message.blocks[0]["elements"][0]["elements"][0]["text"], unescaped(message.text).split("\n")[0]):
        assert surface == shown.split("\n")[0]
    read = list(csv.DictReader(io.StringIO(to_csv(answer))))
    for line, row in zip(read, document["rows"], strict=True):
        assert {name: line[name] for name in FIELDS.values()} == {
            name: "" if row[name] is None else str(row[name]) for name in FIELDS.values()
        }


def same_unit_costs(sentences: str, document: dict[str, Any]) -> None:
    """That the words and the document name the same unit costs, and the same ones of before."""
    unit, previous = document["unit_cost"], document.get("previous")
    before = previous["unit_cost"] if previous is not None else {}
    for name, what in (("per_trace", "trace"), ("per_1000_tokens", "1,000 tokens")):
        said = re.search(rf"(\$[\d.,]+) per {what}(?: \(([^)]*)\))?", sentences)
        exact, exact_before = unit[f"{name}_usd"], before.get(f"{name}_usd")
        assert (said is None) == (exact is None)
        if said is None:
            continue
        same_rounded(said[1], exact)
        assert (said[2] is None) == (exact_before is None)
        if said[2] and said[2] != "the same":
            assert ("at least" in said[2]) == before["at_least"]
            (was,) = re.findall(r"\$[\d.,]+", said[2])
            same_rounded(was, before[f"{name}_usd"])
        elif said[2]:
            assert exact == exact_before
    assert ("At least $" in sentences) == (unit["at_least"] and unit["per_trace_usd"] is not None)


def same_rounded(shown: str, exact: str) -> None:
    """That both are one amount, rounded to as many places as are shown, or to the nine of the document."""
    amount = Decimal(shown.removeprefix("$").replace(",", ""))
    half = Decimal(5).scaleb(max(int(amount.as_tuple().exponent), -9) - 1)
    assert abs(amount - Decimal(exact)) <= half + Decimal("5e-10")


def grid(shown: str) -> list[list[str]]:
    """The cells of a table in plain text, found by the line under its header; nothing if there is none."""
    lines = shown.split("\n")
    for at, line in enumerate(lines):
        if re.fullmatch("-+(  -+)*", line):
            columns = [match.span() for match in re.finditer("-+", line)]
            body = [lines[at - 1]]
            for row in lines[at + 1 :]:
                if not row:
                    break
                body.append(row)
            return [[on_screen(row, start, end).strip() for start, end in columns] for row in body]
    return []


def on_screen(line: str, start: int, end: int) -> str:
    """What stands in these columns of a terminal, where some characters take two and some none."""
    return "".join(char for at, char in enumerate(line) if start <= max(wcswidth(line[:at]), 0) < end)


def same_rows(cells: list[list[str]], rows: list[dict[str, Any]]) -> None:
    header = cells[0]
    assert len(cells) == len(rows) + 1
    for line, row in zip(cells[1:], rows, strict=True):
        name = f"other ({row['count']})" if "count" in row else row["key"]
        if header[0] == "Day" and "count" not in row:
            name = weekday(date.fromisoformat(name))
        assert line[0] == plain(name) if name.strip() else "—"
        for column, field in FIELDS.items():
            if column in header and field in row:
                cell = line[header.index(column)]
                if row[field] is None:
                    assert cell == "—"
                elif column == "Cost" and cell == "unknown":
                    assert Decimal(row[field]) == 0
                    assert row.get("unpriced_runs") != 0
                elif column == "Cost":
                    same_amount(cell, row[field])
                else:
                    same_number(cell, row[field])


def same_amount(shown: str, exact: str) -> None:
    """That `shown` is the exact amount, rounded by no more than half of its last place."""
    if shown.startswith("<"):
        assert 0 < Decimal(exact) < Decimal(shown[2:])
        return
    amount = Decimal(shown.removeprefix("$").replace(",", ""))
    half = Decimal(5).scaleb(int(amount.as_tuple().exponent) - 1)
    assert abs(amount - Decimal(exact)) <= half
    assert (amount == 0) == (Decimal(exact) == 0)


def same_number(shown: str, exact: int) -> None:
    digits, unit = re.fullmatch(r"([\d.,]+)([kMB]?)", shown).groups()  # type: ignore[union-attr] # else the test fails
    assert abs(Decimal(digits.replace(",", "")) * FACTORS[unit] - exact) * 200 <= (exact if unit else 0)


def unescaped(mrkdwn: str) -> str:
    return mrkdwn.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
