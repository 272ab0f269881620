"""The routes of the demo's server: a request in, an answer out; no socket, no clock."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple

from bot.demo.errors import RequestError
from bot.demo.ingest import Inbox, read_batch, read_run
from bot.demo.multipart import Change, decompress, read_json, read_multipart
from bot.demo.projects import list_projects, run_url
from bot.demo.query import query_runs
from bot.demo.stats import run_stats
from bot.demo.store import Store

INFO: Mapping[str, object] = {
    "version": "0.16.5",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    },
    "instance_flags": {"zstd_compression_enabled": True, "ch_query_enabled": True, "sdb_query_enabled": True},
}


class Request(NamedTuple):
    """One HTTP request. Header names are lower case; `query` holds each parameter's values in their order."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes


class Response(NamedTuple):
    """What is answered: a status and a payload that becomes JSON."""

    status: int
    payload: Any


class Api:
    """LangSmith's HTTP API, as far as a cost reader and a tracer use it, on top of a store."""

    def __init__(self, store: Store, *, api_key: str | None = None) -> None:
        """`api_key` is the only key that is let in; None lets any key in that is not empty."""
        self._store = store
        self._inbox = Inbox(store)
        self._api_key = api_key
        self._routes: Sequence[tuple[str, re.Pattern[str], Callable[[Request, str, datetime], Response]]] = (
            ("GET", re.compile(r"(?:/api(?:/v1)?)?/info()"), lambda *_: Response(200, INFO)),
            ("GET", re.compile(r"/api/v2/sessions()"), self._sessions),
            ("POST", re.compile(r"/api/v2/runs/query()"), self._query),
            ("GET", re.compile(r"/api/v2/runs/([^/]+)/url"), self._url),
            ("POST", re.compile(r"/api/v1/runs/stats()"), self._stats),
            ("POST", re.compile(r"(?:/api(?:/v1)?)?/runs/multipart()"), self._multipart),
            ("POST", re.compile(r"(?:/api(?:/v1)?)?/runs/batch()"), self._batch),
            ("POST", re.compile(r"(?:/api(?:/v1)?)?/runs()"), self._post),
            ("PATCH", re.compile(r"(?:/api(?:/v1)?)?/runs/([^/]+)"), self._patch),
        )

    def answer(self, request: Request, now: datetime) -> Response:
        """The answer to `request` at `now`. Refusals are answers too: problem details with a sentence in `detail`."""
        try:
            route, captured = self._route(request)
            if not request.path.endswith("/info"):
                self._let_in(request.headers)
            return route(request, captured, now)
        except RequestError as error:
            return problem(error.status, error.detail)

    def _route(self, request: Request) -> tuple[Callable[[Request, str, datetime], Response], str]:
        is_known = False
        for method, pattern, route in self._routes:
            found = pattern.fullmatch(request.path.rstrip("/"))
            if found and method == request.method:
                return route, found[1]
            is_known = is_known or found is not None
        if is_known:
            raise RequestError(405, f"{request.path} does not take {request.method}")
        raise RequestError(404, f"the demo server has no {request.path}")

    def _let_in(self, headers: Mapping[str, str]) -> None:
        key = headers.get("x-api-key", "")
        if not key:
            raise RequestError(401, "the x-api-key header is missing")
        if self._api_key is not None and key != self._api_key:
            raise RequestError(403, "the API key is not one of this server's")

    def _sessions(self, request: Request, _: str, _now: datetime) -> Response:
        return Response(200, list_projects(self._store, request.query))

    def _query(self, request: Request, _: str, now: datetime) -> Response:
        return Response(200, query_runs(self._store, read_json(request.body), now))

    def _stats(self, request: Request, _: str, now: datetime) -> Response:
        return Response(200, run_stats(self._store, read_json(request.body), now))

    def _url(self, request: Request, run_id: str, _now: datetime) -> Response:
        return Response(200, run_url(self._store, f"http://{request.headers.get('host', '')}", run_id, request.query))

    def _multipart(self, request: Request, _: str, now: datetime) -> Response:
        body = decompress(request.headers.get("content-encoding", ""), request.body)
        self._inbox.accept(read_multipart(request.headers.get("content-type", ""), body), now)
        return Response(202, {"message": "Runs multipart ingested"})

    def _batch(self, request: Request, _: str, now: datetime) -> Response:
        self._inbox.accept(read_batch(read_json(request.body)), now)
        return Response(202, {"message": "Runs batch ingested"})

    def _post(self, request: Request, _: str, now: datetime) -> Response:
        self._inbox.accept([Change("post", read_run(read_json(request.body)))], now)
        return Response(202, {"message": "Run created"})

    def _patch(self, request: Request, run_id: str, now: datetime) -> Response:
        self._inbox.accept([Change("patch", {**read_run(read_json(request.body)), "id": run_id})], now)
        return Response(202, {"message": "Run updated"})


def problem(status: int, detail: str) -> Response:
    """A refusal in the form in which LangSmith's v2 API writes one (RFC 7807)."""
    return Response(
        status, {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    )
