"""`POST /api/v2/runs/query`: a page of runs, the newest start first."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from bot.demo import paging, values
from bot.demo.errors import RequestError
from bot.demo.fields import SELECTS, row
from bot.demo.filters import Predicate, compile_filter
from bot.demo.records import RUN_TYPES, Run
from bot.demo.store import Position, Store

DEFAULT_WINDOW = timedelta(days=1)
DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
MAX_SPAN = timedelta(days=401)

_READERS: Mapping[str, values.Reader] = {
    "project_ids": values.list_of(values.uuid),
    "min_start_time": values.instant,
    "max_start_time": values.instant,
    "run_type": values.one_of(RUN_TYPES),
    "filter": values.text,
    "trace_filter": values.text,
    "tree_filter": values.text,
    "is_root": values.flag,
    "has_error": values.flag,
    "ids": values.list_of(values.uuid),
    "trace_id": values.uuid,
    "page_size": values.count(MAX_PAGE_SIZE),
    "cursor": values.text,
    "selects": values.list_of(values.one_of(tuple(SELECTS))),
    "include_subtree_usage": values.flag,
}
_NOT_SERVED = (
    "ai_search",
    "sem_filter",
    "reference_dataset_id",
    "reference_examples",
    "min_feedback_modified_at",
    "max_feedback_modified_at",
)


def query_runs(store: Store, body: object, now: datetime) -> dict[str, object]:
    """The page that `body` asks for, `{"items", "has_more", "next_cursor"}`; the last page has no `next_cursor`.

    Without `min_start_time` only the 24 hours before `now`, without `selects` only ids. Raises RequestError.
    """
    asked = values.read_body(body, _READERS, _NOT_SERVED)
    if not asked.get("project_ids"):
        raise RequestError(422, "project_ids must name at least one project")
    for project_id in asked["project_ids"]:
        store.project(project_id)
    since, until = _window(asked, now)
    page_size = asked.get("page_size", DEFAULT_PAGE_SIZE)
    selects = asked.get("selects") or ["ID"]
    subtree = asked.get("include_subtree_usage", False)
    lasting = {key: value for key, value in asked.items() if key != "cursor"}
    after = _after(paging.position(lasting, asked["cursor"])) if "cursor" in asked else None
    candidates = store.newest_first(asked["project_ids"], since, until, after)
    matches = _matcher(store, asked)
    page = list(islice(filter(matches, candidates), page_size + 1))
    more = len(page) > page_size
    page = page[:page_size]
    answer: dict[str, object] = {
        "items": [row(run, store.amounts(run, include_subtree=subtree), selects) for run in page],
        "has_more": more,
    }
    if more:
        answer["next_cursor"] = paging.cursor(lasting, [page[-1].start.isoformat(), page[-1].id])
    return answer


def _window(asked: dict[str, Any], now: datetime) -> tuple[datetime, datetime | None]:
    """From when to before when; None for the end means now, and no run has started later."""
    since = asked.get("min_start_time", now - DEFAULT_WINDOW)
    until = asked.get("max_start_time")
    last = until or now
    if since > last:
        raise RequestError(422, "min_start_time must not be after max_start_time")
    if last - since > MAX_SPAN:
        raise RequestError(422, f"the span must not exceed {MAX_SPAN.days} days")
    return since, until


def _after(position: list[str]) -> Position:
    start, run_id = position
    return datetime.fromisoformat(start).astimezone(UTC), run_id


def _matcher(store: Store, asked: dict[str, Any]) -> Predicate:
    """Whether a run is one that was asked for, its project and start apart."""
    tests: list[Callable[[Run], bool]] = []
    if "ids" in asked:
        ids = frozenset(asked["ids"])
        tests.append(lambda run: run.id in ids)
    if "run_type" in asked:
        tests.append(lambda run: run.run_type == asked["run_type"])
    if "trace_id" in asked:
        tests.append(lambda run: run.trace_id == asked["trace_id"])
    if "is_root" in asked:
        tests.append(lambda run: (not run.parent_run_ids) == asked["is_root"])
    if "has_error" in asked:
        tests.append(lambda run: (run.status == "ERROR") == asked["has_error"])
    if "filter" in asked:
        tests.append(compile_filter(asked["filter"]))
    if "trace_filter" in asked:
        of_root = compile_filter(asked["trace_filter"])
        tests.append(lambda run: any(of_root(one) for one in store.trace(run.trace_id) if not one.parent_run_ids))
    if "tree_filter" in asked:
        of_any = compile_filter(asked["tree_filter"])
        tests.append(lambda run: any(of_any(one) for one in store.trace(run.trace_id)))
    return lambda run: all(test(run) for test in tests)
