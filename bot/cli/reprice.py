"""`llmcost reprice` and `llmcost reattribute`: what would change first, and only then, if it is wanted, the change."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from bot.cli.outcome import show, tell
from bot.cli.prune import tell_pruned
from bot.cli.sync import since_day
from bot.domain.period import FIRST_DAY, first_instant
from bot.errors import LedgerError, UsageError
from bot.ledger.booking import Rules, microseconds
from bot.ledger.lease import SYNC
from bot.ledger.repricing import Movement, Place, Wanted
from bot.ledger.store import Ledger
from bot.render.moved import moved_text, repriced_headline
from bot.render.numbers import clock, count, plural

if TYPE_CHECKING:
    from bot.settings import Config, Settings

_KEPT = "their days keep their costs."


def run_reprice(since: str | None, *, apply: bool, undo: bool) -> None:
    """Print what changes by feature and model; with `apply` book it, with `undo` take the last change back. Raises
    UsageError if what is wanted is not clear, LedgerBusyError while a sync is running."""
    from bot.app.ledgers import utc_now

    if undo and (apply or since is not None):
        raise UsageError("--undo takes the last change back, all of it: leave out --since and --apply.")
    if not undo and since is None:
        raise UsageError("Say from when on: --since 30d, or --since 2026-11-01.")
    now = utc_now()
    with _opened() as (settings, _, ledger, rules):
        if undo:
            _undo(settings, ledger, rules, now)
            return
        # All that the ledger holds can be priced, whatever LangSmith still has.
        start = first_instant(max(since_day(since or "", now, settings.timezone), FIRST_DAY), settings.timezone)
        wanted = Wanted(microseconds(start))
        if not apply:
            rows = ledger.repricing(rules, wanted).rows()
            show(moved_text(rows, repriced_headline(rows, done=False)))
            if rows:
                tell("Nothing has been changed; --apply does it.")
            tell_pruned(ledger, wanted.since, _KEPT)
            return
        _hold_to(ledger, rules, settings)
        moved = Movement()
        with ledger.lease(SYNC, now) as lease:
            change = ledger.begin_repricing(lease, now, who(), wanted.since)
            place: Place | None = Place()
            while place is not None:
                place = ledger.reprice_next(lease, utc_now(), change, rules, wanted, place, moved)
        rows = moved.rows()
        show(moved_text(rows, repriced_headline(rows, done=True)))
        if rows:
            tell("`llmcost reprice --undo` takes it back.")
        tell_pruned(ledger, wanted.since, _KEPT)


def run_reattribute(*, apply: bool) -> None:
    """Print which cost would belong to other features; with `apply` count it so. Raises LedgerBusyError while a sync is
    running."""
    from bot.app.ledgers import check_dimensions, utc_now

    with _opened() as (settings, config, ledger, rules):
        rows = ledger.reattribution(rules).rows()
        if not rows:
            show("Every run belongs to the feature that llmcost.toml gives it.")
        else:
            what = "by llmcost.toml as it is now; totals stay."
            show(moved_text(rows, f"Cost belongs to other features {what}"))
        if apply:
            check_dimensions(ledger, config, rules.dimensions)
            with ledger.lease(SYNC, utc_now()):
                ledger.keep_rules(rules, settings.timezone)
        elif rows:
            tell("Nothing has been changed; --apply does it, as the next sync would.")
        tell_pruned(ledger, 0, "their days stay under the features that they had, but for renamed ones.")


def _undo(settings: "Settings", ledger: Ledger, rules: Rules, now: datetime) -> None:
    from bot.app.ledgers import utc_now
    from bot.ledger.booking import instant

    last = ledger.last_repricing()
    if last is None:
        raise LedgerError("No change of prices is left to take back.")
    _hold_to(ledger, rules, settings)
    moved, left = Movement(), 0
    with ledger.lease(SYNC, now) as lease:
        after: bytes | None = b""
        while after is not None:
            skipped, after = ledger.undo_repricing_next(lease, utc_now(), last.id, rules, who(), after, moved)
            left += skipped
    rows = moved.rows()
    when = clock(instant(last.at).astimezone(settings.timezone))
    show(moved_text(rows, f"The change of {when} by {last.by} is taken back. {repriced_headline(rows, done=True)}"))
    if left:
        tell(f"{plural(left, 'run')} of {count(last.runs)} stand otherwise since then, and stay so.")
    tell_pruned(ledger, last.since, _KEPT)


@contextmanager
def _opened() -> Iterator[tuple["Settings", "Config", Ledger, Rules]]:
    """The ledger that is there, as it is, and the rules of now."""
    from bot.app.ledgers import build_rules, open_to_read
    from bot.settings import load

    settings, config = load()
    ledger = open_to_read(settings)
    try:
        yield settings, config, ledger, build_rules(settings, config)
    finally:
        ledger.close()


def _hold_to(ledger: Ledger, rules: Rules, settings: "Settings") -> None:
    """Only prices shall change: raises UsageError if features would, too."""
    if not ledger.is_kept_by(rules, settings.timezone):
        raise UsageError("llmcost.toml or the settings count runs otherwise by now: `llmcost reattribute` says how.")
    ledger.keep_rules(rules, settings.timezone)


def who() -> str:
    """Who is at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "llmcost"
