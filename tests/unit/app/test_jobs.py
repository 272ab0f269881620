"""What the bot looks after at each tick: a job that fell out of the list would be missed by nobody but the people who
wait for its word."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.app.answers import build_reporter
from bot.app.bot import build_jobs
from bot.app.in_force import InForce
from bot.app.ledgers import build_rules
from bot.app.office import Office
from bot.app.source import build_sync
from bot.jobs.alerts import Alerts
from bot.jobs.clock import Job
from bot.jobs.digest_threads import DigestThreads
from bot.jobs.digests import Digests
from bot.jobs.escalations import Escalations
from bot.jobs.heartbeat import Heartbeat
from bot.jobs.newly_priced import NewlyPriced
from bot.jobs.nightly import Nightly
from bot.jobs.verifying import Verifying
from bot.jobs.watch import Watch
from bot.ledger.lease import JOBS, Lease
from bot.ledger.store import Ledger
from bot.settings import load
from bot.slack.post_office import PostOffice
from tests.ledgers import NOW, new_ledger
from tests.standins.slack_fake import FakeSlack

# Whoever decides that something is to be said comes before the post office, which says it in the same tick.
EVERY_TICK = (
    Watch,
    Alerts,
    Escalations,
    Digests,
    DigestThreads,
    Nightly,
    NewlyPriced,
    Verifying,
    PostOffice,
)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


def jobs(
    ledger: Ledger, folder: Path, more: Mapping[str, str] | None = None, on_duty: Ledger | None = None
) -> list[Job]:
    """Those of a bot that begins now."""
    environ = {"LANGSMITH_API_KEY": "lsv2_fake", "LANGSMITH_PROJECT": "acme-*", "LLMCOST_ADMINS": "U1", **(more or {})}
    settings, config = load(environ=environ, directory=folder)
    with ExitStack() as closing:
        sync, source = build_sync(settings, ledger, build_rules(settings, config))
        closing.callback(source.close)
        in_force = InForce(settings, config, ledger, sync)
        reporter = build_reporter(settings, in_force, ledger)
        office = Office(settings, in_force, ledger, FakeSlack(lambda: NOW), lambda: NOW, on_duty=on_duty)
        return list(build_jobs(settings, in_force, ledger, on_duty or ledger, office, reporter, NOW))


def test_every_job_is_looked_after_and_the_post_leaves_last(ledger: Ledger, tmp_path: Path) -> None:
    assert tuple(type(job) for job in jobs(ledger, tmp_path)) == EVERY_TICK


def test_with_an_address_for_it_the_heart_beats_too(ledger: Ledger, tmp_path: Path) -> None:
    told = jobs(ledger, tmp_path, {"LLMCOST_HEARTBEAT_URL": "http://127.0.0.1:9/fake"})
    assert tuple(type(job) for job in told) == (*EVERY_TICK, Heartbeat)


def test_the_log_can_tell_them_apart(ledger: Ledger, tmp_path: Path) -> None:
    names = [job.name for job in jobs(ledger, tmp_path)]
    assert len(set(names)) == len(names)


def test_what_jobs_decide_is_written_by_whoever_is_on_duty_alone(ledger: Ledger, tmp_path: Path) -> None:
    """One that was paused and wakes up late writes nothing. The post office's messages are claimed one by one."""
    late = ledger.under(Lease(JOBS, "late"), lambda: NOW)
    for job in jobs(ledger, tmp_path, {"LLMCOST_HEARTBEAT_URL": "http://127.0.0.1:9/fake"}, late):
        if not isinstance(job, PostOffice):
            writes: Any = job
            outbox = writes.outbox if hasattr(writes, "outbox") else writes.ledger.outbox
            assert outbox is late.outbox, job.name
