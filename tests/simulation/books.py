"""What a simulated LangSmith holds, and the syncs that bring it into a ledger: late runs, corrected costs, syncs that
fail."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.catalog import Catalog
from bot.domain.period import first_instant, local_day
from bot.domain.run import Run
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.lease import SYNC
from bot.ledger.store import Ledger
from tests.ledgers import DIMENSIONS, price

PROJECT = (b"p" * 16, "acme-prod", 0)
SETTLES_AFTER = timedelta(hours=2)


@dataclass
class Spend:
    """A run: what it costs, in nano-dollars, may be corrected later. "" for a feature that it does not say."""

    feature: str
    start: datetime
    nanos: int


class Books:
    """A ledger and what LangSmith has for it."""

    def __init__(self, ledger: Ledger, catalog: Catalog, zone: ZoneInfo, start: datetime) -> None:
        self.ledger = ledger
        self.zone = zone
        self.held: list[Spend] = []
        self._unread: set[int] = set()
        self._start = start
        self.keep(catalog)

    def keep(self, catalog: Catalog) -> None:
        """Count by what llmcost.toml says now."""
        self.rules = Rules(catalog.attribution(("feature",)), price, day_finder(self.zone), DIMENSIONS)
        self.ledger.keep_rules(self.rules, self.zone)

    def spend(self, feature: str, start: datetime, nanos: int) -> None:
        """A run that LangSmith shows from now on, whenever it began."""
        self._unread.add(len(self.held))
        self.held.append(Spend(feature, start, nanos))

    def correct(self, number: int, nanos: int) -> None:
        """LangSmith says something else about a run's cost."""
        self.held[number].nanos = nanos
        self._unread.add(number)

    def may_change(self, number: int, now: datetime) -> bool:
        """Whether a run's day cannot have been settled: later its cost stays as it is booked."""
        day = local_day(self.held[number].start, self.zone) + timedelta(days=1)
        return now < first_instant(day, self.zone) + SETTLES_AFTER

    def sync(self, now: datetime, *, fails: bool = False) -> int | None:
        """Read what is new; gives the sync's number, None for one that fails. A day is settled once it has been over
        for a while and nothing of it was new."""
        if fails:
            self.ledger.record_sync(SyncRow(microseconds(now), microseconds(now), 0, 0, 0, "LangSmith is down.", 0))
            return None
        with self.ledger.lease(SYNC, now) as lease:
            (project,) = self.ledger.select_projects(lease, now, [PROJECT])
            runs = [self._run(number, project.key) for number in sorted(self._unread)]
            changed = self.ledger.book(lease, now, project, runs, {}, self.rules).changed_days
            self.ledger.cover(lease, now, project, microseconds(self._start), microseconds(now), expired=False)
            settled = local_day(now - SETTLES_AFTER, self.zone).toordinal() - 1
            settled = min([settled, *(day - 1 for day in changed)])
            self.ledger.finish_reread(lease, now, project, (), microseconds(now), settled)
        self._unread.clear()
        self.ledger.record_sync(SyncRow(microseconds(now), microseconds(now), len(runs), len(runs), 0, None, 1))
        last = self.ledger.last_sync()
        assert last is not None
        return last.number

    def spent_by_day(self) -> Counter[tuple[str, date]]:
        """The nano-dollars of what was read, by feature and local day, added up anew."""
        found = Counter[tuple[str, date]]()
        for number, one in enumerate(self.held):
            if number not in self._unread:
                found[one.feature, local_day(one.start, self.zone)] += one.nanos
        return found

    def _run(self, number: int, project: int) -> Run:
        one = self.held[number]
        run_id = (number + 1).to_bytes(16, "big")
        return Run(
            id=run_id,
            trace_id=run_id,
            project=project,
            ancestors=(),
            type="LLM",
            status="SUCCESS",
            start=microseconds(one.start),
            end=microseconds(one.start) + 1,
            name="ChatOpenAI",
            tags=(),
            keys=(("feature", one.feature),) if one.feature else (),
            provider="openai",
            model="gpt-4o",
            context=None,
            usage=Usage(100, 10),
            raw_cost=one.nanos,
            flags=Flag(0),
        )
