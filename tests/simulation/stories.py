"""Stories, told and judged one after another."""

import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.ledgers import emptied, new_ledger
from tests.simulation.laws import judge
from tests.simulation.town import METHODS, Town, faults_of
from tests.standins.slack_fake import Fault
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
    faults = Counter({_name(method, fault): 0 for method in METHODS for fault in faults_of(method)})
    for (method, fault), times in town.slack.faults.items():
        faults[_name(method, fault)] += times
    return Hit(town.crashes, faults)


def _name(method: str, fault: Fault) -> str:
    return f"{method}: {fault.code or ('lost after' if fault.accepted else 'lost before')}"
