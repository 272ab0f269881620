"""Ledgers for tests, in memory, made by the ledger's own means: runs are booked, stretches of time are covered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise
from random import Random
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import delete

from bot.domain.catalog import Catalog, Feature
from bot.domain.cost import NOBODY_KNOWS, Cost
from bot.domain.money import nanos
from bot.domain.run import Run, Source
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.engine import writing
from bot.ledger.lease import SYNC
from bot.ledger.store import Ledger
from bot.ledger.tables import metadata
from bot.pricing.pricer import Pricer
from bot.reports.reporter import Reporter
from bot.reports.tracing import LookUp
from bot.reports.verification import Counterpart
from tests.databases import open_new

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, 31, tzinfo=BERLIN)  # a Sunday
DIMENSIONS = ("env", "user_tier")
WIDE_KEYS = ("user_id", "env")  # what is a dimension stays one
PROJECT = "acme-prod"

_numbers = count(1)


@dataclass(frozen=True)
class Spent:
    """A run to be booked. `cost` in dollars, None for a run whose cost nobody knows; `source` is who says what it cost.

    Runs with the same `trace` are one trace; without one each is its own. `tokens` None for a run that reported none.
    """

    start: datetime
    feature: str | None = None
    cost: Decimal | str | None = "0.01"
    tokens: tuple[int, int] | None = (1000, 100)
    model: str | None = "gpt-4o"
    provider: str | None = "openai"
    source: Source = Source.LANGSMITH
    project: str = PROJECT
    name: str = "ChatOpenAI"
    trace: str | None = None
    status: str = "SUCCESS"
    sampled: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    thread: str | None = None
    number: int | None = None  # of its id; each has one of its own without
    above: Sequence[int] = ()  # the numbers of the runs above it, the root first

    def as_run(self, project: int) -> Run:
        """The run as the ledger takes it. What is not LangSmith's own cost travels in `context`, where `price` finds
        it."""
        number = self.number or next(_numbers)
        said = self.cost is not None and self.source is Source.LANGSMITH
        keys = {**self.keys, **({"feature": self.feature} if self.feature is not None else {})}
        return Run(
            id=number.to_bytes(16, "big"),
            trace_id=uuid5(NAMESPACE_URL, self.trace).bytes if self.trace is not None else number.to_bytes(16, "big"),
            project=project,
            # Under a root that the ledger does not hold, so that runs of one trace stand side by side.
            ancestors=(
                *((uuid5(NAMESPACE_URL, f"root of {self.trace}").bytes,) if self.trace is not None else ()),
                *(one.to_bytes(16, "big") for one in self.above),
            ),
            type="LLM",
            status=self.status,
            start=microseconds(self.start),
            end=None if self.status == "PENDING" else microseconds(self.start) + 2_000_000,
            name=self.name,
            tags=(),
            keys=tuple(sorted(keys.items())),
            provider=self.provider,
            model=self.model,
            context=None if said or self.cost is None else f"{self.source.value} {self.cost}",
            usage=None if self.tokens is None or self.tokens == (0, 0) else Usage(*self.tokens),
            raw_cost=nanos(Decimal(self.cost)) if said and self.cost is not None else None,
            flags=Flag.SAMPLED if self.sampled else Flag(0),
            thread=self.thread,
        )


def price(
    *,
    provider: str | None,
    model: str | None,
    usage: Usage | None,
    start: int,
    context: str | None,
    langsmith_cost: int | None,
) -> Cost:
    """LangSmith's cost if there is one, else what the test has put into `context`."""
    del provider, model, usage, start
    if langsmith_cost is not None:
        return Cost(langsmith_cost, Source.LANGSMITH)
    if context is None:
        return NOBODY_KNOWS
    source, dollars = context.split()
    return Cost(nanos(Decimal(dollars)), Source(source), "the test")


def new_ledger() -> Ledger:
    """An empty ledger: in memory, or where this run keeps its ledgers."""
    return open_new()


def emptied(ledger: Ledger) -> Ledger:
    """The ledger as it was when it was new: cheaper than a new one for each of a hundred examples."""
    with writing(ledger._engine) as connection:
        for table in metadata.tables.values():
            connection.execute(delete(table))
    return ledger


def seeded(ledger: Ledger, seed: int) -> Ledger:
    """The same ledger with ids that follow from the seed: as random as others, and the same the next time."""
    ids = Random(f"ids of {seed}")
    return Ledger(ledger._engine, new_id=lambda: f"{ids.getrandbits(64):016x}")


