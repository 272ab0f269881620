"""Answers for programs: what goes into a file or through a pipe acts neither in a spreadsheet nor in a terminal."""

import csv
import io
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ledger.store import Ledger
from bot.render.data import to_csv, to_json
from tests import golden
from tests.golden.answers import answer
from tests.ledgers import CATALOG, NOW, PROJECT, Spent, emptied, fill, reporter

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "kind",
    [
        *("report", "report_top", "trace", "by_trace", "features", "untagged", "status"),
        *("one_budget", "stale_with_a_gap", "empty", "verify"),
    ],
)
def test_a_program_reads_what_it_should(kind: str) -> None:
    golden.check(f"{kind}.json", to_json(answer(kind)) + "\n")
    golden.check(f"{kind}.csv", to_csv(answer(kind)))


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("rag-search", "rag-search"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\t=1"),
        ("\r=1", "'\\r=1"),
        ("\x1b[31mred", "'\\x1b[31mred"),
        ("a\nb", "a\\nb"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ('caf\u00e9, "quoted"', 'caf\u00e9, "quoted"'),
        ("a=1", "a=1"),
    ],
)
def test_a_cell_of_text_is_no_formula_and_moves_no_cursor(name: str, cell: str, reused: Ledger) -> None:
    ledger = fill(emptied(reused), [Spent(NOW - HOUR, name)])
    written = to_csv(reporter(ledger).ask("week", NOW))
    assert next(iter(csv.DictReader(io.StringIO(written))))["key"] == cell


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), min_size=1, max_size=4))
def test_whatever_the_names_csv_and_json_stay_what_they_are(reused: Ledger, names: list[str]) -> None:
    runs = [Spent(NOW - HOUR, name, name=name, project=PROJECT, model=name) for name in names]
    asked = reporter(fill(emptied(reused), runs))
    for words in ("week", "untagged", "week by model"):
        found = asked.ask(words, NOW)
        document = to_json(found)
        rows = json.loads(document)["rows"]
        assert document.isascii()
        written = to_csv(found)
        assert not [one for one in written if not one.isprintable() and one != "\n"]
        lines = list(csv.DictReader(io.StringIO(written)))
        assert [line["cost_usd"] for line in lines] == [row["cost_usd"] for row in rows]
        assert not [line for line in lines if line["key"].startswith(("=", "+", "-", "@"))]
    assert {row["key"] for row in json.loads(to_json(asked.ask("week", NOW)))["rows"]} == set(names)


def test_the_values_of_a_list_stand_in_one_cell(reused: Ledger) -> None:
    ledger = fill(emptied(reused), [Spent(NOW - HOUR, "agent-copilot")], catalog=CATALOG)
    lines = csv.DictReader(io.StringIO(to_csv(reporter(ledger, CATALOG).ask("features", NOW))))
    assert next(iter(lines))["owners"] == "U0BOB carol@example.com"
