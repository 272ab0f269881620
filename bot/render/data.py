"""Answers for programs: JSON, and CSV with the JSON rows' fields in their order."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bot.render.names import spelt
from bot.render.numbers import exact
from bot.reports.answers import (
    Answer,
    Audit,
    Bill,
    Coverage,
    FeatureList,
    Gap,
    Other,
    Previous,
    Report,
    Spend,
    Status,
    Sum,
    TimeFrame,
    TraceReport,
    TraceRow,
    UnitCost,
    UntaggedList,
    Verification,
)
from bot.reports.budgets import BudgetList
from bot.reports.digest import Compared, Digest

SCHEMA = 1
_NEGATIVE = re.compile(r"-[0-9]+\.[0-9]{9}")
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@")


def to_json(answer: Answer | Digest) -> str:
    """An answer as JSON text, in ASCII. Costs are strings with all nine places: a float would not add up."""
    return json.dumps(as_dict(answer), indent=1)


def to_csv(answer: Answer | Digest) -> str:
    """The rows of an answer as CSV (RFC 4180, with line feeds alone), text cells made harmless for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_fields(answer))
    writer.writerows([[_cell(value) for value in row.values()] for row in as_dict(answer)["rows"]])
    return out.getvalue()


def as_dict(answer: Answer | Digest) -> dict[str, Any]:
    """An answer as JSON's values."""
    if isinstance(answer, Report):
        return _report(answer)
    if isinstance(answer, FeatureList):
        return _features(answer)
    if isinstance(answer, UntaggedList):
        return _untagged(answer)
    if isinstance(answer, Status):
        return _status(answer)
    if isinstance(answer, Verification):
        return _verification(answer)
    if isinstance(answer, TraceReport):
        return _trace(answer)
    if isinstance(answer, Digest):
        return _digest(answer)
    if isinstance(answer, BudgetList):
        return _budgets(answer)
    if isinstance(answer, Audit):
        return _audit(answer)
    return {
        "schema": SCHEMA,
        "rows": [{"say": line.pattern, "for": line.meaning, "example": line.example} for line in answer.lines],
        "dimensions": list(answer.dimensions),
        "features": list(answer.features),
    }


def _fields(answer: Answer | Digest) -> tuple[str, ...]:
    """The fields of an answer's rows, which it has even if there are no rows."""
    if isinstance(answer, Report):
        return ("key", *_SUM_FIELDS, *(("link",) if answer.counted_runs is not None else ()))
    if isinstance(answer, TraceReport):
        return _TRACE_FIELDS
    if isinstance(answer, FeatureList):
        return ("key", *_SUM_FIELDS, "configured", "owners", "aliases")
    if isinstance(answer, UntaggedList):
        return ("key", "project", *_SUM_FIELDS)
    if isinstance(answer, Status):
        return ("key", "covered_from", "as_of", "settled_through", "cost_mode")
    if isinstance(answer, Verification):
        return ("key", "cost_usd")
    if isinstance(answer, Digest):
        return ("key", *_SPEND_FIELDS, "week_before_usd")
    if isinstance(answer, BudgetList):
        return _BUDGET_FIELDS
    if isinstance(answer, Audit):
        return _AUDIT_FIELDS
    return ("say", "for", "example")


def _report(report: Report) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "period": _period(report.period),
        "feature": report.feature,
        "by": report.by,
        "total": _total(report.total),
        "unit_cost": _unit_cost(report.total.unit_cost),
        "previous": _previous(report.previous),
        "rows": [
            {"key": row.key} | _sum(row.sum) | ({"link": row.link} if report.counted_runs is not None else {})
            for row in report.rows
        ],
        "other": _other(report.other),
        **({"counted_runs": report.counted_runs} if report.counted_runs is not None else {}),
        **({"bills": [_bill(bill) for bill in report.bills]} if report.bills else {}),
        "coverage": _coverage(report.coverage),
    }


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "provider": bill.provider,
        "booked_usd": exact(bill.booked),
        "billed_usd": exact(bill.billed),
        "factor": None if bill.factor is None else f"{bill.factor:.9f}",
    }


def _features(answer: FeatureList) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "period": _period(answer.period),
        "total": _total(answer.total),
        "unit_cost": _unit_cost(answer.total.unit_cost),
        "rows": [
            {"key": row.name}
            | (_sum(row.sum) if row.sum is not None else dict.fromkeys(_SUM_FIELDS))
            | {"configured": row.configured, "owners": list(row.owners), "aliases": list(row.aliases)}
            for row in answer.rows
        ],
        "left_out": answer.left_out,
        "coverage": _coverage(answer.coverage),
    }


def _untagged(answer: UntaggedList) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "period": _period(answer.period),
        "total": _total(answer.total),
        "unit_cost": _unit_cost(answer.total.unit_cost),
        "rows": [{"key": row.name, "project": row.project} | _sum(row.sum) for row in answer.rows],
        "other": _other(answer.other),
        "coverage": _coverage(answer.coverage),
    }


