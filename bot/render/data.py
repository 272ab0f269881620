"""Answers for programs: JSON, and CSV with the JSON rows' fields in their order."""

import csv
import io
import json
import re
import unicodedata
from typing import Any

from bot.render.fields import (
    SCHEMA,
    SPEND_FIELDS,
    SUM_FIELDS,
)
from bot.render.names import spelt
from bot.render.records import (
    AUDIT_FIELDS,
    BUDGET_FIELDS,
    TRACE_FIELDS,
    audit_record,
    budgets_record,
    digest_record,
    features_record,
    report_record,
    status_record,
    trace_record,
    untagged_record,
    verification_record,
)
from bot.reports.answers import FeatureList, Report, Status, UntaggedList
from bot.reports.audited import Audit
from bot.reports.budgets import BudgetList
from bot.reports.digest import Digest
from bot.reports.kinds import Answer
from bot.reports.traced import TraceReport
from bot.reports.verified import Verification

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
        return report_record(answer)
    if isinstance(answer, FeatureList):
        return features_record(answer)
    if isinstance(answer, UntaggedList):
        return untagged_record(answer)
    if isinstance(answer, Status):
        return status_record(answer)
    if isinstance(answer, Verification):
        return verification_record(answer)
    if isinstance(answer, TraceReport):
        return trace_record(answer)
    if isinstance(answer, Digest):
        return digest_record(answer)
    if isinstance(answer, BudgetList):
        return budgets_record(answer)
    if isinstance(answer, Audit):
        return audit_record(answer)
    return {
        "schema": SCHEMA,
        "rows": [{"say": line.pattern, "for": line.meaning, "example": line.example} for line in answer.lines],
        "dimensions": list(answer.dimensions),
        "features": list(answer.features),
    }


def _fields(answer: Answer | Digest) -> tuple[str, ...]:
    """The fields of an answer's rows, which it has even if there are no rows."""
    if isinstance(answer, Report):
        return ("key", *SUM_FIELDS, *(("link",) if answer.counted_runs is not None else ()))
    if isinstance(answer, TraceReport):
        return TRACE_FIELDS
    if isinstance(answer, FeatureList):
        return ("key", *SUM_FIELDS, "configured", "owners", "aliases")
    if isinstance(answer, UntaggedList):
        return ("key", "project", *SUM_FIELDS)
    if isinstance(answer, Status):
        return ("key", "covered_from", "as_of", "settled_through", "cost_mode")
    if isinstance(answer, Verification):
        return ("key", "cost_usd")
    if isinstance(answer, Digest):
        return ("key", *SPEND_FIELDS, "week_before_usd", "week_before_unpriced_runs")
    if isinstance(answer, BudgetList):
        return BUDGET_FIELDS
    if isinstance(answer, Audit):
        return AUDIT_FIELDS
    return ("say", "for", "example")


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
