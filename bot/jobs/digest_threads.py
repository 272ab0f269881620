"""What stands in the thread of a digest: one reply with a row for every feature and the alerts of its days, which is
changed when any figure of its own does; all rows as a file, and after each correction as another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from bot.domain.catalog import Catalog
from bot.errors import SlackError
from bot.ledger.deliveries import Delivery, Kind, NewDelivery, Role, State
from bot.ledger.events import Event, NewEvent
from bot.ledger.forgetting import GONE, NO_TEXT, is_forgotten
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger
from bot.render.data import to_csv
from bot.render.page import fingerprint
from bot.reports.digest import Digest
from bot.reports.digest_reporter import DigestReporter
from bot.slack.alert_copies import facts_of
from bot.slack.digest_message import ToldAlert, thread_message, thread_page
from bot.slack.files import file_message, is_file_message

# How long after a digest or a correction was announced more under it is still worth something.
LASTS = timedelta(hours=12)

# What is due first is sent first: a file does not come before the words about it.
_AFTER_WORDS = timedelta(microseconds=1)

_SHOWN = "shown"

_PUBLIC = "C"  # ids of channels begin so; a link into somebody's direct messages helps nobody else


@dataclass(frozen=True, slots=True)
class DigestThreads:
    """Says more under digests that stand in their channels, once. `permalink` gives the address of a message; it may
    raise SlackError."""

    ledger: Ledger
    catalog: Callable[[], Catalog]
    zone: ZoneInfo
    week_start: int
    permalink: Callable[[str, str], str]
    name: ClassVar[str] = "the digest's thread"

    def run(self, now: datetime) -> None:
        """Announce what is missing. Raises LedgerError."""
        now = now.astimezone(UTC)
        for event in self._outbox.recent_events(Kind.DIGEST, now - LASTS):
            if self._outbox.event(_key(event)) is None and not is_forgotten(event):
                self._open(event, now)
        corrections = self._outbox.recent_events(Kind.CORRECTION, now - LASTS)
        # The file of a digest's last one has the rows of those before it, too.
        for key, correction in {one.facts["digest"]: one for one in corrections}.items():
            digest = self._outbox.event(key)
            if digest is None or is_forgotten(digest):
                continue
            if self._outbox.event(_file_key(correction)) is None:
                self._follow(digest, correction, now)

    def changes(self, event: Event, digest: Digest | None) -> dict[str, Mapping[str, Any]]:
        """What the reply under a digest says now, by delivery id, if it shows other figures than before; nothing where
        there is none. `digest` is what the digest says now, None for one that is taken back. The file is as of its
        time, and the reply says so. Raises LedgerError."""
        told = self._outbox.event(_key(event))
        if told is None:
            return {}
        replies = [
            one
            for one in self._outbox.deliveries_of([told.key])
            if one.role is Role.CHANNEL and one.state in (State.OPEN, State.SENT)
        ]
        if digest is None:
            return {one.id: {**NO_TEXT, _SHOWN: GONE} for one in replies if one.message.get(_SHOWN) != GONE}
        whole, alerts, file_at = digest.whole, self._alerts(digest), told.created.astimezone(self.zone)
        shown = _shown(whole, alerts)
        return {
            one.id: _kept(replace(whole, is_update=one.state is State.SENT), alerts, file_at)
            for one in replies
            if one.message.get(_SHOWN) != shown  # it has none if an older llmcost made it
        }

    def _open(self, event: Event, now: datetime) -> None:
        """The reply and the file."""
        if (above := self._standing(event)) is None:
            return
        digest = self._digest(event, now)
        messages = [
            (_key(event), _kept(digest, self._alerts(digest))),
            (_file_key(event), file_message(f"llmcost-digest-{digest.morning}.csv", to_csv(digest))),
        ]
        self._announce(event, above, messages, now)

    def _follow(self, event: Event, correction: Event, now: datetime) -> None:
        """A file with the rows as they were corrected, unless one that is as young stands there."""
        first = self._outbox.event(_file_key(event))
        if first is not None and first.created.timestamp() >= correction.created.timestamp():
            return
        if (above := self._standing(event)) is None:
            return
        digest = self._digest(event, now)
        name = f"llmcost-digest-{digest.morning}-corrected-{digest.now:%Y-%m-%d-%H%M}.csv"
        self._announce(event, above, [(_file_key(correction), file_message(name, to_csv(digest)))], now)

    def _announce(
        self, event: Event, above: Delivery, messages: Sequence[tuple[str, Mapping[str, Any]]], now: datetime
    ) -> None:
        self._outbox.announce(
            [NewEvent(key, Kind.DETAILS, {"digest": event.key}) for key, _ in messages],
            [
                NewDelivery(
                    kind=Kind.DETAILS,
                    role=Role.CHANNEL,
                    recipient=above.recipient,
                    events=(key,),
                    message=message,
                    not_before=now + _AFTER_WORDS if is_file_message(message) else now,
                    expires=now + LASTS,
                    thread=above.id,
                )
                for key, message in messages
            ],
            now,
        )

    def _standing(self, event: Event) -> Delivery | None:
        """The digest as it stands in its channel, if it does."""
        found = self._outbox.deliveries_of([event.key])
        return next((one for one in found if one.role is Role.CHANNEL and one.state is State.SENT), None)

    def _digest(self, event: Event, now: datetime) -> Digest:
        facts = event.facts
        found = DigestReporter(self.ledger, self.catalog, self.zone, self.week_start).digest(
            date.fromisoformat(facts["morning"]),
            now,
            before=date.fromisoformat(facts["before"]) if facts["before"] is not None else None,
            features=facts["features"],
        )
        return found.whole

    def _alerts(self, digest: Digest) -> list[ToldAlert]:
        """The alerts that were decided on its days, the first first."""
        found = []
        for event in self._outbox.recent_events(Kind.ALERT, digest.period.start):
            facts = facts_of(event)
            is_about = digest.features is None or self.catalog().name_of(facts.state.feature) in digest.features
            if event.superseded_by is None and is_about and event.created.timestamp() < digest.period.end.timestamp():
                found.append(ToldAlert(facts, event.created.astimezone(self.zone), self._link(event)))
        return sorted(found, key=lambda one: (one.at.timestamp(), one.facts.state.feature))

    def _link(self, event: Event) -> str | None:
        """To where all can read it, if it stands in a channel."""
        for one in self._outbox.deliveries_of([event.key]):
            if one.state is State.SENT and one.ts and (one.place or "").startswith(_PUBLIC):
                try:
                    return self.permalink(str(one.place), one.ts)
                except SlackError:
                    return None
        return None

    @property
    def _outbox(self) -> Outbox:
        return self.ledger.outbox


def _kept(digest: Digest, alerts: Sequence[ToldAlert], file_at: datetime | None = None) -> dict[str, Any]:
    """The reply, with what it shows beside it, to see later whether that has changed."""
    return {**thread_message(digest, alerts, file_at=file_at).as_json(), _SHOWN: _shown(digest, alerts)}


def _shown(digest: Digest, alerts: Sequence[ToldAlert]) -> str:
    """A fingerprint of the figures that people see, without what only says as of when they are."""
    return fingerprint(thread_page(digest, alerts))


def _key(event: Event) -> str:
    return f"thread:{event.key}"


def _file_key(event: Event) -> str:
    """Of the file that a digest or a correction brings."""
    return f"{_key(event)}:file"
