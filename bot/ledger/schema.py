"""Whether this code may still work on a ledger that is open: another process may have brought a newer llmcost to it."""

import logging
import threading

from sqlalchemy import Connection, text

from bot.errors import LedgerNewerError
from bot.ledger.migrate import check_known

_VERSION = text("SELECT version_num FROM alembic_version")

_log = logging.getLogger(__name__)


class Schema:
    """What this process has seen of its ledger's schema. Once it was newer than the code it is so for good: whoever
    puts an older ledger back starts its processes again anyway."""

    def __init__(self) -> None:
        self._seen = threading.Lock()
        self._problem: str | None = None

    @property
    def is_newer(self) -> bool:
        """Whether a newer one has been seen. Nothing is asked of the database."""
        return self._problem is not None

    def check(self) -> None:
        """Raises LedgerNewerError if a newer one has been seen, likewise."""
        if self._problem is not None:
            raise LedgerNewerError(self._problem)

    def look(self, connection: Connection) -> None:
        """Look at it, which is one row. Raises LedgerNewerError if it is newer: a transaction that writes must not be
        committed then. It is logged where it is seen first, and nowhere else."""
        try:
            check_known(connection.scalar(_VERSION))
        except LedgerNewerError as error:
            with self._seen:
                is_news, self._problem = self._problem is None, str(error)
            if is_news:
                _log.error("%s This process leaves the ledger alone from now on, and waits to be replaced.", error)
            raise
