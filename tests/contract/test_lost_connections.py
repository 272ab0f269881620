"""Wherever the connection to PostgreSQL is lost while something is looked up, whoever waits for it gets the same as
without, and a sync goes through."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event

from bot.app.ledgers import build_rules, open_to_write
from bot.app.metrics import Metrics
from bot.app.source import build_limiter, build_sync
from bot.app.watching import not_ready
from bot.cli.healthcheck import run_healthcheck
from bot.cli.invoice import run_invoice
from bot.cli.prune import run_prune, tell_pruned
from bot.doctor.checks import Patient, all_checks
from bot.doctor.consult import _trial
from bot.domain.budget import Window
from bot.domain.feature import Attribution, Rule
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.coverage import SyncRow
from bot.ledger.store import Ledger, open_ledger
from bot.reports.findings import Finding
from bot.reports.trace_reference import TraceReference
from bot.reports.tracing import find_trace
from bot.settings import load
from bot.slack.limit_desk import LimitDesk
from bot.slack.rule_desk import RuleDesk
from tests.databases import Cluster, cluster
from tests.ledger_worlds import list_price
from tests.ledgers import BERLIN, CATALOG, NOW, Spent, believable, fill
from tests.standins.langsmith import API_KEY, LangSmithStandIn

HOUR = timedelta(hours=1)
BILLED = datetime(2025, 1, 15, tzinfo=UTC)  # in a month that is over by any clock
HELD, OTHER = UUID(int=7), UUID(int=8)  # a run that is held, and one that LangSmith alone knows


@pytest.fixture(scope="module")
def url() -> str:
    return cluster().new_url()


@pytest.fixture(scope="module")
def ledger(url: str) -> Iterator[Ledger]:
    with closing(open_ledger(url, create=False)) as opened:
        runs = [*believable(), Spent(NOW - HOUR, "rag-search", number=HELD.int), Spent(BILLED, "rag-search")]
        yield fill(opened, runs, catalog=CATALOG, projects=("acme-prod", "acme-staging"))


@dataclass
class Losing:
    """Cuts every connection to a database before the reading statement of that number, counted from 1; 0: none."""

    server: Cluster
    url: str
    at: int
    seen: int = field(default=0, init=False)

    def __call__(self, connection: Any, *_: object) -> None:
        if "postgresql_readonly" in connection.get_execution_options():
            self.seen += 1
            if self.seen == self.at:
                self.server.end_sessions(self.url)


@contextmanager
def losing(url: str, at: int) -> Iterator[Losing]:
    cut = Losing(cluster(), url, at)
    event.listen(Engine, "before_cursor_execute", cut)
    try:
        yield cut
    finally:
        event.remove(Engine, "before_cursor_execute", cut)


def same_wherever_it_is_lost(url: str, look: Callable[[], object]) -> object:
    """What is found without a loss, if each loss leaves it so."""
    with losing(url, 0) as whole:
        found = look()
    assert whole.seen, "nothing was read"
    for at in range(1, whole.seen + 1):
        with losing(url, at) as cut:
            assert look() == found, f"lost before statement {at} of {whole.seen}"
        assert cut.seen > whole.seen, "it was not lost at all"
    return found


def rule_desk(ledger: Ledger) -> RuleDesk:
    return RuleDesk(ledger, lambda: CATALOG, BERLIN, lambda *_: True, lambda: NOW, lambda _: None)


def limit_desk(ledger: Ledger) -> LimitDesk:
    return LimitDesk(ledger, lambda: CATALOG, BERLIN, 0, lambda *_: True, None)


def patient(ledger: Ledger) -> Patient:
    return Patient((), CATALOG, "no Slack", "no LangSmith", ledger, (), (), ("feature",), BERLIN, 0, HOUR)


def checked(ledger: Ledger) -> list[Finding]:
    """One after the other: all at once they would lose it at any place."""
    return [check.look() for check in all_checks(patient(ledger), NOW)]


def told_of_pruning(ledger: Ledger) -> str:
    tell_pruned(ledger, 0, "so they stay.")
    return "nothing was pruned"


OTHER_RULES = Rules(Attribution(rules=(Rule("mapped", None, "nightly_eval"),)), list_price, day_finder(BERLIN))
WAITED_FOR: dict[str, Callable[[Ledger], object]] = {
    "a trace": lambda ledger: find_trace(ledger, TraceReference(None, HELD.bytes, None), None),
    "a trace that LangSmith names": lambda ledger: find_trace(
        ledger, TraceReference(None, OTHER.bytes, None), lambda *_: HELD.bytes
    ),
    "what a rule would move": lambda ledger: rule_desk(ledger).preview(Rule("f", None, "nightly_eval")),
    "from when on it moves anything": lambda ledger: (rule_desk(ledger).pruned_before(), "none was pruned"),
    "a rule": lambda ledger: (rule_desk(ledger).find(1), "there is none"),
    "how a budget stands": lambda ledger: limit_desk(ledger).standing("rag-search", Window.MONTHLY, NOW),
    "what other rules would move": lambda ledger: ledger.reattribution(OTHER_RULES).rows(),
    "whether one is ready": lambda ledger: (not_ready(ledger, HOUR, NOW), "which it is"),
    "the doctor": checked,
    "an alert on trial": lambda ledger: _trial(patient(ledger), ledger, NOW).as_json(),
    "what pruning has left": told_of_pruning,
}


@pytest.mark.parametrize("what", WAITED_FOR)
def test_whoever_waits_for_it_gets_the_same(what: str, ledger: Ledger, url: str) -> None:
    found = same_wherever_it_is_lost(url, partial(WAITED_FOR[what], ledger))
    assert found


def settings(url: str, langsmith: str = "http://127.0.0.1:9") -> dict[str, str]:
    return {
        "LANGSMITH_API_KEY": API_KEY,
        "LANGSMITH_ENDPOINT": langsmith,
        "LANGSMITH_PROJECT": "acme-*",
        "LLMCOST_BACKFILL": "1d",
        "LLMCOST_REQUESTS_PER_10S": "1000",
        "LLMCOST_TIMEZONE": "Europe/Berlin",
        "DATABASE_URL": url,
    }


@pytest.mark.parametrize(
    "command",
    [
        partial(run_invoice, "openai", "2025-01", None),
        partial(run_prune, "3000d", dry_run=True),
    ],
    ids=["invoice", "prune"],
)
def test_a_command_says_the_same(
    command: Callable[[], None],
    ledger: Ledger,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not ledger.is_newer
    monkeypatch.chdir(tmp_path)
    for name, value in settings(url).items():
        monkeypatch.setenv(name, value)

    def said() -> tuple[str, str]:
        command()
        return capsys.readouterr()

    assert same_wherever_it_is_lost(url, said)


def test_whoever_watches_is_not_told_that_nothing_is_read(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container would be started again for it."""
    lately = microseconds(datetime.now(UTC) - timedelta(minutes=2, seconds=20))
    url = cluster().new_url()
    with closing(open_ledger(url, create=False)) as ledger:
        ledger.record_sync(SyncRow(lately, lately, 1, 1, 0, None, 1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", url)

    def said() -> str:
        run_healthcheck()
        return capsys.readouterr().out

    assert same_wherever_it_is_lost(url, said) == "LangSmith was last read to the end 2 min ago.\n"


def test_a_sync_goes_through_and_its_figures_say_that_the_ledger_is_there(tmp_path: Path) -> None:
    url = cluster().new_url()
    with LangSmithStandIn(now=lambda: datetime.now(UTC)) as langsmith, ExitStack() as ends:
        langsmith.add_project("acme-prod")
        langsmith.add_run(project="acme-prod", start=datetime.now(UTC) - HOUR, cost="0.5")
        said, config = load(environ=settings(url, langsmith.url), directory=tmp_path)
        ledger = open_to_write(said, config, build_rules(said, config))
        ends.callback(ledger.close)
        sync, source = build_sync(said, ledger, build_rules(said, config))
        ends.callback(source.close)
        metrics = Metrics(ledger, sync, build_limiter(said), lambda: datetime.now(UTC))

        def read() -> tuple[list[str], int]:
            summary = sync.run()
            return summary.problems, summary.complete

        def is_up() -> float:
            return {family.name: family for family in metrics.collect()}["llmcost_ledger_up"].samples[0].value

        assert same_wherever_it_is_lost(url, read) == ([], 1)
        assert same_wherever_it_is_lost(url, is_up) == 1
