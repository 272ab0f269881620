"""Days of the past whose figures have changed after everybody had stopped looking at them."""

import secrets
from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, delete, insert, select

from bot.ledger.tables import marks

MARK = "repriced from"  # the earliest day of which digests are to be looked at again


def remember(connection: Connection, days: Iterable[int]) -> None:
    """Digests of these days (ordinals) may have to be corrected: remember the earliest of them, under MARK."""
    changed = set(days)
    if not changed:
        return
    mine = marks.c.name == MARK
    kept = connection.scalar(select(marks.c.value).where(mine))
    if kept:
        changed.add(date.fromisoformat(kept.partition(" ")[0]).toordinal())
    connection.execute(delete(marks).where(mine))
    # With something new, so that whoever has looked knows whether more has changed meanwhile.
    value = f"{date.fromordinal(min(changed)).isoformat()} {secrets.token_hex(4)}"
    connection.execute(insert(marks).values(name=MARK, value=value))
