"""Which files were put into Slack because somebody pressed a button: each once, however often it is pressed."""

from sqlalchemy import Connection, delete, insert, select

from bot.ledger.tables import uploads

# Whoever presses again after so long wants the file again.
KEPT_MICROSECONDS = 30 * 24 * 3600 * 1_000_000


def claim(connection: Connection, key: str, now: int) -> bool:
    """Mark a file as uploaded; False if it has been already: of two presses only one uploads."""
    connection.execute(delete(uploads).where(uploads.c.at < now - KEPT_MICROSECONDS))
    if connection.scalar(select(uploads.c.at).where(uploads.c.key == key)) is not None:
        return False
    connection.execute(insert(uploads).values(key=key, at=now))
    return True


def give_back(connection: Connection, key: str) -> None:
    """The upload failed: the button works again."""
    connection.execute(delete(uploads).where(uploads.c.key == key))
