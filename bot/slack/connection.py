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

# Acks, listeners and answers share one pool in Bolt, five threads by default: five slow answers would make the sixth
# person's command time out.
THREADS = 20
# After a silent end of the connection the SDK notices within about 17 s with 3, and 56 s with its default.
PING_SECONDS = 3

Result = TypeVar("Result")


class Connection:
    """A connection to Slack in Socket Mode that answers commands and buttons."""

    def __init__(self, *, bot_token: str, app_token: str, api_url: str, listeners: Listeners) -> None:
        """Raises SlackError if Slack refuses the bot token or cannot be reached."""
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="slack")
        try:
            self._app = _bolt(bot_token, api_url, listeners, self._pool)
        except BaseException:
            self._pool.shutdown()
            raise
        self._app_token = app_token
        self._handler: SocketModeHandler | None = None

    def open(self) -> None:
        """Connect; people are answered from now on. Raises SlackError if Slack refuses the app token."""
        from slack_bolt.adapter.socket_mode import SocketModeHandler

        handler = SocketModeHandler(self._app, self._app_token, ping_interval=PING_SECONDS)
        _saying_what_slack_refuses("SLACK_APP_TOKEN", handler.connect)
        self._handler = handler

    def close(self) -> None:
        """Take no more commands, and give the answers that are on their way."""
        if self._handler is not None:
            self._handler.close()  # type: ignore[no-untyped-call] # the SDK leaves it untyped
            self._handler = None
        self._pool.shutdown()


def _bolt(token: str, api_url: str, listeners: Listeners, pool: ThreadPoolExecutor) -> "App":
    from slack_bolt import App
    from slack_sdk import WebClient
    from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

    # With these two in the environment Bolt silently turns to OAuth and drops the token.
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
        os.environ.pop(name, None)
    # Without the SDK's retry after a dropped connection: it can say a thing twice.
    client = WebClient(token=token, base_url=api_url, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=3)])
    app: App = _saying_what_slack_refuses(
        "SLACK_BOT_TOKEN", lambda: App(client=client, name="llmcost", listener_executor=pool)
    )

    def acknowledge(ack: Callable[[], None]) -> None:
        ack()

    # Answered in a lazy function: an exception soon after an ack in the listener itself would lose the ack.
    def command(body: Mapping[str, Any]) -> None:
        listeners.command(body)

    def share(body: Mapping[str, Any]) -> None:
        listeners.share(body)

    app.command(COMMAND)(ack=acknowledge, lazy=[command])
    app.action(SHARE)(ack=acknowledge, lazy=[share])
    return app


def _saying_what_slack_refuses(setting: str, call: Callable[[], Result]) -> Result:
    from slack_bolt.error import BoltError
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        return call()
    except SlackApiError as error:
        reason = error.response.get("error") if error.response is not None else None
        raise SlackError(f"Slack refuses {setting} ({reason or 'no reason given'!s:.60}).") from None
    except (SlackClientError, BoltError, OSError) as error:
        if isinstance(error, BoltError):
            raise SlackError(f"Slack refuses {setting}: check it, and that the app is installed.") from None
        raise SlackError(f"Slack cannot be reached ({type(error).__name__}); is SLACK_API_URL right?") from None
