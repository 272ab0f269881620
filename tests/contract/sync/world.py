"""A LangSmith stand-in, a ledger and a clock that passes only when told: what a sync needs, without waiting."""

import re
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from bot.demo.server import Connection
from bot.domain.feature import Attribution
from bot.domain.money import NANOS_PER_DOLLAR
from bot.domain.period import Span
from bot.ingest.form import RunForm
from bot.ingest.langsmith import LangSmith
from bot.ingest.limiter import RequestLimiter
from bot.ingest.project_sync import Scope
from bot.ingest.selection import Selection
from bot.ingest.summary import SyncSummary
from bot.ingest.sync import Sync
from bot.ledger.booking import Rules, day_finder
from bot.ledger.coverage import ProjectRow
from bot.ledger.figures import Figures
from bot.ledger.store import Ledger, open_ledger
from bot.pricing.pricer import Pricer
from tests.databases import new_url, rows
from tests.standins.langsmith import API_KEY, NOW, LangSmithStandIn, Received

ZONE = ZoneInfo("UTC")
EVER = Span(date(2025, 1, 1), date(2028, 1, 1), ZONE)

# What a sync may ask, and of a run: nothing else is in the schema of tests/standins/langsmith_requests.py.
ROUTES = {("GET", "/api/v2/sessions"), ("POST", "/api/v2/runs/query")}
# Asked once a project.
LINK = re.compile("/api/v2/runs/[0-9a-f-]{36}/url")


class Clock:
    """The time, which passes when somebody waits. `waits` are all waits that were longer than nothing."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += timedelta(microseconds=ceil(seconds * 1e6))  # never less, or a waiting loop would not end


class World:
    """Everything around a sync. Leaving it holds the requests to what was promised, and the rollups to the runs.

    `sync` is that of a process that goes on living; `restart` begins a new one on the same ledger.
    """

    def __init__(
        self,
        folder: Path,
        *,
        standin: LangSmithStandIn | None = None,
        patterns: Iterable[str] = ("acme-prod",),
        types: Iterable[str] = ("LLM", "EMBEDDING", "TOOL"),
        backfill: timedelta = timedelta(days=14),
        kept: timedelta = timedelta(days=14),
        experiments: bool = False,
        api_key: str = API_KEY,
        timeout: float = 20.0,
        budget: int = 10,
    ) -> None:
        self.clock = Clock(NOW)
        self.standin = standin or LangSmithStandIn(now=self.clock)
        self.file = folder / "llmcost.db"
        self.url = new_url(folder)
        self.ledger: Ledger = open_ledger(self.url, create=False)
        self.rules = Rules(
            attribution=Attribution(), price=Pricer((), ZONE), day_of=day_finder(ZONE), dimensions=("env",)
        )
        self.ledger.keep_rules(self.rules, ZONE)
        form = RunForm(("feature", "env"))
        self.scope = Scope(Selection(tuple(patterns), experiments), tuple(types), form, ZONE, backfill, kept)
        self.source = LangSmith(
            api_key=api_key,
            base_url=self.standin.url,
            workspace_id=None,
            limiter=RequestLimiter(budget, self.clock.monotonic, self.clock.sleep),
            sleep=self.clock.sleep,
            timeout=timeout,
        )
        self.restart()

    def __enter__(self) -> Self:
        self.standin.start()
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self.source.close()
        self.standin.stop()
        wrong = self.ledger.wrong_rollups()
        self.ledger.close()
        if error is None:
            assert self.standin.violations == []
            assert [one for one in self.standin.requests if not keeps_promises(one)] == []
            assert wrong == []

    def restart(self) -> None:
        """Forget what a process remembers."""
        self._sync = Sync(self.source, self.ledger, self.rules, self.scope, self.clock)

    def sync(self, since: datetime | None = None) -> SyncSummary:
        """Sync, now."""
        return self._sync.run(since)

    def later(self, **length: float) -> SyncSummary:
        """Sync after so long."""
        self.clock.now += timedelta(**length)
        return self.sync()

    def settle(self) -> None:
        """Two syncs: everything has been read again, and nothing but the last ten minutes is due."""
        assert self.sync().problems == []
        assert self.later(seconds=1).problems == []

    def ago(self, **length: float) -> datetime:
        """So long before now."""
        return self.clock.now - timedelta(**length)

    @property
    def queries(self) -> list[Mapping[str, Any]]:
        """The bodies of all runs queries so far."""
        return [request.body for request in self.standin.requests if request.method == "POST"]

    def total(self) -> Figures:
        """The figures of everything in the ledger."""
        with self.ledger.reading() as reading:
            return reading.total(EVER)

    def spend(self, dimension: str = "feature") -> dict[str, float]:
        """Dollars per value."""
        with self.ledger.reading() as reading:
            found = reading.by_value(EVER, dimension)
        return {value: figures.cost / NANOS_PER_DOLLAR for value, figures in found.items() if figures.runs}

    def project(self, name: str = "acme-prod") -> ProjectRow:
        """A project as the ledger knows it."""
        with self.ledger.reading() as reading:
            return next(row for row in reading.projects() if row.name == name)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        return rows(self.url, query)

    def states(self) -> dict[str, int]:
        """How many runs are in which state."""
        return dict(self.rows("SELECT state, count(*) FROM runs GROUP BY state"))


def keeps_promises(request: Received) -> bool:
    """Whether a request is one that a sync may make: v2, bounded, whole pages; the rest is in `violations`."""
    if request.method == "GET" and LINK.fullmatch(request.path):
        return {*request.query} == {"project_id", "trace_id"}
    if (request.method, request.path) not in ROUTES:
        return False
    if request.method == "GET":
        return True
    start, end = (datetime.fromisoformat(request.body[bound]) for bound in ("min_start_time", "max_start_time"))
    return request.body["page_size"] == 1_000 and len(request.body["project_ids"]) == 1 and start <= end


def refuse(connection: Connection, status: int, headers: dict[str, str] | None = None) -> bool:
    """Answer with a status of one's own: a fault for the stand-in's `_order`."""
    connection.send_bytes(status, "application/json", b"{}", headers)
    return True
