"""What is added to a message on its way, by whoever delivers it (pure)."""

import re

from bot.slack.blocks import escape
from bot.slack.messages import Message, with_line

REPEAT = "Slack did not confirm this when it was first sent: it may be a repeat."


def repeated(message: Message) -> Message:
    """The message, where it may stand there already."""
    return with_line(message, REPEAT)


def redirected(message: Message, recipient: str, problem: str) -> Message:
    """The message for others, because `recipient` did not get it."""
    return with_line(message, f"You read this because {_name(recipient)} did not get it. {escape(problem)}")


def _name(recipient: str) -> str:
    """A recipient in mrkdwn: members by their names, and nobody else is called."""
    return f"<@{recipient}>" if re.fullmatch("[UW][A-Z0-9]+", recipient) else escape(recipient)
