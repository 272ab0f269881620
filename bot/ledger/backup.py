"""A copy of the ledger, made while others read and write it."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Engine

from bot.errors import LedgerError


def back_up(engine: Engine, target: Path) -> int:
    """Copy the ledger as it is at one moment into a new file that its owner alone can read; gives its bytes.

    Raises LedgerError if the file is there already or cannot be written: what was begun is taken away; and for a
    ledger in PostgreSQL.
    """
    if engine.dialect.name != "sqlite":
        raise LedgerError("A ledger in PostgreSQL is copied by PostgreSQL's own pg_dump.")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise LedgerError(f"{target} is there already: name a new file, nothing is overwritten.") from None
    except OSError as error:
        raise LedgerError(f"The backup {target} cannot be written: {error.strerror}.") from None
    try:
        # One read transaction: whatever is written meanwhile is in the next backup.
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("VACUUM INTO ?", (str(target),))
        damage = _damage(target)
    except BaseException as error:
        with suppress(OSError):
            target.unlink()
        if isinstance(error, sqlite3.Error):
            raise LedgerError(f"The ledger cannot be copied to {target}: {error}.") from error
        raise
    if damage is not None:
        target.unlink()
        raise LedgerError(f"The ledger is damaged, so that no backup of it was kept: {damage}.")
    return target.stat().st_size


def _damage(copy: Path) -> str | None:
    with closing(sqlite3.connect(copy)) as connection:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return None if said == "ok" else str(said)
