"""What there is: the features, the runs without one, how far LangSmith was read, the rules that were set in Slack."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.domain.catalog import SPECIAL, Catalog
from bot.domain.feature import UNTAGGED
from bot.ledger.booking import instant
from bot.ledger.store import Reading
from bot.reports.answers import (
    FeatureList,
    FeatureRow,
    ProjectState,
    RuleSet,
    Status,
    UntaggedList,
    UntaggedRow,
)
from bot.reports.covering import Extent
from bot.reports.parts import NONE, coverage_of, other_of, ratio, sum_of, time_frame
from bot.reports.question import Question


def feature_list(
    reading: Reading, catalog: Catalog, question: Question, known: Extent, now: datetime, top: int | None
) -> FeatureList:
    """Every feature that has runs or stands in llmcost.toml, the costliest first; `top` of them at most."""
    span = question.period.span
    found = reading.by_value(span, "feature")
    configured = catalog.features
    names = {*found, *(name for name in configured if name not in SPECIAL)} - {UNTAGGED}
    rows = []
    for name in names:
        feature = configured.get(name)
        rows.append(
            FeatureRow(
                name,
                sum_of(found[name]) if name in found else None,
                feature is not None,
                feature.owners if feature is not None else (),
                feature.aliases if feature is not None else (),
            )
        )
    rows.sort(key=lambda row: (-(row.sum.cost if row.sum else Decimal(-1)), row.name))
    shown = rows[: top or len(rows)]
    total = reading.total(span)
    return FeatureList(
        time_frame(question.period),
        sum_of(total),
        tuple(shown),
        len(rows) - len(shown),
        coverage_of(reading, span, known, now, total, None),
    )


def untagged_list(
    reading: Reading, question: Question, known: Extent, now: datetime, top: int | None, zone: ZoneInfo
) -> UntaggedList:
    """What runs without a feature cost, by their names and projects; `top` of them at most."""
    span = question.period.span
    projects = {project.key: project.name for project in reading.projects()}
    total = reading.total(span, UNTAGGED)
    found = sorted(reading.untagged_names(span), key=lambda one: (-one.figures.cost, one.name, projects[one.project]))
    shown, rest = found[: top or len(found)], found[top or len(found) :]
    return UntaggedList(
        period=time_frame(question.period),
        total=sum_of(total),
        share=ratio(total.cost, reading.total(span).cost),
        rows=tuple(UntaggedRow(projects[one.project], one.name or NONE, sum_of(one.figures)) for one in shown),
        other=other_of([one.figures for one in rest], len(rest)),
        coverage=coverage_of(reading, span, known, now, total, UNTAGGED),
        rules=rules_set(reading, zone),
    )


def status(reading: Reading, known: Extent, now: datetime, zone: ZoneInfo) -> Status:
    """When LangSmith was read, and how completely."""
    last, good = reading.last_sync(), reading.last_sync(successful=True)
    return Status(
        now=now.astimezone(zone),
        last_sync=_local(last.finished, zone) if last is not None else None,
        last_sync_problem=last.problem if last is not None else None,
        last_good_sync=_local(good.finished, zone) if good is not None else None,
        runs_read=last.read if last is not None else 0,
        projects=tuple(
            ProjectState(
                project.name,
                _local(project.covered_from, zone),
                _local(project.watermark, zone),
                date.fromordinal(project.settled_through) if project.settled_through is not None else None,
                project.cost_mode.value,
            )
            for project in reading.projects(selected_only=True)
        ),
        gaps=known.gaps,
        ledger_start=known.start,
        timezone=zone.key,
        rules=rules_set(reading, zone),
    )


def rules_set(reading: Reading, zone: ZoneInfo) -> tuple[RuleSet, ...]:
    """The rules that were set in Slack, the first that was set first."""
    return tuple(
        RuleSet(one.id, one.rule.feature, one.rule.name, one.rule.project, one.set_by, one.set_at.astimezone(zone))
        for one in reading.set_rules()
    )


def _local(microseconds: int | None, zone: ZoneInfo) -> datetime | None:
    return instant(microseconds).astimezone(zone) if microseconds is not None else None
