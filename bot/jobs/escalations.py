"""The word to others when nobody has seen to a budget that is far over its limit."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.domain.alert import judged_at
from bot.domain.catalog import Catalog
from bot.domain.money import nanos
from bot.errors import SlackError
from bot.ledger.deliveries import Delivery, Kind, NewDelivery, Role, State
from bot.ledger.events import Event, NewEvent
from bot.ledger.outbox import Outbox
from bot.slack.alert_copies import cards, facts_of, why
from bot.slack.alert_message import alert_message

FROM_PERCENT = 150
AFTER = timedelta(hours=4)
LASTS = timedelta(days=3)

# How far back alerts are looked at: for as long as one may be on its way, and some.
_RECENT = timedelta(days=7)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Escalations:
    """Tells once of an alert that nobody has acknowledged: the feature's channel, else the digest's, else the admins;
    never where it stands already. `channel_id` gives the id of `#name` and raises SlackError."""

    outbox: Outbox
    catalog: Callable[[], Catalog]
    zone: ZoneInfo
    channel_id: Callable[[str], str]
    digest_channel: str | None
    admins: tuple[str, ...]
    name: ClassVar[str] = "escalations"

    def run(self, now: datetime) -> None:
        """Escalate what is due. Raises LedgerError."""
        groups: dict[tuple[str, ...], list[Event]] = {}
        for event in self._open(now):
            deliveries = self.outbox.deliveries_of([event.key])
            if _is_due(deliveries, now) and (targets := self._targets(event, deliveries)):
                groups.setdefault(targets, []).append(event)
        for targets, events in groups.items():
            self._escalate(targets, events, now)

    def _open(self, now: datetime) -> list[Event]:
        """The highest alert of each budget and period, if it is far over, still holds, and nobody has seen to it."""
        highest: dict[str, Event] = {}
        for event in self.outbox.recent_events(Kind.ALERT, now - _RECENT):
            if event.superseded_by is None and event.threshold >= highest.get(event.subject, event).threshold:
                highest[event.subject] = event
        catalog, limits = self.catalog(), self.outbox.every_limit()
        found = []
        for event, card in zip(highest.values(), cards(self.outbox, list(highest.values()), self.zone), strict=True):
            state = card.facts.state
            is_seen = card.acknowledged or card.snoozed or card.changed
            if event.threshold >= FROM_PERCENT and not is_seen:
                in_force = catalog.budgets(limits, judged_at(state.end, now))
                held = {(one.budget.feature, one.budget.window): one.budget.limit_nanos for one in in_force}
                if held.get((state.feature, state.window)) == nanos(state.limit):
                    found.append(event)
        return found

    def _targets(self, event: Event, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        """Where to escalate to; nothing if everybody has it, or if that was done."""
        if self.outbox.event(_key(event)) is not None:
            return ()
        carried = set[str]()
        for one in deliveries:
            if one.state in {State.OPEN, State.SENT}:
                carried |= {one.recipient, self._id(one.recipient), one.place or one.recipient}
        feature = self.catalog().features.get(facts_of(event).state.feature)
        for channel in (feature.channel if feature is not None else None, self.digest_channel):
            if channel is not None and not {channel, self._id(channel)} & carried:
                return (channel,)
        return tuple(admin for admin in self.admins if admin not in carried)

    def _id(self, name: str) -> str:
        if not name.startswith("#"):
            return name
        try:
            return self.channel_id(name)
        except SlackError as error:
            _log.info("a channel could not be looked up: %s", error)
            return name

    def _escalate(self, targets: Sequence[str], events: Sequence[Event], now: datetime) -> None:
        worst = sorted(events, key=lambda event: (-facts_of(event).state.used, event.key))
        keys = tuple(event.key for event in worst)
        said = alert_message(cards(self.outbox, worst, self.zone), Role.ESCALATION, why(Role.ESCALATION, "", worst, ()))
        deliveries = [
            NewDelivery(Kind.ALERT, Role.ESCALATION, target, keys, said.as_json(), now, now + LASTS)
            for target in targets
        ]
        done = [NewEvent(_key(event), Kind.ESCALATION, {}) for event in worst]
        if self.outbox.announce(done, deliveries, now) is not None:
            _log.info("nobody has acknowledged %d alerts: others are told", len(worst))


def _key(event: Event) -> str:
    return f"escalation:{event.key}"


def _is_due(deliveries: Sequence[Delivery], now: datetime) -> bool:
    sent = [one.sent_at for one in deliveries if one.sent_at is not None]
    return bool(sent) and now.astimezone(UTC) - min(sent) >= AFTER
