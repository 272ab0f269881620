"""Presses and events that were taken up: Slack hands one over again when it saw no acknowledgement, to whichever
process."""

from sqlalchemy import Connection, delete, insert, select

from bot.ledger.tables import handled

# Slack tries again for an hour at most.
KEPT_MICROSECONDS = 24 * 3600 * 1_000_000


def take_up(connection: Connection, press_id: str, now: int) -> bool:
    """Remember a press or an event for a day; False if it was taken up before. Of two who try at once one gets it."""
    connection.execute(delete(handled).where(handled.c.at < now - KEPT_MICROSECONDS))
    if connection.scalar(select(handled.c.id).where(handled.c.id == press_id)) is not None:
        return False
    connection.execute(insert(handled).values(id=press_id, at=now))
    return True
