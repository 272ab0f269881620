"""Made-up runs for the ledger's tests: builders for single ones, strategies for whole worlds."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bot.domain.cost import Cost
from bot.domain.costing import CostMode
from bot.domain.feature import Attribution, Rule
from bot.domain.run import Run, Source, Status
from bot.domain.usage import Flag, Usage
from tests.unit.zones import first_second

Keys = tuple[tuple[str, str], ...]

ATTRIBUTION = Attribution(
    keys=("feature", "team"),
    features=frozenset({"search", "drafts"}),
    aliases={"old-search": "search"},
    rules=(Rule("nightly", name="nightly-*"), Rule("lab", project="project-2", tag="exp*")),
)

# Databases are slow on a busy machine; what the properties say does not depend on it.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

# A zone and a day about which its clocks change, or which has no midnight.
PLACES = (
    (ZoneInfo("UTC"), date(2026, 11, 15)),
    (ZoneInfo("Europe/Berlin"), date(2026, 10, 25)),
    (ZoneInfo("Europe/Berlin"), date(2026, 3, 29)),
    (ZoneInfo("Africa/Cairo"), date(2026, 4, 24)),
    (ZoneInfo("Australia/Lord_Howe"), date(2026, 4, 5)),
    (ZoneInfo("America/Havana"), date(2026, 11, 1)),
    (ZoneInfo("America/St_Johns"), date(2010, 11, 7)),
    (ZoneInfo("Asia/Kathmandu"), date(2026, 11, 15)),
)
DAYS = 5  # of a world: two before the day and two after it

_RATES = {"gpt-4o": (25, 100), "claude": (30, 150)}
_MODELS = (
    (None, None),
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o"),
    ("anthropic", "claude"),
    ("acme", "in-house"),
    ("acme", "negotiated"),
    (None, "gpt-4o"),
)  # fmt: skip - few enough to be alike by chance
_USAGES = (None, Usage(100, 10), Usage(100, 10), Usage(200, 20), Usage(199, 20), Usage(300, 30, cached=50), Usage(7, 0))
_COSTS = (None, None, 0, 1, 500, 500, 1_000, 999, 1_500, 12_345, -40)
_TYPES = ("LLM", "LLM", "LLM", "EMBEDDING", "TOOL", "CHAIN")
_STATUSES = (Status.SUCCESS, Status.SUCCESS, Status.SUCCESS, Status.ERROR, Status.PENDING)
_KEYS: tuple[Keys, ...] = (
    (),
    (("env", "production"),),
    (("env", "production"), ("feature", "search")),
    (("env", "test"), ("feature", "old-search"), ("user_tier", "free")),
    (("feature", "untagged"),),
    (("feature", "untagged"), ("team", "drafts")),
    (("feature", "Übersetzung"),),
)
_TAGS = ((), (), ("drafts",), ("x", "feature:search"), ("feature:untagged",), ("exp-1",))
_NAMES = ("ChatOpenAI", "nightly-index", "agent", "")
_FLAGS = (Flag(0), Flag(0), Flag.SAMPLED, Flag.IMPOSSIBLE_COST)


def id_of(number: int) -> bytes:
    """A run id."""
    return number.to_bytes(16, "big")


def make_run(number: int, *, trace: int | None = None, above: Iterable[int] = (), **told: Any) -> Run:
    """A run that has ended well and used tokens; LangSmith does not know its cost. `above` are the numbers of its
    ancestors from the root down; `trace` is the root's number, if that is not the first of them."""
    ancestors = tuple(id_of(one) for one in above)
    usual: dict[str, Any] = {
        "id": id_of(number),
        "trace_id": id_of(trace) if trace is not None else (*ancestors, id_of(number))[0],
        "project": 1,
        "ancestors": ancestors,
        "type": "LLM",
        "status": Status.SUCCESS.value,
        "start": int(datetime(2026, 11, 15, 10, tzinfo=UTC).timestamp()) * 1_000_000,
        "end": int(datetime(2026, 11, 15, 10, 1, tzinfo=UTC).timestamp()) * 1_000_000,
        "name": "ChatOpenAI",
        "tags": (),
        "keys": (),
        "provider": "openai",
        "model": "gpt-4o",
        "context": None,
        "usage": Usage(100, 10),
        "raw_cost": None,
        "flags": Flag(0),
    }
    return Run(**(usual | told))


