"""`[[prices]]` of llmcost.toml."""

import re
from datetime import date, datetime
from decimal import Decimal

from bot.pricing.override import Override, Rates
from bot.settings.explain import UnfitError, shown
from bot.settings.table import Table, number, text

_RATES = ("input", "output", "cached", "cache_write", "cache_write_1h")
PRICE_KEYS = ("provider", "model", "from", *_RATES, "discount", "free")

# A dollar a token. More is a price per token or in another currency's cents, not in dollars per million tokens.
_HIGHEST_RATE = 1_000_000


def override(table: Table) -> Override:
    """The entry; where something is wrong, the table has noted it and the entry is not to be used."""
    if "provider" not in table and "model" not in table:
        table.problem("", 'says for nothing what it costs; give provider or model, "*" for all.')
    if sum((any(key in table for key in _RATES), "discount" in table, "free" in table)) != 1:
        table.problem("", "give exactly one of: input and output, or discount, or free = true.")
    return Override(
        provider=table.take("provider", text, None),
        model=table.take("model", text, None),
        since=table.take("from", _day, None),
        rates=_rates(table),
        discount=table.take("discount", _percent, None),
        free=table.take("free", _free, False),
    )


def _rates(table: Table) -> Rates | None:
    if not any(key in table for key in _RATES):
        return None
    missing = [key for key in ("input", "output") if key not in table]
    if missing:
        table.problem("", f"{' and '.join(missing)} is missing; rates need both input and output.")
    free = Decimal(0)
    return Rates(
        input=table.take("input", _rate, free),
        output=table.take("output", _rate, free),
        cached=table.take("cached", _rate, None),
        cache_write=table.take("cache_write", _rate, None),
        cache_write_1h=table.take("cache_write_1h", _rate, None),
    )


def _rate(value: object) -> Decimal:
    rate = number(value)
    if not 0 <= rate <= _HIGHEST_RATE:
        raise UnfitError(f"{shown(value)} is not from 0 to {_HIGHEST_RATE} US dollars per million tokens.")
    return rate


def _percent(value: object) -> Decimal:
    percent = number(value)
    if not 0 < percent <= 100:
        raise UnfitError(f"{shown(value)} is no discount; write percent, above 0 and up to 100.")
    return percent


def _free(value: object) -> bool:
    if value is not True:
        raise UnfitError(f"{shown(value)} is not true; write free = true, or leave it out.")
    return True


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:  # the 31st of April
            pass
    raise UnfitError(f"{shown(value)} is no day; write it like 2026-11-01.")
