"""How long `llmcost run` takes from its start until it is ready, and how much of that each phase takes.

`python -m tests.bench.phases BEGAN` is the command, with marks between its phases; it ends once it is ready.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.standins.slack import SlackStandIn

ROUNDS = 9
# The name of a phase, and the function of bot.app.bot at whose end it is over.
_PHASES = (
    ("the rules and the price list", "build_rules"),
    ("opening the ledger", "open_to_write"),
    ("LangSmith's client", "build_sync"),
    ("who answers", "build_reporter"),
    ("Bolt, and who we are in Slack", "_connection"),
)


class Phase(NamedTuple):
    """Milliseconds: those of the quickest round, and the median of all rounds."""

    name: str
    best: float
    median: float


def measure(runs: int) -> list[Phase]:
    """ROUNDS starts on a ledger of so many runs, Slack being on this machine: the phases, their sum, and in another
    ROUNDS starts the time until somebody has read an answer."""
    # Here, because the command below is to import nothing but its own.
    from tests.bench.ledger import filled_ledger
    from tests.standins.slack import SlackStandIn

    with TemporaryDirectory(prefix="llmcost-bench-") as name, SlackStandIn() as slack:
        folder = Path(name)
        with filled_ledger(folder, runs, 10):
            pass
        environ = {
            **os.environ,
            "PYTHONPATH": str(Path.cwd()),
            "DATABASE_URL": f"sqlite:///{folder}/bench.db",
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
            "LANGSMITH_API_KEY": "bench",
            "LANGSMITH_ENDPOINT": "http://127.0.0.1:9",
            "LANGSMITH_PROJECT": "bench",
        }
        _start(folder, environ)  # what follows is warm
        rounds = [_start(folder, environ) for _ in range(ROUNDS)]
        answers = [_first_answer(slack, folder, environ) for _ in range(ROUNDS)]
    best = min(rounds, key=lambda one: sum(one.values()))
    phases = [Phase(name, best[name], statistics.median(one[name] for one in rounds)) for name in best]
    wholes = {"until it is ready": [sum(one.values()) for one in rounds], "until somebody is answered": answers}
    return [*phases, *(Phase(name, min(each), statistics.median(each)) for name, each in wholes.items())]


def _start(folder: Path, environ: dict[str, str]) -> dict[str, float]:
    """The milliseconds of each phase of one start."""
    command = [sys.executable, "-m", "tests.bench.phases", repr(time.monotonic())]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder, env=environ)
    lines = [line.rpartition("\t") for line in ended.stdout.splitlines()]
    return {name: float(milliseconds) for name, _, milliseconds in lines}


def _first_answer(slack: "SlackStandIn", folder: Path, environ: dict[str, str]) -> float:
    """The milliseconds from the command, as people start it, to the first answer of somebody who asked at once."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "run"], cwd=folder, env=environ, stderr=subprocess.DEVNULL
    ) as process:
        try:
            slack.wait_connected(timeout=60)
            slack.command("week").wait_responses(timeout=60)
            return (time.monotonic() - began) * 1_000
        finally:
            process.terminate()
            process.wait(60)


def main(began: float) -> None:
    """The bot, until it is ready: prints the phases."""
    marks = [("", began)]

    def mark(name: str) -> None:
        marks.append((name, time.monotonic()))

    from bot.cli import main as command_line
    from bot.cli import run

    del command_line  # typer, and every subcommand: what `llmcost` imports whatever it is to do
    mark("Python itself, and the command line")
    from bot import settings
    from bot.app import bot
    from bot.jobs.clock import Clock
    from bot.slack.connection import SocketConnection

    mark("importing the bot")
    _end_with(settings, "load", lambda: mark("reading the settings"))
    for name, function in _PHASES:
        _end_with(bot, function, lambda name=name: mark(name))  # type: ignore[misc] # mypy does not guess what a lambda's default is
    _end_with(SocketConnection, "open", lambda: mark("connecting to Slack"))

    def ready() -> None:
        mark("starting the clock")
        for (name, at), (_, before) in zip(marks[1:], marks, strict=False):
            sys.stdout.write(f"{name}\t{(at - before) * 1_000}\n")
        sys.stdout.flush()
        os._exit(0)

    _end_with(Clock, "start", ready)
    run.run_bot()


def _end_with(place: Any, name: str, then: Callable[[], None]) -> None:
    """Let a function call `then` at its end."""
    function = getattr(place, name)

    def called(*given: Any, **more: Any) -> Any:
        made = function(*given, **more)
        then()
        return made

    setattr(place, name, called)


if __name__ == "__main__":
    main(float(sys.argv[1]))
