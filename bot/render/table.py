"""The rows of an answer as cells: one table for every surface."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from bot.render.audited import audited_rows
from bot.render.budgets import is_known
from bot.render.names import plain
from bot.render.numbers import clock, count, day, money, part, tokens, weekday
from bot.render.verified import bridge_rows
from bot.reports.answers import FeatureList, Help, Other, Report, Row, Status, Sum, UntaggedList
from bot.reports.audited import Audit
from bot.reports.budgets import BudgetList
from bot.reports.verified import Verification

UNKNOWN = "\N{EM DASH}"
UNKNOWN_COST = "unknown"

_MODES = {"own": "its own", "rolled_up": "its children's too", "unknown": "not known yet"}


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as people read them. `numeric` columns are right-aligned. No cell is empty: Slack refuses those.

    `links` are the addresses behind the first cell of each row, None where there is none; empty if no row has one.
    `values` are the numbers that cells show, to sort by, None where a cell shows none; empty if no cell does.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    links: tuple[str | None, ...] = ()
    values: tuple[tuple[Decimal | int | None, ...], ...] = ()


class Figure(NamedTuple):
    """A cell that is a number: as people read it, and as it is."""

    text: str
    value: Decimal | int


Cell = str | Figure

NO_TABLE = Table((), (), ())


def table(answer: Report | FeatureList | UntaggedList | Status | BudgetList | Verification | Audit | Help) -> Table:
    """The table of an answer; it may have no rows. That of a trace: see bot.render.trace."""
    if isinstance(answer, Report):
        return _report(answer)
    if isinstance(answer, FeatureList):
        return _features(answer)
    if isinstance(answer, UntaggedList):
        return _untagged(answer)
    if isinstance(answer, Status):
        return _status(answer)
    if isinstance(answer, Verification):
        return _made(["From LangSmith to llmcost", "Cost"], [list(row) for row in bridge_rows(answer)], text_columns=1)
    if isinstance(answer, BudgetList):
        return _budgets(answer)
    if isinstance(answer, Audit):
        header = ["Price from", "Reference", "Runs", "Tokens in", "Tokens out", "Cost"]
        return _made(header, audited_rows(answer), text_columns=2)
    return _help(answer)


def _report(report: Report) -> Table:
    is_day = report.by == "day"
    rows: list[list[Cell]] = [
        [_dated(date.fromisoformat(row.key)) if is_day else plain(row.key), *_report_numbers(row)]
        for row in report.rows
    ]
    if report.other is not None:
        rows.append([_rest(report.other), *_report_numbers(report.other)])
    by = plain(report.by.replace("_", " "))
    # The order of other rows shows that cost has chosen them; days stand in the order of time.
    name = "Costliest days" if is_day and report.other is not None else by[:1].upper() + by[1:]
    header = [name, "Cost", "Share", "Runs", "Traces", "Tokens in", "Tokens out", "Unpriced"]
    # Most products have a price for everything.
    width = len(header) - (not report.total.unpriced_runs)
    cells = _made(header[:width], [row[:width] for row in rows], text_columns=1)
    links = [row.link for row in report.rows]
    return replace(cells, links=tuple(links)) if any(links) else cells


def _report_numbers(row: Row | Other) -> list[Cell]:
    """Share and traces of "other" are not known: traces may be in several of its rows."""
    if isinstance(row, Other):
        cost, runs, *others = _numbers(row)
        return [cost, UNKNOWN, runs, UNKNOWN, *others]
    cost, runs, *others = _numbers(row.sum)
    share = UNKNOWN if row.share is None or cost == UNKNOWN_COST else portion(row.share)
    return [cost, share, runs, counted(row.sum.traces), *others]


def _features(answer: FeatureList) -> Table:
    rows = [
        [
            plain(row.name),
            ", ".join(plain(owner) for owner in row.owners),
            *(_numbers(row.sum) if row.sum is not None else [UNKNOWN] * 5),
        ]
        for row in answer.rows
    ]
    header = ["Feature", "Owner", "Cost", "Runs", "Tokens in", "Tokens out", "Unpriced"]
    return _made(header, rows, text_columns=2)


def _untagged(answer: UntaggedList) -> Table:
    rows = [[plain(row.name), plain(row.project), *_numbers(row.sum)] for row in answer.rows]
    if answer.other is not None:
        rows.append([_rest(answer.other), UNKNOWN, *_numbers(answer.other)])
    header = ["Run name", "Project", "Cost", "Runs", "Tokens in", "Tokens out", "Unpriced"]
    return _made(header, rows, text_columns=2)


def _status(status: Status) -> Table:
    rows = [
        [
            plain(project.name),
            day(project.covered_from) if project.covered_from is not None else UNKNOWN,
            clock(project.as_of) if project.as_of is not None else UNKNOWN,
            day(project.settled_through) if project.settled_through is not None else UNKNOWN,
            _MODES[project.cost_mode],
        ]
        for project in status.projects
    ]
    header = ["Project", "Read from", "Read up to", "Settled to", "Parent's cost"]
    return _made(header, rows, text_columns=5)


def _budgets(answer: BudgetList) -> Table:
    rows = [
        [
            plain(row.feature),
            row.window.value,
            dollars(row.spent) if is_known(row) else UNKNOWN_COST,
            dollars(row.limit),
            portion(row.used) if is_known(row) else UNKNOWN,
            portion(row.passed),
            "the file"
            if row.set_by is None
            else f"Slack, until {day(row.until)}"
            if row.until is not None
            else "Slack",
        ]
        for row in answer.rows
    ]
    header = ["Feature", "Budget", "Spent", "Limit", "Used", "Time gone", "Limit from"]
    made = _made(header, rows, text_columns=2)
    return replace(made, numeric=(*made.numeric[:-1], False))


def _help(answer: Help) -> Table:
    return _made(["Say", "for"], [[line.pattern, line.meaning] for line in answer.lines], text_columns=2)


def _numbers(sums: Sum | Other) -> list[Cell]:
    """Nothing but unpriced runs is never a $0."""
    return [
        dollars(sums.cost) if sums.cost or not sums.unpriced_runs else UNKNOWN_COST,
        counted(sums.runs),
        token_count(sums.input_tokens),
        token_count(sums.output_tokens),
        counted(sums.unpriced_runs),
    ]


def dollars(amount: Decimal) -> Figure:
    """A cell of money."""
    return Figure(money(amount), amount)


def counted(number: int) -> Figure:
    """A cell of a number of things."""
    return Figure(count(number), number)


def token_count(number: int) -> Figure:
    """A cell of tokens."""
    return Figure(tokens(number), number)


def portion(fraction: Decimal) -> Figure:
    """A cell of a part of something."""
    return Figure(part(fraction), fraction)


def _dated(value: date) -> Figure:
    """A cell of a day, which by its words would be sorted by the name of its weekday."""
    return Figure(weekday(value), value.year * 10_000 + value.month * 100 + value.day)


def _rest(other: Other) -> str:
    return f"other ({count(other.count)})"


def _made(header: list[str], rows: Sequence[Sequence[Cell]], *, text_columns: int) -> Table:
    return made(header, rows, tuple(place >= text_columns for place in range(len(header))))


def made(header: Sequence[str], rows: Sequence[Sequence[Cell]], numeric: tuple[bool, ...]) -> Table:
    """A table without an empty cell."""
    values = tuple(tuple(cell.value if isinstance(cell, Figure) else None for cell in row) for row in rows)
    return Table(
        tuple(header),
        tuple(tuple(_text(cell) for cell in row) for row in rows),
        numeric,
        values=values if any(value is not None for row in values for value in row) else (),
    )


def _text(cell: Cell) -> str:
    text = cell.text if isinstance(cell, Figure) else cell
    return text if text.strip() else UNKNOWN
