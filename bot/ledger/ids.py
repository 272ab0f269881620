"""Ids that nobody else gives: of a delivery, of who has claimed it, of who holds a lease, of a try to write."""

import secrets
from collections.abc import Callable

# Gives another one at each call, of at most 32 characters.
NewId = Callable[[], str]


def random_id() -> str:
    """16 hexadecimal digits."""
    return secrets.token_hex(8)
