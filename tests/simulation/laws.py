"""What must hold at the end of every story."""

from collections import Counter, defaultdict
from collections.abc import Collection
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


def judge(town: Town) -> None:
    """Raises AssertionError, with the rule that was broken."""
    everything_ends(town)
    whom_nobody_tells_nobody_could(town)
    if not town.slack.troubles and not town.crashes.total():
        in_peace_all_is_seen(town)
    seen_once(town)
    files_come_once(town)
    crossings_are_told(town)
    nobody_reads_a_lower_after_a_higher(town)
    if town.has_digests:
        digests_come(town)
    slack_shows_what_the_ledger_says(town)


def everything_ends(town: Town) -> None:
    waiting = town.outbox.latest(10_000, states=[State.OPEN])
    assert not [one for one in waiting if one.next_try < town.now], "nothing is left lying about"
    assert all(one.created > town.now - LONGEST_NIGHT for one in waiting), "nothing waits for longer than a night"


def whom_nobody_tells_nobody_could(town: Town) -> None:
    """A file is left out: where its process died nobody can know whether it stands there."""
    for one in town.outbox.latest(10_000, states=[State.UNDELIVERABLE, State.REPLACED]):
        ended = town.looks.given_up.get(one.id)
        if ended is None:
            assert one.state is State.REPLACED, "what is withdrawn is told by another"
        elif ended >= one.expires:
            assert not could_be_sent(town, one.created, one.expires), "too late is only what nobody could send"
        elif not is_file(one):
            _was_given_up_rightly(town, one, ended)


def _was_given_up_rightly(town: Town, one: Delivery, ended: datetime) -> None:
    family = town.outbox.deliveries_of(one.events)
    began = min(other.created for other in family)
    if one.state is State.UNDELIVERABLE:
        for who in chain(town, one):
            assert was_refused(town, who, began, ended), "undeliverable is only what nobody of all could be told"
    elif not is_group(one.recipient):
        told = {other.place for other in family if other.state is State.SENT} & places(town, one.recipient)
        refused = was_refused(town, one.recipient, began, ended)
        assert told or refused, "others get only what its recipient has already or could not be told"


def in_peace_all_is_seen(town: Town) -> None:
    """Or waits for somebody's morning."""
    waiting = {key for one in town.outbox.latest(10_000, states=[State.OPEN]) for key in one.events}
    for kind in Kind:
        for event in town.outbox.recent_events(kind, town.began):
            family = town.outbox.deliveries_of([event.key])
            words = [one for one in family if not is_file(one)]
            is_told = event.superseded_by is None and (words or town.looks.told.get(event.subject) == event.threshold)
            if is_told and event.key not in waiting:
                assert _stands(town, family), "where nothing goes wrong all that is told stands in Slack"


def _stands(town: Town, family: Collection[Delivery], until: datetime | None = None) -> bool:
    """Whether one of these, of which the ledger says so, stands in Slack, since before `until`."""
    sent = {one.id for one in family if one.state is State.SENT}
    return any(one.key in sent and (until is None or one.at < until) for one in town.slack.messages)


def seen_once(town: Town) -> None:
    by_key = defaultdict(list)
    for message in town.slack.messages:
        by_key[message.key].append(message)
    for messages in by_key.values():
        if not {message.place for message in messages} & town.slack.unreadable:
            assert len(messages) == 1, "no key is seen twice where history is readable"
        assert all(REPEAT in message.versions[0]["text"] for message in messages[1:]), "a possible repeat says so"


def files_come_once(town: Town) -> None:
    files = Counter((file.place, file.thread, file.name) for file in town.slack.files)
    assert all(times == 1 for times in files.values()), "no file is put anywhere twice"
    corrections = Counter(event.facts["digest"] for event in town.outbox.recent_events(Kind.CORRECTION, town.began))
    for event in town.outbox.recent_events(Kind.DIGEST, town.began):
        keys = [one.key for one in town.outbox.recent_events(Kind.DETAILS, town.began) if event.key in one.key]
        brought = sum(key.endswith(":file") for key in keys)
        assert brought <= 1 + corrections[event.key], "a digest brings a file, and each correction at most another"