def fill(
    ledger: Ledger,
    runs: Iterable[Spent] = (),
    *,
    catalog: Catalog | None = None,
    projects: Sequence[str] = (PROJECT,),
    zone: ZoneInfo = BERLIN,
    now: datetime = NOW,
    start: datetime | None = None,
    as_of: datetime | None = None,
    lost: Sequence[tuple[datetime, datetime]] = (),
    settled: date | None = None,
    problem: str | None = None,
    unread: Sequence[str] = (),
    link: str | None = None,
) -> Ledger:
    """Book `runs` and cover [start, as_of) of all `projects` but the `unread` ones, with gaps where LangSmith had
    `lost` what was there. Without a `start` 60 days back, without an `as_of` up to `now`."""
    catalog = catalog or Catalog()
    rules = Rules(catalog.attribution(("feature",)), price, day_finder(zone), DIMENSIONS)
    ledger.keep_rules(rules, zone)
    start = start or now.astimezone(UTC) - timedelta(days=60)
    as_of = as_of or now
    by_project: dict[str, list[Spent]] = {name: [] for name in projects}
    for run in runs:
        by_project[run.project].append(run)
    with ledger.lease(SYNC, now) as lease:
        found = [(uuid5(NAMESPACE_URL, f"{place}:{name}").bytes, name, 0) for place, name in enumerate(projects)]
        for project in ledger.select_projects(lease, now, found):
            if project.name in unread:
                continue
            if link is not None:
                ledger.set_link(lease, now, project, link)
            booked = [run.as_run(project.key) for run in by_project.pop(project.name, [])]
            ledger.book(lease, now, project, booked, {}, rules)
            edges = sorted({start, as_of, *(edge for gap in lost for edge in gap)}, key=microseconds)
            for begins, ends in pairwise(edges):
                is_lost = any(gap[0] <= begins and ends <= gap[1] for gap in lost)
                ledger.cover(lease, now, project, microseconds(begins), microseconds(ends), expired=is_lost)
            ordinal = settled.toordinal() if settled is not None else None
            ledger.finish_reread(lease, now, project, (), microseconds(as_of), ordinal)
    finished = microseconds(as_of)
    ledger.record_sync(SyncRow(finished - 2_000_000, finished, 7, 7, 0, problem, 1))
    return ledger


def reporter(
    ledger: Ledger,
    catalog: Catalog | None = None,
    zone: ZoneInfo = BERLIN,
    counterpart: Counterpart | None = None,
    look_up: LookUp | None = None,
    prices: Pricer | None = None,
) -> Reporter:
    """Who answers from it; `counterpart` is LangSmith's side of `verify`, `prices` are those of `audit`."""
    langsmith = (lambda: counterpart) if counterpart is not None else None
    return Reporter(
        ledger,
        lambda: catalog or Catalog(),
        DIMENSIONS,
        zone,
        counterpart=langsmith,
        wide_keys=WIDE_KEYS,
        look_up=look_up,
        second_opinion=lambda: (prices or Pricer([], zone)).second_opinion,
    )


_PROD = {"env": "production"}

CATALOG = Catalog(
    {
        "rag-search": Feature("rag-search", owners=("alice@example.com",), aliases=("rag_search",)),
        "agent-copilot": Feature("agent-copilot", owners=("U0BOB", "carol@example.com")),
        "voice": Feature("voice", owners=("dave@example.com",)),
    }
)


def believable() -> list[Spent]:
    """Two weeks of a small product: unpriced and untagged runs, estimates, an own price, every way to end."""
    runs = []
    for days in range(14):
        start = NOW - timedelta(days=days, hours=2)
        thinks = Spent(start, "agent-copilot", "1.2345", (41_000, 1_200), "claude-sonnet-4-5", "anthropic", keys=_PROD)
        searches = Spent(start, "rag-search", "0.0842", (61_000, 640), keys=_PROD)
        runs += [
            replace(thinks, trace=f"agent {days}"),
            replace(thinks, trace=f"agent {days}", cost="0.25", model="gpt-4o", provider="openai"),
            searches,
            replace(searches, cost="0.000011", tokens=(800, 0), model="text-embedding-3-small", source=Source.ESTIMATE),
            Spent(start, "summarizer", None, (5_200, 310), "acme-llm-7b", "vllm", project="acme-staging"),
            Spent(start, None, "0.031", (9_000, 410), name="nightly_eval", project="acme-staging"),
        ]
    start = NOW - timedelta(hours=3)
    return [
        *runs,
        Spent(start, "summarizer", "0.5", (90_000, 900), "gemini-2.5-flash", "google_genai", Source.OVERRIDE),
        Spent(start, None, "0.0004", (700, 12), name="scratch", project="acme-staging"),
        Spent(start, "rag-search", None, None, status="ERROR"),
        Spent(start, "rag-search", None, None),
        Spent(NOW - timedelta(minutes=3), "agent-copilot", None, None, status="PENDING"),
        Spent(NOW - timedelta(days=2), "agent-copilot", None, None, status="PENDING"),
    ]
