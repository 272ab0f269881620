"""What stands in a digest's thread: once, whole, and a file that is never sent twice."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bot.app.office import Office
from bot.domain.budget import Budget, Window
from bot.domain.catalog import Catalog, Feature
from bot.domain.digest import EVERY_DAY, Schedule
from bot.errors import SlackError
from bot.jobs.alerts import Alerts
from bot.jobs.digest_threads import DigestThreads
from bot.jobs.digests import LOOK_EVERY, Digests
from bot.ledger import changed_days
from bot.ledger.booking import Rules, day_finder
from bot.ledger.deliveries import Kind
from bot.ledger.forgetting import NO_TEXT
from bot.ledger.lease import SYNC
from bot.ledger.purging import Wanted as ToPurge
from bot.ledger.store import Ledger
from bot.reports.digest_reporter import DigestReporter
from bot.settings import load
from bot.slack.post_office import PostOffice
from bot.slack.routes import Route
from tests.ledgers import BERLIN, Spent, emptied, fill, price
from tests.standins.slack_fake import LOST_AFTER, LOST_BEFORE, RATE_LIMITED, FakeSlack, Fault
from tests.standins.slack_rules import problems

NINE = datetime(2026, 11, 24, 9, 0, tzinfo=BERLIN)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
CHANNEL = "#llm-cost"
LIMITED = Catalog({"f03": Feature("f03", budgets=(Budget("f03", Window.DAILY, 2 * 10**9),))})
NEVER = Fault(code="missing_scope", permanent=True)


class Town:
    """A channel, a ledger of fourteen features, and the jobs that tell of them, tick by tick."""

    def __init__(self, ledger: Ledger) -> None:
        self.now = NINE
        self.ledger = fill(
            emptied(ledger), [Spent(NINE - DAY, f"f{n:02}", f"{n}.5") for n in range(14)], catalog=LIMITED, now=NINE
        )
        self.slack = FakeSlack(lambda: self.now)
        self.slack.add_channel("C1", "llm-cost")
        schedule = Schedule(time(9), EVERY_DAY, 6 * timedelta(hours=1), BERLIN)
        self.digests = Digests(self.ledger, lambda: LIMITED, schedule, 0, CHANNEL, self.slack.channel)
        self.threads = DigestThreads(self.ledger, lambda: LIMITED, BERLIN, 0, self.slack.permalink)
        self.digests = replace(self.digests, replies=self.threads.changes)
        self.office = PostOffice(self.slack, self.ledger.outbox, lambda _: Route(admins=()), BERLIN)

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.digests.run(self.now)
            self.threads.run(self.now)
            self.office.run(self.now)
            self.now += MINUTE

    def replies(self) -> list[str]:
        return [one.form["text"] for one in self.slack.said("C1") if one.thread is not None]

    def said(self, place: str) -> list[str]:
        return [one.form["text"] for one in self.slack.said(place)]

    def late(self, cost: str, feature: str = "f03") -> None:
        """Something comes in late, and is looked at."""
        fill(self.ledger, [Spent(NINE - DAY, feature, cost)], catalog=LIMITED, now=self.now)
        self.now += LOOK_EVERY
        self.tick(4)


def cost_in(text: str, feature: str = "f03") -> str:
    """What a reply says that a feature cost."""
    return next(words[1] for words in map(str.split, text.splitlines()) if words[0] == feature)


@pytest.fixture
def town(reused: Ledger) -> Town:
    return Town(reused)


def test_one_reply_has_every_feature_and_a_file_has_all_rows(town: Town) -> None:
    town.tick(5)
    digest, reply = town.slack.said("C1")
    assert (digest.thread, reply.thread) == (None, digest.ts)
    assert reply.form["text"].startswith("14 features on 23 Nov 2026; the file has the same rows.")
    table = next(block for block in reply.form["blocks"] if block["type"] == "table")
    assert [row[0]["text"] for row in table["rows"][1:]] == [f"f{n:02}" for n in reversed(range(14))]
    assert problems(reply.form) == []
    (file,) = town.slack.files
    assert (file.place, file.name, file.thread) == ("C1", "llmcost-digest-2026-11-24.csv", digest.ts)
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert [row["key"] for row in rows] == [f"f{n:02}" for n in reversed(range(14))]


def test_a_restart_says_nothing_again(town: Town) -> None:
    town.tick(4)
    town.threads = DigestThreads(town.ledger, lambda: LIMITED, BERLIN, 0, town.slack.permalink)
    town.office = PostOffice(town.slack, town.ledger.outbox, lambda _: Route(), BERLIN)
    town.tick(4)
    assert (len(town.replies()), len(town.slack.files)) == (1, 1)


def test_nothing_is_said_before_the_digest_stands(town: Town) -> None:
    town.slack.fail_next("post", RATE_LIMITED)
    town.tick()
    assert town.ledger.outbox.recent_events(Kind.DETAILS, NINE - DAY) == []
    town.tick(4)
    assert (len(town.replies()), len(town.slack.files)) == (1, 1)


@pytest.mark.parametrize("fault", [LOST_BEFORE, LOST_AFTER])
def test_a_file_that_slack_did_not_confirm_is_not_sent_again_and_the_thread_says_so(town: Town, fault: Fault) -> None:
    town.slack.fail_next("upload", fault)
    town.tick(10)
    assert town.slack.calls["upload"] == 1
    assert len(town.slack.files) == (fault is LOST_AFTER)
    assert "llmcost-digest-2026-11-24.csv could not be put here: Slack did not confirm the file" in town.replies()[1]
    assert len(town.replies()) == 2


def test_a_file_that_slack_refuses_for_ever_is_said_to_be_missing(town: Town) -> None:
    town.slack.fail_next("upload", NEVER)
    town.tick(10)
    assert town.slack.calls["upload"] == 1
    # Which of the two is tried first is not said: they are due at the same instant.
    assert "could not be put here: Slack said no (missing_scope)." in "\n".join(town.replies())


def test_a_file_that_was_surely_not_taken_is_tried_again(town: Town) -> None:
    town.slack.fail_next("upload", RATE_LIMITED)
    town.tick(10)
    assert (town.slack.calls["upload"], len(town.slack.files), len(town.replies())) == (2, 1, 1)


@pytest.mark.parametrize("linked", [True, False])
def test_the_alerts_of_its_days_are_named_and_linked_where_all_can_read_them(town: Town, linked: bool) -> None:
    def no_link(place: str, ts: str) -> str:
        raise SlackError(f"Slack does not say where {place} {ts} is.")

    town.now = NINE - 20 * timedelta(hours=1)
    spent = Alerts(town.ledger, lambda: LIMITED, BERLIN, 0, lambda *_: (), lambda *_: town.now, CHANNEL, ())
    fill(town.ledger, [Spent(town.now, "f03", "9")], catalog=LIMITED, now=town.now)
    for _ in range(3):
        fill(town.ledger, [], catalog=LIMITED, now=town.now)
        spent.run(town.now)
        town.office.run(town.now)
        town.now += MINUTE
    (alert,) = town.slack.said("C1")
    if not linked:
        town.threads = DigestThreads(town.ledger, lambda: LIMITED, BERLIN, 0, no_link)
    town.now = NINE
    fill(town.ledger, [], catalog=LIMITED, now=NINE)
    town.tick(4)
    reply = next(one for one in town.slack.said("C1") if one.thread is not None)
    assert ": f03 had spent " in reply.form["text"]
    assert (town.slack.permalink("C1", alert.ts) in str(reply.form["blocks"])) is linked
    assert problems(reply.form) == []


# --- When figures change afterwards


def test_the_reply_changes_with_its_digest_and_says_as_of_when_the_file_is(town: Town) -> None:
    town.tick(4)
    town.late("0.5")
    digest, reply = town.slack.said("C1")
    assert len(digest.versions) == len(reply.versions) == 2
    assert cost_in(reply.form["text"]) == "$4.00"
    assert "; the first file is as of 24 Nov 2026 09:01." in reply.form["text"]
    assert all("Updated 24 Nov 2026 09:09" in one.form["text"] for one in (digest, reply))
    assert problems(reply.form) == []
    assert len(town.slack.files) == 1  # fifty cents are no correction


def test_a_correction_brings_one_more_file_and_the_next_one_another(town: Town) -> None:
    town.tick(4)
    for number, cost in enumerate(("5", "7"), 2):
        town.late(cost)
        for _ in range(3):
            town.now += LOOK_EVERY
            town.tick()
        assert len(town.slack.files) == number
    assert [file.name for file in town.slack.files[1:]] == [
        "llmcost-digest-2026-11-24-corrected-2026-11-24-0909.csv",
        "llmcost-digest-2026-11-24-corrected-2026-11-24-0936.csv",
    ]
    digest, reply, *corrections = town.slack.said("C1")
    assert all(file.thread == digest.ts for file in town.slack.files)
    assert all(one.form["text"].endswith("; a new file follows.") for one in corrections)
    assert len(corrections) == 2
    for file, cost in zip(town.slack.files, ("3.500000000", "8.500000000", "15.500000000"), strict=True):
        rows = {row["key"]: row["cost_usd"] for row in csv.DictReader(io.StringIO(file.content.decode()))}
        assert rows["f03"] == cost
    assert cost_in(reply.form["text"]) == "$15.50"


def test_what_is_corrected_before_the_first_file_needs_no_second(town: Town) -> None:
    town.digests.run(town.now)
    town.office.run(town.now)
    fill(town.ledger, [Spent(NINE - DAY, "f03", "5")], catalog=LIMITED, now=town.now)
    town.now += LOOK_EVERY
    town.tick(8)
    assert [file.name for file in town.slack.files] == ["llmcost-digest-2026-11-24.csv"]
    assert [text.partition(":")[0] for text in sorted(town.replies())][1:] == ["Correction"]


def test_two_corrections_without_a_file_bring_one_together(town: Town) -> None:
    """The file has the rows of both."""
    town.tick(4)
    for cost in ("5", "7"):
        fill(town.ledger, [Spent(NINE - DAY, "f03", cost)], catalog=LIMITED, now=town.now)
        for _ in range(3):  # who looks after the threads does not get through
            town.now += LOOK_EVERY
            town.digests.run(town.now)
            town.office.run(town.now)
    assert sum(text.startswith("Correction") for text in town.replies()) == 2
    town.tick(8)
    _, file = town.slack.files
    rows = {row["key"]: row["cost_usd"] for row in csv.DictReader(io.StringIO(file.content.decode()))}
    assert rows["f03"] == "15.500000000"


def test_a_reply_follows_the_rows_that_the_digest_has_no_room_for(town: Town) -> None:
    """A run turns out to be another feature's: the digest's ten first rows, what the others cost together, and its
    total stay as they are, and so does the digest; the file is as of its time, and no correction brings another."""
    moved = Spent(NINE - DAY, "f00", "0.25", number=10**9)
    fill(town.ledger, [moved], catalog=LIMITED, now=town.now)
    town.tick(4)
    fill(town.ledger, [replace(moved, feature="f01")], catalog=LIMITED, now=town.now)
    town.now += LOOK_EVERY
    town.tick(4)
    digest, reply = town.slack.said("C1")
    assert [len(one.versions) for one in (digest, reply)] == [1, 2]
    before, after = (str(form["text"]) for form in reply.versions)
    assert [cost_in(before, name) for name in ("f00", "f01")] == ["$0.75", "$1.50"]
    assert [cost_in(after, name) for name in ("f00", "f01")] == ["$0.50", "$1.75"]
    assert "; the first file is as of 24 Nov 2026 09:01." in after
    assert "Updated 24 Nov 2026 09:09" in after
    assert len(town.slack.files) == 1
    town.now += LOOK_EVERY
    town.tick(4)
    assert len(reply.versions) == 2


def test_the_reply_under_the_digest_of_a_feature_that_was_purged_is_taken_back(town: Town) -> None:
    """It says nothing of it any more, no $0 either; nor does another come."""
    catalog = Catalog({"f03": Feature("f03", channel="#f03", digest=True)})
    town.slack.add_channel("C2", "f03")
    town.digests = replace(town.digests, catalog=lambda: catalog)
    town.threads = replace(town.threads, catalog=lambda: catalog)
    town.digests = replace(town.digests, replies=town.threads.changes)
    town.tick(5)
    assert "f03" in "".join(town.said("C2"))
    rules = Rules(catalog.attribution(("feature",)), price, day_finder(BERLIN))
    with town.ledger.lease(SYNC, town.now) as lease:
        town.ledger.purge(lease, town.now, ToPurge(pair=("feature", "f03")), rules)
    for _ in range(3):
        town.now += LOOK_EVERY
        town.tick(3)
    assert set(town.said("C2")) == {NO_TEXT["text"]}
    assert len(town.said("C2")) == 2


@contextmanager
def asked_of_figures(ledger: Ledger) -> Iterator[list[str]]:
    """The statements that ask for figures meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM rollups" in statement:
            statements.append(statement)

    event.listen(ledger._engine, "before_cursor_execute", note)
    yield statements
    event.remove(ledger._engine, "before_cursor_execute", note)


