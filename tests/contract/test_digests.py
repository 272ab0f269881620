"""The job that announces digests: each once, none lost, and what people were told is kept right."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.catalog import Catalog, Feature
from bot.domain.cost import Cost
from bot.domain.digest import EVERY_DAY, Schedule
from bot.jobs.audiences import audiences
from bot.jobs.digests import LOOK_EVERY, WAIT, Digests, event_key
from bot.ledger.booking import Rules, day_finder
from bot.ledger.deliveries import Delivery, Kind, State
from bot.ledger.lease import SYNC
from bot.ledger.repricing import Movement, Place, Wanted
from bot.ledger.store import Ledger, open_ledger
from bot.reports.answers import Report
from bot.reports.digest_reporter import DigestReporter
from bot.slack.messages import Message
from bot.slack.post_office import PostOffice
from bot.slack.routes import Route
from tests.databases import new_url
from tests.ledgers import BERLIN, DIMENSIONS, Spent, emptied, fill, price, reporter
from tests.standins.slack_fake import LOST_AFTER, LOST_BEFORE, FakeSlack, Fault

pytestmark = pytest.mark.each_database

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NINE = datetime(2026, 11, 24, 9, 0, tzinfo=BERLIN)  # a Tuesday
TUESDAY = NINE.date()
CHANNEL = "#llm-cost"
SEARCH = Catalog({"rag-search": Feature("rag-search", channel="#search", digest=True)})


def digests(
    ledger: Ledger,
    *,
    days: frozenset[int] = EVERY_DAY,
    catalog: Catalog | None = None,
    channel: str | None = CHANNEL,
    slack: FakeSlack | None = None,
) -> Digests:
    """Without a `slack` nobody knows what any channel's id is."""
    schedule = Schedule(time(9), days, 6 * HOUR, BERLIN)
    return Digests(ledger, lambda: catalog or Catalog(), schedule, 0, channel, slack.channel if slack else str)


def daily(until: datetime, cost: str = "5.00", days: int = 30, feature: str = "rag-search") -> list[Spent]:
    return [Spent(until - n * DAY - 10 * HOUR, feature, cost) for n in range(days)]


def posted(ledger: Ledger) -> list[Delivery]:
    return sorted(ledger.outbox.latest(100), key=lambda delivery: delivery.created)


def deliver(ledger: Ledger, now: datetime) -> int:
    """What a post office does that everything goes well for; how many it sent."""
    count = 0
    while (claimed := ledger.outbox.claim_next(now)) is not None:
        assert ledger.outbox.record_sending(claimed, "C1", now)
        ledger.outbox.record_sent(claimed, "C1", f"{now.timestamp()}.{count}", now)
        count += 1
    return count


def text(delivery: Delivery) -> str:
    return Message.from_json(delivery.message).text


def found(ledger: Ledger) -> list[str]:
    return [key for delivery in posted(ledger) for key in delivery.events]


# --- Each once


