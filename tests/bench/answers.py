"""How long people wait, on a ledger of many runs: for each word in process, for one command over Socket Mode, and for
fifty at once while a sync writes."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bot.app.answers import build_reporter
from bot.app.ledgers import build_rules
from bot.app.source import build_sync
from bot.slack.connection import SocketConnection
from bot.slack.listeners import Listeners
from tests.bench.ledger import NOW, Made, filled_ledger
from tests.bench.pages import FIRST_DAY
from tests.bench.sync import page_server
from tests.standins.slack import SlackStandIn

WORDS = (
    "week",
    "week feature-3",
    "month by model",
    "ytd",
    "30d feature-7 by env",
    "untagged",
    "last month by day",
    "mtd",
    "budget",
    "digest",
)
PEOPLE = 50


class Waits(NamedTuple):
    """Milliseconds that somebody waited."""

    p50: float
    p95: float
    worst: float


class Crowd(NamedTuple):
    """PEOPLE commands at once while a sync writes: milliseconds to the last acknowledgement and to the last answer, and
    how many runs the sync read meanwhile."""

    acknowledged: float
    answered: float
    synced: int


class Answers(NamedTuple):
    """What was measured on one ledger; `size` is its file's bytes."""

    words: dict[str, Waits]
    command: Waits
    crowd: Crowd
    size: int


def measure(runs: int, days: int, rounds: int, synced: int) -> Answers:
    """Ask each word `rounds` times on a ledger of `runs` runs over `days` days, in process and over Socket Mode; then
    all at once, while a sync of `synced` other runs writes."""
    with (
        TemporaryDirectory(prefix="llmcost-bench-") as folder,
        page_server(synced) as url,
        filled_ledger(
            Path(folder),
            runs,
            days,
            LANGSMITH_API_KEY="bench",
            LANGSMITH_ENDPOINT=url,
            LANGSMITH_PROJECT="bench",
            LLMCOST_REQUESTS_PER_10S="1000",
        ) as made,
    ):
        size = made.file.stat().st_size
        reporter = build_reporter(made.settings, made.config, made.ledger)
        words = {word: _waits([_asked(partial(reporter.ask, now=NOW), word) for _ in range(rounds)]) for word in WORDS}
        with _socket(made) as slack:
            waits = [_asked(partial(_command, slack), word) for _ in range(rounds) for word in WORDS]
            crowd = _crowd(slack, made)
    return Answers(words, _waits(waits), crowd, size)


@contextmanager
def _socket(made: Made) -> Iterator[SlackStandIn]:
    reporter = build_reporter(made.settings, made.config, made.ledger)
    with SlackStandIn() as slack:
        connection = SocketConnection(
            bot_token=slack.bot_token,
            app_token=slack.app_token,
            api_url=slack.api_url,
            listeners=Listeners(reporter, made.ledger, lambda: NOW),
        )
        connection.open()
        try:
            slack.wait_connected()
            yield slack
        finally:
            connection.close()


def _crowd(slack: SlackStandIn, made: Made) -> Crowd:
    rules = build_rules(made.settings, made.config)
    sync, source = build_sync(made.settings, made.ledger, rules, clock=lambda: NOW)
    read, writes = [0], threading.Event()

    def progress(so_far: object) -> None:
        read[0] = getattr(so_far, "read", 0)
        if read[0]:
            writes.set()

    writer = threading.Thread(target=lambda: sync.run(FIRST_DAY, progress))
    writer.start()
    try:
        if not writes.wait(60):
            raise SystemExit("the sync did not begin to write")
        before, began = read[0], time.perf_counter()
        exchanges = [slack.command(WORDS[number % len(WORDS)]) for number in range(PEOPLE)]
        for exchange in exchanges:
            exchange.wait_ack(timeout=30)
        acknowledged = time.perf_counter() - began
        for exchange in exchanges:
            exchange.wait_responses(1, timeout=60)
        answered = time.perf_counter() - began
        return Crowd(acknowledged * 1_000, answered * 1_000, read[0] - before)
    finally:
        writer.join()
        source.close()


def _asked(ask: Callable[[str], object], word: str) -> float:
    began = time.perf_counter()
    ask(word)
    return (time.perf_counter() - began) * 1_000


def _command(slack: SlackStandIn, word: str) -> None:
    slack.command(word).wait_responses(1, timeout=30)


def _waits(milliseconds: Sequence[float]) -> Waits:
    ordered = sorted(milliseconds)
    return Waits(statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1])
