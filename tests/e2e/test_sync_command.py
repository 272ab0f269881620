"""`llmcost sync` as somebody at a terminal, or a job without one, sees it."""

import os
import pty
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.sync.world import LINK
from tests.e2e.llmcost import Llmcost, finish, now, wait_until
from tests.standins.langsmith import API_KEY, LangSmithStandIn

MARKER = "PROMPT-TEXT"
SUMMARY = r"3 runs read from 1 project, 3 new, 0 changed, 0 unpriced, 1 untagged, 0 gaps, \d+\.\d s\.\n"


@pytest.fixture
def standin() -> Iterator[LangSmithStandIn]:
    with LangSmithStandIn(now=now) as server:
        start = now() - timedelta(hours=1)
        content = {"inputs": {"q": MARKER}, "outputs": {"a": MARKER}, "start": start}
        root = server.add_run(
            project="acme-prod", metadata={"feature": "rag", "email": f"{MARKER}@example.com"}, **content
        )
        server.add_run(parent=root, tokens=(7, 7), **content)
        server.add_run(metadata={"user_name": MARKER}, **content)
        yield server
        assert server.violations == []


def test_without_a_terminal_it_says_one_line_and_nothing_else(tmp_path: Path, standin: LangSmithStandIn) -> None:
    done = Llmcost(tmp_path, standin).run("sync")
    assert (done.code, done.stderr) == (0, "")
    assert re.fullmatch(SUMMARY, done.stdout)


def test_what_may_have_been_forgotten_is_said_with_what_to_do_about_it(
    tmp_path: Path, standin: LangSmithStandIn
) -> None:
    standin.add_project("acme-prod", start=now() - timedelta(days=60))
    standin.add_run(start=now() - timedelta(days=20))
    done = Llmcost(tmp_path, standin).run("sync", "--since", "30d")
    assert done.code == 0
    assert re.search(" 4 new, .* 2 gaps, ", done.stdout)
    assert done.stderr == (
        "What is older than 14 days was read as far as it is there, and is shown as a gap. If LangSmith keeps all of "
        "your traces for longer, set LLMCOST_RETENTION and read it again.\n"
    )
    done = Llmcost(tmp_path, standin, LLMCOST_RETENTION="40d").run("sync", "--since", "30d")
    assert (done.code, done.stderr) == (0, "")
    assert " 0 gaps, " in done.stdout


def test_verbose_it_tells_what_it_does_but_no_key_and_no_prompt(tmp_path: Path, standin: LangSmithStandIn) -> None:
    """Not even where LangSmith fails and puts them into its answers."""
    standin.raw_next(f'{{"detail": "{MARKER} {API_KEY}"}}'.encode(), status=503, path="/runs/query")
    command = Llmcost(tmp_path, standin)
    done = command.run("sync", "--verbose")
    assert done.code == 0
    assert "Asking for runs again in" in done.stderr
    assert "a parent's cost is its own" in done.stderr
    assert "1 request repeated" in done.stdout
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (API_KEY, MARKER, "example.com"):
        assert secret not in done.stdout + done.stderr
        assert secret.encode() not in kept


def test_on_a_terminal_it_shows_how_far_it_is(tmp_path: Path, standin: LangSmithStandIn) -> None:
    """Names from LangSmith are text there: no markup, no control characters."""
    standin.add_run(project="[red]prod\x1b[2J[/red]", start=now() - timedelta(hours=1))
    terminal, ours = pty.openpty()
    command = Llmcost(tmp_path, standin, LANGSMITH_PROJECT="*", TERM="xterm", COLUMNS="120")
    process = command.start("sync", stderr=ours)
    os.close(ours)
    seen = b""
    with suppress(OSError):  # how a terminal says that nobody writes to it any more
        while read := os.read(terminal, 65_536):
            seen += read
    os.close(terminal)
    done = finish(process)
    assert done.code == 0
    assert done.stdout.startswith("4 runs read from 2 projects, 4 new, ")
    text = seen.decode()
    assert "acme-prod" in text
    assert "[red]prod\\x1b[2J[/red]" in text
    assert "3 runs" in text
    assert "1 run " in text
    assert "\x1b[2J" not in text


