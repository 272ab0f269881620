"""What Prometheus is told of this process and of its ledger."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from bot.errors import LedgerError
from bot.ingest.limiter import RequestLimiter
from bot.ingest.sync import Sync
from bot.ledger.booking import instant
from bot.ledger.store import Ledger

if TYPE_CHECKING:
    from prometheus_client import Metric

# From one that a person does not notice to one that Slack has given up.
_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 30)


class Metrics:
    """Counters are this process's own, and are read where they are counted; what is the ledger's own is asked of it at
    each look, and is left out while it cannot be reached."""

    def __init__(self, ledger: Ledger, sync: Sync, limiter: RequestLimiter, now: Callable[[], datetime]) -> None:
        from prometheus_client import CollectorRegistry, Histogram

        self._ledger = ledger
        self._sync = sync
        self._limiter = limiter
        self._now = now
        self.registry: CollectorRegistry = CollectorRegistry()
        self.registry.register(self)
        self._commands = Histogram(
            "llmcost_command_seconds",
            "From a command's arrival to its answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )

    def command_answered(self, seconds: float) -> None:
        """A command was answered after so long."""
        self._commands.observe(seconds)

    def describe(self) -> Iterable["Metric"]:
        """Nothing before it is asked: Prometheus' library would look at the ledger to find out the names."""
        return ()

    def collect(self) -> Iterator["Metric"]:
        """Everything as it is now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        yield CounterMetricFamily(
            "llmcost_runs_read", "Runs that this process has read from LangSmith.", self._sync.runs_read
        )
        yield CounterMetricFamily(
            "llmcost_langsmith_requests", "Requests to LangSmith, those that were repeated too.", self._limiter.begun
        )
        yield CounterMetricFamily(
            "llmcost_langsmith_throttled", "Requests that LangSmith has answered with 429.", self._limiter.refused
        )
        is_up = 1
        try:
            last = self._ledger.read(lambda reading: reading.last_sync(successful=True))
            outcomes = self._ledger.outbox.count_by_state()
        except LedgerError:
            is_up = 0
        else:
            if last is not None:
                lag = (self._now() - instant(last.finished)).total_seconds()
                yield GaugeMetricFamily("llmcost_sync_lag_seconds", "Since LangSmith was last read to the end.", lag)
            deliveries = GaugeMetricFamily(
                "llmcost_deliveries", "Messages that the ledger knows, by how far they have come.", labels=["state"]
            )
            for state, number in outcomes.items():
                deliveries.add_metric([state.value], number)
            yield deliveries
        yield GaugeMetricFamily("llmcost_ledger_up", "Whether the ledger can be reached.", is_up)
