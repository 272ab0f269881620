"""The form of LangSmith's runs: what of their JSON is taken, and nothing else.

A field that is not named here never leaves the bytes of an answer, even if a server sends it unasked; of the metadata,
too, only what is named. That is also why it is quick: most of a run's JSON is passed over.
"""

from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import Any, ClassVar, cast

import msgspec

from bot.ingest.answers import Page, read_page


class RawMetadata(msgspec.Struct, gc=False):
    """What is taken of a run's metadata: of these what the tracers write, and in `kept` the configured keys, each with
    the name of its attribute, sorted by key."""

    ls_provider: Any = None
    ls_model_name: Any = None
    ls_tracing_sample_rate: Any = None
    service_tier: Any = None
    ls_invocation_params: Any = None

    kept: ClassVar[tuple[tuple[str, str], ...]] = ()


class RawRun(msgspec.Struct, gc=False):
    """What is taken of a run's JSON: values of whatever type came, None for what did not; `metadata` is None if it is
    no object.

    Prompts and answers stay in LangSmith: INPUTS, OUTPUTS, EVENTS, MANIFEST, EXTRA, ERROR and the previews are neither
    asked for nor taken.
    """

    id: Any = None
    name: Any = None
    run_type: Any = None
    status: Any = None
    start_time: Any = None
    end_time: Any = None
    trace_id: Any = None
    parent_run_ids: Any = None
    thread_id: Any = None
    metadata: RawMetadata | None = None
    tags: Any = None
    prompt_tokens: Any = None
    completion_tokens: Any = None
    prompt_cost: Any = None
    completion_cost: Any = None
    total_cost: Any = None
    prompt_token_details: Any = None
    completion_token_details: Any = None


SELECTS = tuple(field.upper() for field in RawRun.__struct_fields__)
ROOT_SELECTS = ("ID", "STATUS", "END_TIME", "METADATA")


class _RunPage(msgspec.Struct, gc=False):
    """A page in which nothing is odd."""

    items: list[RawRun]
    next_cursor: str | None = None
    has_more: bool | None = None


class RunForm:
    """Reads pages of runs, and of their metadata the `keys`."""

    def __init__(self, keys: Iterable[str]) -> None:
        mine = {name: name for name in RawMetadata.__struct_fields__}
        kept = tuple((key, mine.get(key, f"key_{number}")) for number, key in enumerate(sorted(set(keys))))
        added = [(name, Any, msgspec.field(default=None, name=key)) for key, name in kept if key not in mine]
        metadata = msgspec.defstruct("Metadata", added, bases=(RawMetadata,), namespace={"kept": kept}, gc=False)
        run = msgspec.defstruct("Run", [("metadata", metadata | None, None)], bases=(RawRun,), gc=False)
        page = msgspec.defstruct("RunPage", [("items", GenericAlias(list, run))], bases=(_RunPage,), gc=False)
        self._metadata = cast("type[RawMetadata]", metadata)
        self._names = {**mine, **dict(kept)}.items()
        self._decode_page = cast("Callable[[bytes], _RunPage]", msgspec.json.Decoder(page).decode)

    def page(self, body: bytes, base_url: str) -> Page[RawRun | None]:
        """A page of runs from the body of an answer: None for an item that is no object. Raises as `read_page`."""
        try:
            read = self._decode_page(body)
        except (ValueError, RecursionError):
            read = None
        if read is not None and (read.next_cursor or not read.has_more):
            return Page(list(read.items), read.next_cursor or None)
        # Something is odd: metadata that is text, say. What that is, and whether it matters, is found out one by one.
        page = read_page(body, base_url)
        return Page([self.of(item) for item in page.items], page.cursor)

    def of(self, item: object) -> RawRun | None:
        """A run of an item that was read without a form; None if it is no object."""
        if not isinstance(item, dict):
            return None
        taken = {field: item.get(field) for field in RawRun.__struct_fields__}
        metadata = taken["metadata"]
        if isinstance(metadata, dict):
            taken["metadata"] = self._metadata(**{name: metadata.get(key) for key, name in self._names})
        else:
            taken["metadata"] = None
        return RawRun(**taken)
