"""`llmcost report` and how the command line speaks: no key, no waiting, and one clear sentence where it cannot."""

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.ledger.store import open_ledger
from tests.databases import new_url
from tests.e2e.commands import ROOT, environment, run
from tests.ledgers import Spent, fill

HOUR = timedelta(hours=1)
HEAVY = (
    *("slack_bolt", "slack_sdk", "langsmith", "genai_prices", "alembic", "apscheduler", "httpx2", "rich.progress"),
    *("sqlalchemy.dialects.postgresql", "bot.ingest.sync", "bot.jobs", "bot.pricing.pricer"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger: rag-search cost $1.70 in the last week, and a name in it would act on a terminal."""
    folder = tmp_path_factory.mktemp("report")
    now = datetime.now(UTC)
    runs = [
        Spent(now - HOUR, "rag-search", "0.50"),
        Spent(now - 30 * HOUR, "rag-search", "1.20"),
        Spent(now - HOUR, "wrap up", "0.10"),
        Spent(now - HOUR, "\x1b[31m=red\x1b[0m\x9b2J", "0.01"),
    ]
    ledger = open_ledger(new_url(folder), create=False)
    fill(ledger, runs, now=now, zone=ZoneInfo("UTC"))
    ledger.close()
    return folder


def test_it_answers_without_any_key(folder: Path) -> None:
    done = run(folder, "report", "week", "rag-search")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("rag-search cost $1.70 in the last 7 days (")
    assert "gpt-4o  $1.70  100 %     2       2" in done.stdout


def test_it_says_which_version_it_is_and_whose_prices_it_knows(tmp_path: Path) -> None:
    done = run(tmp_path, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"llmcost .+ \(ledger schema \d{4}, genai-prices [\d.]+\)\n", done.stdout)


def test_json_and_csv_can_be_read_by_programs(folder: Path) -> None:
    document = json.loads(run(folder, "report", "--json").stdout)
    assert document["total"]["cost_usd"] == "1.810000000"
    lines = list(csv.DictReader(io.StringIO(run(folder, "report", "week", "--csv").stdout)))
    assert [line["cost_usd"] for line in lines] == ["1.700000000", "0.100000000", "0.010000000"]
    both = run(folder, "report", "--json", "--csv")
    assert (both.returncode, both.stdout) == (2, "")
    assert both.stderr == "--json and --csv are two forms of one answer: keep one.\n"


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_no_name_acts_on_the_terminal(form: list[str], folder: Path) -> None:
    shown = run(folder, "report", *form).stdout
    assert "red" in shown
    assert not [one for one in shown if not one.isprintable() and one != "\n"]


def test_a_shells_quotes_are_those_of_a_name(folder: Path) -> None:
    assert run(folder, "report", "wrap up").stdout.startswith("wrap up cost $0.10 ")


def test_an_unknown_word_gets_the_nearest_ones_and_exit_code_2(folder: Path) -> None:
    done = run(folder, "report", "week", "rag-serch")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        '"rag-serch" is neither a feature nor another word that I know; help lists them.',
        "Did you mean: rag-search?",
        "`llmcost report help` shows what can be said.",
    ]


def test_without_a_ledger_it_says_what_to_do_and_makes_none(tmp_path: Path) -> None:
    done = run(tmp_path, "report")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no ledger at llmcost.db yet. `llmcost sync` reads LangSmith into a new one.\n"
    assert list(tmp_path.iterdir()) == []


def test_it_waits_for_no_sync_that_is_writing(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "llmcost.db", isolation_level=None)) as ledger:
        ledger.execute("BEGIN IMMEDIATE")
        ledger.execute("UPDATE rollups SET cost = cost + 1000000000000")
        done = run(folder, "report", "week", "rag-search")
        ledger.execute("ROLLBACK")
    assert done.returncode == 0
    assert done.stdout.startswith("rag-search cost $1.70 ")


def test_days_of_another_zone_are_refused(folder: Path) -> None:
    done = run(folder, "report", more={"LLMCOST_TIMEZONE": "Asia/Tokyo"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "counts its days in UTC, and LLMCOST_TIMEZONE is Asia/Tokyo" in done.stderr


def test_every_wrong_setting_is_told_at_once(folder: Path) -> None:
    done = run(folder, "report", more={"LLMCOST_TIMEZONE": "Mars/Olympus", "LLMCOST_WEEK_START": "noday"})
    assert done.returncode == 2
    assert "LLMCOST_TIMEZONE" in done.stderr
    assert "LLMCOST_WEEK_START" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_without_the_signs_shows_others(folder: Path) -> None:
    done = run(folder, "report", more={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "$1.81" in done.stdout


def test_a_reader_who_has_enough_is_no_error(folder: Path) -> None:
    command = f"{sys.executable} -m bot report help | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=environment(folder), capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("[period] [feature]")
    assert "Traceback" not in done.stderr


def test_one_feature_by_feature_is_one_row(folder: Path) -> None:
    """Rows and the rest make the total, whatever is asked."""
    document = json.loads(run(folder, "report", "week", "rag-search", "by", "feature", "--json").stdout)
    assert [(row["key"], row["cost_usd"]) for row in document["rows"]] == [("rag-search", "1.700000000")]
    nothing = json.loads(run(folder, "report", "2020-01-01", "rag-search", "by", "feature", "--json").stdout)
    assert nothing["rows"] == []


@pytest.mark.parametrize("words", ["report week", "report week --csv", "doctor", "deliveries"])
def test_output_that_cannot_be_written_is_told(folder: Path, words: str) -> None:
    command = f"{sys.executable} -m bot {words} >/dev/full"
    done = subprocess.run(  # noqa: S602 - it takes a shell to send output somewhere
        command, shell=True, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "The output cannot be written: No space left on device.\n")


def test_without_anywhere_to_write_it_does_its_work_and_ends(folder: Path) -> None:
    command = f"{sys.executable} -m bot report week >&- 2>&-"
    done = subprocess.run(command, shell=True, cwd=folder, env=environment(folder), check=False)  # noqa: S602 - likewise
    assert done.returncode == 0


@pytest.mark.parametrize(("words", "unwanted"), [("report week", HEAVY), ("--help", (*HEAVY, "sqlalchemy", "bot.app"))])
def test_it_starts_without_what_it_does_not_use(words: str, unwanted: tuple[str, ...], folder: Path) -> None:
    code = (
        "import sys\n"
        "from bot.__main__ import main\n"
        "try:\n    main()\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words.split()],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert sorted(loaded & set(unwanted)) == []


def test_help_names_every_command_and_fits_a_terminal(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    for command in ("report", "sync", "run", "migrate", "demo"):
        assert f" {command} " in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert run(tmp_path).stdout.strip() == done.stdout.strip()


def test_the_installed_command_is_the_module() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"llmcost": "bot.__main__:main"}


def test_migrate_makes_a_ledger_and_says_so(tmp_path: Path) -> None:
    first, again = run(tmp_path, "migrate"), run(tmp_path, "migrate")
    assert (first.returncode, again.returncode) == (0, 0)
    assert first.stdout.startswith("The ledger was made (schema ")
    assert again.stdout.startswith("The ledger is up to date (schema ")
    assert run(tmp_path, "report").stdout.startswith("Nothing has been read from LangSmith yet")
