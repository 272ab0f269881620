"""Ledgers, opened by the settings."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.errors import LedgerError
from bot.ledger.booking import Rules, day_finder
from bot.ledger.store import Ledger, open_ledger
from bot.settings import Config, Settings

# The mark under which is kept which types of runs are read.
_TYPES = "types of runs"

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


def open_to_write(settings: Settings, config: Config, rules: Rules, *, create: bool = True) -> Ledger:
    """The ledger, made if there is none, counted by these rules. Without `create` it is there, and counted by them
    already. Raises LedgerError."""
    ledger = open_ledger(settings.database_url, create=create)
    try:
        check_dimensions(ledger, config, rules.dimensions)
        if not create:
            ledger.check_rules(rules.attribution, rules.dimensions, settings.timezone)
        if ledger.keep_rules(rules, settings.timezone):
            _log.info("the ledger was recounted, because the time zone, the dimensions or the attribution have changed")
        if create:
            _keep_types(ledger, settings.run_types)
    except BaseException:
        ledger.close()
        raise
    return ledger


def _keep_types(ledger: Ledger, types: Sequence[str]) -> None:
    """Which types of runs were ever read; of those that are new, what was read before lacks runs."""
    kept = ledger.outbox.mark(_TYPES)
    known = [] if kept is None else kept.split()
    new = [one for one in types if one not in known]
    if new and kept is not None:
        _log.warning(
            "what was read before lacks runs of %s: `llmcost sync --since 14d` reads what LangSmith still has",
            ", ".join(one.lower() for one in new),
        )
    if new:
        ledger.outbox.set_mark(_TYPES, " ".join([*known, *new]))


def check_dimensions(ledger: Ledger, config: Config, dimensions: tuple[str, ...]) -> None:
    """Raises LedgerError where one is missing that cannot go, as in a shell without the bot's settings. A limit that
    was set in Slack for some of its values would count nothing, and nobody would hear of it again (in llmcost.toml that
    is a problem of the file); and what pruned days have cost by it would be lost."""
    if lost := ledger.lost_with(dimensions):
        raise LedgerError(
            f"What days whose runs were pruned have cost by {', '.join(lost)} would be lost: name "
            f"{'it' if len(lost) == 1 else 'them'} in LLMCOST_DIMENSIONS again, or begin a new ledger."
        )
    for one in config.catalog.budgets(ledger.outbox.set_limits(), utc_now()):
        unknown = [name for name, _ in one.budget.where if name not in dimensions]
        if unknown and one.set_limit is not None:
            raise LedgerError(
                f"The {one.budget.window} limit of {one.budget.feature} that was set in Slack is for runs of one "
                f"{unknown[0]}: name {unknown[0]} in LLMCOST_DIMENSIONS again. Whoever wants to go without it changes "
                "the limit first."
            )


def open_to_answer(settings: Settings, config: Config) -> Ledger:
    """The ledger that is there. Raises LedgerError if there is none, or if it is counted by other settings than those
    by which people ask: whatever has another name since would have cost nothing."""
    ledger = open_to_read(settings)
    try:
        check_kept_by(ledger, settings, config)
    except BaseException:
        ledger.close()
        raise
    return ledger


def check_kept_by(ledger: Ledger, settings: Settings, config: Config) -> None:
    """Raises LedgerError if a ledger is counted by other settings than these."""
    attribution = config.catalog.attribution(settings.feature_keys)
    ledger.check_rules(attribution, settings.dimensions, settings.timezone)


def open_to_read(settings: Settings) -> Ledger:
    """The ledger that is there. Raises LedgerError if there is none, or if its days are those of another zone."""
    ledger = open_ledger(settings.database_url, create=False)
    try:
        ledger.check_zone(settings.timezone)
    except BaseException:
        ledger.close()
        raise
    return ledger
