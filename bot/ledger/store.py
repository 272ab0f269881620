"""The ledger's door: transactions around what the other modules do with a connection."""

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, delete, insert, select

from bot.domain.alert import Memory
from bot.domain.budget import SetLimit
from bot.domain.costing import CostMode
from bot.domain.feature import Attribution, Rule, SetRule
from bot.domain.period import Span, first_instant
from bot.domain.run import Run, State
from bot.errors import LedgerError
from bot.ledger import (
    answers,
    books,
    costliest,
    coverage,
    figures,
    handled,
    invoices,
    lease,
    limits,
    outbox,
    purging,
    repricing,
    rollups,
    set_rules,
    spending,
    traces,
    uploads,
)
from bot.ledger.answers import KeptAnswer
from bot.ledger.auditing import SourceSum, booked_runs, ids_above_costs, source_sums
from bot.ledger.backup import back_up
from bot.ledger.booking import Booked, Project, Rules, instant, microseconds
from bot.ledger.books import BookingSummary, Root
from bot.ledger.bridge import Bridge, bridge
from bot.ledger.costliest import Costliest
from bot.ledger.coverage import Gap, ProjectRow, SyncRow
from bot.ledger.door import Door
from bot.ledger.engine import compact, open_engine, reading
from bot.ledger.figures import Figures, UntaggedName
from bot.ledger.health import Health, health
from bot.ledger.ids import NewId, random_id
from bot.ledger.invoices import Invoice
from bot.ledger.lease import Lease
from bot.ledger.limits import LimitChange
from bot.ledger.migrate import migrate
from bot.ledger.outbox import Outbox
from bot.ledger.purging import Purge, Purged, Wanted
from bot.ledger.repricing import Movement, Place, Repricing
from bot.ledger.repricing import Wanted as ToReprice
from bot.ledger.set_rules import RuleChange
from bot.ledger.tables import returns
from bot.ledger.tables import rollups as rollups_table
from bot.ledger.tables import rules as rules_table

Result = TypeVar("Result")

_log = logging.getLogger(__name__)
# Short transactions: others wait for each.
_PURGED_AT_ONCE = 200


