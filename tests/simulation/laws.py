"""What must hold at the end of every story."""

from collections import Counter, defaultdict
from datetime import timedelta

from bot.domain.digest import Schedule
from bot.domain.period import local_day
from bot.ledger.deliveries import Kind, Role, State
from bot.slack.files import is_file
from bot.slack.post_office import REPEAT
from tests.simulation.town import Town


def judge(town: Town) -> None:
    """Raises AssertionError, with the rule that was broken."""
    everything_ends(town)
    seen_once(town)
    files_come_once(town)
    crossings_are_told(town)
    nobody_reads_a_lower_after_a_higher(town)
    if town.has_digests:
        digests_come(town)
    slack_shows_what_the_ledger_says(town)


def everything_ends(town: Town) -> None:
    late = [one for one in town.outbox.latest(10_000, states=[State.OPEN]) if one.next_try < town.now]
    assert not late, "nothing is left lying about"


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
    told = {(event.facts["channel"], event.facts["morning"]) for event in events.values()}
    assert len(told) == len(events), "one digest for each channel and day"
    day = local_day(town.began, town.zone)
    while day <= local_day(town.now, town.zone):
        due, expires = schedule.due_at(day), schedule.expires(day)
        was_up = any(due <= tick < expires and town.looks.had_read(tick) for tick in town.ticks)
        for channel in ("#costs", "#rag"):
            assert not was_up or (channel, day.isoformat()) in told, "a digest each day"
        day += timedelta(days=1)
    for key in events:
        sent = [one for one in town.outbox.deliveries_of([key]) if one.state is State.SENT]
        assert len({one.recipient for one in sent}) == len(sent), "one digest for each channel and day"


def slack_shows_what_the_ledger_says(town: Town) -> None:
    stale = {one.id for one in town.outbox.stale()}
    for one in town.outbox.latest(10_000, states=[State.SENT]):
        if one.id not in stale and one.place not in town.slack.closed and not is_file(one):
            here = (one.place, one.ts)
            last = next(message for message in town.slack.messages if (message.place, message.ts) == here)
            assert last.form["text"].startswith(one.message["text"]), "Slack says what the ledger says"
