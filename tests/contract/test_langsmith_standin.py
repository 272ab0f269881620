"""The LangSmith stand-in, held to the real SDK: what it answers must be what the SDK's own types accept."""

import http.client
import json
import typing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import langsmith
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from langsmith import Langsmith, traceable, tracing_context
from langsmith.run_trees import RunTree
from langsmith.types import RunQueryV2Params, RunSelectField, SessionListV2Params
from langsmith.types.run import Run

from bot.demo import projects, query
from bot.demo.api import INFO
from bot.demo.fields import SELECTS
from bot.demo.seed import PRODUCTION, sample_store
from bot.demo.server import DemoServer
from bot.demo.traces import MARKER
from tests.standins.langsmith import API_KEY, NOW, LangSmithStandIn
from tests.standins.langsmith_requests import ALLOWED_SELECTS, FORBIDDEN_SELECTS, RUNS_QUERY

EVERYTHING = typing.get_args(RunSelectField)
LEDGER_SELECTS: list[Any] = [
    *("ID", "NAME", "RUN_TYPE", "STATUS", "START_TIME", "END_TIME", "TRACE_ID", "PARENT_RUN_IDS", "PROJECT_ID"),
    *("METADATA", "TAGS", "PROMPT_TOKENS", "COMPLETION_TOKENS", "TOTAL_TOKENS", "PROMPT_COST", "COMPLETION_COST"),
    *("TOTAL_COST", "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS", "PRICE_MODEL_ID"),
]
UNCOMPRESSED = {**INFO, "instance_flags": {"zstd_compression_enabled": False}}
DAY = {"min_start_time": NOW - timedelta(days=1), "max_start_time": NOW}


@pytest.fixture
def standin() -> Iterator[LangSmithStandIn]:
    with LangSmithStandIn() as server:
        yield server
        assert server.violations == []


@pytest.fixture
def client(standin: LangSmithStandIn) -> Iterator[Langsmith]:
    with connect(standin) as client:
        yield client


def connect(server: DemoServer, *, api_key: str = API_KEY, max_retries: int = 0, timeout: float = 20) -> Langsmith:
    return Langsmith(
        api_key=api_key,
        base_url=server.url,
        max_retries=max_retries,
        timeout=timeout,
        _strict_response_validation=True,
    )


def read(client: Langsmith, *project_ids: str, **asked: Any) -> list[Run]:
    asked = {**DAY, "selects": LEDGER_SELECTS, "page_size": 1000, **asked}
    return list(client.runs.query_v2(project_ids=list(project_ids), **asked))


