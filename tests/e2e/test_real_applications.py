"""Real applications, traced by LangSmith's own tracer, and what Slack then says of them.

Each runs in a process of its own, as people's applications do; this process is not traced. What it traced is read by a
real sync and asked for over Socket Mode.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from bot.app.answers import build_reporter
from bot.app.bot import serve
from bot.app.ledgers import build_rules, open_to_read, open_to_write, utc_now
from bot.app.source import build_sync
from bot.demo.prices import find_price
from bot.demo.store import Mode
from bot.reports.answers import Report, Sum
from bot.settings import Config, Settings, load
from tests.e2e.applications import CACHED, FEATURE, INPUT, OUTER, OUTPUT, PAIRS, SECRET
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

ROOT = Path(__file__).parents[2]
PROJECT = "acme-prod"
SECONDS = 60.0


@pytest.fixture
def langsmith() -> Iterator[LangSmithStandIn]:
    """By the real clock, which is the applications' too."""
    with LangSmithStandIn(now=utc_now) as server:
        yield server


def run_application(name: str, langsmith: LangSmithStandIn, home: Path, **more: str) -> None:
    """Run one of applications.py to its end, traced into `langsmith` by LangSmith's own tracer."""
    environ = {
        "HOME": str(home),
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": langsmith.url,
        "LANGSMITH_API_KEY": langsmith.api_key,
        "LANGSMITH_PROJECT": PROJECT,
        **more,
    }
    command = [sys.executable, "-W", "error", "-m", "tests.e2e.applications", name]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    # The tracer does not raise: what goes wrong there it only says.
    assert (done.returncode, done.stderr) == (0, "")
    sent = langsmith.requests
    assert {(one.method, one.path) for one in sent} == {("GET", "/info"), ("POST", "/runs/multipart")}
    assert all(one.headers["user-agent"].startswith(f"langsmith-py/{version('langsmith')}") for one in sent)


@dataclass
class Bot:
    """The bot over Socket Mode on what `langsmith` has, and the ledger that it answers from."""

    slack: SlackStandIn
    settings: Settings
    config: Config

    def says(self, question: str) -> str:
        """The text of the answer that Alice sees to `/llmcost QUESTION`."""
        asked = self.slack.command(question)
        asked.wait_ack()
        asked.wait_responses()
        return str(asked.visible[-1]["text"])

    def total(self, question: str) -> Sum:
        """The exact figures behind the answer. All their cost is LangSmith's own: nothing was estimated."""
        ledger = open_to_read(self.settings)
        try:
            report = build_reporter(self.settings, self.config, ledger).ask(question, utc_now())
        finally:
            ledger.close()
        assert isinstance(report, Report)
        assert report.coverage.langsmith_cost == report.total.cost
        return report.total


@contextmanager
def bot(langsmith: LangSmithStandIn, folder: Path) -> Iterator[Bot]:
    """Read `langsmith` into a new ledger in `folder`, then answer people until the end."""
    now = utc_now()
    with SlackStandIn() as slack:
        environ = {
            "LANGSMITH_API_KEY": langsmith.api_key,
            "LANGSMITH_ENDPOINT": langsmith.url,
            "LANGSMITH_PROJECT": PROJECT,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
            "DATABASE_URL": f"sqlite:///{folder / 'llmcost.db'}",
            # Where it is about noon now: what was traced a moment ago is of today whenever this runs.
            "LLMCOST_TIMEZONE": f"Etc/GMT{now.hour - 12:+d}",
            "LLMCOST_REQUESTS_PER_10S": "1000",
        }
        settings, config = load(environ=environ, directory=folder)
        _sync(settings, config)
        stop = threading.Event()
        running = threading.Thread(target=serve, args=(settings, config, stop), name="bot")
        running.start()
        try:
            slack.wait_connected()
            yield Bot(slack, settings, config)
        finally:
            stop.set()
            running.join(SECONDS)
        assert not running.is_alive()
        assert slack.violations == []
        assert langsmith.violations == []
        assert SECRET not in json.dumps([call.payload for call in slack.requests])
        assert not any(SECRET.encode() in file.read_bytes() for file in folder.glob("llmcost.db*"))


def _sync(settings: Settings, config: Config) -> None:
    rules = build_rules(settings, config)
    ledger = open_to_write(settings, config, rules)
    try:
        sync, source = build_sync(settings, ledger, rules)
        try:
            summary = sync.run()
        finally:
            source.close()
    finally:
        ledger.close()
    assert (summary.problems, summary.malformed) == ([], 0)


