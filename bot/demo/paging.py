"""Cursors: where the next page begins, for the query that began the paging and for no other."""

import base64
import json
from hashlib import sha256
from typing import Any

from bot.demo.errors import RequestError


def cursor(query: object, position: list[str]) -> str:
    """The cursor for what comes after `position` in the answer to `query`."""
    return base64.urlsafe_b64encode(json.dumps([_print(query, position), position]).encode()).decode()


def position(query: object, text: str) -> list[str]:
    """The position in a cursor. Raises RequestError 400 if it is none, or another query's."""
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(text.encode()))
        seal, position = found
    except (ValueError, TypeError, RecursionError):
        seal, position = None, None
    if seal != _print(query, position):
        raise RequestError(400, "the cursor is not one that this query was given")
    return list(position)


def _print(query: object, position: object) -> str:
    return sha256(json.dumps([query, position], sort_keys=True, default=str).encode()).hexdigest()[:16]
