"""Leases: one process at a time does a job, and one that was paused and wakes up late cannot write."""

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, update

from bot.errors import LedgerBusyError
from bot.ledger.bulk import insert_new
from bot.ledger.tables import leases

SYNC = "sync"
JOBS = "jobs"  # what the clock does, in one process at a time
# Who holds it prolongs it far more often; if they are killed, others go on within a minute.
LEASE_MICROSECONDS = 30_000_000
# One that seems to last for longer was taken by a clock that has been set right since.
_CLOCKS_DIFFER = 600_000_000

# Made once: whoever writes under a lease prolongs it.
_OURS = (leases.c.name == bindparam("of"), leases.c.holder == bindparam("held_by"))
_PROLONG = update(leases).where(*_OURS)
_RELEASE = delete(leases).where(*_OURS)


class Lease(NamedTuple):
    """The right to do the job `name`, until somebody finds it expired and takes it."""

    name: str
    holder: str


def take(connection: Connection, lease: Lease, now: int) -> None:
    """Take the lease, in a write transaction. Raises LedgerBusyError while another holder's has not expired."""
    if not keep(connection, lease, now):
        expires = connection.scalar(select(leases.c.expires).where(leases.c.name == lease.name))
        seconds = -(-(int(expires or now) - now) // 1_000_000)
        raise LedgerBusyError(
            f"Another process is at the {lease.name} of this ledger. If it was killed, try again in {seconds} s."
        )


def keep(connection: Connection, lease: Lease, now: int) -> bool:
    """Take the lease or prolong it, in a write transaction; False while another holder's has not expired."""
    over = (leases.c.expires <= now) | (leases.c.expires > now + _CLOCKS_DIFFER)
    ours = leases.c.holder == lease.holder
    connection.execute(delete(leases).where(leases.c.name == lease.name, over | ours))
    return insert_new(connection, leases, **lease._asdict(), expires=now + LEASE_MICROSECONDS)


def hold(connection: Connection, lease: Lease, now: int) -> None:
    """Prolong the lease inside a write transaction. Raises LedgerBusyError if it was taken by another: the transaction
    must not be committed then. An expired lease that nobody took is still ours."""
    asked = {"of": lease.name, "held_by": lease.holder, "expires": now + LEASE_MICROSECONDS}
    if not connection.execute(_PROLONG, asked).rowcount:
        raise LedgerBusyError(f"Another process has taken over the {lease.name}; this one stops.")


def is_held(connection: Connection, name: str, now: int) -> bool:
    """Whether somebody is at the job, and was within the last half minute."""
    lasting = (leases.c.name == name, leases.c.expires > now, leases.c.expires <= now + _CLOCKS_DIFFER)
    return connection.scalar(select(leases.c.name).where(*lasting)) is not None


def release(connection: Connection, lease: Lease) -> None:
    """Give the lease back, if it is still ours."""
    connection.execute(_RELEASE, {"of": lease.name, "held_by": lease.holder})
