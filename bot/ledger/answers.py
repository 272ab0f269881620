"""Answers that can still be shared: what stood in an ephemeral message is kept word for word, because Slack does not
give it back when somebody presses its button."""

from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update

from bot.ledger.bulk import insert_new
from bot.ledger.tables import answers

# An ephemeral message is gone after a reload; a day is longer than anybody keeps looking at it.
KEPT_MICROSECONDS = 24 * 3600 * 1_000_000
# A page of runs is written far faster; behind what takes longer an answer goes out without its buttons.
PATIENCE = 1.0


class KeptAnswer(NamedTuple):
    """A message (JSON text) as `asked_by` (a Slack user id) saw it; `shared_at` once it has been shared."""

    id: str
    asked_by: str
    asked_at: int
    message: str
    shared_at: int | None = None


def keep(connection: Connection, answer: KeptAnswer) -> None:
    """Keep an answer for a day; older ones go."""
    connection.execute(delete(answers).where(answers.c.asked_at < answer.asked_at - KEPT_MICROSECONDS))
    insert_new(connection, answers, **answer._asdict())


def find(connection: Connection, answer_id: str) -> KeptAnswer | None:
    """The answer, or None if it has never been or is gone."""
    row = connection.execute(select(answers).where(answers.c.id == answer_id)).one_or_none()
    return None if row is None else KeptAnswer(*row)


def claim_share(connection: Connection, answer_id: str, now: int) -> bool:
    """Mark an answer as shared; False if it has been already: of two presses only one shares."""
    claimed = update(answers).where(answers.c.id == answer_id, answers.c.shared_at.is_(None)).values(shared_at=now)
    return connection.execute(claimed).rowcount == 1


def give_back_share(connection: Connection, answer_id: str) -> None:
    """Sharing failed: the button works again."""
    connection.execute(update(answers).where(answers.c.id == answer_id).values(shared_at=None))
