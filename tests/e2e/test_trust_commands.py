"""`audit`, `reprice`, `reattribute` and `invoice` as they are typed: what is said, and that nothing changes unasked."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.budget import SetLimit, Window
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import open_ledger
from bot.slack.messages import note
from tests.databases import new_url
from tests.e2e.commands import run
from tests.ledgers import Spent, fill

NOW = datetime.now(UTC)
MONTH = f"{NOW:%Y-%m}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger of today: a negotiated model that LangSmith prices too high, and one that had no price."""
    ledger = open_ledger(new_url(tmp_path), create=False)
    runs = [
        Spent(NOW, "rag-search", "9", (1_000_000, 0), "house-1", "acme"),
        Spent(NOW, "chat", None, (1_000_000, 0), "house-2", "acme"),
        Spent(NOW, "chat", "14", (100_000, 10_000)),
    ]
    fill(ledger, runs, now=NOW, zone=ZoneInfo("UTC"), start=NOW - timedelta(days=60))
    ledger.close()
    (tmp_path / "llmcost.toml").write_text('[[prices]]\nmodel = "house-*"\ninput = 2\noutput = 3\n')
    return tmp_path


def cost(folder: Path, *words: str) -> str:
    found = json.loads(run(folder, "report", "today", *words, "--json").stdout)["total"]["cost_usd"]
    assert isinstance(found, str)
    return found


def test_somebody_audits_today(folder: Path) -> None:
    done = run(folder, "report", "audit", "today")
    assert (done.returncode, done.stderr) == (0, "")
    assert "All features together cost $23.00 plus 1 unpriced run today" in done.stdout
    assert (
        "1 run: a price more than 20 % from the list. LangSmith says $14.00, booked $14.00, repriced $0.35"
        in done.stdout
    )


def test_a_change_of_prices_is_said_then_made_then_taken_back(folder: Path) -> None:
    assert run(folder, "reattribute", "--apply").returncode == 0  # the test's rules are not the settings'
    said = run(folder, "reprice", "--since", "1d")
    assert said.returncode == 0
    assert said.stdout.startswith("2 runs would change, by -$5.00 together (1 run got a price).\n")
    assert said.stderr == "Nothing has been changed; --apply does it.\n"
    assert cost(folder) == "23.000000000"
    done = run(folder, "reprice", "--since", "1d", "--apply")
    assert done.stdout.startswith("2 runs changed, by -$5.00 together (1 run got a price).\n")
    assert cost(folder) == "18.000000000"
    assert run(folder, "reprice", "--since", "1d").stdout == "No run costs anything else by the prices of now.\n"
    back = run(folder, "reprice", "--undo")
    assert (back.returncode, back.stderr) == (0, "")
    assert "is taken back. 2 runs changed, by +$5.00 together (1 run lost it).\n" in back.stdout
    assert cost(folder) == "23.000000000"
    again = run(folder, "reprice", "--undo")
    assert (again.returncode, again.stderr) == (1, "No change of prices is left to take back.\n")


def test_prices_do_not_change_features_by_the_way(folder: Path) -> None:
    run(folder, "reattribute", "--apply")
    (folder / "llmcost.toml").write_text('[features.search]\naliases = ["rag-search"]\n')
    refused = run(folder, "reprice", "--since", "1d", "--apply")
    assert refused.returncode == 2
    assert "`llmcost reattribute` says how" in refused.stderr
    said = run(folder, "reattribute")
    assert said.stdout.startswith("Cost belongs to other features by llmcost.toml as it is now; totals stay.\n")
    assert "+$9.00" in said.stdout
    assert "-$9.00" in said.stdout
    assert run(folder, "reattribute", "--apply").returncode == 0
    assert cost(folder, "search") == "9.000000000"
    assert run(folder, "reattribute").stdout == "Every run belongs to the feature that llmcost.toml gives it.\n"


def test_reprice_wants_to_know_since_when(folder: Path) -> None:
    for words in ((), ("--apply",), ("--undo", "--since", "1d")):
        assert run(folder, "reprice", *words).returncode == 2


