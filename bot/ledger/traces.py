"""One trace, as it is booked."""

from sqlalchemy import Connection, select

from bot.ledger.booking import Booked
from bot.ledger.rows import COLUMNS, from_row
from bot.ledger.tables import projects, runs


def find_trace(connection: Connection, run_id: bytes) -> bytes | None:
    """The trace of a run; None if the ledger does not hold the run."""
    return connection.scalar(select(runs.c.trace_id).where(runs.c.id == run_id))


def holds_trace(connection: Connection, trace_id: bytes) -> bool:
    """Whether the ledger holds a run of that trace."""
    return connection.scalar(select(runs.c.id).where(runs.c.trace_id == trace_id).limit(1)) is not None


def load_trace(connection: Connection, trace_id: bytes) -> list[tuple[str, Booked]]:
    """The runs of a trace, those that count in no figure too, each with its project's name; none if it is not held."""
    query = (
        select(projects.c.name, *(runs.c[name] for name in COLUMNS))
        .join(projects, projects.c.key == runs.c.project)
        .where(runs.c.trace_id == trace_id)
    )
    return [(row[0], from_row(row[1:])) for row in connection.execute(query)]
