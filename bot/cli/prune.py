"""`llmcost prune`: let go of old runs."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.cli.outcome import show, tell
from bot.domain.period import first_instant, local_day
from bot.errors import LedgerError, UsageError
from bot.ledger.booking import microseconds
from bot.ledger.store import Ledger, Reading
from bot.render.numbers import day, plural

# Two whole months: no budget that runs or has just ended, and nothing that LangSmith may still change, is older.
LEAST = timedelta(days=62)
MOST = timedelta(days=3_660)


def run_prune(keep: str, *, dry_run: bool) -> None:
    """Delete the runs that are older than that, give their room back to the disk, and say how much it was. Raises
    UsageError if that is too short a time, LedgerError if days would go that are not settled."""
    from bot.app.ledgers import open_to_read, utc_now
    from bot.settings import load_settings

    settings = load_settings()
    before = first_kept(keep, utc_now(), settings.timezone)
    ledger = open_to_read(settings)
    try:
        ledger.read(lambda reading: _check_settled(reading, before, settings.timezone))
        old, held = ledger.read(lambda reading: reading.count_old(before, settings.timezone))
        if dry_run:
            show(f"{plural(old, 'run')} of {held:,} began before {day(before)} and would go. Nothing was deleted.")
            return
        was = ledger.health()
        gone = ledger.prune(before, settings.timezone)
        is_smaller = ledger.shrink()
        size = ledger.health().size
    finally:
        ledger.close()
    show(f"{plural(gone, 'run')} from before {day(before)} deleted. Every day's figures are kept.")
    if was.free is None:
        show("PostgreSQL gives their room to new runs, in its own time.")
    else:
        show(f"The ledger has {size / 1e6:,.1f} MB, {was.size / 1e6:,.1f} MB before.")
        if not is_smaller:
            tell("Others were at the ledger, so that not all room was given back: prune again once they are not.")


def tell_pruned(ledger: Ledger, since: int, then: str) -> None:
    """Say what pruning means for what was just done to runs from `since` on (microseconds since 1970 UTC)."""
    gone = ledger.read(Reading.pruned)
    if gone is not None and since < gone.start:
        tell(f"The runs before {day(gone.day)} were pruned: {then}")


def _check_settled(reading: Reading, before: date, zone: ZoneInfo) -> None:
    """What may still change, or has not been read, must not be left out for ever."""
    start = microseconds(first_instant(before, zone))
    for project in reading.projects(selected_only=True):
        settled = project.settled_through
        is_old = project.covered_from is not None and project.covered_from < start
        if is_old and (settled is None or settled < before.toordinal() - 1):
            far = f"only through {day(date.fromordinal(settled))}" if settled is not None else "for no day yet"
            raise LedgerError(
                f"Not all days before {day(before)} are settled ({project.name}: {far}), so nothing was deleted: "
                "run `llmcost sync`, or keep more."
            )


def first_kept(keep: str, now: datetime, zone: ZoneInfo) -> date:
    """The first day whose runs are kept, with so long a time (`90d`). Raises UsageError if it is none, or too short."""
    from bot.settings.duration import duration

    try:
        return local_day(now - duration(keep, at_least=LEAST, at_most=MOST), zone)
    except ValueError as error:
        raise UsageError(f"--keep-runs: {error}") from None