def _trace(report: TraceReport) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "trace_id": report.trace_id,
        "projects": list(report.projects),
        "features": list(report.features),
        "started": _instant(report.started),
        "timezone": report.timezone,
        "as_of": _instant(report.as_of),
        "link": report.link,
        "total": _sum(report.total) | {"suppressed_runs": report.suppressed_runs},
        "rows": [dict(zip(_TRACE_FIELDS, _trace_row(row), strict=True)) for row in report.rows],
        "other": _other(report.other),
    }


_TRACE_FIELDS = (
    *("key", "id", "depth", "type", "model", "status", "state", "reason", "cost_usd", "source", "reference"),
    *("langsmith_cost_usd", "input_tokens", "output_tokens"),
)


def _trace_row(row: TraceRow) -> tuple[object, ...]:
    return (
        *(row.name, row.id, row.depth, row.type, row.model, row.status, row.state, row.reason),
        *(_exact(row.cost), row.source, row.reference),
        *(_exact(row.langsmith_cost), row.input_tokens, row.output_tokens),
    )


def _status(status: Status) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "last_sync": _instant(status.last_sync),
        "last_sync_problem": status.last_sync_problem,
        "last_good_sync": _instant(status.last_good_sync),
        "runs_read": status.runs_read,
        "ledger_start": _instant(status.ledger_start),
        "gaps": [_gap(gap) for gap in status.gaps],
        "timezone": status.timezone,
        "rows": [
            {
                "key": project.name,
                "covered_from": _instant(project.covered_from),
                "as_of": _instant(project.as_of),
                "settled_through": _day(project.settled_through),
                "cost_mode": project.cost_mode,
            }
            for project in status.projects
        ],
    }


def _verification(answer: Verification) -> dict[str, Any]:
    sums = [
        ("langsmith_total", answer.listed_cost),
        ("langsmith_costs_held", answer.held_cost),
        *((step.key, step.cost) for step in answer.steps),
        ("total", answer.total),
    ]
    return {
        "schema": SCHEMA,
        "period": _period(answer.period),
        "compared": {"start": _instant(answer.start), "end": _instant(answer.end)},
        "cut_to_retention": answer.cut_to_retention,
        "cut_to_ledger": answer.cut_to_ledger,
        "cut_to_as_of": answer.cut_to_as_of,
        "projects": list(answer.projects),
        "types": list(answer.types),
        "drift": None if answer.drift is None else f"{answer.drift:.9f}",
        "verdict": answer.verdict.value,
        "cause": None if answer.cause is None else answer.cause.value,
        "langsmith_runs": answer.listed_runs,
        "runs_held": answer.held_runs,
        "pending_runs": answer.pending_runs,
        "impossible_cost_runs": answer.impossible_runs,
        "rows": [{"key": key, "cost_usd": exact(cost)} for key, cost in sums],
        "types_not_read": [{"key": one.key, "cost_usd": exact(one.cost)} for one in answer.types_not_read],
        "gaps": [_gap(gap) for gap in answer.gaps],
        "as_of": _instant(answer.as_of),
        "settled_through": _day(answer.settled_through),
    }


def _digest(answer: Digest) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "period": _period(answer.period),
        "features": list(answer.features) if answer.features is not None else None,
        "total": _spend(answer.total),
        "week_before": _compared(answer.last_week),
        "mean_of_7_days": _compared(answer.mean),
        "rows": [
            {"key": row.name, **_spend(row.spend), "week_before_usd": None if row.before is None else exact(row.before)}
            for row in answer.rows
        ],
        "other": _other(answer.other),
        "checked": list(answer.checked),
        "coverage": _coverage(answer.coverage),
    }


def _spend(spend: Spend) -> dict[str, Any]:
    return dict(zip(_SPEND_FIELDS, (exact(spend.cost), spend.runs, spend.unpriced_runs), strict=True))


_SPEND_FIELDS = ("cost_usd", "runs", "unpriced_runs")


def _compared(before: Compared | None) -> dict[str, Any] | None:
    if before is None:
        return None
    return {"first": _day(before.first), "last": _day(before.last), "cost_usd": exact(before.cost)}


_BUDGET_FIELDS = (
    "key",
    "window",
    "period",
    "start",
    "end",
    "spent_usd",
    "limit_usd",
    "reaches_limit_at",
    "set_by",
    "until",
    "owners",
    "where",
)


