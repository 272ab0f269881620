"""Ledgers, opened by the settings."""

import logging
from datetime import UTC, datetime

from bot.ledger.booking import Rules, day_finder
from bot.ledger.store import Ledger, open_ledger
from bot.settings import Config, Settings

_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The clock, read where somebody asks or something is due, and handed down from there."""
    return datetime.now(UTC)


def build_rules(settings: Settings, config: Config) -> Rules:
    """The rules by which the books are kept."""
    from bot.pricing.pricer import Pricer

    return Rules(
        attribution=config.catalog.attribution(settings.feature_keys),
        price=Pricer(config.overrides, settings.timezone),
        day_of=day_finder(settings.timezone),
        dimensions=settings.dimensions,
    )


def open_to_write(settings: Settings, rules: Rules, *, create: bool = True) -> Ledger:
    """The ledger, made if there is none, counted by these rules. Without `create` it is there, and counted by them
    already. Raises LedgerError."""
    ledger = open_ledger(settings.database_url, create=create)
    try:
        if not create:
            ledger.check_rules(rules.attribution, rules.dimensions, settings.timezone)
        if ledger.keep_rules(rules, settings.timezone):
            _log.info("the ledger was recounted, because the time zone, the dimensions or the attribution have changed")
    except BaseException:
        ledger.close()
        raise
    return ledger


def open_to_answer(settings: Settings, config: Config) -> Ledger:
    """The ledger that is there. Raises LedgerError if there is none, or if it is counted by other settings than those
    by which people ask: whatever has another name since would have cost nothing."""
    ledger = open_to_read(settings)
    try:
        attribution = config.catalog.attribution(settings.feature_keys)
        ledger.check_rules(attribution, settings.dimensions, settings.timezone)
    except BaseException:
        ledger.close()
        raise
    return ledger


def open_to_read(settings: Settings) -> Ledger:
    """The ledger that is there. Raises LedgerError if there is none, or if its days are those of another zone."""
    ledger = open_ledger(settings.database_url, create=False)
    try:
        ledger.check_zone(settings.timezone)
    except BaseException:
        ledger.close()
        raise
    return ledger
