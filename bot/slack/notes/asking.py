"""What somebody is told who asks or presses something, and gets no answer or not yet (pure)."""

import math

from bot.errors import SourceError
from bot.slack.blocks import Block, paragraph
from bot.slack.messages import Message, note
from bot.slack.turns import MOST
from bot.slack.views import closing_view


def refused(sentence: str) -> Message:
    """Why somebody may not see or do this."""
    return note(sentence)


def refused_view(sentence: str) -> Block:
    """The same, where they were filling in a modal."""
    return closing_view("llmcost", paragraph(sentence))


def too_often(seconds: float) -> Message:
    """That they may ask again after so long."""
    return note(*_wait(seconds))


def too_often_view(seconds: float) -> Block:
    """The same, where a modal would have opened."""
    return closing_view("llmcost", paragraph(*_wait(seconds)))


def too_often_here(seconds: float) -> str:
    """The same, beside a field."""
    return " ".join(_wait(seconds))


def asking_langsmith() -> Message:
    """That the answer takes a while."""
    return note("Asking LangSmith for its own total; this may take a minute.")


def langsmith_failed(error: SourceError) -> Message:
    """That LangSmith did not say it."""
    return note(str(error), "Ask again in a minute.") if error.transient else note(str(error))


def doctor_elsewhere() -> Message:
    """To whoever asks for the doctor where others read along."""
    return note("What the doctor finds is for admins alone: say /llmcost doctor.")


def doctor_for_admins() -> Message:
    """To whoever asks for the doctor and is no admin."""
    return note("Only admins can ask the doctor: LLMCOST_ADMINS names them.")


def cannot_share() -> Message:
    """That this answer is too old, or somebody else's."""
    return note("This answer cannot be shared any more.", "Ask again, and share the new one.")


def shared_already() -> Message:
    """That this answer stands in the channel."""
    return note("This answer has been shared already.")


def unknown_button() -> Message:
    """To whoever presses what an older llmcost has shown."""
    return note("This button is not known any more.", "/llmcost help shows what can be said.")


def went_wrong(reference: str) -> Message:
    """After a bug or an outage, with its reference in the log."""
    return note(
        "Something went wrong here, and it is not your fault.", "Try again in a minute.", _in_the_log(reference)
    )


def unconfirmed(reference: str) -> Message:
    """Where Slack did not say whether the answer stands there."""
    return note("Slack did not confirm this.", "If you cannot see it, ask again.", _in_the_log(reference))


def _wait(seconds: float) -> tuple[str, str]:
    return f"You have asked {MOST} times within a minute.", f"Ask again in {math.ceil(seconds)} s."


def _in_the_log(reference: str) -> str:
    return f"Whoever runs llmcost finds it in the log as {reference}."
