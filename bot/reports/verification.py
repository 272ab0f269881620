"""LangSmith's own total beside what the ledger holds (pure): which bounds can be compared, how far apart the two are,
what is the likely cause, and what lies between LangSmith's costs and ours."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.domain.cost import Listed
from bot.domain.money import dollars
from bot.domain.period import Period, first_instant, local_day
from bot.domain.run import LLM_TYPES
from bot.errors import QuestionError
from bot.ledger.bridge import Bridge
from bot.ledger.coverage import ProjectRow
from bot.reports.answers import TimeFrame
from bot.reports.covering import Extent
from bot.reports.verified import Cause, Step, Verdict, Verification

FINE = Decimal("0.05")
FAR = Decimal("0.20")

# Fewer runs than that on one side do not explain a difference that is far beyond.
_RUNS_APART = Decimal("0.01")
_STEPS = ("counted_twice", "overrides", "estimates", "late", "set_aside", "elsewhere")


class Counterpart(NamedTuple):
    """LangSmith's side. `totals` gives what LangSmith adds up for projects (ids) between two instants, by type of run;
    it may take minutes, and raises SourceError. `types` are those that are read; what began longer than `retention` ago
    LangSmith may have forgotten."""

    totals: Callable[[Collection[bytes], datetime, datetime], Mapping[str, Listed]]
    types: tuple[str, ...]
    retention: timedelta


class Bounds(NamedTuple):
    """[start, end) of what can be compared of a period, and why it is not all of it."""

    start: datetime
    end: datetime
    cut_to_retention: bool
    cut_to_ledger: bool
    cut_to_as_of: bool


class Held(NamedTuple):
    """The ledger's side."""

    period: Period
    bounds: Bounds
    known: Extent
    projects: Sequence[ProjectRow]
    bridge: Bridge


def bounds(period: Period, known: Extent, retention: timedelta, now: datetime) -> Bounds:
    """What of a period LangSmith still has and the ledger knows. Days that LangSmith may have begun to forget are left
    out whole. Raises QuestionError if nothing is left."""
    span = period.span
    if known.start is None or known.as_of is None:
        raise QuestionError("Nothing has been read from LangSmith yet, so there is nothing to verify.", ["status"])
    retained = _retained_from(now - retention, period)
    start = max(span.start, known.start, retained, key=_utc)
    end = min(span.end, known.as_of, key=_utc)
    if _utc(span.end) <= _utc(retained):
        raise QuestionError(
            f"LangSmith may forget what is older than {retention.days} days: nothing up to {span.last} can be verified "
            "any more.",
            ["verify week"],
        )
    if _utc(start) >= _utc(end):
        raise QuestionError(
            f"The ledger knows LangSmith from {known.start:%Y-%m-%d} to {known.as_of:%Y-%m-%d %H:%M}: nothing of "
            "that period can be verified.",
            ["verify week"],
        )
    return Bounds(
        start,
        end,
        cut_to_retention=_utc(start) == _utc(retained) and _utc(span.start) < _utc(retained),
        cut_to_ledger=_utc(start) == _utc(known.start) and _utc(span.start) < _utc(known.start),
        cut_to_as_of=_utc(end) < _utc(span.end),
    )


def compare(held: Held, types: Collection[str], listed: Mapping[str, Listed], now: datetime) -> Verification:
    """Both sides next to each other. `listed` is what LangSmith adds up by type of run, of all types."""
    found, known, span = held.bridge, held.known, held.period.span
    theirs = _added(listed, types)
    always_kept = _added(listed, LLM_TYPES & set(types))
    drift = _drift(theirs.cost, found.raw)
    verdict = _verdict(drift)
    gaps = known.gaps_between(held.bounds.start, held.bounds.end)
    cause = None
    if verdict is not Verdict.FINE:
        first_day = local_day(held.bounds.start, span.zone)
        settled = known.settled_through is not None and known.settled_through >= first_day
        cause = _cause(theirs.cost, always_kept.runs, found, has_gaps=bool(gaps), is_settled=settled)
    return Verification(
        period=TimeFrame(held.period.name, span.start, span.end, span.first, span.last, span.zone.key),
        start=held.bounds.start,
        end=held.bounds.end,
        cut_to_retention=held.bounds.cut_to_retention,
        cut_to_ledger=held.bounds.cut_to_ledger,
        cut_to_as_of=held.bounds.cut_to_as_of,
        projects=tuple(project.name for project in held.projects),
        types=tuple(one.lower() for one in types),
        listed_cost=dollars(theirs.cost),
        held_cost=dollars(found.raw),
        drift=drift,
        verdict=verdict,
        cause=cause,
        listed_runs=always_kept.runs,
        held_runs=found.runs,
        pending_runs=found.pending,
        impossible_runs=found.impossible,
        steps=tuple(Step(name, dollars(getattr(found, name))) for name in _STEPS),
        total=dollars(found.total),
        types_not_read=tuple(
            Step(kind.lower(), dollars(one.cost))
            for kind, one in sorted(listed.items())
            if kind not in types and one.cost
        ),
        gaps=gaps,
        as_of=known.as_of,
        age=now - known.as_of if known.as_of is not None else None,
        settled_through=known.settled_through,
    )


def _retained_from(edge: datetime, period: Period) -> datetime:
    zone = period.span.zone
    day = local_day(edge, zone)
    begins = first_instant(day, zone)
    return begins if _utc(begins) >= _utc(edge) else first_instant(day + timedelta(days=1), zone)


def _added(listed: Mapping[str, Listed], types: Collection[str]) -> Listed:
    wanted = [listed[kind] for kind in types if kind in listed]
    return Listed(sum(one.runs for one in wanted), sum(one.cost for one in wanted))


def _drift(theirs: int, ours: int) -> Decimal | None:
    """How much more LangSmith says than the ledger holds, as a fraction of that; None where it holds nothing."""
    if theirs == ours:
        return Decimal(0)
    return Decimal(theirs - ours) / abs(ours) if ours else None


def _verdict(drift: Decimal | None) -> Verdict:
    if drift is None or abs(drift) > FAR:
        return Verdict.FAR
    return Verdict.FINE if abs(drift) <= FINE else Verdict.OFF


def _cause(theirs: int, their_runs: int, held: Bridge, *, has_gaps: bool, is_settled: bool) -> Cause:
    """The likely cause, judged from what is known: what numbers prove comes before what only could be."""
    once = _drift(theirs, held.raw + held.counted_twice)
    if held.counted_twice and once is not None and abs(once) <= FINE:
        return Cause.PARENTS
    if theirs > held.raw:
        if has_gaps:
            return Cause.GAPS
        if their_runs > held.runs and _are_apart(their_runs, held.runs):
            return Cause.MISSING
        if held.impossible:
            return Cause.IMPOSSIBLE
        if held.pending or not is_settled:
            return Cause.LATE
    elif their_runs < held.runs and _are_apart(their_runs, held.runs):
        return Cause.FORGOTTEN
    return Cause.CHANGED


def _are_apart(one: int, other: int) -> bool:
    return abs(one - other) > _RUNS_APART * max(one, other)


def _utc(moment: datetime) -> float:
    """Two instants of one zone compare by their clocks; by this they compare by what they are."""
    return moment.timestamp()
