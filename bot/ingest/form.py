"""The form of LangSmith's runs: what of their JSON is taken; nothing else is kept.

Of a page in which nothing is odd, what is not named here is not even made into an object, and neither is metadata that
is not asked for by name. That is also why it is quick: most of a run's JSON is passed over.
"""

from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import Any, ClassVar, cast

import msgspec

from bot.ingest.answers import Page, read_page


class RawMetadata(msgspec.Struct, gc=False):
    """What is taken of a run's metadata: what the tracers write, and the configured keys. `kept` pairs each configured
    key with the attribute that has its value, sorted by key."""

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
    asked for nor taken. A field that is added here is asked for, too.
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

    items: list[RawRun | None]
    next_cursor: str | None = None
    has_more: bool | None = None


class RunForm:
    """Reads pages of runs, and of their metadata the `keys`, which may be any texts."""

    def __init__(self, keys: Iterable[str]) -> None:
        own = {name: name for name in RawMetadata.__struct_fields__}
        kept = tuple((key, own.get(key, f"key_{number}")) for number, key in enumerate(sorted(set(keys))))
        self._attributes = {**own, **dict(kept)}  # by key
        try:
            metadata = _metadata(kept, named=True)
        except ValueError:
            # msgspec compares with the bytes as they are, and takes no key that JSON writes with a backslash.
            self._decode: Callable[[bytes], _RunPage] | None = None
            self._run, self._metadata = RawRun, _metadata(kept, named=False)
        else:
            self._run, self._metadata = _run(metadata), metadata
            self._decode = _page_decoder(self._run)

    def page(self, body: bytes, base_url: str) -> Page[RawRun | None]:
        """A page of runs from the body of an answer: None for an item that is no object. Raises as `read_page`."""
        plain = self._plain_page(body)
        if plain is not None:
            return plain
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
            values = {attribute: metadata.get(key) for key, attribute in self._attributes.items()}
            taken["metadata"] = self._metadata(**values)
        else:
            taken["metadata"] = None
        return self._run(**taken)

    def _plain_page(self, body: bytes) -> Page[RawRun | None] | None:
        """The page if nothing in it is odd."""
        if self._decode is None:
            return None
        try:
            page = self._decode(body)
        except (ValueError, RecursionError):
            return None
        # What says that there is more, and not where, is no page: see `read_page`, which says so.
        return Page(page.items, page.next_cursor or None) if page.next_cursor or not page.has_more else None


def _metadata(kept: tuple[tuple[str, str], ...], *, named: bool) -> type[RawMetadata]:
    """A class with an attribute for each key, to be decoded by the keys if it is `named`: raises ValueError then for a
    key that JSON writes otherwise than it is."""
    fields = [
        (attribute, Any, msgspec.field(default=None, name=key if named else None))
        for key, attribute in kept
        if attribute not in RawMetadata.__struct_fields__
    ]
    made = msgspec.defstruct("Metadata", fields, bases=(RawMetadata,), namespace={"kept": kept}, gc=False)
    return cast("type[RawMetadata]", made)


def _run(metadata: type[RawMetadata]) -> type[RawRun]:
    made = msgspec.defstruct("Run", [("metadata", metadata | None, None)], bases=(RawRun,), gc=False)
    return cast("type[RawRun]", made)


def _page_decoder(run: type[RawRun]) -> Callable[[bytes], _RunPage]:
    page = msgspec.defstruct("RunPage", [("items", GenericAlias(list, run))], bases=(_RunPage,), gc=False)
    return cast("Callable[[bytes], _RunPage]", msgspec.json.Decoder(page).decode)
