"""Finds in the ledger how budgets stand, and what an alert about one says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.domain.alert import BudgetPeriod, budget_period, pace
from bot.domain.budget import Window
from bot.domain.catalog import TOTAL, WITHOUT_FEATURE, BudgetInForce
from bot.domain.feature import UNTAGGED
from bot.domain.money import dollars
from bot.domain.period import Period, Unit, local_day, previous
from bot.ledger.figures import Figures
from bot.ledger.limits import LimitChange
from bot.ledger.store import Reading
from bot.reports.answers import Gap
from bot.reports.budgets import (
    AlertFacts,
    AlertTrace,
    BudgetList,
    BudgetState,
    LimitChanged,
    TopModel,
)
from bot.reports.causes import Cause, largest_cause
from bot.reports.covering import Extent, extent_of

TRACES = 3

_UNITS = {Window.DAILY: Unit.DAYS, Window.WEEKLY: Unit.WEEK, Window.MONTHLY: Unit.MONTH}


def _gaps(known: Extent, rows: Sequence[BudgetState]) -> tuple[Gap, ...]:
    """Those within the periods of any of the rows."""
    if not rows:
        return ()
    begins = min((row.start for row in rows), key=datetime.timestamp)
    return known.gaps_between(begins, max((row.end for row in rows), key=datetime.timestamp))


def booked_as(feature: str) -> str | None:
    """How a budget's feature is asked for in the ledger: None is everything."""
    return {TOTAL: None, WITHOUT_FEATURE: UNTAGGED}.get(feature, feature)


@dataclass(frozen=True, slots=True)
class BudgetReporter:
    """Looks at budgets in one state of the ledger, at one moment."""

    reading: Reading
    zone: ZoneInfo
    week_start: int
    now: datetime

    @property
    def known(self) -> Extent:
        """What the ledger covers."""
        return extent_of(self.reading, self.zone)

    def running(self, window: Window) -> BudgetPeriod:
        """The period of a window that runs now."""
        return budget_period(window, local_day(self.now, self.zone), self.zone, self.week_start)

    def spent(self, one: BudgetInForce, period: BudgetPeriod) -> int:
        """Nano-dollars; see bot.ledger.spending.spent."""
        return self.reading.spent(period.span, booked_as(one.budget.feature), one.budget.where)

    def state(self, one: BudgetInForce, period: BudgetPeriod, spent: int) -> BudgetState:
        """How a budget stands in a period in which so many nano-dollars were spent."""
        budget, limit, going = one.budget, one.budget.limit_nanos, pace(one.budget.limit_nanos, spent, period, self.now)
        until = one.set_limit.until if one.set_limit is not None else None
        return BudgetState(
            feature=budget.feature,
            window=budget.window,
            where=budget.where,
            period=period.name,
            first=period.span.first,
            last=period.span.last,
            start=period.span.start,
            end=period.span.end,
            timezone=self.zone.key,
            spent=dollars(spent),
            limit=dollars(limit),
            used=Decimal(spent) / limit,
            overage=dollars(max(spent - limit, 0)),
            passed=Decimal(going.passed) / going.whole,
            is_closed=period.is_over(self.now),
            reaches_at=going.reaches_at,
            owners=one.owners,
            set_by=one.set_limit.set_by if one.set_limit is not None else None,
            until=until.astimezone(self.zone) if until is not None else None,
            unpriced_runs=self.reading.unpriced(period.span, booked_as(budget.feature), budget.where),
            set_aside=dollars(self.reading.set_aside(period.span, booked_as(budget.feature), budget.where)),
        )

    def alert(self, one: BudgetInForce, period: BudgetPeriod, spent: int, threshold: int) -> AlertFacts:
        """What is to be said of a budget that has crossed `threshold` percent with so many nano-dollars."""
        budget, known = one.budget, self.known
        feature, where = booked_as(budget.feature), budget.where
        reached = self.reading.reached_at(period.span, feature, where, budget.limit_nanos)
        projects = {project.key: project for project in self.reading.projects()}
        traces = self.reading.costliest_traces(period.span, feature, where, TRACES)
        starts_before = known.start is not None and period.span.start.timestamp() < known.start.timestamp()
        return AlertFacts(
            state=self.state(one, period, spent),
            threshold=threshold,
            reached_at=reached.astimezone(self.zone) if reached is not None else None,
            cause=self._cause(one, period, known),
            model=self._model(one, period),
            traces=tuple(
                AlertTrace(
                    str(UUID(bytes=found.id)),
                    found.name,
                    projects[found.project].name,
                    dollars(found.cost),
                    found.runs,
                    projects[found.project].link_to(found.id),
                )
                for found in traces
            ),
            as_of=known.as_of,
            ledger_start=known.start if starts_before else None,
        )

    def list(
        self, in_force: Sequence[BudgetInForce], feature: str | None, history: Sequence[LimitChange]
    ) -> BudgetList:
        """Every budget in force in its running period, the fullest first; those of one feature, if one is given."""
        known = self.known
        rows = []
        for one in in_force:
            if feature is None or one.budget.feature == feature:
                period = self.running(one.budget.window)
                rows.append(self.state(one, period, self.spent(one, period)))
        rows.sort(key=lambda row: (-row.used, row.feature, row.window))
        return BudgetList(
            feature=feature,
            rows=tuple(rows),
            changes=tuple(self._changed(change) for change in history),
            as_of=known.as_of,
            age=self.now - known.as_of if known.as_of is not None else None,
            ledger_start=known.start,
            timezone=self.zone.key,
            gaps=_gaps(known, rows),
        )

    def _changed(self, change: LimitChange) -> LimitChanged:
        return LimitChanged(
            at=change.at.astimezone(self.zone),
            by=change.by,
            window=change.window,
            old=dollars(change.old_nanos) if change.old_nanos is not None else None,
            new=dollars(change.new_nanos),
            until=change.until.astimezone(self.zone) if change.until is not None else None,
            owners=change.owners,
        )

    def _cause(self, one: BudgetInForce, period: BudgetPeriod, known: Extent) -> Cause | None:
        before = previous(Period(period.name, period.span, _UNITS[one.budget.window]), self.now)
        # The rollups answer for one dimension at a time: what a narrowed budget's runs were before is not kept.
        if one.budget.where or not known.covers(before):
            return None
        feature = booked_as(one.budget.feature)
        return cause_of_growth(self.reading.total(before, feature), self.reading.total(period.span, feature))

    def _model(self, one: BudgetInForce, period: BudgetPeriod) -> TopModel | None:
        if one.budget.where:
            return None
        found = self.reading.by_value(period.span, "model", booked_as(one.budget.feature))
        total = sum(figures.cost for figures in found.values())
        name, figures = max(found.items(), key=lambda item: (item[1].cost, item[0]), default=("", None))
        if not name or figures is None or not figures.cost:
            return None
        return TopModel(name, Decimal(figures.cost) / total)


def cause_of_growth(before: Figures, after: Figures) -> Cause | None:
    """What made a cost grow most; None if it did not."""
    return largest_cause(before, after) if after.cost > before.cost else None
