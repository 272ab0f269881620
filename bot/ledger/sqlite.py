"""A ledger in an SQLite file. Every write transaction begins IMMEDIATE, so that two processes on one file wait for each
other instead of failing half-way."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from bot.errors import LedgerError
from bot.ledger.pen import Pen
from bot.ledger.trouble import Trouble

# DESIGN: SQLite is shared by processes; a short transaction of somebody else is waited for.
BUSY_TIMEOUT_MS = 5_000

# SQLite's own number for it; and how many pages are given back at a time, about 8 MB.
_INCREMENTAL, _PAGES = 2, 2_000

# Threads that answer, and those of the sync and the jobs: nobody waits for a connection.
_KEPT_OPEN, _AT_MOST = 5, 30

# Errors whose cause is the file, its folder or the disk, by SQLite's names.
_OF_THE_DISK = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_FULL")

# What a write transaction says of itself: that it is one, and for how many milliseconds others are waited for.
_WRITES = "llmcost_write"
_PEN = "llmcost_pen"


def open_sqlite(url: URL, *, create: bool) -> Engine:
    """An engine for a file that is created readable by its owner alone, or not at all (`create=False`); or for a ledger
    in memory. Raises LedgerError if there is no ledger, or if its folder does not let us in."""
    in_memory = url.database in {None, "", ":memory:"}
    if not in_memory and url.database is not None:
        _prepare_file(Path(url.database), create=create)
    # One connection for a ledger in memory: a second one would see another, empty one.
    pool: dict[str, Any] = (
        {"poolclass": StaticPool} if in_memory else {"pool_size": _KEPT_OPEN, "max_overflow": _AT_MOST - _KEPT_OPEN}
    )
    engine = create_engine(url, execution_options={_PEN: Pen()}, **pool)
    if not in_memory:
        event.listen(engine, "do_connect", _open_what_is_there)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "invalidate", _roll_back)
    return engine


@contextmanager
def turn(engine: Engine, patience: float | None = None) -> Iterator[dict[str, Any]]:
    """While nobody else in this process writes: the options of a transaction that does. Whoever writes is waited for by
    `patience` seconds, None meaning as long as usual: here, and where it is another process, once more. Raises
    TimeoutError if it was in vain here."""
    milliseconds = BUSY_TIMEOUT_MS if patience is None else int(patience * 1_000)
    pen: Pen = engine.get_execution_options()[_PEN]
    with pen.held(milliseconds / 1_000):
        yield {_WRITES: milliseconds}


def judge(error: DBAPIError) -> Trouble:
    """What is to be done about an error. Another's pen has been waited for already: by SQLite itself."""
    cause = error.orig
    if isinstance(cause, sqlite3.IntegrityError | sqlite3.ProgrammingError):
        return Trouble.FAULT
    if not isinstance(cause, sqlite3.DatabaseError):
        return Trouble.FAULT
    return Trouble.BUSY if _is_busy(cause) else Trouble.UNUSABLE


def in_words(error: DBAPIError, url: URL) -> str:
    """What SQLite says, and where to look if it is the disk: it writes files of its own beside the ledger's."""
    said = str(error.orig)
    if isinstance(error.orig, sqlite3.OperationalError) and error.orig.sqlite_errorname.startswith(_OF_THE_DISK):
        folder = Path(url.database or "").absolute().parent
        said += f" (see who may write the file and its folder {folder}, and whether its disk has room)"
    return said


def compact(engine: Engine) -> bool:
    """Write the file anew, so that nothing of what was deleted is left in it; False if others were at it, or if their
    disk has no room for that."""
    try:
        with closing(engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("VACUUM")
            (busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        return False
    return not busy


def shrink(engine: Engine) -> bool:
    """Give what deleted rows took back to the disk, in steps, so that others can write between; a file that was made by
    an earlier version is written anew once. False if others were at it for too long, or if their disk has no room."""
    try:
        with closing(engine.raw_connection()) as connection:
            cursor = connection.cursor()
            if cursor.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
                cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
                cursor.execute("VACUUM")
            while cursor.execute("PRAGMA freelist_count").fetchone()[0]:
                cursor.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
            (busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        return False
    return not busy


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


def _open_what_is_there(_: Dialect, __: ConnectionPoolEntry, arguments: list[str], named: dict[str, Any]) -> None:
    """A file that has been taken away while we run is missed, and not made anew, empty and for everybody to read."""
    arguments[0] = f"file:{quote(arguments[0])}?mode=rw"
    named["uri"] = True


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # sqlite3's own transactions off: BEGIN is ours to say
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA synchronous=NORMAL")
        # Random as their ids are, 1,000 runs change some 2,000 pages of the file: with SQLite's own limit of 1,000 each
        # commit of a long first sync would copy them back at once.
        cursor.execute("PRAGMA wal_autocheckpoint=4000")
        # A new file gives free pages back in steps (see `shrink`); of one that is there this would write the header.
        if not cursor.execute("PRAGMA page_count").fetchone()[0]:
            cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
        cursor.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        # SQLite does not wait for another process that is just making a new file a WAL; once is enough.
        if not _is_busy(error):
            raise
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    milliseconds = connection.get_execution_options().get(_WRITES)
    if milliseconds is None:
        connection.exec_driver_sql("BEGIN")
    elif milliseconds == BUSY_TIMEOUT_MS:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={milliseconds}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _roll_back(connection: DBAPIConnection, _: ConnectionPoolEntry, __: BaseException | None) -> None:
    """Before a connection is closed whose statement was interrupted (Ctrl-C): SQLite closes it only once nothing refers
    to its statements any more, the traceback of the interruption among it, and would keep the others out until then."""
    with suppress(sqlite3.Error):  # it is given up anyway
        connection.rollback()


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
