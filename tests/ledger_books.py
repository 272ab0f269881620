"""Books for the ledger's tests: a ledger in memory, and whatever is asked of it most."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, delete, select

from bot.domain.cost import Price
from bot.domain.costing import CostMode
from bot.domain.feature import Attribution
from bot.domain.run import Run
from bot.ledger import lease
from bot.ledger.booking import Booked, Rules, day_finder, microseconds
from bot.ledger.books import BookingSummary
from bot.ledger.coverage import ProjectRow
from bot.ledger.engine import open_engine, reading, writing
from bot.ledger.migrate import migrate
from bot.ledger.rows import from_row
from bot.ledger.store import Ledger
from bot.ledger.tables import metadata
from bot.ledger.trace_rows import Root
from tests.databases import new_url
from tests.ledger_worlds import ATTRIBUTION, World, id_of, list_price

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DIMENSIONS = ("env", "user_tier")
MINE = lease.Lease(lease.SYNC, "the test")


@lru_cache(1)
def memory() -> Engine:
    """The database: in memory, or where this run keeps its ledgers."""
    engine = open_engine(new_url(empty=True), create=True)
    migrate(engine)
    return engine


class Books:
    """A ledger in memory with two projects, under a lease.

    To make one takes a millisecond, because all share one database: only the last one made can be used.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        *,
        attribution: Attribution = ATTRIBUTION,
        dimensions: tuple[str, ...] = DIMENSIONS,
        price: Price = list_price,
    ) -> None:
        with writing(memory()) as connection:
            for table in metadata.sorted_tables:
                connection.execute(delete(table))
            lease.take(connection, MINE, microseconds(NOW))
        self.ledger = Ledger(memory())
        self.rules = Rules(attribution, price, day_finder(zone), dimensions)
        self.ledger.keep_rules(self.rules, zone)
        self.ledger.select_projects(MINE, NOW, [(id_of(key), f"project-{key}", 0) for key in (1, 2)])

    def project(self, key: int = 1) -> ProjectRow:
        """A project as it stands."""
        with self.ledger.reading() as ledger:
            return next(row for row in ledger.projects() if row.key == key)

    def book(self, runs: Iterable[Run], roots: Mapping[bytes, Root] | None = None, project: int = 1) -> BookingSummary:
        """Book a page of one project."""
        return self.ledger.book(MINE, NOW, self.project(project), runs, roots or {}, self.rules)

    def learn(self, mode: CostMode, project: int = 1) -> int:
        """Find out what a parent's cost means in a project."""
        return self.ledger.set_cost_mode(MINE, NOW, self.project(project), mode, self.rules)

    def settle(self, through: date, project: int = 1) -> None:
        """Settle days."""
        self.ledger.finish_reread(MINE, NOW, self.project(project), (), 0, through.toordinal())

    def fill(self, world: World) -> None:
        """Book all of a world at once."""
        for key, mode in world.modes.items():
            if mode is not CostMode.UNKNOWN:
                self.learn(mode, key)
            traces = [trace for trace in world.traces if trace.project == key]
            roots = {trace.id: Root(trace.root, final=True) for trace in traces}
            self.book([run for trace in traces for run in trace.runs], roots, key)

    def booked(self) -> dict[bytes, Booked]:
        """All runs as they stand."""
        with reading(memory()) as connection:
            return {
                booked.run.id: booked for booked in map(from_row, connection.execute(select(metadata.tables["runs"])))
            }

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row that is kept of runs, sorted."""
        with reading(memory()) as connection:
            return {name: rows_of(connection, name) for name in ("runs", "rollups", "returns", "roots")}


def rows_of(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    """All rows of a table, sorted."""
    return sorted((tuple(row) for row in connection.execute(select(metadata.tables[table]))), key=repr)
