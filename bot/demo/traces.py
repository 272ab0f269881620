"""Builds one sample trace, run by run, in the order in which an application would trace it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple
from uuid import UUID

from bot.demo.prices import find_price, priced
from bot.demo.records import NO_DETAILS, NOTHING, Amounts, Run

# Stands in every prompt and answer of the sample, so that one search shows whether any of them went where it must not.
MARKER = "PROMPT-TEXT"


class Model(NamedTuple):
    """A model as tracers name it."""

    provider: str
    name: str


class Tokens(NamedTuple):
    """What one call used. `cached` and `written` lie inside `input`, `reasoning` inside `output`."""

    input: int
    output: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0


class Trace:
    """A trace under construction: `enter` and `leave` open and close a parent, the rest adds what happens inside it.

    With `propagates` every run carries the trace's metadata, as the LangSmith SDKs see to it; without it only the root
    does, as with OpenTelemetry.
    """

    def __init__(
        self, rng: Random, project_id: str, start: datetime, metadata: Mapping[str, object], *, propagates: bool = True
    ) -> None:
        self.runs: list[Run] = []
        self.clock = start
        self._rng = rng
        self._project_id = project_id
        self._metadata = metadata
        self._propagates = propagates
        self._open: list[int] = []  # where the open runs stand in `runs`, the root first

    def enter(self, name: str, run_type: str = "CHAIN", *, tags: tuple[str, ...] = ()) -> None:
        """Open a run; what follows lies inside it until `leave`."""
        self._open.append(self._add(name, run_type, tags=tags))

    def leave(self) -> None:
        """Close the run that was opened last."""
        at = self._open.pop()
        self.runs[at] = self.runs[at]._replace(end=self.clock, status="SUCCESS", outputs=_answer(self.runs[at].name))

    def call(
        self, name: str, model: Model, tokens: Tokens, *, run_type: str = "LLM", nested: str | None = None
    ) -> None:
        """A call that succeeds. With `nested` a run of that name inside it repeats its model and tokens."""
        price = find_price(model.name) if run_type == "LLM" else None
        amounts = priced(price, tokens.input, tokens.output, *_details(tokens))
        at = self._add(name, run_type, model=model, amounts=amounts, price_id=price and price.id)
        if nested is not None:
            self._open.append(at)
            self.call(nested, model, tokens, run_type=run_type)
            self._open.pop()
        else:
            self.clock += timedelta(seconds=0.4 + tokens.output / 80)
        self._end(at, outputs=_answer(name))

    def failed_call(self, name: str, model: Model, tokens: Tokens | None, error: str) -> None:
        """A call that fails: after it used `tokens`, or before it used any."""
        price = find_price(model.name) if tokens else None
        amounts = priced(price, tokens.input, tokens.output, *_details(tokens)) if tokens else Amounts()
        at = self._add(name, "LLM", model=model, amounts=amounts, price_id=price and price.id)
        self.clock += timedelta(seconds=1.5)
        self._end(at, error=error)

    def unreported_call(self, name: str, model: Model) -> None:
        """A streamed call that succeeds and reports no usage."""
        at = self._add(name, "LLM", model=model)
        self.clock += timedelta(seconds=6)
        self._end(at, outputs=_answer(name))

    def pending_call(self, name: str, model: Model) -> None:
        """A call whose end was not traced, or not yet."""
        self._add(name, "LLM", model=model)

    def step(self, name: str, run_type: str, *, cost: Decimal | None = None, seconds: float = 0.3) -> None:
        """Something that is no model's work; `cost` in US dollars if it has one of its own."""
        at = self._add(name, run_type, amounts=Amounts(total_cost=cost))
        self.clock += timedelta(seconds=seconds)
        self._end(at, outputs=_answer(name))

    def _add(
        self,
        name: str,
        run_type: str,
        *,
        model: Model | None = None,
        amounts: Amounts = Amounts(),  # noqa: B008 - it cannot be changed
        price_id: str | None = None,
        tags: tuple[str, ...] = (),
    ) -> int:
        run_id = str(UUID(int=self._rng.getrandbits(128), version=4))
        ancestors = tuple(self.runs[at].id for at in self._open)
        metadata = dict(self._metadata) if self._propagates or not ancestors else {}
        if model is not None:
            metadata |= {"ls_provider": model.provider, "ls_model_name": model.name}
        self.runs.append(
            Run(
                id=run_id,
                trace_id=ancestors[0] if ancestors else run_id,
                parent_run_ids=ancestors,
                project_id=self._project_id,
                name=name,
                run_type=run_type,
                status="PENDING",
                start=self.clock,
                end=None,
                metadata=metadata,
                tags=tags,
                amounts=amounts,
                price_model_id=price_id,
                inputs={"messages": [{"role": "user", "content": f"{MARKER} question for {name}"}]},
            )
        )
        self.clock += timedelta(milliseconds=20)
        return len(self.runs) - 1

    def _end(self, at: int, *, error: str | None = None, outputs: Mapping[str, object] = NOTHING) -> None:
        status = "SUCCESS" if error is None else "ERROR"
        self.runs[at] = self.runs[at]._replace(end=self.clock, status=status, error=error, outputs=outputs)


def _details(tokens: Tokens) -> tuple[Mapping[str, int], Mapping[str, int]]:
    cache = {"cache_read": tokens.cached, "cache_creation": tokens.written}
    return (
        {kind: count for kind, count in cache.items() if count} or NO_DETAILS,
        {"reasoning": tokens.reasoning} if tokens.reasoning else NO_DETAILS,
    )


def _answer(name: str) -> Mapping[str, object]:
    return {"content": f"{MARKER} answer of {name}"}
