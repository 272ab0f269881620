"""Runs whose feature only their trace's root can tell: not every sender copies it to the runs below."""

from collections.abc import Sequence

from bot.domain.costing import is_run
from bot.domain.feature import Attribution
from bot.domain.run import Run


class Rootless:
    """Holds such runs back, with all others of their traces, until there are enough of them for one question: what
    LangSmith takes is requests, and a page has a few dozens of such traces."""

    def __init__(self) -> None:
        self._held: dict[bytes, list[Run]] = {}  # by trace

    def __len__(self) -> int:
        """How many runs are held."""
        return sum(map(len, self._held.values()))

    def sift(self, page: Sequence[Run], attribution: Attribution) -> list[Run]:
        """Those of a page that can be booked; the others are held."""
        read = {run.id for run in page}
        for run in page:
            is_known = run.trace_id in read or run.trace_id in self._held
            if run.ancestors and not is_known and is_run(run) and attribution.needs_root(dict(run.keys), run.tags):
                self._held[run.trace_id] = []
        if not self._held:
            return list(page)
        ready: list[Run] = []
        for run in page:
            self._held.get(run.trace_id, ready).append(run)
        return ready

    def release(self) -> tuple[list[Run], set[bytes]]:
        """All that are held, and the traces among them whose root has not been read itself; none is held then."""
        runs = [run for held in self._held.values() for run in held]
        wanted = set(self._held) - {run.id for run in runs}
        self._held = {}
        return runs, wanted
