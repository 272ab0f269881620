"""Bringing a ledger's schema up to this version's. Alembic is imported only if there is something to do."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from bot.errors import LedgerNewerError
from bot.ledger.engine import read, write

# The newest migration in migrations/versions. Revisions are numbered, so that "newer than ours" can be said.
HEAD = "0009"
_VERSION_TABLE = "alembic_version"
_LOCK_TABLE = "migration_lock"


def schema_version(connection: Connection) -> str | None:
    """The revision of a ledger; None for an empty database."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    value = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608 - a constant
    return None if value is None else str(value)


def migrate(engine: Engine) -> str | None:
    """Bring the schema to HEAD in one transaction; gives the version that it had before if anything was done.

    Raises LedgerNewerError for a ledger that a newer llmcost has written: it is left as it is.
    """
    version = read(engine, schema_version)
    if _is_done(version):
        return None
    from alembic import command
    from alembic.config import Config

    def work(connection: Connection) -> None:
        _wait_for_turn(connection)
        if not _is_done(schema_version(connection)):  # another process may have been faster
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)

    if engine.dialect.name == "postgresql":
        write(engine, _make_lock)
    write(engine, work)
    return version or "nothing"


def check_known(version: str | None) -> None:
    """Raises LedgerNewerError if a newer llmcost has migrated a ledger to this revision. An older one is no trouble."""
    if version is not None and version > HEAD:
        raise LedgerNewerError(
            f"The ledger was written by a newer llmcost (schema {version}, this one knows {HEAD}): update llmcost."
        )


def _is_done(version: str | None) -> bool:
    check_known(version)
    return version == HEAD


# SQLite has one pen. Elsewhere it is the one row of a table of its own: whoever changes it first migrates; the others
# wait for the end of that, begin again, and find everything done. It is free as soon as its holder is gone.


def _make_lock(connection: Connection) -> None:
    connection.execute(text(f"CREATE TABLE IF NOT EXISTS {_LOCK_TABLE} (id INTEGER PRIMARY KEY, turn BIGINT NOT NULL)"))
    connection.execute(text(f"INSERT INTO {_LOCK_TABLE} VALUES (1, 0) ON CONFLICT DO NOTHING"))  # noqa: S608 - a constant


def _wait_for_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"UPDATE {_LOCK_TABLE} SET turn = turn + 1"))  # noqa: S608 - a constant
