"""Write transactions that are done once, also where the connection was lost just as the database said that one had gone
through. Whoever repeats such a one would take their own rows for another's, or write them a second time.

So an id of the attempt is written down last, beside what the transaction itself writes. Where a repeat finds it, what
was done stays as it is. Where the lost try is not over yet, two of one id cannot both go through: the database lets the
later one wait, and it begins again once the earlier one has.

SQLite's word cannot be lost, and nothing is written down there.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import BigInteger, Connection, Engine, cast, delete, extract, func, insert, select

from bot.ledger import engine as database
from bot.ledger.ids import random_id
from bot.ledger.tables import attempts

# A process that was paused for longer in the midst of a write may do it twice when it wakes up.
KEPT_MICROSECONDS = 24 * 3600 * 1_000_000
# The database's clock: those of processes may differ.
_NOW = cast(extract("epoch", func.now()) * 1_000_000, BigInteger)

Result = TypeVar("Result")


def write_once(engine: Engine, work: Callable[[Connection], Result], patience: float | None = None) -> Result:
    """See bot.ledger.engine.write. What `work` has written is kept once, and what it gave then is given, however often
    it had to be repeated; another call is another attempt."""
    if not _can_be_lost(engine):
        return database.write(engine, work, patience)
    attempt = random_id()
    given: list[Result] = []  # by the only try that may have gone through

    def recorded(connection: Connection) -> Result:
        if given and connection.scalar(select(attempts.c.id).where(attempts.c.id == attempt)) is not None:
            return given[0]
        result = work(connection)
        connection.execute(insert(attempts).values(id=attempt, at=_NOW))
        given[:] = [result]  # only now: an earlier try cannot go through any more
        return result

    return database.write(engine, recorded, patience)


def forget_old(connection: Connection) -> None:
    """Nobody repeats an attempt after a day."""
    if _can_be_lost(connection):
        connection.execute(delete(attempts).where(attempts.c.at < _NOW - KEPT_MICROSECONDS))


def _can_be_lost(database_: Engine | Connection) -> bool:
    return database_.dialect.name == "postgresql"
