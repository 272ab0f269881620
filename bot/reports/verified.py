"""LangSmith's own total beside the ledger's: frozen, every number final, in exact US dollars; instants are aware."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from bot.reports.answers import Gap, TimeFrame


class Verdict(StrEnum):
    """What the distance between LangSmith's own total and the ledger means."""

    FINE = "fine"  # within 5 %
    OFF = "off"
    FAR = "far"  # above 20 %, or a total where the ledger holds nothing


class Cause(StrEnum):
    """What is likely behind a distance that is not FINE."""

    PARENTS = "parents"  # runs repeat the cost of those below them, and LangSmith's total counts it once
    GAPS = "gaps"  # the ledger does not know all of the time, or of the projects
    MISSING = "missing"  # LangSmith has more runs
    IMPOSSIBLE = "impossible"  # costs that are no amount of money
    LATE = "late"  # runs have not ended, or no day is settled
    FORGOTTEN = "forgotten"  # LangSmith has fewer runs
    CHANGED = "changed"  # as many runs, other costs


class Step(NamedTuple):
    """A part of a sum, by name."""

    key: str
    cost: Decimal


class Verification(NamedTuple):
    """The answer to `verify`. `held_cost`, what LangSmith said of the runs that the ledger holds, and the `steps` make
    up `total`, which is what a report says of the same time."""

    period: TimeFrame
    start: datetime  # what was really compared is [start, end)
    end: datetime
    cut_to_retention: bool  # LangSmith may have forgotten what was before
    cut_to_ledger: bool  # the ledger starts then
    cut_to_as_of: bool  # what comes after has not been read, or has not happened yet
    projects: tuple[str, ...]
    types: tuple[str, ...]
    listed_cost: Decimal  # LangSmith's own total for these projects and types
    held_cost: Decimal
    drift: Decimal | None  # 0.07: LangSmith says 7 % more than the ledger holds; None where it holds nothing
    verdict: Verdict
    cause: Cause | None
    listed_runs: int  # LLM and embedding runs: those that the ledger keeps even without a cost
    held_runs: int
    pending_runs: int
    impossible_runs: int
    steps: tuple[Step, ...]
    total: Decimal
    types_not_read: tuple[Step, ...]  # what LangSmith adds up for other types; without those that cost nothing
    gaps: tuple[Gap, ...]
    as_of: datetime | None
    age: timedelta | None
    settled_through: date | None
