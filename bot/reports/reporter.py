"""Finds the answer to a question in the ledger. What few questions need is imported where it is asked for: the most
common one is not to wait for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.domain.catalog import SPECIAL, Catalog
from bot.domain.cost import SecondOpinion
from bot.domain.period import Calendar, Span, local_day
from bot.errors import QuestionError, UsageError
from bot.ledger.figures import NOTHING
from bot.ledger.store import Ledger, Reading
from bot.reports.answers import Help, HelpLine, Report
from bot.reports.budget_reporter import BudgetReporter
from bot.reports.budgets import BudgetList
from bot.reports.charting import feature_chart, recent
from bot.reports.covering import Extent, extent_of
from bot.reports.digest import Digest
from bot.reports.home import Home
from bot.reports.kinds import Answer
from bot.reports.lists import feature_list, rules_set, status, untagged_list
from bot.reports.onward import Way, ways_on
from bot.reports.question import WORDS, Question, Verb, Vocabulary, canonical, parse, parse_words
from bot.reports.spend_report import spend_report
from bot.reports.trace_reference import TraceReference
from bot.reports.traced import TraceReport
from bot.reports.verified import Verification
from bot.reports.watch import PATIENCE
from bot.reports.wide import ALWAYS
from bot.reports.words import example_here, written

if TYPE_CHECKING:
    from bot.reports.tracing import LookUp
    from bot.reports.verification import Counterpart

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
    counterpart: "Callable[[], Counterpart] | None" = None
    wide_keys: tuple[str, ...] = ()
    look_up: "LookUp | None" = None
    second_opinion: Callable[[], SecondOpinion] | None = None
    patience: timedelta = PATIENCE  # how long reading may fail before it is an outage

    def ask(self, text: str, now: datetime, *, before_waiting: Callable[[], None] = _say_nothing) -> Answer | Digest:
        """The answer to what somebody said. `before_waiting` is called if LangSmith must be asked, which may take
        minutes.

        Raises QuestionError if it cannot be understood, LedgerError if the ledger cannot be read; SourceError if
        LangSmith was asked and did not answer, UsageError if it cannot be asked.
        """
        return self.explore(text, now, before_waiting=before_waiting).answer

    def explore(
        self,
        text: str,
        now: datetime,
        *,
        top: int | None = None,
        top_days: int | None = None,
        before_waiting: Callable[[], None] = _say_nothing,
    ) -> Asked:
        """Like `ask`, with the words that ask the same again and the ways on from there. `top`, and for rows that are
        days `top_days`, hold where the question names no number."""

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

        def work(reading: Reading) -> Home:
            known = extent_of(reading, self.zone)
            calendar = Calendar(local_day(now, self.zone), self.zone, self.week_start)
            periods = (calendar.today(), calendar.last_days(_WEEK), calendar.month_to_date())
            questions = [Question(Verb.REPORT, period) for period in periods]
            day, week, month = (self._report(reading, question, known, now, None) for question in questions)
            budgets = self._budgets(reading, replace(questions[0], verb=Verb.BUDGET), now)
            chart = feature_chart(reading, recent(periods[0].span.until, self.zone), known, now)
            return Home(day, week, month, budgets, rules_set(reading, self.zone)[::-1], chart)

        return self.ledger.read(work)

    def _ask_elsewhere(self, question: Question, now: datetime, before_waiting: Callable[[], None]) -> Answer | Digest:
        """The answers that read the ledger by themselves, some of them around a question to LangSmith."""
        if question.trace is not None:
            return self._trace(question.trace, now)
        if question.verb is Verb.DIGEST:
            return self._digest(now)
        return self._verify(question, now, before_waiting)

    def _trace(self, reference: TraceReference, now: datetime) -> TraceReport:
        from bot.reports.tracing import find_trace, trace_report

        trace_id = find_trace(self.ledger, reference, self.look_up)
        return self.ledger.read(lambda reading: trace_report(reading, trace_id, now, self.zone))

    def _digest(self, now: datetime) -> Digest:
        """Of everything, as if it were due now."""
        from bot.reports.digest_reporter import DigestReporter

        digests = DigestReporter(self.ledger, self.catalog, self.zone, self.week_start, self.patience)
        morning = local_day(now, self.zone)
        return digests.digest(morning, now, before=digests.before(morning, frozenset()))

    def _answer(self, reading: Reading, question: Question, now: datetime, top: int | None) -> Answer:
        top = question.top or top
        if question.verb is Verb.HELP:
            return self._help(reading, question.period.span)
        if question.verb is Verb.BUDGET:
            return self._budgets(reading, question, now)
        known = extent_of(reading, self.zone)
        if question.verb is Verb.STATUS:
            return status(reading, known, now, self.zone)
        if question.verb is Verb.AUDIT:
            if self.second_opinion is None:
                raise UsageError("audit compares with a price list, and there is none here.")
            from bot.reports.audit import audit

            return audit(reading, question, known, now, self.second_opinion())
        if question.verb is Verb.FEATURES:
            return feature_list(reading, self.catalog(), question, known, now, top)
        if question.verb is Verb.UNTAGGED:
            return untagged_list(reading, question, known, now, top, self.zone)
        return self._report(reading, question, known, now, top)

    def vocabulary(self) -> Vocabulary:
        """The names that one can say now."""
        return self.ledger.read(self._vocabulary)

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
        is_wide = question.by in ALWAYS or (question.by in self.wide_keys and question.by not in self.keys)
        return spend_report(reading, question, known, now, top=top, is_wide=is_wide)

    def _budgets(self, reading: Reading, question: Question, now: datetime) -> BudgetList:
        feature = question.feature
        in_force = self.catalog().budgets(reading.set_limits(), now)
        history = reading.limit_history(self.catalog().names_of(feature), _CHANGES) if feature is not None else []
        return BudgetReporter(reading, self.zone, self.week_start, now).list(in_force, feature, history)

    def _verify(self, question: Question, now: datetime, before_waiting: Callable[[], None]) -> Verification:
        from bot.reports.verification import Held, bounds, compare

        if self.counterpart is None:
            raise UsageError("verify asks LangSmith itself: set LANGSMITH_API_KEY and LANGSMITH_PROJECT.")
        langsmith = self.counterpart()

        def work(reading: Reading) -> Held:
            missed = reading.missed_projects()  # LangSmith would refuse the whole question for one of them
            projects = [project for project in reading.projects(selected_only=True) if project.key not in missed]
            if missed and not projects:
                raise QuestionError("LangSmith has none of the projects any more that are read.", ["status"])
            known = extent_of(reading, self.zone, projects)
            compared = bounds(question.period, known, langsmith.retention, now)
            keys = [project.key for project in projects]
            bridge = reading.bridge(compared.start, compared.end, langsmith.types, keys)
            return Held(question.period, compared, known, projects, bridge)

        held = self.ledger.read(work)
        # No transaction is open while LangSmith is asked: a sync goes on beside it.
        before_waiting()
        asked = [project.id for project in held.projects]
        listed = langsmith.totals(asked, held.bounds.start, held.bounds.end)
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


def _is_asked_elsewhere(question: Question) -> bool:
    return question.verb in {Verb.VERIFY, Verb.DIGEST} or question.trace is not None
