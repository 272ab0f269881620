"""The post office: takes the ledger's deliveries to people in Slack, each exactly once where Slack lets us look.

A delivery is claimed, looked for if an earlier try may have got through, written down as being sent, sent, and written
down as sent. Whatever breaks off in between, whoever claims it next goes on from what is written.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.errors import LedgerNewerError, SlackError
from bot.ledger.claims import Claimed
from bot.ledger.deliveries import Delivery, Kind
from bot.ledger.outbox import Outbox
from bot.ledger.withdrawals import Withdrawal
from bot.slack.alert_copies import without
from bot.slack.api import Person, Posted, RefusedError, SlackApi, UnconfirmedError
from bot.slack.destinations import Destinations, GroupError, NobodyError, Target, WaitError
from bot.slack.files import UNSURE, file_of, is_file, without_file
from bot.slack.messages import Message
from bot.slack.notes.deliveries import repeated
from bot.slack.refusals import Refusals
from bot.slack.routes import Route
from bot.slack.undelivered import Undelivered

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
        self._zone = zone
        self._awake = awake
        self._refusals = Refusals(outbox)
        self._destinations = Destinations(api, outbox, zone)
        self._undelivered = Undelivered(outbox, route)

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
                self._undelivered.leave_unconfirmed(claimed, error, now)
                if unanswered == MOST_UNANSWERED:
                    return tried + 1
            except LedgerNewerError:
                raise
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
            self._undelivered.split(claimed, group.members, now)
        except NobodyError as error:
            self._undelivered.give_up(claimed, str(error), now)
        except RefusedError as error:
            self._undelivered.refuse(claimed, error, now)
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

    def _expire(self, claimed: Claimed, now: datetime) -> None:
        """Nobody needs it any more, unless it stands there already."""
        delivery = claimed.delivery
        try:
            found, _ = self._look(delivery)
        except (SlackError, WaitError, NobodyError):
            found = None
        if found is not None:
            return self._outbox.record_sent(claimed, *found, now, is_current=False)
        return self._undelivered.expire(claimed, now)
