"""Finds a morning's digest in the ledger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.alert import budget_period, judged_at
from bot.domain.budget import Window
from bot.domain.catalog import TOTAL, BudgetInForce, Catalog
from bot.domain.digest import Subjects, subjects
from bot.domain.money import NANOS_PER_DOLLAR, dollars
from bot.domain.period import Calendar, Period, Span, first_instant, previous
from bot.ledger.deliveries import Kind, Role, State
from bot.ledger.figures import NOTHING, Figures
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger, Reading
from bot.reports.answers import Spend
from bot.reports.budget_states import budget_states
from bot.reports.causes import largest_cause
from bot.reports.chart import Chart
from bot.reports.charting import feature_chart, recent
from bot.reports.covering import Extent, extent_of
from bot.reports.digest import BudgetState, Compared, Digest, FeatureLine, LeftOut, Mover, Newcomer, Stretch, Unheard
from bot.reports.parts import other_of, ratio, time_frame
from bot.reports.scope import Scope
from bot.reports.watch import PATIENCE, Silence, silence

# As many as are read in the morning; reports show the rest.
TOP, MOVERS, BUDGETS, NEWCOMERS, UNHEARD = 10, 3, 5, 5, 3

# A move below this part of the larger total is none.
_MOVED = 100
# One in so many of the runs of a move may be unpriced.
_UNKNOWN = 10

# How far back a digest before this one is looked for.
_LOOKED_BACK = timedelta(days=400)

_WEEK = timedelta(days=7)
_ONE_DAY = timedelta(days=1)


def checked_key(morning: date) -> str:
    """The event under which the nightly verification keeps what the digest of a morning is to say."""
    return f"verify:{morning.isoformat()}"


@dataclass(frozen=True, slots=True)
class DigestReporter:
    """Makes digests from the ledger."""

    ledger: Ledger
    catalog: Callable[[], Catalog]
    zone: ZoneInfo
    week_start: int = 0
    patience: timedelta = PATIENCE  # how long reading may fail before it is an outage

    def digest(
        self,
        morning: date,
        now: datetime,
        *,
        before: date | None,
        features: Sequence[str] | None = None,
        was_due: datetime | None = None,
    ) -> Digest:
        """The digest of `morning` as the ledger has it at `now`, going on where that of `before` ended; of everything,
        or of some `features` as llmcost.toml names them. `was_due` makes it a late one. Raises ValueError for a morning
        outside the calendar, LedgerError if the ledger cannot be read.
        """
        about = subjects(morning, before, self.zone, self.week_start)
        outbox = self.ledger.outbox
        budgets = self._budgets(about.days.span.last, morning, now)
        wanted = None
        if features is not None and TOTAL not in features:
            # A digest that was sent is looked at again, and its features may have other names by then.
            wanted = tuple(dict.fromkeys(map(self.catalog().name_of, features)))
        unheard = _unheard(outbox, about.days.span, wanted, self.catalog().name_of)

        def work(reading: Reading) -> Digest:
            scope = Scope(reading, wanted)
            known = extent_of(reading, self.zone)
            in_scope = [one for one in budgets if wanted is None or one.budget.feature in wanted]
            last = about.days.span.last
            states = budget_states(reading, in_scope, last, known, self.zone, self.week_start)
            silent = silence(reading, now.astimezone(self.zone), self.patience)
            finder = _Finder(scope, known, about, now.astimezone(UTC))
            return finder.digest(morning, states, unheard, was_due, silent)

        digest = self.ledger.read(work)
        found = outbox.event(checked_key(morning)) if wanted is None else None
        return replace(digest, checked=tuple(found.facts["lines"])) if found is not None else digest

    def _budgets(self, last: date, morning: date, now: datetime) -> list[BudgetInForce]:
        """Those of the periods that hold the day `last`. Of a period that still ran that morning what counted then, of
        others what counted at their end: a limit that was set or has ended since then says nothing of them."""
        moment = min(now, first_instant(morning + _ONE_DAY, self.zone), key=datetime.timestamp)
        catalog, limits = self.catalog(), self.ledger.outbox.every_limit()
        return [
            one
            for window in Window
            for one in catalog.budgets(
                limits, judged_at(budget_period(window, last, self.zone, self.week_start).span.end, moment)
            )
            if one.budget.window is window
        ]

    def before(self, morning: date, channel: frozenset[str]) -> date | None:
        """The morning of the digest before that of `morning`: of those in a channel, given by all its names, or without
        any of those about everything. One that reached nobody told nothing."""
        outbox = self.ledger.outbox
        sent = outbox.recent_events(Kind.DIGEST, first_instant(morning, self.zone) - _LOOKED_BACK)
        mornings = [(date.fromisoformat(event.facts["morning"]), event) for event in sent]
        for day, event in sorted(mornings, key=lambda one: one[0], reverse=True):
            if day >= morning or (not channel and event.facts["features"] is not None):
                continue
            told = [one for one in outbox.deliveries_of([event.key]) if one.state in {State.OPEN, State.SENT}]
            # It may have been announced there under a name that the channel does not have any more.
            places = {one.place for one in told if one.role is Role.CHANNEL} | {event.facts["channel"]}
            if told and (not channel or places & channel):
                return day
        return None


@dataclass(frozen=True, slots=True)
class _Finder:
    scope: Scope
    known: Extent
    about: Subjects
    now: datetime

    def digest(
        self,
        morning: date,
        states: list[BudgetState],
        unheard: list[Unheard],
        was_due: datetime | None,
        silent: Silence | None,
    ) -> Digest:
        span = self.about.days.span
        total, found = self.scope.total(span), self.scope.by_feature(span)
        week_ago = self._weeks_ago(span)
        before = self.scope.by_feature(week_ago) if self.known.covers(week_ago) else None
        by_cost = sorted(found, key=lambda name: (-found[name].cost, name))
        lines = [_line(name, found[name], before, states) for name in by_cost]
        near, new = [state for state in states if state.is_near], self._newcomers(span)
        cut = ((near, BUDGETS), (new, NEWCOMERS), (unheard, UNHEARD))
        return Digest(
            morning=morning,
            now=self.now.astimezone(span.zone),
            was_due=was_due,
            features=self.scope.features,
            period=time_frame(self.about.days),
            total=_spend(total),
            per_day=dollars(total.cost) / span.days,
            last_week=self._compared(week_ago, total),
            mean=self._mean(span, total),
            rows=tuple(lines[:TOP]),
            other=other_of([found[name] for name in by_cost[TOP:]], len(by_cost[TOP:])),
            movers=_movers(before, found) if before is not None and self.known.covers(span) else (),
            week=self._stretch(self.about.week),
            month=self._stretch(self.about.month),
            month_to_date=self._month_to_date(),
            budgets=tuple(near[:BUDGETS]),
            newcomers=tuple(new[:NEWCOMERS]),
            unheard=tuple(unheard[:UNHEARD]),
            left_out=LeftOut(*(max(len(all_) - shown, 0) for all_, shown in cut)),
            silence=silent,
            coverage=self.scope.coverage(span, self.known, self.now),
            chart=self._chart(span),
            rest=tuple(lines[TOP:]),
        )

    def _chart(self, span: Span) -> Chart | None:
        looked_at = recent(span.until, span.zone)
        return feature_chart(self.scope.reading, looked_at, self.known, self.now, self.scope.features)

    @staticmethod
    def _weeks_ago(span: Span) -> Span:
        """The same weekdays as many weeks before as are needed."""
        back = -(-span.days // 7) * _WEEK
        return Span(span.first - back, span.until - back, span.zone)

    def _compared(self, span: Span, total: Figures) -> Compared | None:
        if not self.known.covers(span):
            return None
        before = self.scope.total(span)
        change = ratio(total.cost - before.cost, before.cost)
        return Compared(span.first, span.last, dollars(before.cost), before.unpriced, change)

    def _mean(self, span: Span, total: Figures) -> Compared | None:
        """Costs per day: of the 7 days before, and how those of `span` differ."""
        before = Span(span.first - _WEEK, span.first, span.zone)
        if not self.known.covers(before):
            return None
        figures = self.scope.total(before)
        change = ratio(total.cost * before.days - figures.cost * span.days, figures.cost * span.days)
        return Compared(before.first, before.last, dollars(figures.cost) / before.days, figures.unpriced, change)

    def _stretch(self, period: Period | None) -> Stretch | None:
        if period is None or self.known.start is None or self.known.start.timestamp() >= period.span.end.timestamp():
            return None
        total = self.scope.total(period.span)
        before = self._compared(previous(period, period.span.end), total)
        return Stretch(time_frame(period), _spend(total), self.known.covers(period.span), before)

    def _month_to_date(self) -> Stretch | None:
        """None on the 1st: the month has closed."""
        last = self.about.days.span.last
        period = Calendar(last, self.about.days.span.zone).month_to_date()
        return None if (last + _ONE_DAY).day == 1 else self._stretch(period)

    def _newcomers(self, span: Span) -> list[Newcomer]:
        if not self.known.reads_into(Span(span.first - _WEEK, span.first, span.zone)):
            return []  # before a ledger knows a week, everything in it is new
        dimensions = ("feature", "model", "project") if self.scope.features is None else ("model", "project")
        least = span.days * NANOS_PER_DOLLAR
        found = [
            Newcomer(dimension, name, dollars(figures.cost))
            for dimension in dimensions
            for name, figures in self.scope.newcomers(span, dimension)
            if figures.cost > least
        ]
        return sorted(found, key=lambda one: (-one.cost, one.dimension, one.name))


def _line(
    name: str, figures: Figures, before: Mapping[str, Figures] | None, states: Sequence[BudgetState]
) -> FeatureLine:
    budget = next((state for state in states if state.feature == name), None)
    if before is None:
        return FeatureLine(name, _spend(figures), None, None, budget)
    there = before.get(name, NOTHING)
    return FeatureLine(name, _spend(figures), _spend(there), ratio(figures.cost - there.cost, there.cost), budget)


def _movers(before: Mapping[str, Figures], after: Mapping[str, Figures]) -> tuple[Mover, ...]:
    larger = max(sum(figures.cost for figures in side.values()) for side in (before, after))
    moves = {name: (before.get(name, NOTHING), after.get(name, NOTHING)) for name in {*before, *after}}
    moved = [
        name
        for name, (old, new) in moves.items()
        if abs(new.cost - old.cost) * _MOVED > larger and _is_known(min(old, new, key=lambda one: one.cost))
    ]
    moved.sort(key=lambda name: (-abs(moves[name][1].cost - moves[name][0].cost), name))
    return tuple(_mover(name, *moves[name]) for name in moved[:MOVERS])


def _is_known(figures: Figures) -> bool:
    """Whether the cost is that of nearly all of its runs: where the lower one is not, a price that was found or lost
    would pass for a move."""
    return figures.unpriced * _UNKNOWN <= figures.runs


def _mover(name: str, old: Figures, new: Figures) -> Mover:
    return Mover(
        name,
        dollars(old.cost),
        dollars(new.cost),
        ratio(new.cost - old.cost, old.cost),
        largest_cause(old, new),
        new.unpriced,
    )


def _spend(figures: Figures) -> Spend:
    return Spend(dollars(figures.cost), figures.runs, figures.unpriced)


def _unheard(
    outbox: Outbox, span: Span, features: tuple[str, ...] | None, name_of: Callable[[str], str]
) -> list[Unheard]:
    """The alerts that were given up on these days: they reached nobody. Some had waited since long before."""
    found: list[Unheard] = []
    for delivery in outbox.undeliverable(span.start):
        if delivery.kind is not Kind.ALERT or delivery.next_try.timestamp() >= span.end.timestamp():
            continue
        events = [event for key in delivery.events if (event := outbox.event(key)) is not None]
        about = dict.fromkeys(name_of(str(event.facts.get("feature", ""))) for event in events)
        found += [
            Unheard(feature, delivery.recipient, delivery.problem)
            for feature in about
            if features is None or feature in features
        ]
    return found
