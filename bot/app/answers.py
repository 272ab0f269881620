"""Who answers, by the settings."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from bot.app.ledgers import utc_now
from bot.domain.catalog import Catalog
from bot.ledger.booking import microseconds
from bot.ledger.store import Ledger
from bot.pricing.override import Override
from bot.reports.reporter import Reporter
from bot.reports.watch import patience
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.domain.cost import SecondOpinion
    from bot.ingest.langsmith import LangSmith
    from bot.reports.digest_reporter import DigestReporter
    from bot.reports.verification import Counterpart

# LangSmith answers a question of at most 401 days, and keeps nothing for longer than 400.
LOOK_BACK = timedelta(days=400)
# Clocks differ.
LOOK_AHEAD = timedelta(hours=1)


class HasCatalog(Protocol):
    """What llmcost.toml says: as it was read, or as it is at any time."""

    @property
    def catalog(self) -> Catalog:
        """The features and rules."""
        ...


class HasPrices(HasCatalog, Protocol):
    """What llmcost.toml says of prices, too."""

    @property
    def overrides(self) -> Sequence[Override]:
        """The own prices."""
        ...


def build_reporter(
    settings: Settings,
    config: HasPrices,
    ledger: Ledger,
    *,
    source: "Callable[[], LangSmith] | None" = None,
    counterpart: "Callable[[], Counterpart] | None" = None,
    clock: Callable[[], datetime] = utc_now,
) -> Reporter:
    """Who answers questions from the ledger. `source` gives LangSmith, to be asked for the trace of a run that the
    ledger does not hold, and `counterpart` its side of `verify`; neither is called unless it is needed."""

    def look_up(run_id: bytes, projects: Sequence[bytes]) -> bytes | None:
        now = clock()
        found_in = microseconds(now - LOOK_BACK), microseconds(now + LOOK_AHEAD)
        return source().trace_of(projects, run_id, *found_in) if source is not None else None

    def second_opinion() -> "SecondOpinion":
        from bot.pricing.pricer import Pricer

        return Pricer(config.overrides, settings.timezone).second_opinion

    return Reporter(
        ledger,
        lambda: config.catalog,
        settings.dimensions,
        settings.timezone,
        settings.week_start,
        counterpart=counterpart,
        wide_keys=settings.wide_keys,
        look_up=look_up if source is not None else None,
        second_opinion=second_opinion,
        patience=patience(settings.sync_every),
    )


def build_digest_reporter(settings: Settings, config: HasCatalog, ledger: Ledger) -> "DigestReporter":
    """Who makes digests from the ledger."""
    from bot.reports.digest_reporter import DigestReporter

    return DigestReporter(
        ledger, lambda: config.catalog, settings.timezone, settings.week_start, patience(settings.sync_every)
    )
