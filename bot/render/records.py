"""Each kind of answer as JSON values, its rows among them; the fields of a row in the order of the CSV."""

from typing import Any

from bot.render.fields import (
    SCHEMA,
    SUM_FIELDS,
    compared_fields,
    coverage_fields,
    day_text,
    exact_or_none,
    gap_fields,
    instant_text,
    other_fields,
    period_fields,
    previous_fields,
    spend_fields,
    sum_fields,
    total_fields,
    unit_cost_fields,
)
from bot.render.numbers import exact
from bot.reports.answers import Bill, FeatureList, Report, Status, UntaggedList
from bot.reports.audited import Audit
from bot.reports.budgets import BudgetList
from bot.reports.digest import Digest
from bot.reports.traced import TraceReport, TraceRow
from bot.reports.verified import Verification


def report_record(report: Report) -> dict[str, Any]:
    """A report."""
    return {
        "schema": SCHEMA,
        "period": period_fields(report.period),
        "feature": report.feature,
        "by": report.by,
        "total": total_fields(report.total),
        "unit_cost": unit_cost_fields(report.total.unit_cost),
        "previous": previous_fields(report.previous),
        "rows": [
            {"key": row.key} | sum_fields(row.sum) | ({"link": row.link} if report.counted_runs is not None else {})
            for row in report.rows
        ],
        "other": other_fields(report.other),
        **({"counted_runs": report.counted_runs} if report.counted_runs is not None else {}),
        **({"bills": [_bill(bill) for bill in report.bills]} if report.bills else {}),
        "coverage": coverage_fields(report.coverage),
    }


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "provider": bill.provider,
        "booked_usd": exact(bill.booked),
        "billed_usd": exact(bill.billed),
        "factor": None if bill.factor is None else f"{bill.factor:.9f}",
    }


def features_record(answer: FeatureList) -> dict[str, Any]:
    """The list of features."""
    return {
        "schema": SCHEMA,
        "period": period_fields(answer.period),
        "total": total_fields(answer.total),
        "unit_cost": unit_cost_fields(answer.total.unit_cost),
        "rows": [
            {"key": row.name}
            | (sum_fields(row.sum) if row.sum is not None else dict.fromkeys(SUM_FIELDS))
            | {"configured": row.configured, "owners": list(row.owners), "aliases": list(row.aliases)}
            for row in answer.rows
        ],
        "left_out": answer.left_out,
        "coverage": coverage_fields(answer.coverage),
    }


def untagged_record(answer: UntaggedList) -> dict[str, Any]:
    """The list of untagged runs."""
    return {
        "schema": SCHEMA,
        "period": period_fields(answer.period),
        "total": total_fields(answer.total),
        "unit_cost": unit_cost_fields(answer.total.unit_cost),
        "rows": [{"key": row.name, "project": row.project} | sum_fields(row.sum) for row in answer.rows],
        "other": other_fields(answer.other),
        "coverage": coverage_fields(answer.coverage),
    }


TRACE_FIELDS = (
    *("key", "id", "depth", "type", "model", "status", "state", "reason", "cost_usd", "source", "reference"),
    *("langsmith_cost_usd", "input_tokens", "output_tokens"),
)


def trace_record(report: TraceReport) -> dict[str, Any]:
    """A trace, a row for each run."""
    return {
        "schema": SCHEMA,
        "trace_id": report.trace_id,
        "projects": list(report.projects),
        "features": list(report.features),
        "started": instant_text(report.started),
        "timezone": report.timezone,
        "as_of": instant_text(report.as_of),
        "link": report.link,
        "total": sum_fields(report.total) | {"suppressed_runs": report.suppressed_runs},
        "rows": [dict(zip(TRACE_FIELDS, _trace_row(row), strict=True)) for row in report.rows],
        "other": other_fields(report.other),
    }


def _trace_row(row: TraceRow) -> tuple[object, ...]:
    return (
        *(row.name, row.id, row.depth, row.type, row.model, row.status, row.state, row.reason),
        *(exact_or_none(row.cost), row.source, row.reference),
        *(exact_or_none(row.langsmith_cost), row.input_tokens, row.output_tokens),
    )


