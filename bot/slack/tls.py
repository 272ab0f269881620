"""Whom we trust when we call Slack: the authorities that this machine trusts."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext


@lru_cache(1)
def trust() -> "SSLContext":
    """The one context of all connections to Slack. Reading the authorities takes as long as making half an answer, and
    Python does it anew for every request that brings no context along."""
    import ssl

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])  # as Python's own
    return context
