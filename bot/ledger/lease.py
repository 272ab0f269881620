"""Leases: one process at a time does a job, and one that was paused and wakes up late cannot write."""

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bot.errors import LedgerBusyError
from bot.ledger.tables import leases

SYNC = "sync"
LEASE_MICROSECONDS = 60_000_000


class Lease(NamedTuple):
    """The right to do the job `name`, until somebody finds it expired and takes it."""

    name: str
    holder: str


def take(connection: Connection, lease: Lease, now: int) -> None:
    """Take the lease, in a write transaction. Raises LedgerBusyError while another holder's has not expired.

    One that seems to last for much longer than leases do was taken by a clock that has been set right since.
    """
    over = (leases.c.expires <= now) | (leases.c.expires > now + 10 * LEASE_MICROSECONDS)
    connection.execute(delete(leases).where(leases.c.name == lease.name, over))
    try:
        connection.execute(insert(leases).values(**lease._asdict(), expires=now + LEASE_MICROSECONDS))
    except IntegrityError:
        expires = connection.scalar(select(leases.c.expires).where(leases.c.name == lease.name))
        seconds = -(-(int(expires or now) - now) // 1_000_000)
        raise LedgerBusyError(
            f"Another process is at the {lease.name} of this ledger. If it was killed, try again in {seconds} s."
        ) from None


def hold(connection: Connection, lease: Lease, now: int) -> None:
    """Prolong the lease inside a write transaction. Raises LedgerBusyError if it was taken by another: the transaction
    must not be committed then. An expired lease that nobody took is still ours."""
    ours = update(leases).where(leases.c.name == lease.name, leases.c.holder == lease.holder)
    if not connection.execute(ours.values(expires=now + LEASE_MICROSECONDS)).rowcount:
        raise LedgerBusyError(f"Another process has taken over the {lease.name}; this one stops.")


def release(connection: Connection, lease: Lease) -> None:
    """Give the lease back, if it is still ours."""
    connection.execute(delete(leases).where(leases.c.name == lease.name, leases.c.holder == lease.holder))
