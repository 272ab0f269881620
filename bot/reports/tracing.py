"""One trace, run by run: which one is meant, what it cost, and why each run counts or does not."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.domain.feature import UNTAGGED_NAME
from bot.domain.money import dollars
from bot.domain.run import State
from bot.errors import QuestionError, SourceError
from bot.ledger.booking import Booked, instant
from bot.ledger.pruning import Pruned
from bot.ledger.store import Ledger, Reading
from bot.reports.answers import Other, Sum
from bot.reports.covering import extent_of
from bot.reports.trace_reference import TraceReference
from bot.reports.traced import TraceReport, TraceRow
from bot.reports.words import MAX_TOP

# A run's id and the ids of the projects in which to look -> its trace's id, or None. Raises SourceError.
LookUp = Callable[[bytes, Sequence[bytes]], bytes | None]


def find_trace(ledger: Ledger, reference: TraceReference, look_up: LookUp | None) -> bytes:
    """The trace that is meant, if the ledger holds a run of it: the one that is named, else that of a run that the
    ledger holds, else the one to which LangSmith, asked once, says that the run belongs.

    Raises QuestionError, which says what is missing. No transaction is open while LangSmith is asked.
    """
    said, run_id = reference.trace_id, reference.run_id

    def look(reading: Reading) -> tuple[bytes | None, list[bytes], Pruned | None]:
        held = _held(reading, reference)
        if held is not None:
            return held, [], None
        return None, [project.id for project in reading.projects(selected_only=True)], reading.pruned()

    held, projects, gone = ledger.read(look)
    if held is not None:
        return held
    if said is not None or run_id is None:
        raise QuestionError(_not_held(f"trace {UUID(bytes=said or b'')}", gone))
    run = f"run {UUID(bytes=run_id)}"
    if look_up is None or not projects:
        raise QuestionError(
            f"The ledger holds no run or trace {UUID(bytes=run_id)}{_pruned(gone)}: give the id of its trace instead."
        )
    try:
        looked_up = look_up(run_id, projects)
    except SourceError as error:
        raise QuestionError(
            f"The ledger holds no {run}, and LangSmith cannot be asked for its trace now: {error} "
            "Give the id of its trace instead."
        ) from None
    if looked_up is None:
        raise QuestionError(
            f"Neither the ledger nor LangSmith has a {run} in the projects that are read here: "
            "give the id of its trace instead."
        )
    if ledger.read(lambda reading: reading.holds_trace(looked_up)):
        return looked_up
    raise QuestionError(_not_held(f"trace {UUID(bytes=looked_up)}, to which {run} belongs", gone))


def trace_report(reading: Reading, trace_id: bytes, now: datetime, zone: ZoneInfo) -> TraceReport:
    """The answer about a trace of which the ledger holds a run.

    Runs stand below the nearest run above them that the ledger holds, in the order in which they began. Of very many
    the first are shown, and the others added up.
    """
    held = reading.trace(trace_id)
    booked = [one for _, one in held]
    counting = [one for one in booked if one.counts]
    in_order = list(_in_order(booked))
    rest = in_order[MAX_TOP:]
    home = in_order[0][1].run.project
    known = extent_of(reading, zone)
    return TraceReport(
        trace_id=str(UUID(bytes=trace_id)),
        projects=tuple(sorted({name for name, _ in held})),
        features=tuple(sorted({one.feature or UNTAGGED_NAME for one in counting})),
        started=instant(min(one.run.start for one in booked)).astimezone(zone),
        timezone=zone.key,
        as_of=known.as_of,
        age=now - known.as_of if known.as_of is not None else None,
        total=_sum(counting),
        suppressed_runs=sum(one.state is State.SUPPRESSED for one in booked),
        rows=tuple(_row(one, depth) for depth, one in in_order[:MAX_TOP]),
        other=_other([one for _, one in rest]),
        link=next((project.link_to(trace_id) for project in reading.projects() if project.key == home), None),
    )


def _held(reading: Reading, reference: TraceReference) -> bytes | None:
    """The trace that is meant, as far as the ledger alone can tell."""
    said, run_id = reference.trace_id, reference.run_id
    if said is not None and reading.holds_trace(said):
        return said
    if run_id is None:
        return None
    trace_id = reading.trace_of(run_id)
    return run_id if trace_id is None and reading.holds_trace(run_id) else trace_id


def _pruned(gone: Pruned | None) -> str:
    return f" (those before {gone.day} were pruned)" if gone is not None else ""


def _not_held(what: str, gone: Pruned | None) -> str:
    return (
        f"The ledger holds no run of {what}{_pruned(gone)}. "
        "It may have begun before the ledger does or after LangSmith was last read (status says when), lie in another "
        "project, or have no run of the types that are read (LLMCOST_RUN_TYPES)."
    )


def _in_order(booked: Collection[Booked]) -> Iterator[tuple[int, Booked]]:
    """Every run once, each below its parent and with its depth. Those that claim to be above one another hang on the
    first of them."""
    by_start = sorted(booked, key=lambda one: (one.run.start, one.run.id))
    below = _children(by_start)
    seen: set[bytes] = set()
    for top in (*below.get(None, ()), *by_start):
        to_visit = [(0, top)]
        while to_visit:
            depth, one = to_visit.pop()
            if one.run.id not in seen:
                seen.add(one.run.id)
                yield depth, one
                to_visit.extend((depth + 1, child) for child in reversed(below.get(one.run.id, ())))


def _children(by_start: Sequence[Booked]) -> Mapping[bytes | None, list[Booked]]:
    """The runs below each run that the ledger holds; below None those that hang on no such run."""
    known = {one.run.id for one in by_start}
    below: dict[bytes | None, list[Booked]] = {}
    for one in by_start:
        above = (run_id for run_id in reversed(one.run.ancestors) if run_id in known and run_id != one.run.id)
        below.setdefault(next(above, None), []).append(one)
    return below


def _row(one: Booked, depth: int) -> TraceRow:
    run = one.run
    return TraceRow(
        id=str(UUID(bytes=run.id)),
        depth=depth,
        name=run.name,
        type=run.type.lower(),
        model=run.model,
        status=run.status.lower(),
        state=one.state.value,
        reason=one.reason.value if one.reason is not None else None,
        cost=dollars(one.cost) if one.cost is not None else None,
        source=one.source.value if one.source is not None else None,
        reference=one.reference,
        langsmith_cost=dollars(run.raw_cost) if run.raw_cost is not None else None,
        input_tokens=one.input,
        output_tokens=one.output,
    )


def _sum(counting: Collection[Booked]) -> Sum:
    return Sum(
        cost=dollars(sum(one.cost or 0 for one in counting)),
        runs=len(counting),
        traces=1 if counting else 0,
        input_tokens=sum(one.input for one in counting),
        output_tokens=sum(one.output for one in counting),
        unpriced_runs=sum(one.state is State.UNPRICED for one in counting),
    )


def _other(rest: Collection[Booked]) -> Other | None:
    """What is not shown, added up: `count` is of all its runs, the figures are of those that count."""
    if not rest:
        return None
    counting = _sum([one for one in rest if one.counts])
    return Other(
        count=len(rest),
        cost=counting.cost,
        runs=counting.runs,
        input_tokens=counting.input_tokens,
        output_tokens=counting.output_tokens,
        unpriced_runs=counting.unpriced_runs,
    )
