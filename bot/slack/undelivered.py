"""What becomes of a delivery that does not get through: it is tried again later, others are told instead, or nobody
is."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.ledger.claims import Claimed
from bot.ledger.deliveries import Delivery, NewDelivery, Role, State
from bot.ledger.outbox import Outbox
from bot.slack.api import UNREACHABLE, RefusedError, UnconfirmedError
from bot.slack.files import is_file, without_file
from bot.slack.messages import Message
from bot.slack.notes.deliveries import redirected
from bot.slack.people import LARGEST_GROUP
from bot.slack.routes import Route, carries, next_of

# How long after a try that did not go through the next one is; the last holds for all that follow.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 300, 600, 1800))
# After so many tries a refusal that might have gone away is taken for one that does not.
TRIES = 12
LONGEST_WAIT = timedelta(hours=1)

_log = logging.getLogger(__name__)


class Undelivered:
    """Writes into the ledger what comes next; sends nothing."""

    def __init__(self, outbox: Outbox, route: Callable[[Delivery], Route]) -> None:
        """`route` says who else may be told of a delivery."""
        self._outbox = outbox
        self._route = route

    def leave_unconfirmed(self, claimed: Claimed, error: UnconfirmedError, now: datetime) -> None:
        """Slack did not say whether it took it: it is tried again."""
        self._outbox.record_unconfirmed(claimed, str(error), _again_at(claimed, now))

    def refuse(self, claimed: Claimed, error: RefusedError, now: datetime) -> None:
        """Slack did not take it: it is tried again if that can help."""
        delivery = claimed.delivery
        is_waiting = error.retry_after is not None or error.code == UNREACHABLE
        if error.permanent or (delivery.tries + 1 >= TRIES and not is_waiting):
            return self.give_up(claimed, str(error), now)
        again_at = _again_at(claimed, now)
        if error.retry_after is not None:
            again_at = now + min(timedelta(seconds=error.retry_after), LONGEST_WAIT)
        if delivery.unconfirmed_since is not None:
            # This try is sure not to have got through, but one before may have.
            return self._outbox.record_unconfirmed(claimed, str(error), again_at)
        return self._outbox.record_refused(claimed, str(error), again_at)

    def give_up(self, claimed: Claimed, problem: str, now: datetime) -> None:
        """This recipient will not get it: whoever is next does."""
        delivery = claimed.delivery
        _log.warning("delivery %s does not reach %s: %s", delivery.id, delivery.recipient, problem)
        if is_file(delivery):
            self._outbox.give_up(claimed, problem, [without_file(delivery, problem, now)], now)
            return
        then = next_of(delivery, self._outbox.deliveries_of(delivery.events), self._route(delivery))
        message = Message.from_json(delivery.message)
        if delivery.role is not Role.FALLBACK:
            message = redirected(message, delivery.recipient, problem)
        instead = [_instead(delivery, one, Role.FALLBACK, message, now) for one in then.recipients]
        self._outbox.give_up(claimed, problem, instead, now, is_told_elsewhere=then.is_told_elsewhere)

    def split(self, claimed: Claimed, members: tuple[str, ...], now: datetime) -> None:
        """A message to each member of a small group; a large one hears of it in a channel."""
        delivery = claimed.delivery
        if not 0 < len(members) <= LARGEST_GROUP:
            return self.give_up(claimed, f"It is a group of {len(members)} members.", now)
        told = {one.recipient for one in self._alive(delivery) if carries([one], delivery)}
        message = Message.from_json(delivery.message)
        each = [_instead(delivery, one, delivery.role, message, now) for one in members if one not in told]
        self._outbox.give_up(claimed, "Its members get one each.", each, now, is_told_elsewhere=True)
        return None

    def expire(self, claimed: Claimed, now: datetime) -> None:
        """Nobody needs it any more."""
        delivery = claimed.delivery
        problem = f"It was too late for it. {delivery.problem or ''}".rstrip()
        self._outbox.give_up(claimed, problem, [], now, is_told_elsewhere=carries(self._alive(delivery), delivery))

    def _alive(self, delivery: Delivery) -> list[Delivery]:
        """The other deliveries of its events that have been sent or may be."""
        family = self._outbox.deliveries_of(delivery.events)
        return [one for one in family if one.id != delivery.id and one.state in (State.OPEN, State.SENT)]


def _again_at(claimed: Claimed, now: datetime) -> datetime:
    """When to try again what did not go through: later each time, at its end at the latest."""
    return min(now + BACKOFF[min(claimed.delivery.tries, len(BACKOFF) - 1)], claimed.delivery.expires)


def _instead(delivery: Delivery, recipient: str, role: Role, message: Message, now: datetime) -> NewDelivery:
    return NewDelivery(
        kind=delivery.kind,
        role=role,
        recipient=recipient,
        events=delivery.events,
        message=message.as_json(),
        not_before=now,
        expires=delivery.expires,
    )
