"""Answers as plain text: for a terminal, and for the `text` of a message."""

import tabulate

from bot.render.chart import chart_table
from bot.render.page import Page, page
from bot.render.table import Table
from bot.reports.digest import Digest
from bot.reports.kinds import Answer

# Names are shorter; sentences, as those of help, go on in the next line.
WRAPPED = 54

# Room that tabulate leaves beside headers, and that a terminal of 80 columns does not have.
tabulate.MIN_PADDING = 0


def text(answer: Answer | Digest) -> str:
    """An answer as text of several lines: the sentences, the table, the chart, the details, what it rests on."""
    said = page(answer)
    parts = [
        "\n".join(said.sentences),
        text_table(said.table),
        _links(said),
        text_table(chart_table(said.chart)) if said.chart is not None else "",
        "\n".join(said.details),
        "\n".join(said.small_print),
    ]
    return "\n\n".join(part for part in parts if part)


def _links(said: Page) -> str:
    """The addresses in LangSmith, a line each: in a table they would leave no room for anything else."""
    rows = [f"{label}: {link}" for label, link in said.links]
    rows += [f"{row[0]}: {link}" for row, link in zip(said.table.rows, said.table.links, strict=False) if link]
    return "\n".join([*([f"In LangSmith: {said.link}"] if said.link else []), *rows])


def text_table(cells: Table) -> str:
    """A table of plain characters, numbers to the right; nothing for a table without rows."""
    if not cells.rows:
        return ""
    return tabulate.tabulate(
        cells.rows,
        headers=cells.header,
        colalign=["right" if numeric else "left" for numeric in cells.numeric],
        # Looking for where to wrap takes longer than all else: mostly there is nothing to be wrapped.
        maxcolwidths=[None if numeric else WRAPPED for numeric in cells.numeric] if _wraps(cells) else None,
        disable_numparse=True,
    )


def _wraps(cells: Table) -> bool:
    """Whether any text may be too wide for its column, or holds blanks that wrapping would change. Letters take up two
    columns at most."""
    return any(
        not numeric and (2 * len(cell) > WRAPPED or cell != cell.strip() or not cell.isprintable())
        for row in (cells.header, *cells.rows)
        for cell, numeric in zip(row, cells.numeric, strict=False)
    )
