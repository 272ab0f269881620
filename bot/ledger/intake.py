"""What a sync writes: projects, runs, and how far and how completely they were read."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from bot.domain.costing import CostMode
from bot.domain.run import Run, State
from bot.ledger import attempts, books, changed_days, coverage, rebooking
from bot.ledger.access import Access
from bot.ledger.booking import Rules, microseconds
from bot.ledger.books import BookingSummary
from bot.ledger.coverage import ProjectRow, SyncRow
from bot.ledger.lease import Lease
from bot.ledger.rulebook import booked_project, with_set
from bot.ledger.trace_rows import Root

_log = logging.getLogger(__name__)

# Digests of so many days are looked at again anyway.
_RECENT_DAYS = 3


class Intake(Access):
    """Takes in what was read. Everything is written under the sync's lease."""

    def select_projects(
        self,
        mine: Lease,
        now: datetime,
        found: Iterable[tuple[bytes, str, int]],
        is_missed: Callable[[bytes, str], bool] = lambda *_: False,
    ) -> list[ProjectRow]:
        """See bot.ledger.coverage.select_projects. The rules of attribution see a project's new name."""
        found = list(found)

        def work(connection: Connection) -> tuple[list[ProjectRow], list[ProjectRow]]:
            known = coverage.load_projects(connection)
            names = {row.key: row.name for row in known}
            selected = coverage.select_projects(connection, found, is_missed)
            for row in selected:
                if self._rules is not None and row.name != names.get(row.key, row.name):
                    days = rebooking.rebook(connection, booked_project(row), with_set(connection, self._rules))
                    changed_days.remember(connection, days)
            return selected, [row for row in known if row.selected and row.key not in {one.key for one in selected}]

        selected, dropped = self._write(mine, now, work)
        for row in dropped:
            _log.warning("project %s is none of those that are to be read any more", row.name)
        return selected

    def book(
        self,
        mine: Lease,
        now: datetime,
        project: ProjectRow,
        read: Iterable[Run],
        roots: Mapping[bytes, Root],
        rules: Rules,
    ) -> BookingSummary:
        """See bot.ledger.books.book."""
        page = list(read)

        def work(connection: Connection) -> BookingSummary:
            summary = books.book(connection, booked_project(project), page, roots, with_set(connection, rules))
            recent = rules.day_of(microseconds(now)) - _RECENT_DAYS
            changed_days.remember(connection, (day for day in summary.changed_days if day < recent))
            return summary

        return self._write(mine, now, work)

    def unknown_roots(self, project: ProjectRow, trace_ids: Collection[bytes]) -> set[bytes]:
        """See bot.ledger.books.unknown_roots."""
        return self._door.read(lambda connection: books.unknown_roots(connection, project.key, trace_ids))

    def set_cost_mode(self, mine: Lease, now: datetime, project: ProjectRow, mode: CostMode, rules: Rules) -> int:
        """What a parent's cost means in this project is known now: decide its traces again. Gives how many runs stand
        differently."""

        def work(connection: Connection) -> int:
            coverage.set_cost_mode(connection, project.key, mode)
            after = booked_project(project)._replace(mode=mode)
            days = rebooking.rebook(connection, after, with_set(connection, rules), mode_before=project.cost_mode)
            changed_days.remember(connection, days)
            return len(days)

        return self._write(mine, now, work)

    def set_link(self, mine: Lease, now: datetime, project: ProjectRow, link: str) -> None:
        """See bot.ledger.coverage.set_link."""
        self._write(mine, now, lambda connection: coverage.set_link(connection, project.key, link))

    def cover(self, mine: Lease, now: datetime, project: ProjectRow, start: int, end: int, *, expired: bool) -> bool:
        """See bot.ledger.coverage.cover."""
        return self._write(
            mine, now, lambda connection: coverage.cover(connection, project.key, start, end, expired=expired)
        )

    def finish_reread(
        self, mine: Lease, now: datetime, project: ProjectRow, tiers: Iterable[str], begun: int, settled: int | None
    ) -> None:
        """A re-reading was finished: remember its `tiers`, and the last day that it settled (an ordinal), if any."""
        names = tuple(tiers)

        def work(connection: Connection) -> None:
            coverage.remember_reread(connection, project.key, names, begun)
            if settled is not None:
                coverage.settle(connection, project.key, settled)

        self._write(mine, now, work)

    def oldest_pending(self, project: ProjectRow, *, since: int) -> int | None:
        """See bot.ledger.coverage.oldest_pending."""
        return self._door.read(lambda connection: coverage.oldest_pending(connection, project.key, since=since))

    def open_runs(
        self, project: ProjectRow, states: tuple[State, ...], *, start: int, end: int, limit: int
    ) -> list[tuple[bytes, int]]:
        """See bot.ledger.coverage.open_runs."""
        return self._door.read(
            lambda connection: coverage.open_runs(connection, project.key, states, start=start, end=end, limit=limit)
        )

    def last_sync(self) -> SyncRow | None:
        """See bot.ledger.coverage.last_sync."""
        return self._door.read(coverage.last_sync)

    def record_sync(self, row: SyncRow) -> None:
        """See bot.ledger.coverage.record_sync."""

        def work(connection: Connection) -> None:
            coverage.record_sync(connection, row)
            attempts.forget_old(connection)  # nothing else happens as regularly in every ledger

        self._door.write(work)
