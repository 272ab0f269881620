"""Bringing a ledger's schema up to this version's. Alembic is imported only if there is something to do."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from bot.errors import LedgerError
from bot.ledger.engine import reading, writing

# The newest migration in migrations/versions. Revisions are numbered, so that "newer than ours" can be said.
HEAD = "0003"
_VERSION_TABLE = "alembic_version"


def schema_version(connection: Connection) -> str | None:
    """The revision of a ledger; None for an empty database."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    value = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608 - a constant
    return None if value is None else str(value)


def migrate(engine: Engine) -> str | None:
    """Bring the schema to HEAD in one transaction; gives the version that it had before if anything was done.

    Raises LedgerError for a ledger that a newer llmcost has written: it is left as it is.
    """
    with reading(engine) as connection:
        version = schema_version(connection)
    if version == HEAD:
        return None
    if version is not None and version > HEAD:
        raise LedgerError(
            f"The ledger was written by a newer llmcost (schema {version}, this one knows {HEAD}): update llmcost."
        )
    from alembic import command
    from alembic.config import Config

    with writing(engine) as connection:
        if schema_version(connection) != HEAD:  # another process may have been faster
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)
    return version or "nothing"
