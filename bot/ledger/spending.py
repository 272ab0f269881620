"""What budgets look at: the spend of a feature in whole local days, less what cannot be believed."""

from bisect import bisect_left
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Boolean, ColumnElement, Connection, Select, bindparam, func, literal_column, select, text

from bot.domain.period import Span
from bot.domain.run import State
from bot.ledger import figures
from bot.ledger.booking import instant, microseconds
from bot.ledger.rows import keys_from
from bot.ledger.tables import IMPOSSIBLE, runs

Where = tuple[tuple[str, str], ...]

_BELIEVABLE = literal_column(f"NOT ({IMPOSSIBLE})", Boolean)


def spent(connection: Connection, span: Span, feature: str | None, where: Where = ()) -> int:
    """The nano-dollars of a feature's runs (None: of all; UNTAGGED: of those without one) in whole days, of those that
    have all the values of `where`. A run whose cost or usage was impossible does not count: it may be wildly wrong."""
    if not where:
        cost = figures.total(connection, span, feature).cost
    elif len(where) == 1:
        ((dimension, value),) = where
        cost = figures.by_value(connection, span, dimension, feature).get(value, figures.NOTHING).cost
    else:
        cost = _from_runs(connection, span, feature, where, only_impossible=False)
    return cost - set_aside(connection, span, feature, where)


def set_aside(connection: Connection, span: Span, feature: str | None, where: Where = ()) -> int:
    """The nano-dollars that reports count and `spent` does not: of runs whose cost or usage was impossible."""
    return _from_runs(connection, span, feature, where, only_impossible=True)


def unpriced(connection: Connection, span: Span, feature: str | None, where: Where = ()) -> int:
    """How many runs of those are not in `spent` because nobody knows what they cost."""
    if not where:
        return figures.total(connection, span, feature).unpriced
    if len(where) == 1:
        ((dimension, value),) = where
        return figures.by_value(connection, span, dimension, feature).get(value, figures.NOTHING).unpriced
    query = select(runs.c.key_values, func.count()).where(*_in_state(State.UNPRICED, span, feature))
    return sum(number for keys, number in connection.execute(query.group_by(runs.c.key_values)) if _has(keys, where))


def reached_at(connection: Connection, span: Span, feature: str | None, where: Where, amount: int) -> datetime | None:
    """When the spend of `span`, which is whole days, reached `amount` nano-dollars: the start of the run that made it
    so. None if it did not."""

    def until(days: int) -> int:
        return spent(connection, Span(span.first, span.first + timedelta(days=days), span.zone), feature, where)

    # The day is found in the rollups, and the runs of that day alone are read: a month may have millions.
    days = bisect_left(range(span.days + 1), amount, key=until)
    if not 0 < days <= span.days:
        return None
    day = Span(span.first + timedelta(days=days - 1), span.first + timedelta(days=days), span.zone)
    query = select(runs.c.start, runs.c.cost, runs.c.key_values).where(
        *_counted(day, feature), runs.c.cost > 0, _BELIEVABLE
    )
    total = until(days - 1)
    for start, cost, keys in connection.execute(query.order_by(runs.c.start, runs.c.id)):
        if _has(keys, where):
            total += cost
            if total >= amount:
                return instant(start)
    return None


class CostlyTrace(NamedTuple):
    """What some runs of a trace cost together, in nano-dollars; `name` is that of the costliest of them."""

    id: bytes
    project: int
    name: str
    cost: int
    runs: int


def costliest_traces(
    connection: Connection, span: Span, feature: str | None, where: Where, most: int
) -> list[CostlyTrace]:
    """The traces on which a feature spent most in whole days, as `spent` counts: at most so many, the costliest
    first."""
    conditions = [*_counted(span, feature), runs.c.cost > 0, _BELIEVABLE]
    by = [runs.c.trace_id, runs.c.project]
    cost, count = func.sum(runs.c.cost).label("cost"), func.count().label("runs")
    found: dict[tuple[bytes, int], tuple[int, int]] = {}
    if where:
        for row in connection.execute(
            select(*by, runs.c.key_values, cost, count).where(*conditions).group_by(*by, runs.c.key_values)
        ):
            if _has(row.key_values, where):
                before = found.get((row.trace_id, row.project), (0, 0))
                found[row.trace_id, row.project] = (before[0] + int(row.cost), before[1] + row.runs)
    else:
        query = select(*by, cost, count).where(*conditions).group_by(*by).order_by(cost.desc(), *by).limit(most)
        found = {(row.trace_id, row.project): (int(row.cost), row.runs) for row in connection.execute(query)}
    highest = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))[:most]
    return [
        CostlyTrace(trace, project, _costliest_name(connection, conditions, trace, project, where), *sums)
        for (trace, project), sums in highest
    ]


def _costliest_name(
    connection: Connection, conditions: list[ColumnElement[bool]], trace: bytes, project: int, where: Where
) -> str:
    of_trace = select(runs.c.name, runs.c.key_values).where(
        *conditions, runs.c.trace_id == trace, runs.c.project == project
    )
    rows = connection.execute(of_trace.order_by(runs.c.cost.desc(), runs.c.id))
    return next(str(name) for name, keys in rows if _has(keys, where))


def _from_runs(connection: Connection, span: Span, feature: str | None, where: Where, *, only_impossible: bool) -> int:
    query = _costs(of_one=feature is not None, only_impossible=only_impossible)
    asked = {"feature": feature, "start": microseconds(span.start), "end": microseconds(span.end)}
    rows = connection.execute(query, asked)
    return sum(int(cost) for keys, cost in rows if cost is not None and _has(keys, where))


@cache
def _costs(*, of_one: bool, only_impossible: bool) -> Select[Any]:
    """Costs by the configured keys. Made once, as a hundred budgets ask."""
    query = select(runs.c.key_values, func.sum(runs.c.cost)).where(
        runs.c.state == State.COSTED.value,
        runs.c.start >= bindparam("start"),
        runs.c.start < bindparam("end"),
    )
    if of_one:
        query = query.where(runs.c.feature == bindparam("feature"))
    if only_impossible:
        query = query.where(text(IMPOSSIBLE))
    return query.group_by(runs.c.key_values)


def _has(keys: str | None, where: Where) -> bool:
    return not where or set(where) <= set(keys_from(keys))


def _counted(span: Span, feature: str | None) -> list[ColumnElement[bool]]:
    return _in_state(State.COSTED, span, feature)


def _in_state(state: State, span: Span, feature: str | None) -> list[ColumnElement[bool]]:
    conditions = [
        runs.c.state == state.value,
        runs.c.start >= microseconds(span.start),
        runs.c.start < microseconds(span.end),
    ]
    return conditions if feature is None else [*conditions, runs.c.feature == feature]
