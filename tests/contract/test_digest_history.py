"""Whatever happens afterwards, a digest of a closed day says what `report` says of that day: late runs however late,
corrected costs, prices of the past that were changed on demand and changed back, features that were renamed, rules that
were set in Slack and taken back, what was purged, and all that while the bot was down. What differs much from what
people were told is corrected in words, too."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.catalog import Catalog, Feature
from bot.domain.cost import Cost
from bot.domain.feature import UNTAGGED_NAME, Rule, SetRule
from bot.jobs.digests import LOOK_EVERY, Digests
from bot.ledger.deliveries import Kind
from bot.ledger.events import Event
from bot.ledger.forgetting import NO_TEXT
from bot.ledger.lease import SYNC, Lease
from bot.ledger.purging import Wanted as ToPurge
from bot.ledger.repricing import Movement, Place, Wanted
from bot.ledger.store import Ledger
from bot.reports.answers import Report
from tests.contract.test_digests import NINE, deliver, digests
from tests.ledgers import BERLIN, emptied, price, reporter
from tests.simulation.books import Books

pytestmark = pytest.mark.each_database

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FEATURES = ("rag-search", "agent-copilot", "")
RENAMED = Catalog({"search": Feature("search", aliases=("rag-search",))})
RULE = Rule("agent-copilot", name="Chat*")
NANOS = st.one_of(st.integers(0, 2 * 10**9), st.integers(10**9, 10**12))
STEPS = st.one_of(
    st.tuples(st.just("spend"), st.sampled_from(FEATURES), st.integers(0, 15 * 24), NANOS),
    st.tuples(st.just("correct"), st.integers(0, 30), NANOS),
    st.tuples(st.just("sleep"), st.integers(1, 6 * 24)),
    st.tuples(st.just("be down"), st.integers(1, 12 * 24), st.integers(0, 15 * 24), NANOS),
    st.tuples(st.just("reprice"), st.sampled_from([2, 3])),
    st.tuples(st.sampled_from(["take back the prices", "map or unmap", "rename or rename back"])),
    st.tuples(st.just("purge"), st.sampled_from(FEATURES[:2])),
)
HISTORIES = st.lists(STEPS, min_size=1, max_size=5)


class History:
    """A bot that posts a digest every morning, while its books go on changing. `standing` is what people see in Slack,
    by delivery."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = NINE
        self.catalog = Catalog()
        self.books = Books(ledger, self.catalog, BERLIN, NINE - 60 * DAY)
        for days in range(1, 10):
            self.books.spend(FEATURES[0], NINE - days * DAY, 5 * 10**9)
            self.books.spend("", NINE - days * DAY, 10**9)
        self.job: Digests = replace(digests(ledger), catalog=lambda: self.catalog)
        self.rule: SetRule | None = None
        self.standing: dict[str, dict[str, Any]] = {}

    def live(self, step: tuple[Any, ...]) -> None:
        kind, *told = step
        if kind == "spend":
            feature, hours, nanos = told
            self.books.spend(feature, self.now - hours * HOUR, nanos)
        elif kind == "correct":
            number, nanos = told
            self.books.correct(number % len(self.books.held), nanos)
        elif kind == "sleep":
            self.sleep(self.now + told[0] * HOUR)
        elif kind == "be down":
            # Somebody syncs by hand meanwhile.
            down, hours, nanos = told
            self.books.spend(FEATURES[0], self.now - hours * HOUR, nanos)
            self.books.sync(self.now)
            self.now += down * HOUR
            self.books.sync(self.now)
        else:
            with self.ledger.lease(SYNC, self.now) as lease:
                self.change_the_past(kind, told, lease)
        self.look()
        self.look()

    def change_the_past(self, kind: str, told: Sequence[Any], lease: Lease) -> None:
        if kind == "reprice":
            self.reprice(lease, told[0])
        elif kind == "take back the prices":
            self.take_back_the_prices(lease)
        elif kind == "rename or rename back":
            self.catalog = RENAMED if not self.catalog.features else Catalog()
            self.books.keep(self.catalog)
        elif kind == "purge":
            self.ledger.purge(lease, self.now, ToPurge(pair=("feature", told[0])), self.books.rules)
        elif self.rule is None:
            self.rule = self.ledger.set_rule(lease, RULE, "U1", self.now)
        else:
            self.ledger.undo_rule(lease, self.rule.id, "U1", self.now)
            self.rule = None

    def sleep(self, until: datetime) -> None:
        while self.now < until:
            nine = datetime.combine(self.now.date(), time(9), BERLIN)
            self.now = min(until, nine if nine > self.now else nine + DAY)
            self.look()

    def look(self) -> None:
        """A sync, and what the clock does then."""
        outbox = self.ledger.outbox
        self.books.sync(self.now)
        self.job.run(self.now)
        sent = deliver(self.ledger, self.now)
        for one in [*outbox.latest(sent), *outbox.stale()]:
            self.standing[one.id] = dict(one.message)
            outbox.record_changed(one)
        self.now += LOOK_EVERY

    def reprice(self, lease: Lease, factor: int) -> None:
        def changed(**told: Any) -> Cost:
            cost = price(**told)
            return cost if cost.nanos is None else cost._replace(nanos=factor * cost.nanos)

        rules = replace(self.books.rules, price=changed)
        change = self.ledger.begin_repricing(lease, self.now, "alice", 0)
        place: Place | None = Place()
        while place is not None:
            place = self.ledger.reprice_next(lease, self.now, change, rules, Wanted(0), place, Movement())

    def take_back_the_prices(self, lease: Lease) -> None:
        last = self.ledger.last_repricing()
        after: bytes | None = b""
        while last is not None and after is not None:
            _, after = self.ledger.undo_repricing_next(
                lease, self.now, last.id, self.books.rules, "alice", after, Movement()
            )


