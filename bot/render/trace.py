"""One trace in words and cells, its runs as a tree."""

from bot.render.names import plain
from bot.render.numbers import ago, clock, count, plural, tokens
from bot.render.sentences import spent
from bot.render.table import UNKNOWN, UNKNOWN_COST, Cell, Table, dollars, made, token_count
from bot.reports.answers import Other
from bot.reports.traced import TraceReport, TraceRow

# What the words of bot.domain mean to people.
_REASONS = {
    "wrapper": "suppressed: repeats the runs below it",
    "wrapped": "suppressed: counted in the run above it",
    "rolled_up": "suppressed: counted in its children",
}
_STATES = {
    "unpriced": "unpriced",
    "no_usage": "no token counts",
    "failed": "failed",
    "pending": "still running",
    "not_a_run": "no cost of its own",
}
_SOURCES = {"estimate": "estimated", "override": "your own price"}

# Deeper runs stand as deep as this, so that names have room.
_DEEPEST = 8


def trace_sentences(report: TraceReport) -> list[str]:
    """What it cost, of what it consists, and what a reader must know before believing it."""
    total = report.total
    used = f"{tokens(total.input_tokens)} tokens in, {tokens(total.output_tokens)} out"
    of = f" of {_few(report.features)}" if report.features else ""
    sentences = [
        f"Trace {plain(report.trace_id)} cost {spent(total)}.",
        f"{plural(total.runs, 'run')}{of} in {_few(report.projects)}, {used}.",
    ]
    if report.suppressed_runs:
        are = "run is" if report.suppressed_runs == 1 else "runs are"
        sentences.append(f"{count(report.suppressed_runs)} {are} suppressed: nothing is counted twice.")
    return sentences


def trace_basis(report: TraceReport) -> list[str]:
    """When it began, and how fresh it is."""
    pieces = [f"Began {clock(report.started)}, {report.timezone}"]
    if report.as_of is not None and report.age is not None:
        pieces.append(f"as of {clock(report.as_of)} ({ago(report.age)})")
    return [" \N{MIDDLE DOT} ".join(pieces)]


def trace_table(report: TraceReport) -> Table:
    """A line per run. LangSmith's own cost has a column where it differs from what is counted."""
    says = any(_differs(row) for row in report.rows)
    header = ["Run", "Model", "Cost", *(["LangSmith"] if says else []), "Tokens in", "Tokens out", "Note"]
    rows = [_cells(row, says=says) for row in report.rows]
    if report.other is not None:
        rows.append(_rest(report.other, says=says))
    numeric = (False, False, *[True] * (len(header) - 3), False)
    return made(header, rows, numeric)


def _cells(row: TraceRow, *, says: bool) -> list[Cell]:
    # A run without a cost may have said no tokens: a 0 would say that there were none.
    counts = row.reason is None and (row.state == "costed" or row.input_tokens > 0 or row.output_tokens > 0)
    said: list[Cell] = (
        [dollars(row.langsmith_cost) if row.langsmith_cost is not None and _differs(row) else UNKNOWN] if says else []
    )
    return [
        _branch(row.depth) + plain(row.name),
        plain(row.model or ""),
        _cost(row),
        *said,
        token_count(row.input_tokens) if counts else UNKNOWN,
        token_count(row.output_tokens) if counts else UNKNOWN,
        _note(row),
    ]


def _branch(depth: int) -> str:
    """The lines before a name. None begins with a space: tables cut those off."""
    level = min(depth, _DEEPEST)
    return "\N{BOX DRAWINGS LIGHT VERTICAL} " * (level - 1) + "\N{BOX DRAWINGS LIGHT VERTICAL AND RIGHT} " * (level > 0)


def _cost(row: TraceRow) -> Cell:
    if row.cost is not None:
        return dollars(row.cost)
    return UNKNOWN_COST if row.state == "unpriced" else UNKNOWN


def _note(row: TraceRow) -> str:
    if row.reason is not None:
        return _REASONS[row.reason]
    if row.state != "costed":
        return _STATES[row.state]
    notes = [_SOURCES[row.source]] if row.source in _SOURCES else []
    return ", ".join(["failed", *notes] if row.status == "error" else notes)


def _differs(row: TraceRow) -> bool:
    return row.langsmith_cost is not None and row.langsmith_cost != row.cost


def _rest(other: Other, *, says: bool) -> list[Cell]:
    cost: Cell = dollars(other.cost) if other.cost or not other.unpriced_runs else UNKNOWN_COST
    said = [UNKNOWN] if says else []
    used = [token_count(other.input_tokens), token_count(other.output_tokens)]
    return [f"{count(other.count)} more", UNKNOWN, cost, *said, *used, UNKNOWN]


def _few(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(plain(name) for name in names[:3]) + more
