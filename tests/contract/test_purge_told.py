"""Purging what people were told and what they have set: the value stands in no table any more, figures and everything
that goes on from a message stay."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select

from bot.domain.alert import event_key
from bot.domain.budget import SetLimit, Window
from bot.domain.digest import EVERY_DAY
from bot.domain.feature import Rule
from bot.jobs.digest_threads import DigestThreads
from bot.ledger.answers import KeptAnswer
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.deliveries import Kind, NewDelivery, Role, State
from bot.ledger.engine import reading
from bot.ledger.events import NewEvent
from bot.ledger.forgetting import GONE, NO_TEXT
from bot.ledger.lease import SYNC
from bot.ledger.limits import Snooze
from bot.ledger.purging import Purge, Wanted
from bot.ledger.store import Ledger, open_ledger
from bot.ledger.tables import metadata
from bot.slack.alert_copies import change_copies, facts_of
from bot.slack.messages import Message
from tests.contract.sync.world import EVER
from tests.contract.test_alerts import World, limit
from tests.contract.test_digests import digests
from tests.databases import new_url, rows
from tests.ledgers import BERLIN, DIMENSIONS, NOW, Spent, price

pytestmark = pytest.mark.each_database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALICE = "alice <a.liddell@example.com>"
LATER = NOW + HOUR


@pytest.fixture
def url(tmp_path: Path) -> str:
    return new_url(tmp_path)


@pytest.fixture
def world(url: str) -> Iterator[World]:
    ledger = open_ledger(url, create=True)
    yield World(ledger)
    ledger.close()


def purge(world: World, wanted: Wanted) -> Purge:
    rules = Rules(world.catalog.attribution(("feature",)), price, day_finder(BERLIN), DIMENSIONS)
    with world.ledger.lease(SYNC, LATER) as lease:
        done = world.ledger.purge(lease, LATER, wanted, rules)
    change_copies(world.ledger.outbox, done.untold, BERLIN)
    return done


def everything(ledger: Ledger) -> str:
    """Every value of every table."""
    with reading(ledger._engine) as connection:
        return repr([tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table))])


def texts(world: World) -> list[str]:
    return [Message.from_json(one.message).text for one in world.deliveries()]


def told_everywhere(world: World, value: str) -> None:
    """Everything that can name a feature names it: alerts that were sent and that wait, digests, threads, files,
    notices, limits, rules, snoozes and kept answers."""
    ledger = world.ledger
    mine = limit(value, Window.MONTHLY, 3, owners=("U1",), where=(("env", value),))
    world.features = [mine, limit("rag", Window.MONTHLY, 3, owners=("U1", "U2"))]
    for feature in (value, "rag"):
        world.spend(feature, "1.60", keys={"env": value}, name=f"agent of {value}", at=NOW - 20 * HOUR)
        world.spend(feature, "0.90", keys={"env": "production"}, at=NOW - 20 * HOUR)
    world.sync_and_look(times=2)
    world.send_all(NOW + DAY)  # half of the limit
    job = digests(ledger, days=EVERY_DAY)
    job.post("#llm-cost", NOW.date(), NOW)
    world.send_all(NOW + DAY)
    DigestThreads(ledger, lambda: world.catalog, BERLIN, 0, lambda *_: "https://x.slack.com/1").run(NOW)
    world.send_all(NOW + DAY)
    for feature in (value, "rag"):
        world.spend(feature, "1.20", keys={"env": value}, at=NOW - HOUR)
    world.sync_and_look(LATER, times=2)  # 80 percent and more: some still wait for the morning
    job.post("#llm-cost", NOW.date() - DAY, LATER)
    for key, lines in (("a notice", [f"{value} has no owner."]), ("another", ["rag has no owner."])):
        notice = NewDelivery(
            Kind.NOTICE, Role.ADMIN, "U0ADMIN", (key,), {**NO_TEXT, "text": lines[0]}, LATER, LATER + DAY
        )
        ledger.outbox.announce([NewEvent(key, Kind.NOTICE, {"lines": lines})], [notice], LATER)
    for feature, where in ((value, None), ("rag", (("env", value),)), ("voice", None)):
        ledger.outbox.set_limit(SetLimit(feature, Window.DAILY, 5 * 10**12, "U1", LATER, where=where), 7)
    ledger.outbox.snooze({one.subject for one in world.events()}, Snooze(LATER + DAY, "U1", LATER))
    ledger.keep_answer(KeptAnswer("an answer", "U1", microseconds(LATER), f"{value} cost $5"))
    with ledger.lease(SYNC, LATER) as lease:
        for feature in (value, "rag"):
            ledger.set_rule(lease, Rule(feature, name=f"for {len(feature)}"), "U1", LATER)


def test_of_a_value_that_named_a_feature_nothing_is_left_in_any_table(world: World, url: str) -> None:
    told_everywhere(world, ALICE)
    before = everything(world.ledger)
    for written in (ALICE, quote(ALICE, safe=""), "liddell"):
        assert written in before
    world.features = world.features[1:]  # whoever purges it takes it out of the file
    world.sync()
    done = purge(world, Wanted(pair=("feature", ALICE)))
    purge(world, Wanted(pair=("env", ALICE)))
    assert (done.traces, done.unset, done.told > 5) == (3, 2, True)
    assert "liddell" not in everything(world.ledger)
    for table in metadata.sorted_tables:
        assert "liddell" not in repr(rows(url, f"SELECT * FROM {table.name}"))  # noqa: S608 - our own names
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        assert b"liddell" not in b"".join(one.read_bytes() for one in folder.iterdir())
    with world.ledger.reading() as ledger:
        assert ledger.total(EVER).cost == 7_400_000_000
    assert world.ledger.wrong_rollups() == []


def test_what_waits_goes_out_without_it_and_what_was_sent_is_changed(world: World) -> None:
    told_everywhere(world, ALICE)
    digest = next(one for one in world.deliveries() if one.kind is Kind.DIGEST and one.state is State.SENT)
    world.ledger.outbox.change({digest.id: {**digest.message, "text": f"{ALICE} cost more"}})
    purge(world, Wanted(pair=("feature", ALICE)))
    purge(world, Wanted(pair=("env", ALICE)))
    alerts = [one for one in world.deliveries() if one.kind is Kind.ALERT]
    assert {one.state for one in alerts} == {State.OPEN, State.SENT}
    features = {
        event.key: facts_of(event).state.feature for event in world.ledger.outbox.recent_events(Kind.ALERT, NOW - DAY)
    }
    about = {one.id: [features[key] for key in one.events] for one in alerts}
    for one in alerts:
        assert [one.message["text"]] == [Message.from_json(one.message).text]
        assert (GONE in one.message["text"]) == (GONE in about[one.id])
        if one.state is State.SENT and GONE in about[one.id]:
            assert one.id in {stale.id for stale in world.ledger.outbox.stale()}
    assert NO_TEXT["text"] not in [stale.message["text"] for stale in world.ledger.outbox.stale()]
    (notice, other) = [one.message["text"] for one in world.deliveries() if one.kind is Kind.NOTICE]
    assert sorted([notice, other]) == [NO_TEXT["text"], "rag has no owner."]
    digests(world.ledger).run(LATER + HOUR / 6)
    told = [one.message["text"] for one in world.deliveries() if one.kind is Kind.DIGEST]
    assert len(told) == 2
    assert not [one for one in told if one == NO_TEXT["text"] or "liddell" in one]
    with world.ledger.reading() as ledger:
        assert [one.rule.feature for one in ledger.set_rules()] == ["rag"]
    assert [(one.feature, one.where) for one in world.ledger.outbox.set_limits()] == [("voice", None)]
    assert [one.feature for one in world.ledger.outbox.limit_history([GONE], 9)] == [GONE]
    assert [one.feature for one in world.ledger.outbox.limit_history(["rag"], 9)] == ["rag"]


def test_what_was_told_of_others_is_not_told_again(world: World) -> None:
    """Keys and levels stay, those of the purged feature under another name."""
    told_everywhere(world, ALICE)
    before = world.told()
    count = len(world.deliveries())
    purge(world, Wanted(pair=("feature", ALICE)))
    assert sorted(world.told()) == sorted(one.replace(ALICE, GONE) for one in before)
    world.features = world.features[1:]
    world.sync_and_look(LATER + HOUR, times=2)
    assert len(world.deliveries()) == count


@pytest.mark.parametrize("value", ["100", "2026", "1", "budget", "a:b!c=d", "x" * 250, "é" * 120])
def test_whatever_the_value_is_every_message_and_fact_can_still_be_read(world: World, value: str) -> None:
    told_everywhere(world, value)
    before = [(one.created, facts_of(one).state.spent, one.threshold) for one in world.events()]
    rag = [one.key for one in world.events() if facts_of(one).state.feature == "rag"]
    purge(world, Wanted(pair=("feature", value)))
    purge(world, Wanted(pair=("env", value)))
    assert sorted((one.created, facts_of(one).state.spent, one.threshold) for one in world.events()) == sorted(before)
    assert [one.key for one in world.events() if facts_of(one).state.feature == "rag"] == rag
    subjects = {one.subject for one in world.events()}
    assert {one.key for one in world.events()} <= {event_key(one, at) for one in subjects for at in range(500)}
    assert set(world.ledger.outbox.snoozed(subjects)) == subjects
    assert all(texts(world))
    assert value not in {facts_of(one).state.feature for one in world.events()}
    assert not [one for one in subjects if f"budget:{quote(value, safe='')}:" in one]


def test_a_trace_that_is_purged_loses_its_name_in_alerts(world: World) -> None:
    world.features = [limit("rag", Window.MONTHLY, 3, owners=("U1",))]
    world.spent = [Spent(NOW - HOUR, "rag", "2.90", name="agent of hers", number=77)]
    world.sync_and_look(times=2)
    assert "agent of hers" in texts(world)[0]
    done = purge(world, Wanted(trace=(77).to_bytes(16, "big")))
    assert (done.traces, done.told) == (1, 1)
    assert "agent of hers" not in everything(world.ledger)
    (text,) = texts(world)
    assert "rag has spent" in text or "rag" in text


def test_texts_that_stand_in_slack_go_with_any_purge_and_come_again_when_somebody_acts(world: World) -> None:
    told_everywhere(world, ALICE)
    world.send_all(LATER + 2 * DAY)
    purge(world, Wanted(feature="nothing of that name"))
    assert {text for text in texts(world) if "digest" not in text} == {NO_TEXT["text"]}
    assert world.ledger.outbox.stale() == []
    keys = [one.key for one in world.events() if facts_of(one).state.feature == "rag"]
    world.ledger.outbox.acknowledge(keys, "U1", LATER)
    change_copies(world.ledger.outbox, keys, BERLIN)
    assert any("Acknowledged by U1" in text for text in texts(world))
    assert world.ledger.outbox.stale() != []
