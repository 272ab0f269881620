"""All that is to go wrong in the stories, from the code: where the process can die, and what Slack can refuse."""

import ast
from pathlib import Path
from types import ModuleType

from bot.jobs import alerts, audiences, budget_periods, digest_threads, digests, escalations
from bot.ledger.outbox import Outbox
from bot.reports import digest_reporter
from bot.slack import alert_copies, destinations, owners, people, post_office, refusals, undelivered
from bot.slack.api import SlackApi
from tests.simulation.town import METHODS, faults_of

_OF_THE_CLOCK = (
    *(alerts, audiences, budget_periods, digest_threads, digests, digest_reporter, escalations),
    *(alert_copies, destinations, owners, people, post_office, refusals, undelivered),
)
# What Slack refuses for ever: history that cannot be read, channels that were archived, people who have left.
_FOR_EVER = ("find: missing_scope", "post: is_archived", "person: has left")


def _named(module: ModuleType) -> set[str]:
    """The attributes that its code asks others for, but for `reading`: who reads has begun nothing."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in asked if not (isinstance(node.value, ast.Name) and node.value.id == "reading")}


def _calls() -> list[str]:
    """The calls to the ledger's outbox and to Slack that the clock's code makes."""
    known = {name for part in (Outbox, SlackApi) for name in vars(part) if not name.startswith("_")}
    return sorted(known & set[str]().union(*map(_named, _OF_THE_CLOCK)))


CRASH_POINTS = tuple(f"{when} {name}" for name in _calls() for when in ("before", "after"))
TROUBLES = (*(f"{method}: {fault.what}" for method in METHODS for fault in faults_of(method)), *_FOR_EVER)
