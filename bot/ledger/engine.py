"""Opening the database, and transactions in it.

A transaction is a function of a connection (`read`, `write`), because a database that is shared by machines may have
it begun again: another was first, or the connection is lost. It must be one that can be repeated; also when it had gone
through, and only the word of that was lost: bot.ledger.attempts makes any such.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError

from bot.errors import LedgerBusyError, LedgerError, LedgerOvertakenError, LedgerUnavailableError
from bot.ledger import postgresql, sqlite
from bot.ledger.trouble import Trouble

# How often a transaction is begun, and for how long while the database is away: a long one that was first, such as a
# migration, was waited for by then. Of several that meet again and again, each waits for another time.
TRIES = 12
FOR_SECONDS = 5.0
_FIRST_WAIT, _LONGEST_WAIT = 0.01, 0.6

Result = TypeVar("Result")


def open_engine(url: str, *, create: bool) -> Engine:
    """An engine for `url`. A SQLite file is created readable by its owner alone, or not at all (`create=False`); a
    PostgreSQL database must be there.

    Raises LedgerError if there is no ledger, or if its folder does not let us in.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return postgresql.open_postgresql(parsed)
    return sqlite.open_sqlite(parsed, create=create)


def read(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """What `work` finds in one state of the ledger. Raises LedgerError for the database's errors."""

    def once() -> Result:
        with reading(engine) as connection:
            return work(connection)

    return repeat(once)


def write(engine: Engine, work: Callable[[Connection], Result], patience: float | None = None) -> Result:
    """What `work` gives, once all that it has written is kept; nothing of it is where it raises. Whoever else writes is
    waited for, by `patience` seconds where somebody waits for this. Raises LedgerError for the database's errors."""

    def once() -> Result:
        with writing(engine, patience) as connection:
            return work(connection)

    return repeat(once)


def repeat(work: Callable[[], Result]) -> Result:
    """What `work` gives, which is done again where the database has lost it, TRIES times at most. Raises
    LedgerUnavailableError if none of them went through."""
    until = time.monotonic() + FOR_SECONDS
    for done in range(1, TRIES):
        try:
            return work()
        except LedgerUnavailableError as error:
            longest = min(_FIRST_WAIT * 2**done, _LONGEST_WAIT)
            if not isinstance(error, LedgerOvertakenError) and time.monotonic() + longest > until:
                raise
            time.sleep(random.uniform(longest / 4, longest))  # noqa: S311 - no secret, only another time than others
    return work()


def compact(engine: Engine) -> bool:
    """Write the database anew, so that nothing of what was deleted is left in its files; False if others were at it,
    or if their disk has no room for that. PostgreSQL does so by itself, in its own time."""
    return False if _is_postgresql(engine) else sqlite.compact(engine)


def shrink(engine: Engine) -> bool:
    """Give what deleted rows took back to the disk; False if others were at it. PostgreSQL gives their room to new rows
    by itself."""
    return True if _is_postgresql(engine) else sqlite.shrink(engine)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the ledger throughout. Raises LedgerError for the database's errors:
    LedgerUnavailableError where doing all of it again may help."""
    options = postgresql.SNAPSHOT if _is_postgresql(engine) else {}
    with _transaction(engine, options) as connection:
        yield connection


@contextmanager
def writing(engine: Engine, patience: float | None = None) -> Iterator[Connection]:
    """One try of a transaction that nothing comes between; rolled back on any exception. Raises likewise. PostgreSQL
    lets nobody wait, so that `patience` means nothing there."""
    if _is_postgresql(engine):
        with _transaction(engine, postgresql.PEN) as connection:
            yield connection
        return
    with ExitStack() as turn:
        try:
            pen = turn.enter_context(sqlite.turn(engine, patience))
        except TimeoutError:
            raise LedgerBusyError(
                f"The ledger {shown_url(engine.url)} is being written by something else in this process; try again."
            ) from None
        with _transaction(engine, pen) as connection:
            yield connection


def shown_url(url: URL) -> str:
    """The URL as people may see it: without a password, wherever it stands."""
    return url.set(query={}).render_as_string(hide_password=True)


@contextmanager
def _transaction(engine: Engine, options: dict[str, Any]) -> Iterator[Connection]:
    try:
        with engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        trouble = postgresql.judge(error) if _is_postgresql(engine) else sqlite.judge(error)
        if trouble is Trouble.FAULT:
            raise
        where = shown_url(engine.url)
        if trouble is Trouble.BUSY:
            raise LedgerBusyError(f"The ledger {where} is being written by another process; try again.") from error
        said = (postgresql if _is_postgresql(engine) else sqlite).in_words(error, engine.url)
        if trouble is Trouble.UNUSABLE:
            raise LedgerError(f"The ledger {where} cannot be used: {said}.") from error
        lost = LedgerOvertakenError if trouble is Trouble.OVERTAKEN else LedgerUnavailableError
        raise lost(f"The ledger {where} cannot be reached or is busy: {said}. Try again.") from error


def _is_postgresql(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"
