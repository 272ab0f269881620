"""How long people wait: from the slash command to the answer over Socket Mode, on a ledger of many runs."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import UUID

from bot.app.answers import build_reporter
from bot.app.ledgers import build_rules, open_to_write
from bot.domain.run import Run, Status
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import microseconds
from bot.ledger.store import Ledger
from bot.settings import Config, Settings, load
from bot.slack.connection import SocketConnection
from bot.slack.listeners import Listeners
from tests.standins.slack import SlackStandIn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FEATURES = 20
MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("mistralai", "mistral-large"),
)
QUESTIONS = (
    "week",
    "week feature-3",
    "month by model",
    "ytd",
    "30d feature-7 by env",
    "untagged",
    "last month by day",
    "mtd",
)
_PAGE = 5_000


class Waits(NamedTuple):
    """Milliseconds from command to answer."""

    asked: int
    p50: float
    p95: float
    worst: float


def measure(runs: int, days: int, asked: int) -> Waits:
    """Ask `asked` questions in turn on a ledger of `runs` runs over `days` days."""
    with TemporaryDirectory(prefix="llmcost-bench-") as folder, filled_ledger(Path(folder), runs, days) as made:
        settings, config, ledger = made
        reporter = build_reporter(settings, config, ledger)
        with SlackStandIn() as slack:
            connection = SocketConnection(
                bot_token=slack.bot_token,
                app_token=slack.app_token,
                api_url=slack.api_url,
                listeners=Listeners(reporter, ledger, lambda: NOW),
            )
            connection.open()
            try:
                slack.wait_connected()
                waits = [_wait(slack, QUESTIONS[number % len(QUESTIONS)]) for number in range(asked)]
            finally:
                connection.close()
    waits.sort()
    return Waits(asked, statistics.median(waits), waits[int(len(waits) * 0.95)], waits[-1])


@contextmanager
def filled_ledger(folder: Path, runs: int, days: int) -> Iterator[tuple[Settings, Config, Ledger]]:
    """A ledger in `folder` with `runs` made-up runs, evenly over the `days` before NOW."""
    settings, config = load(environ={"DATABASE_URL": f"sqlite:///{folder}/bench.db"}, directory=folder)
    rules = build_rules(settings, config)
    ledger = open_to_write(settings, rules)
    try:
        with ledger.lease("sync", NOW) as lease:
            (project,) = ledger.select_projects(lease, NOW, [(UUID(int=1).bytes, "bench", 0)])
            begin = NOW - timedelta(days=days)
            step = timedelta(days=days) / runs
            for first in range(0, runs, _PAGE):
                page = [
                    _run(project.key, number, begin + number * step)
                    for number in range(first, min(first + _PAGE, runs))
                ]
                ledger.book(lease, NOW, project, page, {}, rules)
            ledger.cover(lease, NOW, project, microseconds(begin), microseconds(NOW), lost=False)
        yield settings, config, ledger
    finally:
        ledger.close()


def _run(project: int, number: int, start: datetime) -> Run:
    provider, model = MODELS[number * 7 % len(MODELS)]
    feature = number * number % (FEATURES + 1)
    keys = [("env", ("production", "staging")[number % 2]), ("user_tier", ("free", "pro")[number // 3 % 2])]
    if feature:
        keys.append(("feature", f"feature-{feature}"))
    run_id = UUID(int=number + 2).bytes
    return Run(
        id=run_id,
        trace_id=run_id,
        project=project,
        ancestors=(),
        type="LLM",
        status=Status.SUCCESS,
        start=microseconds(start),
        end=microseconds(start),
        name=f"call-{number % 13}",
        tags=(),
        keys=tuple(sorted(keys)),
        provider=provider,
        model=model,
        context=None,
        usage=Usage(1_000 + number % 997, 100),
        raw_cost=1_000_000 + number % 1_000,
        flags=Flag(0),
    )


def _wait(slack: SlackStandIn, question: str) -> float:
    began = time.perf_counter()
    exchange = slack.command(question)
    exchange.wait_responses(1, timeout=30)
    return (time.perf_counter() - began) * 1_000
