"""A change of the rules is retroactive, keeps totals, and gives the ledger that the new rules would have given."""

from dataclasses import replace
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.costing import CostMode
from bot.domain.feature import Attribution, Rule
from bot.domain.period import Span, first_instant
from bot.errors import LedgerError
from bot.ledger.booking import Rules, day_finder
from bot.ledger.store import Ledger
from tests.ledger_books import DIMENSIONS, MINE, NOW, Books, memory
from tests.ledger_worlds import ATTRIBUTION, PATIENT, PLACES, World, id_of, list_price, make_run, worlds

pytestmark = pytest.mark.each_database

UTC_ZONE, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
ATTRIBUTIONS = (
    ATTRIBUTION,
    Attribution(),
    replace(ATTRIBUTION, keys=("team", "feature")),
    replace(ATTRIBUTION, aliases={"search": "find"}, features=frozenset({"exp-1"})),
    replace(ATTRIBUTION, rules=(Rule("project-1", project="project-1"), Rule("rest", name="*"))),
)
attributions, dimensions = st.sampled_from(ATTRIBUTIONS), st.sampled_from([(), ("env",), ("team", "env"), DIMENSIONS])
zones = st.sampled_from([zone for zone, _ in PLACES])


@given(worlds(), attributions, dimensions, zones)
@settings(PATIENT, max_examples=60)
def test_a_recounted_ledger_is_the_one_that_the_new_rules_make_from_scratch(
    world: World, attribution: Attribution, dimensions: tuple[str, ...], zone: ZoneInfo
) -> None:
    books = Books(world.zone)
    books.fill(world)
    ever = Span(world.first - timedelta(days=5), world.first + timedelta(days=15), world.zone)
    with books.ledger.reading() as ledger:
        total = ledger.total(ever)
    rules = Rules(attribution, list_price, day_finder(zone), dimensions)
    changed = books.ledger.keep_rules(rules, zone)
    assert changed is ((attribution, dimensions, zone) != (ATTRIBUTION, DIMENSIONS, world.zone))
    assert not books.ledger.keep_rules(rules, zone)
    with books.ledger.reading() as ledger:
        assert ledger.total(ever) == total
    assert books.ledger.wrong_rollups() == []
    recounted = books.dump()
    from_scratch = Books(zone, attribution=attribution, dimensions=dimensions)
    from_scratch.fill(world)
    assert from_scratch.dump() == recounted


def test_a_recount_walks_through_more_traces_than_it_holds_at_a_time() -> None:
    books = Books(UTC_ZONE)
    books.book([make_run(number, keys=(("feature", "find"),), raw_cost=number) for number in range(1, 1_203)])
    books.ledger.keep_rules(replace(books.rules, attribution=Attribution(aliases={"find": "search"})), UTC_ZONE)
    with books.ledger.reading() as ledger:
        found = ledger.total(Span(date(2026, 11, 15), date(2026, 11, 16), UTC_ZONE), "search")
    assert (found.runs, found.traces, found.cost) == (1_202, 1_202, 1_202 * 1_203 // 2)
    assert books.ledger.wrong_rollups() == []


@pytest.mark.parametrize(
    ("keys", "dimensions", "said"),
    [
        (("feature", "squad"), DIMENSIONS, "does not have the metadata key squad:"),
        (("squad",), ("env", "tier"), "does not have the metadata keys squad, tier:"),
        (("feature",), (), ""),
        (tuple(reversed(DIMENSIONS)), DIMENSIONS, ""),
    ],
)
def test_keys_that_what_is_there_was_not_read_with_are_told_with_the_way_to_them(
    keys: tuple[str, ...], dimensions: tuple[str, ...], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a setting that was wrong for a day stays wrong in the figures when it is put right, and nobody says so."""
    books = Books(UTC_ZONE, attribution=Attribution(), dimensions=DIMENSIONS)
    caplog.clear()
    assert books.ledger.keep_rules(replace(books.rules, attribution=Attribution(keys), dimensions=dimensions), UTC_ZONE)
    assert said in caplog.text
    assert ("`llmcost sync --since 14d` reads again" in caplog.text) is bool(said)


@given(worlds(modes=(CostMode.UNKNOWN,)), st.sampled_from([CostMode.OWN, CostMode.ROLLED_UP]))
@settings(PATIENT, max_examples=40)
def test_a_mode_that_is_learnt_late_gives_the_ledger_of_one_learnt_early(world: World, mode: CostMode) -> None:
    books = Books(world.zone)
    books.fill(world)
    before = books.booked()
    changed = books.learn(mode)
    assert changed == sum(before[run_id] != booked for run_id, booked in books.booked().items())
    late = books.dump()
    early = Books(world.zone)
    early.fill(world._replace(modes={1: mode, 2: CostMode.UNKNOWN}))
    assert early.dump() == late


def test_a_projects_new_name_is_seen_by_the_rules() -> None:
    books = Books(UTC_ZONE, attribution=ATTRIBUTIONS[-1])
    books.book([make_run(1)])
    renamed = [(id_of(1), "another", 0), (id_of(2), "project-1", 0)]
    books.ledger.select_projects(MINE, NOW, renamed)
    assert books.booked()[id_of(1)].feature == "rest"
    assert books.ledger.wrong_rollups() == []
    books.ledger.select_projects(MINE, NOW, [(id_of(1), "project-1", 0)])
    assert books.booked()[id_of(1)].feature == "project-1"


def test_who_keeps_other_rules_than_the_ledger_can_no_longer_write() -> None:
    books = Books(UTC_ZONE)
    books.book([make_run(1)])
    books.ledger.keep_rules(books.rules, UTC_ZONE)
    another = Ledger(memory())
    another.keep_rules(replace(books.rules, dimensions=("env",)), UTC_ZONE)
    before = books.dump()
    with pytest.raises(LedgerError, match="by other settings"):
        books.book([make_run(2)])
    with pytest.raises(LedgerError, match="by other settings"):
        books.learn(CostMode.OWN)
    assert books.dump() == before
    books.ledger.keep_rules(books.rules, UTC_ZONE)
    books.book([make_run(2)])
    assert books.ledger.wrong_rollups() == []


def test_a_reader_of_another_time_zone_is_told_so() -> None:
    books = Books(BERLIN)
    books.ledger.check_zone(BERLIN)
    with pytest.raises(LedgerError, match=r"counts its days in Europe/Berlin, and LLMCOST_TIMEZONE is UTC\."):
        books.ledger.check_zone(UTC_ZONE)


@given(zones, zones, st.dates(date(2026, 3, 1), date(2026, 11, 20)))
@PATIENT
def test_in_a_new_time_zone_the_settled_days_are_those_that_had_ended(
    before: ZoneInfo, after: ZoneInfo, day: date
) -> None:
    books = Books(before)
    books.settle(day)
    books.ledger.keep_rules(replace(books.rules, day_of=day_finder(after)), after)
    settled = books.project().settled_through
    assert settled is not None
    ended = first_instant(day + timedelta(days=1), before).astimezone(UTC)
    until = date.fromordinal(settled) + timedelta(days=1)
    assert first_instant(until, after).astimezone(UTC) <= ended
    assert first_instant(until + timedelta(days=1), after).astimezone(UTC) > ended
    assert books.project(2).settled_through is None