def _budgets(answer: BudgetList) -> dict[str, Any]:
    values = [
        (
            row.feature,
            row.window.value,
            row.period,
            _instant(row.start),
            _instant(row.end),
            exact(row.spent),
            exact(row.limit),
            _instant(row.reaches_at),
            row.set_by,
            _instant(row.until),
            list(row.owners),
            [f"{name}={value}" for name, value in row.where],
        )
        for row in answer.rows
    ]
    return {
        "schema": SCHEMA,
        "feature": answer.feature,
        "rows": [dict(zip(_BUDGET_FIELDS, row, strict=True)) for row in values],
        "changes": [
            {
                "at": _instant(change.at),
                "by": change.by,
                "window": change.window.value,
                "old_usd": exact(change.old) if change.old is not None else None,
                "new_usd": exact(change.new),
                "until": _instant(change.until),
                "owners": list(change.owners),
            }
            for change in answer.changes
        ],
        "as_of": _instant(answer.as_of),
        "ledger_start": _instant(answer.ledger_start),
        "timezone": answer.timezone,
    }


_AUDIT_FIELDS = ("key", "reference", "added_up", "runs", "input_tokens", "output_tokens", "cost_usd")


def _audit(answer: Audit) -> dict[str, Any]:
    rows = [
        (row.key, row.reference, row.others, row.runs, row.input_tokens, row.output_tokens, exact(row.cost))
        for row in answer.rows
    ]
    return {
        "schema": SCHEMA,
        "period": _period(answer.period),
        "feature": answer.feature,
        "total": _total(answer.total),
        "rows": [dict(zip(_AUDIT_FIELDS, row, strict=True)) for row in rows],
        "findings": [
            {
                "key": one.fault.value,
                "runs": one.runs,
                "langsmith_cost_usd": _exact(one.langsmith_cost),
                "cost_usd": exact(one.cost),
                "repriced_usd": _exact(one.repriced),
                "priceless_runs": one.priceless,
                "trace": one.trace,
                "link": one.link,
            }
            for one in answer.findings
        ],
        "looked_at_runs": answer.looked_at,
        "coverage": _coverage(answer.coverage),
    }


def _period(period: TimeFrame) -> dict[str, Any]:
    return {
        "name": period.name,
        "start": _instant(period.start),
        "end": _instant(period.end),
        "timezone": period.timezone,
    }


def _total(total: Sum) -> dict[str, Any]:
    fields = _sum(total)
    del fields["unpriced_runs"]  # stands in `coverage`
    return fields


def _sum(sums: Sum) -> dict[str, Any]:
    return {
        "cost_usd": exact(sums.cost),
        "runs": sums.runs,
        "traces": sums.traces,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "unpriced_runs": sums.unpriced_runs,
    }


_SUM_FIELDS = ("cost_usd", "runs", "traces", "input_tokens", "output_tokens", "unpriced_runs")


def _unit_cost(unit: UnitCost) -> dict[str, Any]:
    return {
        "per_trace_usd": _exact(unit.per_trace),
        "per_1000_tokens_usd": _exact(unit.per_1000_tokens),
        "at_least": unit.at_least,
    }


def _previous(previous: Previous | None) -> dict[str, Any] | None:
    if previous is None:
        return None
    return {
        "start": _instant(previous.start),
        "end": _instant(previous.end),
        "cost_usd": exact(previous.cost),
        "runs": previous.runs,
        "unit_cost": _unit_cost(previous.unit_cost),
        "unit_cost_change": {
            "per_trace": _exact(previous.per_trace_change),
            "per_1000_tokens": _exact(previous.per_1000_tokens_change),
        },
    }


def _other(other: Other | None) -> dict[str, Any] | None:
    if other is None:
        return None
    return {
        "count": other.count,
        "cost_usd": exact(other.cost),
        "runs": other.runs,
        "input_tokens": other.input_tokens,
        "output_tokens": other.output_tokens,
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "as_of": _instant(coverage.as_of),
        "settled_through": _day(coverage.settled_through),
        "ledger_start": _instant(coverage.ledger_start),
        "gaps": [_gap(gap) for gap in coverage.gaps],
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
        "sampled": coverage.sampled,
        "pruned_before": _day(coverage.pruned_before),
    }


def _gap(gap: Gap) -> Mapping[str, Any]:
    return {"start": _instant(gap.start), "end": _instant(gap.end), "project": gap.project}


def _exact(number: Decimal | None) -> str | None:
    return None if number is None else exact(number)


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _cell(value: object) -> object:
    """A CSV cell. Numbers, exact costs included, are what they are; text must act neither in a spreadsheet nor in a
    terminal, and is otherwise as it came."""
    if isinstance(value, list):
        value = " ".join(value)
    if not isinstance(value, str) or not value or _NEGATIVE.fullmatch(value):
        return value
    # Full-width signs begin a formula too where people type with them.
    first = unicodedata.normalize("NFKC", value[0])
    acts = first.startswith(_FORMULA_STARTS) or unicodedata.category(value[0]) == "Cc"
    return ("'" if acts else "") + spelt(value)
