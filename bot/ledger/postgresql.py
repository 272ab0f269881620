"""A ledger in PostgreSQL, or in an engine that speaks as it does: several replicas share it.

Write transactions are SERIALIZABLE, which is what SQLite's one pen gives: whoever looks and then writes can be sure
that it is still so. The price is that one of two that meet is told to begin again (40001), and does. Reading sees one
snapshot (REPEATABLE READ), which meets nobody. No advisory locks, nothing that a distributed engine lacks.
"""

import re

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from bot.errors import LedgerError
from bot.ledger.trouble import Trouble

_WRITES = "llmcost_write"
PEN = {"isolation_level": "SERIALIZABLE", _WRITES: True}
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

# Threads that answer, and those of the sync and the jobs: nobody waits for a connection.
_KEPT_OPEN, _AT_MOST = 5, 30
# A server that is gone is noticed before people lose patience; what DATABASE_URL says itself wins.
_PATIENCE = {"connect_timeout": "5", "keepalives_idle": "15", "keepalives_interval": "5", "tcp_user_timeout": "15000"}

# Not to be serialized, a deadlock, and a row that another has inserted first: who repeats it, sees that row.
_MET_ANOTHER = {"40001", "40P01", "23505"}
# Two that make the same table at once.
_MADE_TWICE = {"42P07", "42710"}
# With 40003 a distributed engine says that it cannot tell whether a COMMIT has gone through.
_CONNECTION_ENDS = ("08", "57P0", "53300", "25P03", "40003")

# A process that is paused in the midst of a write transaction has rows that others wait for, the lease that it holds
# among them: after so long the server takes them back, and it begins again when it wakes up.
LONGEST_PAUSE_SECONDS = 30
_NOT_ALLOWED = ("28", "3D", "42501", "25006", "53", "54", "58", "XX")


def open_postgresql(url: URL) -> Engine:
    """An engine for a database that is there; nothing is asked of it yet. Raises LedgerError without the driver."""
    url = url.set(drivername="postgresql+psycopg").update_query_dict(
        {name: value for name, value in _PATIENCE.items() if name not in url.query}
    )
    try:
        engine = create_engine(
            url,
            paramstyle="format",  # bulk statements are handed to the driver with their values in order
            pool_pre_ping=True,
            pool_size=_KEPT_OPEN,
            max_overflow=_AT_MOST - _KEPT_OPEN,
        )
    except ImportError:
        raise LedgerError(
            "A ledger in PostgreSQL needs its driver: install llmcost with the extra `postgres`."
        ) from None
    event.listen(engine, "begin", _begin)
    return engine


def judge(error: DBAPIError) -> Trouble:
    """What is to be done about an error."""
    import psycopg

    cause = error.orig
    if not isinstance(cause, psycopg.Error):
        return Trouble.FAULT
    state = cause.sqlstate or ""
    if state in _MET_ANOTHER | _MADE_TWICE:
        return Trouble.OVERTAKEN
    if state.startswith(_CONNECTION_ENDS):
        return Trouble.LOST
    if state.startswith(_NOT_ALLOWED):
        return Trouble.UNUSABLE
    if isinstance(cause, psycopg.OperationalError) and not state:
        return Trouble.LOST
    if isinstance(cause, psycopg.ProgrammingError) and error.statement is None:
        return Trouble.UNUSABLE  # DATABASE_URL says something that the driver does not know
    return Trouble.UNUSABLE if isinstance(cause, psycopg.OperationalError) else Trouble.FAULT


def _begin(connection: Connection) -> None:
    if _WRITES in connection.get_execution_options():
        connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_PAUSE_SECONDS}s'")


def in_words(error: DBAPIError, url: URL) -> str:
    """What the server or the driver says, in a line and without a password."""
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    secrets = [url.password, *(str(value) for name, value in url.query.items() if "password" in name)]
    for secret in filter(None, secrets):
        said = said.replace(str(secret), "***")
    return re.sub(r"\s+", " ", said).rstrip(".")
