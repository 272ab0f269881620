"""What a parent's cost means on a server: its own alone, or its descendants' too (see bot.domain.costing.CostMode)."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from bot.domain.costing import CostMode
from bot.domain.money import from_json
from bot.errors import SourceRefusedError
from bot.ingest.langsmith import LangSmith
from bot.ledger.booking import instant, microseconds

# A trace's root began before the runs below it; an agent may have waited for a person for days.
ROOT_BEFORE = timedelta(days=30)
TRIES = 3

_log = logging.getLogger(__name__)


def probe_cost_mode(source: LangSmith, project: bytes, nested: Mapping[bytes, int]) -> CostMode:
    """What a root's cost means in `project`; UNKNOWN if a few of them do not tell.

    `nested` are roots above a run with a cost, and when that run began. The oldest are asked about: sums of what has
    just ended can be on their way. Raises SourceUnavailableError.
    """
    for root, start in sorted(nested.items(), key=lambda one: one[1])[:TRIES]:
        try:
            mode = _mode_of(source, project, root, start)
        except SourceRefusedError as error:
            # A server that does not know the question is read all the same.
            _log.info("what a parent's cost means cannot be found out: %s", error)
            return CostMode.UNKNOWN
        if mode is not CostMode.UNKNOWN:
            return mode
    return CostMode.UNKNOWN


def _mode_of(source: LangSmith, project: bytes, root: bytes, start: int) -> CostMode:
    """Told by the root's cost with and without its descendants' share."""
    earliest, latest = microseconds(instant(start) - ROOT_BEFORE), start + 1

    def ask(*, subtree: bool) -> Decimal | None:
        cost = from_json(source.cost_of(project, root, earliest, latest, subtree=subtree))
        return cost if cost is not None and cost.is_finite() else None

    own, whole = ask(subtree=False), ask(subtree=True)
    if whole is None or whole <= 0:
        return CostMode.UNKNOWN
    # The sum on the server is one of floats: equal means equal to nine places.
    if own is not None and abs(own - whole) <= whole.scaleb(-9):
        return CostMode.ROLLED_UP
    # Different could also mean that a cost came in between the two questions.
    return CostMode.OWN if ask(subtree=False) == own else CostMode.UNKNOWN
