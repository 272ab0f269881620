"""Stories, told and judged one after another."""

import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.ledgers import emptied, new_ledger
from tests.simulation.laws import broken_laws
from tests.simulation.points import CRASH_POINTS, TROUBLES
from tests.simulation.town import Town
from tests.unit.zones import NASTY

STEPS = 10


@dataclass
class Hit:
    """How often each crash point and each fault was hit; 0 for those that never were. `broken` are the laws that were,
    with the seed and the time zone of the story."""

    crashes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Hit") -> None:
        """Those of other stories too."""
        self.crashes.update(other.crashes)
        self.faults.update(other.faults)
        self.broken += other.broken


def tell(seeds: Iterable[int]) -> Hit:
    """Tell the stories of these seeds. What a story raises names its seed."""
    hit = Hit()
    with tempfile.TemporaryDirectory() as folder, closing(new_ledger()) as ledger:
        for seed in seeds:
            town = Town(emptied(ledger), seed, Path(folder), NASTY)
            which = f"in story {seed}, in {town.zone}"
            try:
                town.run(STEPS)
                broken = broken_laws(town)
            except Exception as error:
                error.add_note(which)
                raise
            hit.add(_hit(town))
            hit.broken += [f"{law}: not {which}" for law in broken]
    return hit


def _hit(town: Town) -> Hit:
    crashes, faults = Counter(dict.fromkeys(CRASH_POINTS, 0)), Counter(dict.fromkeys(TROUBLES, 0))
    crashes.update(town.crashes)
    faults.update(f"{one.method}: {one.what}" for one in town.slack.troubles)
    return Hit(crashes, faults)
