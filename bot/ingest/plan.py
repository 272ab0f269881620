"""Which stretches of time to read, and which to read again: pure functions of what the ledger remembers.

Costs, tokens and whole runs arrive late, and LangSmith can only be asked by when a run started. So the last minutes are
read again at every sync, and longer stretches less and less often: 2 h every 10 min, 26 h every hour, and every night
at least 3 days, which is what settles days.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.period import first_instant, local_day
from bot.ledger.booking import instant, microseconds
from bot.ledger.coverage import ProjectRow

# LangSmith's base retention: what began longer ago than this may be forgotten, and nothing about it changes any more.
RETENTION = timedelta(days=14)
OVERLAP = timedelta(minutes=10)
# A day can be settled by what is read from this long after its end.
SETTLING = timedelta(hours=2)
NIGHTLY_DAYS = 3
# A run that has not ended after so long never will: it is unfinished, and no longer waited for.
UNFINISHED = timedelta(days=1)

LONGEST_SLICE = timedelta(days=4)
SHORTEST_SLICE = timedelta(minutes=5)
FIRST_SLICE = timedelta(days=1)
MANY_PAGES = 20
FEW_PAGES = 2


class Tier(StrEnum):
    """A stretch that is read again from time to time; the value is its column in the ledger."""

    TWO_HOURS = "reread_2h"
    DAY = "reread_26h"
    NIGHTLY = "reread_days"


class Plan(NamedTuple):
    """What one sync reads of a project, in microseconds since 1970 UTC: first what is new, [fresh, end), so that the
    ledger is as young as it can be whatever happens then; then again what was read before, [start, fresh).

    `tiers` are the tiers that this fulfils. `backwards_to` is where an explicit wish reaches further back than anything
    read so far; None without one.
    """

    start: int
    fresh: int
    end: int
    tiers: tuple[Tier, ...]
    backwards_to: int | None = None

    def not_before(self, instant: int) -> "Plan":
        """The same without what lies before an instant."""
        back = None if self.backwards_to is None else max(self.backwards_to, instant)
        return self._replace(start=max(self.start, instant), fresh=max(self.fresh, instant), backwards_to=back)


def plan(
    project: ProjectRow,
    now: datetime,
    zone: ZoneInfo,
    backfill: timedelta,
    since: datetime | None = None,
    *,
    kept: timedelta = RETENTION,
) -> Plan:
    """What to read of a project now. A first sync goes back by `backfill`, in whole local days.

    `since` is an explicit wish to read (again) from there; `kept` is how long LangSmith keeps everything.
    """
    end = microseconds(now)
    if project.watermark is None or project.covered_from is None:
        start = min(microseconds(since or _beginning(now, zone, backfill, kept)), end)
        return Plan(start, start, end, (Tier.TWO_HOURS, Tier.DAY))
    covered_from = min(project.covered_from, end)
    fresh = max(covered_from, microseconds(_last_read(project, now) - OVERLAP))
    tiers = tuple(tier for tier in Tier if _is_due(project, tier, now, zone))
    reaches = [microseconds(_reach(project, tier, now, zone)) for tier in tiers]
    backwards_to = None
    if since is not None:
        reaches.append(microseconds(since))
        if microseconds(since) < covered_from:
            backwards_to = microseconds(since)
    return Plan(max(covered_from, min([fresh, *reaches])), fresh, end, tiers, backwards_to)


def cut(start: int, end: int, length: timedelta, now: datetime, kept: timedelta = RETENTION) -> int:
    """Where the slice that begins at `start` ends: after `length`, at `end`, or at the edge of what LangSmith keeps:
    beyond it nobody knows whether what is found is all that there was."""
    edge = microseconds(now - kept)
    stop = min(end, start + length // timedelta(microseconds=1))
    return edge if start < edge < stop else stop


def cut_backwards(start: int, end: int, length: timedelta, now: datetime, kept: timedelta = RETENTION) -> int:
    """Like `cut`, for reading backwards: where the slice that ends at `end` begins."""
    edge = microseconds(now - kept)
    begin = max(start, end - length // timedelta(microseconds=1))
    return edge if begin < edge < end else begin


def next_length(length: timedelta, pages: int) -> timedelta:
    """The next slice's length, so that a crash costs little to repeat and quiet projects cost few requests."""
    if pages > MANY_PAGES:
        return max(SHORTEST_SLICE, length / 2)
    if pages <= FEW_PAGES:
        return min(LONGEST_SLICE, length * 2)
    return length


