"""What `llmcost prune` gives back, and how long it takes: of DAYS days of runs KEPT are kept."""

import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.period import Span, local_day
from bot.ledger.store import Ledger
from tests.bench.ledger import NOW, filled_ledger

DAYS, KEPT = 400, 90


class Pruned(NamedTuple):
    """Bytes of the ledger's file before and after, runs that went, and the seconds of deleting them and of giving their
    room back."""

    before: int
    after: int
    gone: int
    deleting: float
    shrinking: float


def measure(runs: int) -> Pruned:
    """Prune a ledger of so many runs. Every day's figures must stay."""
    with TemporaryDirectory(prefix="llmcost-bench-") as name, filled_ledger(Path(name), runs, DAYS) as made:
        zone = made.settings.timezone
        before, figures = made.file.stat().st_size, _figures(made.ledger, zone)
        began = time.perf_counter()
        gone = made.ledger.prune(local_day(NOW, zone) - timedelta(days=KEPT), zone)
        deleted = time.perf_counter()
        if not made.ledger.shrink():
            raise SystemExit("the room was not given back")
        ended = time.perf_counter()
        if _figures(made.ledger, zone) != figures:
            raise SystemExit("pruning has changed figures")
        return Pruned(before, made.file.stat().st_size, gone, deleted - began, ended - deleted)


def described(runs: int, found: Pruned) -> str:
    """What was measured, in a paragraph."""
    before, after, back = found.before / 1e6, found.after / 1e6, (found.before - found.after) / found.gone
    return (
        f"`llmcost prune` of {found.gone:,} of {runs:,} runs ({KEPT} of {DAYS} days kept): {before:,.1f} MB before "
        f"({found.before / runs:.0f} bytes a run, rollups included), {after:,.1f} MB after: {back:.0f} bytes given "
        f"back for each; {found.deleting:.1f} s, and {found.shrinking:.1f} s to give the room back."
    )


def _figures(ledger: Ledger, zone: ZoneInfo) -> object:
    """Every day's, and those of every feature and model."""
    today = local_day(NOW, zone)
    span = Span(today - timedelta(days=DAYS), today + timedelta(days=1), zone)
    with ledger.reading() as reading:
        return reading.by_day(span), reading.by_value(span, "feature"), reading.by_value(span, "model")
