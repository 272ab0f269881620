"""What the demo's server keeps: projects, runs, and what a run used and cost."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

RUN_TYPES = ("TOOL", "CHAIN", "LLM", "RETRIEVER", "EMBEDDING", "PROMPT", "PARSER")

NOTHING: Mapping[str, object] = {}
NO_DETAILS: Mapping[str, int] = {}


class Project(NamedTuple):
    """A tracing project; `start` is when it was made."""

    id: str
    name: str
    start: datetime


class Amounts(NamedTuple):
    """Tokens and US dollars of a run. None is "not known", which is not zero. Details lie inside the token counts."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_cost: Decimal | None = None
    completion_cost: Decimal | None = None
    total_cost: Decimal | None = None
    prompt_details: Mapping[str, int] = NO_DETAILS
    completion_details: Mapping[str, int] = NO_DETAILS

    def plus(self, other: "Amounts") -> "Amounts":
        """Both together; what only one of them knows is that one's."""
        return Amounts(
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            _sum(self.total_tokens, other.total_tokens),
            _cost(self.prompt_cost, other.prompt_cost),
            _cost(self.completion_cost, other.completion_cost),
            _cost(self.total_cost, other.total_cost),
            _details(self.prompt_details, other.prompt_details),
            _details(self.completion_details, other.completion_details),
        )


class Run(NamedTuple):
    """A run as LangSmith keeps it: its own tokens and costs, whatever the store's mode shows of its descendants.

    `parent_run_ids` goes from the trace's root down to the direct parent. `end` is None while the run is pending.
    """

    id: str
    trace_id: str
    parent_run_ids: tuple[str, ...]
    project_id: str
    name: str
    run_type: str  # one of RUN_TYPES
    status: str  # SUCCESS, ERROR or PENDING
    start: datetime
    end: datetime | None
    metadata: Mapping[str, object] = NOTHING
    tags: tuple[str, ...] = ()
    amounts: Amounts = Amounts()
    price_model_id: str | None = None
    error: str | None = None
    inputs: Mapping[str, object] = NOTHING
    outputs: Mapping[str, object] = NOTHING

    @property
    def latency(self) -> float | None:
        """Seconds from start to end; None while the run is pending."""
        return None if self.end is None else (self.end - self.start).total_seconds()


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _cost(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _details(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    return {kind: one.get(kind, 0) + other.get(kind, 0) for kind in (*one, *(set(other) - set(one)))}
