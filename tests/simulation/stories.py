"""Stories, told and judged one after another."""

import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.ledgers import emptied, new_ledger
from tests.simulation.laws import judge
from tests.simulation.points import CRASH_POINTS, TROUBLES
from tests.simulation.town import Town
from tests.unit.zones import NASTY

STEPS = 10


@dataclass
class Hit:
    """How often each crash point and each fault was hit; 0 for those that never were."""

    crashes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Hit") -> None:
        """Those of other stories too."""
        self.crashes.update(other.crashes)
        self.faults.update(other.faults)


def tell(seeds: Iterable[int]) -> Hit:
    """Tell the stories of these seeds. Raises AssertionError, with the seed, where one breaks a law."""
    hit = Hit()
    with tempfile.TemporaryDirectory() as folder, closing(new_ledger()) as ledger:
        for seed in seeds:
            town = Town(emptied(ledger), seed, Path(folder), NASTY)
            try:
                town.run(STEPS)
                judge(town)
            except Exception as error:
                error.add_note(f"in story {seed}, in {town.zone}")
                raise
            hit.add(_hit(town))
    return hit


def _hit(town: Town) -> Hit:
    crashes, faults = Counter(dict.fromkeys(CRASH_POINTS, 0)), Counter(dict.fromkeys(TROUBLES, 0))
    crashes.update(town.crashes)
    faults.update(f"{one.method}: {one.what}" for one in town.slack.troubles)
    return Hit(crashes, faults)
