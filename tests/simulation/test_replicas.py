"""Stories of three processes on one ledger, of which some are paused in the middle of their work and wake up late."""

from pathlib import Path

import pytest

from bot.ledger.store import Ledger
from tests.ledgers import emptied
from tests.simulation.laws import broken_laws
from tests.simulation.replicas import Replicas
from tests.simulation.trace import ZONES

pytestmark = pytest.mark.each_database

STORIES, STEPS = 5, 40
MANY = 300


def tell(reused: Ledger, seed: int, folder: Path, steps: int) -> Replicas:
    town = Replicas(emptied(reused), seed, folder, ZONES)
    town.run(steps)
    return town


@pytest.mark.parametrize("seed", range(STORIES))
def test_whoever_is_paused_and_wakes_up_late_nothing_is_said_twice_and_nothing_is_lost(
    seed: int, reused: Ledger, tmp_path: Path
) -> None:
    assert broken_laws(tell(reused, seed, tmp_path, STEPS)) == []


def test_some_of_those_who_wake_up_late_are_refused(reused: Ledger, tmp_path: Path) -> None:
    """Or the stories would prove nothing."""
    assert sum(tell(reused, seed, tmp_path, STEPS).refused for seed in (1, 2, 3)) > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1_000, 1_000 + MANY))
def test_many_stories_of_replicas(seed: int, reused: Ledger, tmp_path: Path) -> None:
    assert broken_laws(tell(reused, seed, tmp_path, 120)) == []
