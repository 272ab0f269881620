"""What ought to be told, worked out anew: sums over the runs themselves, one look after another."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from bot.domain.alert import budget_period
from bot.domain.budget import Window
from bot.domain.catalog import Catalog, Feature
from tests.simulation.books import Books


@dataclass
class Looks:
    """The looks at the budgets that went through, and which thresholds they had to tell."""

    books: Books
    catalog: Catalog
    week_start: int
    clock: Callable[[], datetime]
    told: dict[str, int] = field(default_factory=dict)
    told_at: dict[tuple[str, int], datetime] = field(default_factory=dict)
    given_up: dict[str, datetime] = field(default_factory=dict)  # when, by delivery
    _read_at: list[datetime] = field(default_factory=list)
    _syncs: dict[int, Counter[tuple[str, date]]] = field(default_factory=dict)
    _levels: dict[str, int] = field(default_factory=dict)
    _seen_in: dict[str, int] = field(default_factory=dict)  # the sync that was last looked at, by subject
    _snoozed: dict[str, datetime] = field(default_factory=dict)
    _last: int = 0

    def remember_sync(self, number: int, now: datetime) -> None:
        """What the runs that the sync brought add up to, by feature and day."""
        self._syncs[number] = self.books.spent_by_day()
        self._read_at.append(now)

    def had_read(self, moment: datetime) -> bool:
        """Whether there had been a sync by then."""
        return any(at <= moment for at in self._read_at)

    def watching(self, outbox: Any) -> Any:
        """The outbox, with an eye on the looks that it is told of, and on what is given up."""
        return _Watching(outbox, self)

    def looked(self, number: int, subjects: Sequence[str], now: datetime) -> None:
        """A look after that sync has gone through; these are the budgets and periods that it was about. Another look
        at the same sync sees what was not there before: a limit that was set meanwhile."""
        self._last = number
        for one in subjects:
            if self._seen_in.get(one) == number:
                continue
            self._seen_in[one] = number
            level, ends = self._seen(number, one)
            confirmed = min(level, self._levels.get(one, 0))
            until = self._snoozed.get(one)
            is_held = until is not None and (now < until or (until >= ends and now >= ends))
            if confirmed > self.told.get(one, 0) and not is_held:
                self.told[one] = confirmed
                self.told_at[one, confirmed] = now
            self._levels[one] = level

    def _seen(self, number: int, subject: str) -> tuple[int, datetime]:
        """The highest threshold that the sync's runs had reached, and the end of the period."""
        _, feature, window, name, limit = subject.split(":")
        first = date.fromisoformat(f"{name}-01" if window == Window.MONTHLY else name)
        span = budget_period(Window(window), first, self.books.zone, self.week_start).span
        spent = sum(
            nanos
            for (spender, day), nanos in self._syncs[number].items()
            if feature in {spender, "total"} and span.first <= day < span.until
        )
        reached = [one for one in self.thresholds(subject) if spent * 100 >= one * int(limit.removeprefix("limit="))]
        return max(reached, default=0), span.end

    def thresholds(self, subject: str) -> tuple[int, ...]:
        """At which percentages its budget speaks."""
        feature = subject.split(":")[1]
        return self.catalog.features.get(feature, Feature(feature)).alert_at

    def snooze(self, about: str, until: datetime) -> None:
        """Somebody has snoozed it."""
        self._snoozed[about] = until


class _Watching:
    def __init__(self, outbox: Any, looks: Looks) -> None:
        self._outbox, self._looks = outbox, looks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def announce(
        self,
        new_events: Any,
        new_deliveries: Any,
        now: datetime,
        *,
        levels: Mapping[str, int] | None = None,
        sync: int = 0,
        **more: Any,
    ) -> Any:
        ids = self._outbox.announce(new_events, new_deliveries, now, levels=levels, sync=sync, **more)
        if ids is not None and levels is not None and sync >= self._looks._last:
            self._looks.looked(sync, list(levels), now)
        return ids

    def give_up(self, claimed: Any, problem: str, instead: Any, now: datetime, **more: Any) -> bool:
        is_ours: bool = self._outbox.give_up(claimed, problem, instead, now, **more)
        if is_ours:
            self._looks.given_up[claimed.delivery.id] = self._looks.clock()
        return is_ours
