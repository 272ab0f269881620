"""`llmcost prune` as it is typed: what goes, what stays, and what every other command says of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.ledger.store import open_ledger
from tests.databases import new_url
from tests.e2e.commands import run
from tests.ledgers import Spent, fill

NOW = datetime.now(UTC)
DAYS = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger with ten runs a day, of which all days are settled."""
    ledger = open_ledger(new_url(tmp_path), create=False)
    day = timedelta(days=1)
    runs = [Spent(NOW - n * day / 10, "rag-search", "0.10", name="x" * 200) for n in range(1, 10 * DAYS)]
    begin, settled = NOW - DAYS * day, (NOW - 2 * day).date()
    fill(ledger, runs, now=NOW, zone=ZoneInfo("UTC"), start=begin, settled=settled)
    ledger.close()
    return tmp_path


def spent(folder: Path, *words: str) -> dict[str, str | None]:
    found = json.loads(run(folder, "report", *words, "--json").stdout)
    return {"cost": found["total"]["cost_usd"], "pruned": found["coverage"]["pruned_before"]}


def test_somebody_prunes_and_asks_on(folder: Path) -> None:
    first = f"{(NOW - timedelta(days=90)).date()}"
    before = spent(folder, "150d")
    assert not before["pruned"]
    tried = run(folder, "prune", "--keep-runs", "90d", "--dry-run")
    assert tried.stdout.endswith("would go. Nothing was deleted.\n")
    assert spent(folder, "150d") == before
    size = (folder / "llmcost.db").stat().st_size

    done = run(folder, "prune", "--keep-runs", "90d")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every day's figures are kept.\nThe ledger has " in done.stdout
    assert (folder / "llmcost.db").stat().st_size < size
    assert spent(folder, "150d") == {"cost": before["cost"], "pruned": first}
    assert "only each day's figures are kept" in run(folder, "report", "150d").stdout
    for words in (("audit", "150d"), ("150d", "by", "trace")):
        refused = run(folder, "report", *words)
        assert refused.returncode == 2
        assert f"ask `since {first}` or later" in refused.stderr

    assert run(folder, "reattribute", "--apply").stderr.endswith(
        "their days stay under the features that they had, but for renamed ones.\n"
    )
    assert spent(folder, "150d") == {"cost": before["cost"], "pruned": first}
    assert run(folder, "reprice", "--since", "150d").stderr.endswith("were pruned: their days keep their costs.\n")
    assert "pruned" not in run(folder, "reprice", "--since", "30d").stderr
    assert run(folder, "purge", "--key", "user_id=1", "--yes").stderr.endswith(
        "of them only each day's figures are kept, with the names of untagged runs.\n"
    )
    assert run(folder, "backup", "copy.db").returncode == 0
    more = {"DATABASE_URL": "sqlite:///copy.db"}
    copied = run(folder, "report", "150d", "--json", more=more)
    assert json.loads(copied.stdout)["total"]["cost_usd"] == before["cost"]


def test_too_short_a_time_is_refused(folder: Path) -> None:
    done = run(folder, "prune", "--keep-runs", "30d")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not between 62d and 3660d" in done.stderr


def test_days_that_are_not_settled_stay(tmp_path: Path) -> None:
    """What was not read again may change yet, and what was not read at all would be missing for ever."""
    ledger = open_ledger(new_url(tmp_path), create=False)
    old = NOW - timedelta(days=100)
    fill(ledger, [Spent(old)], now=NOW, zone=ZoneInfo("UTC"), start=old - timedelta(days=1), settled=old.date())
    ledger.close()
    done = run(tmp_path, "prune", "--keep-runs", "90d")
    assert (done.returncode, done.stdout) == (1, "")
    assert "are settled (acme-prod: only through " in done.stderr
    assert done.stderr.endswith("so nothing was deleted: run `llmcost sync`, or keep more.\n")