def settled_by(
    before: ProjectRow,
    plan: Plan,
    zone: ZoneInfo,
    changed_days: Collection[int],
    oldest_pending: int | None,
) -> int | None:
    """The last day (an ordinal) that is settled now that `plan` has been read; None if none is.

    A day is settled by the first full re-read, begun at least SETTLING after its end, that changed nothing of it and
    left nothing pending in it. Days are settled in order, and a day that LangSmith has forgotten is.
    """
    if before.watermark is None or before.covered_from is None:
        return None  # the first reading is no re-reading
    begun = instant(plan.end)
    if before.settled_through is not None:
        day = date.fromordinal(before.settled_through + 1)
    else:
        day = local_day(instant(before.covered_from), zone)
    settled = None
    while True:
        starts, ends = first_instant(day, zone), first_instant(day + timedelta(days=1), zone)
        forgotten = ends <= begun - RETENTION
        read_again = (
            plan.start <= max(microseconds(starts), before.covered_from) and microseconds(ends) <= before.watermark
        )
        pending = oldest_pending is not None and oldest_pending < microseconds(ends)
        quiet = day.toordinal() not in changed_days and not pending
        if begun < ends + SETTLING or not (forgotten or (read_again and quiet)):
            return settled
        settled = day.toordinal()
        day += timedelta(days=1)


def _beginning(now: datetime, zone: ZoneInfo, backfill: timedelta, kept: timedelta) -> datetime:
    """The beginning of the local day that lies `backfill` back; or of the next, if LangSmith may have forgotten a part
    of that one though it is not asked for: every ledger would begin with a gap."""
    back = now - backfill
    day = local_day(back, zone)
    if first_instant(day, zone) < now - kept <= back:
        day += timedelta(days=1)
    return first_instant(day, zone)


def _last_read(project: ProjectRow, now: datetime) -> datetime:
    """Up to when everything has been read, as far as that can be known.

    That is the watermark, unless it lies ahead: then the clock has been set back, and what happens between now and the
    watermark has not been read at all. The last syncs by the right clock have left their mark on the shortest tier.
    """
    watermark = instant(project.watermark or 0)
    if watermark <= now + OVERLAP:  # less is the ordinary trembling of clocks, and is read again anyway
        return min(watermark, now)
    last = instant(project.reread_2h or 0)
    return last if last <= now else now - RETENTION


def _is_due(project: ProjectRow, tier: Tier, now: datetime, zone: ZoneInfo) -> bool:
    last = {
        Tier.TWO_HOURS: project.reread_2h,
        Tier.DAY: project.reread_26h,
        Tier.NIGHTLY: project.reread_days,
    }[tier]
    if last is None or instant(last) > now:  # never, or by a clock that has been set back since
        return True
    if tier is Tier.TWO_HOURS:
        return now - instant(last) >= timedelta(minutes=10)
    if tier is Tier.DAY:
        return now - instant(last) >= timedelta(hours=1)
    return instant(last) < _last_night(now, zone)


def _reach(project: ProjectRow, tier: Tier, now: datetime, zone: ZoneInfo) -> datetime:
    """How far back a tier reads. The nightly one goes back to the first day that is not settled."""
    if tier is Tier.TWO_HOURS:
        return now - timedelta(hours=2)
    if tier is Tier.DAY:
        return now - timedelta(hours=26)
    reach = first_instant(local_day(now, zone) - timedelta(days=NIGHTLY_DAYS), zone)
    if project.settled_through is not None:
        unsettled = first_instant(date.fromordinal(project.settled_through + 1), zone)
    elif project.covered_from is not None:
        unsettled = instant(project.covered_from)
    else:
        return reach
    # From the beginning of a day: a day of which a part was not read again is not settled by it.
    return min(reach, max(unsettled, first_instant(local_day(now - RETENTION, zone), zone)))


def _last_night(now: datetime, zone: ZoneInfo) -> datetime:
    """The latest moment at which a day could be settled: SETTLING after the beginning of a local day."""
    today = local_day(now, zone)
    tonight = first_instant(today, zone) + SETTLING
    return tonight if tonight <= now else first_instant(today - timedelta(days=1), zone) + SETTLING