def test_at_nine_one_digest_goes_to_its_channel(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    job = digests(ledger)
    job.run(NINE - MINUTE)
    assert posted(ledger) == []
    job.run(NINE)
    (delivery,) = posted(ledger)
    assert (delivery.kind, delivery.recipient, delivery.next_try) == (Kind.DIGEST, CHANNEL, NINE)
    assert delivery.expires == NINE + 6 * HOUR
    assert delivery.events == (event_key(CHANNEL, TUESDAY),) == ("digest:#llm-cost:2026-11-24",)
    assert text(delivery).startswith("All features together cost $5.00 on 23 Nov 2026.")


def test_however_often_it_is_looked_there_is_one(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    for minutes in range(0, 7 * 60, 20):
        digests(ledger).run(NINE + minutes * MINUTE)
        deliver(ledger, NINE + minutes * MINUTE)
    assert found(ledger) == [event_key(CHANNEL, TUESDAY)]


def test_two_processes_announce_one_digest(tmp_path: Path) -> None:
    url = new_url(tmp_path)
    with closing(open_ledger(url, create=True)) as one, closing(open_ledger(url, create=False)) as other:
        fill(one, daily(NINE), now=NINE)
        key = event_key(CHANNEL, TUESDAY)
        jobs = [digests(ledger) for ledger in (one, other)]
        # The second has looked before the first has written.
        assert jobs[1].ledger.outbox.event(key) is None
        for job in (*jobs, *jobs):
            job.run(NINE)
        assert found(one) == found(other) == [key]


@pytest.mark.parametrize("late", [1 * HOUR, 6 * HOUR - MINUTE])
def test_a_late_start_still_sends_it_and_says_so(late: timedelta, ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger).run(NINE - DAY)
    fill(ledger, now=NINE + late)
    digests(ledger).run(NINE + late)
    assert "This digest is late: it was due at 09:00." in text(posted(ledger)[1])


def test_after_its_grace_it_is_not_sent_any_more(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger).run(NINE + 6 * HOUR)
    assert posted(ledger) == []


def test_the_first_of_all_is_not_called_late(ledger: Ledger) -> None:
    """Somebody has installed llmcost at noon."""
    fill(ledger, daily(NINE), now=NINE + 3 * HOUR)
    digests(ledger).run(NINE + 3 * HOUR)
    assert "late" not in text(posted(ledger)[0])


def test_before_anything_was_read_there_is_nothing_to_send(ledger: Ledger) -> None:
    digests(ledger).run(NINE)
    assert posted(ledger) == []


def test_without_a_channel_there_is_none(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger, channel=None).run(NINE)
    assert posted(ledger) == []


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 40), min_size=8, max_size=20), st.frozensets(st.integers(0, 6), min_size=1))
def test_at_most_one_a_day_and_exactly_one_where_somebody_looked(
    reused: Ledger, hours: list[int], days: frozenset[int]
) -> None:
    """Random looks over weeks around the night on which clocks go back, through a new job each time."""
    start = datetime(2026, 10, 20, tzinfo=UTC)
    fill(emptied(reused), now=start + 120 * DAY, start=start - 30 * DAY)
    now, wanted = start, set()
    for step in hours:
        now += step * HOUR
        local = now.astimezone(BERLIN)
        if 9 <= local.hour < 15 and local.weekday() in days:
            wanted.add(event_key(CHANNEL, local.date()))
        digests(reused, days=days).run(now)
        deliver(reused, now)
    assert sorted(found(reused)) == sorted(wanted)


# --- Which days


