"""Who says what the runs of a time cost, and those runs one by one: to be looked at closely.

Counted from the runs themselves, so that it takes time with the runs: whoever asks must bound them first.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Integer, case, func, literal_column, null, select

from bot.domain.period import Span
from bot.domain.run import State
from bot.ledger.booking import Booked, microseconds
from bot.ledger.counting import counted
from bot.ledger.rows import from_row
from bot.ledger.tables import runs

_AT_ONCE = 2_000
_ID = 16

# Written out: PostgreSQL takes two parameters of one value for different expressions, and would not group by them.
_ZERO, _ONE = literal_column("0", Integer), literal_column("1", Integer)


class SourceSum(NamedTuple):
    """The runs of one state whose cost the same source says in the same words. `cost` in nano-dollars."""

    state: State
    source: str | None
    reference: str | None
    is_free: bool  # the cost is known, and 0
    runs: int
    input: int
    output: int
    cost: int


def source_sums(connection: Connection, span: Span, feature: str | None) -> list[SourceSum]:
    """Everything that is in a figure of the span, of all features or of one: it adds up to what a report says."""
    costs_nothing = runs.c.cost == _ZERO
    is_free = case((costs_nothing, _ONE), else_=_ZERO)
    reference = case((costs_nothing, null()), else_=runs.c.reference)
    source = case((costs_nothing, null()), else_=runs.c.source)
    query = (
        select(
            runs.c.state,
            source,
            reference,
            is_free,
            func.count(),
            func.sum(runs.c.counted_input),
            func.sum(runs.c.counted_output),
            func.coalesce(func.sum(runs.c.cost), 0),
        )
        .where(*counted(runs, microseconds(span.start), microseconds(span.end), feature))
        .group_by(runs.c.state, source, reference, is_free)
    )
    return [
        SourceSum(State(state), source, reference, bool(is_free), *(int(number) for number in numbers))
        for state, source, reference, is_free, *numbers in connection.execute(query)
    ]


def ids_above_costs(connection: Connection, span: Span) -> set[bytes]:
    """The ids that stand above runs with a cost of LangSmith's own, at whatever distance."""
    query = select(runs.c.ancestors).where(
        runs.c.start >= microseconds(span.start),
        runs.c.start < microseconds(span.end),
        runs.c.raw_cost > 0,
        runs.c.ancestors.is_not(None),
    )
    found = set[bytes]()
    for ancestors in connection.scalars(query):
        found.update(ancestors[at : at + _ID] for at in range(0, len(ancestors), _ID))
    return found


def booked_runs(connection: Connection, span: Span, feature: str | None) -> Iterator[Booked]:
    """The runs that began in the span, those that count in no figure too; some in memory at a time."""
    query = select(runs).where(runs.c.start >= microseconds(span.start), runs.c.start < microseconds(span.end))
    if feature is not None:
        query = query.where(runs.c.feature == feature)
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(query):
        yield from_row(row)
