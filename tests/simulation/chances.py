"""Whether somebody could have been told: from what Slack refused, and from when nothing went wrong."""

from datetime import datetime

from bot.jobs.digests import WAIT
from bot.ledger.deliveries import Delivery, Role
from bot.slack.post_office import LOOKS
from bot.slack.undelivered import BACKOFF
from tests.simulation.town import Town


def could_be_sent(town: Town, since: datetime, until: datetime) -> bool:
    """Whether the post office went a round in which nothing went wrong, after what waits for a sync has waited. Where
    something did go wrong it waits for as long as it ever does, and then looks, before it sends."""
    rounds = [one for one in town.rounds if since <= one.at < until]
    wrong = [one.at + BACKOFF[-1] for one in rounds if not one.is_clean]
    later = [one for one in rounds if one.at >= max([since + WAIT, *wrong])]
    return len(later) > (LOOKS if wrong else 0)


def chain(town: Town, delivery: Delivery) -> list[str]:
    """Its recipient and all who come after: the channel of its features, the digest's, the admins."""
    if delivery.role is Role.ADMIN:
        return [delivery.recipient]
    events = [town.outbox.event(key) for key in delivery.events]
    features = {str(event.facts.get("feature")) for event in events if event is not None}
    known = town.catalog.features
    channels = {known[name].channel if name in known else None for name in features}
    (channel,) = channels if len(channels) == 1 else (None,)
    settings = town.settings
    return [one for one in (delivery.recipient, channel, settings.digest_channel, *settings.admins) if one is not None]


def was_refused(town: Town, who: str, since: datetime, until: datetime) -> bool:
    """Whether Slack said no, or nothing, to a call about that recipient: closed, gone, or something went wrong."""
    names = places(town, who)
    return any(since <= one.at <= until and one.where in names for one in town.slack.troubles)


def places(town: Town, who: str) -> set[str]:
    """What a recipient is called in calls to Slack, and where they read."""
    if "@" in who:
        person = town.slack.member(who)
        return {who, person, f"D{person[1:]}"}
    if who.startswith("#"):
        return {who, f"C{who[1:].upper()}"}
    return {who, f"D{who[1:]}"}