@pytest.mark.parametrize("changed", [False, True])
def test_each_look_asks_for_the_figures_of_a_digest_once(town: Town, changed: bool) -> None:
    """For the digest and the reply under it together, also where its days are known to have changed."""
    town.tick(4)
    reporter = DigestReporter(town.ledger, lambda: LIMITED, BERLIN)
    with asked_of_figures(town.ledger) as for_one:
        reporter.digest(NINE.date(), town.now, before=None)
    town.now += LOOK_EVERY
    if changed:
        fill(town.ledger, [Spent(NINE - DAY, "f13", "1", number=10**9)], catalog=LIMITED, now=town.now)
        town.ledger.outbox.set_mark(changed_days.MARK, f"{NINE.date() - DAY} somehow")
    with asked_of_figures(town.ledger) as for_a_look:
        town.digests.run(town.now)
    assert sorted(for_a_look) == sorted(for_one) != []
    town.office.run(town.now)
    assert [len(one.versions) for one in town.slack.said("C1")] == [1 + changed] * 2


def test_a_digest_and_the_reply_under_it_are_of_one_reading(town: Town) -> None:
    """Also where a sync commits between the two: both have its runs, or neither."""
    town.tick(4)
    changes = town.threads.changes
    number = iter(range(10**9, 10**10))

    def after_a_sync(*about: Any) -> Any:
        fill(town.ledger, [Spent(NINE - DAY, "f13", "1", number=next(number))], catalog=LIMITED, now=town.now)
        return changes(*about)

    town.digests = replace(town.digests, replies=after_a_sync)
    town.late("0.5", "f13")
    digest, reply = town.slack.said("C1")
    assert [len(one.versions) for one in (digest, reply)] == [2, 2]
    assert [cost_in(one.form["text"], "f13") for one in (digest, reply)] == ["$14.00", "$14.00"]