def test_after_a_weekend_without_digests_one_tells_of_all_days_and_the_week(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    job = digests(ledger, days=frozenset(range(5)))
    for n in range(-4, 0):
        job.run(NINE + n * DAY)
        deliver(ledger, NINE + n * DAY)
    friday, monday = posted(ledger)
    assert "cost $5.00 on 19 Nov 2026." in text(friday)
    assert "cost $15.00 over 20\u201322 Nov 2026." in text(monday)
    assert "The week (16\u201322 Nov 2026) cost $35.00." in text(monday)


def test_days_of_a_digest_that_reached_nobody_are_told_in_the_next(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    job = digests(ledger)
    for n in (-2, -1):
        job.run(NINE + n * DAY)
        claimed = ledger.outbox.claim_next(NINE + n * DAY)
        assert claimed is not None
        if n == -2:
            ledger.outbox.record_sent(claimed, "C1", "1.0", NINE + n * DAY)
        else:
            ledger.outbox.give_up(claimed, "channel_not_found", [], NINE + n * DAY)
    job.run(NINE)
    assert "over 22\u201323 Nov 2026." in text(posted(ledger)[-1])


def test_a_features_channel_gets_a_digest_of_its_features_alone(ledger: Ledger) -> None:
    fill(ledger, [*daily(NINE), *daily(NINE, "2.00", feature="voice")], now=NINE, catalog=SEARCH)
    digests(ledger, catalog=SEARCH).run(NINE)
    by_channel = {delivery.recipient: text(delivery) for delivery in posted(ledger)}
    assert by_channel.keys() == {CHANNEL, "#search"}
    assert by_channel[CHANNEL].startswith("All features together cost $7.00 ")
    assert by_channel["#search"].startswith("rag-search cost $5.00 ")
    assert "voice" not in by_channel["#search"]


def test_the_digest_of_a_feature_that_is_renamed_afterwards_stands(ledger: Ledger) -> None:
    """Under its old name nothing was spent any more: it would have become $0.00, and been corrected to that."""
    fill(ledger, daily(NINE), catalog=SEARCH, now=NINE)
    digests(ledger, catalog=SEARCH, channel=None).run(NINE)
    deliver(ledger, NINE)
    renamed = Catalog({"search": Feature("search", channel="#search", digest=True, aliases=("rag-search",))})
    fill(ledger, catalog=renamed, now=NINE + HOUR)
    for hours in (1, 2):
        digests(ledger, catalog=renamed, channel=None).run(NINE + hours * HOUR)
    (delivery,) = posted(ledger)
    assert text(delivery).startswith("search cost $5.00 on 23 Nov 2026.")


def test_several_features_can_share_a_channel(ledger: Ledger) -> None:
    catalog = Catalog({name: Feature(name, channel="#both", digest=True) for name in ("a", "b")})
    fill(ledger, [Spent(NINE - 20 * HOUR, name, "1.5") for name in "abc"], now=NINE, catalog=catalog)
    digests(ledger, catalog=catalog, channel=None).run(NINE)
    (delivery,) = posted(ledger)
    assert text(delivery).startswith("a and b together cost $3.00 ")


# --- One for a channel, however it is configured

COSTS = Catalog({"rag-search": Feature("rag-search", channel="C1", digest=True)})  # the id of #llm-cost
TWICE = Catalog({"a": Feature("a", channel="#search", digest=True), "b": Feature("b", channel="C2", digest=True)})


@pytest.fixture
def slack() -> FakeSlack:
    slack = FakeSlack(lambda: NINE)
    slack.add_channel("C1", "llm-cost")
    slack.add_channel("C2", "search")
    return slack


def send(ledger: Ledger, slack: FakeSlack, now: datetime) -> list[str]:
    """Where digests stand when the post office has done everything until an hour later."""
    for minutes in range(61):
        PostOffice(slack, ledger.outbox, lambda _: Route(), BERLIN).run(now + minutes * MINUTE)
    return [said.place for said in slack.messages]


def test_a_channel_for_everything_and_for_features_gets_the_digest_of_everything(
    ledger: Ledger, slack: FakeSlack
) -> None:
    fill(ledger, daily(NINE), now=NINE, catalog=COSTS)
    digests(ledger, catalog=COSTS, slack=slack).run(NINE)
    assert found(ledger) == ["digest:C1:2026-11-24"]
    assert send(ledger, slack, NINE) == ["C1"]
    assert text(posted(ledger)[0]).startswith("All features together cost ")


def test_features_whose_channel_is_written_by_name_and_by_id_share_one_digest(ledger: Ledger, slack: FakeSlack) -> None:
    fill(ledger, [Spent(NINE - 20 * HOUR, name, "1.5") for name in "abc"], now=NINE, catalog=TWICE)
    digests(ledger, catalog=TWICE, channel=None, slack=slack).run(NINE)
    (delivery,) = posted(ledger)
    assert delivery.recipient == "#search"
    assert text(delivery).startswith("a and b together cost $3.00 ")


@pytest.mark.parametrize(("before", "after"), [("#llm-cost", "C1"), ("C1", "#llm-cost")])
@pytest.mark.parametrize("sent", [False, True])
def test_a_channel_that_is_configured_otherwise_the_same_morning_gets_no_second_one(
    ledger: Ledger, slack: FakeSlack, before: str, after: str, sent: bool
) -> None:
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger, channel=before, slack=slack).run(NINE)
    if sent:
        send(ledger, slack, NINE)
    digests(ledger, channel=after, slack=slack).run(NINE + HOUR)
    assert found(ledger) == ["digest:C1:2026-11-24"]
    assert send(ledger, slack, NINE + HOUR) == ["C1"]


@pytest.mark.parametrize("channel", ["#llm-cost", "C1"])
def test_one_that_is_known_by_its_channels_name_is_not_said_again_by_its_id(
    ledger: Ledger, slack: FakeSlack, channel: str
) -> None:
    """As earlier versions wrote it down, and as `llmcost digest --post` does, which does not ask Slack."""
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger).post(CHANNEL, TUESDAY, NINE - HOUR)
    assert found(ledger) == ["digest:#llm-cost:2026-11-24"]
    send(ledger, slack, NINE - HOUR)
    digests(ledger, channel=channel, slack=slack).run(NINE)
    assert len(posted(ledger)) == 1