def test_a_bill_stands_beside_what_is_booked_and_the_last_one_counts(folder: Path) -> None:
    assert run(folder, "invoice", "openai", MONTH, "12").returncode == 0
    done = run(folder, "invoice", "OpenAI", MONTH, "$15.40")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Booked $14.00, billed $15.40, 1.1000 times that."
    assert run(folder, "invoice", "openai", MONTH).stdout == done.stdout
    assert [line.split(": ")[1] for line in done.stdout.splitlines()[:2]] == [
        f"openai billed $12.00 for {MONTH}.",
        f"openai billed $15.40 for {MONTH}.",
    ]
    report = run(folder, "report", MONTH)
    assert "openai billed $15.40 for it and $14.00 is booked: 1.1000 times that." in report.stdout
    document = json.loads(run(folder, "report", MONTH, "--json").stdout)
    (bill,) = document["bills"]
    assert bill == {
        "provider": "openai",
        "booked_usd": "14.000000000",
        "billed_usd": "15.400000000",
        "factor": "1.100000000",
    }
    for words in (("week",), (MONTH, "chat")):
        assert "bills" not in json.loads(run(folder, "report", *words, "--json").stdout)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("openai", "november", "5"), "november is no month; write it like 2026-11."),
        (("openai", "2099-01", "5"), "2099-01 has not begun yet."),
        (("openai", MONTH, "-5"), "No such option: -5"),
        (("openai", MONTH, "much"), "much is no amount of US dollars; write it like 812.40."),
        (("openai", MONTH, "812,40"), "812,40 is no amount of US dollars; write it like 812.40."),
        (("openai", MONTH, "1.234,56"), "1.234,56 is no amount of US dollars"),
        (("openai", MONTH, "9" * 40), "is no amount of US dollars"),
        (("opnai", MONTH, "5"), "No run of that month is of the provider opnai; those that are: acme, openai."),
    ],
)
def test_what_is_no_bill_is_refused_in_a_sentence(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = run(folder, "invoice", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_purge_is_said_then_done_and_says_what_is_left_elsewhere(folder: Path) -> None:
    url = f"sqlite:///{folder}/llmcost.db"
    ledger = open_ledger(url, create=False)
    fill(ledger, [Spent(NOW, "her-own", "7", name="her agent")], now=NOW, zone=ZoneInfo("UTC"))
    notice = NewDelivery(Kind.NOTICE, Role.ADMIN, "U1", ("a key",), note("her-own cost $7").as_json(), NOW, NOW)
    ledger.outbox.announce([NewEvent("a key", Kind.NOTICE, {"lines": ["her-own"]})], [notice], NOW)
    ledger.outbox.set_limit(SetLimit("her-own", Window.DAILY, 5, "U1", NOW), None)
    ledger.close()
    run(folder, "reattribute", "--apply")
    elsewhere = run(folder, "purge", "--key", "feature=her-own", more={"LLMCOST_DIMENSIONS": "region"})
    assert (elsewhere.returncode, elsewhere.stdout) == (1, "")
    assert elsewhere.stderr.startswith("The ledger is counted by other features, rules or dimensions than ")
    misspelt = run(folder, "purge", "--key", "fature=her-own")
    assert misspelt.stderr == "fature is none of the metadata keys that are kept: feature, env, user_tier.\n"
    said = run(folder, "purge", "--key", "feature=her-own")
    assert said.stdout.startswith("1 trace would lose names, tags, threads and metadata; every figure would stay.\n")
    done = run(folder, "purge", "--key", "feature=her-own", "--yes")
    assert (done.returncode, done.stdout) == (0, "1 run of 1 trace lost their words; every figure stays.\n")
    assert "What was set for it in Slack is gone: limits and rules, 1 in all." in done.stderr
    assert "1 message to Slack named it" in done.stderr
    left = b"".join(file.read_bytes() for file in folder.glob("llmcost.db*"))
    assert b"her-own" not in left
    assert b"her agent" not in left
    assert cost(folder) == "30.000000000"
    assert cost(folder, "untagged") == "7.000000000"
