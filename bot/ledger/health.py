"""How the database itself is."""

import shutil
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, delete, false

from bot.errors import LedgerError
from bot.ledger.engine import read, write
from bot.ledger.migrate import schema_version
from bot.ledger.tables import leases


class Health(NamedTuple):
    """`problem` is why it cannot be written, None if it can. `size` and `free` are bytes: of the files, and on their
    disk (None where there is none)."""

    schema: str | None
    problem: str | None
    size: int
    free: int | None


def health(engine: Engine) -> Health:
    """How the database is. Nothing is changed, but SQLite does not refuse a read-only file before a statement wants to
    write."""
    problem = None
    try:
        write(engine, lambda connection: connection.execute(delete(leases).where(false())))
    except LedgerError as error:
        problem = str(error)
    schema = read(engine, schema_version)
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return Health(schema, problem, 0, None)
    files = [Path(f"{database}{suffix}") for suffix in ("", "-wal", "-shm")]
    size = sum(file.stat().st_size for file in files if file.exists())
    return Health(schema, problem, size, shutil.disk_usage(files[0].absolute().parent).free)
