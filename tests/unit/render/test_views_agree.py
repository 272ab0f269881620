"""Whatever the ledger holds: text, JSON, CSV and the Slack message show the same numbers."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from wcwidth import wcswidth

from bot.domain.budget import Budget, Window
from bot.domain.catalog import Catalog, Feature
from bot.domain.run import Source
from bot.ledger.deliveries import Role
from bot.ledger.store import Ledger
from bot.render.budgets import alert_headline
from bot.render.data import to_csv, to_json
from bot.render.names import plain
from bot.render.numbers import weekday
from bot.render.text import text
from bot.reports.budget_reporter import BudgetReporter
from bot.reports.digest import Digest
from bot.slack.alert_message import Card, alert_message
from bot.slack.digest_message import digest_message
from bot.slack.home_view import FEATURES, home_view
from bot.slack.messages import answer_message
from tests.ledgers import BERLIN, NOW, PROJECT, Spent, emptied, fill, reporter

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


BUDGETS = Catalog(
    {
        "rag-search": Feature("rag-search", budgets=(Budget("rag-search", Window.MONTHLY, 100 * 10**9),)),
        "total": Feature(
            "total", budgets=(Budget("total", Window.DAILY, 10**9), Budget("total", Window.WEEKLY, 10**9))
        ),
        "untagged": Feature("untagged", budgets=(Budget("untagged", Window.WEEKLY, 10**9),)),
    }
)
WINDOWS = {"daily": "today", "weekly": "wtd", "monthly": "mtd"}


@settings(deadline=None, max_examples=20)
@given(RUNS)
def test_a_digest_shows_what_a_report_of_its_day_shows(reused: Ledger, runs: list[Spent]) -> None:
    ledger = fill(emptied(reused), runs, projects=[PROJECT, "staging"])
    asked = reporter(ledger)
    answer = asked.ask("digest", NOW)
    assert isinstance(answer, Digest)
    report = json.loads(to_json(asked.ask("yesterday", NOW)))
    document = json.loads(to_json(answer))
    for name in ("cost_usd", "runs"):
        assert document["total"][name] == report["total"][name]
    assert document["total"]["unpriced_runs"] == report["coverage"]["unpriced_runs"]
    figures = ("cost_usd", "runs", "unpriced_runs")
    by_name = {row["key"]: [row[name] for name in figures] for row in report["rows"]}
    assert {row["key"]: [row[name] for name in figures] for row in document["rows"]} == by_name
    week_before = json.loads(to_json(asked.ask("2026-11-14", NOW)))
    assert document["week_before"]["cost_usd"] == week_before["total"]["cost_usd"]
    shown, message = text(answer), digest_message(answer)
    table = next((block for block in message.blocks if block["type"] == "table"), None)
    cells = [[cell["text"] for cell in row] for row in table["rows"]] if table else []
    if cells:  # without one the first grid in the text is that of the chart
        assert grid(shown) == cells
        fenced = re.search("```\n(.*?)\n```", message.text, re.DOTALL)
        assert fenced is not None
        assert grid(unescaped(fenced[1])) == cells
    for line, row in zip(cells[1:], document["rows"], strict=True):
        if line[1] == "unknown":
            assert Decimal(row["cost_usd"]) == 0 < row["unpriced_runs"]
        else:
            same_amount(line[1], row["cost_usd"])
        same_number(line[cells[0].index("Runs")], row["runs"])


@settings(deadline=None, max_examples=20)
@given(RUNS)
def test_budgets_and_alerts_show_what_a_report_of_their_period_shows(reused: Ledger, runs: list[Spent]) -> None:
    ledger = fill(emptied(reused), runs, projects=[PROJECT, "staging"], catalog=BUDGETS)
    asked = reporter(ledger, BUDGETS)
    answer = asked.ask("budget", NOW)
    document = json.loads(to_json(answer))
    cells = grid(text(answer))
    read = list(csv.DictReader(io.StringIO(to_csv(answer))))
    assert len(document["rows"]) == len(read) == len(cells) - 1 == 4
    with ledger.reading() as reading:
        budgets = BudgetReporter(reading, BERLIN, 0, NOW)
        facts = {
            (one.budget.feature, one.budget.window.value): budgets.alert(one, period, budgets.spent(one, period), 100)
            for one in BUDGETS.budgets([], NOW)
            for period in [budgets.running(one.budget.window)]
        }
    for row, line, cell in zip(document["rows"], read, cells[1:], strict=True):
        words = WINDOWS[row["window"]]
        if row["key"] == "untagged":
            report = asked.ask(f"untagged {words}", NOW)
        else:
            report = asked.ask(words if row["key"] == "total" else f"{words} {row['key']}", NOW)
        found = json.loads(to_json(report))
        said, unpriced = found["total"]["cost_usd"], found["coverage"]["unpriced_runs"]
        assert row["spent_usd"] == line["spent_usd"] == said
        assert row["unpriced_runs"] == int(line["unpriced_runs"]) == unpriced
        state = facts[row["key"], row["window"]].state
        assert (f"{state.spent:.9f}", state.unpriced_runs) == (said, unpriced)
        if unpriced and not Decimal(said):
            assert (cell[2], cell[4]) == ("unknown", "—")
        else:
            same_amount(cell[2], said)
    assert ("Unpriced runs" in text(answer)) == any(row["unpriced_runs"] for row in document["rows"])


@settings(deadline=None, max_examples=20)
@given(RUNS)
def test_the_home_tab_and_alerts_show_what_reports_show(reused: Ledger, runs: list[Spent]) -> None:
    ledger = fill(emptied(reused), runs, projects=[PROJECT, "staging"], catalog=BUDGETS)
    asked = reporter(ledger, BUDGETS)
    with ledger.reading() as reading:
        budgets = BudgetReporter(reading, BERLIN, 0, NOW)
        in_force = [(one, budgets.running(one.budget.window)) for one in BUDGETS.budgets([], NOW)]
        facts = [budgets.alert(one, period, budgets.spent(one, period), 100) for one, period in in_force]
    cards = [Card(f"key {number}", one) for number, one in enumerate(facts)]
    home = home_view(asked.home(NOW), ("rag-search",), cards)
    lines = "".join(words(home)).split("\n")
    for name, question in (("Today", "today"), ("Last 7 days", "week"), ("Month to date", "mtd")):
        report = json.loads(to_json(asked.ask(question, NOW)))
        same_cost(next(line for line in lines if line.startswith(f"{name}: ")), report)
    features = {row["key"]: row for row in json.loads(to_json(asked.ask("week top 1000", NOW)))["rows"]}
    bold = {plain(name): row for name, row in features.items()}
    shown = [line for line in lines if line.rpartition("  ")[0] in bold]
    assert len(shown) >= min(len(features), FEATURES)
    for line in shown:
        row = bold[line.rpartition("  ")[0]]
        same_known(line.rpartition("  ")[2], row["cost_usd"], row["unpriced_runs"])
    for one, card in zip(facts, cards, strict=True):
        state = one.state
        question = "untagged" if state.feature == "untagged" else ""
        question += f" {WINDOWS[state.window.value]}" + (f" {state.feature}" if state.feature == "rag-search" else "")
        said = json.loads(to_json(asked.ask(question.strip(), NOW)))
        in_home = next(line for line in lines if line.startswith(f"{state.feature} {state.window.value}: "))
        same_cost(in_home.partition(": ")[2], said)
        message = alert_message([card], Role.OWNER, "why")
        for surface in (message.text, "".join(words(message.blocks)), alert_headline(state)):
            same_cost(unescaped(surface).split("\n")[0], said)


def words(node: Any) -> Iterator[str]:
    """The texts of blocks, in order."""
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"] if node.get("type") == "text" else f"{node['text']}\n"
        node = [*node.values(), {"text": "", "type": "block"}] if "elements" in node else list(node.values())
    if isinstance(node, list | tuple):
        for one in node:
            yield from words(one)


def same_cost(shown: str, report: dict[str, Any]) -> None:
    same_known(shown, report["total"]["cost_usd"], report["coverage"]["unpriced_runs"])


def same_known(shown: str, exact: str, unpriced_runs: int) -> None:
    """That the first amount in a line is the exact one, with the runs that are not in it. Where nobody knows any cost
    there is no amount before the limit: a $0.00 would be a lie."""
    said = re.search(r"(?:: | spent |^)(<?\$[\d.,]*\d|an unknown amount)", shown)
    assert said is not None
    if unpriced_runs and not Decimal(exact):
        assert said[1] == "an unknown amount"
    else:
        same_amount(said[1], exact)
    unpriced = re.search(r"([\d,]+) unpriced runs?", shown)
    assert (int(unpriced[1].replace(",", "")) if unpriced else 0) == unpriced_runs


@settings(deadline=None, max_examples=20)
@given(RUNS, st.integers(1, 9), st.integers(1, 3))
def test_a_gap_is_a_gap_and_no_day_without_spend(reused: Ledger, runs: list[Spent], back: int, length: int) -> None:
    midnight = NOW.replace(hour=0, minute=0)
    lost = (midnight - timedelta(days=back + length), midnight - timedelta(days=back))
    held = [run for run in runs if not lost[0] <= run.start < lost[1]]
    ledger = fill(emptied(reused), held, projects=[PROJECT, "staging"], lost=[lost])
    answer = reporter(ledger).ask("14d by day", NOW)
    document = json.loads(to_json(answer))
    missing = {(lost[0] + timedelta(days=number)).date().isoformat() for number in range(length)}
    days = {row["key"] for row in document["rows"]}
    assert days & missing == set()
    assert len(days) == 14 - length
    assert [(gap["start"], gap["end"]) for gap in document["coverage"]["gaps"]] == [
        (lost[0].isoformat(), lost[1].isoformat()) for _ in (PROJECT, "staging")
    ]
    if document["total"]["runs"]:
        assert "Not all is known of " in text(answer)
        assert "Not all is known of " in answer_message(answer).text
