"""What is counted from the runs themselves, and not from the rollups: the part of a cut day, and what has not ended."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    case,
    func,
    literal,
    select,
    text,
)

from bot.domain.period import Span
from bot.domain.run import Source, State
from bot.domain.usage import Flag
from bot.ledger.booking import microseconds
from bot.ledger.tables import OPEN, projects, runs


def part_of_day(connection: Connection, span: Span, feature: str | None) -> list[int] | None:
    """The measures of the rollups, in their order, for the part of a day in which a span ends, of everything or of one
    feature; None where it ends with a day. Traces are those that are in no whole day of the span."""
    if span.part_day is None:
        return None
    begins, ends = (microseconds(instant) for instant in span.part_day)
    query = select(
        func.count(),
        func.coalesce(func.sum(runs.c.cost), 0),
        *(
            func.coalesce(func.sum(case((runs.c.source == source.value, runs.c.cost), else_=0)), 0)
            for source in (Source.LANGSMITH, Source.ESTIMATE, Source.OVERRIDE)
        ),
        func.coalesce(func.sum(runs.c.counted_input), 0),
        func.coalesce(func.sum(runs.c.counted_output), 0),
        *(
            func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
            for condition in (
                runs.c.state == State.UNPRICED.value,
                runs.c.state == State.NO_USAGE.value,
                runs.c.state == State.FAILED.value,
                runs.c.flags.op("&")(int(Flag.SAMPLED)) != 0,
            )
        ),
    ).where(*counted(runs, begins, ends, feature))
    count, *sums = (int(amount) for amount in connection.execute(query).one())
    return [count, _new_traces(connection, microseconds(span.start), begins, ends, feature), *sums]


def _new_traces(connection: Connection, start: int, begins: int, ends: int, feature: str | None) -> int:
    """Distinct traces with a run in [begins, ends) and none in [start, begins)."""
    earlier = runs.alias("earlier")
    before = select(literal(1)).where(
        earlier.c.trace_id == runs.c.trace_id,
        earlier.c.project == runs.c.project,
        *counted(earlier, start, begins, feature),
    )
    query = (
        select(runs.c.trace_id, runs.c.project)
        .distinct()
        .where(*counted(runs, begins, ends, feature), ~before.exists())
    )
    return int(connection.scalar(select(func.count()).select_from(query.subquery())) or 0)


def pending(
    connection: Connection, span: Span, *, unfinished_before: int, feature: str | None = None
) -> tuple[int, int]:
    """(pending, unfinished): runs that have not ended, and those of them that began before `unfinished_before`."""
    start, end = microseconds(span.start), microseconds(span.end)
    query = select(func.count(), func.sum(case((runs.c.start < unfinished_before, 1), else_=0))).where(
        runs.c.state == State.PENDING.value,
        # Said again, and of every project, so that the partial index of open runs is used: by their start alone all
        # runs of the span would be looked at.
        text(OPEN),
        runs.c.project.in_(select(projects.c.key)),
        runs.c.start >= start,
        runs.c.start < end,
    )
    if feature is not None:
        query = query.where(runs.c.feature == feature)
    found, unfinished = connection.execute(query).one()
    return int(found) - int(unfinished or 0), int(unfinished or 0)


def count_runs(connection: Connection, start: int, end: int) -> int:
    """How many runs of the selected projects began in [start, end)."""
    return int(connection.scalar(_selected(select(func.count()), start, end)) or 0)


def last_run(connection: Connection, before: int) -> int | None:
    """When the last run of the selected projects began before then; None if there is none."""
    found = connection.scalar(_selected(select(func.max(runs.c.start)), 0, before))
    return None if found is None else int(found)


def _selected(query: Select[Any], start: int, end: int) -> Select[Any]:
    selected = select(projects.c.key).where(projects.c.selected)
    return query.where(*counted(runs, start, end, None), runs.c.project.in_(selected))


def counted(table: FromClause, start: int, end: int, feature: str | None) -> list[ColumnElement[bool]]:
    """The runs (or an alias of them) that are in any figure and began in [start, end), of everything or of one
    feature."""
    columns = table.c
    conditions = [
        columns.state.not_in([State.SUPPRESSED.value, State.NOT_A_RUN.value]),
        columns.start >= start,
        columns.start < end,
    ]
    return conditions if feature is None else [*conditions, columns.feature == feature]
