"""The ledger's file: private, refused in a sentence where it is none, and never half written."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from bot.domain.period import Span
from bot.errors import LedgerBusyError, LedgerError
from bot.ledger.coverage import SyncRow
from bot.ledger.engine import open_engine, reading, writing
from bot.ledger.store import Ledger, open_ledger

SYNC = SyncRow(1, 2, 3, 4, 5, None, 1, 1)
SPAN = Span(date(2026, 11, 1), date(2026, 11, 2), ZoneInfo("UTC"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "llmcost.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as opened:
        yield opened


def refused(url: str, *, create: bool = True) -> str:
    with pytest.raises(LedgerError) as caught:
        open_ledger(url, create=create)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_new_ledger_can_be_read_by_its_owner_alone_and_so_can_what_sqlite_puts_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a new" / "folder" / "llmcost.db"
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as ledger:
        ledger.record_sync(SYNC)
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        assert modes == dict.fromkeys(("llmcost.db", "llmcost.db-wal", "llmcost.db-shm"), 0o600)


def test_the_permissions_of_a_ledger_that_is_there_are_its_owners_business(path: Path) -> None:
    path.touch(mode=0o640)
    path.chmod(0o640)
    open_ledger(f"sqlite:///{path}", create=True).close()
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_is_written_is_there_when_the_ledger_is_opened_again(path: Path, ledger: Ledger) -> None:
    ledger.record_sync(SYNC)
    ledger.close()
    with closing(open_ledger(f"sqlite:///{path}", create=False)) as again, again.reading() as reading:
        assert reading.last_sync() == SYNC


def test_a_ledger_that_is_missing_is_not_made_by_who_only_reads(path: Path) -> None:
    sentence = refused(f"sqlite:///{path}", create=False)
    assert sentence == f"There is no ledger at {path} yet. `llmcost sync` reads LangSmith into a new one."
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("garbage", [b"not a database, but longer than any header could be" * 50, b"{}"])
def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_is(path: Path, garbage: bytes, create: bool) -> None:
    path.write_bytes(garbage)
    assert refused(f"sqlite:///{path}", create=create).startswith(f"The ledger sqlite:///{path} cannot be used: ")
    assert path.read_bytes() == garbage


def test_a_folder_is_no_ledger(path: Path) -> None:
    path.mkdir()
    assert refused(f"sqlite:///{path}").startswith(f"The ledger sqlite:///{path} cannot be used: ")


def test_a_place_in_which_no_file_can_be_made_is_told(path: Path) -> None:
    path.write_text("a file")
    inside = path / "llmcost.db"
    assert refused(f"sqlite:///{inside}").startswith(f"The ledger {inside} cannot be opened: ")
    assert refused(f"sqlite:///{path.parent / ('x' * 300)}").endswith("cannot be opened: File name too long.")


@pytest.mark.parametrize(
    ("pragma", "cause"),
    [("query_only=1", "attempt to write a readonly database"), ("max_page_count=1", "database or disk is full")],
)
def test_a_ledger_that_cannot_be_written_is_told_and_keeps_what_it_has(path: Path, pragma: str, cause: str) -> None:
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as ledger:
        ledger.record_sync(SYNC)
        with reading(ledger._engine) as connection:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        more_than_fits = SYNC._replace(problem="x" * 100_000)
        with pytest.raises(LedgerError, match=f"cannot be used: {cause}") as caught:
            ledger.record_sync(more_than_fits)
        assert not isinstance(caught.value, LedgerBusyError)
        assert f"its folder {path.parent}, and whether its disk has room" in str(caught.value)
        with ledger.reading() as books:
            assert books.last_sync(successful=True) == SYNC


def test_a_ledger_that_is_damaged_while_it_is_open_is_told(path: Path, ledger: Ledger) -> None:
    with closing(sqlite3.connect(path)) as vandal:
        vandal.execute("DROP TABLE rollups")
    with pytest.raises(LedgerError, match="no such table: rollups"), ledger.reading() as books:
        books.total(SPAN)


def test_a_writer_who_waits_in_vain_is_told_that_another_is_writing(path: Path, ledger: Ledger) -> None:
    with reading(ledger._engine) as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=1")
    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusyError, match="is being written by another process; try again"):
            ledger.record_sync(SYNC)
        with ledger.reading() as books:  # a reader is not held up
            assert books.last_sync() is None
    ledger.record_sync(SYNC)


def test_a_file_that_another_process_is_just_making_can_be_opened(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        engine = open_engine(f"sqlite:///{path}", create=True)
        with reading(engine) as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0
    engine.dispose()
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as ledger, reading(ledger._engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_reader_sees_one_state_throughout(ledger: Ledger) -> None:
    ledger.record_sync(SYNC)
    with ledger.reading() as books:
        assert books.last_sync() == SYNC
        ledger.record_sync(SYNC._replace(read=99))
        assert books.last_sync() == SYNC
    with ledger.reading() as books:
        assert books.last_sync() == SYNC._replace(read=99, number=2)


def test_a_transaction_that_fails_leaves_nothing(path: Path, ledger: Ledger) -> None:
    ledger.record_sync(SYNC)
    engine = open_engine(f"sqlite:///{path}", create=False)

    def fail() -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("DELETE FROM syncs")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    engine.dispose()
    with ledger.reading() as books:
        assert books.last_sync() == SYNC


def test_whoever_is_stopped_in_the_midst_of_a_write_keeps_nobody_out(path: Path, ledger: Ledger) -> None:
    """While they are ending, what stopped them still refers to the statement that it broke off."""
    asked = "SELECT name FROM sqlite_master"

    @event.listens_for(ledger._engine, "after_cursor_execute", named=True)
    def stop(statement: str, **_: object) -> None:
        if statement == asked:
            raise KeyboardInterrupt

    def write_and_ask() -> None:
        with writing(ledger._engine) as connection:
            connection.exec_driver_sql("INSERT INTO marks VALUES ('half', 'done')")
            connection.exec_driver_sql(asked)

    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as another:
        try:
            write_and_ask()
        except KeyboardInterrupt:
            another.execute("BEGIN IMMEDIATE")
            assert another.execute("SELECT count(*) FROM marks").fetchone() == (0,)
            another.execute("ROLLBACK")
            ledger.record_sync(SYNC)
    with ledger.reading() as books:
        assert books.last_sync() == SYNC
