"""What came of a CSV file, in words (pure)."""

from bot.errors import LlmcostError
from bot.slack.blocks import cut
from bot.slack.messages import Message, note

_REASON = 200


def not_yet() -> Message:
    """To whoever presses CSV while their last file is on its way."""
    return note("Another CSV file is still being made for you.", "Press CSV again once it is there.")


def uploaded_already() -> Message:
    """That the same file is there."""
    return note("These rows have been uploaded already.", "Ask again for new ones.")


def uploaded_directly(*, is_elsewhere: bool) -> Message:
    """That the file is in somebody's direct messages; `is_elsewhere` if they asked in a channel that does not take
    it."""
    where = "llmcost is not in this channel: the" if is_elsewhere else "The"
    return note(f"{where} rows are in your direct messages with llmcost.")


def unconfirmed_file(words: str) -> Message:
    """That Slack did not say whether it is there. `words` are those of its answer."""
    return note("Slack did not confirm the file: it may be there.", _instead(words))


def not_uploaded(error: LlmcostError, words: str) -> Message:
    """Why it is not there."""
    return note(f"The rows could not be uploaded. {error}", "Press CSV again.", _instead(words))


def file_missing(name: str, problem: str) -> Message:
    """In the place of a digest's file: that it did not come, and how to get its rows all the same."""
    return note(
        f"{name} could not be put here: {cut(problem, _REASON)}",
        "Nothing is lost: ask /llmcost for the same days and press CSV, or say llmcost report --csv in a terminal.",
    )


def file_waiting(name: str) -> Message:
    """What a delivery of a file says to whoever looks it up."""
    return note(f"The file {name}.")


def _instead(words: str) -> str:
    return f"In a terminal: llmcost report --csv {words}"
