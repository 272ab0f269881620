"""What people set: variables (environment.py) and llmcost.toml (catalog_file.py). Seen by the composition root and the
command line alone; everyone else is handed plain values."""

from bot.settings.catalog_file import Config
from bot.settings.environment import Settings
from bot.settings.load import Examined, examine, load, load_config, load_settings, read_file, understand
from bot.settings.needs import Need
from bot.settings.place import with_lines

__all__ = [
    "Config",
    "Examined",
    "Need",
    "Settings",
    "examine",
    "load",
    "load_config",
    "load_settings",
    "read_file",
    "understand",
    "with_lines",
]
