"""The last line before silence: whatever goes wrong is logged, and said with a reference that is in the log too."""

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from bot.errors import LedgerNewerError, LlmcostError
from bot.slack.access import OUTDATED
from bot.slack.api import UnconfirmedError
from bot.slack.delivery import respond
from bot.slack.messages import Message
from bot.slack.notes.asking import refused, unconfirmed, went_wrong

_NOTE_SECONDS = 3.0

_log = logging.getLogger(__name__)


def log_failure(what: str, error: Exception) -> str:
    """Log an error; gives its reference."""
    reference = secrets.token_hex(4)
    if isinstance(error, LlmcostError):
        _log.error("%s failed (reference %s): %s", what, reference, error)
    else:
        _log.error("%s failed (reference %s)", what, reference, exc_info=error)
    return reference


def said_of(error: Exception, reference: str) -> Message:
    """What people are told of an error with this reference in the log."""
    return refused(OUTDATED) if isinstance(error, LedgerNewerError) else went_wrong(reference)


def _told(error: Exception) -> str:
    """Other people's errors may repeat addresses that are secrets."""
    return str(error) if isinstance(error, LlmcostError) else type(error).__name__


def say_failure(what: str, body: Mapping[str, Any], error: Exception) -> None:
    """Log an error, and tell whoever typed or pressed something. Raises nothing."""
    reference = log_failure(what, error)
    failure = unconfirmed(reference) if isinstance(error, UnconfirmedError) else said_of(error, reference)
    try:
        respond(str(body.get("response_url")), failure, seconds=_NOTE_SECONDS)
    except Exception as silent:  # noqa: BLE001 - there is nobody left to tell
        _log.error("nor could reference %s be told: %s", reference, _told(silent))
