"""What budgets look at: the spend of a feature in whole local days, less what cannot be believed."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select, text

from bot.domain.period import Span
from bot.domain.run import State
from bot.ledger import figures
from bot.ledger.booking import instant, microseconds
from bot.ledger.rows import keys_from
from bot.ledger.tables import IMPOSSIBLE, runs

Where = tuple[tuple[str, str], ...]


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
    return cost - _from_runs(connection, span, feature, where, only_impossible=True)


def reached_at(connection: Connection, span: Span, feature: str | None, where: Where, amount: int) -> datetime | None:
    """When the spend of `span` reached `amount` nano-dollars: the start of the run that made it so. None if it did
    not."""
    query = select(runs.c.start, runs.c.cost, runs.c.key_values).where(
        *_counted(span, feature), runs.c.cost > 0, ~text(IMPOSSIBLE)
    )
    total = 0
    for start, cost, keys in connection.execute(query.order_by(runs.c.start, runs.c.id)):
        if _has(keys, where):
            total += cost
            if total >= amount:
                return instant(start)
    return None


def _from_runs(connection: Connection, span: Span, feature: str | None, where: Where, *, only_impossible: bool) -> int:
    query = select(runs.c.key_values, func.sum(runs.c.cost)).where(*_counted(span, feature))
    if only_impossible:
        query = query.where(text(IMPOSSIBLE))
    rows = connection.execute(query.group_by(runs.c.key_values))
    return sum(int(cost) for keys, cost in rows if cost is not None and _has(keys, where))


def _has(keys: str | None, where: Where) -> bool:
    return not where or set(where) <= set(keys_from(keys))


def _counted(span: Span, feature: str | None) -> list[ColumnElement[bool]]:
    conditions = [
        runs.c.state == State.COSTED.value,
        runs.c.start >= microseconds(span.start),
        runs.c.start < microseconds(span.end),
    ]
    return conditions if feature is None else [*conditions, runs.c.feature == feature]
