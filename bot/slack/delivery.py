"""Sending an answer to a `response_url`, which lives for half an hour and five uses."""

import logging
import time
from collections.abc import Collection
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Literal

from bot.errors import SlackError
from bot.slack.api import REFUSED_FORM, UnconfirmedError
from bot.slack.messages import Message
from bot.slack.refusals import refused_kinds
from bot.slack.tls import trust

if TYPE_CHECKING:
    from slack_sdk.webhook import WebhookResponse

# How long sending may take in all. Somebody waits for it, and so does whoever stops the bot.
SECONDS = 5.0
# Slack may count what it refuses: so many forms are tried at most, the two simplest among them.
USES = 5

_log = logging.getLogger(__name__)


def respond(
    response_url: str,
    message: Message,
    *,
    response_type: Literal["ephemeral", "in_channel"] = "ephemeral",
    replace_original: bool = False,
    seconds: float = SECONDS,
    refused: Collection[str] = (),
) -> frozenset[str]:
    """Send a message to a response_url, at most once. A form that the workspace refuses is followed by a simpler one;
    those with types of blocks that are known to be `refused` are not tried. Gives the types that are found to be.

    Raises SlackError if Slack did not take it, UnconfirmedError if it may have.
    """
    deadline = time.monotonic() + seconds
    how: dict[str, Any] = {
        "response_type": response_type,
        "replace_original": replace_original,
        "unfurl_links": False,
        "unfurl_media": False,
        # What stands in `text` and looks like an address or a name is none.
        "parse": "none",
        "link_names": False,
    }
    tried: list[dict[str, Any]] = []
    forms = message.forms(refused)
    for form in forms if len(forms) <= USES else (*forms[: USES - 2], *forms[-2:]):
        said = _send(response_url, form | how, deadline)
        # Slack does not raise here: it says what it refuses in the body, bare or in JSON.
        problem = next((word for word in sorted(REFUSED_FORM) if word in (said.body or "")), None)
        if problem is None:
            if said.status_code == 200:
                return refused_kinds(tried, form)
            raise (UnconfirmedError if said.status_code >= 500 else SlackError)(
                f"Slack did not take the answer (HTTP {said.status_code})."
            )
        _log.info("Slack refused a message with %d blocks (%s); sending a simpler form", len(form["blocks"]), problem)
        tried.append(form)
    raise SlackError("Slack refused every form of the answer.")


def _send(response_url: str, payload: dict[str, Any], deadline: float) -> "WebhookResponse":
    """What Slack says to it. Only a rate limit is waited for: after anything else sending again could say it twice."""
    from slack_sdk.errors import SlackClientError
    from slack_sdk.webhook import WebhookClient

    while True:
        # The SDK's own retries are left out: they know no deadline.
        left = max(deadline - time.monotonic(), 0.1)
        try:
            client = WebhookClient(response_url, timeout=left, ssl=trust(), retry_handlers=[])  # type: ignore[arg-type] # it is the socket's timeout: parts of a second are fine
            said = client.send_dict(payload)
        except (OSError, HTTPException) as error:
            raise UnconfirmedError(f"Slack did not answer ({type(error).__name__}).") from error
        except SlackClientError as error:
            # Its words repeat the address, and whoever has that can answer in our name.
            raise SlackError(f"Slack gave no address to answer at ({type(error).__name__}).") from None
        wait = _retry_after(said)
        if said.status_code != 429 or time.monotonic() + wait >= deadline:
            return said
        time.sleep(wait)


def _retry_after(said: "WebhookResponse") -> float:
    try:
        return max(0.1, float(said.headers.get("retry-after", "1")))
    except ValueError:
        return 1.0