def cost(input_tokens: int, output_tokens: int, cached: int = 0) -> Decimal:
    """What gpt-4o costs by the stand-in's price map, in dollars."""
    price = find_price("gpt-4o")
    assert price is not None
    fresh = (input_tokens - cached) * price.input
    return (fresh + cached * price.kinds["cache_read"] + output_tokens * price.output) / 1_000_000


def spent(calls: int, traces: int, input_tokens: int, output_tokens: int, dollars: Decimal) -> Sum:
    return Sum(dollars, calls, traces, input_tokens, output_tokens, unpriced_runs=0)


CHAT = cost(INPUT, OUTPUT, CACHED)


def test_a_langchain_chain_is_counted_by_the_metadata_that_it_was_invoked_with(
    langsmith: LangSmithStandIn, tmp_path: Path
) -> None:
    run_application("langchain_chain", langsmith, tmp_path)
    with bot(langsmith, tmp_path) as llmcost:
        said = llmcost.says("today rag-search")
        assert said.startswith("rag-search cost $0.0031 today (")
        assert "1 run in 1 trace, 841 tokens in, 123 out." in said
        assert llmcost.total("today rag-search") == spent(1, 1, INPUT, OUTPUT, Decimal("0.0030825"))
        assert Decimal("0.0030825") == CHAT


def test_a_langgraph_graph_is_counted_by_the_metadata_that_it_was_invoked_with(
    langsmith: LangSmithStandIn, tmp_path: Path
) -> None:
    """All its nodes are, but for one that names a feature of its own: with LangChain what stands nearest to the call
    wins."""
    run_application("langgraph_graphs", langsmith, tmp_path)
    with bot(langsmith, tmp_path) as llmcost:
        said = llmcost.says("today rag-search")
        assert said.startswith("rag-search cost $0.0092 today (")
        assert "3 runs in 2 traces, 2.52k tokens in, 369 out." in said
        assert llmcost.total("today rag-search") == spent(3, 2, 3 * INPUT, 3 * OUTPUT, 3 * CHAT)
        assert llmcost.says("today support-chat").startswith("support-chat cost $0.0031 today (")
        assert llmcost.total("today support-chat") == spent(1, 1, INPUT, OUTPUT, CHAT)


def test_every_way_to_tag_by_hand_reaches_the_call_below(langsmith: LangSmithStandIn, tmp_path: Path) -> None:
    """The decorator, `langsmith_extra`, `trace` and `tracing_context`, with metadata and with tags; and what a root is
    told after its call is found by the look-up of the root."""
    run_application("every_way_to_tag", langsmith, tmp_path)
    with bot(langsmith, tmp_path) as llmcost:
        said = llmcost.says("today rag-search")
        assert said.startswith("rag-search cost $0.0014 today (")
        assert "9 runs in 9 traces, 511 tokens in, 9 out." in said
        assert llmcost.total("today rag-search") == spent(9, 9, 511, 9, cost(511, 9))


def test_where_call_and_caller_name_features_the_way_in_which_the_call_does_decides(
    langsmith: LangSmithStandIn, tmp_path: Path
) -> None:
    """The call's own wins with the decorator and `tracing_context`, the caller's with `langsmith_extra` and `trace`,
    in whatever way the caller does it."""
    run_application("two_features_in_a_trace", langsmith, tmp_path)
    own = sum(tokens for (inner, _), tokens in PAIRS.items() if inner in ("decorator", "tracing_context"))
    callers = sum(tokens for (inner, _), tokens in PAIRS.items() if inner in ("langsmith_extra", "trace"))
    with bot(langsmith, tmp_path) as llmcost:
        for feature, tokens, dollars in ((FEATURE, own, "$0.15"), (OUTER, callers, "$0.0103")):
            said = llmcost.says(f"today {feature}")
            assert said.startswith(f"{feature} cost {dollars} today (")
            assert "8 runs in 8 traces, " in said
            assert llmcost.total(f"today {feature}") == spent(8, 8, tokens, 8, cost(tokens, 8))


def test_calls_without_usage_are_counted_and_said(langsmith: LangSmithStandIn, tmp_path: Path) -> None:
    """A stream, and a call that failed before it used anything. One that failed later costs what it had used."""
    run_application("calls_without_usage", langsmith, tmp_path)
    with bot(langsmith, tmp_path) as llmcost:
        said = llmcost.says("today rag-search")
        assert said.startswith("rag-search cost $0.0050 today (")
        assert "4 runs in 4 traces, 2.00k tokens in, 1 out." in said
        assert "Runs without a cost: 1 without token counts, 1 failed" in said
        assert llmcost.total("today rag-search") == spent(4, 4, 2000, 1, cost(2000, 1))
        said = llmcost.says("today support-chat")
        assert "1 run in 1 trace, 0 tokens in, 0 out." in said
        assert "Runs without a cost: 1 without token counts" in said


