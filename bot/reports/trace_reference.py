"""What people paste to point at a trace: an id, or the address of a trace or run in LangSmith, as browsers and Slack
give it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

from bot.errors import QuestionError
from bot.reports.tokens import fold, shown

# Where LangSmith looks a run up by its time, the address has the start before the id: 20261118T143000Z019db6c1-...
_ID = re.compile(
    r"(?:[0-9]{8}T[0-9]{6,}Z)?([0-9a-f]{8}(-?)[0-9a-f]{4}(?:\2[0-9a-f]{4}){2}\2[0-9a-f]{12})", re.IGNORECASE
)

# The first that holds an id counts. `peek` is the run that was opened from a list, `run_id` the one selected within it.
_TRACE_KEYS = ("trace_id", "peeked_trace")
_RUN_KEYS = ("peek", "run_id", "run")


@dataclass(frozen=True, slots=True)
class TraceReference:
    """What was said about a trace, each id as 16 bytes; at least one of `trace_id` and `run_id` is there.

    Where `trace_id` is None, `run_id` may be the id of a run or of a trace: the text does not tell them apart.
    """

    trace_id: bytes | None
    run_id: bytes | None
    project_id: bytes | None


def read_reference(text: str) -> TraceReference:
    """The trace that an id or an address of any host points at. Raises QuestionError if there is no id in it."""
    text = fold(text).strip("`")
    if text.startswith("<"):
        # Slack writes <address> or <address|label>.
        text = text[1:].partition(">")[0].partition("|")[0]
    if (run_id := _first([text])) is not None:
        return TraceReference(None, run_id, None)
    if "/" not in text and "?" not in text:
        raise QuestionError(f"{shown(text)} is no id; paste that of a trace or a run, or its address in LangSmith.")
    path, _, query = text.partition("#")[0].partition("?")
    said = dict[str, list[str]]()
    for key, value in parse_qsl(query):
        said.setdefault(key, []).append(value)
    segments = path.split("/")
    trace_id = _first(_values(said, _TRACE_KEYS))
    run_id = _after(segments, "r") or _first(_values(said, _RUN_KEYS))
    if trace_id is None and run_id is None:
        if "public" in segments:
            # The link itself is not repeated: whoever has it can read the trace.
            raise QuestionError("A public link does not say which trace it shows; paste the trace id or the run id.")
        raise QuestionError(
            "This address names no trace and no run; open one in LangSmith and paste its address, or its trace id."
        )
    return TraceReference(trace_id, run_id, _after(segments, "projects", "p"))


def written_reference(reference: TraceReference) -> str:
    """One word that `read_reference` reads as the same: a bare id, or what counts of an address."""
    if reference.run_id is not None and reference.trace_id is None and reference.project_id is None:
        return _dashed(reference.run_id)
    parts = (
        ("/projects/p/", reference.project_id),
        ("/r/", reference.run_id),
        ("?trace_id=", reference.trace_id),
    )
    return "".join(before + _dashed(found) for before, found in parts if found is not None)


def _first(texts: Iterable[str]) -> bytes | None:
    """The first of the texts that is an id."""
    return next((UUID(found[1]).bytes for text in texts if (found := _ID.fullmatch(text))), None)


def _values(said: Mapping[str, list[str]], keys: Iterable[str]) -> Iterable[str]:
    return (value for key in keys for value in said.get(key, []))


def _after(segments: Sequence[str], *words: str) -> bytes | None:
    """The first id of a path that comes right after these words."""
    count = len(words)
    return _first(segments[i + count] for i in range(len(segments) - count) if (*segments[i : i + count],) == words)


def _dashed(found: bytes) -> str:
    return str(UUID(bytes=found))
