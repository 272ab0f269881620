"""The nightly settling of prices: runs that nobody had a price for get one if there is one by now. What has a cost
keeps it, whatever prices say."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.domain.period import instant_at, local_day
from bot.errors import LedgerBusyError
from bot.ledger.booking import Rules
from bot.ledger.lease import SYNC
from bot.ledger.outbox import Outbox
from bot.ledger.repricing import Movement, Place, Wanted
from bot.ledger.store import Ledger

AT = time(3, 45)
MARK = "prices settled"  # under which the ledger remembers the last date that it was done for, and by which prices
BY = "llmcost, at night"

# About a second of work: the other jobs wait for it, and a sync too.
BATCHES_AT_ONCE = 10

_UNKNOWN = Wanted(0, unknown_only=True)

_log = logging.getLogger(__name__)


@dataclass
class NewlyPriced:
    """Prices what is unpriced, once a local date and only if `price_list`, which names the prices in force, has changed
    since the last time. `rules` are those in force; `outbox` is that of whoever is on duty."""

    ledger: Ledger
    outbox: Outbox
    rules: Callable[[], Rules]
    price_list: Callable[[], str]
    zone: ZoneInfo
    name: ClassVar[str] = "the settling of prices"
    _walk: "_Walk | None" = field(default=None, init=False)

    def run(self, now: datetime) -> None:
        """Go on, if this date's turn has come and is not over. Raises LedgerError."""
        today = local_day(now, self.zone)
        mark = self.outbox.mark(MARK)
        if mark is None:
            # The first sync of all must not wait for it: from the next night on.
            self.outbox.set_mark(MARK, f"{today.isoformat()} ")
            return
        done_on, _, done_by = mark.partition(" ")
        if now < instant_at(today, AT, self.zone) or done_on == today.isoformat():
            return
        prices = self.price_list()
        if prices != done_by:
            if self._walk is None or self._walk.prices != prices:
                self._walk = _Walk(prices)
            if not self._go_on(self._walk, now):
                return
            self._walk = None
        self.outbox.set_mark(MARK, f"{today.isoformat()} {prices}")

    def _go_on(self, walk: "_Walk", now: datetime) -> bool:
        """Whether all of the ledger has been walked through."""
        rules = self.rules()
        try:
            with self.ledger.lease(SYNC, now) as lease:
                if walk.change is None:
                    walk.change = self.ledger.begin_repricing(lease, now, BY, _UNKNOWN.since)
                for _ in range(BATCHES_AT_ONCE):
                    if walk.place is not None:
                        walk.place = self.ledger.reprice_next(
                            lease, now, walk.change, rules, _UNKNOWN, walk.place, walk.moved
                        )
        except LedgerBusyError as error:
            _log.info("%s", error)
            return False
        if walk.place is not None:
            return False
        found = sum(row.found for row in walk.moved.rows())
        if found:
            _log.info("%d runs that had no price have one now; `llmcost reprice --undo` takes that back", found)
        return True


@dataclass
class _Walk:
    prices: str
    place: Place | None = field(default_factory=Place)
    change: int | None = None
    moved: Movement = field(default_factory=Movement)
