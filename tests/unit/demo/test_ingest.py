"""Ingest without a socket: what posts and patches make of a run, and what is read from it."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.errors import RequestError
from bot.demo.ingest import Inbox, read_batch
from bot.demo.multipart import MAX_BODY, Change, decompress, read_multipart
from bot.demo.prices import find_price
from bot.demo.records import Run
from bot.demo.store import Store

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
ROOT = "10000000-0000-4000-8000-000000000001"
CHILD = "10000000-0000-4000-8000-000000000002"


def posted(**fields: Any) -> dict[str, Any]:
    return {"id": ROOT, "name": "call", "run_type": "llm", "start_time": "2026-11-18T15:00:00+00:00", **fields}


def taken_in(*changes: Change) -> Run:
    store = Store()
    Inbox(store).accept(changes, NOW)
    found = store.run(ROOT)
    assert found is not None
    return found


def llm(outputs: dict[str, Any], **extra: Any) -> Run:
    return taken_in(Change("post", posted(end_time="2026-11-18T15:00:02Z", outputs=outputs, extra=extra)))


MINI = {"metadata": {"ls_model_name": "gpt-4o-mini", "ls_provider": "openai"}}
USAGE = {"input_tokens": 20, "output_tokens": 10, "total_tokens": 30, "input_token_details": {"cache_read": 5}}


def test_the_same_run_comes_of_its_post_and_patches_in_any_order() -> None:
    post = Change("post", posted(extra={"metadata": {"feature": "rag-search"}}, session_name="acme", tags=["t"]))
    ended = Change("patch", {"id": ROOT, "end_time": "2026-11-18T15:00:02+00:00", "session_id": None})
    used = Change("patch", {"id": ROOT, "outputs": {"usage_metadata": USAGE}, "extra": MINI})
    runs = [taken_in(*order) for order in permutations([post, ended, used])]
    assert all(run == runs[0] for run in runs)
    assert runs[0].status == "SUCCESS"
    assert runs[0].metadata == {"feature": "rag-search", **MINI["metadata"]}
    assert runs[0].amounts.total_tokens == 30


def test_a_run_is_pending_until_it_ends_and_failed_once_it_has_an_error() -> None:
    assert taken_in(Change("post", posted())).status == "PENDING"
    assert taken_in(Change("post", posted(end_time="2026-11-18T15:00:01Z"))).status == "SUCCESS"
    failed = taken_in(Change("post", posted(end_time="2026-11-18T15:00:01Z", error="ValueError: no")))
    assert (failed.status, failed.error) == ("ERROR", "ValueError: no")


def test_a_patch_without_its_post_waits() -> None:
    store = Store()
    Inbox(store).accept([Change("patch", {"id": ROOT, "end_time": "2026-11-18T15:00:01Z"})], NOW)
    assert store.run(ROOT) is None


def test_ancestors_come_from_the_dotted_order() -> None:
    order = f"20261118T150000000000Z{CHILD}.20261118T150000000001Z{ROOT}"
    run = taken_in(Change("post", posted(dotted_order=order, trace_id=CHILD, parent_run_id=CHILD)))
    assert (run.trace_id, run.parent_run_ids) == (CHILD, (CHILD,))


def test_without_a_dotted_order_ancestors_come_by_way_of_the_parent() -> None:
    store = Store()
    grandchild = "10000000-0000-4000-8000-000000000003"
    Inbox(store).accept(
        [
            Change("post", posted()),
            Change("post", posted(id=CHILD, parent_run_id=ROOT)),
            Change("post", posted(id=grandchild, parent_run_id=CHILD)),
        ],
        NOW,
    )
    found = store.run(grandchild)
    assert found is not None
    assert (found.trace_id, found.parent_run_ids) == (ROOT, (ROOT, CHILD))


def test_llm_runs_are_priced_by_model_the_cached_tokens_first() -> None:
    run = llm({"usage_metadata": USAGE}, **MINI)
    assert run.amounts.prompt_cost == (15 * Decimal("0.15") + 5 * Decimal("0.075")) / 1_000_000
    assert run.amounts.completion_cost == 10 * Decimal("0.60") / 1_000_000
    assert run.amounts.total_cost == run.amounts.prompt_cost + run.amounts.completion_cost
    price = find_price("gpt-4o-mini")
    assert price is not None
    assert run.price_model_id == price.id


@pytest.mark.parametrize(
    ("outputs", "extra"),
    [
        ({"usage_metadata": USAGE}, MINI),
        ({}, {"metadata": {**MINI["metadata"], "usage_metadata": USAGE}}),
        ({"generations": [[{"message": {"kwargs": {"usage_metadata": USAGE}}}]]}, MINI),
        (
            {
                "usage": {
                    "prompt_tokens": 20,
                    "completion_tokens": 10,
                    "prompt_tokens_details": {"cached_tokens": 5},
                }
            },
            MINI,
        ),
        ({"usage_metadata": USAGE}, {"invocation_params": {"model": "gpt-4o-mini"}}),
        ({"usage_metadata": USAGE}, {"metadata": {"ls_model_name": "gpt-4o-mini-2024-07-18"}}),
    ],
)
def test_usage_and_model_are_read_wherever_langsmith_reads_them(outputs: dict[str, Any], extra: dict[str, Any]) -> None:
    assert llm(outputs, **extra).amounts == llm({"usage_metadata": USAGE}, **MINI).amounts


def test_langchain_reports_in_llm_output() -> None:
    run = llm(
        {"generations": [], "llm_output": {"token_usage": {"prompt_tokens": 20, "completion_tokens": 10}}}, **MINI
    )
    assert (run.amounts.prompt_tokens, run.amounts.completion_tokens) == (20, 10)


@pytest.mark.parametrize("model", ["acme-llm-7b", "openai/gpt-4o", "gpt-4o-realtime", None])
def test_an_unknown_model_has_tokens_and_no_cost(model: str | None) -> None:
    run = llm({"usage_metadata": USAGE}, metadata={"ls_model_name": model})
    assert run.amounts.total_tokens == 30
    assert (run.amounts.prompt_cost, run.amounts.completion_cost, run.amounts.total_cost) == (None, None, None)


def test_a_run_that_reports_nothing_has_neither_tokens_nor_cost() -> None:
    assert llm({"content": "x"}, **MINI).amounts == taken_in(Change("post", posted())).amounts
    assert llm({}, **MINI).amounts.total_tokens is None


def test_a_stated_cost_beats_the_price_map() -> None:
    run = llm({"usage_metadata": {**USAGE, "input_cost": 0.1, "output_cost": 0.2}}, **MINI)
    assert run.amounts.total_cost == Decimal("0.3")
    assert run.amounts.total_tokens == 30
    assert run.price_model_id is None


def test_other_runs_carry_a_stated_cost_only() -> None:
    """A chain that returns its call's answer must not be charged for its call's tokens."""
    tool = taken_in(Change("post", posted(run_type="tool", outputs={"usage_metadata": {"total_cost": 0.01}})))
    assert (tool.amounts.total_cost, tool.amounts.total_tokens) == (Decimal("0.01"), None)
    chain = taken_in(Change("post", posted(run_type="chain", outputs={"usage_metadata": USAGE}, extra=MINI)))
    assert (chain.amounts.total_cost, chain.amounts.total_tokens) == (None, None)
    embedding = taken_in(Change("post", posted(run_type="embedding", outputs={"usage_metadata": USAGE}, extra=MINI)))
    assert (embedding.amounts.total_cost, embedding.amounts.total_tokens) == (None, 30)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "7"}, "id must be a UUID"),
        ({"name": None}, "lacks name"),
        ({"start_time": "noon"}, "start_time must be an ISO 8601 time"),
        ({"run_type": "song"}, "run_type must be one of"),
        ({"tags": 5}, "tags must be a list"),
        ({"session_id": CHILD}, "there is no project"),
        ({"dotted_order": "x.y"}, "dotted_order must be a UUID"),
    ],
)
def test_refuses_a_run_that_makes_no_sense(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Inbox(Store()).accept([Change("post", posted(**fields))], NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = (
    *("id", "name", "run_type", "start_time", "end_time", "error", "extra", "inputs", "outputs", "tags", "trace_id"),
    *("dotted_order", "parent_run_id", "session_name"),
)
_DEEPER = st.fixed_dictionaries({}, optional={"usage_metadata": _JSON, "llm_output": _JSON, "generations": _JSON})


@given(st.sampled_from(_FIELDS), _JSON | _DEEPER | st.fixed_dictionaries({"metadata": _DEEPER}))
def test_a_field_of_any_shape_is_taken_in_or_refused(field: str, value: Any) -> None:
    try:
        Inbox(Store()).accept([Change("post", posted(**{field: value}))], NOW)
    except RequestError as refused:
        refusal = refused.status
    else:
        refusal = 422
    assert refusal == 422


def multipart(*parts: tuple[str, bytes]) -> bytes:
    pieces = [
        b'--B\r\nContent-Disposition: form-data; name="%b"\r\nContent-Type: application/json\r\n\r\n%b\r\n'
        % (name.encode(), content)
        for name, content in parts
    ]
    return b"".join([*pieces, b"--B--\r\n"])


def test_multipart_fields_join_their_run() -> None:
    body = multipart(
        (f"post.{ROOT}", b'{"name": "a"}'),
        (f"post.{ROOT}.outputs", b'{"x": 1}'),
        (f"feedback.{CHILD}", b"{}"),
        (f"attachment.{CHILD}.file", b"\x00\xff"),
        (f"patch.{ROOT}", b'{"end_time": "z"}'),
    )
    assert read_multipart('multipart/form-data; boundary="B"', body) == [
        Change("post", {"id": ROOT, "name": "a", "outputs": {"x": 1}}),
        Change("patch", {"id": ROOT, "end_time": "z"}),
    ]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", multipart(), 415),
        ("multipart/form-data; boundary=B", b"", 400),
        ("multipart/form-data; boundary=B", multipart((f"post.{ROOT}", b"{}"))[:-9], 400),
        ("multipart/form-data; boundary=B", multipart((f"post.{ROOT}", b"{")), 400),
        ("multipart/form-data; boundary=B", multipart((f"post.{ROOT}", b"[]")), 422),
        ("multipart/form-data; boundary=B", multipart(("post.7", b"{}")), 422),
        ("multipart/form-data; boundary=B", b"--B\r\nno blank line\r\n--B--", 400),
    ],
)
def test_a_broken_multipart_body_is_refused(content_type: str, body: bytes, status: int) -> None:
    with pytest.raises(RequestError) as refused:
        read_multipart(content_type, body)
    assert refused.value.status == status


@given(st.binary(max_size=60))
def test_multipart_of_any_bytes_is_read_or_refused(noise: bytes) -> None:
    for body in (noise, multipart((f"post.{ROOT}", noise)), b"--B\r\n" + noise + b"\r\n--B--"):
        try:
            assert isinstance(read_multipart("multipart/form-data; boundary=B", body), list)
        except RequestError:
            continue


def test_compression_is_undone_and_a_bomb_refused() -> None:
    import zstandard

    packed = zstandard.ZstdCompressor().compress
    assert decompress("zstd", packed(b"some runs")) == b"some runs"
    assert decompress("", b"some runs") == b"some runs"
    for encoding, body, status in (
        ("gzip", b"", 415),
        ("zstd", b"plain", 400),
        ("zstd", packed(bytes(MAX_BODY + 1)), 413),
    ):
        with pytest.raises(RequestError) as refused:
            decompress(encoding, body)
        assert refused.value.status == status


def test_a_batch_is_its_posts_and_then_its_patches() -> None:
    assert read_batch({"patch": [{"id": ROOT}], "post": [{"id": CHILD}]}) == [
        Change("post", {"id": CHILD}),
        Change("patch", {"id": ROOT}),
    ]
    with pytest.raises(RequestError, match="post must hold JSON objects"):
        read_batch({"post": ["x"]})
