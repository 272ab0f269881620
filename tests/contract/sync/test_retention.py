"""LangSmith forgets, the ledger does not; and what it had forgotten before it was read is said to be missing."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from bot.ledger.booking import instant
from tests.contract.sync.world import World, refuse

pytestmark = pytest.mark.each_database

CENT = 10_000_000


def gaps(world: World) -> list[tuple[datetime, datetime]]:
    with world.ledger.reading() as reading:
        return [(instant(gap.start), instant(gap.end)) for gap in reading.gaps()]


def test_what_langsmith_forgets_the_ledger_keeps(world: World) -> None:
    world.standin.add_runs({"start": world.ago(days=days)} for days in range(1, 13))
    world.settle()
    world.standin.forget_before(world.clock.now)
    for days in (1, 10, 30):
        assert world.later(days=days).problems == []
        assert world.total().cost == 12 * CENT
    world.sync(world.ago(days=60))
    assert world.total().cost == 12 * CENT


def test_time_that_may_have_been_forgotten_is_a_gap(tmp_path: Path) -> None:
    """Not what is younger than the retention, though nothing was found there, nor what lies before the project."""
    with World(tmp_path, backfill=timedelta(days=40)) as world:
        edge, created = world.ago(days=14), world.ago(days=30)
        world.standin.add_project("acme-prod", start=created)
        summary = world.sync()
        assert gaps(world) == [(created, edge)]
        assert summary.gaps == 1
        assert world.project().covered_from is not None


def test_what_outlived_the_retention_is_counted_and_does_not_pass_for_all(tmp_path: Path) -> None:
    """LangSmith keeps the traces with feedback for longer: a few runs of a day are no proof of the others."""
    with World(tmp_path, backfill=timedelta(days=40)) as world:
        began, edge = world.ago(days=20), world.ago(days=14)
        world.standin.add_project("acme-prod", start=began)
        world.standin.add_runs({"start": world.ago(days=days, hours=1)} for days in range(20))
        summary = world.sync()
        assert (summary.booked.new, world.total().cost) == (20, 20 * CENT)
        assert gaps(world) == [(began, edge)]
        assert summary.gaps == 1


def test_who_says_that_everything_is_kept_for_longer_has_no_gap(tmp_path: Path) -> None:
    with World(tmp_path, backfill=timedelta(days=40), kept=timedelta(days=45)) as world:
        world.standin.add_runs({"start": world.ago(hours=12 * number, seconds=1)} for number in range(90))
        summary = world.sync()
        assert (summary.gaps, gaps(world)) == (0, [])
        assert summary.booked.new == 82


def test_a_bot_that_was_away_for_longer_than_langsmith_keeps_things_knows_what_it_missed(world: World) -> None:
    """Of the time since it stopped, what has outlived the retention is no proof that this is all."""
    world.standin.add_run(start=world.ago(hours=1))
    world.settle()
    stopped = instant(world.project().watermark or 0)
    world.standin.add_run(start=stopped + timedelta(days=1))
    world.later(days=20)
    assert gaps(world) == [(stopped, world.ago(days=14))]
    assert world.total().runs == 2


def test_a_fresh_ledger_of_the_usual_kind_begins_without_a_gap(world: World) -> None:
    assert world.sync().gaps == 0
    assert gaps(world) == []


class TestSince:
    def test_backwards_fills_what_was_never_read(self, tmp_path: Path) -> None:
        with World(tmp_path, backfill=timedelta(days=2), kept=timedelta(days=30)) as world:
            world.standin.add_runs({"start": world.ago(hours=12 * number, seconds=1)} for number in range(60))
            world.settle()
            before = world.total().runs
            assert before < 10
            since = world.ago(days=20)
            summary = world.sync(since)
            assert (summary.problems, summary.gaps, summary.booked.new) == ([], 0, 40 - before)
            assert world.project().covered_from == world.rows("SELECT min(covered_from) FROM projects")[0][0]
            assert instant(world.project().covered_from or 0) == since

    def test_fills_a_gap_once_it_is_said_that_everything_is_kept_for_longer(self, tmp_path: Path) -> None:
        with World(tmp_path, backfill=timedelta(days=20)) as world:
            world.standin.add_runs({"start": world.ago(hours=number)} for number in range(24 * 21))
            world.sync()
            (found,) = gaps(world)
            everything = instant(world.project().covered_from or 0)
            assert world.sync(everything).gaps == 0  # no new one
            assert gaps(world) == [found]
            world.scope = replace(world.scope, kept=timedelta(days=21))
            world.restart()
            world.sync(world.ago(days=10))
            assert gaps(world) == [found]
            world.sync(everything)
            assert gaps(world) == []

    def test_that_is_cut_short_keeps_what_it_has_read_in_one_piece(self, tmp_path: Path) -> None:
        with World(tmp_path, backfill=timedelta(days=2)) as world:
            world.standin.add_runs({"start": world.ago(hours=12 * number, seconds=1)} for number in range(60))
            world.settle()
            since, before = world.ago(days=28), world.project().covered_from
            questions = count()
            world.standin._order(lambda _, to: next(questions) >= 5 and refuse(to, 400), 1_000, "/runs/query", None)
            assert len(world.sync(since).problems) == 1
            world.standin._faults.clear()
            between = world.project().covered_from
            assert before is not None
            assert between is not None
            assert since < instant(between) < instant(before)
            covered = sum(world.ago(hours=12 * number, seconds=1) >= instant(between) for number in range(60))
            held = world.rows("SELECT count(*) FROM runs WHERE start >= (SELECT covered_from FROM projects)")
            assert held == [(covered,)]
            assert world.sync(since).problems == []
            assert world.total().runs == 56

    def test_into_time_that_was_read_reads_it_again(self, world: World) -> None:
        world.settle()
        covered = world.project().covered_from
        world.standin.add_run(start=world.ago(days=8))
        assert world.sync(world.ago(days=9)).booked.new == 1
        assert world.project().covered_from == covered

    @pytest.mark.parametrize("days", [1, 30])
    def test_decides_where_an_empty_ledger_begins(self, world: World, days: int) -> None:
        since = world.ago(days=days)
        world.sync(since)
        assert instant(world.project().covered_from or 0) == since
