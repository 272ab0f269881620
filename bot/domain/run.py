"""A run: one LLM (or cost-carrying) run, as it was read from LangSmith. No prompt, no answer, no metadata that was not
asked for by name."""

from enum import StrEnum
from typing import NamedTuple

from bot.domain.usage import Flag, Usage

LLM_TYPES = frozenset({"LLM", "EMBEDDING"})


class Status(StrEnum):
    """LangSmith's words for how far a run is."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    PENDING = "PENDING"


class Run(NamedTuple):
    """What the ledger keeps of a run as read. Times are whole microseconds since 1970 UTC, costs whole nano-dollars.

    `ancestors` are run ids from the root down to the direct parent. `raw_cost` is LangSmith's own cost as it came, even
    if it is negative; None if it sent none or nonsense. `usage` is None where LangSmith reported none. `keys` are the
    configured metadata keys' values, nothing else of the metadata. `thread` is the conversation that it belongs to.
    """

    id: bytes
    trace_id: bytes
    project: int  # the ledger's key of the project
    ancestors: tuple[bytes, ...]
    type: str  # LangSmith's, upper case
    status: str  # one of Status
    start: int
    end: int | None
    name: str
    tags: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]  # sorted by key
    provider: str | None
    model: str | None
    context: str | None  # "batch", "flex" or "priority": how the provider was asked to serve it
    usage: Usage | None
    raw_cost: int | None
    flags: Flag
    thread: str | None = None

    @property
    def is_root(self) -> bool:
        """Whether this run is its trace's root."""
        return not self.ancestors


class State(StrEnum):
    """What became of a run in the books. Every booked run is in exactly one state."""

    COSTED = "costed"  # its cost is known, a free run's $0 included
    UNPRICED = "unpriced"  # it ended and used tokens, and nobody knows what that cost: never $0
    NO_USAGE = "no_usage"  # it succeeded and reported no tokens
    FAILED = "failed"  # it failed before it used a token
    PENDING = "pending"  # it has not ended; "unfinished" once that has lasted for more than a day
    SUPPRESSED = "suppressed"  # its money is counted at other runs of its trace; it is in no figure
    NOT_A_RUN = "not_a_run"  # it once carried a cost, or may do so again; without one it is no run


class Source(StrEnum):
    """Who said what a run cost."""

    LANGSMITH = "langsmith"
    ESTIMATE = "estimate"  # genai-prices
    OVERRIDE = "override"  # `[[prices]]` in llmcost.toml
