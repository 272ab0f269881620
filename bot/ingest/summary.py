"""How a sync goes on, and how it went."""

from dataclasses import dataclass, field
from typing import NamedTuple

from bot.ledger.books import BookingSummary


class Progress(NamedTuple):
    """How far a sync is with a project: `done` of `whole` microseconds of its time, and how many runs it has read."""

    project: str
    done: int
    whole: int
    read: int


@dataclass(slots=True)
class SyncSummary:
    """How a sync went. `problems` are sentences; without any everything was read."""

    booked: BookingSummary = field(default_factory=BookingSummary)
    projects: int = 0
    complete: int = 0  # projects that were read to their end
    malformed: int = 0
    gaps: int = 0  # projects of which LangSmith may have forgotten some
    repeated: int = 0  # requests that had to be made again
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