def assert_digests_equal_reports(history: History) -> None:
    outbox = history.ledger.outbox
    events = outbox.recent_events(Kind.DIGEST, NINE - 60 * DAY)
    assert events
    corrections = outbox.recent_events(Kind.CORRECTION, NINE - 60 * DAY)
    for event in events:
        (digest,) = outbox.deliveries_of([event.key])
        report, message = report_of(history, event), history.standing[digest.id]
        shown = re.search(r"^All features together cost (<?\$[\d.,]*\d)", html.unescape(message["text"]), re.MULTILINE)
        exact = report.total.cost
        assert (shown is None) == (report.total.runs == 0)
        if shown is not None:
            assert_rounded(shown[1], exact)
        assert_rows(message, report)
        said = [one.facts["told"] for one in corrections if one.facts["digest"] == event.key]
        told = Decimal([digest.message["digest"]["told"], *said][-1]["cost"])
        off = abs(exact - told)
        assert off <= 1 or off <= told / 100, "what is far off is corrected in words"


def report_of(history: History, event: Event) -> Report:
    morning = date.fromisoformat(event.facts["morning"])
    first = event.facts["before"] or (morning - DAY).isoformat()
    found = reporter(history.ledger, history.catalog).ask(f"{first}..{(morning - DAY).isoformat()}", history.now)
    assert isinstance(found, Report)
    return found


def assert_rows(message: Mapping[str, Any], report: Report) -> None:
    shown = rows_of(message)
    exact = {row.key or UNTAGGED_NAME: row.sum.cost for row in report.rows}
    assert shown.keys() == exact.keys()
    for name, cost in exact.items():
        assert_rounded(shown[name], cost)


def rows_of(message: Mapping[str, Any]) -> dict[str, str]:
    """The cost in each row."""
    table = next((one for one in message["blocks"] if one["type"] == "table"), None)
    return {row[0]["text"]: row[1]["text"] for row in table["rows"][1:]} if table else {}


def assert_rounded(shown: str, exact: Decimal) -> None:
    if shown.startswith("<"):
        assert 0 < exact < Decimal(shown[2:])
        return
    amount = Decimal(shown.removeprefix("$").replace(",", ""))
    assert abs(amount - exact) <= Decimal(5).scaleb(int(amount.as_tuple().exponent) - 1)


