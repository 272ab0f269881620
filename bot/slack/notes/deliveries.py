"""What is added to a message on its way, by whoever delivers it (pure)."""

import re
from dataclasses import replace

from bot.slack.blocks import escape, trusted_context
from bot.slack.messages import Message

REPEAT = "Slack did not confirm this when it was first sent: it may be a repeat."


def repeated(message: Message) -> Message:
    """The message, where it may stand there already."""
    return _with_line(message, REPEAT)


def redirected(message: Message, recipient: str, problem: str) -> Message:
    """The message for others, because `recipient` did not get it."""
    return _with_line(message, f"You read this because {_name(recipient)} did not get it. {escape(problem)}")


def _with_line(message: Message, mrkdwn: str) -> Message:
    """The message with a line of ours at its end."""
    return replace(message.with_blocks(trusted_context(mrkdwn)), text=f"{message.text}\n{mrkdwn}")


def _name(recipient: str) -> str:
    """A recipient in mrkdwn: members by their names, and nobody else is called."""
    return f"<@{recipient}>" if re.fullmatch("[UW][A-Z0-9]+", recipient) else escape(recipient)
