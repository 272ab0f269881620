"""`llmcost demo`: the main job with sample traces, no account and no file of the caller's."""

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.outcome import show, tell
from bot.cli.sync import summary_text
from bot.errors import QuestionError, UsageError
from bot.ingest.sync import Sync
from bot.render.sentences import question_lines
from bot.reports.reporter import Reporter

if TYPE_CHECKING:
    from bot.demo.server import DemoServer

SHOWN = ("week", "week rag-search", "month by model top 5", "untagged month")

_KEY = "demo-key"
_PROJECTS = "acme-*"
_PROMPT = "/llmcost "
_CONFIG = """
[features.agent-copilot]
owner = "bob@example.com"

[features.rag-search]
owner = "alice@example.com"
aliases = ["rag_search"]
"""


def run_demo(words: list[str], *, serve: bool, port: int) -> None:
    """Serve the samples; answer `words` once, or show a few answers and then ask for more on a terminal."""
    if serve:
        if words:
            raise UsageError("--serve answers nothing itself: leave the words out.")
        _serve(port)
        return
    with _demo(port) as demo:
        if words:
            show(demo.answer(words))
            return
        for question in SHOWN:
            show(f"{_PROMPT}{question}\n\n{demo.answer(question)}\n\n")
        if sys.stdin.isatty():
            demo.converse()


@dataclass(frozen=True, slots=True)
class _Demo:
    sync: Sync
    reporter: Reporter

    def answer(self, question: str | list[str]) -> str:
        """The answer in text, from a ledger that was synced just now. A list is the words of a command line."""
        from bot.app.ledgers import utc_now
        from bot.render.text import text

        self.sync.run()
        ask = self.reporter.ask if isinstance(question, str) else self.reporter.ask_words
        return text(ask(question, utc_now()))  # type: ignore[arg-type] # the one that takes it was chosen

    def converse(self) -> None:
        """Answer what is typed until the end of input."""
        with suppress(ImportError):
            import readline  # noqa: F401 - gives input() its history and its arrow keys, where Python has it

        show("Type what you would type in Slack (help, week by project, ytd rag-search ...); Ctrl-D ends.\n\n")
        while True:
            try:
                question = input(_PROMPT).strip()
            except (EOFError, KeyboardInterrupt):
                show("")
                return
            if question in {"exit", "quit"}:
                return
            try:
                show(f"\n{self.answer(question.removeprefix(_PROMPT.strip()))}\n\n")
            except QuestionError as error:
                show("\n".join(["", *question_lines(error), "help shows what can be said.", "", ""]))


@contextmanager
def _demo(port: int) -> Iterator[_Demo]:
    """A server, a ledger of its own that is gone afterwards, and settings that owe nothing to the environment."""
    from bot.app.answers import build_reporter
    from bot.app.ledgers import build_rules, open_to_write
    from bot.app.source import build_counterpart, build_sync, build_totals
    from bot.settings import load

    # A proxy that the caller uses for the world knows nothing of a server on this machine.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    with tempfile.TemporaryDirectory(prefix="llmcost-demo-") as folder, _server(port) as server:
        environ = {
            "LANGSMITH_API_KEY": _KEY,
            "LANGSMITH_ENDPOINT": server.url,
            "LANGSMITH_PROJECT": _PROJECTS,
            "DATABASE_URL": f"sqlite:///{folder}/llmcost.db",
            # The samples are of today and the 30 days before.
            "LLMCOST_BACKFILL": "30d",
            "LLMCOST_RETENTION": "31d",
            # The server is ours and on this machine: nobody's limits to respect.
            "LLMCOST_REQUESTS_PER_10S": "1000",
        }
        Path(folder, "llmcost.toml").write_text(_CONFIG, encoding="utf-8")
        settings, config = load(environ=environ | {"LLMCOST_CONFIG": f"{folder}/llmcost.toml"}, directory=Path(folder))
        rules = build_rules(settings, config)
        ledger = open_to_write(settings, config, rules)
        sync, source = build_sync(settings, ledger, rules)
        counterpart = build_counterpart(settings, build_totals(settings))
        try:
            tell(f"LangSmith-compatible server with sample traces at {server.url}; reading it into a ledger ...")
            tell(f"{summary_text(sync.run())}\n")
            reporter = build_reporter(settings, config, ledger, source=lambda: source, counterpart=lambda: counterpart)
            yield _Demo(sync, reporter)
        finally:
            source.close()
            ledger.close()


def _serve(port: int) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _server(port) as server:
        show(
            f"""Serving sample traces at {server.url} until Ctrl-C.

An app of yours, to trace into it:
  export LANGSMITH_TRACING=true LANGSMITH_ENDPOINT={server.url} LANGSMITH_API_KEY={_KEY} LANGSMITH_PROJECT=acme-prod

llmcost, to read it:
  export LANGSMITH_ENDPOINT={server.url} LANGSMITH_API_KEY={_KEY} LANGSMITH_PROJECT='{_PROJECTS}'
  llmcost sync && llmcost report week"""
        )
        stop.wait()


def _server(port: int) -> "DemoServer":
    """The samples on loopback, to be entered. Raises UsageError if the port is taken."""
    from bot.app.ledgers import utc_now
    from bot.demo.seed import sample_store
    from bot.demo.server import DemoServer

    try:
        return DemoServer(sample_store(utc_now()), port=port)
    except OSError as error:
        raise UsageError(f"Port {port} cannot be used: {error.strerror}. --port 0 takes a free one.") from None
