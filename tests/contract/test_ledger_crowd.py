"""Many threads of one process at one SQLite ledger: all who answer, the sync and the jobs."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import LedgerBusyError
from bot.ledger.answers import KeptAnswer
from bot.ledger.engine import writing
from bot.ledger.store import Ledger, open_ledger
from bot.slack.connection import ACK_THREADS, ANSWER_THREADS

SECONDS = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "llmcost.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as opened:
        yield opened


def answer(number: int) -> KeptAnswer:
    return KeptAnswer(str(number), "U1", 1, "{}")


def test_all_threads_that_answer_can_read_at_the_same_time(ledger: Ledger) -> None:
    crowd = ACK_THREADS + ANSWER_THREADS
    together = threading.Barrier(crowd)

    def place_in_line(_: int) -> int:
        with ledger.reading() as reading:
            reading.last_sync()
            return together.wait(SECONDS)

    with ThreadPoolExecutor(crowd) as threads:
        assert sorted(threads.map(place_in_line, range(crowd))) == list(range(crowd))


def test_who_stands_in_line_to_write_keeps_no_reader_out(ledger: Ledger) -> None:
    writers = 40
    with ThreadPoolExecutor(writers) as threads:
        with writing(ledger._engine):
            wrote = [
                threads.submit(ledger.take_up, str(number), datetime(2026, 11, 22, tzinfo=UTC))
                for number in range(writers)
            ]
            with ledger.reading() as reading:
                assert reading.last_sync() is None
        assert all(one.result(SECONDS) for one in wrote)


def test_an_answer_waits_shorter_for_another_writer_than_a_sync_does(path: Path, ledger: Ledger) -> None:
    """Inside this process and out of it; the connection that it used waits as long as before."""
    with ThreadPoolExecutor(1) as other, writing(ledger._engine):
        first = other.submit(ledger.keep_answer, answer(1))
        with pytest.raises(LedgerBusyError, match="something else in this process"):
            first.result(SECONDS)
    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusyError, match="another process"):
            ledger.keep_answer(answer(2))
    ledger.keep_answer(answer(3))
    assert ledger.find_answer("1") is ledger.find_answer("2") is None
    assert ledger.find_answer("3") == answer(3)
    with ledger.reading() as reading:
        assert reading._connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5_000
