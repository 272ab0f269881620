"""A test alert: one message to one person, by the way that alerts take."""

import secrets

from bot.errors import SlackError
from bot.reports.findings import Finding, Verdict
from bot.slack.api import RefusedError, SlackApi
from bot.slack.messages import Message

_NAME = "test alert"
_REFUSED_FORM = frozenset({"invalid_blocks", "msg_blocks_too_long", "msg_too_long"})


def send_trial(api: SlackApi | None, to: str, message: Message) -> Finding:
    """Send it to a member (an id or an email address, "" for nobody), at most once: in the first form that is taken."""
    if not to:
        return Finding(_NAME, Verdict.BROKEN, "There is nobody to send it to.", "Set LLMCOST_ADMINS, or say --to.")
    if api is None:
        return Finding(_NAME, Verdict.BROKEN, "It was not sent, see Slack.")
    try:
        person = api.person(to)
        if not person.reachable:
            return Finding(_NAME, Verdict.BROKEN, f"{to} has left, or is a bot.", "Name somebody else with --to.")
        _post(api, api.direct(person.id), message)
    except SlackError as error:
        return Finding(_NAME, Verdict.BROKEN, f"It did not get to {to}: {error}")
    return Finding(_NAME, Verdict.OK, f"Sent to {to}, marked as a test.")


def _post(api: SlackApi, place: str, message: Message) -> None:
    key = f"test-{secrets.token_hex(8)}"
    *better, simplest = message.forms()
    for form in better:
        try:
            api.post(place, form, key)
            return
        except RefusedError as error:
            if error.code not in _REFUSED_FORM:
                raise
    api.post(place, simplest, key)
