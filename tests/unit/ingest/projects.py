"""Projects as the ledger remembers them, from instants instead of microseconds."""

from datetime import date, datetime
from typing import Any

from bot.domain.costing import CostMode
from bot.ledger.booking import microseconds
from bot.ledger.coverage import ProjectRow

_NEVER_READ = ProjectRow(1, b"p" * 16, "acme-prod", 0, True, CostMode.OWN, None, None, None, None, None, None)


def project(**known: datetime | date | None) -> ProjectRow:
    """A project that was never read, but for what is `known`: columns as instants, `settled_through` as a date."""
    stored: dict[str, Any] = {name: _stored(value) for name, value in known.items()}
    return _NEVER_READ._replace(**stored)


def _stored(value: datetime | date | None) -> int | None:
    if value is None:
        return None
    return microseconds(value) if isinstance(value, datetime) else value.toordinal()
