"""The demo: the main job with nothing but this machine, whatever the caller has lying about."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.cli.demo import SHOWN
from tests.e2e.commands import environment, run, start

# All of it is wrong, and none of it is the demo's business.
CLUTTER = {
    "LANGSMITH_API_KEY": "not-a-key",
    "LANGSMITH_ENDPOINT": "http://127.0.0.1:9",
    "LANGSMITH_PROJECT": "somebody-elses",
    "LANGSMITH_TRACING": "true",
    "LANGCHAIN_TRACING_V2": "true",
    "DATABASE_URL": "sqlite:////nowhere/at/all.db",
    "LLMCOST_TIMEZONE": "Mars/Olympus",
    "LLMCOST_SYNC_EVERY": "never",
    "SLACK_BOT_TOKEN": "not-a-token",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


@pytest.fixture
def cluttered(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text("LLMCOST_WEEK_START=noday\n'")
    (tmp_path / "llmcost.toml").write_text("[[[")
    return tmp_path


def test_without_a_terminal_it_shows_some_answers_and_ends(cluttered: Path) -> None:
    done = run(cluttered, "demo", more=CLUTTER)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.split("/llmcost ")
    assert [part.splitlines()[0] for part in shown[1:]] == list(SHOWN)
    for part in shown[1:]:
        answer = part.split("\n\n")[1].splitlines()[0]
        assert re.search(r" cost \$[\d,.]+.* \(\d", answer), answer
    assert "rag-search" in done.stdout
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in cluttered.iterdir()) == [".env", "llmcost.toml"]


def test_words_are_answered_once(tmp_path: Path) -> None:
    done = run(tmp_path, "demo", "month", "rag_search", "top", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("rag-search cost $")  # its old name is an alias
    assert "other (" in done.stdout
    wrong = run(tmp_path, "demo", "weak")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Did you mean: week?" in wrong.stderr


def test_what_it_serves_takes_traces_and_is_read_by_the_real_commands(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, printed):
        url = re.search(r"http://127\.0\.0\.1:\d+", printed)[0]  # type: ignore[index] # else the test fails
        app, llmcost = (exported(line) for line in printed.splitlines() if "export " in line)
        assert app == {
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": url,
            "LANGSMITH_API_KEY": "demo-key",
            "LANGSMITH_PROJECT": "acme-prod",
        }
        trace("brand-new", app)
        synced = run(tmp_path, "sync", more=llmcost | {"LLMCOST_BACKFILL": "1d"})
        assert synced.returncode == 0, synced.stderr
        assert run(tmp_path, "report", "week", "brand-new").stdout.startswith("brand-new cost $")
        server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=20)
    assert (server.returncode, err) == (0, "")


def test_a_port_that_is_taken_is_one_clear_sentence(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, printed):
        port = re.search(r"127\.0\.0\.1:(\d+)", printed)[1]  # type: ignore[index] # else the test fails
        for words in (["--serve"], ["week"]):
            done = run(tmp_path, "demo", "--port", port, *words)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr == f"Port {port} cannot be used: Address already in use. --port 0 takes a free one.\n"
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)
    assert server.returncode == 0


def test_on_a_terminal_it_is_a_conversation(cluttered: Path) -> None:
    with terminal(cluttered) as talk:
        greeting = talk.read_to("/llmcost ", after="Ctrl-D ends")
        url = re.search(r"http://127\.0\.0\.1:\d+", greeting)[0]  # type: ignore[index] # else the test fails
        assert "rag-search cost $" in talk.ask("week rag-search")
        # Quoted or not, as it would be typed in Slack.
        assert "summarizer cost $" in talk.ask("/llmcost month summarizer")
        wrong = talk.ask("weak")
        assert "Did you mean: week?" in wrong
        assert "help shows what can be said." in wrong
        assert "There is no feature" in talk.ask('"brand-new"')
        trace("brand-new", {"LANGSMITH_ENDPOINT": url, "LANGSMITH_API_KEY": "k", "LANGSMITH_PROJECT": "acme-prod"})
        assert "brand-new cost $" in talk.ask("week brand-new")
        assert talk.end() == 0


def trace(feature: str, environ: dict[str, str]) -> None:
    """Send a trace of one LLM call there, with the SDK's own client."""
    code = f"""
import datetime, uuid
from langsmith import Client
client = Client(auto_batch_tracing=False)
now = datetime.datetime.now(datetime.UTC)
client.create_run(
    name="ChatOpenAI", run_type="llm", inputs={{}}, id=uuid.uuid4(), start_time=now, end_time=now,
    outputs={{"usage_metadata": {{"input_tokens": 100000, "output_tokens": 1000, "total_tokens": 101000}}}},
    extra={{"metadata": {{"feature": "{feature}", "ls_provider": "openai", "ls_model_name": "gpt-4o"}}}},
)
"""
    subprocess.run([sys.executable, "-c", code], env=environment(Path("/"), environ), check=True, timeout=60)


def exported(line: str) -> dict[str, str]:
    """What a line of `export A=b C='d'` exports, read by a shell."""
    names = re.findall(r"(\w+)=", line)
    script = f'{line.strip()}; for name in {" ".join(names)}; do eval "echo \\"\\$$name\\""; done'
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, timeout=20)
    return dict(zip(names, said.stdout.splitlines(), strict=True))


@contextmanager
def serving(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`llmcost demo --serve`, and what it has printed."""
    with start(folder, "demo", "--serve") as server:
        assert server.stdout is not None
        yield server, "".join(server.stdout.readline() for _ in range(8))


class Terminal:
    """Somebody at a terminal."""

    def __init__(self, process: "subprocess.Popen[bytes]", end: int) -> None:
        self._process = process
        self._end = end

    def read_to(self, prompt: str, *, after: str = "") -> str:
        """What is shown until the prompt stands there; `after` must have been shown before."""
        seen = b""
        deadline = time.monotonic() + 60
        while True:
            shown = seen.decode("utf-8", "replace").replace("\r\n", "\n")
            if after in shown and shown.endswith(f"\n\n{prompt}"):
                return shown
            assert select.select([self._end], [], [], deadline - time.monotonic())[0], f"nothing more came: {shown}"
            seen += os.read(self._end, 65_536)

    def ask(self, words: str) -> str:
        """The answer to what is typed."""
        os.write(self._end, f"{words}\n".encode())
        return self.read_to("/llmcost ", after="\n")

    def end(self) -> int:
        """The exit code after Ctrl-D."""
        os.write(self._end, b"\x04")
        return self._process.wait(20)


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """`llmcost demo` on a terminal of its own."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "bot", "demo"]
    environ = environment(folder, CLUTTER)
    with subprocess.Popen(command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)
