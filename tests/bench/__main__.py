"""`python -m tests.bench [--short]`: all figures, as a table with the machine described; `soak --seconds N`: a soak."""

import os
import platform
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from bot.settings import load
from tests.bench import answers, crowd, phases, pieces, prune, soak, start, sync
from tests.bench.pages import PAGE, Ids


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["soak"]:
        sys.exit(_soak(float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 60.0))
    short = "--short" in sys.argv[1:]
    _say(f"{_machine()}\n")
    runs = 20_000 if short else 200_000
    measured = {ids: sync.measure_all(runs, ids) for ids in Ids}
    for ids, one in measured.items():
        _say(_sync_table(runs, ids, one))
    _say(_pieces_table())
    _say(_shares((100_000,) if short else (100_000, 2_000_000), runs, measured[Ids.BY_TIME]["sync"]))
    found = {}
    for runs in (50_000,) if short else (100_000, 1_000_000, 5_000_000):
        found[runs] = answers.measure(runs, 400, 5 if short else 20)
        _say(_answers_table(runs, 5 if short else 20, found[runs]))
    if len(found) > 1:
        _say(_curve(found))
    runs = 50_000 if short else 5_000_000
    _say(f"\n{crowd.described(runs, crowd.measure(runs))}")
    runs = 20_000 if short else 1_000_000
    _say(f"\n{prune.described(runs, prune.measure(runs))}")
    starts = start.measure()
    _say(
        f"\n`llmcost report` to its first byte: {starts.report:.0f} ms; importing SQLAlchemy alone: "
        f"{starts.sqlalchemy:.0f} ms; ratio {starts.report / starts.sqlalchemy:.2f} (aim: 2)."
    )
    rows = [(one.name, f"{one.best:,.0f}", f"{one.median:,.0f}") for one in phases.measure(1_000)]
    table = tabulate(rows, ("ms", "best", "median"), disable_numparse=True)
    _say(f"\n`llmcost run`, {phases.ROUNDS} times, phase by phase (aim: ready within 2,000 ms):\n{table}")


def _soak(seconds: float) -> int:
    found = soak.soak(seconds)
    warm, last, rounds = found.warm, found.last, max(found.warm_rounds, 1)
    rows = [
        ("MiB in memory", f"{warm.memory:.1f}", last.memory - warm.memory, soak.MOST_MORE_MIB),
        ("blocks alive", f"{warm.alive:,}", last.alive - warm.alive, soak.MOST_MORE_ALIVE),
        ("threads", warm.threads, last.threads - warm.threads, soak.MOST_MORE_THREADS),
    ]
    shown = [(name, then, f"{more:,.1f}", f"{more / rounds:,.3f}", f"{most:,.0f}") for name, then, more, most in rows]
    table = tabulate(shown, ("", "after warm-up", "more", "a round", "limit"), disable_numparse=True)
    _say(
        f"{found.rounds} rounds: {found.asked} questions, {found.runs:,} runs. What the bot took, and how much more "
        f"after {found.warm_rounds} rounds:\n{table}"
    )
    for one in found.wrong:
        _say(f"Wrong: {one}")
    return 1 if found.wrong else 0


def _sync_table(runs: int, ids: Ids, found: Mapping[str, sync.Measured]) -> str:
    floor, loop = found["floor"], found["typed loop"]
    rows = [
        [
            name,
            f"{one.seconds:.2f}",
            f"{one.seconds / floor.seconds:.2f}",
            f"{loop.seconds / one.seconds:.2f}",
            f"{runs / one.seconds:,.0f}",
            f"{one.processor:.2f}",
            f"{one.processor / floor.processor:.2f}",
            f"{loop.processor / one.processor:.2f}",
            f"{one.peak:.0f}",
            one.rows,
            one.checksum,
        ]
        for name, one in found.items()
    ]
    header = ["", "seconds", "of floor", "loop's pace", "runs/s"]
    header += ["processor s", "of floor", "loop's pace", "peak MiB", "rows", "checksum"]
    table = tabulate(rows, header, disable_numparse=True)
    return f"A first sync of {runs:,} runs, ids {ids} (aims: 2 of the floor, 4 times the loop's pace):\n{table}\n"


def _pieces_table() -> str:
    found = pieces.measure()
    rows = [(one.name, f"{one.microseconds:.1f}") for one in found]
    rows.append(("together", f"{sum(one.microseconds for one in found):.1f}"))
    table = tabulate(rows, ("microseconds a run", "best"), disable_numparse=True)
    return f"Of that, what is neither SQLite's nor the network's, each by itself:\n{table}\n"


def _shares(sizes: Sequence[int], runs: int, measured: sync.Measured) -> str:
    """What a sync takes of a machine: its memory, and of its processor as measured with `runs`."""
    peaks = ", ".join(f"{sync.measure_peak(size):.0f} MiB for {size:,} runs" for size in sizes)
    settings, _ = load(environ={})
    share = measured.processor / (runs / PAGE) * settings.requests_per_10s / 10
    return (
        f"Peak memory of a first sync (aim: the same for all): {peaks}.\n"
        f"At the default of {settings.requests_per_10s} requests in 10 s, each of them a page of {PAGE:,} runs, a sync "
        f"takes {share:.1%} of a core (aim: at most 10 %)."
    )


def _answers_table(runs: int, rounds: int, found: answers.Answers) -> str:
    rows = [(word, *(f"{wait:.0f}" for wait in waits)) for word, waits in found.words.items()]
    rows.append(("from command to answer, all of them", *(f"{wait:.0f}" for wait in found.command)))
    table = tabulate(rows, ("ms", "p50", "p95", "worst"), disable_numparse=True)
    return (
        f"\nAnswers on {runs:,} runs, 400 days, 200 features, 8 models, {rounds} times each (aims: p95 under 100 ms in "
        f"process, 200 ms from command to answer); {found.size / runs:.0f} bytes a run, rollups included:\n{table}"
    )


def _curve(found: Mapping[int, answers.Answers]) -> str:
    """How the waits grow with the runs."""
    words = next(iter(found.values())).words
    rows = [(word, *(f"{one.words[word].p50:.1f}" for one in found.values())) for word in words]
    rows.append(("from command to answer", *(f"{one.command.p50:.1f}" for one in found.values())))
    rows.append(("bytes a run", *(f"{one.size / runs:.0f}" for runs, one in found.items())))
    table = tabulate(rows, ("p50 in ms", *(f"{runs:,} runs" for runs in found)), disable_numparse=True)
    return f"\nThe same by the number of runs:\n{table}"


def _machine() -> str:
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{model}, {os.cpu_count()} cores{load}; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
