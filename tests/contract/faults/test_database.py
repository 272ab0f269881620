"""Trouble with the ledger's file while the product works on it: it is said, nothing is lost or doubled, and once it is
over everything goes on."""

import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

import bot.ledger.sqlite
from bot.errors import LedgerBusyError, LedgerError
from bot.ledger.engine import open_engine, writing
from bot.ledger.migrate import HEAD
from bot.ledger.store import Ledger, open_ledger
from bot.reports.answers import Report
from tests.contract.sync.world import World
from tests.ledgers import NOW, believable, fill, reporter

PROJECTS = ("acme-prod", "acme-staging")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "llmcost.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[Ledger]:
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as opened:
        yield fill(opened, believable(), projects=PROJECTS)


def week(ledger: Ledger) -> Report:
    found = reporter(ledger).explore("week", NOW, top=20).answer
    assert isinstance(found, Report)
    return found


@contextmanager
def a_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A sync that waits for others for a moment only."""
    monkeypatch.setattr(bot.ledger.sqlite, "BUSY_TIMEOUT_MS", 20)
    with World(folder) as world:
        world.standin.add_runs([{"cost": "0.5"}] * 50)
        yield world


def test_locked_while_it_syncs_it_says_so_answers_still_come_and_the_next_one_has_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_world(tmp_path, monkeypatch) as world:
        with closing(sqlite3.connect(world.file, isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerBusyError, match="is being written by another process"):
                world.sync()
            assert world.total().runs == 0  # readers are not held up
        world.settle()
        assert world.total().runs == 50


def test_full_in_the_middle_of_a_sync_it_keeps_what_it_has_and_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_world(tmp_path, monkeypatch) as world:
        world.settle()
        start = world.clock.now - timedelta(minutes=1)
        world.standin.add_runs([{"name": "x" * 200, "cost": "0.5", "start": start}] * 2_000)
        before, engine = world.total(), world.ledger._engine
        with closing(sqlite3.connect(world.file)) as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()

        def leave_no_room(connection: DBAPIConnection, _: object) -> None:
            connection.cursor().execute(f"PRAGMA max_page_count={pages + 3}")

        event.listen(engine, "connect", leave_no_room)
        engine.dispose()
        with pytest.raises(LedgerError, match="database or disk is full"):
            world.later(minutes=1)
        assert world.total() == before
        assert world.ledger.wrong_rollups() == []
        event.remove(engine, "connect", leave_no_room)
        engine.dispose()
        world.later(minutes=1)
        assert world.total().runs == 2_050


def test_a_disk_without_room_is_a_sentence_and_no_traceback_and_the_ledger_stays_sound(file: Path) -> None:
    """The kernel itself refuses: a file may not grow beyond so many bytes."""
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as ledger:
        fill(ledger, believable(), projects=PROJECTS)
        said = week(ledger)
    size = file.stat().st_size

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    done = subprocess.run(
        [sys.executable, "-m", "bot", "backup", str(file.with_name("copy.db"))],
        cwd=file.parent, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limited,
        env={"PATH": "/usr/bin", "PYTHONPATH": str(Path(__file__).parents[3]), "DATABASE_URL": f"sqlite:///{file}"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "The ledger" in done.stderr
    assert "Traceback" not in done.stderr
    assert not file.with_name("copy.db").exists()
    with closing(open_ledger(f"sqlite:///{file}", create=False)) as again:
        assert week(again) == said
        assert again.wrong_rollups() == []


def test_gone_for_a_minute_it_is_said_and_not_made_anew(file: Path) -> None:
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as ledger:
        said = week(fill(ledger, believable(), projects=PROJECTS))
    away = file.with_name("away.db")
    file.rename(away)
    with pytest.raises(LedgerError, match="There is no ledger at"):
        open_ledger(f"sqlite:///{file}", create=False)
    assert not file.exists()
    away.rename(file)
    with closing(open_ledger(f"sqlite:///{file}", create=False)) as again:
        assert week(again) == said


def test_gone_while_it_runs_it_is_said_and_not_made_anew_either(file: Path, ledger: Ledger) -> None:
    """Somebody has moved it, or its disk is away: new connections do not begin another ledger in its place."""
    said, away = week(ledger), file.parent / "away"
    ledger._engine.dispose()
    away.mkdir()
    for one in file.parent.glob("llmcost.db*"):
        one.rename(away / one.name)
    for ask in (lambda: week(ledger), lambda: ledger.take_up("trigger.1", NOW), lambda: ledger.back_up(away / "copy")):
        with pytest.raises(LedgerError, match="unable to open database file"):
            ask()
    assert [one.name for one in file.parent.iterdir()] == ["away"]
    for one in away.iterdir():
        one.rename(file.parent / one.name)
    assert week(ledger) == said
    assert ledger.take_up("trigger.1", NOW)


def test_a_file_of_an_odd_name_is_a_ledger_like_any_other(tmp_path: Path) -> None:
    """Its name is written into an address."""
    file = tmp_path / "l\u00e9dger 100% #1 & co;.db"
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as opened:
        assert opened.health().schema == HEAD
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_damaged_it_is_said_and_never_overwritten(file: Path, ledger: Ledger) -> None:
    fill(ledger, believable() * 10, projects=PROJECTS)
    ledger.close()
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        pages = [row[0] for row in connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")]
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    broken = bytearray(file.read_bytes())
    for page in pages[2:]:
        broken[(page - 1) * size : page * size] = b"\xaa" * size
    file.write_bytes(broken)
    for create in (True, False):
        with (
            pytest.raises(LedgerError, match="malformed") as caught,
            closing(open_ledger(f"sqlite:///{file}", create=create)) as opened,
        ):
            fill(opened, believable(), projects=PROJECTS)
        assert "\n" not in str(caught.value)
    assert file.read_bytes() == broken


def test_a_migration_that_is_cut_half_way_is_done_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger of the first version, and a power cut in the middle of what brings it up to this one."""
    from alembic import command, op
    from alembic.config import Config

    file = tmp_path / "older.db"
    engine = open_engine(f"sqlite:///{file}", create=True)
    with writing(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(bot.ledger.sqlite.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with closing(sqlite3.connect(file)) as older, older:
        older.execute("INSERT INTO syncs (started, finished, read, new, changed) VALUES (1, 2, 3, 4, 5)")
    made: list[str] = []
    real = op.create_table

    def cut(name: str, *columns: object, **more: object) -> object:
        made.append(name)
        if len(made) == 5:
            raise KeyboardInterrupt
        return real(name, *columns, **more)  # type: ignore[arg-type] # as it was given

    with monkeypatch.context() as context:
        context.setattr(op, "create_table", cut)
        with pytest.raises(KeyboardInterrupt):
            open_ledger(f"sqlite:///{file}", create=False)
    with closing(sqlite3.connect(file)) as left:
        assert left.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        names = ",".join(f"'{name}'" for name in made)
        assert left.execute(f"SELECT count(*) FROM sqlite_master WHERE name IN ({names})").fetchone() == (0,)  # noqa: S608 - our own names
    with closing(open_ledger(f"sqlite:///{file}", create=False)) as again:
        assert again.health().schema == HEAD
        last = again.last_sync()
        assert last is not None
        assert (last.read, last.new, last.changed) == (3, 4, 5)


def test_two_bots_on_one_file_take_a_press_up_once_and_read_one_after_the_other(file: Path, ledger: Ledger) -> None:
    with closing(open_ledger(f"sqlite:///{file}", create=False)) as other:
        assert [one.take_up("trigger.1", NOW) for one in (ledger, other, ledger)] == [True, False, False]
        with ledger.lease("sync", NOW), pytest.raises(LedgerBusyError), other.lease("sync", NOW):
            pass
        assert other.take_up("trigger.1", NOW + timedelta(days=2))  # what is older than a day is forgotten


def test_a_clock_that_is_moved_back_takes_up_no_press_twice_and_loses_no_run(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.standin.add_runs([{"cost": "0.5"}] * 5)
        world.settle()
        assert world.ledger.take_up("trigger.1", world.clock.now)
        world.clock.now -= timedelta(hours=3)
        assert not world.ledger.take_up("trigger.1", world.clock.now)
        world.standin.add_run(cost="0.25", start=world.clock.now - timedelta(minutes=1))
        for _ in range(3):
            assert world.later(minutes=90).problems == []
        assert world.total().runs == 6
        assert world.total().cost == 2_750_000_000
