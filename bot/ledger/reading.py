"""One state of the ledger, and everything that can be asked of it."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.domain.alert import Memory
from bot.domain.budget import SetLimit
from bot.domain.feature import SetRule
from bot.domain.period import Span
from bot.ledger import (
    costliest,
    counting,
    coverage,
    figures,
    invoices,
    lease,
    limits,
    outbox,
    pruning,
    set_rules,
    spending,
    traces,
)
from bot.ledger.auditing import SourceSum, booked_runs, ids_above_costs, source_sums
from bot.ledger.booking import Booked, instant, microseconds
from bot.ledger.bridge import Bridge, bridge
from bot.ledger.costliest import Costliest
from bot.ledger.coverage import Gap, ProjectRow, SyncRow
from bot.ledger.figures import Figures, UntaggedName
from bot.ledger.invoices import Invoice
from bot.ledger.limits import LimitChange
from bot.ledger.set_rules import RuleChange


class Reading:
    """One state of the ledger: everything asked here fits together, whatever a sync writes meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # A report and its chart ask for the same; of a year that is most of the wait.
        self._by_value: dict[tuple[Span, str, str | None], Mapping[str, Figures]] = {}

    def total(self, span: Span, feature: str | None = None) -> Figures:
        """See bot.ledger.figures.total."""
        return figures.total(self._connection, span, feature)

    def by_value(self, span: Span, dimension: str, feature: str | None = None) -> Mapping[str, Figures]:
        """See bot.ledger.figures.by_value."""
        asked = (span, dimension, feature)
        if asked not in self._by_value:
            self._by_value[asked] = figures.by_value(self._connection, *asked)
        return self._by_value[asked]

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
        """See bot.ledger.counting.pending."""
        return counting.pending(
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

    def set_aside(self, span: Span, feature: str | None, where: spending.Where = ()) -> int:
        """See bot.ledger.spending.set_aside."""
        return spending.set_aside(self._connection, span, feature, where)

    def unpriced(self, span: Span, feature: str | None, where: spending.Where = ()) -> int:
        """See bot.ledger.spending.unpriced."""
        return spending.unpriced(self._connection, span, feature, where)

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

    def limit_history(self, features: Collection[str], most: int) -> list[LimitChange]:
        """See bot.ledger.limits.limit_history."""
        return limits.limit_history(self._connection, features, most)

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

    def missed_projects(self) -> frozenset[int]:
        """See bot.ledger.coverage.missed_projects."""
        return coverage.missed_projects(self._connection)

    def pruned(self) -> pruning.Pruned | None:
        """See bot.ledger.pruning.pruned."""
        return pruning.pruned(self._connection)

    def count_old(self, before: date, zone: ZoneInfo) -> tuple[int, int]:
        """See bot.ledger.pruning.count_old."""
        return pruning.count_old(self._connection, before, zone)

    def gaps(self) -> list[Gap]:
        """Of what LangSmith may have forgotten some before it was read, in the selected projects."""
        return coverage.load_gaps(self._connection)

    def last_sync(self, *, successful: bool = False, useful: bool = False) -> SyncRow | None:
        """See bot.ledger.coverage.last_sync."""
        return coverage.last_sync(self._connection, successful=successful, useful=useful)

    def is_being_synced(self, now: datetime) -> bool:
        """Whether a sync is under way."""
        return lease.is_held(self._connection, lease.SYNC, microseconds(now))

    def first_sync(self) -> SyncRow | None:
        """See bot.ledger.coverage.first_sync."""
        return coverage.first_sync(self._connection)

    def count_runs(self, start: datetime, end: datetime) -> int:
        """See bot.ledger.counting.count_runs."""
        return counting.count_runs(self._connection, microseconds(start), microseconds(end))

    def last_run(self, before: datetime) -> datetime | None:
        """See bot.ledger.counting.last_run."""
        found = counting.last_run(self._connection, microseconds(before))
        return None if found is None else instant(found)
