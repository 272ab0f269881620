"""Made-up traffic as LangSmith's pages: deterministic, and shaped like a product's (most traces have one run, some are
agents with nested runs)."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import orjson

PAGE = 1_000
PAGES_A_DAY = 20
FIRST_DAY = datetime(2026, 11, 1, tzinfo=UTC)
PROJECT = UUID(int=0xACE)

_FEATURES = ("rag-search", "agent-copilot", "summarizer", "email-drafts", None)
_MODELS = (
    ("openai", "gpt-4o", 2.5e-6, 1e-5),
    ("openai", "gpt-4o-mini", 1.5e-7, 6e-7),
    ("anthropic", "claude-sonnet-4-5", 3e-6, 1.5e-5),
    ("google_genai", "gemini-2.5-flash", None, None),  # no cost: to be estimated
)


class Ids(StrEnum):
    """How the ids of runs and traces are made: which ones a sync finds decides what the ledger's indices cost it."""

    BY_TIME = "by time"  # UUIDs of version 7, which LangSmith's SDK and LangChain make
    RANDOM = "random"  # as OpenTelemetry's are, and those of SDKs before November 2025


class Page(NamedTuple):
    """A page of runs that all began in [start, end), the newest first, as the bytes of its items."""

    start: datetime
    end: datetime
    items: bytes


def pages(runs: int, first_day: datetime = FIRST_DAY, ids: Ids = Ids.BY_TIME) -> Iterator[Page]:
    """`runs` runs, PAGES_A_DAY pages a day from `first_day` on, page by page in the order of time."""
    rng = random.Random(2026)
    for number in range(runs // PAGE):
        day, part = divmod(number, PAGES_A_DAY)
        width = timedelta(days=1) / PAGES_A_DAY
        start = first_day + timedelta(days=day) + part * width
        items = list(_items(rng, start, width, ids))
        items.reverse()
        yield Page(start, start + width, orjson.dumps(items))


def _items(rng: random.Random, first: datetime, width: timedelta, ids: Ids) -> Iterator[dict[str, Any]]:
    made = 0
    while made < PAGE:
        start = first + width * (made / PAGE)
        count = min(1 if rng.random() < 0.8 else rng.randint(2, 6), PAGE - made)
        feature = rng.choice(_FEATURES)
        root = _new_id(rng, start, ids)
        agent = _new_id(rng, start, ids)
        for _ in range(count):
            start = first + width * (made / PAGE)
            run_id = root if count == 1 else _new_id(rng, start, ids)
            parents = [] if count == 1 else [str(root), str(agent)]
            yield _run(rng, run_id, root, parents, feature, start)
            made += 1


def _new_id(rng: random.Random, start: datetime, ids: Ids) -> UUID:
    number = rng.getrandbits(128)
    if ids is Ids.BY_TIME:
        milliseconds = int(start.timestamp() * 1_000)
        number = (milliseconds << 80) | (7 << 76) | (number & (0xFFF << 64)) | (2 << 62) | (number & ((1 << 62) - 1))
    return UUID(int=number)


def _run(
    rng: random.Random, run_id: UUID, root: UUID, parents: list[str], feature: str | None, start: datetime
) -> dict[str, Any]:
    provider, model, price_in, price_out = rng.choice(_MODELS)
    tokens_in, tokens_out = rng.randint(50, 20_000), rng.randint(1, 2_000)
    metadata = {
        "ls_provider": provider,
        "ls_model_name": model,
        "ls_model_type": "chat",
        "ls_temperature": 0.2,
        "env": rng.choice(("production", "staging")),
        "user_tier": rng.choice(("free", "pro", "enterprise")),
        "revision_id": "3f2c1de",
        "thread_id": str(root),
    }
    if feature is not None:
        metadata["feature"] = feature
    costs: tuple[float | None, float | None, float | None] = (None, None, None)
    if price_in is not None and price_out is not None:
        costs = (tokens_in * price_in, tokens_out * price_out, tokens_in * price_in + tokens_out * price_out)
    return {
        "id": str(run_id),
        "name": "ChatOpenAI",
        "run_type": "LLM",
        "status": "SUCCESS",
        "start_time": start.isoformat(),
        "end_time": (start + timedelta(seconds=2)).isoformat(),
        "trace_id": str(root),
        "parent_run_ids": parents,
        "metadata": metadata,
        "tags": ["seq:step:2"],
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "prompt_cost": costs[0],
        "completion_cost": costs[1],
        "total_cost": costs[2],
        "prompt_token_details": {"raw": {"cache_read": tokens_in // 3}},
        "completion_token_details": {"raw": {}},
    }