class Reading:
    """One state of the ledger: everything asked here fits together, whatever a sync writes meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def total(self, span: Span, feature: str | None = None) -> Figures:
        """See bot.ledger.figures.total."""
        return figures.total(self._connection, span, feature)

    def by_value(self, span: Span, dimension: str, feature: str | None = None) -> dict[str, Figures]:
        """See bot.ledger.figures.by_value."""
        return figures.by_value(self._connection, span, dimension, feature)

    def values_before(self, day: date, dimension: str, feature: str | None = None) -> set[str]:
        """See bot.ledger.figures.values_before."""
        return figures.values_before(self._connection, day, dimension, feature)

    def by_day(self, span: Span, feature: str | None = None) -> dict[date, Figures]:
        """See bot.ledger.figures.by_day."""
        return figures.by_day(self._connection, span, feature)

    def costs_by_day(
        self, span: Span, dimension: str, values: Collection[str], feature: str | None = None
    ) -> dict[str, dict[date, int]]:
        """See bot.ledger.figures.costs_by_day."""
        return figures.costs_by_day(self._connection, span, dimension, values, feature)

    def untagged_names(self, span: Span) -> list[UntaggedName]:
        """See bot.ledger.figures.untagged_names."""
        return figures.untagged_names(self._connection, span)

    def pending(self, span: Span, *, unfinished_before: datetime, feature: str | None = None) -> tuple[int, int]:
        """See bot.ledger.figures.pending."""
        return figures.pending(
            self._connection, span, unfinished_before=microseconds(unfinished_before), feature=feature
        )

    def bridge(self, start: datetime, end: datetime, types: Collection[str], project_keys: Collection[int]) -> Bridge:
        """See bot.ledger.bridge.bridge."""
        return bridge(self._connection, microseconds(start), microseconds(end), types, project_keys)

    def costliest(self, span: Span, by: str, feature: str | None, limit: int) -> Costliest:
        """See bot.ledger.costliest: the costliest traces, threads, or values of the metadata key `by`."""
        if by == "trace":
            return costliest.costliest_traces(self._connection, span, feature, limit)
        if by == "thread":
            return costliest.costliest_threads(self._connection, span, feature, limit)
        return costliest.costliest_values(self._connection, span, by, feature, limit)

    def source_sums(self, span: Span, feature: str | None = None) -> list[SourceSum]:
        """See bot.ledger.auditing.source_sums."""
        return source_sums(self._connection, span, feature)

    def ids_above_costs(self, span: Span) -> set[bytes]:
        """See bot.ledger.auditing.ids_above_costs."""
        return ids_above_costs(self._connection, span)

    def booked_runs(self, span: Span, feature: str | None = None) -> Iterator[Booked]:
        """See bot.ledger.auditing.booked_runs."""
        return booked_runs(self._connection, span, feature)

    def trace_of(self, run_id: bytes) -> bytes | None:
        """See bot.ledger.traces.find_trace."""
        return traces.find_trace(self._connection, run_id)

    def holds_trace(self, trace_id: bytes) -> bool:
        """See bot.ledger.traces.holds_trace."""
        return traces.holds_trace(self._connection, trace_id)

    def trace(self, trace_id: bytes) -> list[tuple[str, Booked]]:
        """See bot.ledger.traces.load_trace."""
        return traces.load_trace(self._connection, trace_id)

    def spent(self, span: Span, feature: str | None, where: spending.Where = ()) -> int:
        """See bot.ledger.spending.spent."""
        return spending.spent(self._connection, span, feature, where)

    def reached_at(self, span: Span, feature: str | None, where: spending.Where, amount: int) -> datetime | None:
        """See bot.ledger.spending.reached_at."""
        return spending.reached_at(self._connection, span, feature, where, amount)

    def latest_days(self, most_runs: int) -> date | None:
        """See bot.ledger.figures.latest_days."""
        return figures.latest_days(self._connection, most_runs)

    def costliest_traces(
        self, span: Span, feature: str | None, where: spending.Where, most: int
    ) -> list[spending.CostlyTrace]:
        """See bot.ledger.spending.costliest_traces."""
        return spending.costliest_traces(self._connection, span, feature, where, most)

    def invoices(self, month: str) -> list[Invoice]:
        """See bot.ledger.invoices.of_month."""
        return invoices.of_month(self._connection, month)

    def set_limits(self) -> list[SetLimit]:
        """See bot.ledger.limits.set_limits."""
        return limits.set_limits(self._connection)

    def every_limit(self) -> list[SetLimit]:
        """See bot.ledger.limits.every_limit."""
        return limits.every_limit(self._connection)

    def limit_history(self, feature: str, most: int) -> list[LimitChange]:
        """See bot.ledger.limits.limit_history."""
        return limits.limit_history(self._connection, feature, most)

    def memories(self, subjects: Collection[str], sync: int) -> dict[str, Memory]:
        """See bot.ledger.outbox.memories."""
        return outbox.memories(self._connection, subjects, sync)

    def set_rules(self) -> list[SetRule]:
        """See bot.ledger.set_rules.active."""
        return set_rules.active(self._connection)

    def find_rule(self, rule_id: int) -> RuleChange | None:
        """See bot.ledger.set_rules.find."""
        return set_rules.find(self._connection, rule_id)

    def features(self) -> set[str]:
        """Every feature that ever had a run."""
        return figures.features_seen(self._connection)

    def projects(self, *, selected_only: bool = False) -> list[ProjectRow]:
        """The projects that the ledger knows, by name."""
        return coverage.load_projects(self._connection, selected_only=selected_only)

    def gaps(self) -> list[Gap]:
        """What LangSmith had forgotten before it was read, in the selected projects."""
        return coverage.load_gaps(self._connection)

    def last_sync(self, *, successful: bool = False, useful: bool = False) -> SyncRow | None:
        """See bot.ledger.coverage.last_sync."""
        return coverage.last_sync(self._connection, successful=successful, useful=useful)

    def first_sync(self) -> SyncRow | None:
        """See bot.ledger.coverage.first_sync."""
        return coverage.first_sync(self._connection)

    def count_runs(self, start: datetime, end: datetime) -> int:
        """See bot.ledger.figures.count_runs."""
        return figures.count_runs(self._connection, microseconds(start), microseconds(end))

    def last_run(self, before: datetime) -> datetime | None:
        """See bot.ledger.figures.last_run."""
        found = figures.last_run(self._connection, microseconds(before))
        return None if found is None else instant(found)


class Ledger:
    """A ledger that is open. Every method is a transaction of its own; see `reading` for several questions at once."""

    def __init__(
        self, engine: Engine, guard: Callable[[Connection], None] | None = None, *, new_id: NewId = random_id
    ) -> None:
        """With a `guard`, every transaction that writes begins with it. `new_id` gives ids that no other process
        gives."""
        self._engine = engine
        self._new_id = new_id
        self._door = Door(engine, guard)
        self.outbox = Outbox(self._door, new_id)
        self._leases: set[Lease] = set()  # those that were not given back yet
        self._rules: Rules | None = None  # those that it is kept by, once that has been said
        self._kept_by: dict[str, str] = {}  # the same as text

    def close(self) -> None:
        """Give back what is leased, and close the connections."""
        try:
            for mine in list(self._leases):
                self.release(mine)
        except LedgerError as error:
            _log.warning("a lease runs out by itself: %s", error)
        finally:
            self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """One state of the ledger to ask several questions of."""
        with reading(self._engine) as connection:
            yield Reading(connection)

    def read(self, work: Callable[[Reading], Result]) -> Result:
        """What `work` finds in one state of the ledger; it is begun again where the connection is lost."""
        return self._door.read(lambda connection: work(Reading(connection)))

    # The rules by which it is kept

    def keep_rules(self, rules: Rules, zone: ZoneInfo) -> bool:
        """Recount the ledger if it was kept by other rules (zone, dimensions, attribution); says whether it was.

        From now on this Ledger writes only as long as it is kept by these.
        """
        wanted = describe_rules(rules.attribution, rules.dimensions, zone)

        def work(connection: Connection) -> dict[str, str]:
            kept = _kept_rules(connection)
            if kept != wanted:
                if kept:
                    if kept["timezone"] != zone.key:
                        coverage.move_settled(connection, ZoneInfo(kept["timezone"]), zone)
                    _recount(connection, rules)
                connection.execute(delete(rules_table))
                rows = [{"name": name, "value": value} for name, value in wanted.items()]
                connection.execute(insert(rules_table), rows)
            return kept

        kept = self._door.write(work)
        # Only now: where the recount failed, the ledger is kept by what it was kept by before.
        self._rules, self._kept_by = rules, wanted
        return bool(kept) and kept != wanted

    def is_kept_by(self, rules: Rules, zone: ZoneInfo) -> bool:
        """Whether `keep_rules` would leave the figures as they are."""
        return self._door.read(
            lambda connection: _kept_rules(connection) == describe_rules(rules.attribution, rules.dimensions, zone)
        )

    def set_rule(self, mine: Lease, rule: Rule, by: str, now: datetime) -> SetRule | None:
        """Set a rule beside those of `keep_rules`, which this Ledger must know, and recount the ledger by it. None if
        it holds already. The lease is SYNC: whoever books at the same time would not know of it."""

        def work(connection: Connection) -> SetRule | None:
            new = set_rules.add(connection, rule, by, now)
            if new is not None:
                _recount(connection, self._known_rules())
            return new

        return self._write(mine, now, work)

    def undo_rule(self, mine: Lease, rule_id: int, by: str, now: datetime) -> bool:
        """Take back a rule that was set, and recount the ledger without it. False if it does not hold any more."""

        def work(connection: Connection) -> bool:
            was_held = set_rules.undo(connection, rule_id, by, now)
            if was_held:
                _recount(connection, self._known_rules())
            return was_held

        return self._write(mine, now, work)

    def _known_rules(self) -> Rules:
        if self._rules is None:
            raise LedgerError("This process does not keep the ledger: nothing can be recounted by it.")
        return self._rules

    def check_zone(self, zone: ZoneInfo) -> None:
        """Raises LedgerError if the ledger's days are those of another time zone: its figures would be of other days
        than those asked for."""
        kept = self._door.read(_kept_rules).get("timezone")
        if kept is not None and kept != zone.key:
            raise LedgerError(
                f"The ledger counts its days in {kept}, and LLMCOST_TIMEZONE is {zone.key}. "
                "The next `llmcost sync` recounts it; or set LLMCOST_TIMEZONE back."
            )

    # One sync at a time

    @contextmanager
    def lease(self, name: str, now: datetime) -> Iterator[Lease]:
        """Hold the lease `name`. Raises LedgerBusyError while another process has it."""
        mine = Lease(name, self._new_id())
        self._door.write(lambda connection: lease.take(connection, mine, microseconds(now)))
        self._leases.add(mine)
        try:
            yield mine
        finally:
            self.release(mine)

    def keep_lease(self, mine: Lease, now: datetime) -> bool:
        """Take the lease or prolong it; False while another process has it."""
        has_it = self._door.write(lambda connection: lease.keep(connection, mine, microseconds(now)))
        (self._leases.add if has_it else self._leases.discard)(mine)
        return has_it

    def release(self, mine: Lease) -> None:
        """Give a lease back, if it is still ours."""
        self._door.write(lambda connection: lease.release(connection, mine))
        self._leases.discard(mine)

    def under(self, mine: Lease, clock: Callable[[], datetime]) -> "Ledger":
        """The same ledger for whoever holds that lease: every write transaction begins with a look at it, and raises
        LedgerBusyError, with nothing written, once another process has it. Not to be closed."""
        return Ledger(
            self._engine,
            lambda connection: lease.hold(connection, mine, microseconds(clock())),
            new_id=self._new_id,
        )

    def _write(self, mine: Lease, now: datetime, work: Callable[[Connection], Result]) -> Result:
        """A write transaction of whoever holds the lease. Raises LedgerBusyError if another does, and LedgerError if
        another process has recounted the ledger by other rules: what we add by ours would not fit."""

        def guarded(connection: Connection) -> Result:
            lease.hold(connection, mine, microseconds(now))
            if self._rules is not None and _kept_rules(connection) != self._kept_by:
                raise LedgerError(
                    "Another process keeps this ledger by other settings (time zone, dimensions, features or rules): "
                    "give all of them the same and start this one again."
                )
            return work(connection)

        return self._door.write(guarded)

    # What a sync writes

    def select_projects(self, mine: Lease, now: datetime, found: Iterable[tuple[bytes, str, int]]) -> list[ProjectRow]:
        """See bot.ledger.coverage.select_projects. The rules of attribution see a project's new name."""
        found = list(found)

        def work(connection: Connection) -> list[ProjectRow]:
            names = {row.key: row.name for row in coverage.load_projects(connection)}
            selected = coverage.select_projects(connection, found)
            for row in selected:
                if self._rules is not None and row.name != names.get(row.key, row.name):
                    books.rebook(connection, _project(row), _with_set(connection, self._rules))
            return selected

        return self._write(mine, now, work)

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
        page, changed = list(read), set[int]()

        def work(connection: Connection) -> BookingSummary:
            summary = books.book(connection, _project(project), page, roots, _with_set(connection, rules))
            # Where it had gone through and only the word of it was lost, a second time finds nothing changed.
            changed.update(summary.changed_days)
            return summary

        summary = self._write(mine, now, work)
        summary.changed_days |= changed
        return summary

    def unknown_roots(self, project: ProjectRow, trace_ids: Collection[bytes]) -> set[bytes]:
        """See bot.ledger.books.unknown_roots."""
        return self._door.read(lambda connection: books.unknown_roots(connection, project.key, trace_ids))

    def set_cost_mode(self, mine: Lease, now: datetime, project: ProjectRow, mode: CostMode, rules: Rules) -> int:
        """What a parent's cost means in this project is known now: decide its traces again. Gives how many runs stand
        differently."""

        def work(connection: Connection) -> int:
            coverage.set_cost_mode(connection, project.key, mode)
            after = _project(project)._replace(mode=mode)
            return books.rebook(connection, after, _with_set(connection, rules), mode_before=project.cost_mode)

        return self._write(mine, now, work)

    def set_link(self, mine: Lease, now: datetime, project: ProjectRow, link: str) -> None:
        """See bot.ledger.coverage.set_link."""
        self._write(mine, now, lambda connection: coverage.set_link(connection, project.key, link))

    def cover(self, mine: Lease, now: datetime, project: ProjectRow, start: int, end: int, *, lost: bool) -> None:
        """See bot.ledger.coverage.cover; `lost` if nothing was found where LangSmith has forgotten."""
        self._write(
            mine, now, lambda connection: coverage.cover(connection, project.key, start, end, empty_and_expired=lost)
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
        self._door.write(lambda connection: coverage.record_sync(connection, row))

    # Prices of the past

    def repricing(self, rules: Rules, wanted: ToReprice) -> Movement:
        """What would change if the wanted runs were priced again by these rules. Nothing is written."""
        moved = Movement()
        place: Place | None = Place()
        while place is not None:
            changes, place = self._door.read(partial(_next_changes, rules=rules, wanted=wanted, place=place))
            for before, after in changes.values():
                moved.add((before[run_id], one) for run_id, one in after.items() if one != before[run_id])
        return moved

    def reattribution(self, rules: Rules) -> Movement:
        """What would change if `keep_rules` were called with these. Nothing is written."""
        moved = Movement()
        with reading(self._engine) as connection:
            for before, after in books.as_it_would_be(connection, _projects(connection), rules):
                moved.shift(
                    (before[run_id], one) for run_id, one in after.items() if one.feature != before[run_id].feature
                )
        return moved

    def begin_repricing(self, mine: Lease, now: datetime, by: str, since: int) -> int:
        """Put a change of prices on record; gives its number for `reprice_next`."""
        return self._write(mine, now, lambda connection: repricing.start(connection, microseconds(now), by, since))

    def reprice_next(
        self,
        mine: Lease,
        now: datetime,
        change: int,
        rules: Rules,
        wanted: ToReprice,
        place: Place,
        moved: Movement,
    ) -> Place | None:
        """Price the next batch of traces again, in one transaction, and count it in `moved`; gives where to go on, None
        at the end: a change that has changed nothing is off the record then."""

        def work(connection: Connection) -> tuple[list[tuple[Booked, Booked]], Place | None]:
            changes, after = repricing.next_changes(connection, _projects(connection), rules, wanted, place)
            changed = repricing.apply(connection, change, changes.values(), rules)
            repricing.remember_days(connection, changed, microseconds(now))
            if after is None:
                repricing.discard_empty(connection, change)
            return list(changed), after

        changed, after = self._write(mine, now, work)
        moved.add(changed)
        return after

    def last_repricing(self) -> Repricing | None:
        """See bot.ledger.repricing.last_change."""
        return self._door.read(repricing.last_change)

    def undo_repricing_next(
        self, mine: Lease, now: datetime, change: int, rules: Rules, by: str, after: bytes, moved: Movement
    ) -> tuple[int, bytes | None]:
        """See bot.ledger.repricing.undo_next, in one transaction; gives how many runs were left, and where to go on."""

        def work(connection: Connection) -> tuple[list[tuple[Booked, Booked]], int, bytes | None]:
            changed, left, place = repricing.undo_next(connection, change, _projects(connection), rules, after)
            repricing.remember_days(connection, changed, microseconds(now))
            if place is None:
                repricing.finish_undo(connection, change, microseconds(now), by)
            return list(changed), left, place

        changed, left, place = self._write(mine, now, work)
        moved.add(changed)
        return left, place

    # Bills

    def record_invoice(self, invoice: Invoice) -> None:
        """See bot.ledger.invoices.record."""
        self._door.write(lambda connection: invoices.record(connection, invoice))

    # Answers that can be shared

    def keep_answer(self, answer: KeptAnswer) -> None:
        """See bot.ledger.answers.keep."""
        self._door.write(lambda connection: answers.keep(connection, answer))

    def find_answer(self, answer_id: str) -> KeptAnswer | None:
        """See bot.ledger.answers.find."""
        return self._door.read(lambda connection: answers.find(connection, answer_id))

    def claim_share(self, answer_id: str, now: datetime) -> bool:
        """See bot.ledger.answers.claim_share."""
        return self._door.write(lambda connection: answers.claim_share(connection, answer_id, microseconds(now)))

    def give_back_share(self, answer_id: str) -> None:
        """See bot.ledger.answers.give_back_share."""
        self._door.write(lambda connection: answers.give_back_share(connection, answer_id))

    # Presses

    def take_up(self, press_id: str, now: datetime) -> bool:
        """See bot.ledger.handled.take_up."""
        return self._door.write(lambda connection: handled.take_up(connection, press_id, microseconds(now)))

    # Purging

    def find_to_purge(self, wanted: Wanted) -> list[tuple[int, bytes]]:
        """See bot.ledger.purging.find."""
        return self._door.read(lambda connection: purging.find(connection, wanted))

    def purge(self, mine: Lease, now: datetime, wanted: Wanted, rules: Rules) -> Purge:
        """See bot.ledger.purging; what was purged."""

        def begin(connection: Connection) -> tuple[Purged, list[tuple[int, bytes]], list[Project]]:
            purged = purging.remember(connection, wanted, microseconds(now))
            projects = [_project(row) for row in coverage.load_projects(connection)]
            return purged, purging.find(connection, wanted), projects

        purged, found, projects = self._write(mine, now, begin)
        changed = 0
        for project in projects:
            of_project = [trace_id for key, trace_id in found if key == project.key]
            for at in range(0, len(of_project), _PURGED_AT_ONCE):
                some = of_project[at : at + _PURGED_AT_ONCE]
                purge = partial(books.purge, project=project, trace_ids=some, rules=rules, purged=purged)
                changed += self._write(mine, now, purge)
        told = self._door.read(lambda connection: purging.count_told(connection, wanted))
        return Purge(len(found), changed, told, is_overwritten=compact(self._engine))

    # Files that somebody asked for

    def claim_upload(self, key: str, now: datetime) -> bool:
        """See bot.ledger.uploads.claim."""
        return self._door.write(lambda connection: uploads.claim(connection, key, microseconds(now)))

    def give_back_upload(self, key: str) -> None:
        """See bot.ledger.uploads.give_back."""
        self._door.write(lambda connection: uploads.give_back(connection, key))

    # Checking

    def back_up(self, target: Path) -> int:
        """See bot.ledger.backup.back_up."""
        return back_up(self._engine, target)

    def health(self) -> Health:
        """See bot.ledger.health.health."""
        return health(self._engine)

    def wrong_rollups(self, since: date | None = None) -> list[str]:
        """Which rows of the rollups differ from what the runs add up to, in words; nothing if the books are right. Of
        all days, or of those from `since` on."""

        def work(connection: Connection) -> tuple[rollups.Delta, dict[rollups.Key | rollups.Return, object]]:
            rules = _kept_rules(connection)
            dimensions = json.loads(rules.get("dimensions", "[]"))
            projects = [_project(row) for row in coverage.load_projects(connection)]
            earliest = microseconds(first_instant(since, ZoneInfo(rules["timezone"]))) if since and rules else None
            counted = books.count_from_runs(connection, projects, dimensions, earliest)
            booked = dict[rollups.Key | rollups.Return, object]()
            for row in connection.execute(select(rollups_table)):
                booked[rollups.Key(*row[:4])] = list(row[4:])
            for row in connection.execute(select(returns)):
                booked[rollups.Return(rollups.Key(*row[:4]), row.previous_day)] = row.traces
            return counted, booked

        counted, booked = self._door.read(work)
        expected = dict[rollups.Key | rollups.Return, object]([*counted.rollups.items(), *counted.returns.items()])
        return sorted(
            f"{row}: booked {booked.get(row)}, the runs make {expected.get(row)}"
            for row in {*booked, *expected}
            if booked.get(row) != expected.get(row) and (since is None or _day(row) >= since.toordinal())
        )


def open_ledger(url: str, *, create: bool) -> Ledger:
    """The ledger at `url`, its schema up to date. Raises LedgerError if there is none (without `create`), if it cannot
    be used, or if a newer llmcost has written it."""
    engine = open_engine(url, create=create)
    try:
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine)


