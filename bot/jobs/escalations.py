"""The word to others when nobody has seen to a budget that is far over its limit."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.domain.alert import judged_at
from bot.domain.budget import SetLimit
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
        groups: dict[tuple[str, ...], list[list[Event]]] = {}
        for rising in self._open(now):
            is_done = any(self.outbox.event(_key(event)) is not None for event in rising)
            if not is_done and _is_due(self.outbox.deliveries_of([event.key for event in rising]), now):
                highest = rising[-1]
                if targets := self._targets(highest, self.outbox.deliveries_of([highest.key])):
                    groups.setdefault(targets, []).append(rising)
        for targets, found in groups.items():
            self._escalate(targets, found, now)

    def _open(self, now: datetime) -> list[list[Event]]:
        """For each budget and period that is far over a limit which holds the alerts that nobody has seen to, from the
        lowest to the highest: spend that goes on rising does not give more time."""
        events = [one for one in self.outbox.recent_events(Kind.ALERT, now - _RECENT) if one.superseded_by is None]
        catalog, limits = self.catalog(), self.outbox.every_limit()
        unseen: dict[tuple[object, ...], list[Event]] = {}
        for event, card in sorted(
            zip(events, cards(self.outbox, events, self.zone), strict=True), key=lambda pair: pair[0].threshold
        ):
            state = facts_of(event).state  # its subject has the name of that time
            about = (catalog.name_of(state.feature), state.window, state.period, state.limit, state.where)
            if card.acknowledged or card.snoozed or card.changed:
                unseen.pop(about, None)  # who has seen the higher one has seen these
            elif event.threshold >= FROM_PERCENT:
                unseen.setdefault(about, []).append(event)
        return [rising for rising in unseen.values() if _holds(rising[-1], catalog, limits, now)]

    def _targets(self, event: Event, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        """Where to escalate to; nothing if everybody has it."""
        carried = set[str]()
        for one in deliveries:
            if one.state in {State.OPEN, State.SENT}:
                carried |= {one.recipient, self._id(one.recipient), one.place or one.recipient}
        catalog = self.catalog()
        feature = catalog.features.get(catalog.name_of(facts_of(event).state.feature))
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

    def _escalate(self, targets: Sequence[str], found: Sequence[Sequence[Event]], now: datetime) -> None:
        """The highest alert of each is told, and all of them count as escalated."""
        worst = sorted((rising[-1] for rising in found), key=lambda event: (-facts_of(event).state.used, event.key))
        keys = tuple(event.key for event in worst)
        said = alert_message(cards(self.outbox, worst, self.zone), Role.ESCALATION, why(Role.ESCALATION, "", worst, ()))
        deliveries = [
            NewDelivery(Kind.ALERT, Role.ESCALATION, target, keys, said.as_json(), now, now + LASTS)
            for target in targets
        ]
        done = [NewEvent(_key(event), Kind.ESCALATION, {}) for rising in found for event in rising]
        if self.outbox.announce(done, deliveries, now) is not None:
            _log.info("nobody has acknowledged %d alerts: others are told", len(worst))


def _key(event: Event) -> str:
    return f"escalation:{event.key}"


def _holds(event: Event, catalog: Catalog, limits: Sequence[SetLimit], now: datetime) -> bool:
    """Whether its limit is the one of its period."""
    state = facts_of(event).state
    in_force = catalog.budgets(limits, judged_at(state.end, now))
    held = {(one.budget.feature, one.budget.window): one.budget.limit_nanos for one in in_force}
    return held.get((catalog.name_of(state.feature), state.window)) == nanos(state.limit)


def _is_due(deliveries: Sequence[Delivery], now: datetime) -> bool:
    sent = [one.sent_at for one in deliveries if one.sent_at is not None]
    return bool(sent) and now.astimezone(UTC) - min(sent) >= AFTER
