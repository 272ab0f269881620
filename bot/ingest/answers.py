"""What an answer of LangSmith means: a page, or an error in a sentence.

A sentence never quotes the server's text: it can carry a part of the key, or anything at all.
"""

import json
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from bot.domain.cost import Listed
from bot.domain.feature import clean_value
from bot.domain.money import from_json, nanos
from bot.errors import SourceError, SourceRefusedError, SourceUnavailableError

# Python's own limit on the digits of a whole number would make one absurd number hide a page of runs.
_MOST_DIGITS = 1_000
# A server that says "at once" and throttles all the same would be asked in a circle.
_SHORTEST_WAIT_SECONDS = 1.0


Item = TypeVar("Item")


class Page(NamedTuple, Generic[Item]):
    """A page of an answer; `cursor` asks for the next one, and is None on the last."""

    items: list[Item]
    cursor: str | None


def read_page(body: bytes, base_url: str) -> Page[object]:
    """A page from the body of an answer; its items can be anything.

    Raises SourceUnavailableError for everything else. What only looks like an empty page is no page: the time that it
    stands for would count as read, and never be asked for again.
    """
    answer = _parse(body, base_url)
    if isinstance(answer, dict):
        items, cursor, more = answer.get("items"), answer.get("next_cursor"), answer.get("has_more")
        is_page = isinstance(items, list) or (items is None and ("items" in answer or more is False))
        if is_page and isinstance(cursor, str | None) and (cursor or more is not True):
            return Page(items or [], cursor or None)
    raise _other_form(base_url)


def read_totals(body: bytes, base_url: str) -> dict[str, Listed]:
    """What LangSmith adds up by type of run (upper case), from the body of its statistics by `run_type`.

    Raises SourceUnavailableError for everything else: one total of everything, say, from a server that does not group.
    """
    answer = _parse(body, base_url)
    if not isinstance(answer, dict) or not all(isinstance(stats, dict) for stats in answer.values()):
        raise _other_form(base_url)
    return {clean_value(kind).upper(): _listed(stats, base_url) for kind, stats in answer.items()}


def _listed(stats: Mapping[str, Any], base_url: str) -> Listed:
    """A type of run without a cost has null, which adds nothing; a type without a `total_cost` is of another form."""
    runs, cost = stats.get("run_count"), stats.get("total_cost", "missing")
    number = from_json(cost)
    if not isinstance(runs, int) or isinstance(runs, bool) or (cost is not None and number is None):
        raise _other_form(base_url)
    try:
        return Listed(runs, 0 if number is None else nanos(number))
    except ValueError:
        raise SourceUnavailableError(
            "What LangSmith adds up is no amount of money: the cost of a run of that time must be absurd; "
            "audit lists what cannot be true."
        ) from None


def read_object(body: bytes, base_url: str) -> dict[str, Any]:
    """A JSON object from the body of an answer. Raises SourceUnavailableError for everything else."""
    answer = _parse(body, base_url)
    if isinstance(answer, dict):
        return answer
    raise _other_form(base_url)


def _other_form(base_url: str) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"LangSmith at {base_url} answered JSON of another form than its API promises; "
        "if that goes on, check LANGSMITH_ENDPOINT."
    )


def status_error(status: int, what: str, base_url: str) -> SourceError:
    """The error for an answer with the HTTP `status` to a question for `what`."""
    if status in (401, 403):
        return SourceRefusedError(
            f"LangSmith refuses the key ({status}): check LANGSMITH_API_KEY, the region in LANGSMITH_ENDPOINT "
            f"({base_url}) and, for keys that see several workspaces, LANGSMITH_WORKSPACE_ID."
        )
    if status in (404, 501):
        return SourceRefusedError(
            f"LangSmith at {base_url} does not serve these {what} ({status}): the project may have been "
            "deleted; otherwise check LANGSMITH_ENDPOINT; self-hosted LangSmith needs 0.16 or newer."
        )
    if status == 429:
        return SourceUnavailableError(
            "LangSmith is throttling us (429). If that goes on, lower LLMCOST_REQUESTS_PER_10S."
        )
    if status >= 500 or status in (408, 409):
        return SourceUnavailableError(f"LangSmith has trouble of its own ({status}); it may pass by itself.")
    if 300 <= status < 400:
        return SourceRefusedError(
            f"{base_url} sends us elsewhere ({status}), and the key is not carried there: "
            "set LANGSMITH_ENDPOINT to the address of LangSmith's API itself."
        )
    return SourceRefusedError(
        f"LangSmith does not accept our request for {what} ({status}): it may be too old; "
        "self-hosted LangSmith needs 0.16 or newer."
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server asks us to wait, one at least; None if it does not say, or says a date."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return None if seconds != seconds else max(_SHORTEST_WAIT_SECONDS, seconds)


def _parse(body: bytes, base_url: str) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        # Strict as it should be; but one run with half a surrogate pair in its name must not hide a thousand others.
        try:
            return json.loads(body.decode("utf-8", "replace"), parse_int=_whole_number)
        except (ValueError, RecursionError):
            raise SourceUnavailableError(
                f"LangSmith at {base_url} answered something that is not JSON: a proxy or a login page may stand in "
                "between; if that goes on, check LANGSMITH_ENDPOINT."
            ) from None


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) < _MOST_DIGITS else float(digits)
