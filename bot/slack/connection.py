"""The line to Slack: Bolt, in Socket Mode, so that no public address is needed, or by HTTP."""

import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from bot.errors import SlackError
from bot.slack.failures import log_failure
from bot.slack.hearing import Answerers, hear, hear_the_rest
from bot.slack.http import HttpServer
from bot.slack.incoming import clean
from bot.slack.tls import trust
from bot.slack.waiting import Waiting
from bot.slack.web import error_code

if TYPE_CHECKING:
    from slack_bolt import App
    from slack_bolt.adapter.socket_mode import SocketModeHandler
    from slack_sdk import WebClient

# Bolt acknowledges in a pool of threads. Answers have one of their own: however slow they are, nobody waits for an ack.
ACK_THREADS = 5
ANSWER_THREADS = 20
# After a silent end of the connection the SDK notices within about 17 s with 3, and 56 s with its default.
PING_SECONDS = 3
SECONDS = 10

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Connection(ABC):
    """A connection to Slack by which commands and buttons are answered."""

    def __init__(self, answerers: Answerers, *, bot_token: str, api_url: str, signing_secret: str = "") -> None:
        """Raises SlackError if Slack refuses the bot token or cannot be reached."""
        self.waiting = Waiting()
        self._acks = ThreadPoolExecutor(ACK_THREADS, thread_name_prefix="slack-ack")
        self._answers = ThreadPoolExecutor(ANSWER_THREADS, thread_name_prefix="slack-answer")
        try:
            self._app, team = _bolt(bot_token, api_url, signing_secret, self._acks)
        except BaseException:
            self._shut_pools()
            raise
        self._answerers = answerers
        self._team = team
        self._app.use(clean)
        hear(self._app, answerers, team, self._later, self._refusal)
        hear_the_rest(self._app, answerers.listeners, self._later)

    @abstractmethod
    def open(self) -> None:
        """Connect; people are answered from now on. Raises SlackError if that fails."""

    def close(self, until: float | None = None) -> None:
        """Take no more commands, and give the answers that are on their way; what hangs is waited for `until` then, in
        monotonic seconds, and left."""
        self._hang_up()
        ending = threading.Thread(target=self._shut_pools, name="slack-ending", daemon=True)
        ending.start()
        ending.join(None if until is None else max(until - time.monotonic(), 0))
        if ending.is_alive():
            _log.warning("somebody gets no answer, because what it waits for does not come in time")

    @abstractmethod
    def _hang_up(self) -> None:
        """Take no more commands; also where it was never opened."""

    def _shut_pools(self) -> None:
        self._acks.shutdown()
        self._answers.shutdown()

    def _later(self, answer: Callable[[Mapping[str, Any]], None], **said: Any) -> Callable[..., None]:
        """A listener of Bolt's that acknowledges, with what is `said`, and leaves the answer to another thread: an
        exception soon after an ack would lose the ack."""

        def acknowledge(ack: Callable[..., None], body: Mapping[str, Any]) -> None:
            arrived = time.monotonic()
            ack(**said)
            self.waiting.begin()
            self._answers.submit(self._answer, answer, body, arrived)

        return acknowledge

    def _answer(self, answer: Callable[[Mapping[str, Any]], None], body: Mapping[str, Any], arrived: float) -> None:
        with self.waiting.answering():
            try:
                self._let_in(answer, body, arrived)
            except Exception as error:  # noqa: BLE001 - whoever answers tells people; a pool keeps the rest to itself
                log_failure("hearing Slack", error)

    def _let_in(self, answer: Callable[[Mapping[str, Any]], None], body: Mapping[str, Any], arrived: float) -> None:
        # Whoever hears an event looks themselves: not every event wants an answer.
        refusal = self._refusal(body) if "event" not in body else None
        if refusal is None:
            # A press that Slack hands over again is taken up once; a command it never does.
            if "event" in body or "command" in body or self._answerers.listeners.is_new(body):
                answer(body)
                if "command" in body:
                    self._answerers.answered(time.monotonic() - arrived)
        elif self._answerers.surfaces is not None:
            self._answerers.surfaces.refuse(body, refusal)

    def _refusal(self, body: Mapping[str, Any]) -> str | None:
        """Why whoever is behind this gets no answer; None if they get one."""
        surfaces = self._answerers.surfaces
        return surfaces.refusal(body, self._team) if surfaces is not None else None


