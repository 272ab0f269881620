"""Who may change a budget's limit, and what happens when somebody does. Permissions are judged by what the ledger and
the file say now, never by what a button carries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.budget import Budget, SetLimit, Window
from bot.domain.catalog import BudgetInForce, Catalog, Feature
from bot.ledger.booking import microseconds
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.outbox import Told
from bot.ledger.spending import Where
from bot.ledger.store import Ledger, Reading
from bot.render.names import plain
from bot.reports.budget_reporter import BudgetReporter
from bot.slack.messages import Message
from bot.slack.notes.budgets import limit_changed
from bot.slack.presses import is_member

_LASTS = timedelta(days=1)
# Whether a member may change what is owned by these: an owner, somebody in an owning group, an admin.
MayChange = Callable[[str, Sequence[str]], bool]


class Standing(NamedTuple):
    """A budget as it counts now. `budget` is None where there is no limit yet; `spent` are nano-dollars in the running
    period, which ends at `period_end`."""

    feature: str
    window: Window
    in_force: BudgetInForce | None
    owners: tuple[str, ...]
    spent: int
    period_end: datetime


@dataclass(frozen=True, slots=True)
class LimitDesk:
    """Looks limits up and sets them."""

    ledger: Ledger
    catalog: Callable[[], Catalog]
    zone: ZoneInfo
    week_start: int
    may_change: MayChange
    digest_channel: str | None

    def standing(self, feature: str, window: Window, now: datetime) -> Standing:
        """How the budget of a feature and window stands, whether or not there is one. It may be asked for by a former
        name of the feature, as an old alert has it, and keeps that: whoever changes it there sees so there."""
        in_force, name = self._in_force(feature, window, now), self.catalog().name_of(feature)
        configured = self.catalog().features.get(name, Feature(name))
        asked = in_force or BudgetInForce(
            Budget(name, window, 1, configured.alert_at, configured.where), configured.owners, None
        )

        def work(reading: Reading) -> Standing:
            look = BudgetReporter(reading, self.zone, self.week_start, now)
            period = look.running(window)
            return Standing(feature, window, in_force, asked.owners, look.spent(asked, period), period.span.end)

        return self.ledger.read(work)

    def refusal(self, user: str, feature: str, window: Window, now: datetime) -> str | None:
        """Why a member may not change this budget, in a sentence; None if they may. Raises SlackError if Slack does not
        say who is in an owning group."""
        if not is_member(user):
            return "Slack does not say who you are."
        owners = self._owners(feature, window, now)
        if not owners or self.may_change(user, owners):
            return None
        return f"Only the owners of {plain(feature)} and the admins of llmcost may change this."

    def set(
        self,
        user: str,
        standing: Standing,
        limit_nanos: int,
        now: datetime,
        *,
        until: datetime | None = None,
        owners: tuple[str, ...] = (),
        alert_at: tuple[int, ...] | None = None,
        where: Where | None = None,
    ) -> bool:
        """Set a limit that `refusal` does not speak against. A feature without an owner tells the digest's channel.
        No `owners`, and None, leave these as they are. False if it stood so already."""
        feature, window, in_force = standing.feature, standing.window, standing.in_force
        stated = self.catalog().features.get(self.catalog().name_of(feature), Feature(feature)).budgets
        kept = in_force.set_limit if in_force is not None else None
        new = SetLimit(
            feature=feature,
            window=window,
            limit_nanos=limit_nanos,
            set_by=user,
            set_at=now,
            until=until,
            file_limit=next((budget.limit_nanos for budget in stated if budget.window is window), None),
            owners=owners or (kept.owners if kept is not None else ()),
            alert_at=alert_at if alert_at is not None or kept is None else kept.alert_at,
            where=where if where is not None or kept is None else kept.where,
        )
        old = in_force.budget.limit_nanos if in_force is not None else None
        return self.ledger.outbox.set_limit(new, old, self._told(new, old) if not standing.owners else ((), ()))

    def _in_force(self, feature: str, window: Window, now: datetime) -> BudgetInForce | None:
        found = self.catalog().budgets(self.ledger.outbox.set_limits(), now)
        wanted = (self.catalog().name_of(feature), window)
        return next((one for one in found if (one.budget.feature, one.budget.window) == wanted), None)

    def told(self, feature: str, window: Window, key: str, said: Message, now: datetime) -> Told:
        """The word to the digest's channel, once for each `key`, that a member has done what anybody may do, because
        the budget has no owner; nothing where it has one."""
        if self._owners(feature, window, now):
            return (), ()
        return self._word(key, feature, said, now)

    def _owners(self, feature: str, window: Window, now: datetime) -> tuple[str, ...]:
        in_force, name = self._in_force(feature, window, now), self.catalog().name_of(feature)
        return self.catalog().features.get(name, Feature(name)).owners if in_force is None else in_force.owners

    def _told(self, new: SetLimit, old: int | None) -> Told:
        key = f"limit:{new.window}:{microseconds(new.set_at)}:{new.set_by}"
        return self._word(key, new.feature, limit_changed(new, old), new.set_at)

    def _word(self, key: str, feature: str, said: Message, now: datetime) -> Told:
        if self.digest_channel is None:
            return (), ()
        delivery = NewDelivery(
            Kind.NOTICE, Role.CHANNEL, self.digest_channel, (key,), said.as_json(), now, now + _LASTS
        )
        return [NewEvent(key, Kind.NOTICE, {"feature": feature})], [delivery]