class TestExitCodes:
    def test_1_when_a_project_is_missing_and_the_others_were_read(
        self, tmp_path: Path, standin: LangSmithStandIn
    ) -> None:
        done = Llmcost(tmp_path, standin, LANGSMITH_PROJECT="acme-prod,acme-test").run("sync")
        assert done.code == 1
        assert re.fullmatch(SUMMARY, done.stdout)
        assert "Problem: LangSmith has no project 'acme-test' that this key can see: check " in done.stderr
        assert "Traceback" not in done.stderr

    def test_1_when_langsmith_refuses_the_key(self, tmp_path: Path, standin: LangSmithStandIn) -> None:
        done = Llmcost(tmp_path, standin, LANGSMITH_API_KEY="lsv2_sk_another").run("sync")
        assert (done.code, done.stdout) == (1, "")
        (sentence,) = done.stderr.splitlines()
        assert sentence.startswith("LangSmith refuses the key (403): check LANGSMITH_API_KEY, ")
        assert "another" not in sentence

    def test_2_when_settings_are_wrong_and_all_of_them_are_named(
        self, tmp_path: Path, standin: LangSmithStandIn
    ) -> None:
        wrong = {"LANGSMITH_API_KEY": "", "LANGSMITH_PROJECT": "", "LLMCOST_BACKFILL": "long"}
        done = Llmcost(tmp_path, standin, **wrong).run("sync")
        assert (done.code, done.stdout) == (2, "")
        assert all(name in done.stderr for name in wrong)
        assert list(tmp_path.iterdir()) == []

    def test_2_when_since_is_no_time(self, tmp_path: Path, standin: LangSmithStandIn) -> None:
        done = Llmcost(tmp_path, standin).run("sync", "--since", "whenever")
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr == ("--since takes a length of time like 30d, or a date like 2026-11-01, not 'whenever'.\n")
        assert standin.requests == []


class TestTracing:
    """Our own process is never traced into the project that it reads, whatever the environment says."""

    ON = dict.fromkeys(
        ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"), "true"
    )

    def test_a_sync_posts_nothing(self, tmp_path: Path, standin: LangSmithStandIn) -> None:
        done = Llmcost(tmp_path, standin, **self.ON).run("sync")
        assert done.code == 0
        asked = {(request.method, LINK.sub("(link)", request.path)) for request in standin.requests}
        assert asked == {("GET", "/api/v2/sessions"), ("POST", "/api/v2/runs/query"), ("GET", "(link)")}

    @pytest.mark.parametrize("first", ["", "from bot.cli.main import app; "], ids=["on its own", "in llmcost"])
    def test_not_even_what_asks_to_be_traced(self, tmp_path: Path, standin: LangSmithStandIn, first: str) -> None:
        """The SDK traces this function on its own, which shows that the environment is one in which it would."""
        code = f"{first}import langsmith; langsmith.traceable(lambda: 1)(); langsmith.Client().flush()"
        process = Llmcost(tmp_path, standin, **self.ON).start(python=("-c", code))
        traced = wait_until(process, lambda: any("/runs" in request.path for request in standin.requests))
        assert finish(process).code == 0
        assert traced == (first == "")


def test_a_run_that_is_not_read_leads_to_its_trace_where_there_is_a_key(
    tmp_path: Path, standin: LangSmithStandIn
) -> None:
    root = standin.add_run(run_type="CHAIN", start=now() - timedelta(hours=1))
    step = standin.add_run(run_type="CHAIN", parent=root, start=now() - timedelta(hours=1))
    standin.add_run(parent=root, cost="0.75", start=now() - timedelta(hours=1))
    command = Llmcost(tmp_path, standin)
    assert command.run("sync").code == 0
    found = command.run("report", "trace", step)
    assert (found.code, found.stderr) == (0, "")
    assert found.stdout.startswith(f"Trace {root} cost $0.75.")
    assert f"In LangSmith: {standin.url}/o/" in found.stdout
    without = Llmcost(tmp_path, standin, LANGSMITH_API_KEY="").run("report", "trace", step)
    assert (without.code, without.stdout) == (2, "")
    assert without.stderr.startswith(f"The ledger holds no run or trace {step}: give the id of its trace instead.")
