"""What the ledger covers: how far it was read, and where it knows nothing."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.period import Span, local_day
from bot.errors import QuestionError
from bot.ledger.booking import instant
from bot.ledger.coverage import Gap as LedgerGap
from bot.ledger.coverage import ProjectRow
from bot.ledger.store import Reading
from bot.reports.answers import Gap


class Extent(NamedTuple):
    """Up to when all selected projects were read, from when on, and the stretches that are missing between. Of the days
    before `pruned_before` only the figures are kept, and no runs."""

    as_of: datetime | None
    start: datetime | None
    settled_through: date | None
    gaps: tuple[Gap, ...]
    pruned_before: date | None = None

    def gaps_in(self, span: Span) -> tuple[Gap, ...]:
        """The gaps within a span, cut to it."""
        return self.gaps_between(span.start, span.end)

    def gaps_between(self, start: datetime, end: datetime) -> tuple[Gap, ...]:
        """The gaps within [start, end), cut to it."""
        return tuple(
            Gap(max(gap.start, start, key=_utc), min(gap.end, end, key=_utc), gap.project)
            for gap in self.gaps
            if _utc(gap.start) < _utc(end) and _utc(start) < _utc(gap.end)
        )

    def covers(self, span: Span) -> bool:
        """Whether the ledger knows all of a span. An empty span is not covered: nothing is known of it; nor is one that
        ends inside a day without runs."""
        if span.part_day is not None and self.is_pruned(span.last):
            return False
        return self.reads_into(span) and self.as_of is not None and _utc(span.end) <= _utc(self.as_of)

    def is_pruned(self, day: date) -> bool:
        """Whether a day's runs were let go of."""
        return self.pruned_before is not None and day < self.pruned_before

    def reads_into(self, span: Span) -> bool:
        """Whether the ledger knows a span from its beginning on, as far as it has been read."""
        if self.start is None or self.as_of is None or span.is_empty:
            return False
        return _utc(self.start) <= _utc(span.start) < _utc(self.as_of) and not self.gaps_in(span)


def need_runs(known: Extent, span: Span, what: str) -> None:
    """For `what` rests on single runs: raises QuestionError if some of a span were pruned."""
    if known.is_pruned(span.first):
        raise QuestionError(
            f"{what} single runs, and those before {known.pruned_before} were pruned: "
            f"ask `since {known.pruned_before}` or later."
        )


def extent_of(reading: Reading, zone: ZoneInfo, projects: Sequence[ProjectRow] | None = None) -> Extent:
    """The extent of the ledger in the projects that are read, or in some of them."""
    known = extent(reading.projects(selected_only=True) if projects is None else projects, reading.gaps(), zone)
    gone = reading.pruned()
    return known if gone is None else known._replace(pruned_before=gone.day)


def extent(projects: Sequence[ProjectRow], gaps: Sequence[LedgerGap], zone: ZoneInfo) -> Extent:
    """The extent of the ledger in the selected `projects`.

    A project that was added later than the others has a gap before it was read, unless it did not exist then. One that
    has not been read at all has a gap up to where the others were.
    """
    read = [project for project in projects if project.covered_from is not None and project.watermark is not None]
    if not read:
        return Extent(None, None, None, ())
    begins = min(project.covered_from or 0 for project in read)
    as_of = min(project.watermark or 0 for project in read)
    names = {project.key: project.name for project in projects}
    found = [
        Gap(_local(gap.start, zone), _local(gap.end, zone), names[gap.project]) for gap in gaps if gap.project in names
    ]
    for project in projects:
        missing_from = max(begins, project.started)
        missing_to = project.covered_from if project in read else as_of
        if missing_to is not None and missing_from < missing_to:
            found.append(Gap(_local(missing_from, zone), _local(missing_to, zone), project.name))
    settled = [project.settled_through for project in projects]
    known = [day for day in settled if day is not None]
    return Extent(
        as_of=_local(as_of, zone),
        start=_local(begins, zone),
        settled_through=date.fromordinal(min(known)) if len(known) == len(settled) else None,
        gaps=tuple(sorted(found, key=lambda gap: (_utc(gap.start), gap.project))),
    )


def days_to_show(span: Span, known: Extent, found: Collection[date], now: datetime) -> list[date]:
    """The days of a span that have come and that the ledger knows: a day without a run is a $0 only where it was read.

    A day with runs is always shown.
    """
    first, until = span.whole_days
    today = local_day(now, span.zone)
    days = []
    for ordinal in range(first.toordinal(), min(until.toordinal(), today.toordinal() + 1)):
        day = date.fromordinal(ordinal)
        if day in found or known.reads_into(Span(day, day + timedelta(days=1), span.zone)):
            days.append(day)
    return days + [day for day in sorted(found) if day > today]


def _local(microseconds: int, zone: ZoneInfo) -> datetime:
    return instant(microseconds).astimezone(zone)


def _utc(moment: datetime) -> float:
    """Two instants of one zone compare by their clocks; by this they compare by what they are."""
    return moment.timestamp()
