"""Parts that answers have in common, as JSON values: costs as strings with all nine places, times as in ISO 8601."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bot.render.numbers import exact
from bot.reports.answers import (
    Coverage,
    Gap,
    Other,
    Previous,
    Spend,
    Sum,
    TimeFrame,
    UnitCost,
)
from bot.reports.digest import Compared

SCHEMA = 1
SUM_FIELDS = ("cost_usd", "runs", "traces", "input_tokens", "output_tokens", "unpriced_runs")
SPEND_FIELDS = ("cost_usd", "runs", "unpriced_runs")


def period_fields(period: TimeFrame) -> dict[str, Any]:
    """Which days, and their instants."""
    return {
        "name": period.name,
        "start": instant_text(period.start),
        "end": instant_text(period.end),
        "timezone": period.timezone,
    }


def total_fields(total: Sum) -> dict[str, Any]:
    """A sum, without the unpriced runs: those stand in `coverage`."""
    fields = sum_fields(total)
    del fields["unpriced_runs"]  # stands in `coverage`
    return fields


def sum_fields(sums: Sum) -> dict[str, Any]:
    """A sum: what SUM_FIELDS names."""
    return {
        "cost_usd": exact(sums.cost),
        "runs": sums.runs,
        "traces": sums.traces,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "unpriced_runs": sums.unpriced_runs,
    }


def unit_cost_fields(unit: UnitCost) -> dict[str, Any]:
    """What a trace and 1,000 tokens cost; None where that is unknown."""
    return {
        "per_trace_usd": exact_or_none(unit.per_trace),
        "per_1000_tokens_usd": exact_or_none(unit.per_1000_tokens),
        "at_least": unit.at_least,
    }


def spend_fields(spend: Spend) -> dict[str, Any]:
    """A sum of few figures: what SPEND_FIELDS names."""
    return dict(zip(SPEND_FIELDS, (exact(spend.cost), spend.runs, spend.unpriced_runs), strict=True))


def previous_fields(previous: Previous | None) -> dict[str, Any] | None:
    """What came before; None where the ledger does not cover it."""
    if previous is None:
        return None
    return {
        "start": instant_text(previous.start),
        "end": instant_text(previous.end),
        "cost_usd": exact(previous.cost),
        "runs": previous.runs,
        "unpriced_runs": previous.unpriced_runs,
        "unit_cost": unit_cost_fields(previous.unit_cost),
        "unit_cost_change": {
            "per_trace": exact_or_none(previous.per_trace_change),
            "per_1000_tokens": exact_or_none(previous.per_1000_tokens_change),
        },
    }


def compared_fields(before: Compared | None) -> dict[str, Any] | None:
    """The days that a digest compares with; None where the ledger does not cover them."""
    if before is None:
        return None
    return {
        "first": day_text(before.first),
        "last": day_text(before.last),
        "cost_usd": exact(before.cost),
        "unpriced_runs": before.unpriced_runs,
    }


def other_fields(other: Other | None) -> dict[str, Any] | None:
    """What has no row of its own; None if everything has."""
    if other is None:
        return None
    return {
        "count": other.count,
        "cost_usd": exact(other.cost),
        "runs": other.runs,
        "input_tokens": other.input_tokens,
        "output_tokens": other.output_tokens,
    }


def coverage_fields(coverage: Coverage) -> dict[str, Any]:
    """What the figures rest on."""
    return {
        "as_of": instant_text(coverage.as_of),
        "settled_through": day_text(coverage.settled_through),
        "ledger_start": instant_text(coverage.ledger_start),
        "gaps": [gap_fields(gap) for gap in coverage.gaps],
        "langsmith_cost_usd": exact(coverage.langsmith_cost),
        "estimated_cost_usd": exact(coverage.estimated_cost),
        "override_cost_usd": exact(coverage.override_cost),
        "unpriced_runs": coverage.unpriced_runs,
        "no_usage_runs": coverage.no_usage_runs,
        "failed_runs": coverage.failed_runs,
        "pending_runs": coverage.pending_runs,
        "unfinished_runs": coverage.unfinished_runs,
        "untagged_runs": coverage.untagged_runs,
        "untagged_cost_usd": exact(coverage.untagged_cost),
        "untagged_unpriced_runs": coverage.untagged_unpriced_runs,
        "sampled": coverage.sampled,
        "pruned_before": day_text(coverage.pruned_before),
    }


def gap_fields(gap: Gap) -> Mapping[str, Any]:
    """A stretch of time of which nothing is known."""
    return {"start": instant_text(gap.start), "end": instant_text(gap.end), "project": gap.project}


def exact_or_none(number: Decimal | None) -> str | None:
    """A cost with all nine places, if it is known."""
    return None if number is None else exact(number)


def instant_text(moment: datetime | None) -> str | None:
    """An instant with its offset, if there is one."""
    return None if moment is None else moment.isoformat()


def day_text(day: date | None) -> str | None:
    """A date, if there is one."""
    return None if day is None else day.isoformat()