def crossings_are_told(town: Town) -> None:
    told: dict[str, set[int]] = defaultdict(set)
    for event in town.outbox.recent_events(Kind.ALERT, town.began):
        if not event.subject or event.superseded_by is not None:
            continue
        told[event.subject].add(event.threshold)
        assert (event.subject, event.threshold) in town.looks.told_at, "nothing is told that did not hold twice"
        family = town.outbox.deliveries_of([event.key])
        states = {one.state for one in family}
        waits = any(one.state is State.OPEN for one in family)
        assert waits or states & {State.SENT, State.UNDELIVERABLE}, "it reaches somebody or is known to reach nobody"
    recorded = defaultdict(set)
    for event in town.outbox.recent_events(Kind.ALERT, town.began):
        recorded[event.subject].add(event.threshold)
    for subject, thresholds in told.items():
        lower = {at for at in town.looks.thresholds(subject) if at < max(thresholds)}
        assert lower <= recorded[subject], "what need not be told any more is written down"
    for subject, threshold in town.looks.told.items():
        assert threshold in told[subject], "the highest threshold that was crossed is told"


def nobody_reads_a_lower_after_a_higher(town: Town) -> None:
    """In the order in which it came to stand in Slack, wherever that is; but for escalations. Times would not tell: one
    that is sent while Slack is asked about the recipients of the next has the same."""
    events = {event.key: event for event in town.outbox.recent_events(Kind.ALERT, town.began)}
    highest: dict[str, int] = defaultdict(int)
    for message in town.slack.messages:
        delivery = town.outbox.find(message.key)
        assert delivery is not None, "nobody else posts here"
        if delivery.kind is Kind.ALERT and delivery.role is not Role.ESCALATION:
            for event in (events[key] for key in delivery.events):
                assert event.threshold >= highest[event.subject], "nobody reads a lower threshold after a higher one"
                highest[event.subject] = event.threshold


def digests_come(town: Town) -> None:
    settings = town.settings
    schedule = Schedule(settings.digest_at, settings.digest_days, settings.digest_grace, town.zone)
    events = {event.key: event for event in town.outbox.recent_events(Kind.DIGEST, town.began)}
    told = {(event.facts["channel"], event.facts["morning"]): event.key for event in events.values()}
    assert len(told) == len(events), "one digest for each channel and day"
    day = local_day(town.began, town.zone)
    while day <= local_day(town.now, town.zone):
        due, expires = schedule.due_at(day), schedule.expires(day)
        first = next((tick for tick in town.ticks if due <= tick < expires and town.looks.had_read(tick)), None)
        for channel in ("#costs", "#rag"):
            key = told.get((channel, day.isoformat()))
            assert first is None or key is not None, "a digest each day"
            if first is not None and key is not None and could_be_sent(town, first, expires):
                family = town.outbox.deliveries_of([key])
                assert _stands(town, family, expires), "a digest that Slack would have taken is there in time"
        day += timedelta(days=1)
    for key in events:
        sent = [one for one in town.outbox.deliveries_of([key]) if one.state is State.SENT]
        assert len({one.recipient for one in sent}) == len(sent), "one digest for each channel and day"


def slack_shows_what_the_ledger_says(town: Town) -> None:
    stale = {one.id for one in town.outbox.stale()}
    for one in town.outbox.latest(10_000, states=[State.SENT]):
        if not is_file(one):
            here = (one.place, one.ts)
            last = next((message for message in town.slack.messages if (message.place, message.ts) == here), None)
            assert last is not None, "what is sent stands in Slack"
            assert last.key == one.id, "under its own key"
            may_be_old = one.id in stale or one.place in town.slack.closed
            assert may_be_old or last.form["text"].startswith(one.message["text"]), "Slack says what the ledger says"
