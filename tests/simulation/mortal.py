"""A process that may die at any call, and a Slack that others use meanwhile."""

import random
from collections.abc import Callable
from typing import Any

from tests.contract.test_post_office_faults import Unlucky

# At which calls it is worth dying how often: seldom at what every tick asks for, whatever is going on; the more often,
# the fewer stories they are called in.
_EACH_TICK = dict.fromkeys(("mark", "set_limits", "every_limit", "recent_events", "snoozed", "stale", "claim_next"), 1)
_COMMON = dict.fromkeys(("set_mark", "overtaken", "deliveries_of", "person", "event"), 3)
_SELDOM = dict.fromkeys(("undeliverable", "update", "record_look", "record_unconfirmed", "change"), 20)
_RARE = dict.fromkeys(("members", "record_refused", "record_postponed", "record_changed", "give_up", "upload"), 40)
_HARDLY_EVER = dict.fromkeys(("permalink", "withdraw"), 100)
_HOW_OFTEN = _EACH_TICK | _COMMON | _SELDOM | _RARE | _HARDLY_EVER
_ELSE = 8
_BESIDE = 0.05


class Mortal(Unlucky):
    """Calls at which the process may die, those that matter most the most."""

    def chance(self, name: str) -> float:
        return self._often * _HOW_OFTEN.get(name, _ELSE)


class Shared:
    """A Slack that other processes use, too: while it answers, another post office may be at work."""

    def __init__(self, inner: Any, luck: random.Random, beside: Callable[[], None]) -> None:
        self._inner, self._luck, self._beside = inner, luck, beside

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if self._luck.random() < _BESIDE:
                self._beside()
            return getattr(self._inner, name)(*arguments, **named)

        return call
