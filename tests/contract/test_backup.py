"""A backup is the ledger as it was at one moment, and going back to it is putting it in its place."""

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import LedgerError
from bot.ledger.engine import reading
from bot.ledger.store import Ledger, open_ledger
from bot.ledger.tables import metadata
from tests.ledger_books import rows_of
from tests.ledgers import NOW, believable, fill, reporter


def rows(ledger: Ledger) -> list[list[tuple[object, ...]]]:
    with reading(ledger._engine) as connection:
        return [rows_of(connection, table) for table in metadata.tables]


def test_what_is_put_back_is_what_was_copied_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    file, copy = tmp_path / "llmcost.db", tmp_path / "copy.db"
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as ledger:
        fill(ledger, believable(), projects=("acme-prod", "acme-staging"))
        before, said = rows(ledger), reporter(ledger).explore("week", NOW, top=20).answer
        assert ledger.back_up(copy) == copy.stat().st_size
        fill(ledger, believable(), projects=("acme-prod", "acme-staging"))
    assert copy.stat().st_mode & 0o777 == 0o600
    for left in tmp_path.glob("llmcost.db*"):
        left.unlink()
    shutil.copy(copy, file)
    with closing(open_ledger(f"sqlite:///{file}", create=False)) as restored:
        assert rows(restored) == before
        assert reporter(restored).explore("week", NOW, top=20).answer == said
        assert restored.wrong_rollups() == []


def test_it_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    """Two rows are written together, again and again: every copy has both or neither."""
    with closing(open_ledger(f"sqlite:///{tmp_path / 'llmcost.db'}", create=True)) as ledger:
        fill(ledger, believable(), projects=("acme-prod", "acme-staging"))
        ended, failed = threading.Event(), []

        def write() -> None:
            with closing(sqlite3.connect(tmp_path / "llmcost.db", timeout=10)) as another:
                number = 0
                while not ended.is_set():
                    number += 1
                    try:
                        with another:
                            another.executemany(
                                "INSERT INTO marks (name, value) VALUES (?, 'x')", [(f"a{number}",), (f"b{number}",)]
                            )
                    except sqlite3.Error as error:
                        failed.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(5):
                ledger.back_up(tmp_path / f"copy-{number}.db")
        finally:
            ended.set()
            writer.join()
        assert failed == []
    for number in range(5):
        with closing(sqlite3.connect(tmp_path / f"copy-{number}.db")) as copy:
            halves = "SELECT substr(name, 2) FROM marks WHERE value = 'x' GROUP BY 1 HAVING count(*) != 2"
            assert copy.execute(halves).fetchall() == []
        with closing(open_ledger(f"sqlite:///{tmp_path / f'copy-{number}.db'}", create=False)) as opened:
            assert opened.wrong_rollups() == []


def test_nothing_is_overwritten_and_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    with closing(open_ledger(f"sqlite:///{tmp_path / 'llmcost.db'}", create=True)) as ledger:
        with pytest.raises(LedgerError, match="is there already: name a new file, nothing is overwritten"):
            ledger.back_up(there)
        with pytest.raises(LedgerError, match="cannot be written: No such file or directory"):
            ledger.back_up(tmp_path / "nowhere" / "copy.db")
    assert there.read_text() == "mine"


def test_of_a_damaged_ledger_no_backup_is_kept(tmp_path: Path) -> None:
    file, copy = tmp_path / "llmcost.db", tmp_path / "copy.db"
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as ledger:
        fill(ledger, believable() * 20, projects=("acme-prod", "acme-staging"))
    with closing(sqlite3.connect(file)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    damaged = bytearray(file.read_bytes())
    damaged[(root - 1) * size : root * size] = b"\xff" * size
    file.write_bytes(damaged)
    with (
        closing(open_ledger(f"sqlite:///{file}", create=False)) as ledger,
        pytest.raises(LedgerError, match="database disk image is malformed"),
    ):
        ledger.back_up(copy)
    assert not copy.exists()
    assert file.read_bytes() == damaged
