"""Sending an answer to a `response_url`, which lives for half an hour and five uses."""

import logging
from typing import Any, Literal

from bot.errors import SlackError
from bot.slack.messages import Message

SECONDS = 10
_REFUSED_FORM = ("invalid_blocks", "msg_blocks_too_long", "msg_too_long")

_log = logging.getLogger(__name__)


def respond(
    response_url: str,
    message: Message,
    *,
    response_type: Literal["ephemeral", "in_channel"] = "ephemeral",
    replace_original: bool = False,
) -> None:
    """Send a message to a response_url. A form that the workspace refuses is followed by a simpler one.

    It is sent once: the SDK's own retry after a dropped connection, which can post twice, is left out. Raises
    SlackError if Slack did not take it, or did not say so.
    """
    from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
    from slack_sdk.webhook import WebhookClient

    client = WebhookClient(
        response_url, timeout=SECONDS, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=2)]
    )
    how: dict[str, Any] = {
        "response_type": response_type,
        "replace_original": replace_original,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    for form in message.forms():
        try:
            said = client.send_dict(form | how)
        except OSError as error:
            raise SlackError(f"Slack could not be reached ({type(error).__name__}).") from error
        # Slack does not raise here: it says what it refuses in the body.
        body = said.body or ""
        if said.status_code == 200 and not body.startswith(_REFUSED_FORM):
            return
        if not body.startswith(_REFUSED_FORM):
            raise SlackError(f"Slack did not take the answer (HTTP {said.status_code}).")
        _log.info("Slack refused a message with %d blocks (%.40s); sending a simpler form", len(form["blocks"]), body)
    raise SlackError("Slack refused every form of the answer.")
