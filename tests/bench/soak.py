"""A soak: syncs, questions and dropped connections for so many seconds, and what must be flat and whole then.

The bot is a process of its own: what is measured is its memory, not what the Slack and the LangSmith of the tests keep.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bot.ledger.store import open_ledger
from tests.e2e.commands import start
from tests.e2e.conversation import Talk, now
from tests.e2e.replicas import SECONDS, Replica
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

_QUESTIONS = ("week", "week by model", "features", "untagged", "status", "month by day", "budget")
# As many as somebody may ask in a minute are not asked by one: each round has another person.
_PEOPLE = 300
# Read again at each sync, so that the few of a round make no difference to what a sync is.
_RUNS_BEFORE, _RUNS_OF_A_ROUND = 1_000, 2
# At first caches fill up: those of SQLAlchemy's statements, and SQLite's of 2 MiB for each connection. That takes
# rounds, and on a busy machine there are few of them in a second.
_WARM_UP, _WARM_ROUNDS = 0.5, 10
# Longer than a sync takes, which has a page of runs in hand.
_LOOKS, _BETWEEN_LOOKS = 6, 0.25
# The C library keeps what is free for later, and Python its garbage until there is enough of it: both grow ever more
# slowly. What is alive is flat: a leak shows there first.
MOST_MORE_MIB = 24.0
MOST_MORE_ALIVE = 8_000
# Pools take another thread where two answers meet; a connection that was dropped may be at its last words.
MOST_MORE_THREADS = 8


class Taken(NamedTuple):
    """What the bot takes: MiB in memory, blocks of Python's that are no garbage, and threads."""

    memory: float
    alive: int
    threads: int


class Soaked(NamedTuple):
    """What was done, and what came of it: `warm` is what the bot took after the warm-up, `last` in the end. `rounds`
    counts all, `warm_rounds` those since the warm-up. `wrong` is what must not be."""

    rounds: int
    warm_rounds: int
    asked: int
    runs: int
    warm: Taken
    last: Taken
    wrong: list[str]


class _Bot(Replica):
    """`llmcost run` that can be asked what it takes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        super().__init__(process)
        self._asked = 0

    def taken(self) -> Taken:
        """What it takes now. What it has in hand for a moment is not meant: the least of several looks counts."""
        looks = []
        for _ in range(_LOOKS):
            looks.append(self._alive())
            time.sleep(_BETWEEN_LOOKS)
        return Taken(_resident(self.process.pid), min(looks), _threads(self.process.pid))

    def _alive(self) -> int:
        self._asked += 1
        said = f"alive {self._asked}: "
        self.process.send_signal(signal.SIGUSR1)
        self.wait_log(said)
        return next(int(line.partition(said)[2]) for line in self.log if said in line)


def soak(seconds: float) -> Soaked:
    """Let the bot work for so long, and for 2 * _WARM_ROUNDS rounds at least."""
    with TemporaryDirectory() as folder, SlackStandIn() as slack, LangSmithStandIn(now=now) as langsmith:
        talk = Talk(slack, langsmith, Path(folder), more={"LLMCOST_SYNC_EVERY": "5s"})
        for number in range(_PEOPLE):
            slack.add_user(f"U9{number}", f"u{number}", f"u{number}@example.com")
        runs = _trace(langsmith, 0, _RUNS_BEFORE)
        wrong, rounds, warm_rounds, asked = list[str](), 0, 0, 0
        with _running(talk) as bot:
            began, warm = time.monotonic(), None
            while rounds < 2 * _WARM_ROUNDS or time.monotonic() - began < seconds:
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
                is_warm = rounds >= _WARM_ROUNDS and time.monotonic() - began >= seconds * _WARM_UP
                if warm is None and is_warm:
                    warm, warm_rounds = bot.taken(), rounds
            wrong += _counted(talk, runs)
            last = bot.taken()
            wrong += _ended(bot)
        wrong += [f"Slack was sent what it refuses: {one}" for one in slack.violations]
    soaked = Soaked(rounds, rounds - warm_rounds, asked, runs, warm or last, last, wrong)
    return soaked._replace(wrong=wrong + _grown(soaked))


@contextmanager
def _running(talk: Talk) -> Iterator[_Bot]:
    with start(talk.folder, "run", more=talk.environ, module="tests.bench.alive") as process:
        bot = _Bot(process)
        try:
            bot.wait_log("llmcost is ready")
            talk.slack.wait_connected(timeout=SECONDS)
            yield bot
        finally:
            bot.kill()


def _forget(slack: SlackStandIn, langsmith: LangSmithStandIn) -> None:
    """What the stand-ins remember of a round would fill this process in a long soak."""
    with slack.changed:
        slack._calls.clear()
        slack._exchanges.clear()
        slack.shown.clear()
        slack.api.triggers.clear()
    langsmith.requests.clear()


def _resident(process: int) -> float:
    """MiB of it that are in memory now."""
    return int(_said_by_ps("-orss=", process)) / 1_024


def _threads(process: int) -> int:
    tasks = Path(f"/proc/{process}/task")
    if tasks.exists():
        return len(list(tasks.iterdir()))
    return _said_by_ps("-M", process).strip().count("\n")  # macOS: a line for each, below a header


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


def _ended(bot: _Bot) -> list[str]:
    """What is wrong with how it ends: a thread that is left would keep it from that."""
    bot.process.send_signal(signal.SIGTERM)
    try:
        status = bot.process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        return [f"it did not end: {bot.log[-20:]}"]
    failures = [line for line in bot.log if " ERROR " in line]
    return [f"it ended with {status}"] * (status != 0) + failures


def _grown(soaked: Soaked) -> list[str]:
    memory, alive, threads = (now - then for now, then in zip(soaked.last, soaked.warm, strict=True))
    wrong = []
    if memory > MOST_MORE_MIB:
        wrong.append(f"memory grew by {memory:.0f} MiB")
    if alive > MOST_MORE_ALIVE:
        wrong.append(f"{alive:,.0f} blocks of memory more are alive")
    if threads > MOST_MORE_THREADS:
        wrong.append(f"there are {threads:.0f} threads more")
    return wrong
