"""The morning digests: which are due is announced, and those that were sent are looked at again while figures of their
days can still change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import quote

from bot.domain.catalog import Catalog
from bot.domain.digest import Schedule
from bot.domain.period import first_instant
from bot.jobs.audiences import Audience, audiences
from bot.ledger import changed_days
from bot.ledger.deliveries import Delivery, Kind, NewDelivery, Role, State
from bot.ledger.events import Event, NewEvent
from bot.ledger.forgetting import GONE, NO_TEXT, is_forgotten
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger
from bot.render.data import as_dict
from bot.render.page import fingerprint, page
from bot.reports.answers import Spend
from bot.reports.covering import extent
from bot.reports.digest import Digest
from bot.reports.digest_reporter import DigestReporter
from bot.reports.watch import PATIENCE
from bot.slack.digest_message import correction_message, digest_message

# A digest whose days have not been read to their end waits for a sync that may just be running. Not longer: that it is
# sent counts more than that it is complete, and it will be updated.
WAIT = timedelta(minutes=3)

# How often digests that were sent are looked at again, and for how long after their morning: until late costs are in
# and a while more, or until their days are settled.
LOOK_EVERY = timedelta(minutes=5)
LOOKED_AT = timedelta(days=4)
LOOKED_AT_UNSETTLED = timedelta(days=10)

# A total that has changed by more than this is worth a word of its own.
_CORRECTED_SHARE = Decimal("0.01")
_CORRECTED_DOLLARS = Decimal(1)

_MARK = "digests looked at"


def _no_replies(event: Event, digest: Digest | None) -> Mapping[str, Mapping[str, Any]]:
    """Where nothing stands under digests."""
    del event, digest
    return {}


@dataclass(frozen=True, slots=True)
class Digests:
    """Announces digests, each once, whatever else runs beside it; the post office delivers them. `channel` gets one
    of everything. `channel_id` gives the id of `#name` and raises SlackError. `replies` gives those deliveries in
    a digest's thread that say something else now, and what, told what the digest says now (None: it is taken back)."""

    ledger: Ledger
    catalog: Callable[[], Catalog]
    schedule: Schedule
    week_start: int
    channel: str | None
    channel_id: Callable[[str], str]
    patience: timedelta = PATIENCE  # how long reading may fail before it is an outage
    replies: Callable[[Event, Digest | None], Mapping[str, Mapping[str, Any]]] = _no_replies
    name: ClassVar[str] = "the digest"

    def run(self, now: datetime) -> None:
        """Announce what is due, and look again at what was. Raises LedgerError."""
        now = now.astimezone(UTC)
        morning = self.schedule.morning(now)
        if morning is not None and self._was_ever_read():
            for audience in self._audiences():
                self._announce(audience, morning, now, self.schedule.expires(morning))
        self._look_again(now)

    def post(self, channel: str, morning: date, now: datetime) -> bool:
        """Announce the digest of a morning to one of the channels, whether or not it is due. False if that has been
        done already: there is one for each morning. Raises LedgerError."""
        now = now.astimezone(UTC)
        audience = next(one for one in self._audiences() if channel in one.written)
        return self._announce(audience, morning, now, now + self.schedule.grace)

    def _is_announced(self, audience: Audience, morning: date) -> bool:
        """Whether the digest of a morning was, under whatever name of its channel."""
        if self._outbox.event(event_key(audience.id, morning)) is not None:
            return True
        events = self._outbox.recent_events(Kind.DIGEST, first_instant(morning, self.schedule.zone))
        same = [event for event in events if event.facts["morning"] == morning.isoformat()]
        if any(event.facts["channel"] in audience.names for event in same):
            return True
        deliveries = self._outbox.deliveries_of([event.key for event in same])
        return any(one.role is Role.CHANNEL and one.place == audience.id for one in deliveries)

    def _announce(self, audience: Audience, morning: date, now: datetime, expires: datetime) -> bool:
        if self._is_announced(audience, morning):
            return False
        channel, features = audience.written[0], audience.features
        key = event_key(audience.id, morning)
        before = self._reporter.before(morning, audience.names)
        # Nobody has been waiting for the first of all.
        is_late = before is not None and self.schedule.is_late(morning, now)
        was_due = self.schedule.due_at(morning) if is_late else None
        digest = self._reporter.digest(morning, now, before=before, features=features, was_due=was_due)
        facts = {
            "channel": channel,
            "features": list(features) if features is not None else None,
            "morning": morning.isoformat(),
            "before": before.isoformat() if before is not None else None,
            "was_due": was_due.isoformat() if was_due is not None else None,
            "figures": as_dict(digest),
        }
        not_before = now if _is_complete(digest) else min(now + WAIT, max(now, expires - WAIT))
        message = _kept(digest, told=digest.total)
        delivery = NewDelivery(Kind.DIGEST, Role.CHANNEL, channel, (key,), message, not_before, expires)
        return self._outbox.announce([NewEvent(key, Kind.DIGEST, facts)], [delivery], now) is not None

    # What was announced before

    def _look_again(self, now: datetime) -> None:
        mark = self._outbox.mark(_MARK)
        # A clock that was set back would else stop all looking until it is where it was.
        looked = datetime.fromisoformat(mark) if mark is not None and datetime.fromisoformat(mark) <= now else None
        is_time = looked is None or now - looked >= LOOK_EVERY
        changed = self._look_at_changed_days(now)
        settled = self._settled_through()
        # As old as they were when they were looked at last: what was read meanwhile, while this job was down, counts.
        since = looked or now
        for event in self._outbox.recent_events(Kind.DIGEST, since - LOOKED_AT_UNSETTLED):
            since_morning = since - first_instant(date.fromisoformat(event.facts["morning"]), self.schedule.zone)
            is_settled = settled is not None and settled.isoformat() >= _last_day(event)
            if event.key not in changed and (since_morning < LOOKED_AT or not is_settled):
                self._look_at(event, now, is_time=is_time)
        if is_time:
            self._outbox.set_mark(_MARK, now.isoformat())

    def _look_at_changed_days(self, now: datetime) -> set[str]:
        """However old they are: prices or features have changed on demand, or runs have come in very late. Gives the
        events that were looked at."""
        changed = self._outbox.mark(changed_days.MARK)
        if not changed:
            return set()
        first = first_instant(date.fromisoformat(changed.partition(" ")[0]), self.schedule.zone)
        events = self._outbox.recent_events(Kind.DIGEST, first)
        for event in events:
            self._look_at(event, now, is_time=True)
        if self._outbox.mark(changed_days.MARK) == changed:
            self._outbox.set_mark(changed_days.MARK, "")
        return {event.key for event in events}

    def _look_at(self, event: Event, now: datetime, *, is_time: bool) -> None:
        """Those that wait to be sent are looked at each time: they shall go out with what is known then. What others
        got instead of the channel stays as it was."""
        live = [
            delivery
            for delivery in self._outbox.deliveries_of([event.key])
            if delivery.role is Role.CHANNEL
            and (delivery.state is State.OPEN or (delivery.state is State.SENT and is_time))
        ]
        if not live:
            return
        facts = event.facts
        if is_forgotten(event):
            self._take_back(event, live)
            return
        digest = self._reporter.digest(
            date.fromisoformat(facts["morning"]),
            now,
            before=date.fromisoformat(facts["before"]) if facts["before"] is not None else None,
            features=facts["features"],
            was_due=datetime.fromisoformat(facts["was_due"]) if facts["was_due"] is not None else None,
        )
        for delivery in live:
            self._update(delivery, digest)
        sent = [delivery for delivery in live if delivery.state is State.SENT]
        if sent:
            # Also where the digest shows the same: under it stands what it has no room for.
            self._outbox.change(self.replies(event, digest))
        if sent and _is_complete(digest):
            self._correct(event, sent, digest, now)

    def _update(self, delivery: Delivery, digest: Digest) -> None:
        """Nobody is told of an update who has not seen it before."""
        if _digest_of(delivery)["shown"] == _shown(digest):
            return
        if delivery.state is State.SENT:
            # An outage of now is none of a message that stands: nothing would take it away again.
            message = _kept(replace(digest, is_update=True, silence=None), told=_told(delivery))
        else:
            message = _kept(digest, told=digest.total)
        self._outbox.change({delivery.id: message})

    def _take_back(self, event: Event, live: Sequence[Delivery]) -> None:
        """A digest of features that were purged has no figures: a $0 would be a lie, and its text named them."""
        for delivery in live:
            kept = _digest_of(delivery)
            if kept["shown"] != GONE:
                message = {**NO_TEXT, "digest": {**kept, "shown": GONE}}
                self._outbox.change({delivery.id: message, **self.replies(event, None)})

    def _correct(self, event: Event, sent: list[Delivery], digest: Digest, now: datetime) -> None:
        """A word under the digest if its total is far from what people were told last."""
        told, number = _told(sent[0]), 1
        while (earlier := self._outbox.event(_correction_key(event, number))) is not None:
            told, number = _spend(earlier.facts["told"]), number + 1
        difference = abs(digest.total.cost - told.cost)
        if difference <= _CORRECTED_DOLLARS or difference <= told.cost * _CORRECTED_SHARE:
            return
        key = _correction_key(event, number)
        facts = {"digest": event.key, "channel": event.facts["channel"], "told": _as_json(digest.total)}
        message = correction_message(digest, told).as_json()
        expires = now + self.schedule.grace
        deliveries = [
            NewDelivery(Kind.CORRECTION, one.role, one.recipient, (key,), message, now, expires, one.id) for one in sent
        ]
        self._outbox.announce([NewEvent(key, Kind.CORRECTION, facts)], deliveries, now)

    def _audiences(self) -> list[Audience]:
        return audiences(self.catalog(), self.channel, self.channel_id)

    @property
    def _outbox(self) -> Outbox:
        return self.ledger.outbox

    @property
    def _reporter(self) -> DigestReporter:
        return DigestReporter(self.ledger, self.catalog, self.schedule.zone, self.week_start, self.patience)

    def _was_ever_read(self) -> bool:
        with self.ledger.reading() as reading:
            return any(project.watermark is not None for project in reading.projects(selected_only=True))

    def _settled_through(self) -> date | None:
        with self.ledger.reading() as reading:
            projects = reading.projects(selected_only=True)
            return extent(projects, reading.gaps(), self.schedule.zone).settled_through


