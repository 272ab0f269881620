"""Where a message goes that its recipient cannot get (pure): owner > feature channel > digest channel > admins."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.domain.catalog import Catalog
from bot.ledger.deliveries import Delivery, Kind, Role, State
from bot.ledger.events import Event

_ALIVE = (State.OPEN, State.SENT)


class Route(NamedTuple):
    """Who comes after a delivery's recipient, as configured; None where there is no such channel."""

    feature_channel: str | None = None
    digest_channel: str | None = None
    admins: tuple[str, ...] = ()

    def steps(self) -> list[tuple[str, ...]]:
        """Those who are tried together, in order."""
        channels = [(channel,) for channel in (self.feature_channel, self.digest_channel) if channel is not None]
        return [*dict.fromkeys(channels), *([self.admins] if self.admins else [])]


class Next(NamedTuple):
    """What comes of a delivery that is given up: these get it instead, or it is told to somebody already, or neither:
    then nobody can receive it."""

    recipients: tuple[str, ...] = ()
    is_told_elsewhere: bool = False


def route(events: Iterable[Event], catalog: Catalog, digest_channel: str | None, admins: Sequence[str]) -> Route:
    """The route of a delivery about these events. Only a channel that all their features share is a feature channel:
    nobody reads in their channel what is about others. An event's facts may name its `feature`."""
    named = {event.facts.get("feature") for event in events}
    features = [catalog.features.get(catalog.name_of(str(name))) for name in named]
    channels = {feature.channel if feature is not None else None for feature in features}
    return Route(channels.pop() if len(channels) == 1 else None, digest_channel, tuple(admins))


def next_of(delivery: Delivery, of_its_events: Iterable[Delivery], way: Route) -> Next:
    """Who comes after the recipient of `delivery`. Everybody is tried once; an admin who is told as an admin has nobody
    behind them. `of_its_events` are all deliveries about any of its events, itself included."""
    others = [one for one in of_its_events if one.id != delivery.id]
    alive = [one for one in others if one.state in _ALIVE]
    for step in way.steps() if delivery.role is not Role.ADMIN else []:
        carriers = [one for one in alive if one.recipient in step]
        if carries(carriers, delivery):
            return Next(is_told_elsewhere=True)
        tried = {delivery.recipient, *(one.recipient for one in others if one.state not in _ALIVE)}
        if untried := tuple(one for one in step if one not in tried):
            return Next(untried)
    return Next(is_told_elsewhere=carries(alive, delivery))


def is_told_at(place: str, delivery: Delivery, beside: Iterable[Delivery]) -> bool | None:
    """Whether others have told all of it there: somebody can be named twice, by address and in a group, and a channel
    by its name and its id. None while one of them may be about to. `beside` are all that could have."""
    others = [one for one in beside if one.place == place and one.id != delivery.id]
    if _tells([one for one in others if one.state is State.SENT], delivery):
        return True
    begun = [one for one in others if one.state is State.OPEN and one.unconfirmed_since is not None]
    if delivery.unconfirmed_since is not None:
        # Of two that may both have been sent, one has to go first.
        begun = [one for one in begun if one.id < delivery.id]
    return None if _tells(begun, delivery) else False


def _tells(others: Sequence[Delivery], delivery: Delivery) -> bool:
    """One digest of a morning is enough for a place, whatever it is about."""
    return carries(others, delivery) or (is_digest(delivery) and any(map(is_digest, others)))


def is_digest(delivery: Delivery) -> bool:
    """Whether it is a digest for those for whom it was made, not for others instead."""
    return delivery.kind is Kind.DIGEST and delivery.role is Role.CHANNEL


def carries(others: Iterable[Delivery], delivery: Delivery) -> bool:
    """Whether they tell of everything that `delivery` tells of."""
    told = {key for one in others for key in one.events}
    return bool(delivery.events) and told.issuperset(delivery.events)
