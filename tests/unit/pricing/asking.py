"""How the tests of prices ask."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from zoneinfo import ZoneInfo

from bot.domain.cost import Cost
from bot.domain.money import nanos
from bot.domain.usage import Usage
from bot.pricing.override import Override
from bot.pricing.pricer import Pricer

BERLIN = ZoneInfo("Europe/Berlin")
MILLION = 1_000_000
LISTED_BY = f"genai-prices {version('genai-prices')}"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def usd(amount: str) -> int:
    """Nano-dollars."""
    return nanos(Decimal(amount))


def ask(
    pricer: Pricer,
    provider: str | None = "openai",
    model: str | None = "gpt-4o",
    usage: Usage | None = Usage(1000, 100),  # noqa: B008 - a tuple, not to be changed by anybody
    *,
    at: datetime = NOON,
    context: str | None = None,
    told: int | None = None,
) -> Cost:
    """A run's cost; `told` is LangSmith's own, in nano-dollars."""
    return pricer(provider=provider, model=model, usage=usage, start=micros(at), context=context, langsmith_cost=told)


def pricer(*overrides: Override, zone: ZoneInfo = BERLIN) -> Pricer:
    """A pricer with these overrides, in the order of the file."""
    return Pricer(overrides, zone)