def test_one_that_is_known_by_its_channels_id_is_not_posted_again_by_its_name(ledger: Ledger, slack: FakeSlack) -> None:
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger, slack=slack).run(NINE)
    assert not digests(ledger).post(CHANNEL, TUESDAY, NINE + MINUTE)


@pytest.mark.parametrize("lost", [None, LOST_BEFORE, LOST_AFTER])
def test_where_slack_does_not_say_which_channel_it_is_the_first_one_there_is_the_only_one(
    ledger: Ledger, slack: FakeSlack, lost: Fault | None
) -> None:
    fill(ledger, daily(NINE), now=NINE, catalog=COSTS)
    slack.fail_next("channel", LOST_BEFORE)
    digests(ledger, catalog=COSTS, slack=slack).run(NINE)
    assert sorted(found(ledger)) == ["digest:#llm-cost:2026-11-24", "digest:C1:2026-11-24"]
    if lost is not None:
        slack.fail_next("post", lost)
    assert send(ledger, slack, NINE) == ["C1"]
    assert sorted(one.state for one in posted(ledger)) == [State.REPLACED, State.SENT]


def test_of_many_channels_only_one_is_waited_for_that_slack_lets_hang(slack: FakeSlack) -> None:
    catalog = Catalog({name: Feature(name, channel=f"#{name}", digest=True) for name in "abcdef"})
    slack.fail_next("channel", LOST_BEFORE, times=99)
    assert len(audiences(catalog, CHANNEL, slack.channel)) == 7
    assert slack.calls["channel"] == 1


def test_a_channel_that_slack_does_not_know_keeps_no_other_from_being_known(slack: FakeSlack) -> None:
    catalog = Catalog({"a": Feature("a", channel="#private", digest=True), **COSTS.features})
    known = [(one.id, one.features) for one in audiences(catalog, CHANNEL, slack.channel)]
    assert known == [("C1", None), ("#private", ("a",))]


def test_the_next_morning_has_its_own_whatever_the_channel_was_called(ledger: Ledger, slack: FakeSlack) -> None:
    """It goes on where that one ended, and is no second one."""
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger, channel="#llm-cost", slack=slack).post("#llm-cost", TUESDAY - 3 * DAY, NINE - 3 * DAY)
    send(ledger, slack, NINE - 3 * DAY)
    digests(ledger, channel="C1", slack=slack).run(NINE)
    assert send(ledger, slack, NINE) == ["C1", "C1"]
    assert text(posted(ledger)[1]).startswith("All features together cost $15.00 over 21\u201323 Nov 2026.")


def test_the_one_before_is_that_of_the_channel_or_without_any_that_of_everything(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE, catalog=SEARCH)
    digests(ledger).run(NINE - 2 * DAY)
    digests(ledger, catalog=SEARCH, channel=None).run(NINE - DAY)
    made = DigestReporter(ledger, Catalog, BERLIN)
    assert made.before(TUESDAY, frozenset()) == TUESDAY - 2 * DAY
    assert made.before(TUESDAY, frozenset({CHANNEL})) == TUESDAY - 2 * DAY
    assert made.before(TUESDAY, frozenset({"#search"})) == TUESDAY - DAY
    assert made.before(TUESDAY, frozenset({"#else"})) is None


