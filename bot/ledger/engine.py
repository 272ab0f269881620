"""Opening the database. Every write transaction begins IMMEDIATE, so that two processes on one SQLite file wait for
each other instead of failing half-way."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from bot.errors import LedgerBusyError, LedgerError

# DESIGN: SQLite is shared by processes; a short transaction of somebody else is waited for.
BUSY_TIMEOUT_MS = 5_000


def open_engine(url: str, *, create: bool) -> Engine:
    """An engine for `url`. A SQLite file is created readable by its owner alone, or not at all (`create=False`).

    Raises LedgerError if there is no ledger, or if its folder does not let us in.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise LedgerError("This version keeps its ledger in SQLite: set DATABASE_URL to sqlite:///path/to/llmcost.db.")
    in_memory = parsed.database in {None, "", ":memory:"}
    if not in_memory and parsed.database is not None:
        _prepare_file(Path(parsed.database), create=create)
    # One connection for a ledger in memory: a second one would see another, empty one.
    engine = create_engine(url, poolclass=StaticPool) if in_memory else create_engine(url)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the ledger throughout. Raises LedgerError for the database's errors."""
    with _translated(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the ledger's only pen from its first statement; rolled back on any exception."""
    with (
        _translated(engine),
        engine.connect().execution_options(llmcost_write=True) as connection,
        connection.begin(),
    ):
        yield connection


def _prepare_file(path: Path, *, create: bool) -> None:
    try:
        if path.exists():
            return
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
            return
    except OSError as error:
        raise LedgerError(f"The ledger {path} cannot be opened: {error.strerror}.") from error
    raise LedgerError(f"There is no ledger at {path} yet. `llmcost sync` reads LangSmith into a new one.")


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # sqlite3's own transactions off: BEGIN is ours to say
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        # SQLite does not wait for another process that is just making a new file a WAL; once is enough.
        if not _is_busy(error):
            raise
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("llmcost_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        cause = error.orig
        ours = isinstance(cause, sqlite3.IntegrityError | sqlite3.ProgrammingError)
        if ours or not isinstance(cause, sqlite3.DatabaseError):
            raise  # a fault in the code, not in the ledger
        where = engine.url.render_as_string(hide_password=True)
        if _is_busy(cause):
            raise LedgerBusyError(f"The ledger {where} is being written by another process; try again.") from error
        raise LedgerError(f"The ledger {where} cannot be used: {cause}.") from error


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
