"""The last line before silence: whatever goes wrong is logged, and said with a reference that is in the log too."""

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from bot.errors import LedgerNewerError, LlmcostError
from bot.slack.access import OUTDATED
from bot.slack.api import UnconfirmedError
from bot.slack.blocks import Block
from bot.slack.delivery import respond
from bot.slack.field_errors import failed
from bot.slack.messages import Message
from bot.slack.notes.asking import refused, unconfirmed, went_wrong
from bot.slack.notes.home import home_refused

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


def said_at_home(what: str, error: Exception, otherwise: Callable[[str], Block]) -> Block:
    """Log an error; gives what the home tab shows of it: what `otherwise` makes of its reference, unless this process
    is too old for the ledger."""
    reference = log_failure(what, error)
    return home_refused(OUTDATED) if isinstance(error, LedgerNewerError) else otherwise(reference)


def said_beside_a_field(what: str, error: Exception) -> str:
    """Log an error; gives what stands beside a field of the modal that was submitted."""
    reference = log_failure(what, error)
    return OUTDATED if isinstance(error, LedgerNewerError) else failed(reference)


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
