"""The rows of traces and of what their roots say: out of the ledger, and into it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete

from bot.ledger.booking import Booked
from bot.ledger.bulk import rows_in, upsert
from bot.ledger.rollups import MEASURES, Delta
from bot.ledger.rows import COLUMNS, from_row, keys_from, keys_to, to_row
from bot.ledger.tables import returns, rollups, runs
from bot.ledger.tables import roots as roots_table

Trace = Mapping[bytes, Booked]  # the booked runs of a trace by id


@dataclass(frozen=True, slots=True)
class Root:
    """What a trace's root says: the configured keys' values, and whether they are final because it has ended."""

    keys: tuple[tuple[str, str], ...]
    final: bool


# That of a trace that was purged: nobody looks it up again.
SILENT = Root((), final=True)


def said(root: Root | None) -> dict[str, str]:
    """The keys that a root says; none where it was not found."""
    return {} if root is None else dict(root.keys)


def changes_of(before: Trace, after: Trace) -> list[Booked]:
    """The runs that stand otherwise after than before."""
    return [one for run_id, one in after.items() if before.get(run_id) != one]


def write_changes(connection: Connection, changed: Sequence[Booked], delta: Delta) -> None:
    """Write runs that stand differently, and what that does to the rollups."""
    write_runs(connection, changed)
    write_delta(connection, delta)


def load_traces(connection: Connection, project: int, trace_ids: Collection[bytes]) -> dict[bytes, Trace]:
    """The booked runs of some traces of a project, by trace."""
    found: dict[bytes, dict[bytes, Booked]] = {}
    for row in rows_in(connection, tuple(runs.c), runs.c.trace_id, list(trace_ids), project=project):
        booked = from_row(row)
        found.setdefault(booked.run.trace_id, {})[booked.run.id] = booked
    return dict(found)


def load_roots(connection: Connection, project: int, trace_ids: Collection[bytes]) -> dict[bytes, Root]:
    """What the roots of some traces of a project say, where it was looked up."""
    columns = (roots_table.c.trace_id, roots_table.c.key_values, roots_table.c.final)
    found = rows_in(connection, columns, roots_table.c.trace_id, list(trace_ids), project=project)
    return {trace_id: Root(keys_from(keys), bool(final)) for trace_id, keys, final in found}


def write_runs(connection: Connection, booked: Sequence[Booked]) -> None:
    """Write runs as they are booked."""
    replaced = tuple(name for name in COLUMNS if name != "id")
    upsert(connection, runs, [to_row(one) for one in booked], replace=replaced)


def write_delta(connection: Connection, delta: Delta) -> None:
    """Add to the rollups, and to the returns; rows without a run go."""
    upsert(connection, rollups, [(*key, *sums) for key, sums in delta.rollups.items()], add=MEASURES)
    upsert(connection, returns, [(*key, day, traces) for (key, day), traces in delta.returns.items()], add=("traces",))
    fewer = {key.day for key, sums in delta.rollups.items() if sums[0] < 0}
    if fewer:
        connection.execute(delete(rollups).where(rollups.c.runs == 0, rollups.c.day.in_(fewer)))
    fewer = {key.day for (key, _), traces in delta.returns.items() if traces < 0}
    if fewer:
        connection.execute(delete(returns).where(returns.c.traces == 0, returns.c.day.in_(fewer)))


def write_roots(connection: Connection, project: int, roots: Mapping[bytes, Root]) -> None:
    """Write what roots say, by trace."""
    rows = [(project, trace_id, keys_to(root.keys), root.final) for trace_id, root in roots.items()]
    upsert(connection, roots_table, rows, replace=("key_values", "final"))
