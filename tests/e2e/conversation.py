"""The whole bot over real sockets: `llmcost run` between a Slack and a LangSmith of the tests."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app.bot import serve
from bot.app.ledgers import build_rules, open_to_write
from bot.app.source import build_sync
from bot.errors import LedgerBusyError
from bot.settings import Need, load
from tests.databases import new_url
from tests.standins.langsmith import API_KEY, LangSmithStandIn
from tests.standins.slack import Exchange, SlackStandIn
from tests.standins.slack_rules import autolinked, visible_mentions

Json = dict[str, Any]
SECONDS = 60.0


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Talk:
    """A conversation: the two services, and the settings that the bot has of them. Its ledger has nothing in it, or is
    still to be made."""

    slack: SlackStandIn
    langsmith: LangSmithStandIn
    folder: Path
    more: Mapping[str, str] = field(default_factory=dict)
    channel: str = "C1"
    user: str = "U1"
    has_ledger: bool = True

    def __post_init__(self) -> None:
        self.url = new_url(self.folder, empty=not self.has_ledger)

    @property
    def environ(self) -> dict[str, str]:
        """What `llmcost run` is told."""
        return {
            "LANGSMITH_API_KEY": API_KEY,
            "LANGSMITH_ENDPOINT": self.langsmith.url,
            "LANGSMITH_PROJECT": "acme-*",
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_URL": self.slack.api_url,
            "DATABASE_URL": self.url,
            "LLMCOST_BACKFILL": "14d",
            "LLMCOST_REQUESTS_PER_10S": "1000",
            "LLMCOST_SYNC_EVERY": "1h",
            **self.more,
        }

    def sync(self) -> None:
        """Read LangSmith once, as `llmcost sync` does, as soon as the bot is not at it itself."""
        settings, config = load(Need.LANGSMITH, environ=self.environ, directory=self.folder)
        rules = build_rules(settings, config)
        with ExitStack() as closing:
            ledger = open_to_write(settings, config, rules)
            closing.callback(ledger.close)
            sync, source = build_sync(settings, ledger, rules)
            closing.callback(source.close)
            for _ in range(200):
                with suppress(LedgerBusyError):
                    sync.run()
                    return
                threading.Event().wait(0.05)
            raise TimeoutError("another sync did not end")

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the bot runs. Nothing that Slack refuses may have been sent, nor anything that acts."""
        settings, config = load(Need.LANGSMITH, Need.SLACK, environ=self.environ, directory=self.folder)
        stop = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            try:
                serve(settings, config, stop, directory=self.folder)
            except BaseException as error:  # noqa: BLE001 - raised again where the test is
                with self.slack.changed:
                    failed.append(error)
                    self.slack.changed.notify_all()

        bot = threading.Thread(target=run, name="the bot")
        bot.start()
        try:
            # Only for what is stuck: how long a start takes is no matter of these tests.
            self.slack.wait_connected(timeout=SECONDS, unless=lambda: bool(failed))
            if not failed:
                yield
        finally:
            stop.set()
            bot.join(SECONDS)
        if failed:
            raise failed[0]
        assert not bot.is_alive()
        assert self.slack.violations == []
        for payload in self.slack.payloads("response_url"):
            meant = {f"<@{person}>" for person in self.slack.asked}  # a shared answer names who asked
            assert not [one for one in visible_mentions(payload) if one not in meant and not self.is_link(one)]
            assert not autolinked(payload)

    def ask(self, words: str, **more: Any) -> "Answer":
        """Type `/llmcost WORDS` and wait for the answer."""
        exchange = self.slack.command(words, **{"channel": self.channel, "user": self.user, **more})
        exchange.wait_ack()
        exchange.wait_responses()
        return Answer(self.slack, exchange, more.get("user", self.user))

    def click(self, on: Exchange | Json, action: str, value: str | None = None) -> Exchange:
        """Press a button, or choose `value` from a list, as whoever talks."""
        return self.slack.click(on, action, value, user=self.user)

    def is_link(self, mention: str) -> bool:
        """Whether it is a link to a run at LangSmith, as its server gives them."""
        return mention.startswith(f"<{self.langsmith.url}/o/") and "|" not in mention

    def told(self) -> list[Json]:
        """What stands in the channel."""
        return self.slack.messages(self.channel)

    def ask_until(self, words: str, said: str, seconds: float = 14) -> "Answer":
        """Ask again and again until the answer says so."""
        deadline = time.monotonic() + seconds
        while said not in (answer := self.ask(words)).text:
            assert time.monotonic() < deadline, f"{said!r} never came, only {answer.text}"
            threading.Event().wait(0.5)  # somebody who asks more than 30 times a minute is told to wait
        return answer


@dataclass
class Answer:
    """What somebody sees of an answer."""

    slack: SlackStandIn
    exchange: Exchange
    user: str = "U1"

    @property
    def message(self) -> Json:
        """The last thing that the person sees."""
        return self.exchange.visible[-1]

    @property
    def text(self) -> str:
        return str(self.message["text"])

    @property
    def kinds(self) -> list[str]:
        return [str(block["type"]) for block in self.message.get("blocks", ())]

    @property
    def rows(self) -> list[list[str]]:
        """The native table, its header first."""
        table = next(block for block in self.message["blocks"] if block["type"] == "table")
        return [[_shown(cell)["text"] for cell in row] for row in table["rows"]]

    @property
    def links(self) -> list[str]:
        """Where the rows of the native table lead to."""
        table = next(block for block in self.message["blocks"] if block["type"] == "table")
        return [_shown(cell)["url"] for row in table["rows"] for cell in row if "url" in _shown(cell)]

    @property
    def small_print(self) -> str:
        return str(next(block for block in self.message["blocks"] if block["type"] == "context")["elements"][0]["text"])

    def press(self, action: str, **more: Any) -> Exchange:
        """Press another button, or choose `value` from a list."""
        return self.slack.click(self.exchange, action, **{"user": self.user, **more})

    def share(self, **more: Any) -> Exchange:
        """Press the button."""
        return self.press("share_answer", **more)


def _shown(cell: Json) -> Json:
    """What stands in a cell: its text, or its link."""
    return cell["elements"][0]["elements"][0] if cell["type"] == "rich_text" else cell


def traced(langsmith: LangSmithStandIn) -> None:
    """A small product's runs of today and the week before: rag-search costs $1.70 of $4.20 in the last 7 days."""
    for days, feature, cost in (
        (0, "rag-search", "0.50"),
        (1, "rag-search", "1.20"),
        (2, "agent-copilot", "2.50"),
        (8, "rag-search", "3.40"),
        (8, "agent-copilot", "1.00"),
    ):
        start = now() - timedelta(days=days, minutes=5)
        langsmith.add_run(project="acme-prod", start=start, metadata={"feature": feature}, cost=cost)
