"""Finds the answer to a question in the ledger."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.domain.catalog import SPECIAL, Catalog
from bot.domain.cost import SecondOpinion
from bot.domain.feature import UNTAGGED
from bot.domain.money import dollars
from bot.domain.period import Calendar, Span, local_day, previous
from bot.errors import UsageError
from bot.ledger.booking import instant
from bot.ledger.figures import NOTHING, Figures
from bot.ledger.store import Ledger, Reading
from bot.reports.answers import (
    Answer,
    FeatureList,
    FeatureRow,
    Help,
    HelpLine,
    Other,
    Previous,
    ProjectState,
    Report,
    Row,
    RuleSet,
    Status,
    TraceReport,
    UntaggedList,
    UntaggedRow,
    Verification,
)
from bot.reports.audit import audit
from bot.reports.billed import bills
from bot.reports.budget_reporter import BudgetReporter
from bot.reports.budgets import BudgetList
from bot.reports.charting import total_chart, value_chart
from bot.reports.covering import Extent, days_to_show, extent
from bot.reports.digest import Digest
from bot.reports.digest_reporter import DigestReporter
from bot.reports.home import Home
from bot.reports.onward import Way, ways_on
from bot.reports.parts import NONE, coverage_of, namer, other_of, ratio, sum_of, time_frame
from bot.reports.question import WORDS, Question, Verb, Vocabulary, canonical, parse, parse_words
from bot.reports.trace_reference import TraceReference
from bot.reports.tracing import LookUp, find_trace, trace_report
from bot.reports.verification import Counterpart, Held, bounds, compare
from bot.reports.watch import PATIENCE
from bot.reports.wide import ALWAYS, costliest
from bot.reports.words import example_here, written

_HELP_FEATURES = 5
_CHANGES = 5
_WEEK = 7


def _say_nothing() -> None:
    """What to say before waiting, to nobody."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, the words that ask for it again at any later time, and where one can go from it."""

    answer: Answer | Digest
    words: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Reporter:
    """Answers questions from the ledger. `keys` are the configured metadata keys that are added up day by day,
    `wide_keys` those of so many values that only the costliest are listed. `look_up` asks LangSmith for the trace of a
    run that the ledger does not hold, and `counterpart` gives LangSmith's side of `verify`; None where nobody can be
    asked. `second_opinion` gives the prices that `audit` puts beside what is booked."""

    ledger: Ledger
    catalog: Callable[[], Catalog]
    keys: tuple[str, ...]
    zone: ZoneInfo
    week_start: int = 0
    counterpart: Callable[[], Counterpart] | None = None
    wide_keys: tuple[str, ...] = ()
    look_up: LookUp | None = None
    second_opinion: Callable[[], SecondOpinion] | None = None
    patience: timedelta = PATIENCE  # how long reading may fail before it is an outage

    def ask(
        self,
        text: str,
        now: datetime,
        *,
        top: int | None = None,
        top_days: int | None = None,
        before_waiting: Callable[[], None] = _say_nothing,
    ) -> Answer | Digest:
        """The answer to what somebody said. `top`, and for rows that are days `top_days`, hold where the question names
        no number. `before_waiting` is called if LangSmith must be asked, which may take minutes.

        Raises QuestionError if it cannot be understood, LedgerError if the ledger cannot be read; SourceError if
        LangSmith was asked and did not answer, UsageError if it cannot be asked.
        """
        return self.explore(text, now, top=top, top_days=top_days, before_waiting=before_waiting).answer

    def explore(
        self,
        text: str,
        now: datetime,
        *,
        top: int | None = None,
        top_days: int | None = None,
        before_waiting: Callable[[], None] = _say_nothing,
    ) -> Asked:
        """Like `ask`, with the words that ask the same again and the ways on from there."""

        def work(reading: Reading) -> tuple[Question, Vocabulary, Answer | None]:
            vocabulary = self._vocabulary(reading)
            question = parse(text, vocabulary, now=now, zone=self.zone, week_start=self.week_start)
            if _is_asked_elsewhere(question):
                return question, vocabulary, None
            return question, vocabulary, self._answer(reading, question, now, top_days if question.by == "day" else top)

        question, vocabulary, answer = self.ledger.read(work)
        found = answer if answer is not None else self._ask_elsewhere(question, now, before_waiting)
        return Asked(found, canonical(question), ways_on(question, vocabulary))

    def ask_words(
        self, words: list[str], now: datetime, *, before_waiting: Callable[[], None] = _say_nothing
    ) -> Answer | Digest:
        """Like `ask`, for the words of a command line."""

        def work(reading: Reading) -> tuple[Question, Answer | None]:
            vocabulary = self._vocabulary(reading)
            question = parse_words(words, vocabulary, now=now, zone=self.zone, week_start=self.week_start)
            return question, None if _is_asked_elsewhere(question) else self._answer(reading, question, now, None)

        question, answer = self.ledger.read(work)
        return answer if answer is not None else self._ask_elsewhere(question, now, before_waiting)

    def home(self, now: datetime) -> Home:
        """What the home tab shows. Raises LedgerError if the ledger cannot be read."""
        with self.ledger.reading() as reading:
            known = extent(reading.projects(selected_only=True), reading.gaps(), self.zone)
            calendar = Calendar(local_day(now, self.zone), self.zone, self.week_start)
            periods = (calendar.today(), calendar.last_days(_WEEK), calendar.month_to_date())
            questions = [Question(Verb.REPORT, period) for period in periods]
            day, week, month = (self._report(reading, question, known, now, None) for question in questions)
            budgets = self._budgets(reading, replace(questions[0], verb=Verb.BUDGET), now)
            return Home(day, week, month, budgets, self._rules(reading)[::-1])

    def _ask_elsewhere(self, question: Question, now: datetime, before_waiting: Callable[[], None]) -> Answer | Digest:
        """The answers that read the ledger by themselves, some of them around a question to LangSmith."""
        if question.trace is not None:
            return self._trace(question.trace, now)
        if question.verb is Verb.DIGEST:
            return self._digest(now)
        return self._verify(question, now, before_waiting)

    def _trace(self, reference: TraceReference, now: datetime) -> TraceReport:
        trace_id = find_trace(self.ledger, reference, self.look_up)
        with self.ledger.reading() as reading:
            return trace_report(reading, trace_id, now, self.zone)

    def _digest(self, now: datetime) -> Digest:
        """Of everything, as if it were due now."""
        digests = DigestReporter(self.ledger, self.catalog, self.zone, self.week_start, self.patience)
        morning = local_day(now, self.zone)
        return digests.digest(morning, now, before=digests.before(morning, frozenset()))

    def _answer(self, reading: Reading, question: Question, now: datetime, top: int | None) -> Answer:
        top = question.top or top
        if question.verb is Verb.HELP:
            return self._help(reading, question.period.span)
        if question.verb is Verb.BUDGET:
            return self._budgets(reading, question, now)
        known = extent(reading.projects(selected_only=True), reading.gaps(), self.zone)
        if question.verb is Verb.STATUS:
            return self._status(reading, known, now)
        if question.verb is Verb.AUDIT:
            if self.second_opinion is None:
                raise UsageError("audit compares with a price list, and there is none here.")
            return audit(reading, question, known, now, self.second_opinion())
        if question.verb is Verb.FEATURES:
            return self._features(reading, question, known, now, top)
        if question.verb is Verb.UNTAGGED:
            return self._untagged(reading, question, known, now, top)
        return self._report(reading, question, known, now, top)

    def vocabulary(self) -> Vocabulary:
        """The names that one can say now."""
        with self.ledger.reading() as reading:
            return self._vocabulary(reading)

    def _vocabulary(self, reading: Reading) -> Vocabulary:
        catalog = self.catalog()
        configured = [feature for feature in catalog.features.values() if feature.name not in SPECIAL]
        return Vocabulary(
            features=reading.features() | {feature.name for feature in configured},
            aliases={alias: feature.name for feature in configured for alias in feature.aliases},
            keys=self.keys,
            wide_keys=self.wide_keys,
        )

    def _report(self, reading: Reading, question: Question, known: Extent, now: datetime, top: int | None) -> Report:
        span = question.period.span
        total = reading.total(span, question.feature)
        is_wide = question.by in ALWAYS or (question.by in self.wide_keys and question.by not in self.keys)
        if is_wide:
            wide = costliest(reading, question, top)
            rows = tuple(
                Row(value or NONE, sum_of(figures), ratio(figures.cost, total.cost), link)
                for value, figures, link in wide.shown
            )
            other = other_of([wide.rest], wide.others) if wide.others else None
        else:
            found = self._breakdown(reading, question, known, now)
            rows, other = _cut(found, total, top, in_order=question.by == "day")
        if is_wide or question.by == "day":
            chart = total_chart(reading, span, known, now, question.feature)
        else:
            chart = value_chart(reading, span, question.by, known, now, question.feature)
        return Report(
            period=time_frame(question.period),
            feature=question.feature,
            by=question.by,
            total=sum_of(total),
            previous=self._previous(reading, question, known, total, now),
            rows=rows,
            other=other,
            coverage=coverage_of(reading, span, known, now, total, question.feature),
            counted_runs=total.runs if is_wide else None,
            chart=chart,
            bills=bills(reading, span) if question.feature is None else (),
        )

    def _breakdown(
        self, reading: Reading, question: Question, known: Extent, now: datetime
    ) -> list[tuple[str, Figures]]:
        """The figures with their names. Two may share one (a project and its namesake of old): none may get lost."""
        span = question.period.span
        if question.by == "day":
            days = reading.by_day(span, question.feature)
            return [(day.isoformat(), days.get(day, NOTHING)) for day in days_to_show(span, known, days, now)]
        names = namer(reading, question.by)
        return [
            (names(value), figures) for value, figures in reading.by_value(span, question.by, question.feature).items()
        ]

    def _previous(
        self, reading: Reading, question: Question, known: Extent, total: Figures, now: datetime
    ) -> Previous | None:
        span = question.versus.span if question.versus is not None else previous(question.period, now)
        if not known.covers(span):
            return None
        before = reading.total(span, question.feature)
        unit, unit_before = sum_of(total).unit_cost, sum_of(before).unit_cost
        alike = unit.at_least == unit_before.at_least
        return Previous(
            start=span.start,
            end=span.end,
            last=span.last,
            is_part=span.part_day is not None,
            cost=dollars(before.cost),
            runs=before.runs,
            change=ratio(total.cost - before.cost, before.cost),
            unit_cost=unit_before,
            per_trace_change=_change(unit.per_trace, unit_before.per_trace) if alike else None,
            per_1000_tokens_change=_change(unit.per_1000_tokens, unit_before.per_1000_tokens) if alike else None,
        )

    def _features(
        self, reading: Reading, question: Question, known: Extent, now: datetime, top: int | None
    ) -> FeatureList:
        span = question.period.span
        found = reading.by_value(span, "feature")
        configured = self.catalog().features
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

    def _untagged(
        self, reading: Reading, question: Question, known: Extent, now: datetime, top: int | None
    ) -> UntaggedList:
        span = question.period.span
        projects = {project.key: project.name for project in reading.projects()}
        total = reading.total(span, UNTAGGED)
        found = sorted(
            reading.untagged_names(span), key=lambda one: (-one.figures.cost, one.name, projects[one.project])
        )
        shown, rest = found[: top or len(found)], found[top or len(found) :]
        return UntaggedList(
            period=time_frame(question.period),
            total=sum_of(total),
            share=ratio(total.cost, reading.total(span).cost),
            rows=tuple(UntaggedRow(projects[one.project], one.name or NONE, sum_of(one.figures)) for one in shown),
            other=other_of([one.figures for one in rest], len(rest)),
            coverage=coverage_of(reading, span, known, now, total, UNTAGGED),
            rules=self._rules(reading),
        )

    def _budgets(self, reading: Reading, question: Question, now: datetime) -> BudgetList:
        feature = question.feature
        in_force = self.catalog().budgets(reading.set_limits(), now)
        history = reading.limit_history(feature, _CHANGES) if feature is not None else []
        return BudgetReporter(reading, self.zone, self.week_start, now).list(in_force, feature, history)

    def _status(self, reading: Reading, known: Extent, now: datetime) -> Status:
        last, good = reading.last_sync(), reading.last_sync(successful=True)
        return Status(
            now=now.astimezone(self.zone),
            last_sync=self._local(last.finished) if last is not None else None,
            last_sync_problem=last.problem if last is not None else None,
            last_good_sync=self._local(good.finished) if good is not None else None,
            runs_read=last.read if last is not None else 0,
            projects=tuple(
                ProjectState(
                    project.name,
                    self._local(project.covered_from) if project.covered_from is not None else None,
                    self._local(project.watermark) if project.watermark is not None else None,
                    date.fromordinal(project.settled_through) if project.settled_through is not None else None,
                    project.cost_mode.value,
                )
                for project in reading.projects(selected_only=True)
            ),
            gaps=known.gaps,
            ledger_start=known.start,
            timezone=self.zone.key,
            rules=self._rules(reading),
        )

    def _rules(self, reading: Reading) -> tuple[RuleSet, ...]:
        """The rules that were set in Slack, the first that was set first."""
        return tuple(
            RuleSet(
                one.id, one.rule.feature, one.rule.name, one.rule.project, one.set_by, one.set_at.astimezone(self.zone)
            )
            for one in reading.set_rules()
        )

    def _verify(self, question: Question, now: datetime, before_waiting: Callable[[], None]) -> Verification:
        if self.counterpart is None:
            raise UsageError("verify asks LangSmith itself: set LANGSMITH_API_KEY and LANGSMITH_PROJECT.")
        langsmith = self.counterpart()
        with self.ledger.reading() as reading:
            projects = reading.projects(selected_only=True)
            known = extent(projects, reading.gaps(), self.zone)
            compared = bounds(question.period, known, langsmith.retention, now)
            keys = [project.key for project in projects]
            bridge = reading.bridge(compared.start, compared.end, langsmith.types, keys)
        # No transaction is open while LangSmith is asked: a sync goes on beside it.
        before_waiting()
        listed = langsmith.totals([project.id for project in projects], compared.start, compared.end)
        held = Held(question.period, compared, known, projects, bridge)
        return compare(held, langsmith.types, listed, now)

    def _help(self, reading: Reading, last_days: Span) -> Help:
        vocabulary = self._vocabulary(reading)
        spent = reading.by_value(last_days, "feature")
        known = sorted(vocabulary.features, key=lambda name: (-spent.get(name, NOTHING).cost, name))
        return Help(
            tuple(
                HelpLine(word.pattern, word.meaning, example_here(word, known[0] if known else None, self.keys))
                for word in WORDS
            ),
            vocabulary.dimensions,
            tuple(written(name) for name in known[:_HELP_FEATURES]),
        )

    def _local(self, microseconds: int) -> datetime:
        return instant(microseconds).astimezone(self.zone)


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


def _is_asked_elsewhere(question: Question) -> bool:
    return question.verb in {Verb.VERIFY, Verb.DIGEST} or question.trace is not None
