"""The laws see what is wrong: a bot that is handed a broken ledger or a broken Slack breaks one of them, in one of a
few stories that are fine without it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.ledger.deliveries import Kind, NewDelivery
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger
from bot.slack.api import RefusedError
from tests.ledgers import emptied
from tests.simulation.laws import broken_laws
from tests.simulation.stories import STEPS
from tests.simulation.town import Town
from tests.unit.zones import NASTY


class Broken:
    """Does what it stands before does, but for what its kinds do wrong."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Silent(Broken):
    """A Slack where nobody and nothing is known: nothing can be posted."""

    def _nobody(self, *_: str) -> Any:
        raise RefusedError("There is nobody.", "user_not_found", permanent=True)

    direct = channel = person = members = _nobody


class Forgetful(Broken):
    """A Slack that shows nothing that stands there: all that may have been sent is sent again."""

    def find(self, *_: Any) -> None:
        return None


class Announcing(Broken):
    """An outbox into which something else is written than was decided."""

    def announce(self, events: list[NewEvent], deliveries: list[NewDelivery], *rest: Any, **more: Any) -> Any:
        return self._inner.announce(*self._wrong(events, deliveries), *rest, **more)

    def _wrong(self, events: list[NewEvent], deliveries: list[NewDelivery]) -> tuple[list[NewEvent], list[NewDelivery]]:
        raise NotImplementedError


class Late(Announcing):
    """Digests may be sent from when they can be sent no more."""

    def _wrong(self, events: list[NewEvent], deliveries: list[NewDelivery]) -> tuple[list[NewEvent], list[NewDelivery]]:
        return events, [one._replace(not_before=one.expires) if one.kind is Kind.DIGEST else one for one in deliveries]


class Dropping(Announcing):
    """What is superseded from the start is not written down."""

    def _wrong(self, events: list[NewEvent], deliveries: list[NewDelivery]) -> tuple[list[NewEvent], list[NewDelivery]]:
        return [one for one in events if one.superseded_by is None], deliveries


def _nothing_is_sent(town: Town) -> None:
    town.bots_slack = Silent(town.slack)


def _nothing_is_found(town: Town) -> None:
    town.bots_slack = Forgetful(town.slack)


def _digests_are_late(town: Town) -> None:
    town.bots_outbox = Late(town.bots_outbox)


def _nothing_is_superseded(town: Town) -> None:
    town.bots_outbox = Dropping(town.bots_outbox)


# Which law each breaks, and in which of the stories to look.
MUTANTS: dict[Callable[[Town], None], tuple[str, range]] = {
    _nothing_is_sent: ("undeliverable is only what nobody of all could be told", range(1, 5)),
    _digests_are_late: ("too late is only what nobody could send", range(0, 20, 5)),
    _nothing_is_found: ("no key is seen twice where history is readable", range(1, 15)),
    _nothing_is_superseded: ("what need not be told any more is written down", range(1, 5)),
}


@pytest.mark.parametrize("mutate", MUTANTS, ids=lambda mutate: mutate.__name__.strip("_"))
def test_a_broken_bot_breaks_the_law_that_forbids_it(
    mutate: Callable[[Town], None], reused: Ledger, tmp_path: Path
) -> None:
    law, seeds = MUTANTS[mutate]
    assert any(law in _broken_by(mutate, seed, reused, tmp_path) for seed in seeds)


def _broken_by(mutate: Callable[[Town], None], seed: int, reused: Ledger, folder: Path) -> list[str]:
    town = Town(emptied(reused), seed, folder, NASTY)
    mutate(town)
    town.run(STEPS)
    return broken_laws(town)
