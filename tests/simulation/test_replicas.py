"""Stories of three processes on one ledger, of which some are paused in the middle of their work and wake up late."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.ledger.store import Ledger
from tests.ledgers import emptied, new_ledger
from tests.simulation.laws import broken_laws
from tests.simulation.replicas import Replicas
from tests.simulation.trace import ZONES

pytestmark = pytest.mark.each_database

STORIES, STEPS = 5, 40
MANY = 300


@pytest.fixture(scope="module")
def shared() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


def tell(shared: Ledger, seed: int, folder: Path, steps: int) -> Replicas:
    town = Replicas(emptied(shared), seed, folder, ZONES)
    town.run(steps)
    return town


@pytest.mark.parametrize("seed", range(STORIES))
def test_whoever_is_paused_and_wakes_up_late_nothing_is_said_twice_and_nothing_is_lost(
    seed: int, shared: Ledger, tmp_path: Path
) -> None:
    assert broken_laws(tell(shared, seed, tmp_path, STEPS)) == []


def test_some_of_those_who_wake_up_late_are_refused(shared: Ledger, tmp_path: Path) -> None:
    """Or the stories would prove nothing."""
    assert sum(tell(shared, seed, tmp_path, STEPS).refused for seed in (1, 2, 3)) > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1_000, 1_000 + MANY))
def test_many_stories_of_replicas(seed: int, shared: Ledger, tmp_path: Path) -> None:
    assert broken_laws(tell(shared, seed, tmp_path, 120)) == []
