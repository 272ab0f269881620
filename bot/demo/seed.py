"""A month of a small product's traces: four features, some untagged traffic, and everything that makes cost hard."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from bot.demo.records import Project, Run
from bot.demo.store import Mode, Store
from bot.demo.traces import Model, Tokens, Trace

PRODUCTION = Project("5eed0000-0000-4000-8000-000000000001", "acme-prod", datetime(2026, 1, 5, 9, tzinfo=UTC))
STAGING = Project("5eed0000-0000-4000-8000-000000000002", "acme-staging", datetime(2026, 1, 5, 10, tzinfo=UTC))

SPIKE_DAYS_AGO = 10  # about: a working day
_SPIKE = 4
_OLD_NAME_DAYS = 6  # for so many days in the beginning rag-search still called itself rag_search

SONNET = Model("anthropic", "claude-sonnet-4-5")
HAIKU = Model("anthropic", "claude-haiku-4-5")
GPT_4O = Model("openai", "gpt-4o")
GPT_4O_MINI = Model("openai", "gpt-4o-mini")
GEMINI = Model("google_genai", "gemini-2.5-flash")
EMBEDDING = Model("openai", "text-embedding-3-small")
IN_HOUSE = Model("vllm", "acme-llm-7b")  # nobody knows a price for it
MISTRAL = Model("mistralai", "mistral-small-latest")  # public, but not in the server's price map

_OFFICE_HOURS = (1, 1, 1, 1, 1, 1, 2, 5, 14, 22, 24, 22, 16, 20, 24, 22, 18, 12, 7, 5, 4, 3, 2, 1)
_WEEKEND_HOURS = (2, 1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 7, 7, 7, 7, 7, 6, 6, 6, 5, 4, 3, 2)
_TIERS = ("free", "pro", "enterprise")

_Shape = Callable[[Trace, Random, str], None]  # adds a trace's runs; the text is the user's tier


class Sample(NamedTuple):
    """Projects and their runs, the oldest trace first."""

    projects: tuple[Project, ...]
    runs: list[Run]


class _Traffic(NamedTuple):
    """What traces of one kind there are: about `workday` a day, `weekend` on Saturdays and Sundays."""

    feature: str | None
    shape: _Shape
    workday: float
    weekend: float
    propagates: bool = True
    env: str = "production"


def sample_store(now: datetime, mode: Mode = "own") -> Store:
    """A store with the sample up to `now`; `mode` says what its parents show of their descendants' cost."""
    store = Store(mode)
    projects, runs = sample(now)
    for project in projects:
        store.add_project(project)
    store.put(runs)
    return store


def sample(now: datetime, days: int = 31, seed: int = 2026) -> Sample:
    """The traces of `days` local days up to `now`, the days being those of its time zone.

    The same for the same `now`, `days` and `seed`. A few of the last runs are still pending.
    """
    today = now.date()
    spike_day = _working_day_before(today - timedelta(days=SPIKE_DAYS_AGO))
    runs: list[Run] = []
    for age in range(days - 1, -1, -1):
        day = today - timedelta(days=age)
        rng = Random(f"{seed}:{day}")  # noqa: S311 - sample data, and the same for everybody
        growth = 1 + 0.25 * (days - age) / days
        for traffic in _TRAFFIC:
            expected = growth * (traffic.weekend if day.weekday() >= 5 else traffic.workday)
            feature = traffic.feature
            if feature == "rag-search":
                expected *= _SPIKE if day == spike_day else 1
                feature = "rag_search" if age >= days - _OLD_NAME_DAYS else feature
            for start in _starts(rng, day, now, round(expected * rng.uniform(0.85, 1.15))):
                trace = _trace(rng, traffic, feature, start)
                if trace.clock <= now:
                    runs.extend(trace.runs)
    runs.extend(_pending(Random(f"{seed}:pending"), now))  # noqa: S311 - sample data, and the same for everybody
    return Sample((PRODUCTION, STAGING), runs)


def _trace(rng: Random, traffic: _Traffic, feature: str | None, start: datetime) -> Trace:
    env = "staging" if rng.random() < 0.1 else traffic.env
    tier = rng.choices(_TIERS, (50, 35, 15))[0]
    if feature is None:
        metadata: dict[str, object] = {"env": env}
    else:
        metadata = {"feature": feature, "env": env, "user_tier": tier}
    if feature == "agent-copilot":
        # People go on with a conversation for a few hours.
        metadata["thread_id"] = f"{tier}-{start:%Y-%m-%d}-{start.hour // 4}"
    project = PRODUCTION if env == "production" else STAGING
    trace = Trace(rng, project.id, start, metadata, propagates=traffic.propagates)
    traffic.shape(trace, rng, tier)
    return trace


def _starts(rng: Random, day: date, now: datetime, count: int) -> Iterator[datetime]:
    """`count` instants of that local day, by the rhythm of its hours, in UTC; those up to `now` of them."""
    hours = rng.choices(range(24), _WEEKEND_HOURS if day.weekday() >= 5 else _OFFICE_HOURS, k=count)
    moments = [time(hour, rng.randrange(60), rng.randrange(60), rng.randrange(1_000_000)) for hour in hours]
    for moment in sorted(moments):
        start = datetime.combine(day, moment, now.tzinfo)
        if start <= now:
            yield start.astimezone(UTC)


