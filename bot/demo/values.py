"""Reads what a request asks for, value by value; whatever is not of the right form is refused with 422."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bot.demo.errors import RequestError

Reader = Callable[[str, Any], Any]


def read_body(body: object, readers: Mapping[str, Reader], not_served: Collection[str] = ()) -> dict[str, Any]:
    """The values of `body` that are not null, each read by its key's reader.

    Raises RequestError: 422 for a key that LangSmith does not know or a value of the wrong form, 501 for a key that
    LangSmith knows and the demo does not serve.
    """
    if not isinstance(body, Mapping):
        raise RequestError(422, "the body must be a JSON object")
    values = {}
    for key, value in body.items():
        if value is None:
            continue
        if key in not_served:
            raise RequestError(501, f"the demo server does not serve {key}")
        if key not in readers:
            raise RequestError(422, f"unknown key {key}")
        values[key] = readers[key](key, value)
    return values


def text(key: str, value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise RequestError(422, f"{key} must be a string")
    return value


def flag(key: str, value: object) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise RequestError(422, f"{key} must be true or false")
    return value


def uuid(key: str, value: object) -> str:
    """A UUID in its usual form."""
    try:
        return str(UUID(text(key, value)))
    except ValueError:
        raise RequestError(422, f"{key} must be a UUID") from None


def instant(key: str, value: object) -> datetime:
    """An RFC 3339 time, in UTC; the offset must be given."""
    try:
        moment = datetime.fromisoformat(text(key, value))
        if moment.tzinfo is None:
            raise RequestError(422, f"{key} must say its offset from UTC")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RequestError(422, f"{key} must be an RFC 3339 time") from None


def count(most: int) -> Reader:
    """A reader of whole numbers from 1 to `most`."""

    def read(key: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise RequestError(422, f"{key} must be a whole number from 1 to {most}")
        return value

    return read


def one_of(choices: Collection[str]) -> Reader:
    """A reader of one of `choices`."""

    def read(key: str, value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise RequestError(422, f"{key} must be one of {', '.join(choices)}")
        return value

    return read


def list_of(reader: Reader) -> Reader:
    """A reader of lists whose every element `reader` reads."""

    def read(key: str, value: object) -> list[Any]:
        if not isinstance(value, list):
            raise RequestError(422, f"{key} must be a list")
        return [reader(key, element) for element in value]

    return read
