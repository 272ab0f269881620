"""What was spent in a period, in rows, and how that compares: the answer to most questions."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.domain.money import dollars
from bot.domain.period import Span, previous
from bot.ledger.figures import NOTHING, Figures
from bot.ledger.store import Reading
from bot.reports.answers import (
    Other,
    Previous,
    Report,
    Row,
)
from bot.reports.billed import bills
from bot.reports.charting import total_chart, value_chart
from bot.reports.covering import Extent, days_to_show
from bot.reports.parts import NONE, coverage_of, namer, other_of, ratio, sum_of, time_frame
from bot.reports.question import Question
from bot.reports.wide import costliest


def spend_report(
    reading: Reading, question: Question, known: Extent, now: datetime, *, top: int | None, is_wide: bool
) -> Report:
    """What was spent and on what, in `top` rows at most, None: all. `is_wide` if the dimension is not added up day by
    day, so that only the costliest of its values are known."""
    span = question.period.span
    total = reading.total(span, question.feature)
    if is_wide:
        wide = costliest(reading, question, top, known)
        rows = tuple(
            Row(value or NONE, sum_of(figures), ratio(figures.cost, total.cost), link)
            for value, figures, link in wide.shown
        )
        other = other_of([wide.rest], wide.others) if wide.others else None
    else:
        found = _breakdown(reading, question, known, now)
        rows, other = _cut(found, total, top, in_order=question.by == "day")
    if is_wide or question.by == "day":
        chart = total_chart(reading, span, known, now, question.feature)
    else:
        chart = value_chart(reading, span, question.by, known, now, question.feature)
    before = question.versus.span if question.versus is not None else previous(question.period, now)
    coverage = coverage_of(reading, span, known, now, total, question.feature)
    if known.is_pruned(before.first):
        coverage = replace(coverage, pruned_before=known.pruned_before)
    return Report(
        period=time_frame(question.period),
        feature=question.feature,
        by=question.by,
        total=sum_of(total),
        previous=_previous(reading, question.feature, before, known, total),
        rows=rows,
        other=other,
        coverage=coverage,
        counted_runs=total.runs if is_wide else None,
        chart=chart,
        bills=bills(reading, span) if question.feature is None else (),
    )


def _breakdown(reading: Reading, question: Question, known: Extent, now: datetime) -> list[tuple[str, Figures]]:
    """The figures with their names. Two may share one (a project and its namesake of old): none may get lost."""
    span = question.period.span
    if question.by == "day":
        days = reading.by_day(span, question.feature)
        return [(day.isoformat(), days.get(day, NOTHING)) for day in days_to_show(span, known, days, now)]
    names = namer(reading, question.by)
    return [(names(value), figures) for value, figures in reading.by_value(span, question.by, question.feature).items()]


def _previous(reading: Reading, feature: str | None, span: Span, known: Extent, total: Figures) -> Previous | None:
    if not known.covers(span):
        return None
    before = reading.total(span, feature)
    unit, unit_before = sum_of(total).unit_cost, sum_of(before).unit_cost
    alike = unit.at_least == unit_before.at_least
    return Previous(
        start=span.start,
        end=span.end,
        last=span.last,
        is_part=span.part_day is not None,
        cost=dollars(before.cost),
        runs=before.runs,
        unpriced_runs=before.unpriced,
        change=ratio(total.cost - before.cost, before.cost),
        unit_cost=unit_before,
        per_trace_change=_change(unit.per_trace, unit_before.per_trace) if alike else None,
        per_1000_tokens_change=_change(unit.per_1000_tokens, unit_before.per_1000_tokens) if alike else None,
    )


def _cut(
    found: Collection[tuple[str, Figures]], total: Figures, top: int | None, *, in_order: bool
) -> tuple[tuple[Row, ...], Other | None]:
    """The costliest rows, and the rest beyond `top` added up. By cost; `in_order` by name, as people read days."""
    by_cost = sorted(found, key=lambda item: (-item[1].cost, item[0]))
    kept, rest = by_cost[:top], by_cost[top:] if top is not None else []
    if in_order:
        kept.sort(key=lambda item: item[0])
    rows = tuple(Row(key, sum_of(figures), ratio(figures.cost, total.cost)) for key, figures in kept)
    return rows, other_of([figures for _, figures in rest], len(rest))


def _change(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """By which fraction of `before` `now` is more; None where either is unknown or nothing was before."""
    return ratio(now - before, before) if now is not None and before is not None else None