def describe_rules(attribution: Attribution, dimensions: tuple[str, ...], zone: ZoneInfo) -> dict[str, str]:
    """The rules as text, to see whether they have changed since the ledger was counted."""
    return {
        "timezone": zone.key,
        "dimensions": json.dumps(dimensions),
        "attribution": json.dumps(
            {
                "keys": attribution.keys,
                "features": sorted(attribution.features),
                "aliases": dict(sorted(attribution.aliases.items())),
                "rules": [[rule.feature, rule.project, rule.name, rule.tag] for rule in attribution.rules],
            },
            ensure_ascii=False,
        ),
    }


def _recount(connection: Connection, rules: Rules) -> None:
    projects = [_project(row) for row in coverage.load_projects(connection)]
    books.recount(connection, projects, _with_set(connection, rules))


def _with_set(connection: Connection, rules: Rules) -> Rules:
    """The rules with those that were set in Slack: read where they are used, for another process may have set some."""
    return replace(rules, attribution=rules.attribution.with_set(set_rules.active(connection)))


def _next_changes(
    connection: Connection, rules: Rules, wanted: ToReprice, place: Place
) -> tuple[dict[bytes, tuple[Mapping[bytes, Booked], Mapping[bytes, Booked]]], Place | None]:
    return repricing.next_changes(connection, _projects(connection), rules, wanted, place)


def _kept_rules(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(rules_table))}


def _day(row: rollups.Key | rollups.Return) -> int:
    return row.day if isinstance(row, rollups.Key) else row.key.day


def _projects(connection: Connection) -> list[Project]:
    return [_project(row) for row in coverage.load_projects(connection)]


def _project(row: ProjectRow) -> Project:
    return Project(row.key, row.name, row.cost_mode, row.settled_through)
