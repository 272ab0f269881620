"""A soak: syncs, questions and dropped connections for so many seconds, and what must be flat and whole then."""

import gc
import resource
import sys
import threading
import time
from contextlib import ExitStack, closing, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bot.app.ledgers import build_rules, open_to_write
from bot.app.source import build_sync
from bot.errors import LedgerBusyError
from bot.ingest.sync import Sync
from bot.ledger.store import open_ledger
from bot.settings import Need, load
from tests.e2e.conversation import Talk, now
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

_QUESTIONS = ("week", "week by model", "features", "untagged", "status", "month by day", "budget")
# Caches fill up at first.
_WARM_UP = 0.25
_MOST_GROWTH_MIB = 24.0


class Soaked(NamedTuple):
    """What was done, and what came of it. `growth` is in MiB after the warm-up; `wrong` is what must not be."""

    rounds: int
    asked: int
    runs: int
    growth: float
    threads: int
    wrong: list[str]


def soak(seconds: float) -> Soaked:
    """Let the bot work for so long."""
    with TemporaryDirectory() as folder, SlackStandIn() as slack, LangSmithStandIn() as langsmith:
        # Nobody is to wait for their turn here: each round has another person.
        talk = Talk(slack, langsmith, Path(folder), more={"LLMCOST_DIGEST_CHANNEL": "#general"})
        for number in range(100):
            slack.add_user(f"U9{number}", f"u{number}", f"u{number}@example.com")
        before, wrong, rounds, asked, runs = set(threading.enumerate()), list[str](), 0, 0, 0
        settings, config = load(Need.LANGSMITH, environ=talk.environ, directory=talk.folder)
        rules = build_rules(settings, config)
        with talk.running(), closing(open_to_write(settings, rules)) as ledger, ExitStack() as last:
            sync, source = build_sync(settings, ledger, rules)
            last.callback(source.close)
            # Not sooner: on a busy machine the bot is long in starting.
            began, warm = time.monotonic(), 0.0
            while rounds == 0 or time.monotonic() - began < seconds:
                rounds += 1
                start = now() - timedelta(minutes=1)
                for _ in range(20):
                    langsmith.add_run(
                        project="acme-prod", start=start, metadata={"feature": f"f{runs % 7}"}, cost="0.01"
                    )
                    runs += 1
                _read(sync)
                for words in _QUESTIONS:
                    answer = talk.ask(words, user=f"U9{rounds % 100}")
                    asked += 1
                    if len(answer.exchange.responses) != 1:
                        wrong.append(f"{words} was answered {len(answer.exchange.responses)} times")
                if rounds % 5 == 0:
                    slack.drop_sockets(warning=rounds % 10 == 0)
                    slack.wait_connected()
                _forget(slack, langsmith)
                if time.monotonic() - began < seconds * _WARM_UP:
                    warm = _resident()
            growth = _resident() - (warm or _resident())
        wrong += _counted(talk, runs)
        left = [thread for thread in threading.enumerate() if thread not in before]
        for thread in left:  # those of a connection that was dropped may be at their last words
            thread.join(5)
        gc.collect()
    if growth > _MOST_GROWTH_MIB:
        wrong.append(f"memory grew by {growth:.0f} MiB")
    still = [thread.name for thread in left if thread.is_alive()]
    if still:
        wrong.append(f"{len(still)} threads were left: {still}")
    return Soaked(rounds, asked, runs, growth, len(still), wrong)


def _read(sync: Sync) -> None:
    """Read LangSmith, as soon as the bot is not at it itself."""
    while True:
        with suppress(LedgerBusyError):
            sync.run()
            return
        threading.Event().wait(0.05)


def _counted(talk: Talk, runs: int) -> list[str]:
    """What the ledger lacks or has twice."""
    with closing(open_ledger(talk.environ["DATABASE_URL"], create=False)) as ledger:
        wrong = ledger.wrong_rollups()
        kept = ledger.health()
        with ledger.reading() as reading:
            held = reading.count_runs(now() - timedelta(days=2), now() + timedelta(days=1))
    if held != runs:
        wrong.append(f"{runs} runs were traced, {held} are in the ledger")
    if kept.problem is not None:
        wrong.append(kept.problem)
    return wrong


def _forget(slack: SlackStandIn, langsmith: LangSmithStandIn) -> None:
    """What the stand-ins remember is not the bot's."""
    with slack.changed:
        slack._calls.clear()
        slack._exchanges.clear()
        slack.shown.clear()
    langsmith.requests.clear()


def _resident() -> float:
    """MiB that are in memory now; where the system does not say, the most that there ever were."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 2**20 if sys.platform == "darwin" else most / 1024
    return pages * resource.getpagesize() / 2**20
