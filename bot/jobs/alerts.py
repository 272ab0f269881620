"""The check of the budgets after each sync: which crossing is told, to whom, and when."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from bot.domain.alert import crossed, due, event_key, merged, subject, superseded
from bot.domain.catalog import BudgetInForce, Catalog
from bot.errors import SlackError
from bot.jobs.budget_periods import to_check
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger
from bot.ledger.withdrawals import Withdrawal, waits
from bot.render.names import plain
from bot.reports.budget_reporter import BudgetReporter
from bot.reports.budgets import AlertFacts
from bot.slack.alert_copies import event_facts, without
from bot.slack.alert_message import Card, alert_message

# An alert that could not be sent for so long tells of figures that nobody acts on any more.
LASTS = timedelta(days=3)

# Whom an alert is for where there is nobody at all: it stays visible as undeliverable.
NOBODY = "nobody"

LOOKED = "the last sync after which budgets were checked"

_log = logging.getLogger(__name__)


class Recipient(Protocol):
    """Somebody who is told: a Slack id, an email address or a channel, and a sentence that says why they are."""

    @property
    def id(self) -> str:
        """Whom to send it to."""
        ...

    @property
    def why(self) -> str:
        """Why they get it."""
        ...


# Who hears of a feature that is owned by these; raises SlackError if Slack does not say.
Recipients = Callable[[Sequence[str], str], Sequence[Recipient]]

# When somebody may be told of a threshold of so many percent at the earliest; raises SlackError likewise.
NotBefore = Callable[[str, datetime, int], datetime]


class Told(NamedTuple):
    """Somebody who is told, and as what."""

    id: str
    why: str
    role: Role


class _Crossing(NamedTuple):
    key: str
    subject: str
    former: Sequence[str]  # the subject as it was under earlier names of the feature
    one: BudgetInForce
    told_before: int
    facts: AlertFacts


@dataclass(frozen=True, slots=True)
class Alerts:
    """Announces each crossing once, all of one look in one transaction. What it knows is in the ledger."""

    ledger: Ledger
    catalog: Callable[[], Catalog]
    zone: ZoneInfo
    week_start: int
    recipients: Recipients
    not_before: NotBefore
    digest_channel: str | None
    admins: tuple[str, ...]
    name: ClassVar[str] = "the check of the budgets"

    def run(self, now: datetime) -> None:
        """Check every budget, if there was a useful sync since the last check. Raises LedgerError."""
        outbox = self.ledger.outbox
        # Also without a sync: a budget is known from the first look on that finds it.
        catalog = self.catalog()
        checked = to_check(self.ledger, catalog, self.zone, self.week_start, now)
        looked = outbox.mark(LOOKED)
        with self.ledger.reading() as reading:
            sync = reading.last_sync(useful=True)
            if sync is None or looked == str(sync.number):
                return
            look = BudgetReporter(reading, self.zone, self.week_start, now)
            levels, crossings = dict[str, int](), list[_Crossing]()
            # The first is what it is about; under the others it may have been told when the feature had another name.
            subjects = [
                [subject(one.budget._replace(feature=name), period) for name in catalog.names_of(one.budget.feature)]
                for one, period in checked
            ]
            memories = reading.memories([about for known in subjects for about in known], sync.number)
            for (one, period), known in zip(checked, subjects, strict=True):
                about, spent = known[0], look.spent(one, period)
                memory = merged(memories[about], [memories[before] for before in known[1:]])
                levels[about] = crossed(one.budget, spent)
                threshold = due(one.budget, period, spent, memory, now)
                if threshold is not None:
                    facts = look.alert(one, period, spent, threshold)
                    crossings.append(_Crossing(event_key(about, threshold), about, known[1:], one, memory.told, facts))
        if self._announce(crossings, levels, sync.number, now):
            outbox.set_mark(LOOKED, str(sync.number))

    def _announce(self, crossings: Sequence[_Crossing], levels: dict[str, int], sync: int, now: datetime) -> bool:
        events, groups = list[NewEvent](), dict[tuple[str, Role], list[tuple[_Crossing, str]]]()
        for crossing in crossings:
            told = self._told(crossing.one)
            for one in told:
                groups.setdefault((one.id, one.role), []).append((crossing, one.why))
            whys = {one.id: one.why for one in told}
            threshold, budget = crossing.facts.threshold, crossing.one.budget
            events.append(_event(crossing.key, crossing, crossing.facts, whys, None))
            events += [
                _event(
                    event_key(crossing.subject, at), crossing, crossing.facts._replace(threshold=at), whys, crossing.key
                )
                for at in superseded(budget, crossing.told_before, threshold)
            ]
        deliveries = [self._delivery(id_, role, about, now) for (id_, role), about in groups.items()]
        withdrawal = self._withdrawal(crossings)
        ids = self.ledger.outbox.announce(events, deliveries, now, levels=levels, sync=sync, withdrawal=withdrawal)
        if ids is None:
            _log.info("another process has told of the budgets already; they are looked at again")
        elif crossings:
            _log.info("%d budgets to tell of, in %d messages", len(crossings), len(ids))
        return ids is not None

    def _withdrawal(self, crossings: Sequence[_Crossing]) -> Withdrawal:
        """Lower thresholds that still wait for somebody's morning are not told after the higher one."""
        outbox = self.ledger.outbox
        by = {
            event_key(about, at): crossing.key
            for crossing in crossings
            for about in (crossing.subject, *crossing.former)
            for at in {*crossing.one.budget.alert_at, crossing.told_before}
            if 0 < at <= crossing.told_before
        }
        beside = outbox.deliveries_of(by)
        return Withdrawal(by, {one.id: without(outbox, one, by, beside, self.zone) for one in filter(waits, beside)})

    def _delivery(self, id_: str, role: Role, about: Sequence[tuple[_Crossing, str]], now: datetime) -> NewDelivery:
        worst = sorted(about, key=lambda item: (-item[0].facts.state.used, item[0].key))
        cards = [Card(crossing.key, crossing.facts) for crossing, _ in worst]
        begins = now
        try:
            begins = self.not_before(id_, now, max(card.facts.threshold for card in cards))
        except SlackError as error:
            # Whoever sends it has to look them up, and asks again what hour it is there.
            _log.warning("it is not known yet when an alert may go out: %s", error)
        return NewDelivery(
            kind=Kind.ALERT,
            role=role,
            recipient=id_,
            events=tuple(card.key for card in cards),
            message=alert_message(cards, role, worst[0][1]).as_json(),
            not_before=begins,
            expires=begins + LASTS,
        )

    def _told(self, one: BudgetInForce) -> list[Told]:
        """Who hears of a budget: its owners; without one its channel, else the digest's, else the admins."""
        name = one.budget.feature
        if one.owners:
            try:
                owners = [Told(found.id, found.why, Role.OWNER) for found in self.recipients(one.owners, name)]
            except SlackError as error:
                # Whoever sends it asks again, for as long as it takes.
                _log.warning("the owners of %s are told without having been looked up: %s", plain(name), error)
                owners = [
                    Told(owner, f"You get this because you own {plain(name)}.", Role.OWNER) for owner in one.owners
                ]
            if owners:
                return list({one.id: one for one in owners}.values())
        nobody = f"{plain(name)} has no owner{' that Slack knows' if one.owners else ''}"
        feature = self.catalog().features.get(name)
        if channel := (feature.channel if feature is not None else None) or self.digest_channel:
            return [Told(channel, f"This is told here because {nobody}.", Role.CHANNEL)]
        why = f"You get this as an admin, because {nobody} and no channel."
        return [Told(admin, why, Role.ADMIN) for admin in self.admins or (NOBODY,)]


def _event(
    key: str, crossing: _Crossing, facts: AlertFacts, whys: dict[str, str], superseded_by: str | None
) -> NewEvent:
    return NewEvent(
        key, Kind.ALERT, event_facts(facts, whys), crossing.subject, facts.threshold, superseded_by=superseded_by
    )
