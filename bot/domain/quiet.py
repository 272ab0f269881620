"""Quiet hours: when what can wait does not disturb anybody."""

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.period import instant_of


class QuietHours(NamedTuple):
    """From `start` to `end` by the local clock, over midnight if `end` is the earlier; `end` is quiet no more."""

    start: time
    end: time

    def hold(self, clock: time) -> bool:
        """Whether it is quiet while a clock shows this."""
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def not_before(now: datetime, zone: ZoneInfo, quiet: QuietHours | None) -> datetime:
    """`now`, or the end of the quiet hours in which it lies by the clocks in `zone`; `quiet` is None where nobody wants
    any. Where clocks jump over the end, it is the first instant after the jump that is not quiet."""
    local = now.astimezone(zone)
    if quiet is None or not quiet.hold(local.time()):
        return now
    day = local.date() if local.time() < quiet.end else local.date() + timedelta(days=1)
    ends = [instant_of(datetime.combine(day, quiet.end), zone, fold) for fold in (0, 1)]
    # Where clocks show the end twice, the first has passed if they were put back since.
    return not_before(min(end for end in ends if end > now.astimezone(UTC)), zone, quiet)
