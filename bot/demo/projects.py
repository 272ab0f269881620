"""`GET /api/v2/sessions`: the projects, which LangSmith's API calls sessions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.demo import paging, values
from bot.demo.errors import RequestError
from bot.demo.fields import rfc3339
from bot.demo.records import Project
from bot.demo.store import Store

TENANT_ID = "11111111-1111-4111-8111-111111111111"

_DEFAULT_PAGE_SIZE = 20
_MAX_PAGE_SIZE = 100


_LISTS = ("id", "type")
_READERS: Mapping[str, values.Reader] = {
    "id": values.list_of(values.uuid),
    "type": values.list_of(values.one_of(("PROJECT", "AGENT", "EXPERIMENT"))),
    "name": values.text,
    "name_contains": values.text,
    "page_size": lambda key, value: values.count(_MAX_PAGE_SIZE)(key, int(value) if value.isdecimal() else value),
    "cursor": values.text,
    "sort_by": values.one_of(("NAME", "START_TIME", "LAST_RUN_START_TIME")),
    "sort_order": values.one_of(("asc", "desc")),
    "include_stats": values.one_of(("false",)),
    "include_facets": values.one_of(("false",)),
}
_NOT_SERVED = (
    "dataset_version",
    "filter",
    "metadata",
    "reference_dataset_id",
    "sort_by_feedback_key",
    "sort_by_feedback_source",
    "stats_filter",
    "stats_select",
    "stats_start_time",
    "tag_value_id",
    "use_approx_stats",
)


def list_projects(store: Store, query: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """The page of projects that the query string asks for, `{"items", "next_cursor"}`; null on the last page.

    The newest first unless `sort_by` says otherwise. Raises RequestError.
    """
    asked = values.read_body(
        {key: list(given) if key in _LISTS else given[-1] for key, given in query.items()}, _READERS, _NOT_SERVED
    )
    projects = [project for project in store.projects() if _is_asked_for(project, asked)]
    projects.sort(key=_order(store, asked.get("sort_by")), reverse=asked.get("sort_order", "desc") == "desc")
    lasting = {key: value for key, value in asked.items() if key != "cursor"}
    first = _first(projects, paging.position(lasting, asked["cursor"])) if "cursor" in asked else 0
    last = first + asked.get("page_size", _DEFAULT_PAGE_SIZE)
    page = projects[first:last]
    return {
        "items": [_row(project) for project in page],
        "next_cursor": paging.cursor(lasting, [page[-1].id]) if last < len(projects) else None,
    }


def _first(projects: list[Project], position: list[str]) -> int:
    """Where the projects after that position begin; a project that has gone in the meantime ends the paging."""
    ids = [project.id for project in projects]
    return ids.index(position[0]) + 1 if position[0] in ids else len(ids)


def _is_asked_for(project: Project, asked: dict[str, Any]) -> bool:
    return (
        ("id" not in asked or project.id in asked["id"])
        and ("type" not in asked or "PROJECT" in asked["type"])
        and ("name" not in asked or project.name == asked["name"])
        and ("name_contains" not in asked or asked["name_contains"].lower() in project.name.lower())
    )


def _order(store: Store, sort_by: str | None) -> Callable[[Project], tuple[str, str]]:
    if sort_by == "NAME":
        return lambda project: (project.name, project.id)
    if sort_by == "LAST_RUN_START_TIME":
        return lambda project: (_last_start(store, project) or "", project.id)
    return lambda project: (project.start.isoformat(), project.id)


def _last_start(store: Store, project: Project) -> str | None:
    newest = store.newest_first([project.id], None, None)[:1]
    return rfc3339(newest[0].start) if newest else None


def _row(project: Project) -> dict[str, object]:
    return {
        "id": project.id,
        "name": project.name,
        "start_time": rfc3339(project.start),
        "tenant_id": TENANT_ID,
        "type": "PROJECT",
        "trace_tier": "LONG_LIVED",
        "extra": {},
    }


def run_url(store: Store, base_url: str, run_id: str, query: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """`GET /api/v2/runs/{id}/url`: the deep link to a run. Raises RequestError."""
    given = {key: query.get(key, [None])[-1] for key in ("project_id", "trace_id")}
    project_id, trace_id = (values.uuid(key, value) for key, value in given.items())
    run = store.run(values.uuid("run_id", run_id))
    if run is None or run.project_id != project_id:
        raise RequestError(404, f"there is no run {run_id} in project {project_id}")
    return {
        "url": f"{base_url}/o/{TENANT_ID}/projects/p/{project_id}/r/{run.id}"
        f"?trace_id={trace_id}&start_time={rfc3339(run.start)}"
    }
