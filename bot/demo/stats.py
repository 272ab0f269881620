"""`POST /api/v1/runs/stats`: runs counted and added up, as a whole or by group."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.demo import values
from bot.demo.errors import RequestError
from bot.demo.fields import number, rfc3339
from bot.demo.filters import compile_filter, metadata_text
from bot.demo.records import RUN_TYPES, Amounts, Run
from bot.demo.store import Store

DEFAULT_GROUPS = 5
_MAX_GROUPS = 10_000

_GROUP_READERS: Mapping[str, values.Reader] = {
    "attribute": values.one_of(("name", "run_type", "tag", "metadata")),
    "path": values.text,
    "max_groups": values.count(_MAX_GROUPS),
}
_READERS: Mapping[str, values.Reader] = {
    "session": values.list_of(values.uuid),
    "start_time": values.instant,
    "end_time": values.instant,
    "run_type": values.one_of(tuple(run_type.lower() for run_type in RUN_TYPES)),
    "filter": values.text,
    "is_root": values.flag,
    "error": values.flag,
    "id": values.list_of(values.uuid),
    "trace": values.uuid,
    "select": values.list_of(values.text),
    "group_by": lambda _key, value: values.read_body(value, _GROUP_READERS),
}
_NOT_SERVED = (
    "data_source_type",
    "execution_order",
    "groups",
    "parent_run",
    "query",
    "reference_example",
    "search_filter",
    "skip_pagination",
    "trace_filter",
    "tree_filter",
    "use_experimental_search",
)


def run_stats(store: Store, body: object, now: datetime) -> dict[str, object]:
    """The statistics that `body` asks for; with `group_by` those of each group, by its value.

    A run counts with its own tokens and costs, in either mode of the store: totals never hold a child twice. Runs
    without the attribute belong to no group, and only the `max_groups` (5) largest by number of runs are answered.
    Raises RequestError.
    """
    asked = values.read_body(body, _READERS, _NOT_SERVED)
    runs = _chosen(store, asked, now)
    select = asked.get("select")
    if "group_by" not in asked:
        return _stats(runs, select)
    groups: dict[str, list[Run]] = {}
    for run in runs:
        for value in _groups_of(run, asked["group_by"]):
            groups.setdefault(value, []).append(run)
    largest = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    most = asked["group_by"].get("max_groups", DEFAULT_GROUPS)
    return {value: _stats(group, select) for value, group in largest[:most]}


def _chosen(store: Store, asked: dict[str, Any], now: datetime) -> list[Run]:
    projects = asked.get("session") or []
    if not projects:
        raise RequestError(422, "session must name at least one project")
    for project_id in projects:
        store.project(project_id)
    runs = store.newest_first(projects, asked.get("start_time"), asked.get("end_time", now))
    matches = compile_filter(asked["filter"]) if "filter" in asked else None
    return [
        run
        for run in runs
        if ("run_type" not in asked or run.run_type.lower() == asked["run_type"])
        and ("is_root" not in asked or (not run.parent_run_ids) == asked["is_root"])
        and ("error" not in asked or (run.status == "ERROR") == asked["error"])
        and ("id" not in asked or run.id in asked["id"])
        and ("trace" not in asked or run.trace_id == asked["trace"])
        and (matches is None or matches(run))
    ]


def _groups_of(run: Run, group_by: dict[str, Any]) -> Iterable[str]:
    attribute = group_by.get("attribute")
    if attribute == "metadata":
        if "path" not in group_by:
            raise RequestError(422, "group_by metadata needs a path")
        value = run.metadata.get(group_by["path"])
        return () if value is None else (metadata_text(value),)
    if attribute == "tag":
        return run.tags
    if attribute == "name":
        return (run.name,)
    if attribute == "run_type":
        return (run.run_type.lower(),)
    raise RequestError(422, "group_by needs an attribute")


def _stats(runs: list[Run], select: list[str] | None) -> dict[str, object]:
    total = Amounts(prompt_tokens=0, completion_tokens=0, total_tokens=0)
    for run in runs:
        total = total.plus(run.amounts)
    failed = sum(run.status == "ERROR" for run in runs)
    stats: dict[str, object] = {
        "run_count": len(runs),
        "prompt_tokens": total.prompt_tokens,
        "completion_tokens": total.completion_tokens,
        "total_tokens": total.total_tokens,
        "prompt_cost": number(total.prompt_cost),
        "completion_cost": number(total.completion_cost),
        "total_cost": number(total.total_cost),
        "error_rate": failed / len(runs) if runs else None,
        "last_run_start_time": rfc3339(max(run.start for run in runs)) if runs else None,
    }
    return stats if select is None else {key: stats.get(key) for key in select}
