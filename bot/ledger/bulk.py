"""Many rows at once. Statements are made once and handed to the driver as text: SQLAlchemy's own way turns each row
into a dictionary and back, and works on each id of a list, which takes longer than SQLite takes for the work itself."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Table, bindparam, func, select

# Far below what SQLite takes in one statement, and as many as a page has runs.
_MOST_IDS = 1_024
_STATEMENTS = 128


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[Any, ...]],
    *,
    replace: tuple[str, ...] = (),
    add: tuple[str, ...] = (),
) -> None:
    """Insert rows of values in the table's column order; where a row of that key is there, replace or add to it."""
    if rows:
        connection.exec_driver_sql(_upsert_text(connection.dialect, table, replace, add), list(rows))


def insert_new(connection: Connection, table: Table, **values: Any) -> bool:
    """Insert a row; False, and nothing is changed, if there is one of that key."""
    statement = _dialect(connection.dialect).insert(table).values(**values).on_conflict_do_nothing()
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount == 1


def rows_in(
    connection: Connection,
    columns: tuple[Column[Any], ...],
    asked: Column[Any],
    ids: Sequence[bytes],
    *,
    project: int | None,
) -> Iterator[tuple[Any, ...]]:
    """The rows of `project` (None: of any) whose column `asked` is one of `ids`: the values of `columns`, as the
    database has them."""
    of_project = () if project is None else (project,)
    for at in range(0, len(ids), _MOST_IDS):
        some = list(ids[at : at + _MOST_IDS])
        # Few lengths make few statements. An id that is asked for twice is found once.
        length = 1 << (len(some) - 1).bit_length()
        text = _select_text(connection.dialect, columns, asked, length, of_project=project is not None)
        some += some[-1:] * (length - len(some))
        yield from connection.exec_driver_sql(text, (*of_project, *some)).cursor.fetchall()


@lru_cache(_STATEMENTS)
def _upsert_text(dialect: Dialect, table: Table, replace: tuple[str, ...], add: tuple[str, ...]) -> str:
    statement = _dialect(dialect).insert(table)
    updates = {name: statement.excluded[name] for name in replace}
    updates |= {name: table.c[name] + statement.excluded[name] for name in add}
    upsert = statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=updates)
    return str(upsert.compile(dialect=dialect))


def _dialect(dialect: Dialect) -> Any:
    # Imported where it is spoken: PostgreSQL's dialect alone would take a tenth of the time of `llmcost report`.
    return import_module(f"sqlalchemy.dialects.{dialect.name}")


def next_number(column: Column[Any]) -> Any:
    """The number after the highest in a column, for an insert. A sequence would leave holes, and on a distributed
    engine give numbers that do not rise."""
    return select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()


@lru_cache(_STATEMENTS)
def _select_text(
    dialect: Dialect, columns: tuple[Column[Any], ...], asked: Column[Any], ids: int, *, of_project: bool
) -> str:
    query = select(*columns)
    if of_project:
        query = query.where(asked.table.c.project == bindparam("project"))
    return str(query.where(asked.in_([bindparam(f"id{number}") for number in range(ids)])).compile(dialect=dialect))
