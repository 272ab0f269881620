"""Old runs can be let go of: every day's figures stay, to the nano-dollar, whatever is read or decided afterwards."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.feature import Attribution
from bot.domain.period import Span
from bot.errors import LedgerError, QuestionError
from bot.ledger import pruning
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.figures import Figures
from bot.ledger.store import open_ledger
from tests.contract.sync.world import World as SyncWorld
from tests.ledger_books import Books
from tests.ledger_worlds import PATIENT, World, list_price, make_run, worlds
from tests.ledgers import BERLIN, NOW, Spent, fill, new_ledger, reporter

pytestmark = pytest.mark.each_database

DAY = timedelta(days=1)
EVER = (date(2005, 1, 1), date(2030, 1, 1))
FAR_OFF = Attribution(("team",), frozenset({"far"}))


def figures(books: Books, zone: ZoneInfo, dimensions: tuple[str, ...]) -> dict[str, Mapping[str, Figures]]:
    """Everything that whole days can say."""
    span = Span(*EVER, zone)
    with books.ledger.reading() as reading:
        found = {dimension: reading.by_value(span, dimension) for dimension in ("feature", "model", *dimensions)}
        days = reading.by_day(span)
        return found | {"day": {day.isoformat(): one for day, one in days.items()}, "all": {"": reading.total(span)}}


@PATIENT
@given(worlds(), st.data())
def test_every_days_figures_stay_and_what_is_read_again_counts_once(world: World, data: st.DataObject) -> None:
    books = Books(world.zone)
    books.fill(world)
    before = figures(books, world.zone, ("env",))
    cut = data.draw(st.sampled_from(world.days))
    gone = books.ledger.prune(cut, world.zone)
    assert gone <= len(world.runs)
    assert figures(books, world.zone, ("env",)) == before
    assert books.ledger.wrong_rollups() == []
    start = microseconds(Span(cut, cut + DAY, world.zone).start)
    held = books.booked()
    for trace in world.traces:
        kept = [run.id in held for run in trace.runs if run.id in held]
        assert not kept or any(one.run.start >= start for one in held.values() if one.run.trace_id == trace.id)
    books.fill(world)
    assert figures(books, world.zone, ("env",)) == before
    assert books.ledger.wrong_rollups() == []


def old_and_new(books: Books) -> datetime:
    """Three traces: an old one, one over the edge, a new one. Gives the instant of the edge."""
    edge = datetime(2026, 11, 10, tzinfo=UTC)
    times = (edge - 3 * DAY, edge - DAY, edge, edge + DAY)
    keys = ("old", "over", "over", "new")
    books.book(
        make_run(number, trace=trace, start=microseconds(start), raw_cost=100 * number, keys=(("env", key),))
        for number, trace, start, key in zip((1, 2, 3, 4), (1, 2, 2, 4), times, keys, strict=True)
    )
    return edge


@pytest.fixture
def books() -> Books:
    return Books(ZoneInfo("UTC"))


def test_only_traces_that_were_over_go(books: Books) -> None:
    edge = old_and_new(books)
    assert books.ledger.prune(edge.date(), ZoneInfo("UTC")) == 1
    assert sorted(one.run.raw_cost or 0 for one in books.booked().values()) == [200, 300, 400]


def test_a_run_of_pruned_days_is_not_taken_in_even_in_a_trace_that_is_held(books: Books) -> None:
    """Whether it was counted before nobody can tell."""
    edge = old_and_new(books)
    books.ledger.prune(edge.date(), ZoneInfo("UTC"))
    summary = books.book([make_run(9, trace=2, start=microseconds(edge - DAY), raw_cost=7)])
    assert (summary.pruned, summary.new, len(books.booked())) == (1, 0, 3)
    assert books.ledger.wrong_rollups() == []


def test_the_mark_never_goes_back(books: Books) -> None:
    edge = old_and_new(books)
    books.ledger.prune(edge.date(), ZoneInfo("UTC"))
    books.ledger.prune(edge.date() - 5 * DAY, ZoneInfo("UTC"))
    with books.ledger.reading() as reading:
        assert reading.pruned() == pruning.Pruned(edge.date(), microseconds(edge))


def test_many_runs_go_in_several_transactions(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that began in the same instant are neither forgotten nor looked at for ever."""
    monkeypatch.setattr(pruning, "BATCH", 3)
    old = datetime(2026, 11, 1, tzinfo=UTC)
    edge = old + 3 * DAY
    held = [make_run(number, trace=50, start=microseconds(old)) for number in range(4)]
    books.book([*held, make_run(49, trace=50, start=microseconds(edge))])
    books.book(make_run(number, start=microseconds(old)) for number in range(100, 110))
    heard: list[int] = []
    assert books.ledger.prune(edge.date(), ZoneInfo("UTC"), heard.append) == 10
    assert len(books.booked()) == 5
    assert heard == sorted(heard)
    assert len(heard) > 3