def status_record(status: Status) -> dict[str, Any]:
    """The status, a row for each project."""
    return {
        "schema": SCHEMA,
        "last_sync": instant_text(status.last_sync),
        "last_sync_problem": status.last_sync_problem,
        "last_good_sync": instant_text(status.last_good_sync),
        "runs_read": status.runs_read,
        "ledger_start": instant_text(status.ledger_start),
        "gaps": [gap_fields(gap) for gap in status.gaps],
        "timezone": status.timezone,
        "rows": [
            {
                "key": project.name,
                "covered_from": instant_text(project.covered_from),
                "as_of": instant_text(project.as_of),
                "settled_through": day_text(project.settled_through),
                "cost_mode": project.cost_mode,
            }
            for project in status.projects
        ],
    }


def verification_record(answer: Verification) -> dict[str, Any]:
    """A verification, a row for each step from their total to ours."""
    sums = [
        ("langsmith_total", answer.listed_cost),
        ("langsmith_costs_held", answer.held_cost),
        *((step.key, step.cost) for step in answer.steps),
        ("total", answer.total),
    ]
    return {
        "schema": SCHEMA,
        "period": period_fields(answer.period),
        "compared": {"start": instant_text(answer.start), "end": instant_text(answer.end)},
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
        "gaps": [gap_fields(gap) for gap in answer.gaps],
        "as_of": instant_text(answer.as_of),
        "settled_through": day_text(answer.settled_through),
    }


def digest_record(answer: Digest) -> dict[str, Any]:
    """A digest, a row for each feature."""
    return {
        "schema": SCHEMA,
        "period": period_fields(answer.period),
        "features": list(answer.features) if answer.features is not None else None,
        "total": spend_fields(answer.total),
        "week_before": compared_fields(answer.last_week),
        "mean_of_7_days": compared_fields(answer.mean),
        "rows": [
            {
                "key": row.name,
                **spend_fields(row.spend),
                "week_before_usd": exact(row.before.cost) if row.before is not None else None,
                "week_before_unpriced_runs": row.before.unpriced_runs if row.before is not None else None,
            }
            for row in answer.rows
        ],
        "other": other_fields(answer.other),
        "checked": list(answer.checked),
        "coverage": coverage_fields(answer.coverage),
    }


BUDGET_FIELDS = (
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
    "unpriced_runs",
    "set_aside_usd",
)


def budgets_record(answer: BudgetList) -> dict[str, Any]:
    """The budgets, and what was changed."""
    values = [
        (
            row.feature,
            row.window.value,
            row.period,
            instant_text(row.start),
            instant_text(row.end),
            exact(row.spent),
            exact(row.limit),
            instant_text(row.reaches_at),
            row.set_by,
            instant_text(row.until),
            list(row.owners),
            [f"{name}={value}" for name, value in row.where],
            row.unpriced_runs,
            exact(row.set_aside),
        )
        for row in answer.rows
    ]
    return {
        "schema": SCHEMA,
        "feature": answer.feature,
        "rows": [dict(zip(BUDGET_FIELDS, row, strict=True)) for row in values],
        "changes": [
            {
                "at": instant_text(change.at),
                "by": change.by,
                "window": change.window.value,
                "old_usd": exact(change.old) if change.old is not None else None,
                "new_usd": exact(change.new),
                "until": instant_text(change.until),
                "owners": list(change.owners),
            }
            for change in answer.changes
        ],
        "as_of": instant_text(answer.as_of),
        "ledger_start": instant_text(answer.ledger_start),
        "gaps": [gap_fields(gap) for gap in answer.gaps],
        "timezone": answer.timezone,
    }


AUDIT_FIELDS = ("key", "reference", "added_up", "runs", "input_tokens", "output_tokens", "cost_usd")


def audit_record(answer: Audit) -> dict[str, Any]:
    """An audit, a row for each source of prices."""
    rows = [
        (row.key, row.reference, row.others, row.runs, row.input_tokens, row.output_tokens, exact_or_none(row.cost))
        for row in answer.rows
    ]
    return {
        "schema": SCHEMA,
        "period": period_fields(answer.period),
        "feature": answer.feature,
        "total": total_fields(answer.total),
        "rows": [dict(zip(AUDIT_FIELDS, row, strict=True)) for row in rows],
        "findings": [
            {
                "key": one.fault.value,
                "runs": one.runs,
                "langsmith_cost_usd": exact_or_none(one.langsmith_cost),
                "cost_usd": exact(one.cost),
                "unpriced_runs": one.unpriced_runs,
                "repriced_usd": exact_or_none(one.repriced),
                "priceless_runs": one.priceless,
                "trace": one.trace,
                "link": one.link,
            }
            for one in answer.findings
        ],
        "looked_at_runs": answer.looked_at,
        "coverage": coverage_fields(answer.coverage),
    }
