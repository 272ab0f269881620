"""Whatever happens afterwards, a digest of a closed day says what `report` says of that day: late runs however late,
corrected costs, prices of the past that were changed on demand. What differs much from what people were told is
corrected in words, too."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.catalog import Catalog
from bot.domain.cost import Cost
from bot.jobs.digests import LOOK_EVERY, Digests
from bot.ledger.booking import Rules, day_finder
from bot.ledger.deliveries import Delivery, Kind
from bot.ledger.events import Event
from bot.ledger.lease import SYNC
from bot.ledger.repricing import Movement, Place, Wanted
from bot.ledger.store import Ledger
from bot.reports.answers import Report
from tests.contract.test_digests import NINE, deliver, digests
from tests.ledgers import BERLIN, DIMENSIONS, emptied, new_ledger, price, reporter
from tests.simulation.books import Books

pytestmark = pytest.mark.each_database

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FEATURES = ("rag-search", "agent-copilot")
NANOS = st.one_of(st.integers(0, 2 * 10**9), st.integers(10**9, 10**12))
STEPS = st.one_of(
    st.tuples(st.just("spend"), st.sampled_from(FEATURES), st.integers(0, 15 * 24), NANOS),
    st.tuples(st.just("correct"), st.integers(0, 30), NANOS),
    st.tuples(st.just("sleep"), st.integers(1, 6 * 24)),
    st.tuples(st.just("reprice"), st.sampled_from([2, 3])),
)
HISTORIES = st.lists(STEPS, min_size=1, max_size=5)


@pytest.fixture(scope="module")
def reused() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


class History:
    """A bot that posts a digest every morning, while its books go on changing."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = NINE
        self.books = Books(ledger, Catalog(), BERLIN, NINE - 60 * DAY)
        for days in range(1, 10):
            self.books.spend(FEATURES[0], NINE - days * DAY, 5 * 10**9)
        self.job: Digests = digests(ledger)

    def live(self, step: tuple[Any, ...]) -> None:
        kind, *told = step
        if kind == "spend":
            feature, hours, nanos = told
            self.books.spend(feature, self.now - hours * HOUR, nanos)
        elif kind == "correct":
            number, nanos = told
            self.books.correct(number % len(self.books.held), nanos)
        elif kind == "reprice":
            self.reprice(told[0])
        else:
            self.sleep(self.now + told[0] * HOUR)
        self.look()
        self.look()

    def sleep(self, until: datetime) -> None:
        while self.now < until:
            nine = datetime.combine(self.now.date(), time(9), BERLIN)
            self.now = min(until, nine if nine > self.now else nine + DAY)
            self.look()

    def look(self) -> None:
        """A sync, and what the clock does then."""
        self.books.sync(self.now)
        self.job.run(self.now)
        deliver(self.ledger, self.now)
        self.now += LOOK_EVERY

    def reprice(self, factor: int) -> None:
        def changed(**told: Any) -> Cost:
            cost = price(**told)
            return cost if cost.nanos is None else cost._replace(nanos=factor * cost.nanos)

        rules = Rules(Catalog().attribution(("feature",)), changed, day_finder(BERLIN), DIMENSIONS)
        with self.ledger.lease(SYNC, self.now) as lease:
            change = self.ledger.begin_repricing(lease, self.now, "alice", 0)
            place: Place | None = Place()
            while place is not None:
                place = self.ledger.reprice_next(lease, self.now, change, rules, Wanted(0), place, Movement())


def judge(history: History) -> None:
    outbox = history.ledger.outbox
    events = outbox.recent_events(Kind.DIGEST, NINE - 60 * DAY)
    assert events
    corrections = outbox.recent_events(Kind.CORRECTION, NINE - 60 * DAY)
    for event in events:
        (digest,) = outbox.deliveries_of([event.key])
        report = report_of(history, event)
        shown = re.search(r"^All features together cost (<?\$[\d.,]*\d)", digest.message["text"], re.MULTILINE)
        exact = report.total.cost
        assert (shown is None) == (report.total.runs == 0)
        if shown is not None:
            assert_rounded(shown[1], exact)
        assert_rows(digest, report)
        said = [Decimal(one.facts["told"]["cost"]) for one in corrections if one.facts["digest"] == event.key]
        (_, *last) = [first_told(event), *said]
        told = last[-1] if last else first_told(event)
        off = abs(exact - told)
        assert off <= 1 or off <= told / 100, "what is far off is corrected in words"


def report_of(history: History, event: Event) -> Report:
    morning = date.fromisoformat(event.facts["morning"])
    first = event.facts["before"] or (morning - DAY).isoformat()
    found = reporter(history.ledger).ask(f"{first}..{(morning - DAY).isoformat()}", history.now)
    assert isinstance(found, Report)
    return found


def first_told(event: Event) -> Decimal:
    return Decimal(event.facts["figures"]["total"]["cost_usd"])


def assert_rows(digest: Delivery, report: Report) -> None:
    table = next((one for one in digest.message["blocks"] if one["type"] == "table"), None)
    shown = {row[0]["text"]: row[1]["text"] for row in table["rows"][1:]} if table else {}
    for row in report.rows:
        if shown and row.key:
            assert_rounded(shown[row.key], row.sum.cost)


def assert_rounded(shown: str, exact: Decimal) -> None:
    if shown.startswith("<"):
        assert 0 < exact < Decimal(shown[2:])
        return
    amount = Decimal(shown.removeprefix("$").replace(",", ""))
    assert abs(amount - exact) <= Decimal(5).scaleb(int(amount.as_tuple().exponent) - 1)


@settings(deadline=None, max_examples=6)
@example([("sleep", 8 * 24), ("spend", "rag-search", 7 * 24, 10**12)])  # a run that comes in a week late
@example([("sleep", 8 * 24), ("correct", 9, 10**11), ("reprice", 2)])
@example([("sleep", 2 * 24), ("spend", "rag-search", 30, 600_000_000), ("spend", "rag-search", 30, 600_000_000)])
@given(HISTORIES)
def test_a_closed_days_digest_equals_its_report_ever_after(reused: Ledger, steps: list[tuple[Any, ...]]) -> None:
    live(reused, steps)


@pytest.mark.long
@settings(deadline=None, max_examples=300)
@given(st.lists(STEPS, min_size=4, max_size=12))
def test_so_it_does_in_long_histories(reused: Ledger, steps: list[tuple[Any, ...]]) -> None:
    live(reused, steps)


def live(ledger: Ledger, steps: list[tuple[Any, ...]]) -> None:
    history = History(emptied(ledger))
    history.look()
    for step in steps:
        history.live(step)
        judge(history)
