"""What the admins are told without asking: what is wrong with llmcost itself (pure)."""

from collections.abc import Sequence

from bot.render.numbers import plural
from bot.slack.messages import Message, note

# More problems than these are in the log.
_PROBLEMS = 5


def books_wrong(places: int) -> Message:
    """That the figures are not what the runs add up to."""
    return note(
        f"The figures differ from their runs in {plural(places, 'place')}: reports may be wrong.",
        "Stop llmcost, keep a copy of the ledger, and report it; the log has the first of them.",
    )


def silent(lines: Sequence[str]) -> Message:
    """That nothing comes in any more, or that it does again: see bot.render.silence."""
    return note(*lines)


def far_apart(lines: Sequence[str]) -> Message:
    """That LangSmith's own total is far from the ledger: see bot.render.verified."""
    return note(*lines, "/llmcost verify and /llmcost audit show more.")


def file_unusable(name: str, problems: Sequence[str]) -> Message:
    """That a changed llmcost.toml has problems, and did not come into force."""
    more = len(problems) - _PROBLEMS
    return note(
        f"{name} has changed and cannot be used; the old one stays in force.",
        *problems[:_PROBLEMS],
        *([f"{plural(more, 'more problem')} {'is' if more == 1 else 'are'} in the log."] if more > 0 else []),
        "Once it is put right, it is loaded within a minute.",
    )