def test_a_digest_of_an_earlier_morning_is_no_second_one(ledger: Ledger, slack: FakeSlack) -> None:
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger, slack=slack).run(NINE)
    assert digests(ledger, slack=slack).post(CHANNEL, TUESDAY - 5 * DAY, NINE)
    assert send(ledger, slack, NINE) == ["C1", "C1"]


def test_a_digest_that_others_get_instead_stands_beside_their_own(ledger: Ledger, slack: FakeSlack) -> None:
    """It says that its own channel did not get it."""
    fill(ledger, daily(NINE), now=NINE, catalog=SEARCH)
    slack.closed["C2"] = "is_archived"
    digests(ledger, catalog=SEARCH, slack=slack).run(NINE)
    PostOffice(slack, ledger.outbox, lambda _: Route(digest_channel=CHANNEL), BERLIN).run(NINE)
    assert [said.place for said in slack.messages] == ["C1", "C1"]


# --- Not read yet


def test_days_that_are_not_read_to_their_end_wait_a_little_and_go_out_complete(ledger: Ledger) -> None:
    """The bot was down over night and reads what it has missed."""
    fill(ledger, daily(NINE - DAY), now=NINE, as_of=NINE - 12 * HOUR)
    job = digests(ledger)
    job.run(NINE)
    assert deliver(ledger, NINE) == 0
    fill(ledger, [Spent(NINE - 11 * HOUR, "rag-search", "9.00")], now=NINE, start=NINE - 12 * HOUR)
    job.run(NINE + MINUTE)
    assert deliver(ledger, NINE + WAIT) == 1
    (delivery,) = posted(ledger)
    assert text(delivery).startswith("All features together cost $9.00 on 23 Nov 2026.")
    assert "Updated" not in text(delivery)
    job.run(NINE + HOUR)
    assert len(posted(ledger)) == 1  # nobody was told anything else before


def test_what_cannot_be_read_is_sent_as_it_is(ledger: Ledger) -> None:
    fill(ledger, daily(NINE - DAY), now=NINE, as_of=NINE - 12 * HOUR)
    for minutes in range(5):
        digests(ledger).run(NINE + minutes * MINUTE)
        deliver(ledger, NINE + minutes * MINUTE)
    (delivery,) = posted(ledger)
    assert delivery.state is State.SENT
    assert "later runs are missing" in text(delivery)


# --- What changes afterwards


def after(ledger: Ledger, runs: Sequence[Spent], delay: timedelta = 2 * HOUR, *, settled: date | None = None) -> None:
    """A digest was sent at nine; then `runs` come in, and it is looked at again after `delay`."""
    digests(ledger).run(NINE)
    deliver(ledger, NINE)
    fill(ledger, runs, now=NINE + delay, settled=settled)
    digests(ledger).run(NINE + delay)


LATE = Spent(NINE - 20 * HOUR, "rag-search", "3.00")


def test_a_figure_that_changes_changes_the_message(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    after(ledger, [Spent(NINE - 20 * HOUR, "rag-search", "0.50")])
    (delivery,) = ledger.outbox.stale()
    assert text(delivery).startswith("All features together cost $5.50 ")
    assert "Updated 24 Nov 2026 11:00" in text(delivery)
    assert len(posted(ledger)) == 1  # fifty cents are no correction


def test_an_outage_of_later_does_not_come_to_stand_in_a_digest_that_was_sent(ledger: Ledger) -> None:
    """Nothing would take it away again: its end changes no figure."""
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger).run(NINE)
    deliver(ledger, NINE)
    fill(ledger, [Spent(NINE - 20 * HOUR, "rag-search", "0.50")], now=NINE + HOUR)
    digests(ledger).run(NINE + 5 * HOUR)
    (delivery,) = posted(ledger)
    assert text(delivery).startswith("All features together cost $5.50 ")
    assert "Updated 24 Nov 2026 14:00" in text(delivery)


def test_nothing_changed_changes_nothing(ledger: Ledger) -> None:
    """Today's runs, and a later as-of, are none of the digest's figures."""
    fill(ledger, daily(NINE), now=NINE)
    after(ledger, [Spent(NINE + HOUR, "rag-search", "9.00")])
    assert ledger.outbox.stale() == []
    assert len(posted(ledger)) == 1