class TestOtherRules:
    @pytest.mark.parametrize("dimensions", [(), ("env",), ("env", "user_tier", "team"), ("team",)])
    def test_totals_stay_and_new_dimensions_have_no_value_in_pruned_days(
        self, books: Books, dimensions: tuple[str, ...]
    ) -> None:
        zone = ZoneInfo("UTC")
        edge = old_and_new(books)
        books.ledger.prune(edge.date(), zone)
        total = figures(books, zone, ())["all"][""]
        books.ledger.keep_rules(Rules(FAR_OFF, list_price, day_finder(zone), dimensions), zone)
        assert books.ledger.wrong_rollups() == []
        found = figures(books, zone, dimensions)
        assert found["all"][""] == total
        for dimension in ("feature", *dimensions):
            assert sum(one.cost for one in found[dimension].values()) == total.cost
            assert sum(one.runs for one in found[dimension].values()) == total.runs
            assert all(one.runs > 0 for one in found[dimension].values())

    def test_days_of_another_zone_are_refused_in_a_sentence(self, books: Books) -> None:
        edge = old_and_new(books)
        books.ledger.prune(edge.date(), ZoneInfo("UTC"))
        berlin = Rules(FAR_OFF, list_price, day_finder(BERLIN), ())
        with pytest.raises(LedgerError, match="set LLMCOST_TIMEZONE back to UTC"):
            books.ledger.keep_rules(berlin, BERLIN)


@pytest.mark.sqlite
def test_the_file_shrinks(tmp_path: Path) -> None:
    file = tmp_path / "llmcost.db"
    ledger = open_ledger(f"sqlite:///{file}", create=True)
    ledger.shrink()
    empty = file.stat().st_size
    rng = Random(5)
    start = NOW - 100 * DAY
    fill(ledger, [Spent(start + n * DAY / 30, name=rng.randbytes(50).hex()) for n in range(3_000)], start=start)
    ledger.shrink()
    before = file.stat().st_size
    assert ledger.prune(NOW.date() - 62 * DAY, BERLIN) > 1_000
    ledger.shrink()
    ledger.close()
    assert file.stat().st_size - empty < (before - empty) * 0.8


class TestAnswers:
    @pytest.fixture
    def ask(self):  # type: ignore[no-untyped-def] # what it gives is called with words only
        ledger = fill(
            new_ledger(),
            [Spent(NOW - n * DAY - DAY / 24, "search", "1", trace=f"t{n}") for n in range(200)],
            start=NOW - 200 * DAY,
        )
        ledger.prune(NOW.date() - 90 * DAY, BERLIN)
        yield lambda words: reporter(ledger).ask(words, NOW)
        ledger.close()

    def test_whole_pruned_days_are_exact_and_said(self, ask) -> None:  # type: ignore[no-untyped-def] # see there
        report = ask("150d")
        assert (report.total.cost, report.total.runs) == (150, 150)
        assert report.coverage.pruned_before == NOW.date() - 90 * DAY

    def test_a_part_of_a_pruned_day_is_not_compared(self, ask) -> None:  # type: ignore[no-untyped-def] # see there
        report = ask("91d")
        assert report.previous is None
        assert report.coverage.pruned_before is not None

    def test_what_lies_after_is_as_before(self, ask) -> None:  # type: ignore[no-untyped-def] # see there
        report = ask("30d")
        assert report.previous.cost == 30
        assert report.coverage.pruned_before is None

    def test_an_audit_is_refused_with_the_day_that_can_be_asked(self, ask) -> None:  # type: ignore[no-untyped-def] # see there
        with pytest.raises(QuestionError, match="audit looks at single runs, and those before 2026-08-24"):
            ask("audit 150d")
        assert ask("audit 60d").looked_at == 60

    @pytest.mark.parametrize("by", ["trace", "thread", "user_id"])
    def test_rows_of_single_runs_are_refused_with_the_day_that_can_be_asked(self, ask, by: str) -> None:  # type: ignore[no-untyped-def] # see there
        with pytest.raises(QuestionError, match="ask `since 2026-08-24` or later"):
            ask(f"150d by {by}")
        assert ask(f"60d by {by}").total.runs == 60

    def test_a_trace_that_is_gone(self, ask) -> None:  # type: ignore[no-untyped-def] # see there
        with pytest.raises(QuestionError, match="those before 2026-08-24 were pruned"):
            ask("trace 00000000-0000-4000-8000-0000000000ff")


def test_a_sync_since_then_reads_nothing_again_that_was_pruned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with SyncWorld(tmp_path) as world:
        world.standin.add_project("acme-prod")
        for days in range(10):
            world.standin.add_run(start=world.ago(days=days, minutes=1))
        world.settle()
        total = world.total()
        edge = (world.clock.now - 5 * DAY).date()
        assert world.ledger.prune(edge, ZoneInfo("UTC")) > 0
        asked = len(world.queries)
        assert world.sync(since=world.ago(days=12)).problems == []
        assert world.total() == total
        starts = [datetime.fromisoformat(one["min_start_time"]) for one in world.queries[asked:]]
        assert min(starts) >= datetime(edge.year, edge.month, edge.day, tzinfo=UTC) - timedelta(seconds=1)
        assert [one.getMessage() for one in caplog.records if "pruned" in one.getMessage()] == [
            f"project acme-prod is read from {edge} on: earlier runs were pruned"
        ]