def test_a_call_that_is_traced_by_its_wrapper_too_is_counted_once(langsmith: LangSmithStandIn, tmp_path: Path) -> None:
    """Whether parents show their own cost only or their descendants' too."""
    run_application("agent_with_a_wrapper", langsmith, tmp_path)
    dollars = 2 * CHAT + cost(1000, 1)
    modes: tuple[Mode, ...] = ("own", "rolled_up")
    for mode in modes:
        langsmith.store.mode = mode
        folder = tmp_path / mode
        folder.mkdir()
        with bot(langsmith, folder) as llmcost:
            said = llmcost.says("today rag-search")
            assert said.startswith("rag-search cost $0.0087 today (")
            assert "3 runs in 1 trace, 2.68k tokens in, 247 out." in said
            assert llmcost.total("today rag-search") == spent(3, 1, 2 * INPUT + 1000, 2 * OUTPUT + 1, dollars)


def test_langchain_metadata_in_the_environment_tags_nothing(langsmith: LangSmithStandIn, tmp_path: Path) -> None:
    """The tracer only notes it under its own name, where nobody looks."""
    told = json.dumps({"feature": FEATURE})
    run_application("untagged", langsmith, tmp_path, LANGCHAIN_METADATA=told)
    with bot(langsmith, tmp_path) as llmcost:
        assert llmcost.says("today rag-search").startswith('"rag-search" is neither a feature nor another word')
        said = llmcost.says("today")
        assert said.startswith("All features together cost $0.0025 today (")
        assert "1 untagged run ($0.0025) in no feature" in said
        assert llmcost.total("today") == spent(1, 1, 1000, 1, cost(1000, 1))
        assert "LANGCHAIN_METADATA" not in json.dumps(llmcost.slack.payloads("response_url"))


def test_calls_of_a_sender_that_tags_only_the_root_are_counted_by_it(
    langsmith: LangSmithStandIn, tmp_path: Path
) -> None:
    """As with OpenTelemetry. One call says itself what it cost, to more places than are kept."""
    root, step, priced, stated = (str(uuid4()) for _ in range(4))
    began = utc_now() - timedelta(seconds=30)

    def span(
        run_id: str, ancestors: list[str], run_type: str, metadata: dict[str, Any], **outputs: Any
    ) -> dict[str, Any]:
        return {
            "id": run_id,
            "trace_id": root,
            "dotted_order": ".".join(f"{began:%Y%m%dT%H%M%S%fZ}{one}" for one in (*ancestors, run_id)),
            "parent_run_id": ancestors[-1] if ancestors else None,
            "session_name": PROJECT,
            "name": run_type,
            "run_type": run_type,
            "start_time": began.isoformat(),
            "end_time": (began + timedelta(seconds=2)).isoformat(),
            "extra": {"metadata": metadata},
            "outputs": {"content": SECRET, **outputs},
        }

    model = {"ls_provider": "openai", "ls_model_name": "gpt-4o"}
    usage = {"input_tokens": 1000, "output_tokens": 100}
    _post(
        langsmith,
        span(root, [], "chain", {"feature": FEATURE}),
        span(step, [root], "chain", {}),
        span(priced, [root, step], "llm", model, usage_metadata=usage),
        span(stated, [root, step], "llm", model, usage_metadata={**usage, "total_cost": 0.0123456785}),
    )
    with bot(langsmith, tmp_path) as llmcost:
        said = llmcost.says("today rag-search")
        assert said.startswith("rag-search cost $0.0158 today (")
        assert "2 runs in 1 trace, 2.00k tokens in, 200 out." in said
        dollars = cost(1000, 100) + Decimal("0.012345678")
        assert llmcost.total("today rag-search") == spent(2, 1, 2000, 200, dollars)
    looked_up = [one.body for one in langsmith.requests if one.path.endswith("/query") and "ids" in one.body]
    assert [body["ids"] for body in looked_up if "METADATA" in body["selects"]] == [[root]]


def _post(langsmith: LangSmithStandIn, *runs: dict[str, Any]) -> None:
    connection = HTTPConnection(urlsplit(langsmith.url).netloc, timeout=SECONDS)
    try:
        headers = {"Content-Type": "application/json", "x-api-key": langsmith.api_key, "User-Agent": "a-collector/1.0"}
        connection.request("POST", "/runs/batch", json.dumps({"post": runs}), headers)
        assert connection.getresponse().status == 202
    finally:
        connection.close()
