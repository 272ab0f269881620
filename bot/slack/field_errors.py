"""What stands beside the fields of modals that cannot be taken as they were filled in (pure)."""

from decimal import Decimal

from bot.render.numbers import money
from bot.reports.budget_words import MOST_OWNERS
from bot.slack.rule_desk import PREVIEWED_DAYS

NOBODY = "Slack does not say who you are."
NO_ALERT = "This alert is not known any more."
NO_FEATURE = "There is no such feature any more; choose another."
NO_LIMIT = "Give at least one limit."
NO_VALUE = "Say which value counts."
NO_DIMENSION = "Say what this is a value of."
NO_VALUE_OF_ALL = "All runs count by what is chosen above: leave this empty."
OTHER_DIMENSION = "Runs are not counted by this any more; choose another."
TOO_MANY_OWNERS = f"Choose at most {MOST_OWNERS} members."
NO_NAME = "Say which runs: a name, or * for all of a project."
NO_RUNS = f"No untagged run of the last {PREVIEWED_DAYS} days has such a name there."


def failed(reference: str) -> str:
    """After a bug or an outage, with its reference in the log."""
    return f"Something went wrong here; nothing more was saved. It is in the log as {reference}."


def spent_already(spent: Decimal) -> str:
    """The warning before a limit that is not above what was spent."""
    return f"{money(spent)} has been spent already: with this limit its owners are told again."
