"""Figures of a span of time: whole days from the rollups, the part of a cut day from the runs themselves."""

from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    func,
    literal,
    select,
)

from bot.domain.feature import UNTAGGED
from bot.domain.period import Span
from bot.ledger.counting import part_of_day
from bot.ledger.pruning import pruned
from bot.ledger.rollups import MEASURES
from bot.ledger.tables import returns, rollups


class Figures(NamedTuple):
    """Sums over runs. Costs in nano-dollars; `langsmith`, `estimate` and `override` make up `cost`. `traces` are
    distinct. The last four count runs."""

    runs: int = 0
    traces: int = 0
    cost: int = 0
    langsmith: int = 0
    estimate: int = 0
    override: int = 0
    input: int = 0
    output: int = 0
    unpriced: int = 0
    no_usage: int = 0
    failed: int = 0
    sampled: int = 0

    def plus(self, other: "Figures") -> "Figures":
        """The sum of two sets of runs that share no trace."""
        return Figures(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


NOTHING = Figures()

# From so many days on, adding up each feature's days in the order in which "one" keeps them beats sorting all days by
# feature, however many days there are beside them.
_LONG_DAYS = 90

_SUMS = [func.sum(rollups.c[name]) for name in MEASURES]


def _next_feature(after: ColumnElement[str]) -> ScalarSelect[str]:
    query = select(func.min(rollups.c.feature)).where(rollups.c.view == "one", rollups.c.feature > after)
    return query.correlate_except(rollups).scalar_subquery()


def _walk() -> CTE:
    """From each feature to the next in the index, and None at the end: a look-up a feature, whatever its days."""
    walk = select(_next_feature(literal(UNTAGGED)).label("feature")).cte("walk", recursive=True)
    return walk.union_all(select(_next_feature(walk.c.feature)).where(walk.c.feature.is_not(None)))


_WALK = _walk()


class UntaggedName(NamedTuple):
    """Untagged runs of one name in one project."""

    project: int
    name: str
    figures: Figures


def total(connection: Connection, span: Span, feature: str | None = None) -> Figures:
    """The figures of everything, or of one feature (UNTAGGED for the runs without one). The span may be cut."""
    view = "all" if feature is None else "one"
    whole = _by_value(connection, span, view, feature or "").get("", NOTHING)
    part = part_of_day(connection, span, feature)
    return whole if part is None else whole.plus(Figures(*part))


def by_value(connection: Connection, span: Span, dimension: str, feature: str | None = None) -> dict[str, Figures]:
    """The figures per value of `dimension` ("" where a run has none), of everything or of one feature.

    A project is named by its key's digits. Raises ValueError for a span that ends inside a day.
    """
    if span.part_day is not None:
        raise ValueError("a breakdown is kept per whole day")
    if dimension == "feature" and feature is not None:
        whole = total(connection, span, feature)  # there is no view of what would be one row
        return {feature: whole} if whole.runs else {}
    first, until = span.whole_days
    if dimension == "feature" and (until - first).days >= _LONG_DAYS:
        return {of: figures for (of, _), figures in _grouped(connection, span, "one", None).items()}
    return _by_value(connection, span, f"{'all' if feature is None else 'one'}/{dimension}", feature or "")


def values_before(connection: Connection, day: date, dimension: str, feature: str | None = None) -> set[str]:
    """The values of `dimension` that had runs before `day`, of everything or of one feature."""
    earlier = rollups.alias("earlier")
    if dimension == "feature" and feature is None:
        # Each feature's first day is next to its name in the view "one".
        found = (earlier.c.view == "one", earlier.c.feature == _WALK.c.feature, earlier.c.day < day.toordinal())
        query = select(_WALK.c.feature).where(_WALK.c.feature.is_not(None), select(literal(1)).where(*found).exists())
    else:
        query = (
            select(earlier.c.value)
            .distinct()
            .where(
                earlier.c.view == f"{'all' if feature is None else 'one'}/{dimension}",
                earlier.c.feature == (feature or ""),
                earlier.c.day < day.toordinal(),
            )
        )
    return set(connection.scalars(query))


def by_day(connection: Connection, span: Span, feature: str | None = None) -> dict[date, Figures]:
    """The figures of each whole day that has any."""
    first, until = span.whole_days
    query = select(rollups.c.day, *(rollups.c[name] for name in MEASURES)).where(
        rollups.c.view == ("all" if feature is None else "one"),
        rollups.c.feature == (feature or ""),
        *_between(rollups.c.day, first, until),
    )
    found = {date.fromordinal(day): Figures(*sums) for day, *sums in connection.execute(query)}
    # A trace that was there the day before is one of this day's traces too.
    back = select(returns.c.day, func.sum(returns.c.traces)).where(
        returns.c.view == ("all" if feature is None else "one"),
        returns.c.feature == (feature or ""),
        *_between(returns.c.day, first, until),
    )
    for day, traces in connection.execute(back.group_by(returns.c.day)):
        figures = found[date.fromordinal(day)]
        found[date.fromordinal(day)] = figures._replace(traces=figures.traces + int(traces))
    return found


def costs_by_day(
    connection: Connection, span: Span, dimension: str, values: Collection[str], feature: str | None = None
) -> dict[str, dict[date, int]]:
    """What some values of `dimension` cost on each whole day, in nano-dollars; without the days that have no runs of
    them. Of everything or of one feature."""
    first, until = span.whole_days
    if dimension == "feature" and feature is None:
        # "one" goes to each of them, past all others.
        value_of, of_view = rollups.c.feature, [rollups.c.view == "one"]
    else:
        view = f"{'all' if feature is None else 'one'}/{dimension}"
        value_of, of_view = rollups.c.value, [rollups.c.view == view, rollups.c.feature == (feature or "")]
    query = select(value_of, rollups.c.day, rollups.c.cost).where(
        *of_view, *_between(rollups.c.day, first, until), value_of.in_(list(values))
    )
    found: dict[str, dict[date, int]] = {}
    for value, day, cost in connection.execute(query):
        found.setdefault(value, {})[date.fromordinal(day)] = int(cost)
    return found


def untagged_names(connection: Connection, span: Span) -> list[UntaggedName]:
    """Which runs lack a feature, by project and run name, in whole days."""
    found = _grouped(connection, span, "untagged", None)
    return [UntaggedName(int(project), name, figures) for (project, name), figures in found.items()]


def features_seen(connection: Connection) -> set[str]:
    """Every feature that ever had a run."""
    return set(connection.scalars(select(_WALK.c.feature).where(_WALK.c.feature.is_not(None))))


def latest_days(connection: Connection, most_runs: int) -> date | None:
    """The first of the latest days that have `most_runs` runs together at most, but at least one day; None if all days
    do. Days whose runs were pruned are none of them."""
    query = select(rollups.c.day, rollups.c.runs).where(rollups.c.view == "all").order_by(rollups.c.day.desc())
    gone = pruned(connection)
    if gone is not None:
        query = query.where(rollups.c.day >= gone.day.toordinal())
    total, first = 0, None
    for day, number in connection.execute(query):
        total += number
        if total > most_runs:
            return date.fromordinal(day if first is None else first)
        first = day
    return gone.day if gone is not None else None


def _by_value(connection: Connection, span: Span, view: str, feature: str) -> dict[str, Figures]:
    return {value: figures for (_, value), figures in _grouped(connection, span, view, feature).items()}


def _grouped(connection: Connection, span: Span, view: str, feature: str | None) -> dict[tuple[str, str], Figures]:
    """The figures of a view's whole days by (feature, value), of all features or of one. A trace counts once in a span:
    on its first day there, or where it returns from before it."""
    first, until = span.whole_days
    asked = {"view": view, "feature": feature, "first": first.toordinal(), "until": until.toordinal()}
    figures_of, back = _statements(of_one=feature is not None, has_values=view != "one")
    found = {
        (of, value): Figures(*(int(amount) for amount in sums))
        for of, value, *sums in connection.execute(figures_of, asked)
    }
    for of, value, traces in connection.execute(back, asked):
        figures = found[of, value]
        found[of, value] = figures._replace(traces=figures.traces + int(traces))
    return found


@cache
def _statements(*, of_one: bool, has_values: bool) -> tuple[Select[Any], Select[Any]]:
    """The sums of a view's days, and the traces that return there, of all features or `of_one`. To group a view
    without values by value, too, would sort its days. Made once: that takes longer than SQLite takes to answer, and a
    hundred budgets ask."""

    def rows(table: Table, *sums: ColumnElement[int]) -> Select[Any]:
        groups = (table.c.feature, table.c.value) if has_values else (table.c.feature,)
        query = select(table.c.feature, table.c.value if has_values else literal(""), *sums).group_by(*groups)
        query = query.where(
            table.c.view == bindparam("view"),
            table.c.day >= bindparam("first"),
            table.c.day < bindparam("until"),
        )
        return query.where(table.c.feature == bindparam("feature")) if of_one else query

    back = rows(returns, func.sum(returns.c.traces)).where(returns.c.previous_day < bindparam("first"))
    return rows(rollups, *_SUMS), back


def _between(column: ColumnElement[int], first: date, until: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= first.toordinal(), column < until.toordinal()
