"""What must hold at the end of every story."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from bot.domain.digest import Schedule
from bot.domain.period import local_day
from bot.ledger.deliveries import Delivery, Kind, Role, State
from bot.slack.files import is_file
from bot.slack.notes.deliveries import REPEAT
from bot.slack.people import is_group
from tests.simulation.chances import chain, could_be_sent, places, was_refused
from tests.simulation.town import Town

# From 18:00 to 09:00, and what clocks may do meanwhile.
LONGEST_NIGHT = timedelta(hours=17)


def broken_laws(town: Town) -> list[str]:
    """The laws that were broken in a story, each once, in the order in which they stand here."""
    laws = [everything_ends, whom_nobody_tells_nobody_could]
    if not town.slack.troubles and not town.crashes.total():
        laws.append(in_peace_all_is_seen)
    laws += [seen_once, files_come_once, crossings_are_told, nobody_reads_a_lower_after_a_higher]
    if town.has_digests:
        laws.append(digests_come)
    laws.append(slack_shows_what_the_ledger_says)
    return list(dict.fromkeys(broken for law in laws for broken in law(town)))


def everything_ends(town: Town) -> Iterator[str]:
    waiting = town.outbox.latest(10_000, states=[State.OPEN])
    if any(one.next_try < town.now for one in waiting):
        yield "nothing is left lying about"
    if any(one.created <= town.now - LONGEST_NIGHT for one in waiting):
        yield "nothing waits for longer than a night"


def whom_nobody_tells_nobody_could(town: Town) -> Iterator[str]:
    """A file is left out: where its process died nobody can know whether it stands there."""
    for one in town.outbox.latest(10_000, states=[State.UNDELIVERABLE, State.REPLACED]):
        ended = town.looks.given_up.get(one.id)
        if ended is None:
            if one.state is not State.REPLACED:
                yield "what is withdrawn is told by another"
        elif ended >= one.expires:
            if could_be_sent(town, one.created, one.expires):
                yield "too late is only what nobody could send"
        elif not is_file(one):
            yield from _was_given_up_rightly(town, one, ended)


def _was_given_up_rightly(town: Town, one: Delivery, ended: datetime) -> Iterator[str]:
    family = town.outbox.deliveries_of(one.events)
    began = min(other.created for other in family)
    if one.state is State.UNDELIVERABLE:
        if not all(was_refused(town, who, began, ended) for who in chain(town, one)):
            yield "undeliverable is only what nobody of all could be told"
    elif not is_group(one.recipient):
        told = {other.place for other in family if other.state is State.SENT} & places(town, one.recipient)
        if not told and not was_refused(town, one.recipient, began, ended):
            yield "others get only what its recipient has already or could not be told"


def in_peace_all_is_seen(town: Town) -> Iterator[str]:
    """Or waits for somebody's morning."""
    waiting = {key for one in town.outbox.latest(10_000, states=[State.OPEN]) for key in one.events}
    for kind in Kind:
        for event in town.outbox.recent_events(kind, town.began):
            family = town.outbox.deliveries_of([event.key])
            words = [one for one in family if not is_file(one)]
            is_told = event.superseded_by is None and (words or town.looks.told.get(event.subject) == event.threshold)
            if is_told and event.key not in waiting and not _stands(town, family):
                yield "where nothing goes wrong all that is told stands in Slack"


def _stands(town: Town, family: Collection[Delivery], until: datetime | None = None) -> bool:
    """Whether one of these, of which the ledger says so, stands in Slack, since before `until`."""
    sent = {one.id for one in family if one.state is State.SENT}
    return any(one.key in sent and (until is None or one.at < until) for one in town.slack.messages)


def seen_once(town: Town) -> Iterator[str]:
    by_key = defaultdict(list)
    for message in town.slack.messages:
        by_key[message.key].append(message)
    for messages in by_key.values():
        if len(messages) > 1 and not {message.place for message in messages} & town.slack.unreadable:
            yield "no key is seen twice where history is readable"
        if not all(REPEAT in message.versions[0]["text"] for message in messages[1:]):
            yield "a possible repeat says so"


