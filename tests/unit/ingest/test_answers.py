"""What counts as an answer. Sentences about errors are read by people: none may quote the server."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SourceError, SourceRefusedError, SourceUnavailableError
from bot.ingest.answers import Page, read_page, retry_after, status_error

URL = "https://langsmith.example"
NO_PAGES: list[object] = [
    {},
    {"detail": "all is well"},
    {"items": 7},
    {"items": {}},
    {"items": "none"},
    {"has_more": True},
    {"items": [1], "has_more": True},
    {"items": [], "has_more": True},
    {"items": [{}], "has_more": True},
    {"items": [{}], "has_more": True, "next_cursor": ""},
    {"items": [1], "has_more": True, "next_cursor": None},
    {"items": [1], "next_cursor": 7},
    {"items": [1], "next_cursor": ["abc"]},
    [],
    [{"items": []}],
    None,
    "items",
    0,
]
NOT_JSON = [b"", b"<html>", b'{"items": [', b'{"items": []} trailing', b"\xff\xfe", b"[" * 5_000 + b"]" * 5_000]
ODDITIES = [b'"\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b"NaN", b"-Infinity", b"1e400", b"1" * 400, b"1" * 10_000]


def page(body: Any) -> Page[object]:
    return read_page(json.dumps(body).encode(), URL)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"items": [], "has_more": False}, Page([], None)),
        ({"items": [{"id": 1}], "next_cursor": "abc", "has_more": True}, Page([{"id": 1}], "abc")),
        ({"items": [1], "next_cursor": "abc"}, Page([1], "abc")),
        ({"items": [1], "next_cursor": None}, Page([1], None)),
        ({"items": [1], "next_cursor": ""}, Page([1], None)),
        ({"items": None}, Page([], None)),
        ({"has_more": False}, Page([], None)),
    ],
)
def test_a_page_is_items_and_where_the_next_begins(body: object, read: Page[object]) -> None:
    assert page(body) == read


@pytest.mark.parametrize("body", NO_PAGES)
def test_what_is_no_page_is_never_taken_for_an_empty_one(body: object) -> None:
    """The time that it stands for would count as read."""
    with pytest.raises(SourceUnavailableError, match="JSON of another form"):
        page(body)


@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_not_json_is_said_to_be_so(body: bytes) -> None:
    with pytest.raises(SourceUnavailableError, match="not JSON"):
        read_page(body, URL)


@pytest.mark.parametrize("oddity", ODDITIES)
def test_one_odd_value_does_not_hide_the_other_runs(oddity: bytes) -> None:
    read = read_page(b'{"items": [{"name": ' + oddity + b'}, {"name": "fine"}]}', URL)
    assert len(read.items) == 2
    assert read.items[1] == {"name": "fine"}


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
def test_any_body_is_a_page_or_an_error_of_ours(body: bytes) -> None:
    with suppress(SourceUnavailableError):
        assert read_page(body, URL)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("7.5", 7.5), ("3600", 3600), ("0", 1), ("-5", 1), ("nan", None), ("", None), ("soon", None)],
)
def test_the_server_says_in_seconds_when_to_come_back_or_says_nothing(header: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": header}) == seconds
    assert retry_after({}) is None
    assert retry_after({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}) is None


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (401, SourceRefusedError, "LANGSMITH_API_KEY"),
        (403, SourceRefusedError, "LANGSMITH_ENDPOINT"),
        (404, SourceRefusedError, "0.16"),
        (501, SourceRefusedError, "0.16"),
        (400, SourceRefusedError, "does not accept"),
        (422, SourceRefusedError, "does not accept"),
        (302, SourceRefusedError, "elsewhere"),
        (308, SourceRefusedError, "LANGSMITH_ENDPOINT"),
        (429, SourceUnavailableError, "LLMCOST_REQUESTS_PER_10S"),
        (408, SourceUnavailableError, "trouble"),
        (409, SourceUnavailableError, "trouble"),
        (500, SourceUnavailableError, "trouble"),
        (502, SourceUnavailableError, "trouble"),
        (599, SourceUnavailableError, "trouble"),
    ],
)
def test_a_status_is_a_sentence_that_says_what_to_do(status: int, kind: type[SourceError], says: str) -> None:
    error = status_error(status, "runs", URL)
    assert type(error) is kind
    assert says in str(error)
    assert str(status) in str(error)
    assert str(error).endswith(".")
