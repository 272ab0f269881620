from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.sync.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with one project, acme-prod."""
    with World(tmp_path) as world:
        world.standin.add_project("acme-prod")
        yield world
