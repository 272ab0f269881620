"""Where prices came from, and what looks wrong with costs: frozen, every number final, in exact US dollars."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from bot.reports.answers import Coverage, Sum, TimeFrame
from bot.reports.suspects import Fault

FREE = "free"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Runs whose cost the same source says. `key` is one of bot.domain.run.Source, FREE, or the State of runs without a
    cost; `reference` names the library's version and the matched model, or the own price; None where there is none, or
    where `others` references are added up. Tokens are None where LangSmith has not said any, `cost` where nobody knows
    it: neither adds anything to a total."""

    key: str
    reference: str | None
    runs: int
    input_tokens: int | None
    output_tokens: int | None
    cost: Decimal | None
    others: int = 0


class Finding(NamedTuple):
    """Runs that look wrong in one way. `langsmith_cost` is what LangSmith says of them, None if it says nothing,
    `cost` what is booked, without the `unpriced_runs` of them, and `repriced` what they cost by own prices or the price
    list: without the `priceless` ones, None if all are. `trace` is that of the run that is furthest off."""

    fault: Fault
    runs: int
    langsmith_cost: Decimal | None
    cost: Decimal
    unpriced_runs: int
    repriced: Decimal | None
    priceless: int
    trace: str
    link: str | None


class Audit(NamedTuple):
    """The rows add up to `total`, which is what a report says; `looked_at` runs were looked at one by one, those that
    count in no figure too."""

    period: TimeFrame
    feature: str | None
    total: Sum
    rows: tuple[SourceRow, ...]
    findings: tuple[Finding, ...]
    looked_at: int
    coverage: Coverage
