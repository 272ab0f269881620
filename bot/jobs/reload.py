"""A changed llmcost.toml comes into force by itself if it is sound; if not, the old one stays and admins are told."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bot.errors import LedgerBusyError, SettingsError
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.outbox import Outbox
from bot.slack.notes.admins import file_unusable

Config = TypeVar("Config")

# Editors empty a file before they fill it again, and half a file can be a sound one: it must have rested for so long.
REST = timedelta(seconds=2)
TELL_FOR = timedelta(days=1)

_log = logging.getLogger(__name__)


@dataclass
class Reload(Generic[Config]):
    """Looks at the file and compares its content, not its date: that may be older than what it replaces.

    `read` gives the content, `understand` what it says; both raise SettingsError. `place` puts lines to the problems of
    a content. `adopt` brings it into force, and raises LedgerBusyError if that is not possible yet.
    """

    read: Callable[[], bytes | None]
    understand: Callable[[bytes | None], Config]
    place: Callable[[Sequence[str], bytes | None], Sequence[str]]
    adopt: Callable[[Config, datetime], None]
    outbox: Outbox
    admins: Sequence[str]
    name: str = "llmcost.toml"
    _done: str | None = field(default=None, init=False)  # the content that was dealt with
    _seen: str | None = field(default=None, init=False)
    _seen_since: datetime | None = field(default=None, init=False)

    def run(self, now: datetime) -> None:
        """Bring the file into force if it says something else than at the look before the last."""
        try:
            content = self.read()
        except SettingsError as error:
            digest = _digest("\n".join(error.problems).encode())
            if digest != self._done and self._has_rested(digest, now):
                self._refuse(digest, error.problems, now)
            return
        digest = _digest(content)
        if digest == self._done or not self._has_rested(digest, now):
            return
        try:
            self.adopt(self.understand(content), now)
        except SettingsError as error:
            self._refuse(digest, self.place(error.problems, content), now)
        except LedgerBusyError:
            _log.info("%s has changed; it comes into force when the sync that is running is over", self.name)
        else:
            self._done = digest

    def _has_rested(self, digest: str, now: datetime) -> bool:
        if digest != self._seen or self._seen_since is None:
            self._seen, self._seen_since = digest, now
        return not timedelta(0) <= now - self._seen_since < REST

    def _refuse(self, digest: str, problems: Sequence[str], now: datetime) -> None:
        """Told once per content, whatever restarts: the event's key says which."""
        _log.error("%s has changed and cannot be used, the old one stays: %s", self.name, " ".join(problems))
        message = file_unusable(self.name, problems)
        key = f"config:{digest}"
        deliveries = [
            NewDelivery(Kind.NOTICE, Role.ADMIN, admin, (key,), message.as_json(), now, now + TELL_FOR)
            for admin in self.admins
        ]
        self.outbox.announce([NewEvent(key, Kind.NOTICE, {"problems": list(problems)})], deliveries, now)
        self._done = digest


def _digest(content: bytes | None) -> str:
    return "none" if content is None else hashlib.sha256(content).hexdigest()[:16]
