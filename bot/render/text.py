"""Answers as plain text: for a terminal, and for the `text` of a message."""

from tabulate import tabulate

from bot.render.sentences import (
    basis,
    features_headline,
    headline,
    status_lines,
    untagged_headline,
    volume,
    warnings,
)
from bot.render.table import Table, table
from bot.reports.answers import Answer, Coverage, FeatureList, Report, Status, UntaggedList


def text(answer: Answer) -> str:
    """An answer as text of several lines: the sentence, the table, what it rests on."""
    grid = text_table(table(answer))
    if isinstance(answer, Report):
        parts = [headline(answer), *warnings(answer.coverage), "", f"{volume(answer)}.", "", grid]
        return _joined(parts, answer.coverage)
    if isinstance(answer, FeatureList):
        left_out = [f"{answer.left_out} more left out."] if answer.left_out else []
        parts = [features_headline(answer), *warnings(answer.coverage), "", grid, *left_out]
        return _joined(parts, answer.coverage)
    if isinstance(answer, UntaggedList):
        return _joined([untagged_headline(answer), *warnings(answer.coverage), "", grid], answer.coverage)
    if isinstance(answer, Status):
        return "\n".join([*status_lines(answer), "", grid]).rstrip()
    return "\n".join([help_headline(), "", grid, "", f"Dimensions: {', '.join(answer.dimensions)}."])


def help_headline() -> str:
    """How a question is put together."""
    return "[period] [feature] [by DIMENSION] [vs previous|PERIOD] [top N], in any order."


def text_table(cells: Table) -> str:
    """A table of plain characters, numbers to the right; nothing for a table without rows."""
    if not cells.rows:
        return ""
    return tabulate(
        cells.rows,
        headers=cells.header,
        colalign=["right" if numeric else "left" for numeric in cells.numeric],
        disable_numparse=True,
    )


def _joined(parts: list[str], coverage: Coverage) -> str:
    return "\n".join([*parts, "", " \N{MIDDLE DOT} ".join(basis(coverage))]).rstrip()
