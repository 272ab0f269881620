"""The demo server's own price map: what LangSmith's would say at ingest, for the models of the sample."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from bot.demo.records import NO_DETAILS, Amounts

_MILLION = Decimal(1_000_000)
_DATED = r"(-\d{4}-?\d{2}-?\d{2}|-latest|-\d{3})?"


class Price(NamedTuple):
    """US dollars per million tokens. `kinds` prices what lies inside the input at another rate, by detail."""

    id: str  # of the entry in the price map
    input: Decimal
    output: Decimal
    kinds: Mapping[str, Decimal]


def _entry(model: str, input_rate: str, output_rate: str, **kinds: str) -> tuple[re.Pattern[str], Price]:
    price = Price(
        id=str(uuid5(NAMESPACE_URL, f"demo-price:{model}")),
        input=Decimal(input_rate),
        output=Decimal(output_rate),
        kinds={kind: Decimal(rate) for kind, rate in kinds.items()},
    )
    return re.compile(re.escape(model) + _DATED), price


_PRICE_MAP = (
    _entry("gpt-4o-mini", "0.15", "0.60", cache_read="0.075"),
    _entry("gpt-4o", "2.50", "10", cache_read="1.25"),
    _entry("gpt-5", "1.25", "10", cache_read="0.125"),
    _entry("gpt-5-mini", "0.25", "2", cache_read="0.025"),
    _entry("claude-sonnet-4-5", "3", "15", cache_read="0.30", cache_creation="3.75"),
    _entry("claude-haiku-4-5", "1", "5", cache_read="0.10", cache_creation="1.25"),
    _entry("gemini-2.5-flash", "0.30", "2.50", cache_read="0.03"),
)


def find_price(model: str | None) -> Price | None:
    """The entry whose pattern is the whole model name, dated or not; None for a model that the map does not hold.

    As at LangSmith a provider's prefix (`openai/gpt-4o`) breaks the match.
    """
    if model is None:
        return None
    return next((price for pattern, price in _PRICE_MAP if pattern.fullmatch(model)), None)


def priced(
    price: Price | None,
    prompt_tokens: int,
    completion_tokens: int,
    prompt_details: Mapping[str, int] = NO_DETAILS,
    completion_details: Mapping[str, int] = NO_DETAILS,
) -> Amounts:
    """Those tokens with their costs, or with none if there is no price: never $0.

    The details are priced first, the rest of the input at the plain rate.
    """
    tokens = Amounts(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        prompt_details=prompt_details,
        completion_details=completion_details,
    )
    if price is None:
        return tokens
    rest = prompt_tokens
    prompt_cost = Decimal(0)
    for kind, rate in price.kinds.items():
        part = min(prompt_details.get(kind, 0), rest)
        prompt_cost += part * rate
        rest -= part
    prompt_cost = (prompt_cost + rest * price.input) / _MILLION
    completion_cost = completion_tokens * price.output / _MILLION
    return tokens._replace(
        prompt_cost=prompt_cost, completion_cost=completion_cost, total_cost=prompt_cost + completion_cost
    )
