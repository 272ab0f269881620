"""LangSmith's v2 API, one page at a time. The only file that knows the SDK.

The SDK's typed models are not used: building them took 12 times as long as parsing the same bytes (8,000 against
125,000 runs a second over loopback), and a first sync reads a lot. Its client is: authentication, URLs, parameters,
errors and connections are its own.
"""

import json
import logging
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import UUID

import orjson

from bot.errors import SourceError, SourceRefusedError, SourceUnavailableError
from bot.ingest.limiter import RequestLimiter
from bot.ingest.reading import ROOT_SELECTS, SELECTS, MalformedRunError, has_ended, read_id
from bot.ledger.booking import instant, microseconds

if TYPE_CHECKING:
    from langsmith import Langsmith
    from langsmith._response import APIResponse

PAGE_SIZE = 1_000
TRIES = 6
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0
REQUEST_SECONDS = 90.0

_log = logging.getLogger(__name__)


class Project(NamedTuple):
    """A project of LangSmith. `started` in microseconds since 1970 UTC."""

    id: bytes
    name: str
    started: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which projects are read: names, ids and globs; experiments only on demand."""

    patterns: tuple[str, ...]
    experiments: bool = False


class LangSmith:
    """What llmcost asks of LangSmith. Every method raises SourceError: SourceUnavailableError where another try may
    help, after the retries here, and SourceRefusedError where it will not."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        workspace_id: str | None,
        limiter: RequestLimiter,
        sleep: Callable[[float], None],
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._workspace_id = workspace_id
        self._limiter = limiter
        self._sleep = sleep
        self._client: Langsmith | None = None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def projects(self, selection: Selection) -> tuple[list[Project], list[str]]:
        """The projects that match, by name, and a sentence for each pattern that matches none."""
        found: dict[bytes, Project] = {}
        problems = []
        everything: list[Project] | None = None
        for pattern in selection.patterns:
            if _is_glob(pattern):
                if everything is None:
                    everything = self._list_projects(selection)
                matching = [project for project in everything if fnmatchcase(project.name, pattern)]
            else:
                matching = self._list_projects(selection, **_exactly(pattern))
                # A server that does not know the filter would answer with every project that it has.
                matching = [one for one in matching if pattern in (one.name, str(UUID(bytes=one.id)))]
            found.update((project.id, project) for project in matching)
            if not matching:
                problems.append(
                    f"LangSmith has no project {pattern!r} that this key can see: check LANGSMITH_PROJECT, "
                    "LANGSMITH_WORKSPACE_ID and the region in LANGSMITH_ENDPOINT."
                )
        return sorted(found.values(), key=lambda project: project.name), problems

    def runs(self, project: bytes, start: int, end: int, types: Sequence[str]) -> Iterator[list[Mapping[str, Any]]]:
        """Pages of the project's runs of `types` that began in [start, end), the newest first."""
        parameters: dict[str, Any] = {"selects": list(SELECTS)}
        if len(types) == 1:
            parameters["run_type"] = types[0]
        else:
            parameters["filter"] = "or(" + ", ".join(f'eq(run_type, "{one.lower()}")' for one in types) + ")"
        yield from self._pages(project, instant(start), instant(end), parameters)

    def runs_by_id(self, project: bytes, ids: Sequence[bytes], start: int, end: int) -> list[Mapping[str, Any]]:
        """Those of the runs `ids` that LangSmith still has; they began in [start, end]."""
        return self._by_id(project, ids, instant(start), instant(end), SELECTS)

    def roots(
        self, project: bytes, trace_ids: Collection[bytes], start: int, end: int
    ) -> dict[bytes, tuple[Mapping[str, Any], bool]]:
        """Of the traces whose root LangSmith still has: the root's metadata, and whether it has ended."""
        found: dict[bytes, tuple[Mapping[str, Any], bool]] = {}
        for raw in self._by_id(project, sorted(trace_ids), instant(start), instant(end), ROOT_SELECTS):
            metadata = raw.get("metadata")
            try:
                found[read_id(raw.get("id"))] = (metadata if isinstance(metadata, dict) else {}, has_ended(raw))
            except MalformedRunError:
                continue  # an answer without an id is about no trace that was asked for
        return found

    def cost_of(self, project: bytes, run_id: bytes, start: int, end: int, *, subtree: bool) -> object:
        """The total cost of one run as JSON has it, with or without its descendants'; None if it has none."""
        selects = ("ID", "TOTAL_COST")
        found = self._by_id(project, [run_id], instant(start), instant(end), selects, include_subtree_usage=subtree)
        return found[0].get("total_cost") if found else None

    def _list_projects(self, selection: Selection, **filters: Any) -> list[Project]:
        if not selection.experiments:
            filters["type"] = ["PROJECT", "AGENT"]
        found: list[Project] = []
        cursor: str | None = None
        while True:
            asked = filters | ({"cursor": cursor} if cursor else {})
            ask = partial(self._sdk().sessions.with_raw_response.list_v2, page_size=100, **asked)
            answer = self._ask(ask, "projects")
            for raw in _items(answer):
                if not selection.experiments and raw.get("type") == "EXPERIMENT":
                    continue
                try:
                    project_id = read_id(raw.get("id"))
                except MalformedRunError:
                    continue  # without an id nothing of it can be read
                found.append(Project(project_id, str(raw.get("name")), _started(raw)))
            following = answer.get("next_cursor")
            if not following or following == cursor:
                return found
            cursor = str(following)

    def _by_id(
        self,
        project: bytes,
        ids: Sequence[bytes],
        start: datetime,
        end: datetime,
        selects: Sequence[str],
        **more: Any,
    ) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for at in range(0, len(ids), PAGE_SIZE):
            wanted = [str(UUID(bytes=one)) for one in ids[at : at + PAGE_SIZE]]
            for page in self._pages(project, start, end, {"selects": list(selects), "ids": wanted, **more}):
                found += page
        return found

    def _pages(
        self, project: bytes, start: datetime, end: datetime, parameters: Mapping[str, Any]
    ) -> Iterator[list[Mapping[str, Any]]]:
        """Pages with explicit bounds: without them LangSmith answers for the last 24 hours only, and saying nothing."""
        cursor: str | None = None
        while True:
            asked = dict(parameters) | ({"cursor": cursor} if cursor else {})
            ask = partial(
                self._sdk().runs.with_raw_response.query_v2,
                project_ids=[str(UUID(bytes=project))],
                min_start_time=start,
                max_start_time=end,
                page_size=PAGE_SIZE,
                **asked,
            )
            answer = self._ask(ask, "runs")
            yield _items(answer)
            following = answer.get("next_cursor")
            if not following or following == cursor:  # a cursor that stands still would go on for ever
                return
            cursor = str(following)

    def _ask(self, request: "Callable[[], APIResponse[Any]]", what: str) -> Mapping[str, Any]:
        """One answer as JSON, asked for up to TRIES times under the limiter."""
        wait = FIRST_WAIT_SECONDS
        for attempt in range(1, TRIES + 1):
            self._limiter.wait()
            try:
                return _parse(request().read())
            except Exception as error:  # noqa: BLE001 - told apart below; what is not LangSmith's is raised again
                problem, retry_after = self._understand(error, what)
                if not problem.transient or attempt == TRIES:
                    raise problem from None
                seconds = retry_after if retry_after is not None else wait * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
                seconds = min(seconds, LONGEST_WAIT_SECONDS)
                _log.info("asking LangSmith for %s again in %.0f s: %s", what, seconds, problem)
                if retry_after is not None:
                    self._limiter.close_for(seconds)
                else:
                    self._sleep(seconds)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _understand(self, error: Exception, what: str) -> tuple[SourceError, float | None]:
        """Our error for an error of the SDK or of its answer, and how long the server asked us to wait.

        Never quotes the server's text: it can carry a part of the key, or anything at all.
        """
        import langsmith

        if isinstance(error, SourceError):
            return error, None
        if isinstance(error, langsmith.APITimeoutError):
            return SourceUnavailableError(f"LangSmith did not answer within {REQUEST_SECONDS:.0f} s."), None
        if isinstance(error, langsmith.APIStatusError):
            return self._understand_status(error.status_code, what), _retry_after(error.response.headers)
        if isinstance(error, langsmith.APIConnectionError) or type(error).__module__.startswith(("httpx", "httpcore")):
            return SourceUnavailableError(f"LangSmith at {self._base_url} cannot be reached, or it hung up."), None
        raise error

    def _understand_status(self, status: int, what: str) -> SourceError:
        if status in (401, 403):
            return SourceRefusedError(
                f"LangSmith refuses the key ({status}): check LANGSMITH_API_KEY, the region in LANGSMITH_ENDPOINT "
                f"({self._base_url}) and, for keys that see several workspaces, LANGSMITH_WORKSPACE_ID."
            )
        if status in (404, 501):
            return SourceRefusedError(
                f"LangSmith at {self._base_url} does not serve {what} by its v2 API ({status}): check "
                "LANGSMITH_ENDPOINT; self-hosted LangSmith needs 0.16 or newer."
            )
        if status == 429:
            return SourceUnavailableError(
                "LangSmith is throttling us (429). If that goes on, lower LLMCOST_REQUESTS_PER_10S."
            )
        if status >= 500 or status in (408, 409):
            return SourceUnavailableError(f"LangSmith has trouble of its own ({status}).")
        return SourceRefusedError(f"LangSmith does not accept our request for {what} ({status}).")

    def _sdk(self) -> "Langsmith":
        if self._client is None:
            from langsmith import Langsmith

            # Retries are ours: the SDK's would not ask the limiter.
            self._client = Langsmith(
                api_key=self._api_key,
                tenant_id=self._workspace_id,
                base_url=self._base_url,
                max_retries=0,
                timeout=REQUEST_SECONDS,
            )
        return self._client


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Strict as it should be; but one run with half a surrogate pair in its name must not hide a thousand others.
        try:
            answer = json.loads(body)
        except ValueError:
            raise SourceUnavailableError("LangSmith answered something that is not JSON.") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("items"), list | None):
        raise SourceUnavailableError("LangSmith answered JSON of another form than its API promises.")
    return answer


def _items(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return cast("list[Mapping[str, Any]]", answer.get("items") or [])


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server asks us to wait; None if it does not say, or says a date."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, min(seconds, LONGEST_WAIT_SECONDS)) if seconds == seconds else None


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def _exactly(pattern: str) -> dict[str, Any]:
    try:
        return {"id": [str(UUID(pattern))]}
    except ValueError:
        return {"name": pattern}


def _started(raw: Mapping[str, Any]) -> int:
    """When a project began; 1970 if it does not say."""
    try:
        began = datetime.fromisoformat(str(raw.get("start_time")))
    except ValueError:
        return 0
    return microseconds(began) if began.tzinfo is not None else 0
