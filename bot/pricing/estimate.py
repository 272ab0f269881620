"""What genai-prices says that a run cost, asked strictly. The only file that knows the library.

The library matches by prefixes and substrings: in its eyes `claude-opus-4-10` is Claude Opus 4.1, `gemini-2.5-proxy` is
Gemini 2.5 Pro, `gemini-3.8-flash-lite` is the full Flash, and any name with "moderation" in it is free. So its answer
counts only if the asked name is spelled out in the entry that it found, give or take a date or another mark of a
release. Names are asked in this order, and the first one for which the library has any answer decides:

    as given > without `provider/`, `models/` or `accounts/.../models/` > the same without a full date or `-001`

A `provider/` comes off only if it names the provider itself or one whose models that provider sells. Previews, sizes
and deployments (`-preview`, `-lite`, `-my-deploy`) are other models. An entry without a price for the tokens that a run
used knows nothing about that run: it does not make it free.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from bot.domain.usage import Usage
from bot.pricing.card import Card, Charge
from bot.pricing.names import maker_key, means, prefix_of, provider_key, spelling, undated, without_path

if TYPE_CHECKING:
    from genai_prices.types import MatchLogic, ModelInfo, ModelPrice, Provider, TieredPrices

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000  # microseconds

# A year of days for some dozens of models; beyond that the least used sheets are made anew.
_SHEETS = 16_384
_NAMES = 4_096

# No provider given, or one that stands for whichever provider the model's name says.
_ANY_PROVIDER = frozenset({"", "litellm"})

_SERVICES = {"batch": {"processing": "batch"}}  # all others are tiers of service

# OpenAI gives these weights away and sells no call to them: a run of them ran somewhere else.
_NOT_SOLD_BY_OPENAI = "gpt-oss"


class Estimate(NamedTuple):
    """What a run cost by the list price; `reference` names the library's version, the entry and a special service."""

    charge: Charge
    reference: str


class _Entry(NamedTuple):
    provider: "Provider"
    model: "ModelInfo"
    hourly: bool  # the time of day decides its price


class _Sheet(NamedTuple):
    """The prices of one entry on one day: `cards[n]` is for more than `starts[n - 1]` input tokens."""

    reference: str
    starts: tuple[int, ...]
    cards: tuple[Card, ...]
    sells_output: bool


def library_version() -> str:
    """The version of genai-prices: another one may know other prices."""
    from genai_prices import __version__

    return __version__


