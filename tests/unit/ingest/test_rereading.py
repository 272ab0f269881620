"""What syncs add up to: any number of them, at any times, in zones with broken calendars."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.period import first_instant, local_day
from bot.ingest.plan import RETENTION, Plan, plan, settled_by
from bot.ledger.booking import instant, microseconds
from bot.ledger.coverage import ProjectRow
from tests.unit.ingest.projects import project
from tests.unit.zones import NASTY

Stretch = tuple[int, int]  # microseconds, half-open

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT, MINUTE, HOUR, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass
class Syncs:
    """A project whose syncs all go through, without a ledger: what each read, and what is remembered of it."""

    zone: ZoneInfo
    backfill: timedelta = timedelta(days=14)
    row: ProjectRow = field(default_factory=project)
    read: list[tuple[datetime, Stretch]] = field(default_factory=list)  # when, and what

    def sync(
        self,
        now: datetime,
        *,
        since: datetime | None = None,
        changed: Iterable[date] = (),
        pending: datetime | None = None,
        true_now: datetime | None = None,
    ) -> Plan:
        """Sync when the clock shows `now`. Readings are remembered under the true time."""
        before = self.row
        todo = plan(before, now, self.zone, self.backfill, since)
        self._read(true_now or now, todo.fresh, todo.end)
        self._read(true_now or now, todo.start, todo.fresh)
        if todo.backwards_to is not None:
            self._read(true_now or now, todo.backwards_to, todo.start)
        days = [day.toordinal() for day in changed]
        settled = settled_by(before, todo, self.zone, days, None if pending is None else microseconds(pending))
        if settled is not None:
            self.row = self.row._replace(settled_through=max(settled, before.settled_through or 0))
        remembered: dict[str, Any] = {tier.value: todo.end for tier in todo.tiers}
        self.row = self.row._replace(**remembered)
        return todo

    def _read(self, now: datetime, start: int, end: int) -> None:
        """As bot.ledger.coverage.cover keeps it."""
        if start >= end:
            return
        self.read.append((now, (start, end)))
        row = self.row
        if row.covered_from is None or row.watermark is None:
            self.row = row._replace(covered_from=start, watermark=end)
        else:
            assert start <= row.watermark, "a hole below the watermark"
            assert end >= row.covered_from, "a hole above the beginning"
            self.row = row._replace(covered_from=min(start, row.covered_from), watermark=max(end, row.watermark))

    def has_read(self, start: datetime | int, end: datetime, since: datetime = LONG_AGO) -> bool:
        """Whether all of [start, end), as far as it is covered, was read by syncs at `since` or later; a reading tells
        nothing of what had not happened yet."""
        at = max(start if isinstance(start, int) else microseconds(start), self.row.covered_from or 0)
        until = microseconds(end)
        stretches = sorted((begin, min(stop, microseconds(now))) for now, (begin, stop) in self.read if now >= since)
        for begin, stop in stretches:
            if begin <= at < stop:
                at = stop
        return at >= until


zones = st.sampled_from(NASTY).map(ZoneInfo)
# Years in which those zones were at their worst.
beginnings = st.datetimes(datetime(2009, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - see timezones
pauses = st.one_of(
    st.timedeltas(timedelta(seconds=5), 3 * MINUTE),
    st.timedeltas(timedelta(seconds=5), 3 * MINUTE),
    st.timedeltas(3 * MINUTE, 3 * HOUR),
    st.timedeltas(3 * HOUR, 2 * DAY),
    st.timedeltas(2 * DAY, 20 * DAY),
)


@settings(max_examples=150, deadline=None)
@given(zones, beginnings, st.lists(pauses, min_size=3, max_size=25), st.timedeltas(MINUTE, 20 * DAY))
def test_everything_is_read_and_read_again_as_promised(
    zone: ZoneInfo, now: datetime, pauses: list[timedelta], backfill: timedelta
) -> None:
    """After each sync: all from the beginning to now was read; 10 min now, 2 h within 10 min, 26 h within the hour, and
    three days since the last time that it was two hours after midnight."""
    syncs = Syncs(zone, backfill)
    syncs.sync(now)
    assert syncs.row.covered_from is not None
    oldest = local_day(now - 13 * DAY, zone)
    if first_instant(oldest, zone) < now - RETENTION:  # a day of 25 hours, of which LangSmith has forgotten a part
        oldest += DAY
    assert syncs.row.covered_from <= microseconds(max(now - backfill, first_instant(oldest, zone)))
    assert syncs.has_read(syncs.row.covered_from, now)
    for pause in pauses:
        before, now = now, now + pause
        syncs.sync(now)
        assert syncs.row.covered_from is not None
        assert syncs.row.watermark == microseconds(now)
        assert syncs.has_read(syncs.row.covered_from, now)
        assert syncs.has_read(before - 10 * MINUTE, now, since=now)
        assert syncs.has_read(now - 110 * MINUTE, now, since=now - 10 * MINUTE + MOMENT)
        assert syncs.has_read(now - 25 * HOUR, now, since=now - HOUR + MOMENT)
        night = max(
            moment
            for days in (0, 1)
            if (moment := first_instant(local_day(now, zone) - days * DAY, zone).astimezone(UTC) + 2 * HOUR) <= now
        )
        assert syncs.has_read(first_instant(local_day(night, zone) - 2 * DAY, zone), night, since=night)


@settings(max_examples=150, deadline=None)
@given(zones, beginnings, st.lists(st.tuples(pauses, st.none() | st.timedeltas(MINUTE, 60 * DAY)), max_size=12))
def test_a_wish_is_read_whole_and_leaves_no_hole(
    zone: ZoneInfo, now: datetime, steps: list[tuple[timedelta, timedelta | None]]
) -> None:
    syncs = Syncs(zone, 2 * DAY)
    for pause, back in steps:
        now += pause
        since = None if back is None else now - back
        syncs.sync(now, since=since)
        assert syncs.row.covered_from is not None
        assert syncs.has_read(syncs.row.covered_from, now)
        if since is not None:
            assert syncs.row.covered_from <= microseconds(since)
            assert syncs.has_read(since, now, since=now)


@settings(max_examples=100, deadline=None)
@given(
    zones,
    beginnings,
    st.timedeltas(timedelta(seconds=1), 10 * DAY),
    st.lists(st.timedeltas(timedelta(seconds=5), 90 * MINUTE), min_size=1, max_size=6),
    st.timedeltas(timedelta(seconds=5), 10 * MINUTE),
    st.lists(st.timedeltas(timedelta(seconds=5), 90 * MINUTE), max_size=20),
)
def test_a_clock_that_was_ahead_and_is_set_back_loses_nothing(
    zone: ZoneInfo,
    now: datetime,
    ahead: timedelta,
    wrong: list[timedelta],
    first: timedelta,
    right: list[timedelta],
) -> None:
    """While syncs go on: the first by the right clock comes within 10 minutes, as each does unless we are down, and
    well before it shows what the wrong one had shown: afterwards nobody can tell that it was wrong."""
    assume(ahead <= 10 * MINUTE or first < ahead - 10 * MINUTE)
    syncs = Syncs(zone)
    syncs.sync(now)
    for pause in wrong:
        now += pause
        syncs.sync(now + ahead, true_now=now)
    for pause in (first, *right):
        now += pause
        syncs.sync(now)
        assert syncs.row.covered_from is not None
        assert syncs.has_read(syncs.row.covered_from, now)


@settings(max_examples=250, deadline=None)
@given(
    zones,
    beginnings,
    st.lists(
        st.tuples(
            pauses,
            st.sets(st.integers(0, 5)),  # of how many days ago something changed
            st.none() | st.timedeltas(timedelta(0), DAY),  # how old the oldest pending run is
        ),
        max_size=25,
    ),
)
def test_a_day_is_settled_by_the_first_quiet_full_reading_again_and_stays_so(
    zone: ZoneInfo, now: datetime, steps: list[tuple[timedelta, set[int], timedelta | None]]
) -> None:
    syncs = Syncs(zone, 5 * DAY)
    for pause, changes, age in steps:
        now += pause
        changed = {local_day(now, zone) - days * DAY for days in changes}
        pending = None if age is None else now - age
        before = syncs.row
        known = len(syncs.read)
        syncs.sync(now, changed=changed, pending=pending)
        expected = before.settled_through
        if known:
            assert before.covered_from is not None
            day = local_day(instant(before.covered_from), zone)
            if expected is not None:
                day = date.fromordinal(expected + 1)
            while _is_settled(syncs, known, day, now, changed, pending):
                expected = day.toordinal()
                day += DAY
        assert syncs.row.settled_through == expected


def _is_settled(
    syncs: Syncs, known: int, day: date, now: datetime, changed: set[date], pending: datetime | None
) -> bool:
    """Whether the last sync settles `day`, by the readings before it (`known`) and by its own."""
    starts, ends = first_instant(day, syncs.zone), first_instant(day + DAY, syncs.zone)
    if now - ends.astimezone(UTC) < 2 * HOUR:
        return False
    if now - ends.astimezone(UTC) >= RETENTION:
        return True
    earlier = Syncs(syncs.zone, row=syncs.row, read=syncs.read[:known])
    return (
        earlier.has_read(starts, ends)
        and syncs.has_read(starts, ends, since=now)
        and day not in changed
        and (pending is None or pending >= ends)
    )
