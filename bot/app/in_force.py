"""llmcost.toml while the bot runs."""

import logging
from collections.abc import Sequence
from datetime import datetime

from bot.app.ledgers import build_rules
from bot.domain.catalog import Catalog
from bot.ingest.sync import Sync
from bot.ledger.booking import Rules
from bot.ledger.lease import SYNC
from bot.ledger.store import Ledger
from bot.pricing.override import Override
from bot.settings import Config, Settings

_log = logging.getLogger(__name__)


class InForce:
    """What llmcost.toml says, for everybody who asks while the bot runs: exchanged as a whole when the file changes."""

    def __init__(self, settings: Settings, config: Config, ledger: Ledger, sync: Sync) -> None:
        self._settings = settings
        self._config = config
        self._ledger = ledger
        self._sync = sync

    @property
    def catalog(self) -> Catalog:
        """The features and rules as they are now."""
        return self._config.catalog

    @property
    def overrides(self) -> Sequence[Override]:
        """The own prices as they are now."""
        return self._config.overrides

    @property
    def rules(self) -> Rules:
        """By what runs are booked now."""
        return build_rules(self._settings, self._config)

    def adopt(self, config: Config, now: datetime) -> None:
        """Bring another content of the file into force. If runs belong to other features then, the ledger is recounted,
        between two syncs: raises LedgerBusyError while one is running."""
        if config == self._config:
            return
        rules, zone = build_rules(self._settings, config), self._settings.timezone
        if self._ledger.is_kept_by(rules, zone):
            self._sync.follow(rules)
            self._config = config
            _log.info("%s has changed and is in force", self._settings.config_file)
            return
        with self._ledger.lease(SYNC, now):
            self._ledger.keep_rules(rules, zone)
            self._sync.follow(rules)
            self._config = config
        _log.info("%s has changed and is in force; the ledger was recounted", self._settings.config_file)
