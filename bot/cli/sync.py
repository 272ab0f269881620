"""`llmcost sync`: read LangSmith once."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from bot.cli.outcome import FAILED, log_to_stderr, show, tell
from bot.domain.period import first_instant, local_day
from bot.errors import UsageError
from bot.ingest.summary import Progress, SyncSummary
from bot.render.names import plain
from bot.render.numbers import plural

if TYPE_CHECKING:
    from bot.ledger.booking import Rules
    from bot.ledger.store import Ledger
    from bot.settings import Settings

# LangSmith's extended retention; what is older is gone from it.
FURTHEST_BACK = timedelta(days=400)


def run_sync(since: str | None, *, verbose: bool) -> None:
    """Read what is due, or everything since then, with a progress bar on a terminal. Exits with 1 if a part failed."""
    from bot.app.ledgers import build_rules, open_to_write, utc_now
    from bot.settings import Need, load

    settings, config = load(Need.LANGSMITH)
    log_to_stderr(verbose=verbose, form=settings.log_form)
    start = None if since is None else read_since(since, utc_now(), settings.timezone, settings.retention)
    rules = build_rules(settings, config)
    ledger = open_to_write(settings, config, rules)
    try:
        summary = read_langsmith(settings, ledger, rules, start)
    finally:
        ledger.close()
    show(summary_text(summary))
    if summary.gaps:
        tell(gap_text(settings.retention))
    for problem in summary.problems:
        tell(f"Problem: {plain(problem, 500)}")
    if summary.problems:
        raise typer.Exit(FAILED)


def read_langsmith(settings: "Settings", ledger: "Ledger", rules: "Rules", start: datetime | None) -> SyncSummary:
    """Read what is due, or everything since `start`, with a progress bar on a terminal."""
    from bot.app.source import build_sync

    sync, source = build_sync(settings, ledger, rules)
    try:
        with progress_bar() as progress:
            return sync.run(start, progress)
    finally:
        source.close()


def read_since(text: str, now: datetime, zone: ZoneInfo, kept: timedelta) -> datetime:
    """The beginning of the local day that `since_day` gives; or of the next, where LangSmith, which has `kept`
    everything for so long, may have forgotten a part of that one though only `14d` were asked for: there would be a
    gap. Raises UsageError, too, for a day of which LangSmith keeps nothing."""
    day, earliest = since_day(text, now, zone), local_day(now - FURTHEST_BACK, zone)
    if day < earliest:
        raise UsageError(f"--since {day} is before anything that LangSmith still has: it can be {earliest} at most.")
    length, start = _length(text), first_instant(day, zone)
    is_cut = length is not None and start < now - kept <= now - length
    return first_instant(day + timedelta(days=1), zone) if is_cut else start


def since_day(text: str, now: datetime, zone: ZoneInfo) -> date:
    """A date, or the local day that lies `30d` (or any duration) back from now. Raises UsageError if it is neither, or
    has not come yet."""
    length, today = _length(text), local_day(now, zone)
    day = date.fromisoformat(text) if length is None else local_day(now - length, zone)
    if day > today:
        raise UsageError(f"--since {day} has not come yet; today is {today}.")
    return day


def _length(text: str) -> timedelta | None:
    """A length of time; None for a date. Raises UsageError if it is neither."""
    from bot.settings.duration import duration

    with suppress(ValueError):
        date.fromisoformat(text)
        return None
    try:
        return duration(text, at_least=timedelta(seconds=1), at_most=timedelta(days=36_500))
    except ValueError:
        raise UsageError(f"--since takes a length of time like 30d, or a date like 2026-11-01, not {text!r}.") from None


def summary_text(summary: SyncSummary) -> str:
    """What a sync did, in a line."""
    booked = summary.booked
    parts = [
        f"{plural(booked.read, 'run')} read from {plural(summary.projects, 'project')}",
        f"{booked.new:,} new",
        f"{booked.changed:,} changed",
        f"{booked.unpriced:,} unpriced",
        f"{booked.untagged:,} untagged",
        plural(summary.gaps, "gap"),
        f"{summary.seconds:.1f} s",
    ]
    if summary.malformed:
        parts.insert(-1, f"{summary.malformed:,} unreadable")
    if summary.repeated:
        parts.insert(-1, f"{plural(summary.repeated, 'request')} repeated")
    return ", ".join(parts) + "."


def gap_text(retention: timedelta) -> str:
    """Why there are gaps, and what to do if there need be none."""
    kept = plural(retention.days, "day")
    return (
        f"What is older than {kept} was read as far as it is there, and is shown as a gap. If LangSmith keeps all of "
        "your traces for longer, set LLMCOST_RETENTION and read it again."
    )


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """Somebody to tell a sync's progress to: a bar on stderr if that is a terminal, else nobody."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),  # a name from outside is no markup
        BarColumn(),
        TextColumn("{task.fields[runs]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show_progress(progress: Progress) -> None:
            if progress.project not in tasks:
                tasks[progress.project] = bar.add_task(plain(progress.project, 40), runs="")
            runs = plural(progress.read, "run")
            bar.update(tasks[progress.project], completed=progress.done, total=progress.whole, runs=runs)

        yield show_progress
