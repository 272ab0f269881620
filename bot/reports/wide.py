"""Breakdowns of very many values, counted from the runs themselves: traces, threads, and keys such as a user id."""

from typing import NamedTuple
from uuid import UUID

from bot.errors import QuestionError
from bot.ledger.costliest import MOST_RUNS
from bot.ledger.figures import Figures
from bot.ledger.store import Reading
from bot.reports.covering import Extent, need_runs
from bot.reports.question import Question

# How many rows there are where nobody says a number: all of them would be as many as runs.
TOP = 20
ALWAYS = frozenset({"trace", "thread"})


class Wide(NamedTuple):
    """The costliest values ("" is none) with their figures and a link, how many more there are, and their sum."""

    shown: list[tuple[str, Figures, str | None]]
    others: int
    rest: Figures


def costliest(reading: Reading, question: Question, top: int | None, known: Extent) -> Wide:
    """The costliest values of the question's dimension in its period.

    Raises QuestionError for a period of more runs than can be counted while somebody waits, or whose runs are not all
    kept.
    """
    span = question.period.span
    need_runs(known, span, f"by {question.by} is counted from")
    # Of one feature, too, all runs of the period are looked at.
    runs = reading.total(span).runs
    if runs > MOST_RUNS:
        raise QuestionError(
            f"by {question.by} is counted from single runs, {MOST_RUNS:,} at most, and the period has {runs:,}: "
            "ask for fewer days."
        )
    found = reading.costliest(span, question.by, question.feature, top or TOP)
    projects = {project.key: project for project in reading.projects()}
    shown = []
    for group in found.groups:
        value = str(UUID(hex=group.value)) if question.by == "trace" else group.value
        link = projects[group.trace[1]].link_to(group.trace[0]) if group.trace is not None else None
        shown.append((value, group.figures, link))
    return Wide(shown, found.others, found.rest)
