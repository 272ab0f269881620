"""A soak: syncs, questions and dropped connections for so many seconds, and what must be flat and whole then.

The bot is a process of its own: what is measured is its memory, not what the Slack and the LangSmith of the tests keep.
"""

import signal
import subprocess
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bot.ledger.store import open_ledger
from tests.e2e.conversation import Talk, now
from tests.e2e.replicas import SECONDS, Replica, replicas
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

_QUESTIONS = ("week", "week by model", "features", "untagged", "status", "month by day", "budget")
# As many as somebody may ask in a minute are not asked by one: each round has another person.
_PEOPLE = 300
# Read again at each sync, so that the few of a round make no difference to what a sync is.
_RUNS_BEFORE, _RUNS_OF_A_ROUND = 1_000, 2
# At first SQLite's caches fill up, and what Python has not yet looked through for garbage.
_WARM_UP = 0.25
MOST_GROWTH_MIB = 24.0
# Pools take another thread where two answers meet; a connection that was dropped may be at its last words.
_MOST_MORE_THREADS = 8


class Process(NamedTuple):
    """What a process takes: MiB in memory, and threads."""

    memory: float
    threads: int


class Soaked(NamedTuple):
    """What was done, and what came of it: `warm` is what the bot took after the warm-up, `last` in the end. `rounds`
    counts all, `warm_rounds` those since the warm-up. `wrong` is what must not be."""

    rounds: int
    warm_rounds: int
    asked: int
    runs: int
    warm: Process
    last: Process
    wrong: list[str]

    @property
    def growth(self) -> float:
        """MiB since the warm-up."""
        return self.last.memory - self.warm.memory


def soak(seconds: float) -> Soaked:
    """Let the bot work for so long."""
    with TemporaryDirectory() as folder, SlackStandIn() as slack, LangSmithStandIn(now=now) as langsmith:
        talk = Talk(slack, langsmith, Path(folder), more={"LLMCOST_SYNC_EVERY": "5s"})
        for number in range(_PEOPLE):
            slack.add_user(f"U9{number}", f"u{number}", f"u{number}@example.com")
        runs = _trace(langsmith, 0, _RUNS_BEFORE)
        wrong, rounds, warm_rounds, asked = list[str](), 0, 0, 0
        with replicas(talk, 1) as (bot,):
            slack.wait_connected(timeout=SECONDS)
            began, warm = time.monotonic(), taken_by(bot.process.pid)
            while rounds == 0 or time.monotonic() - began < seconds:
                rounds += 1
                runs = _trace(langsmith, runs, _RUNS_OF_A_ROUND)
                for words in _QUESTIONS:
                    answer = talk.ask(words, user=f"U9{rounds % _PEOPLE}")
                    asked += 1
                    if len(answer.exchange.responses) != 1:
                        wrong.append(f"{words} was answered {len(answer.exchange.responses)} times")
                if rounds % 5 == 0:
                    slack.drop_sockets(warning=rounds % 10 == 0)
                    slack.wait_connected(timeout=SECONDS)
                _forget(slack, langsmith)
                if time.monotonic() - began < seconds * _WARM_UP:
                    warm, warm_rounds = taken_by(bot.process.pid), rounds
            last = taken_by(bot.process.pid)
            wrong += _counted(talk, runs) + _ended(bot)
        wrong += [f"Slack was sent what it refuses: {one}" for one in slack.violations]
    soaked = Soaked(rounds, rounds - warm_rounds, asked, runs, warm, last, wrong)
    return soaked._replace(wrong=wrong + _grown(soaked))


def _forget(slack: SlackStandIn, langsmith: LangSmithStandIn) -> None:
    """What the stand-ins remember of a round would fill this process in a long soak."""
    with slack.changed:
        slack._calls.clear()
        slack._exchanges.clear()
        slack.shown.clear()
        slack.api.triggers.clear()
    langsmith.requests.clear()


def taken_by(process: int) -> Process:
    """What a process takes now."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():  # macOS; its ps has a line for each thread, below a header
        threads = _said_by_ps("-M", process).strip().count("\n")
        return Process(int(_said_by_ps("-orss=", process)) / 1_024, threads)
    found = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return Process(int(found["VmRSS"].split()[0]) / 1_024, int(found["Threads"]))


def _said_by_ps(about: str, process: int) -> str:
    return subprocess.run(["/bin/ps", about, "-p", str(process)], capture_output=True, text=True, check=True).stdout


def _trace(langsmith: LangSmithStandIn, before: int, number: int) -> int:
    """So many runs more; gives how many there are."""
    start = now() - timedelta(minutes=1)
    for one in range(before, before + number):
        langsmith.add_run(project="acme-prod", start=start, metadata={"feature": f"f{one % 7}"}, cost="0.01")
    return before + number


def _counted(talk: Talk, runs: int) -> list[str]:
    """What the ledger lacks or has twice once the bot has had the time to read it all."""
    with closing(open_ledger(talk.environ["DATABASE_URL"], create=False)) as ledger:
        until = time.monotonic() + SECONDS
        while True:
            with ledger.reading() as reading:
                held = reading.count_runs(now() - timedelta(days=2), now() + timedelta(days=1))
            if held >= runs or time.monotonic() > until:
                break
            time.sleep(0.1)
        wrong = ledger.wrong_rollups()
        kept = ledger.health()
    if held != runs:
        wrong.append(f"{runs} runs were traced, {held} are in the ledger")
    if kept.problem is not None:
        wrong.append(kept.problem)
    return wrong


def _ended(bot: Replica) -> list[str]:
    """What is wrong with how it ends: a thread that is left would keep it from that."""
    bot.process.send_signal(signal.SIGTERM)
    try:
        status = bot.process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        return [f"it did not end: {bot.log[-20:]}"]
    failures = [line for line in bot.log if " ERROR " in line]
    return [f"it ended with {status}"] * (status != 0) + failures


def _grown(soaked: Soaked) -> list[str]:
    wrong = []
    if soaked.growth > MOST_GROWTH_MIB:
        wrong.append(f"memory grew by {soaked.growth:.0f} MiB")
    if soaked.last.threads > soaked.warm.threads + _MOST_MORE_THREADS:
        wrong.append(f"there were {soaked.warm.threads} threads, and {soaked.last.threads} in the end")
    return wrong
