"""`llmcost digest` in a terminal: what the channel would read, and once for each morning to the channel."""

from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.ledger.store import open_ledger
from tests.databases import new_url
from tests.e2e.commands import run
from tests.ledgers import Spent, fill

UTC_ZONE = ZoneInfo("UTC")
DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger in which rag-search costs $2 a day at noon."""
    folder = tmp_path_factory.mktemp("digest")
    noon = datetime.combine(TODAY, time(12), UTC)
    with closing(open_ledger(new_url(folder), create=False)) as ledger:
        runs = [Spent(noon - days * DAY, "rag-search", "2") for days in range(1, 30)]
        fill(ledger, runs, now=datetime.now(UTC), zone=UTC_ZONE)
    (folder / ".env").write_text("LLMCOST_DIGEST_CHANNEL=#llm-cost\n")
    return folder


def test_it_prints_what_would_be_sent_now(folder: Path) -> None:
    done = run(folder, "digest")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("All features together cost $2.00 on ")


def test_it_prints_that_of_another_morning(folder: Path) -> None:
    done = run(folder, "digest", "--date", str(TODAY - 5 * DAY))
    shown = TODAY - 6 * DAY
    assert f"cost $2.00 on {shown.day} {shown:%b %Y}." in done.stdout


@pytest.mark.parametrize(
    ("date", "sentence"),
    [
        (str(TODAY + 2 * DAY), "has not come yet."),
        ("yesterday", "--date yesterday is no date; write it like 2026-11-01."),
        ("0001-01-01", "A period lies between 2000-01-01 and 2099-12-31."),
        ("1999-01-01", "A period lies between 2000-01-01 and 2099-12-31."),
    ],
)
def test_a_morning_that_there_is_not_is_refused(date: str, sentence: str, folder: Path) -> None:
    done = run(folder, "digest", "--date", date)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"{sentence}\n")


def test_it_can_be_posted_once_for_each_morning(folder: Path) -> None:
    first, second = (run(folder, "digest", "--post") for _ in range(2))
    assert first.stderr == "`llmcost run` sends it to #llm-cost within a minute.\n"
    assert "has been sent to #llm-cost before: it is not sent again." in second.stderr
    with closing(open_ledger(f"sqlite:///{folder}/llmcost.db", create=False)) as ledger:
        (delivery,) = ledger.outbox.latest(10)
    assert delivery.recipient == "#llm-cost"


def test_without_a_channel_there_is_nowhere_to_post_it(folder: Path) -> None:
    (folder / ".env").unlink()
    done = run(folder, "digest", "--post")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "LLMCOST_DIGEST_CHANNEL is not set: there is nowhere to send a digest to.\n"
