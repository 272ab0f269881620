"""What people read in a terminal, word for word: see tests/golden/*.txt."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import tabulate
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.run import Source
from bot.ledger.store import Ledger
from bot.render.table import Table
from bot.render.text import WRAPPED, text, text_table
from tests import golden
from tests.golden.answers import KINDS, answer
from tests.golden.digests import DIGESTS, digest
from tests.ledgers import NOW, Spent, fill, new_ledger, reporter

WAS_AT_LEAST = "$2.00 per trace (at least $1.00 before), $1.82 per 1,000 tokens (at least $0.91 before)."
UP_FROM_AT_LEAST = (
    "At least $2.00 per trace (up 100 % from at least $1.00), $1.82 per 1,000 tokens (up 100 % from at least $0.91)."
)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_reads_as_it_should(kind: str) -> None:
    golden.check(f"{kind}.txt", text(answer(kind)) + "\n")


@pytest.mark.parametrize("kind", DIGESTS)
def test_a_digest_reads_as_it_should(kind: str) -> None:
    golden.check(f"{kind}.txt", text(digest(kind)) + "\n")


def test_a_believable_answer_fits_a_terminal_of_80_columns() -> None:
    for kind in ("report", "report_top", "by_day", "help", "status"):
        table = text(answer(kind)).split("\n\n")[1]
        assert max(len(line) for line in table.splitlines()) <= 80


def test_old_figures_are_never_small_print(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - timedelta(days=1))], as_of=NOW - timedelta(hours=3))
    shown = text(reporter(ledger).ask("week", NOW))
    assert "since 22 Nov 2026 11:31 (3 h ago)" in shown.split("\n\n")[0]


def test_a_period_that_was_read_to_its_end_is_not_called_old(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - timedelta(days=1))], as_of=NOW - timedelta(hours=3))
    assert "since" not in text(reporter(ledger).ask("yesterday", NOW)).split("\n\n")[0]


def test_unpriced_runs_stand_in_the_very_first_line(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - timedelta(days=1), "a", "2"), Spent(NOW - timedelta(days=1), "b", None)])
    shown = text(reporter(ledger).ask("week", NOW)).splitlines()
    assert shown[0] == "All features together cost $2.00 plus 1 unpriced run in the last 7 days (16\u201322 Nov 2026)."
    assert shown[2] == "1 run is unpriced and not in the total (llmcost.toml can give their model a price)."


def test_what_nobody_knows_the_cost_of_is_never_a_zero(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - timedelta(days=1), "a", None)])
    for words in ("week", "week a", "week by model", "features"):
        shown = text(reporter(ledger).ask(words, NOW))
        assert " cost an unknown amount (1 unpriced run) in the last 7 days " in shown
        assert " unknown " in shown.split("\n\n")[1]
        assert "$0.00" not in shown.replace("Before, it was $0.00", "")


@pytest.mark.parametrize(
    ("words", "column"),
    [
        ("week by day", "Day"),
        ("week by day top 7", "Day"),
        ("week by day top 6", "Costliest days"),
        ("week by model", "Model"),
        ("week by model top 1", "Model"),
    ],
)
def test_rows_that_cost_chose_and_that_are_not_in_its_order_say_so(words: str, column: str, ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - timedelta(days=days), model=f"m{days}", cost=str(9 - days)) for days in range(7)])
    shown = text(reporter(ledger).ask(words, NOW)).split("\n\n")[1].splitlines()
    assert shown[0].startswith(f"{column}  ")
    assert any(line.startswith("other (") for line in shown) == (" top 6" in words or " top 1" in words)


def test_nothing_known_is_never_a_zero(ledger: Ledger) -> None:
    fill(ledger, start=NOW - timedelta(days=3), as_of=NOW - timedelta(days=1))
    asked = reporter(ledger)
    for words in ("today", "2026-11-01", "features today", "untagged 2026-11-01", "november 2027", "today by day"):
        shown = text(asked.ask(words, NOW))
        assert shown.startswith("Nothing is known of ")
        assert "$0" not in shown
    assert "cost $0.00" in text(asked.ask("2026-11-20", NOW))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("today", "today (22 Nov 2026)"),
        ("14d", "in the last 14 days (9\u201322 Nov 2026)"),
        ("1d", "in the last 1 day (22 Nov 2026)"),
        ("mtd", "this month so far (1\u201322 Nov 2026)"),
        ("last week", "last week (9\u201315 Nov 2026)"),
        ("november", "in November 2026 (1\u201330 Nov 2026)"),
        ("2026-11-03", "on 3 Nov 2026"),
        ("since 2026-11-01", "over 1\u201322 Nov 2026"),
        ("2026-10-30..2026-11-02", "over 30 Oct \u2013 2 Nov 2026"),
    ],
)
def test_every_period_says_its_dates(words: str, said: str, ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - timedelta(hours=1))])
    assert said in text(reporter(ledger).ask(words, NOW)).splitlines()[0]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("2", "3", "Up 50 % from $2.00 (9\u201315 Nov 2026 until 14:31)."),
        ("3", "2", "Down 33 % from $3.00 (9\u201315 Nov 2026 until 14:31)."),
        ("2", "2", "The same as $2.00 (9\u201315 Nov 2026 until 14:31)."),
        (None, "2", "Up from $0.00 (9\u201315 Nov 2026 until 14:31)."),
        ("2", None, "Down 100 % from $2.00 (9\u201315 Nov 2026 until 14:31)."),
        ("1000", "1000.000001", "Up <0.1 % from $1,000 (9\u201315 Nov 2026 until 14:31)."),
    ],
)
def test_the_change_has_a_direction_in_words(before: str | None, after: str | None, said: str, ledger: Ledger) -> None:
    costs = {10: before, 1: after}
    fill(ledger, [Spent(NOW - timedelta(days=days), "a", cost) for days, cost in costs.items() if cost])
    assert text(reporter(ledger).ask("week", NOW)).splitlines()[1] == said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (["2"], ["3"], "$3.00 per trace (up 50 % from $2.00), $2.73 per 1,000 tokens (up 50 % from $1.82)."),
        (["3"], ["2"], "$2.00 per trace (down 33 % from $3.00), $1.82 per 1,000 tokens (down 33 % from $2.73)."),
        (["2"], ["2", "2"], "$2.00 per trace (the same), $1.82 per 1,000 tokens (the same)."),
        ([], ["2"], "$2.00 per trace, $1.82 per 1,000 tokens."),
        (["2"], [], None),
        (["0"], ["2"], "$2.00 per trace (up from $0.00), $1.82 per 1,000 tokens (up from $0.00)."),
        (["2"], ["0"], "$0.00 per trace (down 100 % from $2.00), $0.00 per 1,000 tokens (down 100 % from $1.82)."),
        (["0"], ["0"], "$0.00 per trace (the same), $0.00 per 1,000 tokens (the same)."),
        # What is at least so much may be more than what it was.
        (["2"], ["2", None], "At least $1.00 per trace ($2.00 before), $0.91 per 1,000 tokens ($1.82 before)."),
        (
            ["2", None],
            ["2"],
            "$2.00 per trace (at least $1.00 before), $1.82 per 1,000 tokens (at least $0.91 before).",
        ),
        (["2", None], ["2", None], "At least $1.00 per trace (the same), $0.91 per 1,000 tokens (the same)."),
        (["2", None], ["4", None], UP_FROM_AT_LEAST),
        (["2"], [None], "What a trace and 1,000 tokens cost is unknown."),
        ([None], ["2"], "$2.00 per trace, $1.82 per 1,000 tokens."),
    ],
)
def test_the_unit_cost_says_its_change_and_what_it_does_not_know(
    before: list[str | None], after: list[str | None], said: str | None, ledger: Ledger
) -> None:
    runs = [(NOW - timedelta(days=10), cost) for cost in before] + [(NOW - timedelta(days=1), cost) for cost in after]
    # A cost of nothing is nobody's but an own price's.
    fill(ledger, [Spent(start, "a", cost, source=Source.OVERRIDE) for start, cost in runs])
    shown = text(reporter(ledger).ask("week", NOW)).splitlines()
    assert [line for line in shown if " per trace" in line or "1,000 tokens" in line] == ([said] if said else [])


def test_without_tokens_nothing_is_said_of_a_thousand(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - timedelta(days=1), None, "0.0003", None)])
    for words in ("week", "features", "untagged"):
        assert "$0.00030 per trace." in text(reporter(ledger).ask(words, NOW)).splitlines()


def test_no_name_reaches_a_terminal_as_it_is(ledger: Ledger) -> None:
    days = timedelta(days=1)
    names = ["\x1b[31mred", "\x9b2J", "\r\nfake", "\u202ereversed", "\x07bell", "\x00nul"]
    runs = [Spent(NOW - timedelta(hours=1), name, model=name, name=name, project=name, provider=name) for name in names]
    fill(ledger, runs, projects=names, lost=[(NOW - 3 * days, NOW - 2 * days)], problem="".join(names))
    asked = reporter(ledger)
    for words in ("week", "week by model", "week by project", "untagged", "features", "status", "help"):
        shown = text(asked.ask(words, NOW))
        assert not [one for one in shown if not one.isprintable() and one != "\n"]


CELLS = st.text(
    st.sampled_from("ab1.- \t\n\u4f60\N{BOX DRAWINGS LIGHT VERTICAL}\N{EM DASH}"), min_size=1, max_size=70
).filter(str.strip)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4))
def test_a_table_that_need_not_be_wrapped_reads_as_if_it_had_been(rows: list[tuple[str, str]]) -> None:
    cells = Table(("A name", "Cost"), tuple(rows), (False, True))
    wrapped = tabulate.tabulate(
        rows, headers=cells.header, colalign=["left", "right"], maxcolwidths=[WRAPPED, None], disable_numparse=True
    )
    assert text_table(cells) == wrapped
