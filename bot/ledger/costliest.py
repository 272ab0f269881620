"""What cost most: traces, threads, and values of a key that has too many of them to be added up day by day.

Counted from the runs themselves, so that it takes time with the runs: whoever asks must bound them first. All whole
days of a span count.
"""

from heapq import nsmallest
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, Subquery, case, func, select

from bot.domain.period import Span
from bot.domain.run import State
from bot.ledger.booking import microseconds
from bot.ledger.counting import counted
from bot.ledger.figures import Figures
from bot.ledger.rows import value_finder
from bot.ledger.tables import runs

# About a second on a small machine.
MOST_RUNS = 200_000

_AMOUNTS = ("runs", "cost", "input", "output", "unpriced")


class Group(NamedTuple):
    """Runs that share a value ("" is none). Of the figures there are those that rows show: runs, traces, cost, input,
    output and unpriced. `trace` (its id and its project's key) is the one to look at: itself, or the costliest."""

    value: str
    figures: Figures
    trace: tuple[bytes, int] | None = None


class Costliest(NamedTuple):
    """The groups that cost most, the costliest first; how many there are besides, and what those add up to, but for
    traces: they may be in several groups."""

    groups: list[Group]
    others: int
    rest: Figures


def costliest_traces(connection: Connection, span: Span, feature: str | None, limit: int) -> Costliest:
    """The traces that cost most, by their ids in hexadecimal digits."""
    traces = _by_trace(runs.c.trace_id, span, feature).subquery()
    found = connection.execute(_top(traces, "trace_id", limit)).all()
    groups = [Group(row.trace_id.hex(), _figures(row, traces=1), (row.trace_id, row.project)) for row in found]
    return Costliest(groups, *_rest(found))


def costliest_threads(connection: Connection, span: Span, feature: str | None, limit: int) -> Costliest:
    """The threads that cost most; "" for the runs that belong to none."""
    traces = _by_trace(runs.c.thread, span, feature).subquery()
    sums = [func.sum(traces.c[name]).label(name) for name in _AMOUNTS]
    threads = select(traces.c.thread, func.count().label("traces"), *sums).group_by(traces.c.thread).subquery()
    found = connection.execute(_top(threads, "thread", limit)).all()
    shown = [row.thread for row in found if row.thread is not None]
    costliest: dict[str, tuple[int, bytes, int]] = {}
    within = _by_trace(runs.c.thread, span, feature).where(runs.c.thread.in_(shown))
    for row in connection.execute(within) if shown else ():
        trace = (int(row.cost), row.trace_id, row.project)
        costliest[row.thread] = max(trace, costliest.get(row.thread, trace))
    groups = [
        Group(
            row.thread or "",
            _figures(row, traces=row.traces),
            costliest[row.thread][1:] if row.thread is not None else None,
        )
        for row in found
    ]
    return Costliest(groups, *_rest(found))


def costliest_values(connection: Connection, span: Span, key: str, feature: str | None, limit: int) -> Costliest:
    """The values of a configured metadata key that cost most; "" for the runs without it."""
    query = select(
        runs.c.key_values,
        runs.c.trace_id,
        func.coalesce(runs.c.cost, 0),
        runs.c.counted_input,
        runs.c.counted_output,
        case((runs.c.state == State.UNPRICED.value, 1), else_=0),
    ).where(*_within(span, feature))
    value_of = value_finder(key)
    found: dict[str, list[int]] = {}
    traces: dict[str, list[bytes]] = {}
    for text, trace_id, cost, tokens_in, tokens_out, unpriced in connection.execute(query):
        value = value_of(text)
        sums = found.get(value)
        if sums is None:
            sums = found[value] = [0] * len(_AMOUNTS)
            traces[value] = []
        sums[0] += 1
        sums[1] += cost
        sums[2] += tokens_in
        sums[3] += tokens_out
        sums[4] += unpriced
        traces[value].append(trace_id)
    shown = dict(nsmallest(limit, found.items(), key=lambda item: (-item[1][1], item[0])))
    groups = [
        Group(value, Figures(**dict(zip(_AMOUNTS, sums, strict=True)), traces=len(set(traces[value]))))
        for value, sums in shown.items()
    ]
    rest = [sums for value, sums in found.items() if value not in shown]
    added = {name: sum(map(itemgetter(place), rest)) for place, name in enumerate(_AMOUNTS)}
    return Costliest(groups, len(rest), Figures(**added))


def _within(span: Span, feature: str | None) -> Any:
    return counted(runs, microseconds(span.start), microseconds(span.end), feature)


def _by_trace(column: Column[Any], span: Span, feature: str | None) -> Select[Any]:
    """What each trace adds to each value of a column."""
    columns = list(dict.fromkeys((column, runs.c.trace_id, runs.c.project)))
    return (
        select(
            *columns,
            func.count().label("runs"),
            func.coalesce(func.sum(runs.c.cost), 0).label("cost"),
            func.sum(runs.c.counted_input).label("input"),
            func.sum(runs.c.counted_output).label("output"),
            func.sum(case((runs.c.state == State.UNPRICED.value, 1), else_=0)).label("unpriced"),
        )
        .where(*_within(span, feature))
        .group_by(*columns)
    )


def _top(grouped: Subquery, value: str, limit: int) -> Select[Any]:
    """The rows that cost most, each with how many there are and what all of them add up to."""
    wholes = [func.sum(grouped.c[name]).over().label(f"all_{name}") for name in _AMOUNTS]
    return (
        select(grouped, func.count().over().label("groups"), *wholes)
        .order_by(grouped.c.cost.desc(), grouped.c[value].nulls_first())
        .limit(limit)
    )


def _figures(row: Any, *, traces: int) -> Figures:
    return Figures(**{name: int(getattr(row, name)) for name in _AMOUNTS}, traces=traces)


def _rest(found: Any) -> tuple[int, Figures]:
    if not found:
        return 0, Figures()
    rest = {
        name: int(getattr(found[0], f"all_{name}")) - sum(int(getattr(row, name)) for row in found) for name in _AMOUNTS
    }
    return found[0].groups - len(found), Figures(**rest)
