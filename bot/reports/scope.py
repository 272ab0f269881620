"""What a digest is about: all runs, or those of some features together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import reduce

from bot.domain.catalog import TOTAL, WITHOUT_FEATURE
from bot.domain.feature import UNTAGGED, UNTAGGED_NAME
from bot.domain.period import Span
from bot.ledger.figures import NOTHING, Figures
from bot.ledger.store import Reading
from bot.reports.answers import Coverage
from bot.reports.covering import Extent
from bot.reports.parts import coverage_of


@dataclass(frozen=True, slots=True)
class Scope:
    """One state of the ledger, seen through `features` as llmcost.toml names them; None for all runs."""

    reading: Reading
    features: tuple[str, ...] | None

    def total(self, span: Span) -> Figures:
        """The figures of all that it is about. Features may share traces: their number is an upper bound."""
        if self.features is None:
            return self.reading.total(span)
        return reduce(Figures.plus, (self.reading.total(span, stored(name)) for name in self.features), NOTHING)

    def by_feature(self, span: Span) -> dict[str, Figures]:
        """The figures of each feature with runs, by the name that people read."""
        if self.features is None:
            found = self.reading.by_value(span, "feature")
            return {name or UNTAGGED_NAME: figures for name, figures in found.items()}
        each = {name: self.reading.total(span, stored(name)) for name in self.features}
        return {name: figures for name, figures in each.items() if figures.runs}

    def newcomers(self, span: Span, dimension: str) -> list[tuple[str, Figures]]:
        """The values of a dimension that have runs in a span and none before it, by the name that people read."""
        found = self._by_value(span, dimension)
        features = (None,) if self.features is None else tuple(map(stored, self.features))
        seen = set().union(*(self.reading.values_before(span.first, dimension, feature) for feature in features))
        names = {str(project.key): project.name for project in self.reading.projects()}
        return [
            (names[value] if dimension == "project" else value, figures)
            for value, figures in found.items()
            if value and value not in seen
        ]

    def coverage(self, span: Span, known: Extent, now: datetime) -> Coverage:
        """What the figures of a span rest on; untagged runs are none of a feature's."""
        total = self.total(span)
        if self.features is None:
            return coverage_of(self.reading, span, known, now, total, None)
        each = [coverage_of(self.reading, span, known, now, total, stored(name)) for name in self.features]
        return replace(
            each[0],
            pending_runs=sum(one.pending_runs for one in each),
            unfinished_runs=sum(one.unfinished_runs for one in each),
            untagged_runs=0,
            untagged_cost=Decimal(0),
        )

    def _by_value(self, span: Span, dimension: str) -> Mapping[str, Figures]:
        if self.features is None:
            return self.reading.by_value(span, dimension)
        added: dict[str, Figures] = {}
        for name in self.features:
            for value, figures in self.reading.by_value(span, dimension, stored(name)).items():
                added[value] = added.get(value, NOTHING).plus(figures)
        return added


def stored(feature: str) -> str | None:
    """How the ledger knows what llmcost.toml calls a feature: None for all runs together."""
    if feature == TOTAL:
        return None
    return UNTAGGED if feature == WITHOUT_FEATURE else feature
