"""A ledger in PostgreSQL: who meets another begins again, a lost connection is made anew, and nothing of a password is
said."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, func, insert, select, text, update

from bot.domain.catalog import Catalog
from bot.errors import LedgerBusyError, LedgerError, LedgerNewerError, LedgerUnavailableError
from bot.ledger import engine as database
from bot.ledger.booking import microseconds
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.engine import TRIES, open_engine, read, reading, write, writing
from bot.ledger.events import NewEvent
from bot.ledger.lease import JOBS, Lease, hold
from bot.ledger.migrate import HEAD, _make_lock, _wait_for_turn, migrate
from bot.ledger.postgresql import LONGEST_PAUSE_SECONDS
from bot.ledger.store import Reading, open_ledger
from bot.ledger.tables import marks, metadata
from bot.reports.reporter import Reporter
from tests.databases import Cluster, cluster, rows
from tests.ledgers import reporter

NOW = datetime(2026, 11, 22, 14, 31, tzinfo=UTC)
PAUSE = "idle_in_transaction_session_timeout"


@pytest.fixture(scope="module")
def server() -> Cluster:
    return cluster()


@pytest.fixture
def url(server: Cluster) -> str:
    return server.new_url()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_engine(url, create=True)
    yield opened
    opened.dispose()


def in_threads(number: int, work: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=work, args=(at,)) for at in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def count(connection: Connection) -> int:
    return int(connection.scalar(select(marks.c.value).where(marks.c.name == "count")) or 0)


def test_of_writers_who_look_and_then_write_none_writes_over_another(engine: Engine) -> None:
    write(engine, lambda connection: connection.execute(insert(marks).values(name="count", value="0")))

    def add_one(connection: Connection) -> None:
        connection.execute(update(marks).where(marks.c.name == "count").values(value=str(count(connection) + 1)))

    in_threads(3, lambda _: [write(engine, add_one) for _ in range(5)])
    assert read(engine, count) == 15


def test_who_looked_at_nothing_and_inserts_is_told_of_the_row_that_came_between(url: str) -> None:
    """Two replicas decide the same at the same moment: one of them has told of it, with one delivery."""
    event = NewEvent("digest:#costs:2026-11-22", Kind.DIGEST, {})
    delivery = NewDelivery(Kind.DIGEST, Role.CHANNEL, "#costs", (event.key,), {"text": "x"}, NOW, NOW)
    ledgers = [open_ledger(url, create=False) for _ in range(4)]
    ready, found = threading.Barrier(4), list[object]()

    def announce(at: int) -> None:
        ready.wait(30)
        found.append(ledgers[at].outbox.announce([event], [delivery], NOW))

    in_threads(4, announce)
    assert len([one for one in found if one is not None]) == 1
    assert len(found) == 4
    assert len(ledgers[0].outbox.latest(9)) == 1
    for ledger in ledgers:
        ledger.close()


def test_a_connection_that_is_lost_in_the_middle_is_made_anew(server: Cluster, url: str, engine: Engine) -> None:
    tries = 0

    def work(connection: Connection) -> int:
        nonlocal tries
        tries += 1
        connection.execute(insert(marks).values(name=f"try {tries}", value=""))
        if tries == 1:
            server.end_sessions(url)
        return connection.scalar(select(func.count()).select_from(marks)) or 0

    assert write(engine, work) == 1
    assert tries == 2
    assert read(engine, lambda connection: list(connection.scalars(select(marks.c.name)))) == ["try 2"]


def test_between_two_questions_the_server_may_start_again(server: Cluster, url: str) -> None:
    with closing(open_ledger(url, create=False)) as ledger:
        ledger.outbox.set_mark("a", "1")
        server.end_sessions(url)
        assert ledger.outbox.mark("a") == "1"


def test_what_was_being_read_is_read_again_by_whoever_can(server: Cluster, url: str) -> None:
    tries = []

    def work(asked: Reading) -> set[str]:
        tries.append(1)
        if len(tries) == 1:
            server.end_sessions(url)
        return asked.features()

    with closing(open_ledger(url, create=False)) as ledger:
        assert ledger.read(work) == set()
    assert len(tries) == 2


@pytest.mark.parametrize(
    "ask", [Reporter.vocabulary, partial(Reporter.home, now=NOW), partial(Reporter.ask, text="week", now=NOW)]
)
def test_whoever_asks_is_answered_though_the_connection_is_lost_meanwhile(
    ask: Callable[[Reporter], object], server: Cluster, url: str
) -> None:
    looks = []

    def catalog() -> Catalog:
        looks.append(1)
        if len(looks) == 1:
            server.end_sessions(url)
        return Catalog({})

    with closing(open_ledger(url, create=False)) as ledger:
        assert ask(replace(reporter(ledger), catalog=catalog)) is not None
    assert len(looks) > 1


@pytest.mark.parametrize("state", ["40003", "08007"])
def test_what_may_have_gone_through_is_begun_again_where_the_server_itself_cannot_tell(
    state: str, engine: Engine
) -> None:
    """A distributed one says so where another has lost its connection."""
    tries = []
    unclear = text(f"DO $$ BEGIN RAISE EXCEPTION 'the result is ambiguous' USING ERRCODE = '{state}'; END $$")

    def work(connection: Connection) -> None:
        tries.append(1)
        if len(tries) == 1:
            connection.execute(unclear)

    write(engine, work)
    assert len(tries) == 2


def test_what_always_loses_its_connection_is_given_up_after_a_while(server: Cluster, url: str, engine: Engine) -> None:
    tries = []

    def work(connection: Connection) -> None:
        tries.append(1)
        server.end_sessions(url)
        connection.execute(select(1))

    with pytest.raises(LedgerUnavailableError):
        read(engine, work)
    assert 2 <= len(tries) <= TRIES


def test_whoever_is_paused_in_the_midst_of_a_transaction_holds_nobody_up_and_writes_nothing(
    url: str,
) -> None:
    """The lease's own row is what they have; when they wake up, it is another's."""
    mine, theirs = Lease(JOBS, "mine"), Lease(JOBS, "theirs")
    with closing(open_ledger(url, create=False)) as one, closing(open_ledger(url, create=False)) as other:
        assert one.keep_lease(mine, NOW)
        taken = list[bool]()

        def work(connection: Connection) -> None:
            hold(connection, mine, microseconds(NOW))
            assert connection.scalar(text(f"SHOW {PAUSE}")) == f"{LONGEST_PAUSE_SECONDS}s"
            connection.execute(insert(marks).values(name="late", value=""))
            connection.execute(text(f"SET LOCAL {PAUSE} = '100ms'"))
            taken.append(other.keep_lease(theirs, NOW + timedelta(minutes=1)))
            connection.execute(insert(marks).values(name="later", value=""))

        with pytest.raises(LedgerBusyError, match="has taken over the jobs"):
            write(one._engine, work)
        assert taken == [True]
        assert other.outbox.mark("late") is other.outbox.mark("later") is None
        # Whoever reads holds nobody up, and may take their time.
        assert read(one._engine, lambda connection: connection.scalar(text(f"SHOW {PAUSE}"))) == "0"


def test_what_is_being_written_while_a_newer_llmcost_migrates_is_not_kept(url: str, engine: Engine) -> None:
    """It has looked before, and the other has taken up all that was there: what comes late would be of the old kind."""
    tries = []

    def migration(connection: Connection) -> None:
        for row in connection.execute(select(marks)).all():
            connection.execute(update(marks).where(marks.c.name == row.name).values(value=f"new {row.value}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))

    with closing(open_ledger(url, create=False)) as ledger:
        ledger.outbox.set_mark("a", "1")

        def work(connection: Connection) -> None:
            tries.append(1)
            write(engine, migration)
            connection.execute(insert(marks).values(name="late", value=""))

        with pytest.raises(LedgerNewerError, match="schema 0999"):
            ledger._door.write(work)
    assert len(tries) == 1
    found = read(engine, lambda connection: dict(connection.execute(select(marks.c.name, marks.c.value)).all()))
    assert found == {"a": "new 1"}


def test_whoever_starts_during_a_long_migration_waits_for_it(server: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """For longer than a database that is away is waited for."""
    monkeypatch.setattr(database, "FOR_SECONDS", 0.1)
    url = server.new_url(empty=True)
    first, second = open_engine(url, create=True), open_engine(url, create=True)
    write(first, _make_lock)
    found = list[str | None]()
    with ExitStack() as ends:
        migrating = ends.enter_context(writing(first))
        _wait_for_turn(migrating)
        waiting = threading.Thread(target=lambda: found.append(migrate(second)))
        waiting.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while not rows(url, waits)[0][0]:
            assert waiting.is_alive()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(60)
    assert found == ["nothing"]
    first.dispose()
    second.dispose()


def test_reading_sees_one_state_and_cannot_write(engine: Engine) -> None:
    with reading(engine) as connection:
        assert count(connection) == 0
        write(engine, lambda other: other.execute(insert(marks).values(name="count", value="7")))
        assert count(connection) == 0
    with pytest.raises(LedgerError, match="read-only"), reading(engine) as connection:
        connection.execute(insert(marks).values(name="x", value=""))


def test_a_fault_in_the_code_is_not_taken_for_the_ledgers(engine: Engine) -> None:
    from sqlalchemy.exc import ProgrammingError

    with pytest.raises(ProgrammingError), writing(engine) as connection:
        connection.exec_driver_sql("SELECT nonsense FROM nowhere")


@pytest.mark.parametrize(
    "where",
    ["nobody:s3cret@/nosuch?host={folder}", "u:s3cret@127.0.0.1:1/x?password=s3cret", "u:s3cret@db/x?nonsense=1"],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(where: str, server: Cluster) -> None:
    with pytest.raises(LedgerError) as caught:
        open_ledger(f"postgresql://{where.format(folder=server.folder)}", create=True)
    said = str(caught.value)
    assert said.startswith("The ledger postgresql+psycopg://")
    assert "s3cret" not in said
    assert "\n" not in said


def test_a_migrated_ledger_is_what_the_tables_say(server: Cluster) -> None:
    engine = open_engine(server.new_url(empty=True), create=True)
    assert migrate(engine) == "nothing"
    assert migrate(engine) is None
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    # The lock is no part of the ledger.
    assert [(kind, getattr(thing, "name", thing)) for kind, thing, *_ in differences] == [
        ("remove_table", "migration_lock")
    ]
    engine.dispose()


def test_a_newer_ledger_is_refused_in_a_sentence(url: str, engine: Engine) -> None:
    write(engine, lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(LedgerError) as caught:
        open_ledger(url, create=True)
    assert str(caught.value) == (
        f"The ledger was written by a newer llmcost (schema 0999, this one knows {HEAD}): update llmcost."
    )
