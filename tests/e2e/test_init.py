"""`llmcost init` against a LangSmith-compatible server over a real socket, like somebody's first day."""

import logging
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from bot.cli.init import run_init
from bot.cli.outcome import telling
from bot.cli.sync import run_sync
from bot.demo.records import Project
from bot.demo.seed import sample_store
from bot.demo.server import DemoServer
from bot.demo.store import Store
from bot.domain.money import dollars
from bot.settings import Config
from bot.settings.catalog_file import read_config
from bot.settings.environment import SECOND_NAMES, variable_names

FEATURES = ["agent-copilot", "rag-search", "email-drafts", "summarizer"]  # by cost


class Done(NamedTuple):
    code: int
    stdout: str
    stderr: str


class Terminal:
    """Somebody's empty folder and environment, in which commands run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(folder)
        for name in (*variable_names(), *SECOND_NAMES.values()):
            monkeypatch.delenv(name, raising=False)
        self.export(LANGSMITH_API_KEY="demo-key", LANGSMITH_PROJECT="acme-*", LLMCOST_REQUESTS_PER_10S="1000")

    def export(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def init(self, *projects: str, days: int = 7, output: str | None = None, force: bool = False) -> Done:
        return self.run(lambda: run_init(list(projects), days=days, output=output, force=force))

    def run(self, command: Callable[[], None]) -> Done:
        code = 0
        try:
            with telling():
                command()
        except typer.Exit as end:
            code = end.exit_code
        return Done(code, *self._capsys.readouterr())


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    loggers = [logging.getLogger(name) for name in (None, "bot", "apscheduler")]
    levels = [logger.level for logger in loggers]
    yield Terminal(tmp_path, monkeypatch, capsys)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with DemoServer(sample_store(datetime.now(UTC))) as server:
        yield server.url


@pytest.fixture
def terminal(nowhere: Terminal, url: str) -> Terminal:
    nowhere.export(LANGSMITH_ENDPOINT=url)
    return nowhere


def read(content: str) -> Config:
    return read_config(content, "llmcost.toml", ("env", "user_tier"))


def proposed(content: str) -> str:
    return re.sub(r"(?m)^#(?=[^\s])", "", content)


def test_it_writes_the_features_by_cost_and_proposes_the_rest(tmp_path: Path, terminal: Terminal) -> None:
    """The old spelling is proposed as an alias, untagged runs as rules, the model without a price as free; all that in
    force, the next sync leaves nothing untagged or unpriced."""
    done = terminal.init(days=31)
    assert done.code == 0, done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["llmcost.toml"], "the ledger that it read into is gone"
    assert "Wrote llmcost.toml. " in done.stdout
    assert "LLMCOST_CONFIG" not in done.stdout
    content = (tmp_path / "llmcost.toml").read_text()
    assert list(read(content).catalog.features) == FEATURES
    config = read(proposed(content))
    assert config.catalog.features["rag-search"].aliases == ("rag_search",)
    assert all(feature.owners and feature.budgets for feature in config.catalog.features.values())
    (for_all,) = config.catalog.features["total"].budgets
    assert 250 <= dollars(for_all.limit_nanos) <= 800, "it took a month to spend about 300 dollars"
    assert {(rule.project, rule.name) for rule in config.catalog.rules} == {
        ("acme-staging", "nightly_eval"),
        ("acme-staging", "scratch_notebook"),
    }
    assert [(price.provider, price.model) for price in config.overrides] == [("vllm", "acme-llm-7b")]
    (tmp_path / "llmcost.toml").write_text(proposed(content))
    synced = terminal.run(lambda: run_sync("3d", verbose=False))
    assert synced.code == 0, synced.stderr
    assert " 0 unpriced, 0 untagged" in synced.stdout


def test_a_dash_prints_the_file_and_nothing_else(tmp_path: Path, terminal: Terminal) -> None:
    """Only of the projects that were given, whatever LANGSMITH_PROJECT says."""
    terminal.export(LANGSMITH_PROJECT="nothing")
    done = terminal.init("acme-staging", days=3, output="-")
    assert done.code == 0, done.stderr
    assert "read from 1 project," in done.stderr
    assert {rule.project for rule in read(proposed(done.stdout)).catalog.rules} == {"acme-staging"}
    assert list(tmp_path.iterdir()) == []


def test_the_file_and_the_ledger_in_use_play_no_part(tmp_path: Path, terminal: Terminal) -> None:
    """An alias in force would hide what is to be found. The file in use is the one to replace, when that is said."""
    (tmp_path / "other.toml").write_text('[features.everything]\naliases = ["agent-copilot", "rag-search"]')
    (tmp_path / "llmcost.db").write_text("no database")
    terminal.export(LLMCOST_CONFIG="other.toml", DATABASE_URL="postgres://x/y")
    done = terminal.init(days=3, force=True)
    assert done.code == 0, done.stderr
    features = read((tmp_path / "other.toml").read_text()).catalog.features
    assert "everything" not in features
    assert "agent-copilot" in features
    assert (tmp_path / "llmcost.db").read_text() == "no database"
    assert not (tmp_path / "llmcost.toml").exists()


def test_a_project_that_is_not_there_is_told_and_the_others_are_written(tmp_path: Path, terminal: Terminal) -> None:
    """So is a file that llmcost would not find by itself."""
    done = terminal.init("acme-prod", "gone", days=2, output="mine.toml")
    assert done.code == 1
    assert "Problem: LangSmith has no project 'gone'" in done.stderr
    assert "agent-copilot" in read((tmp_path / "mine.toml").read_text()).catalog.features
    assert "Wrote mine.toml. " in done.stdout
    assert "set LLMCOST_CONFIG=mine.toml" in done.stdout


@pytest.mark.parametrize(
    ("days", "output", "sentence"),
    [
        (0, None, "--days takes a number from 1 to 400, not 0."),
        (401, None, "--days takes a number from 1 to 400, not 401."),
        (7, "no/such.toml", "no/such.toml cannot be written: there is no folder no."),
        (7, None, "llmcost.toml is there already: --force replaces it, --output names another file."),
        (7, "llmcost.toml", "llmcost.toml is there already: --force replaces it, --output names another file."),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_read(
    tmp_path: Path, nowhere: Terminal, days: int, output: str | None, sentence: str
) -> None:
    (tmp_path / "llmcost.toml").write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nowhere.export(LANGSMITH_ENDPOINT=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        assert nowhere.init(days=days, output=output) == Done(2, "", sentence + "\n")
        nobody.settimeout(0)
        with pytest.raises(BlockingIOError):
            nobody.accept()
    assert (tmp_path / "llmcost.toml").read_text() == "mine"


def test_a_file_that_cannot_be_replaced_is_no_place_for_it(tmp_path: Path, nowhere: Terminal) -> None:
    (tmp_path / "folder").mkdir()
    done = nowhere.init(output="folder", force=True)
    assert done == Done(2, "", "folder cannot be written: --output names another file.\n")


def test_without_runs_nothing_is_written(tmp_path: Path, nowhere: Terminal) -> None:
    store = Store()
    began = datetime.now(UTC) - timedelta(days=90)
    store.add_project(Project("5eed0000-0000-4000-8000-0000000000aa", "acme-idle", began))
    with DemoServer(store) as server:
        nowhere.export(LANGSMITH_ENDPOINT=server.url)
        done = nowhere.init()
    assert done.code == 1
    assert "No runs in the last 7 days: nothing was written. --days looks further back.\n" in done.stderr
    assert list(tmp_path.iterdir()) == []
