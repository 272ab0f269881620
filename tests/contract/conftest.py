"""One ledger for a whole module, emptied again and again: to make one takes longer than most tests. Who closes it,
changes its tables or shares it with threads makes one of their own."""

from collections.abc import Iterator

import pytest

from bot.ledger.store import Ledger
from tests.ledgers import emptied, new_ledger


@pytest.fixture(scope="module")
def reused() -> Iterator[Ledger]:
    """The module's ledger as it was left: properties empty it before each example."""
    ledger = new_ledger()
    yield ledger
    ledger.close()


@pytest.fixture
def ledger(reused: Ledger) -> Ledger:
    """The module's ledger, empty."""
    return emptied(reused)
