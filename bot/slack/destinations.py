"""Where a delivery goes: the place in Slack that its recipient reads, or the thread that it belongs to."""

from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.period import first_instant
from bot.ledger.deliveries import Delivery, Kind, State
from bot.ledger.outbox import Outbox
from bot.slack.api import Person, SlackApi
from bot.slack.people import is_group, is_person
from bot.slack.routes import is_digest, is_told_at


class Target(NamedTuple):
    """Where a delivery goes: a place and, if it is a reply, the message above it; whose it is, if it is a member's."""

    place: str
    thread: str | None = None
    person: Person | None = None


class WaitError(Exception):
    """It is too early for this delivery."""


class NobodyError(Exception):
    """This recipient will never get it; says why."""


class GroupError(Exception):
    """The recipient is a group of these people."""

    def __init__(self, members: tuple[str, ...]) -> None:
        super().__init__()
        self.members = members


class Destinations:
    """Asks Slack and the ledger, and changes nothing."""

    def __init__(self, api: SlackApi, outbox: Outbox, zone: ZoneInfo) -> None:
        """`zone` is that of the days of digests."""
        self._api = api
        self._outbox = outbox
        self._zone = zone

    def resolve(self, delivery: Delivery) -> Target:
        """Where it goes as things are. Raises WaitError, GroupError, NobodyError, and SlackError where Slack does not
        say."""
        parent = self.parent(delivery)
        if parent is not None:
            return Target(str(parent.place), parent.ts)
        recipient = delivery.recipient
        if is_group(recipient):
            raise GroupError(self._api.members(recipient))
        if not is_person(recipient):
            return Target(self._api.channel(recipient))
        person = self._api.person(recipient)
        if not person.reachable:
            raise NobodyError(f"{recipient} is not (or no longer) a member of this Slack.")
        return Target(self._api.direct(person.id), person=person)

    def parent(self, delivery: Delivery) -> Delivery | None:
        """The delivery in whose thread this one stands, as it was sent, or what was sent instead of it. Raises
        WaitError and NobodyError."""
        if delivery.thread is None:
            return None
        parent = self._outbox.find(delivery.thread)
        family = self._outbox.deliveries_of(parent.events) if parent is not None else []
        for one in family if parent is None or parent.state is State.REPLACED else [parent]:
            if one.state is State.SENT:
                return one
            if one.state is State.OPEN:
                raise WaitError
        raise NobodyError("What it is about reached nobody.")

    def is_told_at(self, place: str, delivery: Delivery) -> bool:
        """See bot.slack.routes.is_told_at. Raises WaitError while it is not certain."""
        beside = self._outbox.deliveries_of(self._same_mornings(delivery) or delivery.events)
        is_told = is_told_at(place, delivery, beside)
        if is_told is None:
            raise WaitError
        return is_told

    def _same_mornings(self, delivery: Delivery) -> list[str]:
        """The keys of all digests of the morning of a digest; none for anything else."""
        event = self._outbox.event(delivery.events[0]) if is_digest(delivery) else None
        morning = event.facts.get("morning") if event is not None else None
        if morning is None:
            return []
        since = first_instant(date.fromisoformat(morning), self._zone)
        events = self._outbox.recent_events(Kind.DIGEST, since)
        return [one.key for one in events if one.facts.get("morning") == morning]