def files_come_once(town: Town) -> Iterator[str]:
    files = Counter((file.place, file.thread, file.name) for file in town.slack.files)
    if any(times > 1 for times in files.values()):
        yield "no file is put anywhere twice"
    corrections = Counter(event.facts["digest"] for event in town.outbox.recent_events(Kind.CORRECTION, town.began))
    for event in town.outbox.recent_events(Kind.DIGEST, town.began):
        keys = [one.key for one in town.outbox.recent_events(Kind.DETAILS, town.began) if event.key in one.key]
        brought = sum(key.endswith(":file") for key in keys)
        if brought > 1 + corrections[event.key]:
            yield "a digest brings a file, and each correction at most another"


def crossings_are_told(town: Town) -> Iterator[str]:
    told: dict[str, set[int]] = defaultdict(set)
    for event in town.outbox.recent_events(Kind.ALERT, town.began):
        if not event.subject or event.superseded_by is not None:
            continue
        told[event.subject].add(event.threshold)
        if (event.subject, event.threshold) not in town.looks.told_at:
            yield "nothing is told that did not hold twice"
        family = town.outbox.deliveries_of([event.key])
        states = {one.state for one in family}
        waits = any(one.state is State.OPEN for one in family)
        if not waits and not states & {State.SENT, State.UNDELIVERABLE}:
            yield "it reaches somebody or is known to reach nobody"
    recorded = defaultdict(set)
    for event in town.outbox.recent_events(Kind.ALERT, town.began):
        recorded[event.subject].add(event.threshold)
    for subject, thresholds in told.items():
        lower = {at for at in town.looks.thresholds(subject) if at < max(thresholds)}
        if not lower <= recorded[subject]:
            yield "what need not be told any more is written down"
    if any(threshold not in told[subject] for subject, threshold in town.looks.told.items()):
        yield "the highest threshold that was crossed is told"


def nobody_reads_a_lower_after_a_higher(town: Town) -> Iterator[str]:
    """In the order in which it came to stand in Slack, wherever that is; but for escalations. Times would not tell: one
    that is sent while Slack is asked about the recipients of the next has the same."""
    events = {event.key: event for event in town.outbox.recent_events(Kind.ALERT, town.began)}
    highest: dict[str, int] = defaultdict(int)
    for message in town.slack.messages:
        delivery = town.outbox.find(message.key)
        if delivery is None:
            yield "nobody else posts here"
        elif delivery.kind is Kind.ALERT and delivery.role is not Role.ESCALATION:
            for event in (events[key] for key in delivery.events):
                if event.threshold < highest[event.subject]:
                    yield "nobody reads a lower threshold after a higher one"
                highest[event.subject] = event.threshold


def digests_come(town: Town) -> Iterator[str]:
    settings = town.settings
    schedule = Schedule(settings.digest_at, settings.digest_days, settings.digest_grace, town.zone)
    events = {event.key: event for event in town.outbox.recent_events(Kind.DIGEST, town.began)}
    told = {(event.facts["channel"], event.facts["morning"]): event.key for event in events.values()}
    if len(told) != len(events):
        yield "one digest for each channel and day"
    day = local_day(town.began, town.zone)
    while day <= local_day(town.now, town.zone):
        due, expires = schedule.due_at(day), schedule.expires(day)
        first = next((tick for tick in town.ticks if due <= tick < expires and town.looks.had_read(tick)), None)
        for channel in ("#costs", "#rag"):
            key = told.get((channel, day.isoformat()))
            if first is None:
                continue
            if key is None:
                yield "a digest each day"
            elif could_be_sent(town, first, expires) and not _stands(town, town.outbox.deliveries_of([key]), expires):
                yield "a digest that Slack would have taken is there in time"
        day += timedelta(days=1)
    for key in events:
        sent = [one for one in town.outbox.deliveries_of([key]) if one.state is State.SENT]
        if len({one.recipient for one in sent}) != len(sent):
            yield "one digest for each channel and day"


def slack_shows_what_the_ledger_says(town: Town) -> Iterator[str]:
    stale = {one.id for one in town.outbox.stale()}
    for one in town.outbox.latest(10_000, states=[State.SENT]):
        if is_file(one):
            continue
        here = (one.place, one.ts)
        last = next((message for message in town.slack.messages if (message.place, message.ts) == here), None)
        if last is None:
            yield "what is sent stands in Slack"
            continue
        if last.key != one.id:
            yield "under its own key"
        may_be_old = one.id in stale or one.place in town.slack.closed
        if not may_be_old and not last.form["text"].startswith(one.message["text"]):
            yield "Slack says what the ledger says"
