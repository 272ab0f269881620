"""What is taken of LangSmith's JSON: the same whether a page is as it should be or something in it is odd."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import SourceUnavailableError
from bot.ingest.form import SELECTS, RawMetadata, RawRun, RunForm
from bot.ingest.reading import read_run
from tests.unit.ingest.test_answers import NO_PAGES, NOT_JSON, ODDITIES, URL
from tests.unit.ingest.test_reading import FORM, FULL, anything, objects

CONTENT = ("inputs", "outputs", "events", "manifest", "extra", "error", "inputs_preview", "outputs_preview")

fields = st.sampled_from([*sorted(FULL), *CONTENT])
runs = st.dictionaries(fields, anything | objects, max_size=5)


def page(items: object, **more: object) -> bytes:
    return json.dumps({"items": items, **more}).encode()


def taken(raw: RawRun | None) -> dict[str, Any] | None:
    """All that was taken, the metadata as an object again."""
    if raw is None:
        return None
    found = {field.lower(): getattr(raw, field.lower()) for field in SELECTS}
    if raw.metadata is not None:
        names = {name: name for name in RawMetadata.__struct_fields__} | dict(raw.metadata.kept)
        found["metadata"] = {key: getattr(raw.metadata, name) for key, name in names.items()}
    return found


def test_each_field_is_taken_as_it_came() -> None:
    (raw,) = FORM.page(page([FULL]), URL).items
    metadata = {"env": None, "feature": "rag-search", "ls_provider": "openai", "ls_model_name": "gpt-4o-mini"}
    empty = dict.fromkeys(("ls_tracing_sample_rate", "service_tier", "ls_invocation_params"))
    assert taken(raw) == {**FULL, "metadata": {**metadata, **empty}}


@pytest.mark.parametrize(
    ("more", "cursor"),
    [
        ({}, None),
        ({"next_cursor": "abc", "has_more": True}, "abc"),
        ({"next_cursor": ""}, None),
        ({"has_more": False}, None),
    ],
)
def test_a_page_says_where_the_next_begins(more: dict[str, object], cursor: str | None) -> None:
    read = FORM.page(page([FULL, FULL], **more), URL)
    assert (len(read.items), read.cursor) == (2, cursor)


@pytest.mark.parametrize("body", NO_PAGES)
def test_what_is_no_page_is_never_taken_for_an_empty_one(body: object) -> None:
    with pytest.raises(SourceUnavailableError, match="JSON of another form"):
        FORM.page(json.dumps(body).encode(), URL)


@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_not_json_is_said_to_be_so(body: bytes) -> None:
    with pytest.raises(SourceUnavailableError, match="not JSON"):
        FORM.page(body, URL)


@pytest.mark.parametrize("oddity", [*ODDITIES, b"7", b"[]", b"{}", b'"text"', b"null"])
@pytest.mark.parametrize(
    "place", [b'{"items": [%s, %s]}', b'{"items": [{"metadata": %s}, %s]}', b'{"items": [{"name": %s}, %s]}']
)
def test_one_odd_value_does_not_hide_the_other_runs(place: bytes, oddity: bytes) -> None:
    fine = json.dumps(FULL).encode()
    assert taken(FORM.page(place % (oddity, fine), URL).items[1]) == taken(FORM.of(FULL))


def test_what_is_no_object_is_told_apart() -> None:
    odd = [None, 7, "run", [], [FULL], True]
    assert FORM.page(page([*odd, FULL]), URL).items == [*[None] * len(odd), FORM.of(FULL)]


@settings(max_examples=300)
@given(runs)
def test_the_same_is_taken_of_a_page_that_is_read_in_one_go_and_item_by_item(run: dict[str, Any]) -> None:
    body = page([run])
    (once,) = FORM.page(body, URL).items
    (by_item, _) = FORM.page(page([json.loads(json.dumps(run)), 7]), URL).items
    assert repr(taken(once)) == repr(taken(by_item))


USUAL = ("user tier", "class", "kept", "service_tier", "ls_provider", "key_0", "", "caf\xe9", "a.b", "metadata", "id")


@pytest.mark.parametrize("odd", [None, 'a"b', "a\\b", "a\nb", "\0", "\ud800"])
def test_keys_may_be_called_anything_even_as_what_the_tracers_write(odd: str | None) -> None:
    names = USUAL if odd is None else (*USUAL, odd)
    metadata = {name: f"is {name}" for name in names}
    form = RunForm([*names, *names])
    for raw in (*form.page(page([{"metadata": metadata}]), URL).items, form.of({"metadata": metadata})):
        assert raw is not None
        assert raw.metadata is not None
        assert {key: getattr(raw.metadata, name) for key, name in raw.metadata.kept} == metadata
        assert [key for key, _ in raw.metadata.kept] == sorted(names)
        assert (raw.metadata.ls_provider, raw.metadata.service_tier) == ("is ls_provider", "is service_tier")


def test_a_whole_number_of_any_length_is_kept_as_it_is_written() -> None:
    """As a float two ids that differ in the end would be one."""
    numbers = [2**64 - 1, 2**64, 10**30 + 1]
    items = FORM.page(page([{**FULL, "metadata": {"feature": number}} for number in numbers]), URL).items
    assert [read_run(raw, 7).keys for raw in items] == [(("feature", str(number)),) for number in numbers]


@pytest.mark.parametrize("deep", ["[" * 700 + "]" * 700, '{"a":' * 300 + "1" + "}" * 300])
def test_what_is_nested_deeply_is_passed_over(deep: str) -> None:
    body = json.dumps({"items": [{**FULL, "inputs": "HERE", "status": "HERE"}]}).replace('"HERE"', deep).encode()
    (raw,) = FORM.page(body, URL).items
    assert read_run(raw, 7).status == "SUCCESS"
