"""LangSmith for tests: the demo's server with runs from compact dicts, a log of what it was asked, and faults to order.

Times are the test's: pass `now`. Runs default to a plain successful LLM call of one cent.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from bot.demo.api import Request, Response
from bot.demo.records import Amounts, Project, Run
from bot.demo.server import Connection, DemoServer
from bot.demo.store import Mode, Store
from tests.standins.langsmith_requests import violations

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)

API_KEY = "lsv2_sk_fake"

_COSTS = ("prompt_cost", "completion_cost", "total_cost", "price_model_id")
_TOKENS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_token_details",
    "completion_token_details",
)
_MODEL_KEYS = ("ls_provider", "ls_model_name")
_QUERY = "/api/v2/runs/query"
STATS = "/api/v1/runs/stats"


class Received(NamedTuple):
    """A request as it came in. Keys are blanked out; a JSON body is read, any other is bytes."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: Any


@dataclass
class _Fault:
    act: Callable[[Request, Connection], bool]  # whether it answered
    times: int
    path: str | None
    project: str | None

    def hits(self, request: Request) -> bool:
        if self.path is not None and self.path not in request.path:
            return False
        if self.project is not None:
            return self.project.encode() in request.body or self.project in str(request.query)
        return True


class LangSmithStandIn(DemoServer):
    """A LangSmith on 127.0.0.1 whose every answer the test decides. A context manager; `url` says where.

    `mode` as in `Store`: whether parents carry only their own cost or their descendants' too. `requests` is all that
    was asked; `violations` is what was wrong with the runs queries among it: assert at the end that it is empty.
    """

    def __init__(
        self, mode: Mode = "own", *, now: Callable[[], datetime] = lambda: NOW, api_key: str | None = API_KEY
    ) -> None:
        super().__init__(Store(mode), api_key=api_key, now=now)
        self.api_key = api_key or API_KEY
        self.requests: list[Received] = []
        self.violations: list[str] = []
        self._clock = now
        self._guard = threading.RLock()
        self._stopping = threading.Event()
        self._faults: list[_Fault] = []
        self._hidden: tuple[str, ...] = ()
        self._spoiled: dict[str, Callable[[dict[str, Any]], object]] = {}
        self._distortion: float = 1
        self._between_pages: list[Callable[[], object]] = []
        self._repeat = 0
        self._pages_before: dict[str, list[Any]] = {}  # by what was asked, page after page
        self._made: Counter[str] = Counter()

    def stop(self) -> None:
        """Stop; whatever hangs gives up."""
        self._stopping.set()
        super().stop()

    # What it holds.

    def add_project(self, name: str, *, id: str | None = None, start: datetime | None = None) -> str:  # noqa: A002 - LangSmith's word
        """Add a project; its id."""
        project = Project(id or self._new_id("project", name), name, start or self._clock() - timedelta(days=400))
        self.store.add_project(project)
        return project.id

    def add_runs(self, runs: Iterable[Mapping[str, Any]]) -> list[str]:
        """Add runs; their ids. All keys of a dict are optional:

        id, name, run_type, status, start, end, metadata, tags, error, inputs, outputs as in `Run`;
        project: a name or an id (made if there is none; default: the only project, else "acme-prod");
        parent: the id of a run that is there already (or parent_run_ids and trace_id as they are);
        provider, model: the ls_ metadata (default openai, gpt-4o-mini on LLM and EMBEDDING runs; model None for none);
        tokens: (input, output) or None; details: (input details, output details);
        cost: total dollars, or (prompt, completion), or None.
        Only LLM runs that are not pending have tokens (1000, 100) and a cost (0.01) by default.
        """
        ids = []
        for given in runs:
            run = self._run(given)
            self.store.put([run])
            ids.append(run.id)
        return ids

    def add_run(self, **given: Any) -> str:
        """Add one run: see `add_runs`."""
        return self.add_runs([given])[0]

    def update_run(self, run_id: str, **changes: Any) -> None:
        """Change a run, by the keys of `add_runs`; what is not named stays as it is."""
        run = self.store.run(run_id)
        assert run is not None, f"there is no run {run_id}"
        self.store.put([_changed(run, changes)])

    def forget_before(self, instant: datetime) -> int:
        """Forget the runs that started before `instant`, as retention does. How many they were."""
        return self.store.forget_before(instant)

    def hold_back_costs(self, *, tokens: bool = True) -> None:
        """From now on serve no costs, and with `tokens` no tokens either, as LangSmith does before it has priced."""
        self._hidden = _COSTS + (_TOKENS if tokens else ())

    def release_costs(self) -> None:
        """Serve costs and tokens again."""
        self._hidden = ()

    def spoil(self, run_id: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Serve `change(row)` in place of the run's row, whatever that is."""
        self._spoiled[run_id] = change

    def distort_totals(self, factor: float) -> None:
        """From now on serve costs in statistics that are wrong by this factor; the runs themselves stay right."""
        self._distortion = factor

    # What goes wrong. Each takes `path` (a part of it) and `project` (its id) to hit only the requests that have them.

    def fail_next(
        self,
        times: int = 1,
        *,
        status: int = 500,
        retry_after: float | None = None,
        path: str | None = None,
        project: str | None = None,
    ) -> None:
        """Answer the next `times` requests with `status`."""
        body = json.dumps({"title": "stand-in", "status": status, "detail": "this failure was ordered"}).encode()
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._order(lambda _, to: _answer(to, status, "application/json", body, headers), times, path, project)

    def html_next(
        self, times: int = 1, *, status: int = 200, path: str | None = None, project: str | None = None
    ) -> None:
        """Answer with a web page, as a proxy or a login wall does."""
        body = b"<!doctype html><title>Sign in</title><p>Please sign in."
        self._order(lambda _, to: _answer(to, status, "text/html", body), times, path, project)

    def raw_next(
        self,
        body: bytes,
        *,
        times: int = 1,
        status: int = 200,
        content_type: str = "application/json",
        path: str | None = None,
        project: str | None = None,
    ) -> None:
        """Answer with exactly this body."""
        self._order(lambda _, to: _answer(to, status, content_type, body), times, path, project)

    def cut_next(self, times: int = 1, *, path: str | None = None, project: str | None = None) -> None:
        """Close the connection in the middle of the answer."""
        self._order(self._cut, times, path, project)

    def hang_next(self, seconds: float, times: int = 1, *, path: str | None = None, project: str | None = None) -> None:
        """Answer only after `seconds`, or never if the stand-in is stopped before."""
        self._order(lambda _request, _to: self._stopping.wait(seconds), times, path, project)

    def insert_while_paging(self, runs: Iterable[Mapping[str, Any]]) -> None:
        """Add `runs` once the next page that is not the last one has been answered."""
        new = list(runs)
        self._between_pages.append(lambda: self.add_runs(new))

    def repeat_while_paging(self, rows: int = 1) -> None:
        """Begin the next page after a first one with the last `rows` of the page before, as a shifted list would."""
        self._repeat = rows

    # How it serves.

    def respond(self, request: Request, connection: Connection) -> None:
        with self._guard:
            self._note(request)
            fault = next((fault for fault in self._faults if fault.hits(request)), None)
            if fault is not None:
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
        if fault is None or not fault.act(request, connection):
            super().respond(request, connection)

    def answer(self, request: Request) -> Response:
        response = super().answer(request)
        if request.path == STATS and response.status == 200 and self._distortion != 1:
            return Response(200, {kind: self._distorted(stats) for kind, stats in response.payload.items()})
        if request.path != _QUERY or response.status != 200:
            return response
        with self._guard:
            return Response(200, self._page(json.loads(request.body), response.payload))

    def _page(self, asked: Mapping[str, Any], page: Mapping[str, Any]) -> dict[str, Any]:
        rows = [self._row(row) for row in page["items"]]
        question = json.dumps({name: value for name, value in asked.items() if name != "cursor"}, sort_keys=True)
        if self._repeat and "cursor" in asked:
            rows, self._repeat = [*self._pages_before[question][-self._repeat :], *rows], 0
        self._pages_before[question] = rows
        if page["has_more"] and self._between_pages:
            self._between_pages.pop(0)()
        return {**page, "items": rows}

    def _distorted(self, stats: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: value * self._distortion if key.endswith("_cost") and value is not None else value
            for key, value in stats.items()
        }

    def _row(self, row: Mapping[str, Any]) -> Any:
        shown = {key: None if key in self._hidden else value for key, value in row.items()}
        change = self._spoiled.get(str(shown.get("id")))
        return shown if change is None else change(shown)

    def _note(self, request: Request) -> None:
        try:
            body = json.loads(request.body)
        except ValueError:
            body = request.body
        headers = {
            name: "***" if name in ("x-api-key", "authorization") else text for name, text in request.headers.items()
        }
        self.requests.append(Received(request.method, request.path, request.query, headers, body))
        if (request.method, request.path) == ("POST", _QUERY):
            self.violations.extend(violations(body))

    def _order(
        self, act: Callable[[Request, Connection], bool], times: int, path: str | None, project: str | None
    ) -> None:
        with self._guard:
            self._faults.append(_Fault(act, times, path, project))

    def _cut(self, request: Request, connection: Connection) -> bool:
        body = json.dumps(self.answer(request).payload).encode()
        connection.send_response(200)
        connection.send_header("Content-Type", "application/json")
        connection.send_header("Content-Length", str(len(body)))
        connection.end_headers()
        connection.wfile.write(body[: len(body) // 2])
        connection.wfile.flush()
        connection.close_connection = True
        return True

    # How runs are made.

    def _new_id(self, kind: str, name: str = "") -> str:
        with self._guard:
            self._made[kind + name] += 1
            return str(uuid5(NAMESPACE_URL, f"stand-in:{kind}:{name}:{self._made[kind + name]}"))

    def _run(self, given: Mapping[str, Any]) -> Run:
        run_id = given.get("id") or self._new_id("run")
        run_type, status = given.get("run_type", "LLM"), given.get("status", "SUCCESS")
        run = Run(
            id=run_id,
            trace_id=run_id,
            parent_run_ids=(),
            project_id="",
            name="ChatOpenAI" if run_type == "LLM" else run_type.lower(),
            run_type=run_type,
            status=status,
            start=given.get("start") or self._clock() - timedelta(hours=1),
            end=None,
        )
        if "parent" in given:
            parent = self.store.run(given["parent"])
            assert parent is not None, f"there is no run {given['parent']} to be a parent"
            run = run._replace(
                trace_id=parent.trace_id,
                parent_run_ids=(*parent.parent_run_ids, parent.id),
                project_id=parent.project_id,
            )
        if "project" in given or not run.project_id:
            run = run._replace(project_id=self._project_id(given.get("project")))
        defaults: dict[str, Any] = {}
        if run_type in ("LLM", "EMBEDDING"):
            defaults |= {"provider": "openai", "model": "gpt-4o-mini"}
        if run_type == "LLM" and status != "PENDING":
            defaults |= {"tokens": (1000, 100), "cost": "0.01"}
        placed = ("id", "project", "parent", "start")
        return _changed(_changed(run, defaults), {key: value for key, value in given.items() if key not in placed})

    def _project_id(self, wanted: str | None) -> str:
        projects = self.store.projects()
        if wanted is None and len(projects) == 1:
            return projects[0].id
        name = wanted or "acme-prod"
        known = next((project.id for project in projects if name in (project.id, project.name)), None)
        return known or self.add_project(name)


def _answer(
    connection: Connection, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None
) -> bool:
    connection.send_bytes(status, content_type, body, headers)
    return True


def _changed(run: Run, changes: Mapping[str, Any]) -> Run:
    """`run` with `changes`, whose keys are those of `LangSmithStandIn.add_runs`."""
    plain = dict(changes)
    metadata = dict(run.metadata)
    for key, name in (("provider", "ls_provider"), ("model", "ls_model_name")):
        if key in plain:
            metadata[name] = plain.pop(key)
    metadata |= plain.pop("metadata", {})
    amounts = run.amounts
    if "tokens" in plain:
        tokens = plain.pop("tokens")
        prompt, completion = tokens or (None, None)
        amounts = amounts._replace(
            prompt_tokens=prompt, completion_tokens=completion, total_tokens=sum(tokens) if tokens else None
        )
    if "details" in plain:
        prompt_details, completion_details = plain.pop("details")
        amounts = amounts._replace(prompt_details=prompt_details, completion_details=completion_details)
    if "cost" in plain:
        amounts = _with_cost(amounts, plain.pop("cost"))
    for key in ("tags", "parent_run_ids"):
        if key in plain:
            plain[key] = tuple(plain[key])
    run = run._replace(
        metadata={key: value for key, value in metadata.items() if value is not None or key not in _MODEL_KEYS},
        amounts=amounts,
        **plain,
    )
    if run.end is None and run.status != "PENDING":
        run = run._replace(end=run.start + timedelta(seconds=2))
    return run


def _with_cost(amounts: Amounts, cost: Any) -> Amounts:
    if isinstance(cost, tuple):
        prompt, completion = (Decimal(str(part)) for part in cost)
        return amounts._replace(prompt_cost=prompt, completion_cost=completion, total_cost=prompt + completion)
    total = None if cost is None else Decimal(str(cost))
    return amounts._replace(prompt_cost=None, completion_cost=None, total_cost=total)
