"""A price's answer: what one run cost, and who says so."""

from typing import NamedTuple, Protocol

from bot.domain.run import Source
from bot.domain.usage import Flag, Usage


class Cost(NamedTuple):
    """What one run cost in whole nano-dollars, and who says so; `nanos` is None where nobody knows.

    `reference` says how it was found, for `audit`: the library's version and the matched model, or the override.
    `flags` is what was odd about LangSmith's own cost.
    """

    nanos: int | None
    source: Source | None
    reference: str | None = None
    flags: Flag = Flag(0)


class Listed(NamedTuple):
    """What LangSmith itself adds up for some runs: how many they are, and their cost in whole nano-dollars."""

    runs: int
    cost: int


NOBODY_KNOWS = Cost(None, None)


class SecondOpinion(Protocol):
    """What a run would cost if LangSmith had said nothing of its cost: to be put beside what is booked."""

    def __call__(
        self,
        *,
        provider: str | None,
        model: str | None,
        usage: Usage,
        start: int,
        context: str | None,
        flat: bool = False,
    ) -> Cost:
        """The own price if there is one, else the list price. `flat` is the list price of a short run without a special
        service: what somebody charges who knows neither long inputs nor batches and tiers."""
        ...


class Price(Protocol):
    """The one pricing path: whoever books, reprices or audits a run asks this."""

    def __call__(
        self,
        *,
        provider: str | None,
        model: str | None,
        usage: Usage | None,
        start: int,
        context: str | None,
        langsmith_cost: int | None,
    ) -> Cost:
        """The cost of a run that began at `start` (microseconds since 1970 UTC). `langsmith_cost` in nano-dollars."""
        ...
