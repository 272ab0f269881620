"""Single decisions of the plan, each named by its rule. What many of them add up to is in test_rereading.py."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ingest.plan import (
    FEW_PAGES,
    LONGEST_SLICE,
    MANY_PAGES,
    RETENTION,
    SHORTEST_SLICE,
    Plan,
    Tier,
    cut,
    cut_backwards,
    next_length,
    plan,
    settled_by,
)
from bot.ledger.booking import instant, microseconds
from bot.ledger.coverage import ProjectRow
from tests.unit.ingest.projects import project

BERLIN = ZoneInfo("Europe/Berlin")
BACKFILL = timedelta(days=14)
# Wednesday 2026-11-18, 16:30 in Berlin.
NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=BERLIN)


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


def synced(**changes: datetime | date | None) -> ProjectRow:
    """A project that was read from 14 days back until a minute ago, every tier just now, all days settled."""
    usual: dict[str, datetime | date | None] = {
        "covered_from": berlin("11-04T00:00"),
        "watermark": ago(minutes=1),
        "reread_2h": ago(minutes=1),
        "reread_26h": ago(minutes=1),
        "reread_days": ago(minutes=1),
        "settled_through": date(2026, 11, 17),
    }
    return project(**{**usual, **changes})


def stretch(row: ProjectRow, since: datetime | None = None) -> tuple[datetime, datetime, tuple[Tier, ...]]:
    """From when, and from when anew, the plan reads up to NOW; and the tiers that this fulfils."""
    todo = plan(row, NOW, BERLIN, BACKFILL, since)
    assert instant(todo.end) == NOW
    return instant(todo.start), instant(todo.fresh), todo.tiers


class TestFirstReading:
    @pytest.mark.parametrize(
        ("backfill", "start"),
        [
            (timedelta(minutes=1), "11-18T00:00"),
            (timedelta(days=1), "11-17T00:00"),
            (timedelta(days=13), "11-05T00:00"),
            # All that LangSmith is sure to have: of the fourth it has forgotten a part.
            (timedelta(days=14), "11-05T00:00"),
            (timedelta(days=14, seconds=1), "11-04T00:00"),
            (timedelta(days=40), "10-09T00:00"),
        ],
    )
    def test_goes_back_in_whole_local_days(self, backfill: timedelta, start: str) -> None:
        todo = plan(project(), NOW, BERLIN, backfill)
        assert instant(todo.start) == instant(todo.fresh) == berlin(start)
        assert todo.tiers == (Tier.TWO_HOURS, Tier.DAY)

    def test_where_everything_is_kept_for_longer_it_goes_back_by_whole_days_too(self) -> None:
        todo = plan(project(), NOW, BERLIN, timedelta(days=40), kept=timedelta(days=40))
        assert instant(todo.start) == berlin("10-10T00:00")  # of the ninth LangSmith has forgotten a part

    def test_goes_back_to_what_was_asked_for(self) -> None:
        assert stretch(project(), since=berlin("06-01T00:00"))[:2] == (berlin("06-01T00:00"),) * 2

    def test_reads_nothing_of_the_time_to_come(self) -> None:
        todo = plan(project(), NOW, BERLIN, BACKFILL, NOW + timedelta(days=1))
        assert todo.start == todo.fresh == todo.end

    def test_that_was_cut_short_goes_on_where_it_was_before_it_reads_again(self) -> None:
        row = project(covered_from=berlin("11-04T00:00"), watermark=berlin("11-10T00:00"))
        assert stretch(row) == (berlin("11-04T00:00"), berlin("11-09T23:50"), tuple(Tier))


class TestReadingOn:
    def test_ten_minutes_are_read_again_at_every_sync(self) -> None:
        assert stretch(synced()) == (ago(minutes=11), ago(minutes=11), ())

    @pytest.mark.parametrize(
        ("row", "start", "tiers"),
        [
            (synced(reread_2h=ago(minutes=9.99)), ago(minutes=11), ()),
            (synced(reread_2h=ago(minutes=10)), ago(hours=2), (Tier.TWO_HOURS,)),
            (synced(reread_26h=ago(minutes=59.99)), ago(minutes=11), ()),
            (synced(reread_26h=ago(hours=1)), ago(hours=26), (Tier.DAY,)),
            # The nightly one is due two hours after midnight, and goes back to the beginning of the third day before.
            (synced(reread_days=berlin("11-18T02:00")), ago(minutes=11), ()),
            (synced(reread_days=berlin("11-18T01:59:59.999999")), berlin("11-15T00:00"), (Tier.NIGHTLY,)),
            (synced(reread_2h=None, reread_26h=None, reread_days=None), berlin("11-15T00:00"), tuple(Tier)),
        ],
    )
    def test_a_tier_is_read_again_when_it_is_due(
        self, row: ProjectRow, start: datetime, tiers: tuple[Tier, ...]
    ) -> None:
        assert stretch(row) == (start, ago(minutes=11), tiers)

    @pytest.mark.parametrize(
        ("now", "due"),
        [("11-18T00:30", False), ("11-18T01:59:59", False), ("11-18T02:00", True), ("11-18T23:59", True)],
    )
    def test_the_night_begins_two_hours_after_midnight(self, now: str, *, due: bool) -> None:
        row = synced(watermark=berlin("11-18T00:00"), reread_days=berlin("11-17T02:00"))
        assert (Tier.NIGHTLY in plan(row, berlin(now), BERLIN, BACKFILL).tiers) == due

    @pytest.mark.parametrize("column", ["reread_2h", "reread_26h", "reread_days"])
    def test_a_tier_that_was_read_in_the_future_is_due(self, column: str) -> None:
        """The clock has been set back since."""
        assert stretch(synced(**{column: NOW + timedelta(seconds=1)}))[2] == (Tier(column),)

    def test_the_nightly_one_goes_back_to_the_first_day_that_is_not_settled(self) -> None:
        row = synced(reread_days=None, settled_through=date(2026, 11, 8))
        assert stretch(row)[0] == berlin("11-09T00:00")

    def test_but_not_to_what_langsmith_may_have_forgotten(self) -> None:
        row = synced(reread_days=None, settled_through=date(2026, 10, 1), covered_from=berlin("09-01T00:00"))
        assert stretch(row)[0] == berlin("11-04T00:00")

    def test_nor_before_anything_that_was_read(self) -> None:
        row = synced(reread_days=None, settled_through=None, covered_from=ago(hours=3))
        assert stretch(row)[0] == ago(hours=3)

    def test_after_a_downtime_it_goes_on_from_the_watermark(self) -> None:
        row = synced(watermark=ago(days=20), covered_from=ago(days=30))
        assert stretch(row)[1] == ago(days=20, minutes=10)


class TestWishes:
    def test_what_was_read_is_read_again_from_there(self) -> None:
        assert stretch(synced(), since=ago(days=5)) == (ago(days=5), ago(minutes=11), ())

    def test_a_wish_for_less_than_what_is_due_changes_nothing(self) -> None:
        row = synced(reread_2h=None)
        assert stretch(row, since=ago(hours=1)) == stretch(row)

    def test_what_was_never_read_is_read_backwards_from_what_was(self) -> None:
        todo = plan(synced(), NOW, BERLIN, BACKFILL, berlin("10-01T00:00"))
        assert todo == Plan(
            start=microseconds(berlin("11-04T00:00")),
            fresh=microseconds(ago(minutes=11)),
            end=microseconds(NOW),
            tiers=(),
            backwards_to=microseconds(berlin("10-01T00:00")),
        )


class TestClockSetBack:
    def test_a_little_is_within_what_is_read_again_anyway(self) -> None:
        assert stretch(synced(watermark=NOW + timedelta(minutes=10)))[1] == ago(minutes=10)

    def test_a_watermark_ahead_is_not_believed(self) -> None:
        """What happens until the clock reaches it has not been read."""
        row = synced(watermark=NOW + timedelta(days=2), reread_2h=NOW + timedelta(days=2))
        assert stretch(row)[1] == ago(days=14, minutes=10)

    def test_the_syncs_since_then_are(self) -> None:
        row = synced(watermark=NOW + timedelta(days=2), reread_2h=ago(minutes=5))
        assert stretch(row)[1] == ago(minutes=15)

    def test_before_everything_that_was_read_nothing_is(self) -> None:
        row = synced(covered_from=NOW + timedelta(days=1), watermark=NOW + timedelta(days=2))
        assert stretch(row)[:2] == (NOW, NOW)


class TestSettling:
    """Days of Berlin; the plan has read all that it says."""

    def settled(
        self,
        row: ProjectRow,
        todo: Plan,
        *,
        changed: tuple[date, ...] = (),
        pending: datetime | None = None,
    ) -> date | None:
        ordinals = [day.toordinal() for day in changed]
        through = settled_by(row, todo, BERLIN, ordinals, None if pending is None else microseconds(pending))
        return None if through is None else date.fromordinal(through)

    def from_then(self, start: datetime, end: datetime = NOW) -> Plan:
        return Plan(microseconds(start), microseconds(end), microseconds(end), ())

    def test_the_first_reading_settles_nothing(self) -> None:
        assert self.settled(project(), self.from_then(berlin("11-01T00:00"))) is None

    def test_a_full_reading_again_settles_every_day_that_is_over(self) -> None:
        row = synced(settled_through=None)
        assert self.settled(row, self.from_then(berlin("11-04T00:00"))) == date(2026, 11, 17)

    def test_a_first_day_that_is_covered_in_part_is_settled_with_that_part(self) -> None:
        row = synced(settled_through=None, covered_from=berlin("11-15T13:00"))
        assert self.settled(row, self.from_then(berlin("11-15T13:00"))) == date(2026, 11, 17)

    def test_a_day_is_settled_from_two_hours_after_its_end(self) -> None:
        row = synced(settled_through=date(2026, 11, 16), watermark=berlin("11-18T01:00"))
        for end, through in (("11-18T01:59:59.999999", None), ("11-18T02:00", date(2026, 11, 17))):
            assert self.settled(row, self.from_then(berlin("11-15T00:00"), berlin(end))) == through

    def test_not_by_a_reading_of_a_part_of_it(self) -> None:
        row = synced(settled_through=date(2026, 11, 16))
        assert self.settled(row, self.from_then(berlin("11-17T00:00:00.000001"))) is None
        assert self.settled(row, self.from_then(berlin("11-17T00:00"))) == date(2026, 11, 17)

    def test_not_by_the_first_reading_of_a_part_of_it(self) -> None:
        row = synced(settled_through=date(2026, 11, 15), watermark=berlin("11-17T23:59:59.999999"))
        assert self.settled(row, self.from_then(berlin("11-15T00:00"))) == date(2026, 11, 16)

    def test_not_by_a_reading_that_changed_something_of_it_nor_any_day_after_it(self) -> None:
        row = synced(settled_through=date(2026, 11, 14))
        todo = self.from_then(berlin("11-15T00:00"))
        assert self.settled(row, todo, changed=(date(2026, 11, 16),)) == date(2026, 11, 15)
        assert self.settled(row, todo, changed=(date(2026, 11, 14), date(2026, 11, 18))) == date(2026, 11, 17)

    def test_not_while_something_of_it_or_before_is_pending(self) -> None:
        row = synced(settled_through=date(2026, 11, 14))
        todo = self.from_then(berlin("11-15T00:00"))
        assert self.settled(row, todo, pending=berlin("11-16T23:59")) == date(2026, 11, 15)
        assert self.settled(row, todo, pending=berlin("11-14T12:00")) is None
        assert self.settled(row, todo, pending=berlin("11-18T00:00")) == date(2026, 11, 17)

    def test_what_langsmith_has_forgotten_is_settled(self) -> None:
        row = synced(settled_through=date(2026, 10, 1), covered_from=berlin("09-01T00:00"))
        read = self.from_then(ago(hours=1))
        assert self.settled(row, read, changed=(date(2026, 10, 5),)) == date(2026, 11, 3)


lengths = st.timedeltas(SHORTEST_SLICE, LONGEST_SLICE)


@given(
    st.timedeltas(timedelta(0), timedelta(days=60)),
    st.timedeltas(timedelta(0), timedelta(days=60)),
    lengths,
    st.lists(st.integers(1, 60), min_size=1),
    st.booleans(),
    st.sampled_from([RETENTION, timedelta(days=45)]),
)
def test_slices_tile_what_is_to_be_read_and_none_spans_the_edge_of_retention(
    one: timedelta, other: timedelta, length: timedelta, pages: list[int], backwards: bool, kept: timedelta
) -> None:
    start, end = (microseconds(NOW - back) for back in sorted((one, other), reverse=True))
    edge = microseconds(NOW - kept)
    slices: list[tuple[int, int]] = []
    at = end if backwards else start
    while (start < at) if backwards else (at < end):
        following = cut_backwards(start, at, length, NOW, kept) if backwards else cut(at, end, length, NOW, kept)
        slices.append((following, at) if backwards else (at, following))
        at = following
        length = next_length(length, pages[len(slices) % len(pages)])
    slices.sort()
    assert [begins for begins, _ in slices] + [end] == [start] + [ends for _, ends in slices]
    for begins, ends in slices:
        assert 0 < ends - begins <= LONGEST_SLICE / timedelta(microseconds=1)
        assert not begins < edge < ends


@given(lengths, st.integers(0, 2_000))
def test_a_busy_projects_slices_get_shorter_and_a_quiet_ones_longer(length: timedelta, pages: int) -> None:
    following = next_length(length, pages)
    assert SHORTEST_SLICE <= following <= LONGEST_SLICE
    if pages > MANY_PAGES:
        assert following == max(SHORTEST_SLICE, length / 2)
    elif pages <= FEW_PAGES:
        assert following == min(LONGEST_SLICE, 2 * length)
    else:
        assert following == length
