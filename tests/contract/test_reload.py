"""A changed llmcost.toml in a running bot: answers, budgets and books follow, between two syncs."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.app.answers import build_reporter
from bot.app.bot import build_reload
from bot.app.in_force import InForce
from bot.app.ledgers import build_rules, open_to_write
from bot.app.source import build_sync
from bot.domain.feature import Attribution
from bot.errors import LedgerBusyError
from bot.ingest.summary import Progress
from bot.ingest.sync import Sync
from bot.jobs.clock import Job
from bot.ledger.lease import SYNC
from bot.ledger.store import Ledger
from bot.reports.answers import Report
from bot.settings import Settings, load
from tests.standins.langsmith import API_KEY, LangSmithStandIn

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
TICK = timedelta(seconds=10)
OLD = '[features.search]\nowner = "U1"\n'
RENAMED = '[features.find]\nowner = "U1"\naliases = ["search"]\n'
PRICED = OLD + '[[prices]]\nmodel = "in-house*"\ninput = 2\noutput = 4\n'


class Bot(NamedTuple):
    settings: Settings
    file: Path
    ledger: Ledger
    sync: Sync
    in_force: InForce
    reload: Job

    def look_twice(self, at: timedelta = timedelta(0)) -> None:
        self.reload.run(NOW + at)
        self.reload.run(NOW + at + TICK)

    def spent(self) -> dict[str, str]:
        answer = build_reporter(self.settings, self.in_force, self.ledger).ask("today", NOW)
        assert isinstance(answer, Report)
        return {row.key: f"{row.sum.cost:.2f}" for row in answer.rows}


@pytest.fixture
def langsmith() -> Iterator[LangSmithStandIn]:
    with LangSmithStandIn(now=lambda: NOW) as standin:
        standin.add_run(
            project="acme-prod", start=NOW - timedelta(hours=1), metadata={"feature": "search"}, cost="1.25"
        )
        yield standin


@pytest.fixture
def bot(langsmith: LangSmithStandIn, tmp_path: Path) -> Iterator[Bot]:
    file = tmp_path / "llmcost.toml"
    file.write_text(OLD)
    environ = {
        "LANGSMITH_API_KEY": API_KEY,
        "LANGSMITH_ENDPOINT": langsmith.url,
        "LANGSMITH_PROJECT": "acme-prod",
        "LLMCOST_BACKFILL": "1d",
        "LLMCOST_REQUESTS_PER_10S": "1000",
        "LLMCOST_ADMINS": "U1",
        "DATABASE_URL": f"sqlite:///{tmp_path}/llmcost.db",
    }
    settings, config = load(environ=environ, directory=tmp_path)
    ledger = open_to_write(settings, config, build_rules(settings, config))
    sync, source = build_sync(settings, ledger, build_rules(settings, config), clock=lambda: NOW)
    in_force = InForce(settings, config, ledger, sync)
    reload = build_reload(settings, in_force, ledger, tmp_path)
    yield Bot(settings, file, ledger, sync, in_force, reload)
    source.close()
    ledger.close()


def test_a_renamed_feature_is_recounted_and_the_next_sync_books_by_the_new_rules(
    bot: Bot, langsmith: LangSmithStandIn
) -> None:
    bot.sync.run()
    assert bot.spent() == {"search": "1.25"}
    bot.file.write_text(RENAMED)
    bot.look_twice()
    assert bot.spent() == {"find": "1.25"}
    assert set(bot.in_force.catalog.features) == {"find"}
    langsmith.add_run(project="acme-prod", start=NOW - TICK, metadata={"feature": "search"}, cost="0.50")
    assert bot.sync.run().problems == []
    assert bot.spent() == {"find": "1.75"}
    assert bot.ledger.wrong_rollups() == []


def test_a_new_price_holds_from_the_next_sync_on(bot: Bot, langsmith: LangSmithStandIn) -> None:
    bot.file.write_text(PRICED)
    bot.look_twice()
    langsmith.add_run(
        project="acme-prod",
        start=NOW - TICK,
        metadata={"feature": "search"},
        model="in-house-7b",
        cost=None,
        tokens=(1_000_000, 0),
    )
    bot.sync.run()
    assert bot.spent() == {"search": "3.25"}


def test_a_broken_file_leaves_everything_and_the_admin_reads_the_line(bot: Bot) -> None:
    bot.sync.run()
    bot.file.write_text('[features.find]\n\nowner = "nobody"\n')
    bot.look_twice()
    assert set(bot.in_force.catalog.features) == {"search"}
    (told,) = bot.ledger.outbox.latest(9)
    assert told.recipient == "U1"
    assert "Line 3: llmcost.toml [features.find] owner: 'nobody'" in told.message["text"]
    bot.file.write_text("[features.find\n")
    bot.look_twice(timedelta(minutes=5))
    assert "at line 1, column 15" in bot.ledger.outbox.latest(1)[0].message["text"]


def test_rules_change_between_two_syncs_and_never_within_one(bot: Bot) -> None:
    """The sync that is running books by the rules that it began with, to its end."""
    reached, go_on = threading.Event(), threading.Event()

    def progress(_: Progress) -> None:
        reached.set()
        go_on.wait(20)

    running = threading.Thread(target=lambda: bot.sync.run(progress=progress))
    running.start()
    assert reached.wait(20)
    bot.file.write_text(RENAMED)
    bot.look_twice()
    assert set(bot.in_force.catalog.features) == {"search"}
    go_on.set()
    running.join(20)
    last = bot.ledger.last_sync()
    assert last is not None
    assert last.problem is None
    bot.reload.run(NOW + 2 * TICK)
    assert bot.spent() == {"find": "1.25"}


def test_the_recount_needs_the_lease_of_the_sync(bot: Bot) -> None:
    _, other = load(environ={}, directory=bot.file.parent)
    bot.file.write_text(RENAMED)
    _, renamed = load(environ={}, directory=bot.file.parent)
    with bot.ledger.lease(SYNC, NOW):
        with pytest.raises(LedgerBusyError):
            bot.in_force.adopt(renamed, NOW)
        bot.in_force.adopt(other, NOW)  # says the same: nothing is to be done
    bot.in_force.adopt(renamed, NOW)
    assert set(bot.in_force.catalog.features) == {"find"}


def test_a_recount_that_fails_leaves_the_ledger_kept_as_it_was(bot: Bot) -> None:
    """Or the next sync would believe that another process had changed the rules."""
    bot.sync.run()
    bot.file.write_text(RENAMED)
    _, renamed = load(environ={}, directory=bot.file.parent)
    rules = build_rules(bot.settings, renamed)

    class Broken(Attribution):
        def feature_of(self, *_: object, **__: object) -> str:
            raise ZeroDivisionError

    broken = replace(rules, attribution=Broken(keys=("feature",), features=frozenset({"find"})))
    with pytest.raises(ZeroDivisionError):
        bot.ledger.keep_rules(broken, bot.settings.timezone)
    assert bot.sync.run().problems == []
    assert bot.spent() == {"search": "1.25"}
