"""The rows of an answer as cells: one table for every surface."""

from dataclasses import dataclass
from decimal import Decimal

from bot.render.names import plain
from bot.render.numbers import clock, count, day, money, percent, tokens
from bot.reports.answers import Answer, FeatureList, FeatureRow, Help, Other, Report, Status, UntaggedList

UNKNOWN = "\N{EM DASH}"


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as people read them. `numeric` columns are right-aligned. No cell is empty: Slack refuses those."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


def table(answer: Answer) -> Table:
    """The table of an answer; it may have no rows."""
    if isinstance(answer, Report):
        return _report(answer)
    if isinstance(answer, FeatureList):
        return _features(answer)
    if isinstance(answer, UntaggedList):
        return _untagged(answer)
    if isinstance(answer, Status):
        return _status(answer)
    return _help(answer)


def _report(report: Report) -> Table:
    with_unpriced = bool(report.total.unpriced_runs)
    header = [report.by.replace("_", " ").capitalize(), "Cost", "Share", "Runs", "Traces", "Tokens in", "Tokens out"]
    rows = [
        [
            plain(row.key),
            money(row.sum.cost),
            _share(row.share),
            count(row.sum.runs),
            count(row.sum.traces),
            tokens(row.sum.input_tokens),
            tokens(row.sum.output_tokens),
            count(row.sum.unpriced_runs),
        ]
        for row in report.rows
    ]
    if report.other is not None:
        rows.append(_other(report.other))
    width = len(header) + with_unpriced
    if with_unpriced:
        header.append("Unpriced")
    return _made(header, [row[:width] for row in rows], text_columns=1)


def _other(other: Other) -> list[str]:
    return [
        f"other ({count(other.count)})",
        money(other.cost),
        UNKNOWN,
        count(other.runs),
        UNKNOWN,
        tokens(other.input_tokens),
        tokens(other.output_tokens),
        count(other.unpriced_runs),
    ]


def _features(answer: FeatureList) -> Table:
    return _made(
        ["Feature", "Owner", "Cost", "Runs", "Tokens in", "Tokens out", "Unpriced"],
        [
            [
                plain(row.name),
                ", ".join(plain(owner) for owner in row.owners) or UNKNOWN,
                *_feature_numbers(row),
            ]
            for row in answer.rows
        ],
        text_columns=2,
    )


def _feature_numbers(row: FeatureRow) -> list[str]:
    if row.sum is None:
        return [UNKNOWN] * 5
    return [
        money(row.sum.cost),
        count(row.sum.runs),
        tokens(row.sum.input_tokens),
        tokens(row.sum.output_tokens),
        count(row.sum.unpriced_runs),
    ]


def _untagged(answer: UntaggedList) -> Table:
    rows = [
        [
            plain(row.name),
            plain(row.project),
            money(row.sum.cost),
            count(row.sum.runs),
            tokens(row.sum.input_tokens),
            tokens(row.sum.output_tokens),
            count(row.sum.unpriced_runs),
        ]
        for row in answer.rows
    ]
    if answer.other is not None:
        other = answer.other
        rows.append(
            [
                f"other ({count(other.count)})",
                UNKNOWN,
                money(other.cost),
                count(other.runs),
                tokens(other.input_tokens),
                tokens(other.output_tokens),
                count(other.unpriced_runs),
            ]
        )
    header = ["Run name", "Project", "Cost", "Runs", "Tokens in", "Tokens out", "Unpriced"]
    return _made(header, rows, text_columns=2)


def _status(status: Status) -> Table:
    modes = {"own": "its own", "rolled_up": "rolled up", "unknown": "not known yet"}
    return _made(
        ["Project", "Read from", "Read to", "Settled through", "A parent's cost"],
        [
            [
                plain(project.name),
                day(project.covered_from.date()) if project.covered_from is not None else UNKNOWN,
                clock(project.as_of) if project.as_of is not None else UNKNOWN,
                day(project.settled_through) if project.settled_through is not None else UNKNOWN,
                modes[project.cost_mode],
            ]
            for project in status.projects
        ],
        text_columns=5,
    )


def _help(answer: Help) -> Table:
    rows = [[line.pattern, line.meaning, line.example] for line in answer.lines]
    return _made(["Say", "for", "for example"], rows, text_columns=3)


def _made(header: list[str], rows: list[list[str]], *, text_columns: int) -> Table:
    numeric = [False] * text_columns + [True] * (len(header) - text_columns)
    return Table(tuple(header), tuple(tuple(cell or UNKNOWN for cell in row) for row in rows), tuple(numeric))


def _share(share: Decimal | None) -> str:
    return UNKNOWN if share is None else percent(share)
