"""LangSmith's v2 API, one page at a time. The only file that knows the SDK.

The SDK's typed models are not used: building them took 12 times as long as parsing the same bytes (8,000 against
125,000 runs a second over loopback), and a first sync reads a lot. Its client is: authentication, URLs, parameters,
errors and connections are its own.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from bot.domain.cost import Listed
from bot.domain.feature import clean_value
from bot.errors import SourceError, SourceRefusedError, SourceUnavailableError
from bot.ingest.answers import Item, Page, read_object, read_page, read_totals, retry_after, status_error
from bot.ingest.asking import TRIES, Asker
from bot.ingest.form import ROOT_SELECTS, SELECTS, RawRun, RunForm
from bot.ingest.limiter import RequestLimiter
from bot.ingest.links import link_template
from bot.ingest.reading import MalformedRunError, has_ended, read_id, read_instant, read_keys
from bot.ingest.selection import Project, Selection, as_id, fits, is_glob
from bot.ledger.booking import instant
from bot.ledger.trace_rows import Root

if TYPE_CHECKING:
    from langsmith import Langsmith
    from langsmith._response import APIResponse

PAGE_SIZE = 1_000
REQUEST_SECONDS = 90.0
# Somebody waits for it, or a sync that can do without.
LOOK_UP_SECONDS = 10.0

# It knows seven types of runs; its default is to leave out all groups but five, and saying nothing.
_MANY_TYPES = 20
# The header by which the SDK hands over an answer as it came, for a route that it has no method for.
_AS_IT_CAME = {"X-Stainless-Raw-Response": "raw"}


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
        timeout: float = REQUEST_SECONDS,
        tries: int = TRIES,
    ) -> None:
        """`tries` is how often a question is asked before it is given up, until one is answered."""
        self._api_key = api_key
        self._base_url = base_url
        self._workspace_id = workspace_id
        self._limiter = limiter
        self._timeout = timeout
        self._asker = Asker(limiter, sleep, self._understand, base_url, tries)
        self._client: Langsmith | None = None

    @property
    def repeated(self) -> int:
        """How many requests had to be made again."""
        return self._asker.repeated

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
            if is_glob(pattern):
                if everything is None:
                    everything = self._list_projects(selection)
                listed = everything
            elif (project_id := as_id(pattern)) is not None:
                # A server that does not know a filter would answer with every project that it has.
                listed = self._list_projects(selection, id=[str(project_id)])
            else:
                listed = self._list_projects(selection, name=pattern)
            matching = [one for one in listed if fits(pattern, one.id, one.name)]
            found.update((project.id, project) for project in matching)
            if not matching:
                problems.append(
                    f"LangSmith has no project {pattern!r} that this key can see: check LANGSMITH_PROJECT, "
                    "LANGSMITH_WORKSPACE_ID and the region in LANGSMITH_ENDPOINT."
                )
        return sorted(found.values(), key=lambda project: (project.name, project.id)), problems

    def runs(
        self, project: bytes, start: int, end: int, types: Sequence[str], form: RunForm
    ) -> Iterator[list[RawRun | None]]:
        """Pages of the project's runs of `types` that began in [start, end), the newest first."""
        parameters: dict[str, Any] = {"selects": list(SELECTS)}
        if len(types) == 1:
            parameters["run_type"] = types[0]
        else:
            parameters["filter"] = "or(" + ", ".join(f'eq(run_type, "{one.lower()}")' for one in types) + ")"
        # LangSmith does not say whether a run that began at the bound itself is inside: one microsecond more is asked.
        return self._run_pages(project, start - 1, end, parameters, form.page)

    def runs_by_id(
        self, project: bytes, ids: Sequence[bytes], start: int, end: int, form: RunForm
    ) -> list[RawRun | None]:
        """Those of the runs `ids` that LangSmith still has; they began in [start, end)."""
        return self._by_id(project, ids, start, end, SELECTS, form.page)

    def roots(
        self, project: bytes, trace_ids: Collection[bytes], start: int, end: int, form: RunForm
    ) -> dict[bytes, Root]:
        """What the roots of the traces say, of those whose root LangSmith still has."""
        found: dict[bytes, Root] = {}
        for raw in self._by_id(project, sorted(trace_ids), start, end, ROOT_SELECTS, form.page):
            if raw is None:
                continue
            try:
                found[read_id(raw.id)] = Root(read_keys(raw.metadata), final=has_ended(raw))
            except MalformedRunError:
                continue  # an answer without an id is about no trace that was asked for
        return found

    def cost_of(self, project: bytes, run_id: bytes, start: int, end: int, *, subtree: bool) -> object:
        """The total cost of one run as JSON has it, with or without its descendants'; None if it has none."""
        rows = self._by_id(
            project, [run_id], start, end, ("ID", "TOTAL_COST"), read_page, include_subtree_usage=subtree
        )
        wanted = str(UUID(bytes=run_id))
        return next((raw.get("total_cost") for raw in _objects(rows) if raw.get("id") == wanted), None)

    def totals(self, projects: Collection[bytes], start: int, end: int) -> dict[str, Listed]:
        """What LangSmith itself adds up over the projects' runs that began in [start, end), by type (upper case); a
        type without a run is missing. One request, of a kind that LangSmith takes once in ten seconds."""
        body = {
            "session": [str(UUID(bytes=one)) for one in sorted(projects)],
            # As for pages of runs: a run that began at the bound itself is inside.
            "start_time": instant(start - 1).isoformat(),
            "end_time": instant(end).isoformat(),
            "group_by": {"attribute": "run_type", "max_groups": _MANY_TYPES},
            "select": ["run_count", "total_cost"],
        }
        ask = partial(
            self._sdk().post,
            "/api/v1/runs/stats",
            cast_to=cast("type[APIResponse[Any]]", object),
            body=body,
            options={"headers": _AS_IT_CAME},
        )
        return self._asker.ask(ask, "totals", read_totals)

    def trace_of(self, projects: Sequence[bytes], run_id: bytes, start: int, end: int) -> bytes | None:
        """The trace of a run that began in [start, end) in one of the `projects`; None if LangSmith has no such run.

        Asked once: somebody is waiting.
        """
        wanted = str(UUID(bytes=run_id))
        request = partial(
            self._sdk().runs.with_raw_response.query_v2,
            project_ids=[str(UUID(bytes=project)) for project in projects],
            ids=[wanted],
            min_start_time=instant(start),
            max_start_time=instant(end),
            page_size=1,
            selects=["ID", "TRACE_ID"],
            timeout=LOOK_UP_SECONDS,
        )
        for raw in _objects(read_page(self._asker.ask_once(request, "runs"), self._base_url).items):
            if raw.get("id") == wanted:
                try:
                    return read_id(raw.get("trace_id"))
                except MalformedRunError:
                    return None
        return None

    def trace_link(self, project: bytes, run_id: bytes, trace_id: bytes) -> str:
        """The address of a trace of this project, with TRACE in place of its id; learned from one run
        that LangSmith has. Asked once: it can wait."""
        request = partial(
            self._sdk().runs.with_raw_response.get_url,
            str(UUID(bytes=run_id)),
            project_id=str(UUID(bytes=project)),
            trace_id=str(UUID(bytes=trace_id)),
            timeout=LOOK_UP_SECONDS,
        )
        answer = read_object(self._asker.ask_once(request, "addresses of runs"), self._base_url)
        link = link_template(answer.get("url"), run_id, trace_id, self._base_url)
        if link is None:
            raise SourceRefusedError(f"LangSmith at {self._base_url} names no address of a run that can be trusted.")
        return link

    def _list_projects(self, selection: Selection, **filters: Any) -> list[Project]:
        if not selection.experiments:
            filters["type"] = ["PROJECT", "AGENT"]
        ask = partial(self._sdk().sessions.with_raw_response.list_v2, page_size=100, **filters)
        found: list[Project] = []
        for page in self._asker.pages(ask, "projects", read_page):
            for raw in _objects(page):
                if not selection.experiments and raw.get("type") == "EXPERIMENT":
                    continue
                try:
                    project_id = read_id(raw.get("id"))
                except MalformedRunError:
                    continue  # without an id nothing of it can be read
                name = clean_value(raw.get("name")) or str(UUID(bytes=project_id))
                found.append(Project(project_id, name, read_instant(raw.get("start_time")) or 0))
        return found

    def _by_id(
        self,
        project: bytes,
        ids: Sequence[bytes],
        start: int,
        end: int,
        selects: Sequence[str],
        read: Callable[[bytes, str], Page[Item]],
        **more: Any,
    ) -> list[Item]:
        found: list[Item] = []
        for at in range(0, len(ids), PAGE_SIZE):
            wanted = [str(UUID(bytes=one)) for one in ids[at : at + PAGE_SIZE]]
            for page in self._run_pages(project, start, end, {"selects": list(selects), "ids": wanted, **more}, read):
                found += page
        return found

    def _run_pages(
        self,
        project: bytes,
        start: int,
        end: int,
        parameters: Mapping[str, Any],
        read: Callable[[bytes, str], Page[Item]],
    ) -> Iterator[list[Item]]:
        """Pages with explicit bounds: without them LangSmith answers for the last 24 hours only, and saying nothing."""
        ask = partial(
            self._sdk().runs.with_raw_response.query_v2,
            project_ids=[str(UUID(bytes=project))],
            min_start_time=instant(start),
            max_start_time=instant(end),
            page_size=PAGE_SIZE,
            **parameters,
        )
        return self._asker.pages(ask, "runs", read)

    def _understand(self, error: Exception, what: str) -> tuple[SourceError, float | None]:
        """Our error for an error of the SDK or of its answer, and how long the server asked us to wait."""
        import langsmith

        if isinstance(error, SourceError):
            return error, None
        if isinstance(error, langsmith.APITimeoutError):
            return SourceUnavailableError(
                f"LangSmith at {self._base_url} did not answer within {self._timeout:g} s; it may be busy."
            ), None
        if isinstance(error, langsmith.APIStatusError):
            if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                self._limiter.note_refusal()
            return status_error(error.status_code, what, self._base_url), retry_after(error.response.headers)
        if isinstance(error, langsmith.APIConnectionError) or type(error).__module__.startswith(("httpx", "httpcore")):
            return SourceUnavailableError(
                f"LangSmith at {self._base_url} cannot be reached, or hung up: "
                "check the network and LANGSMITH_ENDPOINT."
            ), None
        raise error

    def _sdk(self) -> "Langsmith":
        if self._client is None:
            from langsmith import DefaultHttpxClient, Langsmith

            self._client = Langsmith(
                api_key=self._api_key,
                tenant_id=self._workspace_id,
                base_url=self._base_url,
                # Retries are ours: the SDK's would not ask the limiter.
                max_retries=0,
                timeout=self._timeout,
                # The key goes with every request, to whatever host an answer would redirect it.
                http_client=DefaultHttpxClient(follow_redirects=False),
            )
        return self._client


def _objects(items: list[object]) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)]