class Estimator:
    """Asks genai-prices, which is loaded with the first question; keeps the answers, bounded, for the next ones."""

    def __init__(self) -> None:
        self._entry = lru_cache(maxsize=_NAMES)(self._find_entry)
        self._daily = lru_cache(maxsize=_SHEETS)(self._make_daily)

    def __call__(
        self,
        provider: str | None,
        model: str | None,
        usage: Usage,
        start: int,
        context: str | None,
        *,
        flat: bool = False,
    ) -> Estimate | None:
        """The list price of a run that began at `start` (microseconds since 1970 UTC); None where nobody knows it.

        `context` is a run's: "batch", "flex", "priority" or None. `flat` is the price of a short run, however long this
        one is. Raises ValueError if the usage is impossible.
        """
        entry = None if model is None else self._entry(provider, model)
        if entry is None:
            return None
        sheet = (
            self._make(entry, context, start) if entry.hourly else self._daily(provider, model, context, start // _DAY)
        )
        if sheet is None or (usage.output and not sheet.sells_output):
            return None
        card = sheet.cards[0 if flat else bisect_left(sheet.starts, usage.input)]
        return Estimate(card.charge(usage), sheet.reference)

    def _make_daily(self, provider: str | None, model: str, context: str | None, day: int) -> _Sheet | None:
        entry = self._entry(provider, model)
        return None if entry is None else self._make(entry, context, day * _DAY)

    def _make(self, entry: _Entry, context: str | None, start: int) -> _Sheet | None:
        moment = _EPOCH + timedelta(microseconds=start)
        standard = price = entry.model.get_prices(moment)
        # The library, too, has no special service where a provider sells another one's model.
        if context is not None and any(model is entry.model for model in entry.provider.models):
            price = entry.model.get_prices(moment, _SERVICES.get(context, {"service_tier": context}))
        if price.input_mtok is None:
            return None
        starts = sorted({tier.start for tiered in _tiered(price) for tier in tiered.tiers})
        service = "" if price == standard else f" {context}"
        return _Sheet(
            reference=f"genai-prices {self._version} {entry.provider.id}/{entry.model.id}{service}",
            starts=tuple(starts),
            cards=tuple(_card(price, tokens) for tokens in (0, *(start + 1 for start in starts))),
            sells_output=price.output_mtok is not None,
        )

    def _find_entry(self, provider: str | None, model: str) -> _Entry | None:
        name = model.strip().lower()
        bare = without_path(name)
        key = provider_key(provider or "")
        seller = self._providers.get(maker_key(bare) or "" if key in _ANY_PROVIDER else key)
        if seller is None or (seller.id == "openai" and _NOT_SOLD_BY_OPENAI in name):
            return None
        if not self._sells_for(seller, prefix_of(name)):
            bare = name
        for asked in dict.fromkeys((name, bare, undated(bare))):
            found = seller.find_model(asked, all_providers=list(self._providers.values()))
            if found is not None:
                bedrock = seller.id == "aws"
                names = frozenset(spelling(text, bedrock=bedrock) for text in (found.id, *_texts(found.match)))
                sure = means(name, names, bedrock=bedrock) or means(bare, names, bedrock=bedrock)
                return _Entry(seller, found, _is_hourly(found)) if sure else None
        return None

    def _sells_for(self, seller: "Provider", prefix: str | None) -> bool:
        """Whether `prefix/` before a model says nothing else than that it comes from `seller`."""
        named = None if prefix is None else self._providers.get(provider_key(prefix))
        return prefix is None or (
            named is not None
            and (
                named is seller
                or named.id in (seller.fallback_model_providers or ())
                or seller.id in (named.fallback_model_providers or ())
            )
        )

    @cached_property
    def _providers(self) -> dict[str, "Provider"]:
        from genai_prices.data_snapshot import get_snapshot

        return {provider_key(provider.id): provider for provider in get_snapshot().providers}

    @cached_property
    def _version(self) -> str:
        return library_version()


def _texts(match: "MatchLogic") -> Iterator[str]:
    """The names that a clause of the library spells out. A pattern spells out none."""
    from genai_prices.types import ClauseAnd, ClauseContains, ClauseEndsWith, ClauseEquals, ClauseOr, ClauseStartsWith

    match match:
        case ClauseOr(or_=clauses) | ClauseAnd(and_=clauses):
            for clause in clauses:
                yield from _texts(clause)
        case ClauseEquals(equals=text) | ClauseStartsWith(starts_with=text):
            yield text
        case ClauseEndsWith(ends_with=text) | ClauseContains(contains=text):
            yield text


def _is_hourly(model: "ModelInfo") -> bool:
    """Whether the time of day decides its price."""
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    conditions = [] if isinstance(model.prices, ModelPrice) else model.prices
    return any(
        isinstance(priced.constraint, TimeOfDateConstraint) for priced in (*conditions, *(model.price_variants or ()))
    )


def _tiered(price: "ModelPrice") -> Iterator["TieredPrices"]:
    from genai_prices.types import TieredPrices

    return (rate for rate in vars(price).values() if isinstance(rate, TieredPrices))


def _card(price: "ModelPrice", tokens: int) -> Card:
    """The rates for a run with that many input tokens: beyond a threshold the higher one holds for all of them."""

    def at(rate: "Decimal | TieredPrices | None") -> Decimal | None:
        if rate is None or isinstance(rate, Decimal):
            return rate
        return next((tier.price for tier in reversed(rate.tiers) if tokens > tier.start), rate.base)

    request = at(price.requests_kcount)
    return Card.of(
        input=at(price.input_mtok) or Decimal(0),
        output=at(price.output_mtok) or Decimal(0),
        cached=at(price.cache_read_mtok),
        cache_write=at(price.cache_write_mtok),
        cache_write_1h=at(price.cache_write_1h_mtok),
        reasoning=at(price.output_reasoning_mtok),
        audio_input=at(price.input_audio_mtok),
        cached_audio=at(price.cache_audio_read_mtok),
        audio_output=at(price.output_audio_mtok),
        request=None if request is None else request * 1000,
    )
