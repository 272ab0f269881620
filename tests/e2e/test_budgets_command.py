"""`llmcost budgets` and `llmcost deliveries`: how budgets stand and who was told, without Slack."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.store import open_ledger
from bot.settings.catalog_file import read_config
from tests.e2e.commands import run
from tests.ledgers import Spent, fill


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger, two budgets, and a message to somebody with an odd name that was given up."""
    folder = tmp_path_factory.mktemp("budgets")
    now = datetime.now(UTC)
    file = "[features.rag-search]\nbudget = {monthly = 10}\n[features.chat]\nbudget = {monthly = 10}\n"
    (folder / "llmcost.toml").write_text(file)
    runs = [Spent(now, "rag-search", "12.50"), Spent(now, "chat", "1.00")]
    ledger = open_ledger(f"sqlite:///{folder}/llmcost.db", create=True)
    fill(ledger, runs, catalog=read_config(file, "llmcost.toml", None).catalog, now=now, zone=ZoneInfo("UTC"))
    new = NewDelivery(Kind.ALERT, Role.OWNER, "\x1b[31malice", (), {}, now, now + timedelta(days=1))
    ledger.outbox.announce([], [new], now)
    claimed = ledger.outbox.claim_next(now)
    assert claimed is not None
    assert ledger.outbox.give_up(claimed, "Slack says user_not_found.", [], now)
    ledger.close()
    return folder


def test_every_budget_is_listed_the_fullest_first(folder: Path) -> None:
    done = run(folder, "budgets")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 budgets, 1 over the limit.\n")
    lines = done.stdout.splitlines()
    fullest, other = lines.index(next(one for one in lines if one.startswith("rag-search"))), lines[-3]
    assert "$12.50" in lines[fullest]
    assert "125 %" in lines[fullest]
    assert other.startswith("chat")


def test_check_fails_if_a_budget_is_over_its_limit(folder: Path) -> None:
    assert run(folder, "budgets", "check").returncode == 1
    document = json.loads(run(folder, "budgets", "chat", "--json").stdout)
    assert [(row["spent_usd"], row["limit_usd"]) for row in document["rows"]] == [("1.000000000", "10.000000000")]


def test_an_unknown_feature_gets_the_nearest(folder: Path) -> None:
    done = run(folder, "budgets", "rag-serch")
    assert done.returncode == 2
    assert "budget rag-search" in done.stderr


def test_check_passes_nothing_that_nobody_has_read(tmp_path: Path) -> None:
    file = "[features.chat]\nbudget = {daily = 10}\n"
    (tmp_path / "llmcost.toml").write_text(file)
    then = datetime.now(UTC) - timedelta(days=2)
    ledger = open_ledger(f"sqlite:///{tmp_path}/llmcost.db", create=True)
    catalog = read_config(file, "llmcost.toml", None).catalog
    fill(ledger, [Spent(then, "chat", "1.00")], catalog=catalog, now=then, zone=ZoneInfo("UTC"))
    ledger.close()
    done = run(tmp_path, "budgets", "check")
    assert done.returncode == 1
    assert done.stderr == "Nothing has been read yet of the period of 1 budget: that is no proof of $0.\n"
    assert "LangSmith has not been read completely since" in done.stdout


@pytest.mark.parametrize("words", [("budgets", "check"), ("report", "week", "search"), ("digest",)])
def test_nobody_is_answered_by_names_that_the_ledger_is_not_counted_by(folder: Path, words: tuple[str, ...]) -> None:
    """All that `search` has cost stands under its old name until the ledger is recounted: $0.00 would be a lie."""
    (folder / "renamed.toml").write_text('[features.search]\naliases = ["rag-search"]\nbudget = {monthly = 10}\n')
    done = run(folder, *words, more={"LLMCOST_CONFIG": "renamed.toml"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The ledger is counted by other features, rules or dimensions than llmcost.toml and ")


def test_the_doctor_says_so_too(folder: Path) -> None:
    """Where every question is refused, nothing is well."""
    (folder / "renamed.toml").write_text('[features.search]\naliases = ["rag-search"]\n')
    said = run(folder, "doctor", more={"LLMCOST_CONFIG": "renamed.toml"}).stdout
    assert "The ledger is counted by other features" in " ".join(said.split())
    assert "The ledger is counted by other features" not in " ".join(run(folder, "doctor").stdout.split())


def test_deliveries_say_what_reached_nobody_and_no_name_acts(folder: Path) -> None:
    done = run(folder, "deliveries")
    assert (done.returncode, done.stderr) == (0, "")
    assert "reached nobody" in done.stdout
    assert "user_not_found" in done.stdout
    assert "\x1b" not in done.stdout
