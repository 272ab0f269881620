"""Parts that answers have in common: the ledger's figures as the values that people are shown."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.feature import UNTAGGED, UNTAGGED_NAME
from bot.domain.money import dollars
from bot.domain.period import Period, Span
from bot.ledger.figures import Figures
from bot.ledger.store import Reading
from bot.reports.answers import Coverage, Other, Sum, TimeFrame
from bot.reports.covering import Extent

UNFINISHED_AFTER = timedelta(days=1)

NONE = "(none)"


def sum_of(figures: Figures) -> Sum:
    """Figures as a sum in dollars."""
    return Sum(
        cost=dollars(figures.cost),
        runs=figures.runs,
        traces=figures.traces,
        input_tokens=figures.input,
        output_tokens=figures.output,
        unpriced_runs=figures.unpriced,
    )


def other_of(rest: list[Figures], count: int) -> Other | None:
    """The `count` rows that were cut off, added up; None if there are none."""
    if not rest:
        return None
    return Other(
        count=count,
        cost=dollars(sum(one.cost for one in rest)),
        runs=sum(one.runs for one in rest),
        input_tokens=sum(one.input for one in rest),
        output_tokens=sum(one.output for one in rest),
        unpriced_runs=sum(one.unpriced for one in rest),
    )


def namer(reading: Reading, dimension: str) -> Callable[[str], str]:
    """What people read for a value of a dimension, as the ledger has it. Two may read alike (a project and its namesake
    of old)."""
    if dimension == "project":
        names = {str(project.key): project.name for project in reading.projects()}
        return names.__getitem__
    missing = UNTAGGED_NAME if dimension == "feature" else NONE
    return lambda value: value or missing


def time_frame(period: Period) -> TimeFrame:
    """A period by name and by its instants."""
    span = period.span
    return TimeFrame(period.name, span.start, span.end, span.first, span.last, span.zone.key)


def ratio(part: int | Decimal, whole: int | Decimal) -> Decimal | None:
    """`part` of `whole` as a Decimal fraction; None where there is nothing to divide by."""
    return Decimal(part) / Decimal(whole) if whole > 0 else None


def coverage_of(
    reading: Reading, span: Span, known: Extent, now: datetime, total: Figures, feature: str | None
) -> Coverage:
    """What figures of a span rest on; `total` are those of everything, or of the `feature` that the answer is about."""
    pending, unfinished = reading.pending(span, unfinished_before=now - UNFINISHED_AFTER, feature=feature)
    untagged = total if feature == UNTAGGED else reading.total(span, UNTAGGED)
    return Coverage(
        as_of=known.as_of,
        age=now - known.as_of if known.as_of is not None else None,
        settled_through=known.settled_through,
        ledger_start=known.start,
        starts_before_ledger=known.start is not None and span.start.timestamp() < known.start.timestamp(),
        gaps=known.gaps_in(span),
        langsmith_cost=dollars(total.langsmith),
        estimated_cost=dollars(total.estimate),
        override_cost=dollars(total.override),
        unpriced_runs=total.unpriced,
        no_usage_runs=total.no_usage,
        failed_runs=total.failed,
        pending_runs=pending,
        unfinished_runs=unfinished,
        untagged_runs=untagged.runs,
        untagged_cost=dollars(untagged.cost),
        untagged_unpriced_runs=untagged.unpriced,
        sampled=total.sampled > 0,
        pruned_before=known.pruned_before if known.is_pruned(span.first) else None,
    )
