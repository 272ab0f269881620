"""`POST /api/v2/runs/query` without a socket: paging, windows, defaults, refusals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.errors import RequestError
from bot.demo.query import query_runs
from bot.demo.records import Amounts, Project, Run
from bot.demo.store import Store

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
ONE = "00000000-0000-4000-8000-000000000001"
TWO = "00000000-0000-4000-8000-000000000002"


def run(number: int, start: datetime, project: str = ONE, **fields: Any) -> Run:
    run_id = f"10000000-0000-4000-8000-{number:012}"
    plain = Run(run_id, run_id, (), project, "run", "LLM", "SUCCESS", start, start + timedelta(seconds=1))
    return plain._replace(**fields)


def store_of(*runs: Run) -> Store:
    store = Store()
    for project_id in (ONE, TWO):
        store.add_project(Project(project_id, project_id[-1], NOW))
    store.put(runs)
    return store


def ask(store: Store, **body: Any) -> dict[str, Any]:
    return query_runs(store, {"project_ids": [ONE], **body}, NOW)


def ids(answer: dict[str, Any]) -> list[int]:
    return [int(item["id"][-12:]) for item in answer["items"]]


def pages(store: Store, **body: Any) -> list[dict[str, Any]]:
    found = [ask(store, **body)]
    while "next_cursor" in found[-1]:
        found.append(ask(store, cursor=found[-1]["next_cursor"], **body))
    return found


@given(
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from([ONE, TWO])), max_size=30),
    st.integers(1, 7),
)
def test_pages_hold_every_run_exactly_once_the_newest_first(starts: list[tuple[int, str]], page_size: int) -> None:
    """Whatever the page size, and however many runs start in the same instant."""
    runs = [run(n, NOW - timedelta(minutes=age), project) for n, (age, project) in enumerate(starts)]
    found = pages(store_of(*runs), project_ids=[ONE, TWO], page_size=page_size, selects=["ID", "START_TIME"])
    rows = [row for page in found for row in page["items"]]
    assert sorted(row["id"] for row in rows) == sorted(one.id for one in runs)
    assert [row["start_time"] for row in rows] == sorted((row["start_time"] for row in rows), reverse=True)
    assert all(len(page["items"]) == page_size for page in found[:-1])
    assert [page["has_more"] for page in found] == [True] * (len(found) - 1) + [False]


@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 25))
def test_runs_that_arrive_while_paging_neither_repeat_nor_hide_others(count: int, page_size: int, age: int) -> None:
    store = store_of(*(run(n, NOW - timedelta(minutes=n)) for n in range(count)))
    first = ask(store, page_size=page_size)
    store.put([run(99, NOW - timedelta(minutes=age, seconds=30))])
    seen = ids(first)
    while "next_cursor" in first:
        first = ask(store, page_size=page_size, cursor=first["next_cursor"])
        seen += ids(first)
    assert [n for n in seen if n != 99] == list(range(count))
    assert seen.count(99) <= 1


def test_without_a_window_only_the_last_24_hours_come() -> None:
    store = store_of(run(1, NOW - timedelta(hours=23, minutes=59)), run(2, NOW - timedelta(hours=24, seconds=1)))
    assert ids(ask(store)) == [1]


def test_the_window_begins_with_its_first_instant_and_ends_before_its_last() -> None:
    first, last = NOW - timedelta(hours=9), NOW - timedelta(hours=1)
    store = store_of(run(1, first), run(2, last), run(3, first - timedelta(microseconds=1)))
    assert ids(ask(store, min_start_time=first.isoformat(), max_start_time=last.isoformat())) == [1]


def test_without_selects_only_ids_come() -> None:
    assert ask(store_of(run(1, NOW)))["items"] == [{"id": run(1, NOW).id}]


def test_only_what_is_selected_comes() -> None:
    store = store_of(run(1, NOW, inputs={"q": "PROMPT-TEXT"}, outputs={"a": "PROMPT-TEXT"}))
    assert ask(store, selects=["NAME", "TOTAL_COST"])["items"] == [{"name": "run", "total_cost": None}]
    assert ask(store, selects=["INPUTS"])["items"] == [{"inputs": {"q": "PROMPT-TEXT"}}]


@pytest.mark.parametrize(
    ("metadata", "thread"),
    [
        ({}, None),
        ({"thread_id": "t"}, "t"),
        ({"conversation_id": "c"}, "c"),
        ({"conversation_id": "c", "thread_id": "t", "session_id": "s"}, "s"),
        ({"thread_id": "t", "session_id": ""}, "t"),
    ],
)
def test_the_thread_follows_from_the_metadata(metadata: dict[str, object], thread: str | None) -> None:
    store = store_of(run(1, NOW, metadata=metadata))
    assert ask(store, selects=["THREAD_ID"])["items"] == [{"thread_id": thread}]


def test_a_page_has_100_rows_unless_told_otherwise() -> None:
    store = store_of(*(run(n, NOW - timedelta(seconds=n)) for n in range(101)))
    assert len(ask(store)["items"]) == 100
    assert len(ask(store, page_size=1000)["items"]) == 101


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [1, 2, 3]),
        ({"run_type": "TOOL"}, [2]),
        ({"has_error": True}, [2]),
        ({"has_error": False}, [1, 3]),
        ({"is_root": True}, [1, 3]),
        ({"is_root": False}, [2]),
        ({"trace_id": run(1, NOW).id}, [1, 2]),
        ({"ids": [run(3, NOW).id]}, [3]),
        ({"filter": 'eq(name, "search")'}, [2]),
        ({"trace_filter": 'eq(name, "root")'}, [1, 2]),
        ({"tree_filter": 'eq(name, "search")'}, [1, 2]),
        ({"project_ids": [TWO]}, []),
    ],
)
def test_narrows_to_what_was_asked(asked: dict[str, Any], found: list[int]) -> None:
    root = run(1, NOW, name="root")
    child = run(2, NOW - timedelta(seconds=1), name="search", run_type="TOOL", status="ERROR")
    child = child._replace(trace_id=root.id, parent_run_ids=(root.id,))
    assert ids(ask(store_of(root, child, run(3, NOW - timedelta(seconds=2))), **asked)) == found


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"project_ids": []}, 422, "at least one project"),
        ({"project_ids": ["acme-prod"]}, 422, "project_ids must be a UUID"),
        ({"project_ids": ["99999999-0000-4000-8000-000000000000"]}, 404, "there is no project 9999"),
        ({"project_id": ONE}, 422, "unknown key project_id"),
        ({"page_size": 1001}, 422, "from 1 to 1000"),
        ({"page_size": 0}, 422, "from 1 to 1000"),
        ({"page_size": True}, 422, "from 1 to 1000"),
        ({"run_type": "llm"}, 422, "run_type must be one of"),
        ({"selects": ["id"]}, 422, "selects must be one of"),
        ({"is_root": "yes"}, 422, "is_root must be true or false"),
        ({"min_start_time": "yesterday"}, 422, "must be an RFC 3339 time"),
        ({"min_start_time": "2026-11-18T00:00:00"}, 422, "must say its offset"),
        ({"min_start_time": "2026-11-19T00:00:00Z"}, 422, "must not be after max_start_time"),
        ({"min_start_time": "2025-10-01T00:00:00Z"}, 422, "must not exceed 401 days"),
        ({"filter": "eq(name"}, 400, "invalid filter"),
        ({"cursor": "bm90aGluZw=="}, 400, "the cursor is not one"),
        ({"cursor": "é"}, 400, "the cursor is not one"),
        ({"ai_search": "expensive runs"}, 501, "does not serve ai_search"),
    ],
)
def test_refuses(asked: dict[str, Any], status: int, said: str) -> None:
    with pytest.raises(RequestError, match=said) as refused:
        ask(store_of(), **asked)
    assert refused.value.status == status


def test_a_span_of_401_days_is_answered() -> None:
    oldest = run(1, NOW - timedelta(days=401))
    assert ids(ask(store_of(oldest), min_start_time=oldest.start.isoformat())) == [1]


def test_a_cursor_serves_the_query_that_it_was_given_for_and_no_other() -> None:
    store = store_of(run(1, NOW), run(2, NOW - timedelta(seconds=1)))
    cursor = ask(store, page_size=1)["next_cursor"]
    assert ids(ask(store, page_size=1, cursor=cursor)) == [2]
    with pytest.raises(RequestError, match="the cursor is not one"):
        ask(store, page_size=1, is_root=True, cursor=cursor)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_a_body_of_any_shape_is_answered_or_refused(value: Any) -> None:
    store = store_of(run(1, NOW, amounts=Amounts(1, 1, 2)))
    for key in ("project_ids", "selects", "filter", "cursor", "page_size", "min_start_time", "ids", "is_root"):
        try:
            status = 200 if {"items", "has_more"} <= set(ask(store, **{key: value})) else None
        except RequestError as refused:
            status = refused.status
        assert status in (200, 400, 404, 422)
