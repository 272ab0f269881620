"""Every copy of an alert says the same: messages are made again from the ledger, whoever changed something."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.money import dollars
from bot.ledger.deliveries import Delivery, Kind, Role, State
from bot.ledger.events import Event
from bot.ledger.outbox import Outbox
from bot.render.names import plain
from bot.reports.budgets import AlertFacts
from bot.slack.alert_message import Card, Done, alert_message
from bot.slack.messages import Message

_MOST_PEOPLE = 3


def event_facts(facts: AlertFacts, whys: Mapping[str, str]) -> dict[str, Any]:
    """What an alert's event keeps: what it is about, its facts, and why each recipient was chosen."""
    return {"feature": facts.state.feature, "alert": facts.to_json(), "whys": dict(whys)}


def facts_of(event: Event) -> AlertFacts:
    """The facts of an alert's event."""
    return AlertFacts.from_json(event.facts["alert"])


def copies(outbox: Outbox, keys: Collection[str], zone: ZoneInfo) -> list[tuple[Delivery, Message]]:
    """Every delivery of these alerts with what it says now."""
    found = outbox.deliveries_of(keys)
    return [(one, message_of(outbox, one, found, zone)) for one in found]


def change_copies(outbox: Outbox, keys: Collection[str], zone: ZoneInfo) -> list[tuple[Delivery, Message]]:
    """Make every copy say what is so now; gives them."""
    found = copies(outbox, keys, zone)
    while True:
        outbox.change({delivery.id: message.as_json() for delivery, message in found})
        again = copies(outbox, keys, zone)
        # Somebody else may have changed something after it was read here: whoever writes last has looked last.
        if [message for _, message in again] == [message for _, message in found]:
            return again
        found = again


def message_of(outbox: Outbox, delivery: Delivery, beside: Sequence[Delivery], zone: ZoneInfo) -> Message:
    """What a delivery says now; `beside` are the other deliveries of its events."""
    events = [event for key in delivery.events if (event := outbox.event(key)) is not None]
    alerts = [event for event in events if event.kind is Kind.ALERT]
    alerts.sort(key=lambda event: (-facts_of(event).state.used, event.key))
    return alert_message(
        cards(outbox, alerts, zone), delivery.role, why(delivery.role, delivery.recipient, alerts, beside)
    )


def without(
    outbox: Outbox, delivery: Delivery, keys: Collection[str], beside: Sequence[Delivery], zone: ZoneInfo
) -> dict[str, Any] | None:
    """What a delivery says without these alerts, as JSON's values; None where nothing is left."""
    rest = delivery._replace(events=tuple(key for key in delivery.events if key not in keys))
    return message_of(outbox, rest, beside, zone).as_json() if rest.events else None


def cards(outbox: Outbox, events: Sequence[Event], zone: ZoneInfo) -> list[Card]:
    """Alerts with what was done about them."""
    snoozed = outbox.snoozed([event.subject for event in events])
    limits = {(one.feature, one.window): one for one in outbox.set_limits()}
    found = []
    for event in events:
        facts = facts_of(event)
        snooze, limit = snoozed.get(event.subject), limits.get((facts.state.feature, facts.state.window))
        acknowledged = changed = None
        if event.acknowledged_by is not None and event.acknowledged_at is not None:
            acknowledged = Done(event.acknowledged_by, event.acknowledged_at.astimezone(zone))
        if limit is not None and limit.set_at >= event.created:
            until = limit.until.astimezone(zone) if limit.until is not None else None
            changed = Done(limit.set_by, limit.set_at.astimezone(zone), until, dollars(limit.limit_nanos))
        slept = None
        if snooze is not None and snooze.at >= event.created:
            slept = Done(snooze.by, snooze.at.astimezone(zone), snooze.until.astimezone(zone))
        found.append(Card(event.key, facts, acknowledged, slept, changed))
    return found


def why(role: Role, recipient: str, alerts: Sequence[Event], beside: Sequence[Delivery]) -> str:
    """Why somebody gets an alert."""
    features = ", ".join(dict.fromkeys(plain(facts_of(event).state.feature) for event in alerts[:_MOST_PEOPLE]))
    if role is Role.ESCALATION:
        return f"You see this because nobody has acknowledged it: the owners of {features} were told before."
    if role is Role.FALLBACK:
        lost = [one for one in beside if one.state is State.REPLACED]
        names = ", ".join(dict.fromkeys(plain(one.recipient) for one in lost[:_MOST_PEOPLE]))
        return f"You see this instead of {names or 'the owner'}, whom Slack could not reach."
    for event in alerts:
        if known := event.facts["whys"].get(recipient):
            return str(known)
    return f"You see this because {features} has no owner that Slack can reach."
