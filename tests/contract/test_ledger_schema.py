"""The ledger's schema: migrations make what `tables` says, and a newer ledger is left alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import bot.ledger.migrate
from bot.errors import LedgerError
from bot.ledger.engine import open_engine, reading, writing
from bot.ledger.migrate import HEAD, migrate, schema_version
from bot.ledger.store import open_ledger
from bot.ledger.tables import metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "llmcost.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{path}", create=True)
    yield opened
    opened.dispose()


def statements(engine: Engine) -> dict[str, str]:
    """What the database itself says of its tables and indexes, whatever the spaces and quotes."""
    with reading(engine) as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    return {name: " ".join(sql.replace(chr(34), "").split()) for name, sql in rows if name != "alembic_version"}


def test_a_migrated_ledger_is_what_the_tables_say(engine: Engine) -> None:
    assert migrate(engine) == "nothing"
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert schema_version(connection) == HEAD
    straight = open_engine("sqlite://", create=True)
    metadata.create_all(straight)
    assert statements(engine) == statements(straight)
    straight.dispose()


def test_a_ledger_of_this_version_is_left_as_it_is(engine: Engine) -> None:
    migrate(engine)
    before = statements(engine)
    assert migrate(engine) is None
    assert statements(engine) == before


def test_the_newest_migration_is_the_one_that_the_code_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.ledger.migrate.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_first_ledger_keeps_its_rows_and_takes_up_threads_and_links(path: Path, engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.ledger.migrate.__file__).parent / "migrations"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO projects (id, name, started, selected, cost_mode) VALUES (x'01', 'acme', 5, 1, 'own')"
        )
        connection.exec_driver_sql(
            "INSERT INTO runs (id, trace_id, project, type, status, start, name, flags, day, feature, state, cost, "
            "cost_flags, counted_input, counted_output) VALUES (x'02', x'03', 1, 'LLM', 'SUCCESS', 6, 'a', 0, 7, 'f', "
            "'costed', 8, 0, 9, 10)"
        )
    engine.dispose()
    ledger = open_ledger(f"sqlite:///{path}", create=False)
    with ledger.reading() as reading_:
        (project,) = reading_.projects()
        ((name, booked),) = reading_.trace(b"\x03")
    ledger.close()
    assert (project.name, project.started, project.link) == ("acme", 5, None)
    assert (name, booked.run.name, booked.cost, booked.input, booked.output) == ("acme", "a", 8, 9, 10)
    assert booked.run.thread is None
    with reading(engine) as connection:
        assert schema_version(connection) == HEAD


def test_limits_that_were_replaced_before_are_taken_to_have_been_as_the_last(path: Path, engine: Engine) -> None:
    """Their runs and thresholds were not kept then."""
    config = Config()
    config.set_main_option("script_location", str(Path(bot.ledger.migrate.__file__).parent / "migrations"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        connection.exec_driver_sql(
            'INSERT INTO limits (feature, "window", limit_nanos, set_by, set_at, owners, alert_at, "where") VALUES '
            "('rag', 'monthly', 7, 'U1', 5, '[]', '[50]', '[[\"env\", \"production\"]]')"
        )
        connection.exec_driver_sql(
            'INSERT INTO limit_changes (at, by, feature, "window", new_nanos, owners) VALUES '
            "(4, 'U1', 'rag', 'monthly', 6, '[]'), (5, 'U1', 'rag', 'monthly', 7, '[]'), "
            "(5, 'U1', '(purged)', 'monthly', 7, '[]')"
        )
    engine.dispose()
    ledger = open_ledger(f"sqlite:///{path}", create=False)
    found = ledger.outbox.every_limit()
    ledger.close()
    assert [(one.limit_nanos, one.alert_at, one.where) for one in found] == [
        (6, (50,), (("env", "production"),)),
        (7, (50,), (("env", "production"),)),
    ]


def test_a_newer_ledger_is_refused_in_a_sentence_and_left_untouched(path: Path, engine: Engine) -> None:
    migrate(engine)
    engine.dispose()
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '0999'")
        newer.execute("ALTER TABLE runs ADD COLUMN something_new TEXT")
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(LedgerError) as caught:
            open_ledger(f"sqlite:///{path}", create=create)
        assert str(caught.value) == (
            f"The ledger was written by a newer llmcost (schema 0999, this one knows {HEAD}): update llmcost."
        )
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE syncs (somebody_elses TEXT)")
    before = statements(engine)
    with pytest.raises(LedgerError, match="table syncs already exists"):
        migrate(engine)
    assert statements(engine) == before
    with reading(engine) as connection:
        assert schema_version(connection) is None
