"""The line to Slack: Bolt, and Socket Mode, so that no public address is needed."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from bot.errors import SlackError
from bot.slack.listeners import Listeners
from bot.slack.messages import SHARE

if TYPE_CHECKING:
    from slack_bolt import App
    from slack_bolt.adapter.socket_mode import SocketModeHandler

COMMAND = "/llmcost"

# Bolt acknowledges in a pool of threads. Answers have one of their own: however slow they are, nobody waits for an ack.
ACK_THREADS = 5
ANSWER_THREADS = 20
# After a silent end of the connection the SDK notices within about 17 s with 3, and 56 s with its default.
PING_SECONDS = 3
SECONDS = 10

Result = TypeVar("Result")


class Connection:
    """A connection to Slack in Socket Mode that answers commands and buttons."""

    def __init__(self, *, bot_token: str, app_token: str, api_url: str, listeners: Listeners) -> None:
        """Raises SlackError if Slack refuses the bot token or cannot be reached."""
        self._acks = ThreadPoolExecutor(ACK_THREADS, thread_name_prefix="slack-ack")
        self._answers = ThreadPoolExecutor(ANSWER_THREADS, thread_name_prefix="slack-answer")
        self._app_token = app_token
        self._handler: SocketModeHandler | None = None
        try:
            self._app = _bolt(bot_token, api_url, self._acks)
        except BaseException:
            self.close()
            raise
        self._app.command(COMMAND)(self._later(listeners.command))
        self._app.action(SHARE)(self._later(listeners.share))

    def open(self) -> None:
        """Connect; people are answered from now on. Raises SlackError if Slack refuses the app token."""
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

    def close(self) -> None:
        """Take no more commands, and give the answers that are on their way."""
        if self._handler is not None:
            self._handler.close()  # type: ignore[no-untyped-call] # the SDK leaves it untyped
            self._handler = None
        self._acks.shutdown()
        self._answers.shutdown()

    def _later(self, answer: Callable[[Mapping[str, Any]], None]) -> Callable[..., None]:
        """A listener of Bolt's that acknowledges and leaves the answer to another thread: an exception soon after an
        ack would lose the ack."""

        def acknowledge(ack: Callable[[], None], body: Mapping[str, Any]) -> None:
            ack()
            self._answers.submit(answer, body)

        return acknowledge


def _bolt(token: str, api_url: str, acks: ThreadPoolExecutor) -> "App":
    from slack_bolt import App
    from slack_sdk import WebClient
    from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

    # Bolt reads these by itself: with the latter two it silently turns to OAuth and drops the token.
    for name in ("SLACK_BOT_TOKEN", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
        os.environ.pop(name, None)
    # Without the SDK's retry after a dropped connection: it can say a thing twice.
    retry = RateLimitErrorRetryHandler(max_retry_count=3)
    client = WebClient(token=token, base_url=api_url, timeout=SECONDS, retry_handlers=[retry])
    # Asked for here, because Bolt would not say why it is refused.
    _saying_what_slack_refuses("SLACK_BOT_TOKEN", client.auth_test)
    return App(client=client, name="llmcost", listener_executor=acks)


def _saying_what_slack_refuses(setting: str, call: Callable[[], Result]) -> Result:
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        return call()
    except SlackApiError as error:
        reason = error.response.get("error") if error.response is not None else None
        raise SlackError(f"Slack refuses {setting} ({reason or 'no reason given'!s:.60}).") from None
    except (SlackClientError, OSError) as error:
        raise SlackError(f"Slack cannot be reached ({type(error).__name__}); is SLACK_API_URL right?") from None
