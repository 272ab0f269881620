"""The connection to PostgreSQL is lost just as it says that a transaction has gone through: nothing is done twice for
that, and whoever asked is told what was done."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from sqlalchemy import insert, select, text

from bot.domain.budget import SetLimit, Window
from bot.domain.catalog import Catalog
from bot.domain.cost import Cost
from bot.domain.costing import CostMode
from bot.domain.feature import Rule
from bot.domain.run import Source
from bot.ledger.answers import KeptAnswer
from bot.ledger.attempts import KEPT_MICROSECONDS
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.changed_days import MARK
from bot.ledger.claims import Claimed
from bot.ledger.coverage import SyncRow
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.engine import reading, writing
from bot.ledger.events import NewEvent
from bot.ledger.invoices import Invoice
from bot.ledger.lease import JOBS, SYNC, Lease
from bot.ledger.limits import Snooze
from bot.ledger.purging import Wanted as ToPurge
from bot.ledger.repricing import Movement, Place, Wanted
from bot.ledger.store import Ledger, open_ledger
from bot.ledger.tables import attempts, metadata
from tests.databases import cluster, rows
from tests.ledgers import BERLIN, DIMENSIONS, NOW, PROJECT, Spent, emptied, fill, price
from tests.lossy import Wire

DAY = timedelta(days=1)
LATER = NOW + timedelta(minutes=1)
MINUTE = 60_000_000
MINE = Lease(SYNC, "mine")
RULES = Rules(Catalog().attribution(("feature",)), price, day_finder(BERLIN), DIMENSIONS)
RUNS = [
    Spent(NOW - DAY, "chat", "1.5", number=1, keys={"env": "production"}),
    Spent(NOW - 9 * DAY, None, "0.25", name="rag_chain", number=2),
    Spent(NOW - 2 * DAY, "chat", None, number=3),
]
LIMIT = SetLimit("chat", Window.MONTHLY, 50 * 10**9, "U1", NOW)
TO_KNOW = NewDelivery(Kind.NOTICE, Role.ADMIN, "U1", (), {"text": "x"}, NOW, NOW + DAY)
TOLD = ((NewEvent("told", Kind.NOTICE, {}),), (TO_KNOW._replace(events=("told",)),))
SYNCED = SyncRow(microseconds(NOW), microseconds(LATER), 7, 7, 0, None, 1)


def dearer(**told: Any) -> Cost:
    del told
    return Cost(3 * 10**9, Source.OVERRIDE, "deal")


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    made = Wire(cluster().folder)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pair(wire: Wire) -> Iterator[tuple[Ledger, Ledger]]:
    """Two ledgers, the second one behind the wire."""
    urls = cluster().new_url(), wire.url(cluster().new_url())
    with closing(open_ledger(urls[0], create=False)) as sure, closing(open_ledger(urls[1], create=False)) as unsure:
        yield sure, unsure


def prepared(ledger: Ledger) -> Ledger:
    """The same in each ledger, its ids included."""
    numbers = count(1)
    ready = fill(Ledger(emptied(ledger)._engine, new_id=lambda: f"id {next(numbers)}"), RUNS)
    assert ready.keep_lease(MINE, NOW)
    ready.outbox.set_mark("purge salt", "5a17")
    ready.keep_answer(KeptAnswer("an answer", "U1", microseconds(NOW), "{}"))
    ready.set_rule(MINE, Rule("old", name="old*"), "U1", NOW - DAY)
    new = [NewEvent(key, Kind.ALERT, {}, "a subject", 80) for key in ("a", "b")]
    ready.outbox.announce(new, [TO_KNOW._replace(events=(one.key,), kind=Kind.ALERT) for one in new], NOW - DAY)
    return ready


def claimed(ledger: Ledger) -> Claimed:
    found = ledger.outbox.claim_next(NOW)
    assert found is not None
    return found


def given_up(ledger: Ledger) -> bool:
    return ledger.outbox.give_up(claimed(ledger), "has left", [TO_KNOW], NOW)


def repriced(ledger: Ledger) -> object:
    moved, wanted = Movement(), Wanted(0)
    number = ledger.begin_repricing(MINE, NOW, "alice", wanted.since)
    place: Place | None = Place()
    while place is not None:
        place = ledger.reprice_next(MINE, NOW, number, replace(RULES, price=dearer), wanted, place, moved)
    return number, moved.rows()


def taken_back(ledger: Ledger) -> object:
    repriced(ledger)
    change, moved, left = ledger.last_repricing(), Movement(), 0
    assert change is not None
    after: bytes | None = b""
    while after is not None:
        some, after = ledger.undo_repricing_next(MINE, NOW, change.id, RULES, "bob", after, moved)
        left += some
    return left, moved.rows()


def booked(ledger: Ledger) -> object:
    project = ledger.read(lambda asked: asked.projects())[0]
    return ledger.book(MINE, NOW, project, [Spent(NOW, "new", number=9).as_run(project.key)], {}, RULES)


def learned(ledger: Ledger) -> object:
    project = ledger.read(lambda asked: asked.projects())[0]
    return ledger.set_cost_mode(MINE, NOW, project, CostMode.ROLLED_UP, RULES)


ALL: dict[str, Callable[[Ledger], object]] = {
    "a press is taken up": lambda ledger: ledger.take_up("a press", NOW),
    "an answer is shared": lambda ledger: ledger.claim_share("an answer", NOW),
    "a file is uploaded": lambda ledger: ledger.claim_upload("a file", NOW),
    "a delivery is claimed": claimed,
    "a delivery is given up": given_up,
    "an event is announced": lambda ledger: ledger.outbox.announce(*TOLD, NOW, levels={"s": 80}, sync=1),
    "a delivery of no event is": lambda ledger: ledger.outbox.announce([], [TO_KNOW], NOW),
    "an alert is acknowledged": lambda ledger: ledger.outbox.acknowledge(["a"], "U1", NOW, TOLD),
    "an alert is snoozed": lambda ledger: ledger.outbox.snooze(["s"], Snooze(LATER, "U1", NOW), ((), (TO_KNOW,))),
    "a limit is set": lambda ledger: ledger.outbox.set_limit(LIMIT, 7, ((), (TO_KNOW,))),
    "a rule is set": lambda ledger: ledger.set_rule(MINE, Rule("rag", PROJECT, "rag*"), "U1", NOW),
    "a rule is undone": lambda ledger: [
        ledger.undo_rule(MINE, one.id, "U1", NOW) for one in ledger.read(lambda asked: asked.set_rules())
    ],
    "the rules are others": lambda ledger: ledger.keep_rules(replace(RULES, dimensions=("env",)), BERLIN),
    "a bill comes": lambda ledger: ledger.record_invoice(Invoice("openai", "2026-11", 7, NOW, "alice")),
    "a sync ends": lambda ledger: ledger.record_sync(SYNCED),
    "a page is booked": booked,
    "what a parent's cost means is learned": learned,
    "projects are selected": lambda ledger: ledger.select_projects(
        MINE, NOW, [(uuid5(NAMESPACE_URL, f"0:{PROJECT}").bytes, "renamed", 0), (b"new" * 5 + b".", "new", 0)]
    ),
    "prices change": repriced,
    "prices change back": taken_back,
    "old runs go": lambda ledger: ledger.prune((NOW - 5 * DAY).date(), BERLIN),
    "a value is purged": lambda ledger: ledger.purge(MINE, NOW, ToPurge(pair=("env", "production")), RULES),
    "the jobs are taken": lambda ledger: ledger.keep_lease(Lease(JOBS, "mine"), NOW),
}


def content(ledger: Ledger) -> dict[str, list[str]]:
    """All rows of all tables; what is new at each change is left out."""
    with reading(ledger._engine) as connection:
        found = {
            name: [(row[0], row[1].split()[0]) if row[0] == MARK else tuple(row) for row in connection.execute(query)]
            for name, query in ((name, select(table)) for name, table in metadata.tables.items() if name != "attempts")
        }
    return {name: sorted(map(repr, of_table)) for name, of_table in found.items()}


@pytest.mark.parametrize("name", ALL)
def test_it_is_done_once_and_its_outcome_is_told(name: str, pair: tuple[Ledger, Ledger], wire: Wire) -> None:
    sure, unsure = (prepared(one) for one in pair)
    wanted = ALL[name](sure)
    with wire.losing():
        found = ALL[name](unsure)
    assert wire.lost
    assert found == wanted
    assert content(unsure) == content(sure)


@pytest.mark.parametrize(
    "take",
    [
        lambda ledger: ledger.take_up("a press", NOW),
        lambda ledger: ledger.claim_share("an answer", NOW),
        lambda ledger: ledger.claim_upload("a file", NOW),
    ],
)
def test_who_comes_after_whoever_lost_the_word_is_told_that_it_is_taken(
    take: Callable[[Ledger], bool], pair: tuple[Ledger, Ledger], wire: Wire
) -> None:
    ledger = prepared(pair[1])
    with wire.losing():
        assert take(ledger)
        assert not take(ledger)
    assert not take(ledger)


@pytest.mark.parametrize("goes_through", [True, False])
def test_while_nobody_knows_whether_a_try_goes_through_the_next_one_waits_for_it(
    goes_through: bool, pair: tuple[Ledger, Ledger], wire: Wire
) -> None:
    """Its COMMIT arrives, or the server gives it up, when the whole has been begun again: there is one delivery, and it
    is the one that is told of."""
    ledger, ids = prepared(pair[1]), list[list[str] | None]()
    waiting = threading.Thread(target=lambda: ids.append(ledger.outbox.announce([], [TO_KNOW], NOW)))
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    url = ledger._engine.url.set(drivername="postgresql").render_as_string()
    with wire.holding_next() as held:
        waiting.start()
        assert held.is_cut.wait(60)
        while not rows(url, waits)[0][0]:
            assert waiting.is_alive()
        held.end(goes_through=goes_through)
    waiting.join(60)
    assert ids == [[one.id for one in ledger.outbox.latest(9) if not one.events]]
    assert len(ids[0] or ()) == 1


def test_what_was_done_more_than_a_day_ago_is_not_kept_in_mind(pair: tuple[Ledger, Ledger]) -> None:
    ledger = emptied(pair[0])
    with writing(ledger._engine) as connection:
        a_day_ago = int(connection.scalar(text("SELECT extract(epoch FROM now())")) or 0) * 10**6 - KEPT_MICROSECONDS
        rows_ = [{"id": "old", "at": a_day_ago - MINUTE}, {"id": "young", "at": a_day_ago + MINUTE}]
        connection.execute(insert(attempts), rows_)
    ledger.record_sync(SYNCED)
    with reading(ledger._engine) as connection:
        kept = set(connection.scalars(select(attempts.c.id)))
    assert "young" in kept
    assert "old" not in kept


def test_a_file_cannot_lose_it_and_keeps_nothing_in_mind(tmp_path: Path) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path}/llmcost.db", create=True)) as ledger:
        assert ledger.take_up("a press", NOW)
        with reading(ledger._engine) as connection:
            assert connection.execute(select(attempts)).all() == []
