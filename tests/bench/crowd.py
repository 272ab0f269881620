"""Fifty people who ask `llmcost run` at once while it reads LangSmith as fast as it can: how long the last one waits.

`python -m tests.bench.crowd [--runs N] [--budget N]` measures it alone.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import UUID

from tests.bench.ledger import filled_ledger
from tests.bench.pages import PAGE, PAGES_A_DAY
from tests.bench.sync import page_server
from tests.e2e.replicas import Replica, samples
from tests.e2e.test_watching import get
from tests.standins.slack import SlackStandIn

PEOPLE = 50
WORDS = ("week", "week feature-3", "month by model", "ytd", "30d feature-7 by env", "untagged", "mtd", "budget")
# The sync's are of another project than those that are in the ledger: it has never been read.
_ASKED = UUID(int=0xA5C)
_DAYS = 15
_ROUNDS = 3


class Crowd(NamedTuple):
    """Milliseconds to the slowest acknowledgement and to the last answer of one crowd, and the runs that the sync has
    read meanwhile."""

    acknowledged: float
    answered: float
    synced: int


def measure(runs: int, requests_per_10s: int = 1_000) -> list[Crowd]:
    """Several crowds, one after another, on a ledger of `runs` runs over 400 days. The first finds a process that has
    answered nothing yet."""
    now = datetime.now(UTC)
    first_day = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=_DAYS - 1)
    with (
        TemporaryDirectory(prefix="llmcost-bench-") as name,
        SlackStandIn() as slack,
        page_server(PAGE * PAGES_A_DAY * _DAYS, first_day) as url,
    ):
        folder = Path(name)
        with filled_ledger(folder, runs, 400, now=now, project_id=_ASKED) as made:
            environ = {
                **os.environ,
                "PYTHONPATH": str(Path.cwd()),
                "DATABASE_URL": f"sqlite:///{made.file}",
                "LANGSMITH_API_KEY": "bench",
                "LANGSMITH_ENDPOINT": url,
                "LANGSMITH_PROJECT": "bench",
                "LLMCOST_BACKFILL": f"{_DAYS}d",
                "LLMCOST_REQUESTS_PER_10S": str(requests_per_10s),
                "LLMCOST_METRICS_PORT": "0",
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_APP_TOKEN": slack.app_token,
                "SLACK_API_URL": slack.api_url,
            }
        with _bot(folder, environ) as bot:
            return [_crowd(slack, bot, number) for number in range(_ROUNDS)]


def _crowd(slack: SlackStandIn, bot: Replica, number: int) -> Crowd:
    people = [f"U{number}{person:03}" for person in range(PEOPLE)]  # nobody asks twice
    for person in people:
        slack.add_user(person, person.lower(), f"{person}@example.com")
    before = _read(bot)
    until = time.monotonic() + 60
    while _read(bot) == before:
        if time.monotonic() > until:
            raise SystemExit("the sync does not write")
        time.sleep(0.05)
    before, began = _read(bot), time.monotonic()
    exchanges = [slack.command(WORDS[at % len(WORDS)], user=person) for at, person in enumerate(people)]
    slowest = max(exchange.wait_ack(60).seconds for exchange in exchanges)
    for exchange in exchanges:
        (said,) = exchange.wait_responses(timeout=60)
        if "$" not in said["text"]:
            raise SystemExit(f"no answer: {said['text']}")
    answered = time.monotonic() - began
    return Crowd(slowest * 1_000, answered * 1_000, _read(bot) - before)


def _read(bot: Replica) -> int:
    return int(samples(get(bot.watch_port, "/metrics")[1])["llmcost_runs_read_total"])


@contextmanager
def _bot(folder: Path, environ: dict[str, str]) -> Iterator[Replica]:
    command = [sys.executable, "-m", "bot", "run"]
    with subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True) as process:
        bot = Replica(process)
        try:
            bot.wait_log("llmcost is ready")
            yield bot
        finally:
            bot.kill()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1_000_000, help="how many are in the ledger")
    parser.add_argument("--budget", type=int, default=1_000, help="the sync's requests in 10 s")
    asked = parser.parse_args()
    sys.stdout.write(f"{described(asked.runs, measure(asked.runs, asked.budget))}\n")


def described(runs: int, crowds: list[Crowd]) -> str:
    """What was measured, in a paragraph."""
    each = "; ".join(
        f"{one.acknowledged:,.0f} and {one.answered:,.0f} ms, {one.synced:,} runs read meanwhile" for one in crowds
    )
    return (
        f"{PEOPLE} people who ask `llmcost run` at once while it syncs, {runs:,} runs in its ledger, {len(crowds)} "
        f"times: slowest acknowledgement and last answer {each} (aims: 1,000 and 3,000 ms)."
    )


if __name__ == "__main__":
    main()
