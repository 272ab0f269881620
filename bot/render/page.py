"""What an answer says, in the order in which people read it, on whatever surface."""

import hashlib
import json
from dataclasses import dataclass

from bot.render import digest as morning
from bot.render.audited import audited_basis, audited_details, audited_links, audited_sentences
from bot.render.budgets import budget_basis, budget_sentences
from bot.render.chart import chart_note
from bot.render.coverage import basis, unknown, warnings
from bot.render.names import plain
from bot.render.numbers import plural
from bot.render.sentences import (
    HELP,
    LONG_EXAMPLE,
    NOT_COMPARED,
    TRIED,
    billed,
    change,
    counted,
    features_headline,
    headline,
    per_unit,
    rules_lines,
    status_lines,
    untagged_headline,
    volume,
)
from bot.render.table import NO_TABLE, Table, table
from bot.render.trace import trace_basis, trace_sentences, trace_table
from bot.render.verified import verified_basis, verified_sentences
from bot.reports.answers import FeatureList, Help, Report, Status
from bot.reports.audited import Audit
from bot.reports.budgets import BudgetList
from bot.reports.chart import Chart
from bot.reports.digest import Digest
from bot.reports.kinds import Answer
from bot.reports.traced import TraceReport
from bot.reports.verified import Verification


@dataclass(frozen=True, slots=True)
class Page:
    """The answer itself is the first of the sentences; the details stand below the table; the small print is what it
    rests on. A line each."""

    sentences: tuple[str, ...]
    table: Table
    small_print: tuple[str, ...]
    link: str | None = None  # to the same in LangSmith
    details: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # labels and addresses, beside those of the table's rows
    chart: Chart | None = None


def fingerprint(said: Page) -> str:
    """The same for pages that show the same words and figures, whatever stands in their small print."""
    text = json.dumps([said.sentences, said.table.rows, said.details])
    return hashlib.sha256(text.encode()).hexdigest()


def page(answer: Answer | Digest) -> Page:
    """An answer in words and cells."""
    if isinstance(answer, Status):
        return Page(tuple(status_lines(answer)), table(answer), (f"Times in {answer.timezone}",))
    if isinstance(answer, Verification):
        return Page(tuple(verified_sentences(answer)), table(answer), tuple(verified_basis(answer)))
    if isinstance(answer, BudgetList):
        return Page(tuple(budget_sentences(answer)), table(answer), tuple(budget_basis(answer)))
    if isinstance(answer, Help):
        return _help(answer)
    if isinstance(answer, TraceReport):
        return Page(tuple(trace_sentences(answer)), trace_table(answer), tuple(trace_basis(answer)), link=answer.link)
    if isinstance(answer, Digest):
        return _digest(answer)
    nothing = unknown(answer.period, answer.coverage)
    if nothing is not None and not answer.total.runs:
        # Not a $0: that would be a lie.
        return Page((nothing,), NO_TABLE, tuple(basis(answer.period, answer.coverage)))
    warned = warnings(answer.period, answer.coverage)
    if isinstance(answer, Report):
        if answer.previous is not None:
            sentences = [headline(answer), change(answer.total, answer.previous), *warned]
            sentences += [*per_unit(answer.total, answer.previous), volume(answer.total)]
        else:
            sentences = [headline(answer), *warned, *per_unit(answer.total), volume(answer.total), NOT_COMPARED]
        sentences += billed(answer)
        small_print = [*counted(answer), *chart_note(answer.chart), *basis(answer.period, answer.coverage)]
    elif isinstance(answer, FeatureList):
        sentences = [features_headline(answer), *warned, *per_unit(answer.total)]
        left_out = (
            [f"{plural(answer.left_out, 'more feature')} left out: add top N to see more"] if answer.left_out else []
        )
        small_print = [*left_out, *basis(answer.period, answer.coverage, says_untagged=True)]
    elif isinstance(answer, Audit):
        return _audit(answer)
    else:
        sentences = [untagged_headline(answer), *warned, *per_unit(answer.total), *rules_lines(answer.rules)]
        small_print = basis(answer.period, answer.coverage, says_untagged=True)
    chart = answer.chart if isinstance(answer, Report) else None
    return Page(tuple(sentences), table(answer), tuple(small_print), chart=chart)


def _help(answer: Help) -> Page:
    small_print = [f"Dimensions: {', '.join(plain(name) for name in answer.dimensions)}"]
    if answer.features:
        small_print.append(f"Features here: {', '.join(plain(name) for name in answer.features)}")
    examples = {line.pattern: line.example for line in answer.lines}
    tried = " \N{MIDDLE DOT} ".join(plain(examples[pattern], LONG_EXAMPLE) for pattern in TRIED if pattern in examples)
    return Page((HELP, f"For example: {tried}"), table(answer), tuple(small_print))


def _audit(answer: Audit) -> Page:
    return Page(
        tuple(audited_sentences(answer)),
        table(answer),
        tuple(audited_basis(answer)),
        details=tuple(audited_details(answer)),
        links=tuple(audited_links(answer)),
    )


def _digest(answer: Digest) -> Page:
    said, small_print = tuple(morning.sentences(answer)), tuple(morning.small_print(answer))
    details = tuple(morning.details(answer))
    return Page(said, morning.table(answer), small_print, details=details, chart=answer.chart)
