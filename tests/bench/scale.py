"""What a day of many runs costs, by paging and by LangSmith's own aggregation: arithmetic, from figures that are named.

`python -m tests.bench.scale` prints the tables of docs/scale.md.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SIZES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)

SECONDS_A_DAY = 86_400
WINDOWS_A_DAY = SECONDS_A_DAY // 10  # a budget is so many requests in ten seconds
PAGE = 1_000
# Every minute the last 10 minutes are read again, every 10 minutes 2 h, every hour 26 h, every night 3 days: of a day's
# pages that many are read again, for what came late.
REREAD_BY_MINUTE = 10.0
REREAD_BY_TEN_MINUTES = 12.0
REREAD_BY_HOUR = 26.0
REREAD_BY_NIGHT = 3.0
DEFAULT_BUDGET = 10
# To read (11) and book (33) a run the first time was measured on a quiet machine; that one which has not changed takes
# half of it is an assumption. Bytes as in docs/benchmarks.md.
NEW_MICROSECONDS = 44.0
KNOWN_MICROSECONDS = 22.0
BYTES_A_RUN = 380

# runs/stats: grouped by feature, one request an hour of the day and project, one request in ten seconds.
STATS_SECONDS = 10
PROJECTS = 10
FEATURES = 200
# A group is a row of the rollups: feature, and hour, with its measures.
ROLLUP_BYTES = 120


class Paging(NamedTuple):
    """A day by paging."""

    runs: int
    pages: int
    requests: int
    budget: int  # requests in ten seconds that this takes
    rows: int
    seconds: float  # of one processor
    bytes: int


class Aggregated(NamedTuple):
    """A day by runs/stats."""

    requests: int
    seconds: int  # at the pace that LangSmith allows
    rows: int
    bytes: int


def reread_factor() -> float:
    """How many times a page is read again, on the average."""
    return REREAD_BY_MINUTE + REREAD_BY_TEN_MINUTES + REREAD_BY_HOUR + REREAD_BY_NIGHT


def paging(runs: int, again: float | None = None) -> Paging:
    """A day of so many runs; read `again` so many times, without it as often as now."""
    factor = reread_factor() if again is None else again
    pages = math.ceil(runs / PAGE)
    requests = math.ceil(pages * (1 + factor))
    seconds = runs * (NEW_MICROSECONDS + factor * KNOWN_MICROSECONDS) / 1e6
    return Paging(
        runs, pages, requests, math.ceil(requests / WINDOWS_A_DAY), runs, seconds, runs * BYTES_A_RUN
    )  # fmt: skip - as the fields stand


def most_runs(budget: int, again: float) -> int:
    """How many runs a day a budget of requests in ten seconds reads, read `again` so many times."""
    return math.floor(WINDOWS_A_DAY * budget / (1 + again)) * PAGE


def aggregated(projects: int = PROJECTS, features: int = FEATURES) -> Aggregated:
    """A day of any number of runs."""
    requests = projects * 24
    rows = requests * features
    return Aggregated(requests, requests * STATS_SECONDS, rows, rows * ROLLUP_BYTES)


def most_projects() -> int:
    """For how many projects each hour can be asked for once, and once again a day later."""
    return SECONDS_A_DAY // STATS_SECONDS // 24 // 2


def tables() -> dict[str, str]:
    """The tables of docs/scale.md by name."""
    return {"paging": _paging(), "limits": _limits(), "aggregation": _aggregation()}


def _paging() -> str:
    rows = []
    for size in SIZES:
        for name, again in (("as now", None), ("read once", 0.0)):
            day = paging(size, again)
            rows.append(
                (
                    f"{size // 1_000_000:,} million",
                    name,
                    f"{day.pages:,}",
                    f"{day.requests:,}",
                    f"{day.budget:,}",
                    f"{day.seconds:,.0f}",
                    f"{day.seconds / SECONDS_A_DAY:.2f}",
                    f"{day.bytes / 1e9:,.1f}",
                )
            )
    header = ("runs a day", "re-reading", "pages", "requests", "budget needed", "processor s", "cores", "GB a day")
    return _table(header, rows)


def _limits() -> str:
    budgets = (DEFAULT_BUDGET, 100, 1_000)
    rows = [
        (f"{budget:,}", f"{most_runs(budget, reread_factor()):,}", f"{most_runs(budget, 0.0):,}") for budget in budgets
    ]
    header = ("requests in 10 s", "runs a day, as now", "runs a day, read once")
    return _table(header, rows)


def _aggregation() -> str:
    rows = []
    for projects in (1, PROJECTS, most_projects()):
        day = aggregated(projects)
        rows.append((projects, f"{day.requests:,}", f"{day.seconds:,}", f"{day.rows:,}", f"{day.bytes / 1e6:,.1f}"))
    header = ("projects", "requests", "seconds", "rows", "MB a day")
    return _table(header, rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write("\n\n".join(f"{name}\n\n{table}" for name, table in tables().items()) + "\n")
