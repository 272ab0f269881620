"""The part of a sync that reads one project: what is new, what is read again, and runs that are waited for."""

import gc
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.domain.costing import CostMode
from bot.domain.run import Run, State
from bot.ingest.ahead import read_ahead
from bot.ingest.form import RawRun, RunForm
from bot.ingest.langsmith import LangSmith
from bot.ingest.plan import (
    FIRST_SLICE,
    UNFINISHED,
    Plan,
    Tier,
    cut,
    cut_backwards,
    next_length,
    plan,
    settled_by,
)
from bot.ingest.probe import ROOT_BEFORE, probe_cost_mode
from bot.ingest.reading import MalformedRunError, read_run
from bot.ingest.rootless import Rootless
from bot.ingest.selection import Selection
from bot.ingest.summary import Progress, SyncSummary
from bot.ledger.booking import Rules, instant, microseconds
from bot.ledger.coverage import ProjectRow
from bot.ledger.lease import Lease
from bot.ledger.pruning import Pruned
from bot.ledger.store import Ledger, Reading
from bot.ledger.trace_rows import Root

# How many runs that have not ended are looked up at one sync: a page, so that it costs one request a project.
MOST_OPEN_RUNS = 1_000
# How many runs wait for their traces' roots to be looked up together: a page, so that no transaction is longer.
MOST_ROOTLESS = 1_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is read and how."""

    selection: Selection
    run_types: tuple[str, ...]
    form: RunForm
    zone: ZoneInfo
    backfill: timedelta
    kept: timedelta  # how long LangSmith keeps everything


@dataclass(frozen=True, slots=True)
class Parts:
    """What reading takes, whichever project it is."""

    source: LangSmith
    ledger: Ledger
    rules: Rules
    scope: Scope
    clock: Callable[[], datetime]


@dataclass(slots=True)
class _Slice:
    """A stretch of time that is read page by page, and what came of it so far."""

    start: int
    end: int
    pages: int = 0
    rootless: Rootless = field(default_factory=Rootless)


class ProjectSync:
    """The part of a sync that reads one project."""

    def __init__(
        self,
        parts: Parts,
        lease: Lease,
        project: ProjectRow,
        summary: SyncSummary,
        progress: Callable[[Progress], None],
    ) -> None:
        self._source = parts.source
        self._ledger = parts.ledger
        self._rules = parts.rules
        self._scope = parts.scope
        self._clock = parts.clock
        self._lease = lease
        self._project = project
        self._summary = summary
        self._progress = progress
        self._length = FIRST_SLICE
        self._done = self._read_runs = 0
        self._changed_days: set[int] = set()
        self._nested: dict[bytes, int] = {}  # roots above a run with a cost, and when that run began
        self._probed = False
        self._has_gap = False
        self._malformed_said = False
        self.example: tuple[bytes, bytes] | None = None  # a run that was read, and its trace

    def run(self, since: datetime | None) -> None:
        """Read what is due, or everything from `since` on, and add it to the summary. Raises SourceError."""
        now = self._clock()
        gone = self._ledger.read(Reading.pruned)
        if gone is not None:
            self._skip_pruned(gone, since)
        before = self._project
        todo = plan(before, now, self._scope.zone, self._scope.backfill, since, kept=self._scope.kept)
        if gone is not None:
            todo = todo.not_before(gone.start)
        whole = todo.end - (todo.start if todo.backwards_to is None else todo.backwards_to)
        self._forwards(todo.fresh, todo.end, now, whole)
        self._forwards(todo.start, todo.fresh, now, whole)
        if todo.backwards_to is not None:
            self._backwards(todo.backwards_to, todo.start, now, whole)
        self._look_up_open_runs(todo, now)
        pending = self._ledger.oldest_pending(before, since=microseconds(now - UNFINISHED))
        settled = settled_by(before, todo, self._scope.zone, self._changed_days, pending)
        self._ledger.finish_reread(self._lease, self._clock(), before, todo.tiers, todo.end, settled)

    def _skip_pruned(self, gone: Pruned, since: datetime | None) -> None:
        """Nothing is read again that was let go of: it would not be booked. What was never read of it is a gap."""
        project = self._project
        is_behind = project.watermark is not None and project.watermark < gone.start
        if is_behind or (since is not None and microseconds(since) < gone.start):
            _log.warning("project %s is read from %s on: earlier runs were pruned", project.name, gone.day)
        if is_behind and project.watermark is not None:
            self._ledger.cover(self._lease, self._clock(), project, project.watermark, gone.start, expired=True)
            self._project = project._replace(watermark=gone.start)

    def _forwards(self, start: int, end: int, now: datetime, whole: int) -> None:
        def slices() -> Iterator[_Slice]:
            at = start
            while at < end:
                until = cut(at, end, self._length, now, self._scope.kept)
                yield _Slice(at, until)
                at = until

        self._read_slices(slices(), now, whole)

    def _backwards(self, start: int, end: int, now: datetime, whole: int) -> None:
        """Read what lies before all that was read: the newest first, so that what is covered stays in one piece."""

        def slices() -> Iterator[_Slice]:
            at = end
            while at > start:
                begin = cut_backwards(start, at, self._length, now, self._scope.kept)
                yield _Slice(begin, at)
                at = begin

        self._read_slices(slices(), now, whole)

    def _read_slices(self, slices: Iterator[_Slice], now: datetime, whole: int) -> None:
        """Read slices, several at a time, and book their pages as they come. The watermark moves when a slice and all
        before it are whole, so that it never jumps over unread time."""

        def read(one: _Slice) -> Iterator[list[RawRun | None]]:
            return self._source.runs(self._project.id, one.start, one.end, self._scope.run_types, self._scope.form)

        with closing(read_ahead(slices, read)) as ahead:
            for one, page in ahead:
                if page is None:
                    self._cover(one, now)
                else:
                    one.pages += 1
                    self._book_page(page, one)
                self._say(whole)

    def _cover(self, one: _Slice, now: datetime) -> None:
        self._book_rootless(one)
        if self._nested and not self._probed:
            self._learn_cost_mode()
        # Whatever is found there: it may be only the traces with feedback, which are kept for longer than others.
        expired = instant(one.end) <= now - self._scope.kept
        if self._ledger.cover(self._lease, self._clock(), self._project, one.start, one.end, expired=expired):
            self._summary.gaps += not self._has_gap  # slices of one stretch
            self._has_gap = True
        self._length = next_length(self._length, one.pages)
        self._done += one.end - one.start
        # The SDK leaves 12 kB a request behind in a circle, a MiB every 40 pages, and Python looks for those by itself
        # only once 200,000 objects have come together (bot.__main__).
        gc.collect(1)

    def _say(self, whole: int) -> None:
        self._progress(Progress(self._project.name, self._done, whole, self._read_runs))

    def _book_page(self, page: list[RawRun | None], one: _Slice) -> None:
        runs = [run for raw in page if (run := self._read(raw)) is not None]
        if runs:
            self.example = (runs[-1].id, runs[-1].trace_id)
        if self._project.cost_mode is CostMode.UNKNOWN and not self._probed:
            for run in runs:
                if run.ancestors and run.raw_cost and run.raw_cost > 0:
                    self._nested[run.ancestors[0]] = run.start
        self._book(one.rootless.sift(runs, self._rules.attribution), {})
        if len(one.rootless) >= MOST_ROOTLESS:
            self._book_rootless(one)

    def _book_rootless(self, one: _Slice) -> None:
        """Look up the roots of the runs that were held back, and book them. Where reading fails before, they are read
        again with their slice."""
        runs, wanted = one.rootless.release()
        if runs:
            self._book(runs, self._look_up_roots(wanted, one.start, one.end))

    def _book(self, runs: list[Run], roots: Mapping[bytes, Root]) -> None:
        booked = self._ledger.book(self._lease, self._clock(), self._project, runs, roots, self._rules)
        if booked.strays and not self._summary.booked.strays:
            stray = UUID(bytes=booked.strays[0])
            _log.warning("run %s is known under another trace or project already; it is left as it was", stray)
        self._summary.booked.add(booked)
        self._read_runs += booked.read
        self._changed_days |= booked.changed_days

    def _read(self, raw: RawRun | None) -> Run | None:
        try:
            run = read_run(raw, self._project.key)
        except MalformedRunError as error:
            self._summary.malformed += 1
            if not self._malformed_said:
                self._malformed_said = True
                _log.warning("project %s: %s; it is left out, and so are others like it", self._project.name, error)
                self._summary.problems.append(f"{self._project.name}: some runs cannot be read ({error}).")
            return None
        return run if run.type in self._scope.run_types else None

    def _look_up_roots(self, wanted: set[bytes], start: int, end: int) -> dict[bytes, Root]:
        """What the roots of these traces say, as far as it is not known."""
        unknown = self._ledger.unknown_roots(self._project, wanted)
        if not unknown:
            return {}
        earliest = microseconds(instant(start) - ROOT_BEFORE)
        found = self._source.roots(self._project.id, unknown, earliest, end, self._scope.form)
        return {trace_id: root for trace_id, root in found.items() if trace_id in unknown}

    def _look_up_open_runs(self, todo: Plan, now: datetime) -> None:
        """Ask again for runs that have not ended, and now and then for those without tokens, where the stretch that was
        just read does not reach: until they change, or are a day old."""
        states = (State.PENDING, State.NO_USAGE) if Tier.TWO_HOURS in todo.tiers else (State.PENDING,)
        oldest = microseconds(now - UNFINISHED)
        found = self._ledger.open_runs(self._project, states, start=oldest, end=todo.start, limit=MOST_OPEN_RUNS)
        if found:
            starts = [start for _, start in found]
            ids = [run_id for run_id, _ in found]
            first, last = min(starts), max(starts) + 1
            asked = _Slice(first, todo.end)
            self._book_page(self._source.runs_by_id(self._project.id, ids, first, last, self._scope.form), asked)
            self._book_rootless(asked)

    def _learn_cost_mode(self) -> None:
        """Find out what a parent's cost means here, from the traces that were just read; once a sync."""
        self._probed = True
        mode = probe_cost_mode(self._source, self._project.id, self._nested)
        if mode is CostMode.UNKNOWN:
            return
        changed = self._ledger.set_cost_mode(self._lease, self._clock(), self._project, mode, self._rules)
        self._project = self._project._replace(cost_mode=mode)
        _log.info(
            "project %s: a parent's cost is %s; %d runs stand differently now",
            self._project.name,
            "its own" if mode is CostMode.OWN else "rolled up",
            changed,
        )
