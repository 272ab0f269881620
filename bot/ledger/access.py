"""Access to a ledger: its transactions, and the leases that let one process at a time do a thing."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, select

from bot.errors import LedgerError
from bot.ledger import lease
from bot.ledger.booking import Rules, microseconds
from bot.ledger.door import Door
from bot.ledger.ids import NewId, random_id
from bot.ledger.lease import Lease
from bot.ledger.outbox import Outbox
from bot.ledger.reading import Reading
from bot.ledger.schema import Schema
from bot.ledger.tables import rules as rules_table

Result = TypeVar("Result")

_log = logging.getLogger(__name__)
# Whoever ends is not to be held up by others who write: a lease that is not given back runs out.
_LAST_SECONDS = 1.0

_RULES = select(rules_table)  # made once: whoever writes under a lease asks


class Access:
    """A database that is open. Whoever writes under a lease holds it until the transaction is over, and writes only as
    long as the ledger is kept by the rules that were said here, if any were."""

    def __init__(
        self,
        engine: Engine,
        guard: Callable[[Connection], None] | None = None,
        *,
        new_id: NewId = random_id,
        schema: Schema | None = None,
    ) -> None:
        """With a `guard`, every transaction that writes begins with it. `new_id` gives ids that no other process
        gives. `schema` is what is known of the ledger's, where somebody else has it open too."""
        self._engine = engine
        self._new_id = new_id
        self._schema = schema or Schema()
        self._door = Door(engine, self._schema, guard)
        self.outbox = Outbox(self._door, new_id)
        self._leases: set[Lease] = set()  # those that were not given back yet
        self._rules: Rules | None = None  # those that it is kept by, once that has been said
        self._kept_by: dict[str, str] = {}  # the same as text

    def close(self) -> None:
        """Give back what is leased, and close the connections."""
        try:
            for mine in list(self._leases):
                self.release(mine, _LAST_SECONDS)
        except LedgerError as error:
            _log.warning("a lease runs out by itself: %s", error)
        finally:
            self._engine.dispose()

    @property
    def is_newer(self) -> bool:
        """Whether a newer llmcost has been seen to have migrated it: nothing is read or written any more then."""
        return self._schema.is_newer

    def check_schema(self) -> None:
        """Raises LedgerNewerError if a newer llmcost has migrated it. Whoever writes, or keeps a lease, finds out
        anyway."""
        self._door.look()

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """One state of the ledger to ask several questions of, for whoever tries again later by themselves; see
        `read`."""
        with self._door.reading() as connection:
            yield Reading(connection)

    def read(self, work: Callable[[Reading], Result]) -> Result:
        """What `work` finds in one state of the ledger; it is begun again where the connection is lost."""
        return self._door.read(lambda connection: work(Reading(connection)))

    @contextmanager
    def lease(self, name: str, now: datetime) -> Iterator[Lease]:
        """Hold the lease `name`. Raises LedgerBusyError while another process has it."""
        mine = Lease(name, self._new_id())
        self._door.write(lambda connection: lease.take(connection, mine, microseconds(now)))
        self._leases.add(mine)
        try:
            yield mine
        finally:
            self.release(mine)

    def keep_lease(self, mine: Lease, now: datetime) -> bool:
        """Take the lease or prolong it; False while another process has it."""
        has_it = self._door.write(lambda connection: lease.keep(connection, mine, microseconds(now)))
        (self._leases.add if has_it else self._leases.discard)(mine)
        return has_it

    def release(self, mine: Lease, patience: float | None = None) -> None:
        """Give a lease back, if it is still ours."""
        self._door.write(lambda connection: lease.release(connection, mine), patience)
        self._leases.discard(mine)

    def under(self, mine: Lease, clock: Callable[[], datetime]) -> Self:
        """The same ledger for whoever holds that lease: every write transaction begins with a look at it, and raises
        LedgerBusyError, with nothing written, once another process has it. Not to be closed."""
        return type(self)(
            self._engine,
            lambda connection: lease.hold(connection, mine, microseconds(clock())),
            new_id=self._new_id,
            schema=self._schema,
        )

    def _write(self, mine: Lease, now: datetime, work: Callable[[Connection], Result]) -> Result:
        """A write transaction of whoever holds the lease. Raises LedgerBusyError if another does, and LedgerError if
        another process has recounted the ledger by other rules: what we add by ours would not fit."""

        def guarded(connection: Connection) -> Result:
            lease.hold(connection, mine, microseconds(now))
            if self._rules is not None and kept_rules(connection) != self._kept_by:
                raise LedgerError(
                    "Another process keeps this ledger by other settings (time zone, dimensions, features or rules): "
                    "give all of them the same and start this one again."
                )
            return work(connection)

        return self._door.write(guarded)


def kept_rules(connection: Connection) -> dict[str, str]:
    """The rules by which the ledger is kept, as text; none as long as nobody has said any."""
    return {row.name: row.value for row in connection.execute(_RULES)}
