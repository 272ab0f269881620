"""Where a delivery goes: the place in Slack that its recipient reads, or the thread that it belongs to."""

from typing import NamedTuple

from bot.ledger.deliveries import Delivery, State
from bot.ledger.outbox import Outbox
from bot.slack.api import SlackApi
from bot.slack.people import is_group, is_person
from bot.slack.routes import carries


class Target(NamedTuple):
    """Where a delivery goes: a place and, if it is a reply, the message above it."""

    place: str
    thread: str | None = None


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

    def __init__(self, api: SlackApi, outbox: Outbox) -> None:
        self._api = api
        self._outbox = outbox

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
        return Target(self._api.direct(person.id))

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
        """Whether others have told all of it there: somebody can be named twice, by address and in a group. Raises
        WaitError while one of them may be about to."""
        there = [one for one in self._outbox.deliveries_of(delivery.events) if one.place == place]
        others = [one for one in there if one.id != delivery.id]
        if carries([one for one in others if one.state is State.SENT], delivery):
            return True
        begun = [one for one in others if one.state is State.OPEN and one.unconfirmed_since is not None]
        if delivery.unconfirmed_since is not None:
            # Of two that may both have been sent, one has to go first.
            begun = [one for one in begun if one.id < delivery.id]
        if carries(begun, delivery):
            raise WaitError
        return False