def _working_day_before(day: date) -> date:
    while day.weekday() >= 5:
        day -= timedelta(days=1)
    return day


def _llm(trace: Trace, rng: Random, name: str, model: Model, tokens: Tokens, nested: str | None = None) -> None:
    """A call that mostly succeeds; when it fails or does not report its usage, a second one does the work."""
    chance = rng.random()
    if chance < 0.016:
        trace.failed_call(name, model, None, "RateLimitError: try again in 20 s")
    elif chance < 0.028:
        trace.failed_call(name, model, tokens._replace(output=tokens.output // 3), "APIConnectionError: stream ended")
    elif chance < 0.040:
        trace.unreported_call(name, model)
    trace.call(name, model, tokens, nested=nested)


def _agent(trace: Trace, rng: Random, tier: str) -> None:
    context = rng.randrange(70_000, 150_000)
    trace.enter("agent_copilot", tags=("agent",))
    trace.enter("plan")
    _llm(trace, rng, "ChatAnthropic", HAIKU, Tokens(context // 4, rng.randrange(100, 400)))
    trace.leave()
    for turn in range(rng.randrange(2, 5)):
        trace.enter("act")
        cached, written = (context // 2, 0) if turn else (0, context // 2)
        answer = rng.randrange(300, 1_200)
        _llm(trace, rng, "ChatAnthropic", SONNET, Tokens(context, answer, cached=cached, written=written))
        if rng.random() < 0.5:
            trace.step("web_search", "TOOL", cost=Decimal("0.01"), seconds=1.2)
        else:
            trace.step("read_calendar", "TOOL")
        trace.leave()
        context += answer + rng.randrange(1_000, 6_000)
    if tier == "enterprise":
        _llm(trace, rng, "ChatOpenAI", GPT_4O, Tokens(context // 2, rng.randrange(200, 900), cached=context // 5))
    trace.leave()


def _rag(trace: Trace, rng: Random, tier: str) -> None:
    trace.enter("rag_pipeline")
    trace.call("OpenAIEmbeddings", EMBEDDING, Tokens(rng.randrange(12, 60), 0), run_type="EMBEDDING")
    trace.step("vector_store", "RETRIEVER", seconds=0.15)
    model = GPT_4O_MINI if tier == "free" and rng.random() < 0.5 else GPT_4O
    context = rng.randrange(50_000, 110_000)
    cached = context // 4 if rng.random() < 0.3 else 0
    _llm(trace, rng, "ChatOpenAI", model, Tokens(context, rng.randrange(150, 700), cached=cached))
    trace.leave()


def _summarizer(trace: Trace, rng: Random, tier: str) -> None:
    trace.enter("summarize_document")
    size, answer = rng.randrange(40_000, 160_000), rng.randrange(300, 900)
    if tier == "free":
        _llm(trace, rng, "acme.generate", IN_HOUSE, Tokens(size // 12, answer))
    else:
        _llm(trace, rng, "gemini.generate_content", GEMINI, Tokens(size, answer * 3, reasoning=answer * 2))
    trace.leave()


def _email(trace: Trace, rng: Random, tier: str) -> None:
    trace.enter("draft_email")
    tokens = Tokens(rng.randrange(8_000, 40_000), rng.randrange(150, 600))
    if tier == "free":
        _llm(trace, rng, "ChatMistralAI", MISTRAL, tokens)
    else:
        _llm(trace, rng, "ChatOpenAI", GPT_4O, tokens, nested="openai.chat.completions")
    trace.leave()


def _nightly_eval(trace: Trace, rng: Random, _tier: str) -> None:
    _llm(trace, rng, "nightly_eval", GPT_4O, Tokens(rng.randrange(20_000, 60_000), rng.randrange(200, 800)))


def _scratch_notebook(trace: Trace, rng: Random, _tier: str) -> None:
    _llm(trace, rng, "scratch_notebook", GPT_4O_MINI, Tokens(rng.randrange(500, 20_000), rng.randrange(50, 900)))


def _pending(rng: Random, now: datetime) -> Iterator[Run]:
    """Three calls that have just begun, and one that lost its end two days ago."""
    for age in (timedelta(seconds=20), timedelta(seconds=75), timedelta(minutes=4), timedelta(days=2, minutes=17)):
        metadata = {"feature": "agent-copilot", "env": "production", "user_tier": "pro"}
        trace = Trace(rng, PRODUCTION.id, (now - age).astimezone(UTC), metadata)
        trace.pending_call("ChatAnthropic", SONNET)
        yield from trace.runs


_TRAFFIC = (
    _Traffic("agent-copilot", _agent, workday=7, weekend=4),
    _Traffic("rag-search", _rag, workday=15, weekend=9),
    # This one traces through OpenTelemetry: its children do not know the feature.
    _Traffic("summarizer", _summarizer, workday=9, weekend=5, propagates=False),
    _Traffic("email-drafts", _email, workday=8, weekend=4),
    _Traffic(None, _nightly_eval, workday=5, weekend=5, env="staging"),
    _Traffic(None, _scratch_notebook, workday=4, weekend=0, env="dev"),
)
