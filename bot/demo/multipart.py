"""Takes apart what the LangSmith SDK's tracer sends to `POST /runs/multipart`."""

import json
import re
from collections.abc import Iterator
from email.message import Message
from typing import Any, NamedTuple

from bot.demo.errors import RequestError

_PART = re.compile(r'name="(post|patch)\.([0-9a-fA-F-]{36})(?:\.(inputs|outputs|events|extra|error|serialized))?"')
_IGNORED = re.compile(r'name="(feedback|attachment)\.')

# /info asks for bodies of at most 20 MiB; much more at once is a mistake, or an attempt to fill the memory.
MAX_BODY = 64 * 1024 * 1024


class Change(NamedTuple):
    """A run as posted, or what a patch changes of it: the SDK's own field names."""

    verb: str  # post or patch
    fields: dict[str, Any]


def read_multipart(content_type: str, body: bytes) -> list[Change]:
    """The changes in a multipart body, in its order. Feedback and attachments are accepted and left alone.

    Raises RequestError.
    """
    changes: dict[tuple[str, str], Change] = {}
    for headers, content in _parts(content_type, body):
        part = _PART.search(headers)
        if part is None:
            if _IGNORED.search(headers):
                continue
            raise RequestError(422, f"a part is not named as a run's: {headers[:80]}")
        verb, run_id, field = part.groups()
        value = read_json(content)
        change = changes.setdefault((verb, run_id), Change(verb, {"id": run_id}))
        if field is not None:
            change.fields[field] = value
        elif isinstance(value, dict):
            change.fields.update(value)
        else:
            raise RequestError(422, f"the part {verb}.{run_id} is not a JSON object")
    return list(changes.values())


def decompress(encoding: str, body: bytes) -> bytes:
    """`body` without its zstd compression, if it has one.

    Raises RequestError for another compression, and for far too much.
    """
    if not encoding:
        return body
    if encoding != "zstd":
        raise RequestError(415, f"the demo server does not read {encoding}")
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(body) as reader:
            plain = reader.read(MAX_BODY + 1)
    except zstandard.ZstdError:
        raise RequestError(400, "the body is not zstd") from None
    if len(plain) > MAX_BODY:
        raise RequestError(413, "the body is too large")
    return plain


def read_json(body: bytes) -> Any:
    """`body` as JSON. Raises RequestError 400."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError(400, "the body is not JSON") from None


def _parts(content_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_param("boundary")
    if message.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise RequestError(415, "the body must be multipart/form-data with a boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise RequestError(400, "the multipart body is cut short")
    for piece in pieces[1:-1]:
        headers, blank, content = piece.partition(b"\r\n\r\n")
        if not blank:
            raise RequestError(400, "a part of the multipart body has no content")
        yield headers.decode("utf-8", "replace"), content
