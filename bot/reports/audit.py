"""The answer to `audit`: who says what runs cost, and which costs look wrong."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from bot.domain.cost import SecondOpinion
from bot.domain.money import dollars
from bot.domain.run import Source, State
from bot.errors import QuestionError
from bot.ledger.auditing import SourceSum
from bot.ledger.booking import Booked
from bot.ledger.store import Reading
from bot.reports.audited import FREE, Audit, Finding, SourceRow
from bot.reports.covering import Extent, need_runs
from bot.reports.parts import coverage_of, sum_of, time_frame
from bot.reports.question import Question
from bot.reports.suspects import Fault, faults, repriced

# Each is priced anew, some in several ways: a few seconds on a small machine.
MOST_RUNS = 50_000

# Of each source: a model that costs less than a dozen others is added up with its like.
MOST_REFERENCES = 12

# A run of these states has none, unless it has not ended and has said some already.
_WITHOUT_TOKENS = frozenset({State.NO_USAGE, State.FAILED, State.PENDING})

_ORDER = (*(source.value for source in Source), FREE, *(state.value for state in State))


def audit(reading: Reading, question: Question, known: Extent, now: datetime, opinion: SecondOpinion) -> Audit:
    """The audit of the question's period. Raises QuestionError for one of more runs than can be looked at while
    somebody waits, or whose runs were pruned."""
    span, feature = question.period.span, question.feature
    need_runs(known, span, "audit looks at")
    all_runs = reading.total(span).runs
    if all_runs > MOST_RUNS:
        raise QuestionError(
            f"audit looks at single runs, {MOST_RUNS:,} at most, and the period has {all_runs:,}: ask for fewer days."
        )
    total = reading.total(span, feature)
    above = reading.ids_above_costs(span)
    tally = _Tally(opinion)
    for booked in reading.booked_runs(span, feature):
        tally.add(booked, is_above_cost=booked.run.id in above)
    links = {project.key: project for project in reading.projects()}
    return Audit(
        period=time_frame(question.period),
        feature=feature,
        total=sum_of(total),
        rows=tuple(_rows(reading.source_sums(span, feature))),
        findings=tuple(
            one.finding(fault, links[one.worst.run.project].link_to(one.worst.run.trace_id))
            for fault, one in sorted(tally.found.items(), key=lambda item: list(Fault).index(item[0]))
        ),
        looked_at=tally.looked_at,
        coverage=coverage_of(reading, span, known, now, total, feature),
    )


class _Suspects:
    """The runs of one fault, added up. Amounts in nano-dollars."""

    def __init__(self, first: Booked) -> None:
        self.runs = self.told = self.cost = self.unpriced = self.repriced = self.priceless = self.silent = 0
        self.worst = first
        self._furthest = -1

    def add(self, booked: Booked, listed: int | None) -> None:
        raw = booked.run.raw_cost
        self.runs += 1
        self.told += raw or 0
        self.silent += raw is None
        self.cost += booked.cost or 0
        self.unpriced += booked.state is State.UNPRICED
        self.repriced += listed or 0
        self.priceless += listed is None
        said = raw if raw is not None else booked.cost or 0
        off = abs(said - (listed or 0))
        if (off, booked.run.id) > (self._furthest, self.worst.run.id):
            self._furthest, self.worst = off, booked

    def finding(self, fault: Fault, link: str | None) -> Finding:
        return Finding(
            fault=fault,
            runs=self.runs,
            langsmith_cost=dollars(self.told) if self.silent < self.runs else None,
            cost=dollars(self.cost),
            unpriced_runs=self.unpriced,
            repriced=dollars(self.repriced) if self.priceless < self.runs else None,
            priceless=self.priceless,
            trace=str(UUID(bytes=self.worst.run.trace_id)),
            link=link,
        )


class _Tally:
    def __init__(self, opinion: SecondOpinion) -> None:
        self.found: dict[Fault, _Suspects] = {}
        self.looked_at = 0
        self._opinion = opinion

    def add(self, booked: Booked, *, is_above_cost: bool) -> None:
        self.looked_at += 1
        wrong = faults(booked, self._opinion, is_above_cost=is_above_cost)
        listed = repriced(booked, self._opinion) if wrong else None
        for fault in wrong:
            if fault not in self.found:
                self.found[fault] = _Suspects(booked)
            self.found[fault].add(booked, listed)


def _rows(sums: Sequence[SourceSum]) -> list[SourceRow]:
    by_key: dict[str, list[SourceSum]] = {}
    for one in sums:
        by_key.setdefault(FREE if one.is_free else one.source or one.state.value, []).append(one)
    rows = []
    for key in sorted(by_key, key=_ORDER.index):
        ordered = sorted(by_key[key], key=lambda one: (-one.cost, one.reference or ""))
        rows += [_row(key, [one]) for one in ordered[:MOST_REFERENCES]]
        rest = ordered[MOST_REFERENCES:]
        if rest:
            rows.append(replace(_row(key, rest), reference=None, others=len(rest)))
    return rows


def _row(key: str, sums: Sequence[SourceSum]) -> SourceRow:
    first = sums[0]
    used = sum(one.input for one in sums), sum(one.output for one in sums)
    is_silent = first.state in _WITHOUT_TOKENS and not any(used)
    return SourceRow(
        key,
        first.reference,
        sum(one.runs for one in sums),
        None if is_silent else used[0],
        None if is_silent else used[1],
        dollars(sum(one.cost for one in sums)) if first.state is State.COSTED else None,
    )