class SocketConnection(Connection):
    """Socket Mode: we call Slack."""

    def __init__(self, answerers: Answerers, *, bot_token: str, app_token: str, api_url: str) -> None:
        """Raises SlackError if Slack refuses the bot token or cannot be reached."""
        super().__init__(answerers, bot_token=bot_token, api_url=api_url)
        self._app_token = app_token
        self._handler: SocketModeHandler | None = None

    def open(self) -> None:
        """Connect. Raises SlackError if Slack refuses the app token, or if no WebSocket comes about."""
        from slack_bolt.adapter.socket_mode import SocketModeHandler

        # Asked for here, because the SDK would log a refusal beside raising it.
        address = _saying_what_slack_refuses(
            "SLACK_APP_TOKEN", lambda: self._app.client.apps_connections_open(app_token=self._app_token)["url"]
        )
        self._handler = SocketModeHandler(self._app, self._app_token, ping_interval=PING_SECONDS)
        self._handler.client.wss_uri = address
        self._handler.connect()  # type: ignore[no-untyped-call] # the SDK leaves it untyped
        if not self._handler.client.is_connected():
            raise SlackError("Slack's Socket Mode cannot be reached: does a firewall stop WebSockets?")

    def _hang_up(self) -> None:
        if self._handler is not None:
            self._handler.close()  # type: ignore[no-untyped-call] # the SDK leaves it untyped
            self._handler = None


class HttpConnection(Connection):
    """HTTP: Slack calls us at `port`."""

    def __init__(self, answerers: Answerers, *, bot_token: str, signing_secret: str, port: int, api_url: str) -> None:
        """Raises SlackError if Slack refuses the bot token or cannot be reached, or if the port cannot be used."""
        super().__init__(answerers, bot_token=bot_token, api_url=api_url, signing_secret=signing_secret)
        try:
            self._server = HttpServer(self._app, signing_secret=signing_secret, port=port)
        except BaseException:
            self._shut_pools()
            raise
        self.port = self._server.port

    def open(self) -> None:
        """Serve."""
        self._server.open()

    def _hang_up(self) -> None:
        self._server.close()


def plain_client(token: str, api_url: str) -> "WebClient":
    """The SDK's client without any of its retries: after a dropped connection they can say a thing twice, and while
    they wait out a rate limit a claim runs out. Nothing is sent yet."""
    from slack_sdk import WebClient

    # It would log what servers in between answer, word for word, beside raising it.
    silent = logging.getLogger("bot.slack.sdk")
    silent.setLevel(logging.CRITICAL)
    return WebClient(token=token, base_url=api_url, timeout=SECONDS, ssl=trust(), retry_handlers=[], logger=silent)


def _bolt(token: str, api_url: str, signing_secret: str, acks: ThreadPoolExecutor) -> tuple["App", str]:
    """The app, and the workspace that it is in."""
    from slack_bolt import App
    from slack_sdk import WebClient
    from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

    # Bolt reads these by itself: with the last two it silently turns to OAuth and drops the token.
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
        os.environ.pop(name, None)
    # Without the SDK's retry after a dropped connection: it can say a thing twice.
    retry = RateLimitErrorRetryHandler(max_retry_count=3)
    client = WebClient(token=token, base_url=api_url, timeout=SECONDS, ssl=trust(), retry_handlers=[retry])
    # Asked for here, because Bolt would not say why it is refused.
    team = _saying_what_slack_refuses("SLACK_BOT_TOKEN", lambda: str(client.auth_test()["team_id"]))
    return App(client=client, name="llmcost", signing_secret=signing_secret, listener_executor=acks), team


def _saying_what_slack_refuses(setting: str, call: Callable[[], Result]) -> Result:
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        return call()
    except SlackApiError as error:
        reason = error_code(error.response.get("error") if error.response is not None else None)
        raise SlackError(f"Slack refuses {setting} ({reason}).") from None
    except (SlackClientError, OSError) as error:
        raise SlackError(f"Slack cannot be reached ({type(error).__name__}); is SLACK_API_URL right?") from None
