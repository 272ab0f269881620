"""A story is its seed's: whoever sees one go wrong can tell it again."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.ledgers import emptied, new_ledger
from tests.simulation.replicas import Replicas
from tests.simulation.town import Town
from tests.simulation.trace import ZONES, trace
from tests.unit.zones import NASTY

REPLICA_STEPS = 20


def _apart(*arguments: str, hash_seed: str) -> list[str]:
    """What a process of its own prints, whose sets are in another order."""
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "tests.simulation.trace", *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ, cwd=root)
    return done.stdout.splitlines()


@pytest.mark.parametrize("seed", [5, 11])
def test_the_same_seed_tells_the_same_story(seed: int, tmp_path: Path) -> None:
    """In one process after another story, and in another process; with digests (5) and without."""
    with closing(new_ledger()) as ledger:
        told = []
        for one in (seed, seed + 1, seed):
            town = Town(emptied(ledger), one, tmp_path, NASTY)
            town.run(10)
            told.append(trace(town))
    assert told[0] == told[2]
    assert _apart(str(seed), hash_seed="1") == _apart(str(seed), hash_seed="2") == told[0]
    assert told[0] != told[1], "another seed tells another one"


@pytest.mark.each_database
def test_so_it_does_with_several_processes_on_one_ledger(tmp_path: Path) -> None:
    with closing(new_ledger()) as ledger:
        told = []
        for one in (3, 4, 3):
            town = Replicas(emptied(ledger), one, tmp_path, ZONES)
            town.run(REPLICA_STEPS)
            told.append(trace(town))
    assert told[0] == told[2] != told[1]