def event_key(channel: str, morning: date) -> str:
    """The key under which the digest of a morning is announced in a channel (its id), once."""
    return f"digest:{quote(channel, safe='#')}:{morning}"


def _correction_key(event: Event, number: int) -> str:
    return f"correction:{event.key}:{number}"


def _last_day(event: Event) -> str:
    """The last day that it is about, as ISO 8601."""
    return (date.fromisoformat(event.facts["morning"]) - timedelta(days=1)).isoformat()


def _is_complete(digest: Digest) -> bool:
    """Whether its days have been read to their end."""
    as_of = digest.coverage.as_of
    return as_of is not None and as_of.timestamp() >= digest.period.end.timestamp()


# What is kept with a message beside it: what it shows, to see later whether that has changed, and the total that people
# were told when it was sent.


def _kept(digest: Digest, told: Spend) -> dict[str, Any]:
    return {**digest_message(digest).as_json(), "digest": {"shown": _shown(digest), "told": _as_json(told)}}


def _digest_of(delivery: Delivery) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = delivery.message["digest"]
    return kept


def _told(delivery: Delivery) -> Spend:
    return _spend(_digest_of(delivery)["told"])


def _shown(digest: Digest) -> str:
    """A fingerprint of the figures that people see, without what only says how late it is."""
    coverage = digest.coverage
    still = replace(coverage, age=timedelta() if coverage.age is not None else None)
    return fingerprint(page(replace(digest, silence=None, is_update=False, coverage=still)))


def _as_json(spend: Spend) -> dict[str, Any]:
    return {"cost": str(spend.cost), "runs": spend.runs, "unpriced_runs": spend.unpriced_runs}


def _spend(kept: Mapping[str, Any]) -> Spend:
    return Spend(Decimal(kept["cost"]), kept["runs"], kept["unpriced_runs"])