def test_nothing_new_changes_no_reply(town: Town) -> None:
    town.tick(4)
    fill(town.ledger, [Spent(town.now, "f03", "9")], catalog=LIMITED, now=town.now)
    town.now += LOOK_EVERY
    town.tick(8)
    assert all(len(one.versions) == 1 for one in town.slack.said("C1"))


def test_a_reply_that_nobody_has_seen_yet_is_not_called_updated(town: Town) -> None:
    town.tick()
    town.slack.fail_next("post", Fault(code="ratelimited", retry_after=600))
    town.tick()
    town.late("0.5")
    town.now += timedelta(minutes=10)
    town.tick(2)
    (said,) = town.replies()
    assert cost_in(said) == "$4.00"
    assert "Updated" not in said


@pytest.mark.parametrize("fault", [LOST_BEFORE, LOST_AFTER])
def test_a_corrected_file_that_slack_did_not_confirm_is_not_sent_again(town: Town, fault: Fault) -> None:
    town.tick(4)
    town.slack.fail_next("upload", fault)
    town.late("5")
    town.tick(8)
    assert town.slack.calls["upload"] == 2
    assert len(town.slack.files) == 1 + (fault is LOST_AFTER)
    assert sum("corrected-2026-11-24-0909.csv could not be put here" in text for text in town.replies()) == 1


def test_a_restart_in_the_middle_of_a_correction_says_nothing_twice(town: Town) -> None:
    town.tick(4)
    fill(town.ledger, [Spent(NINE - DAY, "f03", "5")], catalog=LIMITED, now=town.now)
    for _ in range(3):  # each of them is cut off before anything is delivered
        town.now += LOOK_EVERY
        town.digests.run(town.now)
        town.threads.run(town.now)
    town.tick(8)
    assert len(town.slack.files) == 2
    assert sum(text.startswith("Correction") for text in town.replies()) == 1


def test_the_bot_changes_the_replies_under_its_digests(town: Town, tmp_path: Path) -> None:
    environ = {"LLMCOST_TIMEZONE": "Europe/Berlin", "LLMCOST_DIGEST_CHANNEL": CHANNEL, "DATABASE_URL": "sqlite:///x.db"}
    configured, config = load(environ=environ, directory=tmp_path)
    slack: Any = town.slack
    office = Office(configured, config, town.ledger, slack, lambda: town.now)
    town.digests, town.threads, town.office = office.digests(), office.digest_threads(), office.post_office()
    town.tick(4)
    town.late("0.5")
    assert [len(one.versions) for one in town.slack.said("C1")] == [2, 2]
