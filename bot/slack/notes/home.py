"""What stands in the home tab where its figures cannot (pure)."""

from bot.slack.blocks import Block
from bot.slack.home_view import home_note


def home_refused(sentence: str) -> Block:
    """Why somebody may not see it."""
    return home_note(sentence)


def home_failed(reference: str) -> Block:
    """After a bug or an outage, with its reference in the log."""
    return home_note(
        "Something went wrong here, and it is not your fault.",
        "Open this tab again in a minute.",
        f"Whoever runs llmcost finds it in the log as {reference}.",
    )


def no_preview(reference: str) -> Block:
    """Where the digest could not be previewed."""
    return home_note(f"The digest cannot be shown now. It is in the log as {reference}.", "Try /llmcost digest.")


def no_modal(reference: str) -> Block:
    """Where a modal could not be opened."""
    return home_note(f"This cannot be shown now. It is in the log as {reference}.", "Open this tab again.")
