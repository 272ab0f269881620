"""The runs and projects in memory, and what a run shows of its descendants' cost."""

import threading
from bisect import bisect_left
from collections.abc import Collection, Iterable
from datetime import datetime
from heapq import merge
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from bot.demo.errors import RequestError
from bot.demo.records import Amounts, Project, Run

Mode = Literal["own", "rolled_up"]
Position = tuple[datetime, str]  # where a run stands among the others: its start, then its id


class Store:
    """All runs and projects. Every method may be called from any thread.

    With mode "own" a run carries its own tokens and costs. With "rolled_up" a parent always carries its descendants'
    too, as servers do whose v2 route is answered by LangSmith's older store.
    """

    def __init__(self, mode: Mode = "own") -> None:
        self.mode: Mode = mode
        self._lock = threading.RLock()
        self._projects: dict[str, Project] = {}
        self._runs: dict[str, Run] = {}
        self._traces: dict[str, dict[str, Run]] = {}
        self._in_order: dict[str, list[Position]] = {}  # by project, oldest first; absent = to be sorted again

    def add_project(self, project: Project) -> None:
        """Keep `project`, in place of the one with its id."""
        with self._lock:
            self._projects[project.id] = project

    def projects(self) -> list[Project]:
        """All projects, the newest first."""
        with self._lock:
            return sorted(self._projects.values(), key=lambda project: (project.start, project.id), reverse=True)

    def project(self, project_id: str) -> Project:
        """The project with that id. Raises RequestError 404."""
        with self._lock:
            if project_id not in self._projects:
                raise RequestError(404, f"there is no project {project_id}")
            return self._projects[project_id]

    def project_named(self, name: str, now: datetime) -> Project:
        """The project of that name, made at `now` if there is none yet. Its id follows from its name."""
        with self._lock:
            for project in self._projects.values():
                if project.name == name:
                    return project
            project = Project(str(uuid5(NAMESPACE_URL, f"demo-project:{name}")), name, now)
            self._projects[project.id] = project
            return project

    def put(self, runs: Iterable[Run]) -> None:
        """Keep `runs`, each in place of the one with its id."""
        with self._lock:
            for run in runs:
                self._drop(run.id)
                self._runs[run.id] = run
                self._traces.setdefault(run.trace_id, {})[run.id] = run
                self._in_order.pop(run.project_id, None)

    def run(self, run_id: str) -> Run | None:
        """The run with that id."""
        with self._lock:
            return self._runs.get(run_id)

    def forget_before(self, instant: datetime) -> int:
        """Forget the runs that started before `instant`, as retention does. How many they were."""
        with self._lock:
            old = [run.id for run in self._runs.values() if run.start < instant]
            for run_id in old:
                self._drop(run_id)
            return len(old)

    def trace(self, trace_id: str) -> list[Run]:
        """The runs of a trace, in no particular order."""
        with self._lock:
            return list(self._traces.get(trace_id, {}).values())

    def newest_first(
        self,
        project_ids: Collection[str],
        since: datetime | None,
        until: datetime | None,
        after: Position | None = None,
    ) -> list[Run]:
        """The runs of those projects that started in [since, until), the newest start first, then the greater id.

        With `after` only those that come behind that position.
        """
        with self._lock:
            slices = [self._slice(project_id, since, until, after) for project_id in sorted(set(project_ids))]
            return [self._runs[run_id] for _, run_id in merge(*slices, reverse=True)]

    def amounts(self, run: Run, *, include_subtree: bool = False) -> Amounts:
        """What the server says that `run` used and cost: see the class for what its descendants do to it."""
        if not include_subtree and self.mode == "own":
            return run.amounts
        below = [other for other in self.trace(run.trace_id) if run.id in other.parent_run_ids]
        if self.mode == "own":
            return _total([run, *below])
        # The older store knows a wrapper for what it is: its tokens are those of the call that it wraps.
        counted = [one for one in (run, *below) if not _repeats_its_descendants(one, below)]
        return _total(counted)

    def _slice(
        self, project_id: str, since: datetime | None, until: datetime | None, after: Position | None
    ) -> list[Position]:
        if project_id not in self._in_order:
            runs = (run for run in self._runs.values() if run.project_id == project_id)
            self._in_order[project_id] = sorted((run.start, run.id) for run in runs)
        ordered = self._in_order[project_id]
        first = 0 if since is None else bisect_left(ordered, (since, ""))
        last = len(ordered) if until is None else bisect_left(ordered, (until, ""))
        if after is not None:
            last = min(last, bisect_left(ordered, after))
        return ordered[first:last][::-1]

    def _drop(self, run_id: str) -> None:
        run = self._runs.pop(run_id, None)
        if run is not None:
            trace = self._traces[run.trace_id]
            del trace[run_id]
            if not trace:
                del self._traces[run.trace_id]
            self._in_order.pop(run.project_id, None)


def _total(runs: Iterable[Run]) -> Amounts:
    total = Amounts()
    for run in runs:
        total = total.plus(run.amounts)
    return total


def _repeats_its_descendants(run: Run, candidates: Iterable[Run]) -> bool:
    """Whether an LLM run carries the very tokens of the LLM runs right below it."""
    if run.run_type != "LLM" or run.amounts.total_tokens is None:
        return False
    below = [one for one in candidates if one.parent_run_ids[-1:] == (run.id,) and one.run_type == "LLM"]
    return bool(below) and _total(below).total_tokens == run.amounts.total_tokens