def versions(run: Run) -> list[Run]:
    """A run as LangSmith shows it from its beginning on, ever more complete; the last one is `run` itself."""
    ended = run._replace(usage=None, raw_cost=None)
    pending = ended._replace(status=Status.PENDING.value, end=None)
    return list(dict.fromkeys([pending, ended, run._replace(raw_cost=None), run]))


def list_price(*, model: str | None, usage: Usage | None, langsmith_cost: int | None, **_: object) -> Cost:
    """A price list of three lines: a negotiated model, and two whose price everybody knows if LangSmith does not."""
    if model == "negotiated" and usage is not None:
        return Cost(3 * usage.input + 7 * usage.output, Source.OVERRIDE, "deal")
    if langsmith_cost is not None and langsmith_cost > 0:
        return Cost(langsmith_cost, Source.LANGSMITH)
    flags = Flag.NEGATIVE_COST if langsmith_cost is not None and langsmith_cost < 0 else Flag(0)
    if usage is None or model not in _RATES:
        return Cost(None, None, None, flags)
    rate_in, rate_out = _RATES[model]
    return Cost(rate_in * usage.input + rate_out * usage.output, Source.ESTIMATE, f"list {model}", flags)


class Trace(NamedTuple):
    """The runs of one trace in their final state, and what its root says, whether or not that is one of them."""

    project: int
    id: bytes
    runs: tuple[Run, ...]
    root: Keys


class World(NamedTuple):
    """What LangSmith holds in the end. `modes` says of each project what a parent's cost means there."""

    zone: ZoneInfo
    first: date
    modes: Mapping[int, CostMode]
    traces: tuple[Trace, ...]

    @property
    def days(self) -> list[date]:
        """The local days in which anything happens."""
        return [self.first + timedelta(days=number) for number in range(DAYS)]

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        return [run for trace in self.traces for run in trace.runs]


@st.composite
def worlds(draw: st.DrawFn, *, modes: tuple[CostMode, ...] = tuple(CostMode), most: int = 6) -> World:
    """Two projects with up to `most` traces around a night on which something is odd about the clocks."""
    zone, odd_day = draw(st.sampled_from(PLACES))
    first = odd_day - timedelta(days=DAYS // 2)
    begins = [first_second(first + timedelta(days=number), zone) for number in range(DAYS + 1)]
    edges = [second * 1_000_000 + around for second in begins[1:-1] for around in (-1, 0, 1)]
    starts = st.sampled_from(edges) | st.integers(begins[0] * 1_000_000, begins[-1] * 1_000_000 - 1)
    traces = [draw(_traces(number, starts)) for number in range(1, draw(st.integers(1, most)) + 1)]
    return World(zone, first, {key: draw(st.sampled_from(modes)) for key in (1, 2)}, tuple(traces))


@st.composite
def _traces(draw: st.DrawFn, number: int, starts: st.SearchStrategy[int]) -> Trace:
    project = draw(st.sampled_from((1, 1, 2)))
    root, size = 100 * number, draw(st.sampled_from((1, 1, 2, 3, 4, 6)))
    holds_root = draw(st.booleans())
    above: dict[int, tuple[int, ...]] = {root: ()} if holds_root else {}
    for child in range(root + 1, root + size + (not holds_root)):
        parent = draw(st.sampled_from(sorted({root, *above})))
        above[child] = (*above.get(parent, ()), parent)
        if draw(st.booleans()):
            above[child] += (10_000 + child,)  # a run of a type that is not read
    runs = tuple(_run(draw, one, root, ancestors, project, starts) for one, ancestors in above.items())
    return Trace(project, id_of(root), runs, runs[0].keys if holds_root else draw(st.sampled_from(_KEYS)))


def _run(
    draw: st.DrawFn, number: int, trace: int, above: tuple[int, ...], project: int, starts: st.SearchStrategy[int]
) -> Run:
    # One number for many small choices: a draw for each would take longer than booking them.
    choice = Random(draw(st.integers(0, 2**16))).choice
    start, status = draw(starts), choice(_STATUSES)
    provider, model = choice(_MODELS)
    pending = status is Status.PENDING
    return make_run(
        number,
        trace=trace,
        above=above,
        project=project,
        type=choice(_TYPES),
        status=status.value,
        start=start,
        end=None if pending else start + 1_000,
        name=choice(_NAMES),
        tags=choice(_TAGS),
        keys=choice(_KEYS),
        provider=provider,
        model=model,
        usage=None if pending else choice(_USAGES),
        raw_cost=None if pending else choice(_COSTS),
        flags=choice(_FLAGS),
    )
