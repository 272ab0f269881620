"""What people set: variables (environment.py) and llmcost.toml (catalog_file.py). Seen by the composition root and the
command line alone; everyone else is handed plain values."""

from bot.settings.catalog_file import Config
from bot.settings.environment import Settings
from bot.settings.load import load, load_config, load_settings
from bot.settings.needs import Need

__all__ = ["Config", "Need", "Settings", "load", "load_config", "load_settings"]
