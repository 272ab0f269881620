"""The post office: takes the ledger's deliveries to people in Slack, each exactly once where Slack lets us look.

A delivery is claimed, looked for if an earlier try may have got through, written down as being sent, sent, and written
down as sent. Whatever breaks off in between, whoever claims it next goes on from what is written.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.errors import SlackError
from bot.ledger.deliveries import Claimed, Delivery, Kind, NewDelivery, Role, State
from bot.ledger.outbox import Outbox
from bot.ledger.withdrawals import Withdrawal
from bot.slack.alert_copies import without
from bot.slack.api import UNREACHABLE, Person, Posted, RefusedError, SlackApi, UnconfirmedError
from bot.slack.destinations import Destinations, GroupError, NobodyError, Target, WaitError
from bot.slack.files import UNSURE, file_of, is_file, without_file
from bot.slack.messages import Message
from bot.slack.notes.deliveries import redirected, repeated
from bot.slack.people import LARGEST_GROUP
from bot.slack.refusals import Refusals
from bot.slack.routes import Route, carries, next_of

# How long after a try that did not go through the next one is; the last holds for all that follow.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 300, 600, 1800))
# After so many tries a refusal that might have gone away is taken for one that does not.
TRIES = 12
LONGEST_WAIT = timedelta(hours=1)
# A message that may have been accepted is looked for so often, so far apart: Slack may show it late.
LOOKS = 2
LOOK_AGAIN = timedelta(seconds=30)
# Slack's clock and ours differ by less.
CLOCKS_DIFFER = timedelta(minutes=5)
# For what has to wait for another delivery.
WAIT = timedelta(seconds=30)
# What has waited for somebody's morning can be sent for so long then, however soon it was to be given up.
LASTS_AWAKE = timedelta(hours=2)
# The work of one call: so many deliveries or changes, and so many places that Slack lets hang.
MOST = 50
MOST_UNANSWERED = 3


# When a member may hear of a threshold of so many percent at the earliest.
Awake = Callable[[Person, datetime, int], datetime]

_log = logging.getLogger(__name__)


def _always(person: Person, now: datetime, percent: int) -> datetime:
    del person, percent
    return now


class PostOffice:
    """Everything that it knows stands in the ledger: it can be stopped anywhere, and several may work side by side."""

    name = "the post office"

    def __init__(
        self,
        api: SlackApi,
        outbox: Outbox,
        route: Callable[[Delivery], Route],
        zone: ZoneInfo,
        awake: Awake = _always,
    ) -> None:
        """`route` says who else may be told of a delivery; `zone` is that of the times in messages. `awake` is asked
        of everybody just before they are told, whoever was meant to be."""
        self._api = api
        self._outbox = outbox
        self._route = route
        self._zone = zone
        self._awake = awake
        self._refusals = Refusals(outbox)
        self._destinations = Destinations(api, outbox, zone)

    def run(self, now: datetime) -> None:
        """Deliver what is due, and change what has changed. Raises LedgerError."""
        self.deliver(now)
        self.refresh(now)

    def deliver(self, now: datetime) -> int:
        """Try the deliveries that are due, MOST at most; gives how many were tried. One that Slack lets hang costs the
        others its time-out; after MOST_UNANSWERED of them the rest is left for the next call."""
        unanswered = 0
        for tried in range(MOST):
            claimed = self._outbox.claim_next(now)
            if claimed is None:
                return tried
            try:
                self._try(claimed, now)
            except UnconfirmedError as error:
                unanswered += 1
                self._outbox.record_unconfirmed(claimed, str(error), _again_at(claimed, now))
                if unanswered == MOST_UNANSWERED:
                    return tried + 1
            except Exception:  # noqa: BLE001 - a bug with one delivery must not stop the others; its claim runs out
                _log.exception("delivery %s failed; it is tried again", claimed.delivery.id)
        return MOST

    def refresh(self, now: datetime) -> int:
        """Change in Slack what says something else in the ledger; gives how many were changed. What Slack does not
        change for now is tried again at the next call."""
        stale = self._outbox.stale()
        # Another one is first each time, so that one that hangs is not always before the others.
        first = int(now.timestamp()) // 30 % len(stale) if stale else 0
        changed = unanswered = 0
        for delivery in [*stale[first:], *stale[:first]][:MOST]:
            try:
                self._change(delivery, now)
                changed += 1
            except RefusedError as error:
                if not error.permanent:
                    continue
                _log.warning("delivery %s cannot be changed in Slack: %s", delivery.id, error)
            except UnconfirmedError:
                unanswered += 1
                if unanswered == MOST_UNANSWERED:
                    break
                continue
            self._outbox.record_changed(delivery)
        return changed

    def _change(self, delivery: Delivery, now: datetime) -> None:
        place, ts = str(delivery.place), str(delivery.ts)
        message = Message.from_json(delivery.message)
        self._refusals.say(message, lambda form: self._api.update(place, ts, form), now)

    # --- one delivery ---

    def _try(self, claimed: Claimed, now: datetime) -> None:
        """Raises UnconfirmedError where Slack gave no clear answer."""
        if now >= claimed.delivery.expires:
            return self._expire(claimed, now)
        try:
            self._find_or_send(claimed, now)
        except WaitError:
            self._outbox.record_postponed(claimed, now + WAIT)
        except GroupError as group:
            self._split(claimed, group.members, now)
        except NobodyError as error:
            self._give_up(claimed, str(error), now)
        except RefusedError as error:
            self._refused(claimed, error, now)
        return None

    def _find_or_send(self, claimed: Claimed, now: datetime) -> None:
        delivery, is_repeat = claimed.delivery, False
        if delivery.unconfirmed_since is not None:
            if is_file(delivery):
                # Whether a file is there cannot be looked up.
                self._outbox.give_up(claimed, UNSURE, [without_file(delivery, UNSURE, now)], now)
                return None
            found, is_readable = self._look(delivery)
            if found is not None:
                return self._outbox.record_sent(claimed, *found, now, is_current=False)
            if is_readable and delivery.looks + 1 < LOOKS:
                return self._outbox.record_look(claimed, now + LOOK_AGAIN)
            is_repeat = not is_readable
        if by := self._outbox.overtaken(delivery):
            return self._withdraw(claimed, by, now)
        target = self._destinations.resolve(delivery)
        if self._destinations.is_told_at(target.place, delivery):
            self._outbox.give_up(claimed, "It is told there already.", [], now, is_told_elsewhere=True)
            return None
        begins = self._begins(target, delivery, now)
        if begins > now:
            self._outbox.record_postponed(claimed, begins, LASTS_AWAKE)
            return None
        known = self._refusals.known(now)
        if self._outbox.record_sending(claimed, target.place, now):
            self._send(claimed, target, is_repeat, known, now)
        return None

    def _withdraw(self, claimed: Claimed, by: Mapping[str, str], now: datetime) -> None:
        """A higher threshold is told instead of these alerts; a lower one after it would only confuse."""
        delivery = claimed.delivery
        left = without(self._outbox, delivery, by, self._outbox.deliveries_of(delivery.events), self._zone)
        self._outbox.withdraw(claimed, Withdrawal(by, {delivery.id: left}), now)

    def _send(self, claimed: Claimed, target: Target, is_repeat: bool, known: frozenset[str], now: datetime) -> None:
        """At once: whoever were held up here, by as little as a look into the ledger, would send what others have
        looked for meanwhile, not found, and sent."""
        if is_file(claimed.delivery):
            self._api.upload(target.place, *file_of(claimed.delivery), target.thread)
            self._outbox.record_sent(claimed, target.place, target.thread or "", now)
            return
        message = Message.from_json(claimed.delivery.message)
        if is_repeat:
            message = repeated(message)
        posted = self._refusals.say(
            message, lambda form: self._api.post(target.place, form, claimed.delivery.id, target.thread), now, known
        )
        self._outbox.record_sent(claimed, *posted, now)

    def _look(self, delivery: Delivery) -> tuple[Posted | None, bool]:
        """Where an earlier try stands in Slack, if it does; and whether that place can be looked at at all."""
        if delivery.place is None or delivery.unconfirmed_since is None:
            return None, True
        try:
            parent = self._destinations.parent(delivery)
            since = delivery.unconfirmed_since - CLOCKS_DIFFER
            return self._api.find(delivery.place, delivery.id, since, parent.ts if parent is not None else None), True
        except RefusedError as error:
            if not error.permanent:
                raise
            return None, False

    def _begins(self, target: Target, delivery: Delivery, now: datetime) -> datetime:
        """When it may be sent at the earliest: an alert can be too little to wake anybody."""
        if target.person is None or delivery.kind is not Kind.ALERT:
            return now
        events = [event for key in delivery.events if (event := self._outbox.event(key)) is not None]
        return self._awake(target.person, now, max((event.threshold for event in events), default=0))

    def _split(self, claimed: Claimed, members: tuple[str, ...], now: datetime) -> None:
        """A message to each member of a small group; a large one hears of it in a channel."""
        delivery = claimed.delivery
        if not 0 < len(members) <= LARGEST_GROUP:
            return self._give_up(claimed, f"It is a group of {len(members)} members.", now)
        told = {one.recipient for one in self._alive(delivery) if carries([one], delivery)}
        message = Message.from_json(delivery.message)
        each = [_instead(delivery, one, delivery.role, message, now) for one in members if one not in told]
        self._outbox.give_up(claimed, "Its members get one each.", each, now, is_told_elsewhere=True)
        return None

    # --- how it ends otherwise ---

    def _refused(self, claimed: Claimed, error: RefusedError, now: datetime) -> None:
        delivery = claimed.delivery
        is_waiting = error.retry_after is not None or error.code == UNREACHABLE
        if error.permanent or (delivery.tries + 1 >= TRIES and not is_waiting):
            return self._give_up(claimed, str(error), now)
        again_at = _again_at(claimed, now)
        if error.retry_after is not None:
            again_at = now + min(timedelta(seconds=error.retry_after), LONGEST_WAIT)
        if delivery.unconfirmed_since is not None:
            # This try is sure not to have got through, but one before may have.
            return self._outbox.record_unconfirmed(claimed, str(error), again_at)
        return self._outbox.record_refused(claimed, str(error), again_at)

    def _give_up(self, claimed: Claimed, problem: str, now: datetime) -> None:
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

    def _expire(self, claimed: Claimed, now: datetime) -> None:
        """Nobody needs it any more, unless it stands there already."""
        delivery = claimed.delivery
        try:
            found, _ = self._look(delivery)
        except (SlackError, WaitError, NobodyError):
            found = None
        if found is not None:
            return self._outbox.record_sent(claimed, *found, now, is_current=False)
        problem = f"It was too late for it. {delivery.problem or ''}".rstrip()
        self._outbox.give_up(claimed, problem, [], now, is_told_elsewhere=carries(self._alive(delivery), delivery))
        return None

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
