"""What stands in the thread of a digest: one reply with a row for every feature and the alerts of its days, and all
rows as a file."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.domain.catalog import Catalog
from bot.errors import SlackError
from bot.ledger.deliveries import Delivery, Kind, NewDelivery, Role, State
from bot.ledger.events import Event, NewEvent
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger
from bot.render.data import to_csv
from bot.reports.digest import Digest
from bot.reports.digest_reporter import DigestReporter
from bot.slack.alert_copies import facts_of
from bot.slack.digest_message import ToldAlert, thread_message
from bot.slack.files import file_message

# How long after a digest was announced its thread is still worth something.
LASTS = timedelta(hours=12)

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
            if self._outbox.event(_key(event)) is not None:
                continue
            for delivery in self._outbox.deliveries_of([event.key]):
                if delivery.role is Role.CHANNEL and delivery.state is State.SENT:
                    self._announce(event, delivery, now)
                    break

    def _announce(self, event: Event, digest_delivery: Delivery, now: datetime) -> None:
        digest = self._digest(event, now)
        name = f"llmcost-digest-{digest.morning}.csv"
        messages = [
            (_key(event), thread_message(digest, self._alerts(digest)).as_json()),
            (f"{_key(event)}:file", file_message(name, to_csv(digest))),
        ]
        self._outbox.announce(
            [NewEvent(key, Kind.DETAILS, {"digest": event.key}) for key, _ in messages],
            [
                NewDelivery(
                    kind=Kind.DETAILS,
                    role=Role.CHANNEL,
                    recipient=digest_delivery.recipient,
                    events=(key,),
                    message=message,
                    not_before=now,
                    expires=now + LASTS,
                    thread=digest_delivery.id,
                )
                for key, message in messages
            ],
            now,
        )

    def _digest(self, event: Event, now: datetime) -> Digest:
        facts = event.facts
        return DigestReporter(self.ledger, self.catalog, self.zone, self.week_start).digest(
            date.fromisoformat(facts["morning"]),
            now,
            before=date.fromisoformat(facts["before"]) if facts["before"] is not None else None,
            features=facts["features"],
            top=None,
        )

    def _alerts(self, digest: Digest) -> list[ToldAlert]:
        """The alerts that were decided on its days, the first first."""
        found = []
        for event in self._outbox.recent_events(Kind.ALERT, digest.period.start):
            facts = facts_of(event)
            is_about = digest.features is None or facts.state.feature in digest.features
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


def _key(event: Event) -> str:
    return f"thread:{event.key}"