def test_a_total_that_was_far_off_is_corrected_under_the_digest(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    after(ledger, [LATE])
    digest, correction = posted(ledger)
    assert (correction.kind, correction.thread, correction.recipient) == (Kind.CORRECTION, digest.id, CHANNEL)
    assert text(correction) == (
        "Correction: All features together cost $8.00 on 23 Nov 2026, not $5.00. "
        "The figures above have been updated; a new file follows."
    )


def test_a_correction_is_said_once_and_the_next_one_counts_from_it(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    after(ledger, [LATE])
    for minutes in (10, 20):
        digests(ledger).run(NINE + 2 * HOUR + minutes * MINUTE)
    assert len(posted(ledger)) == 2
    fill(ledger, [Spent(NINE - 20 * HOUR, "rag-search", "2.00")], now=NINE + 3 * HOUR)
    digests(ledger).run(NINE + 3 * HOUR)
    assert [text(one).split(".  ")[0][:83] for one in posted(ledger)[2:]] == [
        "Correction: All features together cost $10.00 on 23 Nov 2026, not $8.00. The figure"
    ]
    assert posted(ledger)[2].events == (f"correction:{event_key(CHANNEL, TUESDAY)}:2",)


@pytest.mark.parametrize(
    ("was", "late", "corrected"),
    [
        ("5.00", "1.00", False),  # a dollar, not more
        ("5.00", "1.01", True),
        ("500.00", "5.00", False),  # 1 %, not more
        ("500.00", "5.01", True),
        ("0.00", "1.01", True),
        ("20000.00", "150.00", False),
    ],
)
def test_a_correction_takes_more_than_a_dollar_and_one_percent(
    was: str, late: str, corrected: bool, ledger: Ledger
) -> None:
    fill(ledger, daily(NINE, was), now=NINE)
    after(ledger, [Spent(NINE - 20 * HOUR, "rag-search", late)])
    assert len(posted(ledger)) == 1 + corrected


def test_small_changes_add_up_to_a_correction(ledger: Ledger) -> None:
    """It counts from what people were told, not from what the message says since it was edited."""
    fill(ledger, daily(NINE), now=NINE)
    after(ledger, [Spent(NINE - 20 * HOUR, "rag-search", "0.60")])
    assert len(posted(ledger)) == 1
    fill(ledger, [Spent(NINE - 20 * HOUR, "rag-search", "0.60")], now=NINE + 3 * HOUR)
    digests(ledger).run(NINE + 3 * HOUR)
    assert "cost $6.20 on 23 Nov 2026, not $5.00." in text(posted(ledger)[1])


def test_days_that_are_still_being_read_are_not_corrected_step_by_step(ledger: Ledger) -> None:
    fill(ledger, daily(NINE - DAY), now=NINE, as_of=NINE - 20 * HOUR)
    for now in (NINE, NINE + WAIT):
        digests(ledger).run(now)
        deliver(ledger, now)
    kinds = []
    for hour, as_of in ((1, NINE - 15 * HOUR), (2, NINE + HOUR)):
        spent = Spent(as_of - 2 * HOUR if hour == 1 else NINE - 14 * HOUR, "rag-search", "7")
        fill(ledger, [spent], now=NINE + hour * HOUR, start=NINE - 20 * HOUR, as_of=as_of)
        digests(ledger).run(NINE + hour * HOUR)
        kinds.append([delivery.kind for delivery in posted(ledger)])
    assert kinds == [[Kind.DIGEST], [Kind.DIGEST, Kind.CORRECTION]]


def test_a_digest_of_settled_days_is_left_alone_after_a_while_unless_runs_come_in_however_late(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    after(ledger, [], 4 * DAY, settled=TUESDAY)
    # The later mornings' own digests are about their own days.
    assert [delivery.kind for delivery in posted(ledger)] == [Kind.DIGEST] * 2
    assert ledger.outbox.stale() == []
    fill(ledger, [LATE], now=NINE + 5 * DAY, settled=TUESDAY)
    digests(ledger).run(NINE + 5 * DAY)
    assert Kind.CORRECTION in {delivery.kind for delivery in posted(ledger)}
    (stale,) = ledger.outbox.stale()
    assert text(stale).startswith("All features together cost $8.00 on 23 Nov 2026.")


def test_a_digest_of_days_that_are_not_settled_is_looked_at_for_longer(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    after(ledger, [LATE], 4 * DAY)
    assert Kind.CORRECTION in {delivery.kind for delivery in posted(ledger)}


def test_it_is_looked_at_again_every_few_minutes_only(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    after(ledger, [LATE], LOOK_EVERY - timedelta(seconds=1))
    assert ledger.outbox.stale() == []
    digests(ledger).run(NINE + LOOK_EVERY)
    assert len(ledger.outbox.stale()) == 1


def test_what_is_being_sent_while_it_changes_is_changed_in_slack(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    digests(ledger).run(NINE)
    claimed = ledger.outbox.claim_next(NINE)
    assert claimed is not None
    fill(ledger, [LATE], now=NINE + MINUTE)
    digests(ledger).run(NINE + MINUTE)
    ledger.outbox.record_sent(claimed, "C1", "1.0", NINE + MINUTE)
    (delivery,) = ledger.outbox.stale()
    assert text(delivery).startswith("All features together cost $8.00 ")


# --- By hand


def test_one_that_was_posted_by_hand_is_not_sent_again_at_nine(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    assert digests(ledger).post(CHANNEL, TUESDAY, NINE - HOUR)
    assert not digests(ledger).post(CHANNEL, TUESDAY, NINE - HOUR)
    digests(ledger).run(NINE)
    assert found(ledger) == [event_key(CHANNEL, TUESDAY)]


def test_one_of_an_earlier_morning_is_about_the_day_before_that(ledger: Ledger) -> None:
    fill(ledger, daily(NINE), now=NINE)
    assert digests(ledger).post(CHANNEL, TUESDAY - 5 * DAY, NINE)
    (delivery,) = posted(ledger)
    assert text(delivery).startswith("All features together cost $5.00 on 18 Nov 2026.")
    assert delivery.expires == NINE + 6 * HOUR


# --- Prices of the past


def test_a_digest_however_old_follows_prices_that_were_changed_on_demand(ledger: Ledger) -> None:
    """It is updated, and a word under it says so, once; what `report` says of its day is what it says."""
    fill(ledger, daily(NINE), now=NINE, settled=TUESDAY - DAY)
    job = digests(ledger)
    job.run(NINE)
    deliver(ledger, NINE)
    later = NINE + 60 * DAY
    fill(ledger, now=later, settled=TUESDAY + 58 * DAY)
    rules = Rules(Catalog().attribution(("feature",)), _twice, day_finder(BERLIN), DIMENSIONS)
    with ledger.lease(SYNC, later) as lease:
        change = ledger.begin_repricing(lease, later, "alice", 0)
        place: Place | None = Place()
        while place is not None:
            place = ledger.reprice_next(lease, later, change, rules, Wanted(0), place, Movement())
    for minutes in (0, 10, 20):
        job.run(later + minutes * MINUTE)
        deliver(ledger, later + minutes * MINUTE)
    told = [one for one in posted(ledger) if event_key(CHANNEL, TUESDAY) in one.events[0]]
    assert [one.kind for one in told] == [Kind.DIGEST, Kind.CORRECTION]
    assert text(told[0]).startswith("All features together cost $10.00 on 23 Nov 2026.")
    assert text(told[1]).startswith("Correction: All features together cost $10.00 on 23 Nov 2026, not $5.00.")
    report = reporter(ledger).ask("2026-11-23", later)
    assert isinstance(report, Report)
    assert f"{report.total.cost:.2f}" == "10.00"


def _twice(**told: Any) -> Cost:
    cost = price(**told)
    return cost if cost.nanos is None else cost._replace(nanos=2 * cost.nanos)
