"""Running checks: each by itself, none for longer than there is time, all at once."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bot.errors import LlmcostError
from bot.reports.findings import Finding, Verdict

SECONDS = 20.0

_log = logging.getLogger(__name__)


class Check(NamedTuple):
    """Something to look at, and how. `look` may raise anything, or hang."""

    name: str
    look: Callable[[], Finding]


def examine(checks: Sequence[Check], seconds: float = SECONDS) -> list[Finding]:
    """What the checks find, in their order, after `seconds` at most. One that fails or hangs is broken, and the others
    are not."""
    found: list[Finding | None] = [None] * len(checks)

    def look(place: int, check: Check) -> None:
        found[place] = _look(check)

    # Nothing can end a thread that hangs; it must not keep the process alive.
    threads = [
        threading.Thread(target=look, args=(place, check), name=f"doctor: {check.name}", daemon=True)
        for place, check in enumerate(checks)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    return [finding or _hangs(check, seconds) for check, finding in zip(checks, list(found), strict=True)]


def _hangs(check: Check, seconds: float) -> Finding:
    return Finding(
        check.name, Verdict.BROKEN, f"There was no answer within {seconds:g} s.", "Try again; is the network all right?"
    )


def _look(check: Check) -> Finding:
    try:
        return check.look()
    except LlmcostError as error:
        return Finding(check.name, Verdict.BROKEN, str(error))
    except Exception as error:  # noqa: BLE001 - a check that fails is a finding, and its bug is in the log
        _log.exception("the check of %s failed", check.name)
        # Its text could quote anything.
        return Finding(check.name, Verdict.BROKEN, f"The check itself failed ({type(error).__name__}).", "See the log.")
