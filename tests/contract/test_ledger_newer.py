"""A newer llmcost migrates a ledger that this one has open: from then on this one writes nothing, and says why."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.exc import DBAPIError

from bot.app.watching import not_ready
from bot.domain.costing import CostMode
from bot.domain.feature import Rule
from bot.errors import LedgerError, LedgerNewerError
from bot.ledger.answers import KeptAnswer
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.deliveries import Kind, State
from bot.ledger.engine import open_engine, write
from bot.ledger.events import NewEvent
from bot.ledger.invoices import Invoice
from bot.ledger.lease import JOBS, SYNC, Lease
from bot.ledger.migrate import HEAD
from bot.ledger.purging import Wanted
from bot.ledger.store import Ledger, open_ledger
from bot.ledger.tables import metadata
from bot.reports.answers import Report
from bot.slack.access import OUTDATED
from bot.slack.api import Posted
from bot.slack.conversation import Conversation
from bot.slack.failures import said_beside_a_field
from bot.slack.listeners import Listeners
from tests.contract.test_home_tab import Tab
from tests.contract.test_post_office import Town
from tests.databases import new_url
from tests.ledger_worlds import ATTRIBUTION, id_of, list_price, make_run
from tests.ledgers import NOW, Spent, fill, reporter
from tests.standins.slack_fake import FakeSlack

pytestmark = pytest.mark.each_database

SENTENCE = f"The ledger was written by a newer llmcost (schema 0999, this one knows {HEAD}): update llmcost."
UTC = ZoneInfo("UTC")
RULES = Rules(ATTRIBUTION, list_price, day_finder(UTC))
SYNCING, ON_DUTY = Lease(SYNC, "mine"), Lease(JOBS, "mine")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return new_url(tmp_path)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """One that holds both leases, and knows a project."""
    with closing(open_ledger(url, create=True)) as opened:
        fill(opened, [Spent(NOW, "rag-search", "0.5")])
        assert opened.keep_lease(SYNCING, NOW)
        assert opened.keep_lease(ON_DUTY, NOW)
        yield opened


@pytest.fixture
def other(url: str, ledger: Ledger) -> Iterator[Engine]:
    """The same database, as another process has it."""
    del ledger
    engine = open_engine(url, create=False)
    yield engine
    engine.dispose()


def migrate_to(other: Engine, version: str, *statements: str) -> None:
    """What another llmcost does when it starts."""
    to_version = f"UPDATE alembic_version SET version_num = '{version}'"  # noqa: S608 - the test's own
    changes = [text(one) for one in (*statements, to_version)]
    write(other, lambda connection: [connection.execute(one) for one in changes])


def kept(other: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with other.connect() as connection:
        found = {name: connection.execute(select(table)).all() for name, table in metadata.tables.items()}
    return {table: sorted((tuple(row) for row in rows), key=repr) for table, rows in found.items()}


@contextmanager
def statements(ledger: Ledger) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(ledger._engine, "before_cursor_execute", note)
    yield asked
    event.remove(ledger._engine, "before_cursor_execute", note)


def week(ledger: Ledger) -> Report:
    found = reporter(ledger).ask("week", NOW)
    assert isinstance(found, Report)
    return found


def project(ledger: Ledger) -> Any:
    with ledger.reading() as reading:
        (row,) = reading.projects()
    return row


ANSWER = KeptAnswer("a1", "U1", microseconds(NOW), "{}")
ROW = SyncRow(1, 2, 0, 0, 0, None, 1)
WRITES: dict[str, Callable[[Ledger, Any], object]] = {
    "keep the duty": lambda ledger, _: ledger.keep_lease(ON_DUTY, NOW),
    "take a lease": lambda ledger, _: ledger.lease("another", NOW).__enter__(),
    "give one back": lambda ledger, _: ledger.release(SYNCING),
    "book": lambda ledger, row: ledger.book(SYNCING, NOW, row, [make_run(1)], {}, RULES),
    "cover": lambda ledger, row: ledger.cover(SYNCING, NOW, row, 0, 10, expired=True),
    "decide anew": lambda ledger, row: ledger.set_cost_mode(SYNCING, NOW, row, CostMode.OWN, RULES),
    "select": lambda ledger, _: ledger.select_projects(SYNCING, NOW, [(id_of(9), "new", 0)]),
    "record a sync": lambda ledger, _: ledger.under(SYNCING, lambda: NOW).record_sync(ROW),
    "a job's mark": lambda ledger, _: ledger.under(ON_DUTY, lambda: NOW).outbox.set_mark("a", "1"),
    "announce": lambda ledger, _: ledger.outbox.announce([NewEvent("k", Kind.NOTICE, {})], [], NOW),
    "claim": lambda ledger, _: ledger.outbox.claim_next(NOW),
    "keep other rules": lambda ledger, _: ledger.keep_rules(RULES, UTC),
    "set a rule": lambda ledger, _: ledger.set_rule(SYNCING, Rule("f", None, "name"), "U1", NOW),
    "an invoice": lambda ledger, _: ledger.record_invoice(Invoice("openai", "2026-11", 1, NOW, "U1")),
    "a press": lambda ledger, _: ledger.take_up("trigger.1", NOW),
    "prune": lambda ledger, _: ledger.prune(NOW.date(), UTC),
    "purge": lambda ledger, _: ledger.purge(SYNCING, NOW, Wanted(feature="rag-search"), RULES),
}


@pytest.mark.parametrize("what", WRITES)
def test_whatever_is_written_first_after_a_migration_is_not_and_says_why(
    what: str, ledger: Ledger, other: Engine
) -> None:
    row = project(ledger)
    migrate_to(other, "0999")
    before = kept(other)
    with pytest.raises(LedgerNewerError) as caught:
        WRITES[what](ledger, row)
    assert str(caught.value) == SENTENCE
    assert ledger.is_newer
    assert kept(other) == before


@pytest.mark.parametrize("version", [HEAD, "0001"])
def test_the_same_revision_or_an_older_one_is_no_trouble(version: str, ledger: Ledger, other: Engine) -> None:
    migrate_to(other, version)
    assert ledger.keep_lease(ON_DUTY, NOW)
    ledger.outbox.set_mark("a", "1")
    ledger.check_schema()
    assert not ledger.is_newer
    assert ledger.outbox.mark("a") == "1"


def test_once_it_was_seen_nothing_more_is_asked_by_anybody(ledger: Ledger, other: Engine) -> None:
    """The jobs, the sync and those who answer share what one of them has seen."""
    row = project(ledger)
    migrate_to(other, "0999")
    on_duty = ledger.under(ON_DUTY, lambda: NOW)
    with pytest.raises(LedgerNewerError):
        on_duty.outbox.set_mark("a", "1")
    reads: dict[str, Callable[[Ledger, Any], object]] = {
        "ask": lambda ledger, _: week(ledger),
        "look": lambda ledger, _: project(ledger),
        "ask whether one is ready": lambda ledger, _: ledger.check_schema(),
        "read a mark": lambda ledger, _: ledger.outbox.mark("a"),
        "keep an answer": lambda ledger, _: ledger.keep_answer(ANSWER),
    }
    with statements(ledger) as asked:
        for ask in (*WRITES.values(), *reads.values()):
            with pytest.raises(LedgerNewerError, match="written by a newer llmcost"):
                ask(ledger, row)
    assert asked == []


def test_it_stands_in_the_log_once(ledger: Ledger, other: Engine, caplog: pytest.LogCaptureFixture) -> None:
    row = project(ledger)
    migrate_to(other, "0999")
    for write_ in WRITES.values():
        with pytest.raises(LedgerNewerError):
            write_(ledger, row)
    with other.connect() as connection, pytest.raises(LedgerNewerError):
        ledger._schema.look(connection)  # as a thread that sees it at the same moment
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert (
        line.getMessage() == f"{SENTENCE} This process leaves the ledger alone from now on, and waits to be replaced."
    )


def test_whoever_asks_does_not_pay_for_it(ledger: Ledger) -> None:
    """Neither the answer nor what is kept of it takes a question more."""
    with statements(ledger) as asked:
        week(ledger)
        ledger.keep_answer(ANSWER)
    assert asked
    assert not [one for one in asked if "alembic_version" in one]


def test_until_it_is_seen_who_asks_is_answered_by_what_both_know(ledger: Ledger, other: Engine) -> None:
    said = week(ledger)
    migrate_to(other, "0999", "ALTER TABLE syncs ADD COLUMN mood TEXT")
    assert week(ledger) == said


def test_what_another_schema_makes_impossible_is_neither_a_bug_nor_a_broken_file(ledger: Ledger, other: Engine) -> None:
    assert week(ledger).total.runs == 1
    migrate_to(other, "0999", "ALTER TABLE rollups RENAME TO totals")
    with pytest.raises(LedgerNewerError, match="update llmcost"):
        week(ledger)
    assert ledger.is_newer


def test_what_is_impossible_by_the_same_schema_stays_the_fault_that_it_is(ledger: Ledger, other: Engine) -> None:
    migrate_to(other, HEAD, "ALTER TABLE rollups RENAME TO totals")
    with pytest.raises((LedgerError, DBAPIError)) as caught:
        week(ledger)
    assert not isinstance(caught.value, LedgerNewerError)
    assert not ledger.is_newer


def test_nobody_is_sent_to_a_process_that_is_too_old(ledger: Ledger, other: Engine) -> None:
    """Also where it has not written anything since."""
    assert not_ready(ledger, NOW - NOW.replace(year=2025), NOW) is None
    migrate_to(other, "0999")
    assert not_ready(ledger, NOW - NOW.replace(year=2025), NOW) == SENTENCE
    assert ledger.is_newer


def test_the_doctor_says_it_too(ledger: Ledger, other: Engine) -> None:
    assert ledger.health().problem is None
    migrate_to(other, "0999")
    with pytest.raises(LedgerNewerError, match="update llmcost"):
        ledger.health()


def test_closing_it_writes_nothing_either(ledger: Ledger, other: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """Its leases run out by themselves."""
    migrate_to(other, "0999")
    before = kept(other)
    ledger.close()
    assert kept(other) == before
    assert "a lease runs out by itself" in caplog.text


def test_what_is_just_being_sent_is_left_to_the_newer_one_as_by_a_crash(
    ledger: Ledger, other: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """It is looked for in Slack before it is sent again; the others that wait are not touched."""
    town = Town(ledger.outbox)
    first, second = town.announce("U1", "U2")

    class Migrating(FakeSlack):
        def post(self, *arguments: Any, **named: Any) -> Posted:
            migrate_to(other, "0999")
            return super().post(*arguments, **named)

    town.slack.__class__ = Migrating
    with pytest.raises(LedgerNewerError):
        town.office.run(town.now)
    assert town.slack.calls["post"] == 1
    migrate_to(other, HEAD)
    with closing(open_ledger(other.url.render_as_string(hide_password=False), create=False)) as again:
        left = [again.outbox.find(one) for one in (first, second)]
    assert [one is not None and one.state for one in left] == [State.OPEN, State.OPEN]
    assert [line.name for line in caplog.records] == ["bot.ledger.schema"]


def test_whoever_is_in_the_midst_of_something_is_told_the_same_as_whoever_comes_later(
    ledger: Ledger, other: Engine, response_url: tuple[str, list[dict[str, Any]]]
) -> None:
    url, said = response_url
    listeners = Listeners(reporter(ledger), ledger, lambda: NOW)
    migrate_to(other, "0999", "ALTER TABLE rollups RENAME TO totals")
    listeners.command({"response_url": url, "user_id": "U1", "text": "week"})
    assert said[-1]["text"] == OUTDATED


def test_the_home_tab_and_the_fields_of_modals_say_so_too(ledger: Ledger, other: Engine) -> None:
    tab = Tab(ledger)
    migrate_to(other, "0999", "ALTER TABLE rollups RENAME TO totals")
    tab.home.preview({"user": {"id": "U1"}, "trigger_id": "T1"}, lambda _: 0.0)
    shown = [*tab.slack.shown, *tab.show()]
    assert [OUTDATED in one for one in shown] == [True, True]
    assert said_beside_a_field("a modal", LedgerNewerError(SENTENCE)) == OUTDATED


def test_whoever_writes_to_a_process_that_is_too_old_costs_no_line_in_the_log(
    ledger: Ledger, other: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the first, for whom it is found out, nor those who come later."""
    slack = FakeSlack(lambda: NOW)
    slack.add_channel("C1", "general")
    talk = Conversation(Listeners(reporter(ledger), ledger, lambda: NOW), slack)
    migrate_to(other, "0999")
    for number in range(3):
        root = slack.post("C1", {"text": "week", "blocks": []}, f"asked {number}")
        event = {"type": "app_mention", "user": "U1", "channel": "C1", "text": "week", "ts": root.ts}
        body = {"event_id": f"Ev{number}", "event": event}
        talk.hear(body, lambda _: OUTDATED if ledger.is_newer else None)
    assert [one.form["text"] for one in slack.said("C1") if one.thread] == [OUTDATED] * 3
    assert [line.name for line in caplog.records] == ["bot.ledger.schema"]
