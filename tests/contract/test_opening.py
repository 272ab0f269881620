"""A ledger is opened by settings, and not by any: what would be lost with them is named."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.app.ledgers import build_rules, open_to_answer, open_to_write
from bot.domain.budget import SetLimit, Window
from bot.errors import LedgerError
from bot.ledger.lease import SYNC
from bot.ledger.store import Ledger, open_ledger
from bot.settings import load
from tests.databases import new_url
from tests.ledgers import Spent, fill

pytestmark = pytest.mark.each_database

DAY = timedelta(days=1)
LIMIT = SetLimit("rag", Window.DAILY, 10**9, "U1", datetime(2026, 1, 1, tzinfo=UTC), where=(("env", "production"),))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return new_url(tmp_path)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """Kept by env and user_tier, with a day of half a year ago and one of yesterday."""
    ledger = open_ledger(url, create=True)
    now = datetime.now(UTC)
    runs = [Spent(now - days * DAY, "rag", keys={"env": "production"}) for days in (1, 180)]
    fill(ledger, runs, now=now, start=now - 200 * DAY, zone=ZoneInfo("UTC"), settled=(now - 2 * DAY).date())
    yield ledger
    ledger.close()


def open_by(url: str, dimensions: str, folder: Path) -> None:
    settings, config = load(environ={"DATABASE_URL": url, "LLMCOST_DIMENSIONS": dimensions}, directory=folder)
    open_to_write(settings, config, build_rules(settings, config)).close()


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (LIMIT, "The daily limit of rag that was set in Slack is for runs of one env: name env in LLMCOST_DIMENSIONS"),
        (LIMIT._replace(until=datetime.now(UTC) + DAY), "is for runs of one env"),
        (LIMIT._replace(until=datetime(2026, 1, 2, tzinfo=UTC)), None),
        (LIMIT._replace(where=None), None),
        (LIMIT._replace(file_limit=5), None),  # the file says something else since
        (LIMIT._replace(where=(("user_tier", "pro"),)), None),
    ],
)
def test_a_dimension_stays_while_a_limit_of_slack_is_for_some_of_its_values(
    ledger: Ledger, url: str, tmp_path: Path, limit: SetLimit, sentence: str | None
) -> None:
    """Nothing would count for it any more, and nobody would hear of it."""
    ledger.outbox.set_limit(limit, None)
    open_by(url, "user_tier,env", tmp_path)
    if sentence is None:
        open_by(url, "user_tier", tmp_path)
        return
    with pytest.raises(LedgerError) as refused:
        open_by(url, "user_tier", tmp_path)
    assert sentence in str(refused.value)


def test_a_dimension_stays_while_pruned_days_are_known_by_it(ledger: Ledger, url: str, tmp_path: Path) -> None:
    """One sync from a shell without the bot's settings would be enough, and nothing could bring it back."""
    assert ledger.prune(datetime.now(UTC).date() - 90 * DAY, ZoneInfo("UTC")) == 1
    with pytest.raises(
        LedgerError, match="What days whose runs were pruned have cost by env would be lost: name it in"
    ):
        open_by(url, "user_tier", tmp_path)
    open_by(url, "team,user_tier,env", tmp_path)
    open_by(url, "env", tmp_path)  # of the others there was no value on those days


def test_a_type_that_is_read_from_now_on_was_not_read_before_and_that_is_said_once(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for types in ("llm", "tool,llm", "tool,llm", "llm", "tool,llm", "chain,llm"):
        settings, config = load(environ={"DATABASE_URL": url, "LLMCOST_RUN_TYPES": types}, directory=tmp_path)
        open_to_write(settings, config, build_rules(settings, config)).close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"what was read before lacks runs of {kind}: `llmcost sync --since 14d` reads what LangSmith still has"
        for kind in ("tool", "chain")
    ]


@pytest.mark.usefixtures("ledger")
def test_the_order_of_dimensions_is_no_other_rule(url: str, tmp_path: Path) -> None:
    for dimensions, is_answered in (("user_tier,env", True), ("env", False)):
        settings, config = load(environ={"DATABASE_URL": url, "LLMCOST_DIMENSIONS": dimensions}, directory=tmp_path)
        if is_answered:
            open_to_answer(settings, config).close()
        else:
            with pytest.raises(LedgerError, match="counted by other features, rules or dimensions"):
                open_to_answer(settings, config)


@pytest.mark.usefixtures("ledger")
def test_who_names_the_dimensions_in_another_order_stops_nobody_else(url: str, tmp_path: Path) -> None:
    """A bot writes only as long as the ledger is kept by its own rules."""
    settings, config = load(environ={"DATABASE_URL": url, "LLMCOST_DIMENSIONS": "env,user_tier"}, directory=tmp_path)
    bot = open_to_write(settings, config, build_rules(settings, config))
    open_by(url, "user_tier,env", tmp_path)
    now = datetime.now(UTC)
    with bot.lease(SYNC, now) as lease:
        assert bot.select_projects(lease, now, []) == []
    bot.close()
