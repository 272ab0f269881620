"""Which kinds of blocks this workspace does not take (Slack rolls them out in phases): remembered in the ledger for a
day, so that the next message goes out right at once."""

import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.errors import LedgerError, LedgerNewerError
from bot.ledger.outbox import Outbox
from bot.slack.api import REFUSED_FORM, RefusedError
from bot.slack.messages import NATIVE, Message

REMEMBERED = timedelta(days=1)

_MARK = "blocks that Slack refused"

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Refusals:
    """What was refused lately. A ledger that cannot be read or written costs a detour, never a message."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def known(self, now: datetime) -> frozenset[str]:
        """The types of blocks that were refused within a day."""
        try:
            kept = self._kept()
        except LedgerNewerError:
            return frozenset()  # it is in the log, and need not be there with each message
        except LedgerError as error:
            _log.warning("it is not known which blocks Slack refuses: %s", error)
            return frozenset()
        return frozenset(kind for kind, at in kept.items() if timedelta() <= now - at < REMEMBERED)

    def learn(self, kinds: Collection[str], now: datetime) -> None:
        """These have just been refused."""
        if not kinds:
            return
        _log.info("Slack refuses %s here; simpler ones are sent for a day", ", ".join(sorted(kinds)))
        try:
            kept = {**self._kept(), **dict.fromkeys(kinds, now)}
            self._outbox.set_mark(_MARK, json.dumps({kind: at.isoformat() for kind, at in kept.items()}))
        except LedgerError as error:
            _log.warning("it cannot be remembered which blocks Slack refuses: %s", error)

    def say(
        self,
        message: Message,
        say: Callable[[dict[str, Any]], Result],
        now: datetime,
        known: frozenset[str] | None = None,
    ) -> Result:
        """Says a message in its best form, or in the first simpler one that Slack does not refuse. Who must not be held
        up before the first try hands in what is `known`. Raises what `say` raises."""
        tried: list[dict[str, Any]] = []
        *others, last = message.forms(self.known(now) if known is None else known)
        for form in others:
            try:
                said = say(form)
            except RefusedError as error:
                if error.code not in REFUSED_FORM:
                    raise
                tried.append(form)
            else:
                self.learn(refused_kinds(tried, form), now)
                return said
        return say(last)

    def _kept(self) -> dict[str, datetime]:
        said = json.loads(self._outbox.mark(_MARK) or "{}")
        return {kind: datetime.fromisoformat(at) for kind, at in said.items()}


def refused_kinds(refused: Iterable[Mapping[str, Any]], taken: Mapping[str, Any]) -> frozenset[str]:
    """The types of native blocks that stand in the forms that were refused and not in the one that was taken. Where
    only bare text was taken nothing is known: it may have been the length."""
    if not taken["blocks"]:
        return frozenset()
    stood = frozenset[str]().union(*map(_kinds, refused))
    return (NATIVE & stood) - _kinds(taken)


def _kinds(form: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(block["type"] for block in form["blocks"])
