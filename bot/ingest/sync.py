"""A sync: what LangSmith has becomes what the ledger knows. It can be killed at any moment and goes on where it was."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.errors import LlmcostError, SourceError
from bot.ingest.langsmith import LangSmith
from bot.ingest.project_sync import Parts, ProjectSync, Scope
from bot.ingest.summary import Progress, SyncSummary
from bot.ledger.booking import Rules, microseconds
from bot.ledger.coverage import ProjectRow, SyncRow
from bot.ledger.lease import SYNC, Lease
from bot.ledger.store import Ledger

REFRESH_PROJECTS = timedelta(minutes=10)

_log = logging.getLogger(__name__)


class Sync:
    """Reads LangSmith into the ledger. One at a time per ledger, whatever process."""

    def __init__(
        self, source: LangSmith, ledger: Ledger, rules: Rules, scope: Scope, clock: Callable[[], datetime]
    ) -> None:
        self._parts = Parts(source, ledger, rules, scope, clock)
        self._selected_at: datetime | None = None
        self._missing: list[str] = []
        self._found: set[bytes] = set()  # the ids of the projects that LangSmith has
        # Of the syncs before, and the one that runs or was the last: one value, because others look at it meanwhile.
        self._reads = (0, SyncSummary())
        self._links_tried: dict[int, datetime | None] = {}  # by project: at which look at the projects

    @property
    def runs_read(self) -> int:
        """How many runs this process has read, those of the sync that is running among them."""
        before, summary = self._reads
        return before + summary.booked.read

    def follow(self, rules: Rules) -> None:
        """Book by these rules from the next sync on; one that is running goes on by those that it began with."""
        self._parts = replace(self._parts, rules=rules)

    def run(self, since: datetime | None = None, progress: Callable[[Progress], None] = lambda _: None) -> SyncSummary:
        """Read what is due, or everything from `since` on. Problems of one project do not stop the others.

        Raises LedgerBusyError while another process is at it, and SourceError if LangSmith does not even list projects.
        """
        began, repeated = self._parts.clock(), self._parts.source.repeated
        summary = SyncSummary()
        with self._parts.ledger.lease(SYNC, began) as lease:
            self._reads = (self.runs_read, summary)
            parts = self._parts  # whoever changes the rules so that the books change holds the lease meanwhile
            try:
                for project in self._projects(lease, summary):
                    summary.projects += 1
                    try:
                        reading = ProjectSync(parts, lease, project, summary, progress)
                        reading.run(since)
                        summary.complete += 1
                        self._learn_link(lease, project, reading.example)
                    except SourceError as error:
                        summary.problems.append(f"{project.name}: {error}")
                        _log.warning("project %s was not read to the end: %s", project.name, error)
            except BaseException as error:
                summary.problems.append(_in_words(error))
                raise
            finally:
                ended = parts.clock()
                summary.repeated = parts.source.repeated - repeated
                summary.seconds = (ended - began).total_seconds()
                # Under the lease as all of it: what is on record counts as a look at LangSmith.
                parts.ledger.under(lease, parts.clock).record_sync(_record(began, ended, summary))
        return summary

    def _projects(self, lease: Lease, summary: SyncSummary) -> list[ProjectRow]:
        """The selected projects, looked up anew every REFRESH_PROJECTS: new ones that match join by themselves. At once
        if another process has selected others meanwhile."""
        parts = self._parts
        now = parts.clock()
        selected = parts.ledger.read(lambda reading: reading.projects(selected_only=True))
        is_young = self._selected_at is not None and timedelta(0) <= now - self._selected_at < REFRESH_PROJECTS
        if not is_young or not self._found <= {project.id for project in selected}:
            found, missing = parts.source.projects(parts.scope.selection)
            for problem in missing:
                if problem not in self._missing:
                    _log.warning("%s", problem)
            self._missing = missing
            # One that LANGSMITH_PROJECT names was renamed or deleted, or the key has changed: what it spends is missed.
            missed = parts.scope.selection.without(found)
            selected = parts.ledger.select_projects(lease, now, found, missed.fits)
            self._found = {project.id for project in found}
            self._selected_at = now
        summary.problems += self._missing
        return [project for project in selected if project.id in self._found]

    def _learn_link(self, lease: Lease, project: ProjectRow, example: tuple[bytes, bytes] | None) -> None:
        """Learn how a trace is addressed from a run that was just read and its trace; once, or once a look at the
        projects as long as LangSmith does not say it. Nothing else depends on it."""
        parts, tried = self._parts, self._links_tried
        if project.link is not None or example is None or tried.get(project.key) == self._selected_at:
            return
        level = logging.INFO if project.key in tried else logging.WARNING
        tried[project.key] = self._selected_at
        try:
            link = parts.source.trace_link(project.id, *example)
        except SourceError as error:
            _log.log(level, "project %s: answers cannot link to its traces yet: %s", project.name, error)
        else:
            parts.ledger.set_link(lease, parts.clock(), project, link)


def _in_words(error: BaseException) -> str:
    if isinstance(error, LlmcostError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "It was stopped before its end."
    return f"It broke off ({type(error).__name__})."  # its text could quote anything


def _record(began: datetime, ended: datetime, summary: SyncSummary) -> SyncRow:
    booked = summary.booked
    problem = "; ".join(summary.problems) or None
    return SyncRow(
        microseconds(began),
        microseconds(ended),
        booked.read,
        booked.new,
        booked.changed,
        problem,
        summary.complete,
    )