class TestReading:
    def test_every_field_of_every_run_of_the_sample_is_of_the_sdks_types(self) -> None:
        """The SDK checks each page strictly; all pages together hold every run once, the newest first."""
        now = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
        store = sample_store(now)
        with DemoServer(store, now=lambda: now) as server, connect(server) as client:
            runs = read(
                client, PRODUCTION.id, selects=EVERYTHING, min_start_time=now - timedelta(days=40), max_start_time=now
            )
        kept = store.newest_first([PRODUCTION.id], None, None)
        assert [run.id for run in runs] == [run.id for run in kept]
        assert len(runs) > 4000
        for run, own in zip(runs, kept, strict=True):
            assert run.start_time == own.start
            assert run.metadata == own.metadata
            assert run.total_cost == (None if own.amounts.total_cost is None else float(own.amounts.total_cost))

    def test_what_a_run_is_comes_through(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        project_id = standin.add_project("acme-prod")
        root = standin.add_run(run_type="CHAIN", name="pipeline", metadata={"feature": "rag-search"})
        call = standin.add_run(
            parent=root,
            model="gpt-4o",
            tags=["a"],
            tokens=(100, 20),
            cost=("0.1", "0.2"),
            details=({"cache_read": 40}, {"reasoning": 5}),
            start=NOW - timedelta(minutes=5),
            inputs={"q": MARKER},
        )
        run, chain = read(client, project_id)
        assert (run.id, run.trace_id, run.parent_run_ids, run.project_id) == (call, root, [root], project_id)
        assert (run.name, run.run_type, run.status) == ("ChatOpenAI", "LLM", "SUCCESS")
        assert run.start_time == NOW - timedelta(minutes=5)
        assert run.end_time == NOW - timedelta(minutes=5) + timedelta(seconds=2)
        assert run.metadata == {"ls_provider": "openai", "ls_model_name": "gpt-4o"}
        assert run.tags == ["a"]
        assert (run.prompt_tokens, run.completion_tokens, run.total_tokens) == (100, 20, 120)
        assert (run.prompt_cost, run.completion_cost, run.total_cost) == (0.1, 0.2, 0.3)
        assert run.prompt_token_details is not None
        assert run.prompt_token_details.raw == {"cache_read": 40}
        assert run.completion_token_details is not None
        assert run.completion_token_details.raw == {"reasoning": 5}
        assert run.inputs is None
        assert (chain.id, chain.parent_run_ids, chain.total_cost) == (root, [], None)

    def test_the_defaults_of_langsmith_are_kept(self) -> None:
        """24 hours, ids only, 100 rows a page."""
        with LangSmithStandIn() as server, connect(server) as client:
            project_id = server.add_project("acme-prod")
            server.add_runs([{"start": NOW - timedelta(minutes=n)} for n in range(150)])
            server.add_run(start=NOW - timedelta(hours=25))
            runs = list(client.runs.query_v2(project_ids=[project_id]))
            assert len(runs) == 150
            assert all(run.id and run.name is None and run.start_time is None for run in runs)
            assert [request.body.get("cursor") is None for request in server.requests] == [True, False]

    def test_a_cost_mode_is_told_by_include_subtree_usage(self) -> None:
        """Own costs: false and true differ. Rolled up: they are the same."""
        for mode, without in (("own", None), ("rolled_up", 0.01)):
            with LangSmithStandIn("own" if mode == "own" else "rolled_up") as server, connect(server) as client:
                root = server.add_run(run_type="CHAIN")
                server.add_run(parent=root, cost="0.01")
                project_id = server.store.projects()[0].id
                plain, subtree = (
                    next(run for run in read(client, project_id, include_subtree_usage=flag) if run.id == root)
                    for flag in (False, True)
                )
                assert (plain.total_cost, subtree.total_cost) == (without, 0.01)
                assert subtree.total_tokens == 1100

    def test_projects_are_found_by_name_and_paged(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        ids = {name: standin.add_project(name) for name in ("acme-prod", "acme-staging", "other")}
        (found,) = client.sessions.list_v2(name="acme-prod")
        assert (found.id, found.name, found.type) == (ids["acme-prod"], "acme-prod", "PROJECT")
        assert [one.name for one in client.sessions.list_v2(name="acme")] == []
        by_name = client.sessions.list_v2(name_contains="ACME", sort_by="NAME", sort_order="asc", page_size=1)
        assert [one.name for one in by_name] == ["acme-prod", "acme-staging"]
        assert [one.name for one in client.sessions.list_v2(id=[ids["other"], ids["acme-prod"]], sort_by="NAME")] == [
            "other",
            "acme-prod",
        ]
        standin.add_run(project="other")
        latest = client.sessions.list_v2(sort_by="LAST_RUN_START_TIME", type=["PROJECT"])
        assert next(iter(latest)).name == "other"
        assert list(client.sessions.list_v2(type=["AGENT"])) == []

    def test_a_runs_url_leads_to_it(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        run_id = standin.add_run()
        project_id = standin.store.projects()[0].id
        url = client.runs.get_url(run_id, project_id=project_id, trace_id=run_id).url
        assert url is not None
        assert url.startswith(f"{standin.url}/o/")
        assert f"/projects/p/{project_id}/r/{run_id}?trace_id={run_id}&start_time=2026-11-18T14:30:00" in url
        with pytest.raises(langsmith.NotFoundError):
            client.runs.get_url(project_id, project_id=project_id, trace_id=run_id)

    def test_stats_add_up_and_leave_groups_out_quietly(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        """Six features: five come unless `max_groups` says otherwise; the untagged are in no group."""
        project_id = standin.add_project("acme-prod")
        for n in range(6):
            standin.add_runs({"metadata": {"feature": f"f{n}"}, "cost": n + 1} for _ in range(6 - n))
        standin.add_run(cost=None, tokens=None)
        standin.add_run(run_type="CHAIN", cost=100)

        def stats(**body: Any) -> Any:
            body = {"session": [project_id], "run_type": "llm", "end_time": NOW.isoformat(), **body}
            return client.post("/api/v1/runs/stats", cast_to=object, body=body)

        total = stats()
        assert (total["run_count"], total["total_cost"]) == (22, sum((n + 1) * (6 - n) for n in range(6)))
        assert (total["prompt_tokens"], total["completion_tokens"], total["total_tokens"]) == (21_000, 2_100, 23_100)
        by_feature = {"attribute": "metadata", "path": "feature"}
        assert list(stats(group_by=by_feature)) == ["f0", "f1", "f2", "f3", "f4"]
        all_of_them = stats(group_by={**by_feature, "max_groups": 50})
        assert all_of_them["f5"]["total_cost"] == 6
        assert sum(group["run_count"] for group in all_of_them.values()) == 21
        assert stats(filter='neq(metadata_key, "feature")')["run_count"] == 1
        assert stats(filter='neq(metadata_key, "feature")')["total_cost"] is None
        assert stats(start_time=NOW.isoformat())["run_count"] == 0
        assert stats(select=["total_cost"]) == {"total_cost": total["total_cost"]}
        with pytest.raises(langsmith.UnprocessableEntityError):
            stats(colour="red")

    def test_refusals_are_the_sdks_errors(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        project_id = standin.add_project("acme-prod")
        for asked, error in (
            ({"filter": "eq(name"}, langsmith.BadRequestError),
            ({"project_ids": ["99999999-0000-4000-8000-000000000000"]}, langsmith.NotFoundError),
            ({"page_size": 1001}, langsmith.UnprocessableEntityError),
            ({"extra_body": {"colour": "red"}}, langsmith.UnprocessableEntityError),
            ({"min_start_time": NOW - timedelta(days=402)}, langsmith.UnprocessableEntityError),
        ):
            body: dict[str, Any] = {"project_ids": [project_id], **DAY, "selects": ["ID"], **asked}
            with pytest.raises(error):
                client.runs.query_v2(**body)
        standin.violations.clear()
        with connect(standin, api_key="lsv2_wrong") as stranger, pytest.raises(langsmith.PermissionDeniedError):
            read(stranger, project_id)

    def test_without_a_key_only_info_answers(self, standin: LangSmithStandIn) -> None:
        assert [plain(standin, "GET", path) for path in ("/info", "/api/v1/info", "/api/v2/sessions")] == [
            200,
            200,
            401,
        ]
        assert plain(standin, "GET", "/api/v2/nothing") == 404
        assert plain(standin, "DELETE", "/api/v2/runs/query") == 405
        assert plain(standin, "POST", "/runs", headers={"Transfer-Encoding": "chunked"}) == 411
        assert plain(standin, "POST", "/runs", headers={"Content-Length": "999999999"}) == 413


def plain(
    server: DemoServer, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


class TestTypes:
    """What the stand-in knows is what the SDK knows: nothing more, nothing less."""

    def test_query_parameters(self) -> None:
        theirs = set(RunQueryV2Params.__annotations__) - {"accept"}
        assert set(query._READERS) | set(query._NOT_SERVED) == theirs
        assert set(RUNS_QUERY["properties"]) == theirs

    def test_session_parameters(self) -> None:
        assert set(projects._READERS) | set(projects._NOT_SERVED) == set(SessionListV2Params.__annotations__)

    def test_selects(self) -> None:
        assert set(SELECTS) == set(EVERYTHING)
        assert set(ALLOWED_SELECTS) | FORBIDDEN_SELECTS == set(EVERYTHING)
        assert not set(ALLOWED_SELECTS) & FORBIDDEN_SELECTS


class TestViolations:
    """The schema says no to each thing that would read prompts or quietly miss runs."""

    def complaints(self, **asked: Any) -> list[str]:
        with LangSmithStandIn() as server, connect(server) as client:
            project_id = server.add_project("acme-prod")
            body = {"project_ids": [project_id], **DAY, "selects": LEDGER_SELECTS, **asked}
            try:
                client.runs.query_v2(**{key: value for key, value in body.items() if value is not None})
            except langsmith.APIStatusError:
                assert server.violations
            return server.violations

    def test_a_good_query_has_none(self) -> None:
        assert self.complaints(page_size=1000, include_subtree_usage=True) == []

    @pytest.mark.parametrize("select", sorted(FORBIDDEN_SELECTS))
    def test_nothing_that_may_hold_a_prompt_is_selected(self, select: str) -> None:
        (complaint,) = self.complaints(selects=["ID", select])
        assert complaint.startswith("selects/1: ")

    @pytest.mark.parametrize("key", ["min_start_time", "max_start_time", "selects"])
    def test_what_has_a_treacherous_default_is_given(self, key: str) -> None:
        (complaint,) = self.complaints(**{key: None})
        assert f"'{key}' is a required property" in complaint

    def test_a_page_is_of_at_most_1000_rows_and_keys_are_known(self) -> None:
        assert "maximum" in self.complaints(page_size=1001)[0]
        assert "unexpected" in self.complaints(extra_body={"colour": "red"})[0]


class TestTracing:
    """What the SDK's tracer sends can be read back."""

    @pytest.mark.parametrize(
        ("prefix", "options", "sent"),
        [
            ("", {}, {("POST", "/runs/multipart")}),
            ("/api", {}, {("POST", "/api/runs/multipart")}),
            ("/api/v1", {}, {("POST", "/api/v1/runs/multipart")}),
            ("", {"info": UNCOMPRESSED}, {("POST", "/runs/multipart")}),
            ("", {"auto_batch_tracing": False}, {("POST", "/runs"), ("PATCH", "/runs/*")}),
        ],
        ids=["as it comes", "below /api", "below /api/v1", "uncompressed", "run by run"],
    )
    def test_a_traced_application_is_readable(
        self, prefix: str, options: dict[str, Any], sent: set[tuple[str, str]]
    ) -> None:
        with LangSmithStandIn(now=lambda: datetime.now(UTC)) as server:
            self.trace(langsmith.Client(api_url=server.url + prefix, api_key=API_KEY, **options))
            assert self.sent(server) == sent
            self.check(server)

    def test_info_tells_the_tracer_what_it_may_send(self, standin: LangSmithStandIn) -> None:
        client = langsmith.Client(api_url=standin.url, api_key=API_KEY, auto_batch_tracing=False)
        info = client.info
        client.close()
        assert info.version.startswith("0.16.")
        assert info.batch_ingest_config is not None
        assert info.batch_ingest_config["use_multipart_endpoint"] is True
        assert info.instance_flags is not None
        assert info.instance_flags["zstd_compression_enabled"] is True

    def test_compressed(self) -> None:
        """Whether the SDK compresses a body depends on how far its threads are; this one is compressed for certain."""
        run_id = "10000000-0000-4000-8000-000000000001"
        run = {"name": "call", "run_type": "llm", "start_time": NOW.isoformat(), "session_name": "traced"}
        lines = [
            "--B",
            f'Content-Disposition: form-data; name="post.{run_id}"',
            "Content-Type: application/json",
            "",
            json.dumps(run),
            "--B--",
        ]
        headers = {"Content-Type": "multipart/form-data; boundary=B", "Content-Encoding": "zstd", "x-api-key": API_KEY}
        with LangSmithStandIn() as server, connect(server) as client:
            body = zstandard.compress("\r\n".join(lines).encode())
            assert plain(server, "POST", "/runs/multipart", headers, body) == 202
            (project,) = client.sessions.list_v2(name="traced")
            window = {"max_start_time": NOW + timedelta(seconds=1)}
            assert [(run.id, run.status) for run in read(client, project.id, **window)] == [(run_id, "PENDING")]

    def test_in_a_batch(self) -> None:
        """`POST /runs/batch`, which the SDK falls back to where multipart is not there."""
        with LangSmithStandIn(now=lambda: datetime.now(UTC)) as server:
            server.fail_next(9, status=404, path="/runs/multipart")
            self.trace(langsmith.Client(api_url=server.url, api_key=API_KEY, info=UNCOMPRESSED))
            assert ("POST", "/runs/batch") in self.sent(server)
            self.check(server)

    def sent(self, server: LangSmithStandIn) -> set[tuple[str, str]]:
        return {
            (method, path if method == "POST" else path.rpartition("/")[0] + "/*")
            for method, path in ((request.method, request.path) for request in server.requests)
            if not path.endswith("/info")
        }

    def trace(self, client: langsmith.Client) -> None:
        @traceable(run_type="llm", metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o-mini"})
        def call(question: str) -> dict[str, Any]:
            usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
            return {"answer": question, "usage_metadata": {**usage, "input_token_details": {"cache_read": 400}}}

        @traceable(run_type="chain", metadata={"feature": "rag-search"}, tags=["blue"])
        def answer(question: str) -> str:
            return str(call(question)["answer"])

        with tracing_context(enabled=True, client=client, project_name="traced"):
            answer(MARKER)
        tree = RunTree(name="web_search", run_type="tool", project_name="traced", ls_client=client)
        tree.set(usage_metadata={"total_cost": 0.01})
        tree.post()
        tree.end(error="ValueError: no")
        tree.patch()
        client.flush()
        client.close()

    def check(self, server: DemoServer) -> None:
        with connect(server) as client:
            (project,) = client.sessions.list_v2(name="traced")
            now = datetime.now(UTC)
            window = {"min_start_time": now - timedelta(hours=1), "max_start_time": now + timedelta(hours=1)}
            runs = {run.name: run for run in read(client, project.id, **window)}
        assert set(runs) == {"answer", "call", "web_search"}
        root, call, tool = runs["answer"], runs["call"], runs["web_search"]
        assert (root.run_type, root.status, root.total_cost, root.tags) == ("CHAIN", "SUCCESS", None, ["blue"])
        assert (call.run_type, call.status, call.trace_id) == ("LLM", "SUCCESS", root.id)
        assert call.parent_run_ids == [root.id]
        assert call.metadata is not None
        assert (call.metadata["feature"], call.metadata["ls_model_name"]) == ("rag-search", "gpt-4o-mini")
        assert (call.prompt_tokens, call.completion_tokens) == (1000, 100)
        assert call.prompt_token_details is not None
        assert call.prompt_token_details.raw == {"cache_read": 400}
        cost = 600 * Decimal("0.15e-6") + 400 * Decimal("0.075e-6") + 100 * Decimal("0.6e-6")
        assert call.total_cost == float(cost)
        assert call.price_model_id is not None
        assert (tool.run_type, tool.status, tool.total_cost, tool.total_tokens) == ("TOOL", "ERROR", 0.01, None)


class TestFaults:
    """Each fault reaches the SDK as the error that the real thing would cause, and is gone afterwards."""

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (429, langsmith.RateLimitError),
            (500, langsmith.InternalServerError),
            (503, langsmith.InternalServerError),
            (401, langsmith.AuthenticationError),
            (409, langsmith.ConflictError),
        ],
    )
    def test_fails(
        self, standin: LangSmithStandIn, client: Langsmith, status: int, error: type[langsmith.APIStatusError]
    ) -> None:
        run_id = standin.add_run()
        project_id = standin.store.projects()[0].id
        standin.fail_next(2, status=status)
        for _ in range(2):
            with pytest.raises(error):
                read(client, project_id)
        assert [run.id for run in read(client, project_id)] == [run_id]

    def test_says_when_to_come_back_or_does_not(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        project_id = standin.add_project("acme-prod")
        for seconds, header in ((7, "7"), (None, None)):
            standin.fail_next(status=429, retry_after=seconds)
            with pytest.raises(langsmith.RateLimitError) as refused:
                read(client, project_id)
            assert refused.value.response.headers.get("retry-after") == header

    def test_the_sdks_own_retries_get_through(self, standin: LangSmithStandIn) -> None:
        run_id = standin.add_run()
        standin.fail_next(2, status=503, retry_after=0.01)
        with connect(standin, max_retries=2) as client:
            assert [run.id for run in read(client, standin.store.projects()[0].id)] == [run_id]
        assert len(standin.requests) == 3

    def test_hangs(self, standin: LangSmithStandIn) -> None:
        project_id = standin.add_project("acme-prod")
        standin.hang_next(60)
        with connect(standin, timeout=0.1) as client, pytest.raises(langsmith.APITimeoutError):
            read(client, project_id)

    def test_answers_late(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        project_id = standin.add_project("acme-prod")
        standin.hang_next(0.01)
        assert read(client, project_id) == []

    def test_cuts_the_answer(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        run_id = standin.add_run()
        project_id = standin.store.projects()[0].id
        standin.cut_next()
        with pytest.raises(langsmith.APIConnectionError):
            read(client, project_id)
        assert [run.id for run in read(client, project_id)] == [run_id]

    def test_answers_with_a_web_page_or_anything(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        project_id = standin.add_project("acme-prod")
        standin.html_next()
        with pytest.raises(langsmith.APIResponseValidationError):
            read(client, project_id)
        standin.html_next(status=502)
        with pytest.raises(langsmith.InternalServerError):
            read(client, project_id)
        standin.raw_next(b'{"items": [')
        with pytest.raises((ValueError, langsmith.APIError)):
            read(client, project_id)
        standin.raw_next(b'{"items": 7}')
        with pytest.raises(langsmith.APIResponseValidationError):
            read(client, project_id)

    def test_hits_only_the_path_or_project_that_was_meant(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        one, other = standin.add_project("one"), standin.add_project("other")
        standin.fail_next(path="/sessions")
        standin.fail_next(project=other)
        assert read(client, one) == []
        with pytest.raises(langsmith.InternalServerError):
            list(client.sessions.list_v2())
        with pytest.raises(langsmith.InternalServerError):
            read(client, other)
        assert read(client, other) == []

    def test_serves_spoiled_rows(self, standin: LangSmithStandIn) -> None:
        good, bad = standin.add_run(), standin.add_run(start=NOW - timedelta(hours=2))
        standin.spoil(bad, lambda row: {**row, "start_time": "yesterday", "total_cost": "a lot"})
        with Langsmith(api_key=API_KEY, base_url=standin.url, max_retries=0) as lenient:
            rows = read(lenient, standin.store.projects()[0].id)
        assert [row.id for row in rows] == [good, bad]
        assert (str(rows[1].start_time), str(rows[1].total_cost)) == ("yesterday", "a lot")


class TestTime:
    """What happens to runs while the world goes on."""

    def test_costs_are_held_back_and_released(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        standin.add_run(cost=("0.1", "0.2"), details=({"cache_read": 1}, {}))
        project_id = standin.store.projects()[0].id
        standin.hold_back_costs()
        (run,) = read(client, project_id)
        assert (run.total_cost, run.prompt_cost, run.total_tokens, run.prompt_token_details) == (None, None, None, None)
        standin.hold_back_costs(tokens=False)
        (run,) = read(client, project_id)
        assert (run.total_cost, run.total_tokens) == (None, 1100)
        standin.release_costs()
        assert read(client, project_id)[0].total_cost == 0.3

    def test_a_pending_run_is_completed(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        run_id = standin.add_run(status="PENDING", metadata={"feature": "x"})
        project_id = standin.store.projects()[0].id
        (run,) = read(client, project_id)
        assert (run.status, run.end_time, run.total_tokens, run.total_cost) == ("PENDING", None, None, None)
        standin.update_run(run_id, status="SUCCESS", tokens=(5, 6), cost="0.07", metadata={"env": "prod"})
        (run,) = read(client, project_id)
        assert (run.status, run.total_tokens, run.total_cost) == ("SUCCESS", 11, 0.07)
        assert run.end_time is not None
        assert run.metadata is not None
        assert (run.metadata["feature"], run.metadata["env"]) == ("x", "prod")

    def test_old_runs_are_forgotten(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        standin.add_run(start=NOW - timedelta(hours=20))
        young = standin.add_run(start=NOW - timedelta(hours=2))
        assert standin.forget_before(NOW - timedelta(hours=14)) == 1
        assert [run.id for run in read(client, standin.store.projects()[0].id)] == [young]

    def test_runs_arrive_and_pages_shift_while_paging(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        ids = standin.add_runs({"start": NOW - timedelta(minutes=n)} for n in range(1, 6))
        project_id = standin.store.projects()[0].id
        newest, last = NOW - timedelta(seconds=1), NOW - timedelta(minutes=9)
        late = "00000000-0000-4000-8000-00000000000f"
        standin.insert_while_paging([{"start": newest}, {"start": last, "id": late}])
        assert [run.id for run in read(client, project_id, page_size=2)] == [*ids, late]
        standin.repeat_while_paging(1)
        seen = [run.id for run in read(client, project_id, page_size=2)]
        assert len(seen) == len(set(seen)) + 1
        assert set(ids) < set(seen)
        seen = [run.id for run in read(client, project_id, page_size=2)]
        assert len(seen) == len(set(seen)) == 7


class TestLog:
    def test_requests_are_kept_without_their_keys(self, standin: LangSmithStandIn, client: Langsmith) -> None:
        project_id = standin.add_project("acme-prod")
        read(client, project_id)
        list(client.sessions.list_v2(name="acme-prod"))
        asked, listed = standin.requests
        assert (asked.method, asked.path, asked.body["project_ids"]) == ("POST", "/api/v2/runs/query", [project_id])
        assert (listed.method, listed.path, listed.query) == ("GET", "/api/v2/sessions", {"name": ["acme-prod"]})
        assert asked.headers["x-api-key"] == "***"
        assert API_KEY not in json.dumps([request._asdict() for request in standin.requests], default=str)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=12), st.integers(1, 5))
def test_the_sdk_reads_every_run_exactly_once_the_newest_first(ages: list[int], page_size: int) -> None:
    with LangSmithStandIn() as server, connect(server) as client:
        project_id = server.add_project("acme-prod")
        ids = server.add_runs({"start": NOW - timedelta(minutes=1 + age)} for age in ages)
        runs = read(client, project_id, page_size=page_size)
    starts = [run.start_time for run in runs if run.start_time]
    assert sorted(str(run.id) for run in runs) == sorted(ids)
    assert starts == sorted(starts, reverse=True)
