"""For all tests: a busy machine must not turn a property red; ledgers are in the database that was asked for; and there
is one for a whole module, emptied again and again: to make one takes longer than most tests. Who closes it, changes its
tables or shares it with threads makes one of their own."""

import gc
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from bot.ledger.store import Ledger
from tests import databases
from tests.ledgers import emptied, new_ledger

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

EXAMPLES = 8
GARBAGE = (20_000, 20, 20)  # Python's own are 700, 10, 10


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=(databases.SQLITE, databases.POSTGRESQL),
        default=databases.SQLITE,
        help="Where ledgers are kept; with postgresql the tests that are marked `each_database` run, and no others.",
    )


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts what it puts into the background deaf to Ctrl-C, and so would be every process that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    databases.choose(config.getoption("--database"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # Every module and every collected test stays to the end: to look for garbage among them, again and again, took a
    # sixth of the time of all tests.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        gc.enable()


def pytest_unconfigure() -> None:
    databases.stop_cluster()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if databases.is_postgresql():
        others = [
            item
            for item in items
            if item.get_closest_marker("each_database") is None or item.get_closest_marker("sqlite") is not None
        ]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in set(others)]
        for item in items:
            _shorten(item)


def _shorten(item: pytest.Item) -> None:
    """A property that was held to hundreds of examples already is held to a few more where each takes far longer."""
    test = getattr(item, "obj", None)
    said = getattr(test, "_hypothesis_internal_use_settings", None)
    if test is not None and said is not None and said.max_examples > EXAMPLES:
        test._hypothesis_internal_use_settings = settings(said, max_examples=EXAMPLES)


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
