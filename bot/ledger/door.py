"""The way to a ledger's database."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine

from bot.ledger import engine as database
from bot.ledger.attempts import write_once

Result = TypeVar("Result")


class Door(NamedTuple):
    """Transactions on an engine. With a `guard`, every one that writes begins with it, and comes to nothing where it
    raises."""

    engine: Engine
    guard: Callable[[Connection], None] | None = None

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """See bot.ledger.engine.read."""
        return database.read(self.engine, work)

    def write(self, work: Callable[[Connection], Result], patience: float | None = None) -> Result:
        """See bot.ledger.attempts.write_once."""
        guard = self.guard
        if guard is None:
            return write_once(self.engine, work, patience)

        def guarded(connection: Connection) -> Result:
            guard(connection)
            return work(connection)

        return write_once(self.engine, guarded, patience)
