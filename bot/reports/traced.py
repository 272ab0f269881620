"""What a trace cost, run by run: frozen, every number final. Costs are exact US dollars; instants are aware."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.reports.answers import Other, Sum


class TraceRow(NamedTuple):
    """A run of a trace; `depth` 0 for one that hangs on no other. The tokens are those that count.

    The words are those of bot.domain: `state` (run.State), `reason` (costing.Reason) why it counts in no figure,
    `source` (run.Source) and `reference` who says what it cost. `langsmith_cost` is LangSmith's own, whatever counts.
    """

    id: str
    depth: int
    name: str
    type: str
    model: str | None
    status: str
    state: str
    reason: str | None
    cost: Decimal | None
    source: str | None
    reference: str | None
    langsmith_cost: Decimal | None
    input_tokens: int
    output_tokens: int


class TraceReport(NamedTuple):
    """The answer to `trace`: its runs as a tree, each below its parent. What the rows and `other` count is `total`."""

    trace_id: str
    projects: tuple[str, ...]
    features: tuple[str, ...]
    started: datetime
    timezone: str
    as_of: datetime | None  # up to when every project has been read
    age: timedelta | None
    total: Sum
    suppressed_runs: int
    rows: tuple[TraceRow, ...]
    other: Other | None
    link: str | None
