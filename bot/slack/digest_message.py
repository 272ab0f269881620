"""The digest as Slack messages (pure): it is an answer like the others, and later perhaps a correction under it."""

from bot.render.digest import correction
from bot.reports.answers import Spend
from bot.reports.digest import Digest
from bot.slack.messages import Message, answer_message, note


def digest_message(digest: Digest) -> Message:
    """The digest as its channel sees it."""
    return answer_message(digest)


def correction_message(digest: Digest, told: Spend) -> Message:
    """A word under a digest whose total has become another than `told`."""
    return note(correction(digest, told))