@settings(deadline=None, max_examples=6)
@example([("sleep", 8 * 24), ("spend", "rag-search", 7 * 24, 10**12)])  # a run that comes in a week late
@example([("sleep", 8 * 24), ("correct", 9, 10**11), ("reprice", 2), ("take back the prices",)])
@example([("sleep", 2 * 24), ("spend", "rag-search", 30, 600_000_000), ("spend", "rag-search", 30, 600_000_000)])
@example([("sleep", 8 * 24), ("rename or rename back",), ("map or unmap",), ("map or unmap",)])
@example([("sleep", 8 * 24), ("purge", "rag-search")])
@example([("be down", 6 * 24, 12, 10**11)])
@example([("sleep", 138), ("spend", "rag-search", 29, 1)])  # so little that it is shown as less than something
@given(HISTORIES)
def test_a_closed_days_digest_equals_its_report_ever_after(reused: Ledger, steps: list[tuple[Any, ...]]) -> None:
    for history in live(reused, steps):
        assert_digests_equal_reports(history)


@pytest.mark.long
@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, min_size=4, max_size=8))
def test_so_it_does_in_long_histories(reused: Ledger, steps: list[tuple[Any, ...]]) -> None:
    """A few minutes' worth: each step of a history looks at all digests that it may change."""
    for history in live(reused, steps):
        assert_digests_equal_reports(history)


def live(ledger: Ledger, steps: list[tuple[Any, ...]]) -> Iterator[History]:
    """The history after each step."""
    history = History(emptied(ledger))
    history.look()
    for step in steps:
        history.live(step)
        yield history


@pytest.mark.parametrize("is_pruned", [False, True])
def test_a_digest_follows_a_purge_of_what_it_does_not_name(reused: Ledger, *, is_pruned: bool) -> None:
    """The cheapest of many features stands in no digest; its cost comes to the untagged."""
    history = History(emptied(reused))
    for number in range(11):
        history.books.spend(f"feature {number}", NINE - DAY, 10**10)
    history.books.spend("cheapest", NINE - DAY, 10**9)
    history.books.spend("", NINE - DAY, 10**11)
    history.look()
    history.sleep(NINE + 8 * DAY)
    assert of_first_morning(history)["untagged"] == "$101.00"
    if is_pruned:
        history.ledger.prune(NINE.date() + 3 * DAY, BERLIN)
    history.live(("purge", "cheapest"))
    assert of_first_morning(history)["untagged"] == "$102.00"


def test_a_digest_follows_features_whose_runs_were_pruned(reused: Ledger) -> None:
    history = History(emptied(reused))
    history.look()
    history.sleep(NINE + 8 * DAY)
    history.ledger.prune(NINE.date() + 3 * DAY, BERLIN)
    history.live(("rename or rename back",))
    assert of_first_morning(history) == {"search": "$5.00", "untagged": "$1.00"}
    assert_digests_equal_reports(history)


def test_a_digest_of_a_feature_that_was_purged_is_taken_back_and_says_no_zero(reused: Ledger) -> None:
    """In Slack too, where it named the feature."""
    history = History(emptied(reused))
    history.catalog = Catalog({"rag-search": Feature("rag-search", channel="#search", digest=True)})
    history.look()
    history.sleep(NINE + 3 * DAY)
    history.catalog = Catalog()
    history.live(("purge", "rag-search"))
    told = [one for one in history.ledger.outbox.latest(100) if one.recipient == "#search"]
    assert [one.kind for one in told] == [Kind.DIGEST] * 4
    assert {history.standing[one.id]["text"] for one in told} == {NO_TEXT["text"]}


def test_a_clock_that_is_set_back_does_not_stop_the_looking(reused: Ledger) -> None:
    history = History(emptied(reused))
    history.look()
    history.job.run(NINE + 2 * DAY)
    history.live(("spend", "rag-search", 12, 10**11))
    assert of_first_morning(history)["rag-search"] == "$105.00"


def of_first_morning(history: History) -> dict[str, str]:
    """What stands in each row of the first digest."""
    first = min(history.ledger.outbox.recent_events(Kind.DIGEST, NINE - DAY), key=lambda one: one.facts["morning"])
    (digest,) = history.ledger.outbox.deliveries_of([first.key])
    return rows_of(history.standing[digest.id])
