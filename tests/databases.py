"""Databases for tests: SQLite, or with `pytest --database postgresql` one of PostgreSQL for each ledger.

PostgreSQL is a cluster of one's own in a temporary folder, without a port: it listens on a socket in there. It sorts
letters as people do, not as bytes: what depends on that shows.
"""

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import psycopg

from bot.ledger.engine import open_engine
from bot.ledger.store import Ledger, open_ledger

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_SECONDS = 60
_CHOSEN = [SQLITE]


class Cluster:
    """A PostgreSQL server. Each ledger gets a database; those of earlier tests that nobody uses any more go."""

    def __init__(self) -> None:
        programs = _programs()
        self.folder = Path(tempfile.mkdtemp(prefix="llmcost-pg-"))
        # PostgreSQL does not run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            person = pwd.getpwnam(self._user)
            os.chown(self.folder, person.pw_uid, person.pw_gid)
        self.folder.chmod(0o755)
        data = self.folder / "data"
        self._call(
            programs / "initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--no-sync",
            "--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US",
        )  # fmt: skip
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "max_connections": "200",
            "autovacuum": "off",
        }
        with (self.folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [
                    programs / "postgres",
                    "-D",
                    data,
                    *(part for one in settings.items() for part in ("-c", "=".join(one))),
                ],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self.folder,
            )
        self._made: dict[str, str] = {}  # the databases, and which test asked for each
        self._wait()
        self._execute("CREATE DATABASE template")
        open_ledger(self.url("template"), create=True).close()

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def new_url(self, *, empty: bool = False) -> str:
        """The address of a new database: an empty ledger, or nothing at all."""
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        with self._connect() as connection:
            used = {row[0] for row in connection.execute("SELECT DISTINCT datname FROM pg_stat_activity")}
            for name, of_test in list(self._made.items()):
                if of_test != test and name not in used:
                    connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
                    del self._made[name]
            name = f"ledger_{os.urandom(6).hex()}"
            connection.execute(f"CREATE DATABASE {name}{'' if empty else ' TEMPLATE template'}".encode())
        self._made[name] = test
        return self.url(name)

    def end_sessions(self, url: str) -> None:
        """Cut every connection to a database, as a restart of the server does."""
        with self._connect() as connection:
            name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    def stop(self) -> None:
        """Stop the server, and leave nothing of it."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _call(self, *command: str | Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True, user=self._user, cwd=self.folder, check=False)
        assert done.returncode == 0, done.stderr

    def _wait(self) -> None:
        for _ in range(_SECONDS * 50):
            assert self._server.poll() is None, (self.folder / "log").read_text()
            try:
                self._connect().close()
                return
            except psycopg.OperationalError:
                try:
                    self._server.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
        raise AssertionError("PostgreSQL does not start")

    def _connect(self) -> "psycopg.Connection[tuple[str]]":
        return psycopg.connect(self.url("postgres"), autocommit=True)

    def _execute(self, statement: str) -> None:
        with self._connect() as connection:
            connection.execute(statement.encode())


def choose(database: str) -> None:
    """Which database the ledgers of this run are in."""
    _CHOSEN[0] = database


def is_postgresql() -> bool:
    """Whether the ledgers of this run are in PostgreSQL."""
    return _CHOSEN[0] == POSTGRESQL


@lru_cache(1)
def cluster() -> Cluster:
    """The PostgreSQL server of this run, started when it is first needed."""
    return Cluster()


def stop_cluster() -> None:
    """Stop it, if it was started."""
    if cluster.cache_info().currsize:
        cluster().stop()
        cluster.cache_clear()


def new_url(folder: Path | None = None, *, empty: bool = False) -> str:
    """The address of a new database: a ledger with nothing in it, or nothing at all. In a file of that folder, or in
    memory, where there is nothing yet; or in PostgreSQL, if that was chosen."""
    if is_postgresql():
        return cluster().new_url(empty=empty)
    if folder is None:
        return "sqlite://"
    file = folder / "llmcost.db"
    if not empty and not file.exists():  # who asks for another ledger says another folder
        file.touch(mode=0o600)
        file.write_bytes(_empty_ledger())
    return f"sqlite:///{file}"


def open_new() -> Ledger:
    """A new ledger with nothing in it: in memory, or in PostgreSQL, if that was chosen."""
    if is_postgresql():
        return open_ledger(new_url(), create=False)
    engine = open_engine(new_url(), create=True)
    with closing(engine.raw_connection()) as opened, closing(sqlite3.connect(":memory:")) as empty:
        assert isinstance(opened.driver_connection, sqlite3.Connection)
        empty.deserialize(_empty_ledger())
        empty.backup(opened.driver_connection)
    return Ledger(engine)


@cache
def _empty_ledger() -> bytes:
    """A ledger with nothing in it, as SQLite writes it down: to migrate a new one takes longer than most tests."""
    with (
        closing(open_ledger("sqlite://", create=True)) as ledger,
        closing(ledger._engine.raw_connection()) as connection,
    ):
        assert isinstance(connection.driver_connection, sqlite3.Connection)
        return connection.driver_connection.serialize()


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What the database answers to whoever asks it directly."""
    if url.startswith("postgresql"):
        with psycopg.connect(url) as asked:
            return asked.execute(query.encode()).fetchall()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(query).fetchall()


def _programs() -> Path:
    """Where PostgreSQL's programs are; fails where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    places = [*found, *([Path(on_path)] if on_path else [])]
    assert places, "PostgreSQL is not installed: these tests need it. On Debian: apt-get install postgresql"
    return (found[-1] if found else places[0]).resolve().parent
