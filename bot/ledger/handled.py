"""Presses that were taken up: Slack hands one over again when it saw no acknowledgement, to whichever process."""

from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import IntegrityError

from bot.ledger.tables import handled

# Slack tries again for an hour at most.
KEPT_MICROSECONDS = 24 * 3600 * 1_000_000


def take_up(connection: Connection, press_id: str, now: int) -> bool:
    """Remember a press for a day; False if it was taken up before. Of two who try at once only one gets it."""
    connection.execute(delete(handled).where(handled.c.at < now - KEPT_MICROSECONDS))
    try:
        connection.execute(insert(handled).values(id=press_id, at=now))
    except IntegrityError:
        return False
    return True
