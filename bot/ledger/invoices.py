"""What providers have billed for a calendar month. A new line replaces the one before, which stays as history."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from bot.ledger.booking import instant, microseconds
from bot.ledger.tables import invoices


class Invoice(NamedTuple):
    """A bill: `month` like `2026-11`, the amount in nano-dollars."""

    provider: str
    month: str
    nanos: int
    at: datetime
    by: str


def record(connection: Connection, invoice: Invoice) -> None:
    """Write a bill down; it counts from now on."""
    connection.execute(insert(invoices).values(**invoice._asdict() | {"at": microseconds(invoice.at)}))


def of_month(connection: Connection, month: str) -> list[Invoice]:
    """Every line of a month, the oldest first."""
    query = select(invoices).where(invoices.c.month == month).order_by(invoices.c.id)
    return [Invoice(row.provider, row.month, row.nanos, instant(row.at), row.by) for row in connection.execute(query)]
