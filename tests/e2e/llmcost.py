"""The command `llmcost` as a process of its own, in a folder of its own, beside a LangSmith stand-in."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import bot
from bot.ledger.lease import LEASE_MICROSECONDS
from tests.standins.langsmith import API_KEY, LangSmithStandIn

# Nothing takes so long; what does is stuck.
SECONDS = 60.0


def now() -> datetime:
    """The time, as the command sees it."""
    return datetime.now(UTC)


def noon_zone() -> str:
    """A zone in which it is about noon: no test crosses a midnight."""
    ahead = (now().hour - 12) % 24
    return f"Etc/GMT{ahead:+d}" if ahead <= 12 else f"Etc/GMT{ahead - 24:+d}"


class Done(NamedTuple):
    code: int
    stdout: str
    stderr: str


class Llmcost:
    """Runs `llmcost` with an environment of its own: nothing of the caller's but what Python needs."""

    def __init__(self, folder: Path, server: LangSmithStandIn, **variables: str) -> None:
        self.file = folder / "llmcost.db"
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(Path(bot.__file__).parents[1]),
            "LANGSMITH_ENDPOINT": server.url,
            "LANGSMITH_API_KEY": API_KEY,
            "LANGSMITH_PROJECT": "acme-prod",
            "LLMCOST_TIMEZONE": noon_zone(),
            "LLMCOST_BACKFILL": "6d",
            "LLMCOST_REQUESTS_PER_10S": "1000",
            **variables,
        }

    def start(
        self, *arguments: str, python: tuple[str, ...] = ("-m", "bot"), **streams: Any
    ) -> "subprocess.Popen[str]":
        """Start `llmcost` with these arguments."""
        return subprocess.Popen(
            [sys.executable, *python, *arguments],
            cwd=self._folder,
            env=self._environment,
            text=True,
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **streams,
            },
        )

    def run(self, *arguments: str) -> Done:
        """Run `llmcost` to its end."""
        return finish(self.start(*arguments))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the ledger's database answers."""
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(query).fetchall()

    def count_runs(self) -> int:
        """How many runs the ledger holds; 0 before it is made."""
        if not self.file.exists() or not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'runs'"):
            return 0
        return int(self.rows("SELECT count(*) FROM runs")[0][0])

    def let_lease_expire(self) -> None:
        """Put the leases into the past by as long as they last: what waiting would do."""
        if not self.file.exists():
            return
        with closing(sqlite3.connect(self.file)) as connection, connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'leases'").fetchone():
                connection.execute("UPDATE leases SET expires = expires - ?", (LEASE_MICROSECONDS,))


def finish(process: "subprocess.Popen[str]") -> Done:
    """Wait for the process to end."""
    try:
        stdout, stderr = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    return Done(process.returncode, stdout, stderr)


def wait_until(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> bool:
    """Wait until the condition holds; whether it did before the process ended."""
    for _ in range(int(SECONDS / 0.005)):
        if condition():
            return True
        if not lasts(process, 0.005):
            return condition()
    raise AssertionError("the process is stuck")


def lasts(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Whether the process is still there after so long; returns at once when it ends."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def kill(process: "subprocess.Popen[str]") -> bool:
    """End the process as a power cut does; whether it was still there."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=SECONDS)
    return process.returncode == -signal.SIGKILL
