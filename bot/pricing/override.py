"""`[[prices]]` of llmcost.toml: what the organisation really pays."""

from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import NamedTuple

from bot.pricing.names import without_path


class Rates(NamedTuple):
    """US dollars per million tokens. A kind without a rate of its own is charged like input."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None  # None: like `cache_write`


class Override(NamedTuple):
    """One entry: exactly one of `rates`, `discount` and `free` is given.

    `provider` and `model` are globs, compared without case; None fits everything, a run without a model included.
    `since` is a local date: the entry applies to runs that start on it or later; None: always.
    """

    provider: str | None = None
    model: str | None = None
    since: date | None = None
    rates: Rates | None = None
    discount: Decimal | None = None  # percent off what the run would cost otherwise
    free: bool = False

    def fits(self, provider: str | None, model: str | None) -> bool:
        """Whether both globs match. A model is tried as given and without a `provider/` or `models/` before it."""
        given = _plain(model)
        return (self.provider is None or _match(_plain(provider), self.provider)) and (
            self.model is None or _match(given, self.model) or _match(without_path(given), self.model)
        )

    @property
    def reference(self) -> str:
        """How the entry is called where a cost is explained: `override since 2026-11-01 openai/gpt-4o*`."""
        since = "" if self.since is None else f" since {self.since}"
        return f"override{since} {self.provider or '*'}/{self.model or '*'}"


def _plain(name: str | None) -> str:
    return "" if name is None else name.strip().lower()


def _match(name: str, glob: str) -> bool:
    return fnmatchcase(name, glob.strip().lower())
