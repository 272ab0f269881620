"""How long people wait, on a ledger of many runs: for each word in process, and for one command over Socket Mode."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bot.app.answers import build_reporter
from bot.jobs.alerts import Alerts
from bot.ledger.booking import microseconds
from bot.ledger.coverage import SyncRow
from bot.reports.reporter import Reporter
from bot.slack.connection import SocketConnection
from bot.slack.hearing import Answerers
from bot.slack.home_view import home_view
from bot.slack.listeners import Listeners
from bot.slack.owners import Told
from tests.bench.ledger import NOW, Made, filled_ledger
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
CHECK = "the check of the budgets"
HOME = "the home tab"


class Waits(NamedTuple):
    """Milliseconds that somebody waited."""

    p50: float
    p95: float
    worst: float


class Answers(NamedTuple):
    """What was measured on one ledger; `size` is its file's bytes."""

    words: dict[str, Waits]
    command: Waits
    size: int


def measure(runs: int, days: int, rounds: int) -> Answers:
    """Ask each word `rounds` times on a ledger of `runs` runs over `days` days, in process and over Socket Mode."""
    with TemporaryDirectory(prefix="llmcost-bench-") as folder, filled_ledger(Path(folder), runs, days) as made:
        size = made.file.stat().st_size
        reporter = build_reporter(made.settings, made.config, made.ledger)
        words = {word: _waits([_asked(partial(reporter.ask, now=NOW), word) for _ in range(rounds)]) for word in WORDS}
        words[HOME] = _waits([_asked(partial(_home, reporter), "feature-7") for _ in range(rounds)])
        words[CHECK] = _waits([_checked(made, number) for number in range(rounds)])
        with _socket(made) as slack:
            waits = [_asked(partial(_command, slack), word) for _ in range(rounds) for word in WORDS]
    return Answers(words, _waits(waits), size)


@contextmanager
def _socket(made: Made) -> Iterator[SlackStandIn]:
    reporter = build_reporter(made.settings, made.config, made.ledger)
    with SlackStandIn() as slack:
        connection = SocketConnection(
            Answerers(Listeners(reporter, made.ledger, lambda: NOW)),
            bot_token=slack.bot_token,
            app_token=slack.app_token,
            api_url=slack.api_url,
        )
        connection.open()
        try:
            slack.wait_connected()
            yield slack
        finally:
            connection.close()


def _home(reporter: Reporter, mine: str) -> None:
    """The figures of a home tab, and their drawing."""
    if not home_view(reporter.home(NOW), {mine}, ())["blocks"]:
        raise SystemExit("an empty home tab")


def _asked(ask: Callable[[str], object], word: str) -> float:
    began = time.perf_counter()
    ask(word)
    return (time.perf_counter() - began) * 1_000


def _checked(made: Made, number: int) -> float:
    """The check that follows a sync. The first tells of what the others know."""
    minute = timedelta(minutes=number)
    made.ledger.record_sync(SyncRow(microseconds(NOW + minute), microseconds(NOW + minute), 0, 0, 0, None, 1))
    check = Alerts(
        made.ledger,
        lambda: made.config.catalog,
        made.settings.timezone,
        made.settings.week_start,
        lambda owners, feature: [Told(owner, f"You own {feature}.") for owner in owners],
        lambda who, now, percent: now,  # noqa: ARG005 - nobody sleeps
        None,
        (),
    )
    return _asked(lambda _: check.run(NOW + minute), CHECK)


def _command(slack: SlackStandIn, word: str) -> None:
    person = slack.next_id("U0")  # nobody asks so often that the bot asks for a pause
    slack.add_user(person, person.lower(), f"{person}@example.com")
    (said,) = slack.command(word, user=person).wait_responses(1, timeout=30)
    if "As of" not in said["text"]:
        raise SystemExit(f"no answer: {said['text']}")


def _waits(milliseconds: Sequence[float]) -> Waits:
    ordered = sorted(milliseconds)
    return Waits(statistics.median(ordered), ordered[math.ceil(len(ordered) * 0.95) - 1], ordered[-1])
