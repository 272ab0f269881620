"""Rules that are set in Slack: what one would move, who may set it, and what happens when somebody does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from bot.domain.catalog import Catalog, Feature
from bot.domain.feature import Rule, SetRule
from bot.domain.money import dollars
from bot.domain.period import Calendar, local_day
from bot.errors import LedgerBusyError
from bot.ledger.figures import NOTHING, Figures
from bot.ledger.lease import SYNC, Lease
from bot.ledger.set_rules import RuleChange
from bot.ledger.store import Ledger, Reading
from bot.render.names import plain

# A sync takes seconds; only the first one takes minutes.
TRIES, WAIT_SECONDS = 20, 1.5
PREVIEWED_DAYS = 30

Result = TypeVar("Result")


class Moved(NamedTuple):
    """What a rule moves out of the untagged runs of the last PREVIEWED_DAYS days, as far as they were not pruned: by
    run name and project, the costliest first."""

    cost: Decimal
    runs: int
    names: tuple[tuple[str, str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class RuleDesk:
    """Looks rules up, sets them and takes them back. `may_map` says whether a member may, given a feature's owners;
    `wait` waits so many seconds."""

    ledger: Ledger
    catalog: Callable[[], Catalog]
    zone: ZoneInfo
    may_map: Callable[[str, Sequence[str]], bool]
    clock: Callable[[], datetime]
    wait: Callable[[float], None]

    def refusal(self, user: str, feature: str) -> str | None:
        """Why a member may not say what belongs to a feature, in a sentence; None if they may. Raises SlackError if
        Slack does not say who is in an owning group."""
        owners = self.catalog().features.get(feature, Feature(feature)).owners
        if self.may_map(user, owners):
            return None
        return f"Only the owners of {plain(feature)} and the admins of llmcost may do this."

    def preview(self, rule: Rule) -> Moved:
        """What a rule would move."""
        span = Calendar(local_day(self.clock(), self.zone), self.zone).last_days(PREVIEWED_DAYS).span

        def look(reading: Reading) -> list[tuple[str, str, Figures]]:
            gone = reading.pruned()
            first = span.first if gone is None else min(max(span.first, gone.day), span.until)
            projects = {project.key: project.name for project in reading.projects()}
            return [
                (one.name, projects[one.project], one.figures)
                for one in reading.untagged_names(replace(span, first=first))
                if rule.matches(projects[one.project], one.name, ())
            ]

        found = self.ledger.read(look)
        total = NOTHING
        for _, _, figures in found:
            total = Figures.plus(total, figures)
        found.sort(key=lambda one: (-one[2].cost, one[0], one[1]))
        names = tuple((name, project, dollars(figures.cost)) for name, project, figures in found)
        return Moved(dollars(total.cost), total.runs, names)

    def pruned_before(self) -> date | None:
        """The first day whose runs can still be moved; None if all can."""
        gone = self.ledger.read(Reading.pruned)
        return None if gone is None else gone.day

    def find(self, rule_id: int) -> RuleChange | None:
        """A rule by its number, whether or not it still holds."""
        return self.ledger.read(lambda reading: reading.find_rule(rule_id))

    def set(self, user: str, rule: Rule) -> SetRule | None:
        """Set a rule that `refusal` does not speak against; every run that is held is looked at again. None if it holds
        already. Raises LedgerBusyError if a sync does not end."""
        return self._between_syncs(lambda lease, now: self.ledger.set_rule(lease, rule, user, now))

    def undo(self, user: str, rule_id: int) -> bool:
        """Take a rule back in the same way. False if it does not hold any more."""
        return self._between_syncs(lambda lease, now: self.ledger.undo_rule(lease, rule_id, user, now))

    def _between_syncs(self, work: Callable[[Lease, datetime], Result]) -> Result:
        for _ in range(TRIES - 1):
            try:
                return self._leased(work)
            except LedgerBusyError:
                self.wait(WAIT_SECONDS)
        return self._leased(work)

    def _leased(self, work: Callable[[Lease, datetime], Result]) -> Result:
        now = self.clock()
        with self.ledger.lease(SYNC, now) as lease:
            return work(lease, now)
