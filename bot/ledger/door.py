"""The way to a ledger's database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bot.errors import LedgerBusyError, LedgerError, LedgerNewerError, LedgerUnavailableError
from bot.ledger import engine as database
from bot.ledger.attempts import write_once
from bot.ledger.schema import Schema

Result = TypeVar("Result")


class Door(NamedTuple):
    """Transactions on an engine, as long as no newer llmcost has migrated its ledger: then all raise LedgerNewerError.
    With a `guard`, every one that writes begins with it, and comes to nothing where it raises."""

    engine: Engine
    schema: Schema
    guard: Callable[[Connection], None] | None = None

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """See bot.ledger.engine.read."""
        with self._watched():
            return database.read(self.engine, work)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See bot.ledger.engine.reading."""
        with self._watched(), database.reading(self.engine) as connection:
            yield connection

    def write(
        self, work: Callable[[Connection], Result], patience: float | None = None, *, looks: bool = True
    ) -> Result:
        """See bot.ledger.attempts.write_once. It begins with a look at the schema, unless somebody waits for what no
        schema can make wrong."""

        def guarded(connection: Connection) -> Result:
            if looks:
                self.schema.look(connection)
            if self.guard is not None:
                self.guard(connection)
            return work(connection)

        with self._watched():
            return write_once(self.engine, guarded, patience)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Readers do not look: what another schema makes impossible is not taken for a fault of the code or the file,
        and what it makes wrong can be answered only until this process writes something, or keeps its lease."""
        self.schema.check()
        try:
            yield
        except (LedgerNewerError, LedgerBusyError, LedgerUnavailableError):
            raise
        except (LedgerError, DBAPIError):
            with suppress(LedgerError, DBAPIError):
                self.look()
            self.schema.check()
            raise

    def look(self) -> None:
        """See bot.ledger.schema.Schema.look, in a transaction of its own."""
        self.schema.check()
        database.read(self.engine, self.schema.look)
