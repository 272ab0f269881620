"""Several processes on one file: nobody fails, and nothing is lost."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.period import Span
from bot.ledger.booking import Rules, day_finder
from bot.ledger.store import open_ledger
from tests.databases import new_url
from tests.ledger_worlds import ATTRIBUTION, id_of, list_price, make_run

pytestmark = pytest.mark.each_database

ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RULES = Rules(ATTRIBUTION, list_price, day_finder(ZONE))
PROCESSES, PAGES, RUNS = 3, 20, 15


def start_together(url: str, number: int, ready: Barrier) -> None:
    """Make the ledger, or find it made, at the same moment as the others."""
    ready.wait(60)
    with closing(open_ledger(url, create=True)) as ledger:
        ledger.keep_rules(RULES, ZONE)
        ledger.outbox.set_mark(str(number), "made")


def write_together(url: str, number: int, ready: Barrier) -> None:
    """Book pages of runs, some of which every process books, under a lease of one's own."""
    with closing(open_ledger(url, create=False)) as ledger, ledger.lease(f"sync {number}", NOW) as lease:
        with ledger.reading() as reading:
            (project,) = reading.projects()
        ready.wait(60)
        for page in range(PAGES):
            own = 10_000 * (number + 1) + 100 * page
            runs = [make_run(run + 1, raw_cost=7) for base in (own, 100 * page) for run in range(base, base + RUNS)]
            ledger.book(lease, NOW, project, runs, {}, RULES)


def run_all(job: Callable[[str, int, Barrier], None], url: str) -> None:
    # A fresh interpreter each: a forked one would share this one's connections.
    context = get_context("spawn")
    ready = context.Barrier(PROCESSES)
    processes = [context.Process(target=job, args=(url, number, ready)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES


def test_processes_that_make_the_ledger_at_the_same_moment_all_get_it(tmp_path: Path) -> None:
    url = new_url(tmp_path, empty=True)
    run_all(start_together, url)
    with closing(open_ledger(url, create=False)) as ledger:
        assert all(ledger.outbox.mark(str(number)) for number in range(PROCESSES))


def test_processes_that_write_at_the_same_time_lose_and_double_nothing(tmp_path: Path) -> None:
    url = new_url(tmp_path)
    with closing(open_ledger(url, create=True)) as ledger:
        ledger.keep_rules(RULES, ZONE)
        with ledger.lease("sync", NOW) as lease:
            ledger.select_projects(lease, NOW, [(id_of(1), "project-1", 0)])
        run_all(write_together, url)
        with ledger.reading() as reading:
            total = reading.total(Span(date(2026, 11, 15), date(2026, 11, 16), ZONE))
        expected = (PROCESSES + 1) * PAGES * RUNS
        assert (total.runs, total.traces, total.cost) == (expected, expected, 7 * expected)
        assert ledger.wrong_rollups() == []
