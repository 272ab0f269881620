"""What is done at night: LangSmith's own total is asked for once and told once, and what had no price may get one."""

import threading
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete

from bot.domain.cost import Cost, Listed, Price
from bot.domain.run import Source
from bot.errors import SourceUnavailableError
from bot.jobs import newly_priced
from bot.jobs.newly_priced import NewlyPriced
from bot.jobs.verifying import AGAIN_AFTER, MARK, TRIES, Verifying
from bot.ledger import lease
from bot.ledger.booking import Rules
from bot.ledger.deliveries import Role
from bot.ledger.engine import writing
from bot.ledger.store import open_ledger
from bot.ledger.tables import marks
from bot.render.digest import details
from bot.reports.digest_reporter import DigestReporter, checked_key
from bot.reports.verification import Counterpart
from tests.databases import new_url
from tests.ledger_books import DIMENSIONS as BOOKS_DIMENSIONS
from tests.ledger_books import MINE, Books
from tests.ledger_worlds import id_of, list_price, make_run
from tests.ledgers import BERLIN, Spent, fill, reporter

MORNING = datetime(2026, 11, 23, 4, 0, tzinfo=BERLIN)
DAY = timedelta(days=1)
SECONDS = 20


class Night:
    """A ledger with $10 on each of the last days, and a LangSmith that says what the test wants."""

    def __init__(self, folder: Path) -> None:
        # In a file, because threads share it.
        self.ledger = open_ledger(new_url(folder), create=False)
        fill(self.ledger, [Spent(MORNING - number * DAY, "rag-search", "10") for number in range(1, 9)], now=MORNING)
        self.ledger.outbox.set_mark(MARK, "2026-11-22")
        self.says: int | Exception = 70
        self.asked: list[tuple[datetime, datetime]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        asks = reporter(self.ledger, counterpart=Counterpart(self._total, ("LLM",), 14 * DAY)).ask
        self.job = Verifying(self.ledger, asks, ("U1", "U2"), BERLIN)

    def _total(self, projects: Collection[bytes], start: datetime, end: datetime) -> dict[str, Listed]:
        del projects
        self.asked.append((start, end))
        self.may_answer.wait(SECONDS)
        if isinstance(self.says, Exception):
            raise self.says
        return {"LLM": Listed(7, self.says * 10**9)}

    def passes(self, now: datetime) -> None:
        """Two ticks: one asks, one takes the answer up."""
        self.job.run(now)
        self.job.wait(SECONDS)
        self.job.run(now)

    def told(self) -> list[tuple[str, Role]]:
        return sorted((one.recipient, one.role) for one in self.ledger.outbox.latest(20))

    def digest(self) -> str:
        digests = DigestReporter(self.ledger, lambda: reporter(self.ledger).catalog(), BERLIN)
        return "\n".join(details(digests.digest(MORNING.date(), MORNING, before=None)))


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    night = Night(tmp_path)
    yield night
    night.may_answer.set()
    night.job.wait(SECONDS)
    night.ledger.close()


def test_the_seven_days_before_are_verified_once_a_date(night: Night) -> None:
    night.passes(MORNING - timedelta(minutes=1))
    assert night.asked == []
    for _ in range(3):
        night.passes(MORNING)
    midnight = datetime(2026, 11, 23, tzinfo=BERLIN)
    assert night.asked == [(midnight - 7 * DAY, midnight)]
    night.passes(MORNING + DAY)
    assert len(night.asked) == 2


@pytest.mark.parametrize(
    ("says", "is_in_digest", "is_told"), [(70, False, False), (73, False, False), (77, True, False), (90, True, True)]
)
def test_a_digest_says_what_is_5_percent_apart_and_admins_hear_of_20(
    night: Night, says: int, is_in_digest: bool, is_told: bool
) -> None:
    night.says = says
    night.passes(MORNING)
    night.passes(MORNING + timedelta(hours=3))
    assert ("LangSmith's own total" in night.digest()) == is_in_digest
    assert ("Likely cause: " in night.digest()) == is_in_digest
    assert night.told() == ([("U1", Role.ADMIN), ("U2", Role.ADMIN)] if is_told else [])


def test_the_digest_of_another_morning_does_not_say_it(night: Night) -> None:
    night.says = 90
    night.passes(MORNING)
    assert night.ledger.outbox.event(checked_key(MORNING.date())) is not None
    digests = DigestReporter(night.ledger, lambda: reporter(night.ledger).catalog(), BERLIN)
    assert digests.digest((MORNING - DAY).date(), MORNING, before=None).checked == ()


def test_an_answer_that_takes_long_holds_nobody_up(night: Night) -> None:
    night.may_answer.clear()
    for _ in range(3):
        night.job.run(MORNING)
    assert night.ledger.outbox.event(checked_key(MORNING.date())) is None
    night.says = 90
    night.may_answer.set()
    night.job.wait(SECONDS)
    night.job.run(MORNING)
    assert len(night.asked) == 1
    assert len(night.told()) == 2


def test_langsmith_is_asked_again_an_hour_later_and_not_for_ever(night: Night) -> None:
    night.says = SourceUnavailableError("LangSmith is down.")
    night.passes(MORNING)
    night.passes(MORNING + timedelta(minutes=59))
    assert len(night.asked) == 1
    for number in range(1, TRIES + 3):
        night.passes(MORNING + number * AGAIN_AFTER)
    assert len(night.asked) == TRIES
    night.says = 90
    night.passes(MORNING + DAY)
    assert len(night.told()) == 2


def test_a_new_ledger_is_verified_from_the_next_night_on(tmp_path: Path) -> None:
    new = Night(tmp_path)
    with writing(new.ledger._engine) as connection:
        connection.execute(delete(marks))
    new.passes(MORNING)
    assert new.asked == []
    new.passes(MORNING + DAY)
    assert len(new.asked) == 1
    new.ledger.close()


def test_a_restart_does_not_tell_it_twice(night: Night) -> None:
    night.says = 90
    night.passes(MORNING)
    night.job = Verifying(night.ledger, night.job.verify, night.job.admins, BERLIN)
    night.passes(MORNING + timedelta(hours=1))
    assert (len(night.asked), len(night.told())) == (1, 2)


# What had no price


UTC_ZONE = ZoneInfo("UTC")
AT = datetime(2026, 11, 22, 3, 45, tzinfo=UTC_ZONE)


def with_house_price(*, model: str | None, **told: object) -> Cost:
    """The price list of the next day: it knows the in-house model, and says something else of all others."""
    if model == "in-house":
        return Cost(77, Source.ESTIMATE, "new")
    cost = list_price(model=model, **told)  # type: ignore[arg-type] # the caller's own keywords
    return cost if cost.nanos is None else cost._replace(nanos=cost.nanos + 1)


class Prices:
    """A job, and what prices are in force."""

    def __init__(self, runs: int = 1) -> None:
        self.books = Books(UTC_ZONE)
        self.books.book([make_run(number, model="in-house") for number in range(1, runs + 1)])
        self.books.book([make_run(100, raw_cost=500), make_run(101, model="nobody's")])
        self.named = "old"
        self.price: Price = list_price
        self.books.ledger.outbox.set_mark(newly_priced.MARK, "2026-11-21 old")
        self.job = self.new_job()
        self.release()

    def new_job(self) -> NewlyPriced:
        books = self.books
        return NewlyPriced(
            books.ledger,
            books.ledger.outbox,
            lambda: Rules(books.rules.attribution, self.price, books.rules.day_of, BOOKS_DIMENSIONS),
            lambda: self.named,
            UTC_ZONE,
        )

    def release(self) -> None:
        """Give the books' lease back: the job takes it."""
        with writing(self.books.ledger._engine) as connection:
            lease.release(connection, MINE)

    def cost(self, number: int) -> int | None:
        return self.books.booked()[id_of(number)].cost

    def change(self) -> None:
        self.named, self.price = "new", with_house_price


def test_what_had_no_price_gets_one_at_night_and_what_has_one_keeps_it() -> None:
    prices = Prices()
    prices.job.run(AT)
    prices.change()
    prices.job.run(AT + timedelta(hours=9))
    assert prices.cost(1) is None  # this night is over
    prices.job.run(AT + DAY - timedelta(minutes=1))
    assert prices.cost(1) is None
    prices.job.run(AT + DAY)
    assert (prices.cost(1), prices.cost(100), prices.cost(101)) == (77, 500, None)
    assert prices.books.ledger.wrong_rollups() == []
    last = prices.books.ledger.last_repricing()
    assert last is not None
    assert (last.by, last.runs) == (newly_priced.BY, 1)


def test_of_a_new_ledger_prices_are_settled_from_the_next_night_on() -> None:
    prices = Prices()
    with writing(prices.books.ledger._engine) as connection:
        connection.execute(delete(marks))
    prices.price = with_house_price
    prices.job.run(AT)
    assert prices.cost(1) is None
    prices.job.run(AT + DAY)
    assert prices.cost(1) == 77


def test_without_another_price_list_nothing_is_walked_through() -> None:
    prices = Prices()
    prices.job.run(AT)
    prices.price = with_house_price
    prices.job.run(AT + DAY)
    assert prices.cost(1) is None
    assert prices.books.ledger.last_repricing() is None


def test_a_long_ledger_is_priced_in_turns_and_a_restart_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.ledger.repricing.BATCH", 2)
    monkeypatch.setattr(newly_priced, "BATCHES_AT_ONCE", 1)
    prices = Prices(runs=9)
    prices.change()
    prices.job.run(AT)
    assert [prices.cost(number) for number in (1, 2, 3)] == [77, 77, None]
    prices.job = prices.new_job()
    for _ in range(12):
        prices.job.run(AT)
    assert {prices.cost(number) for number in range(1, 10)} == {77}
    assert prices.books.ledger.wrong_rollups() == []


def test_while_a_sync_runs_the_job_waits_for_the_next_tick() -> None:
    prices = Prices()
    prices.change()
    with prices.books.ledger.lease("sync", AT):
        prices.job.run(AT)
    assert prices.cost(1) is None
    prices.job.run(AT)
    assert prices.cost(1) == 77
