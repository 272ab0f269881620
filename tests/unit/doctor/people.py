"""A Slack of a few people, to be asked by checks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.slack.api import Person, Posted, RefusedError, UnconfirmedError


class People:
    """Speaks bot.slack.api.SlackApi. Alice and Bob are there, Carol has left; `refuses` are types of blocks."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Mapping[str, Any]]] = []
        self.refuses: set[str] = set()
        self.down = False

    def person(self, who: str) -> Person:
        if self.down:
            raise UnconfirmedError("Slack cannot be reached (URLError).")
        known = {"alice@example.com": "UALICE", "UALICE": "UALICE", "UBOB": "UBOB", "UCAROL": "UCAROL"}
        if who not in known:
            raise refused("users_not_found")
        return Person(known[who], "UTC", known[who] != "UCAROL")

    def members(self, group: str) -> tuple[str, ...]:
        if group not in ("STEAM", "SEMPTY"):
            raise refused("no_such_subteam")
        return ("UALICE",) if group == "STEAM" else ()

    def channel(self, name: str) -> str:
        if name == "#gone":
            raise refused("channel_not_found")
        return name.replace("#", "C").upper()

    def direct(self, user: str) -> str:
        return f"D{user}"

    def post(self, place: str, form: Mapping[str, Any], key: str, thread: str | None = None) -> Posted:
        del key, thread
        if self.refuses & {block["type"] for block in form["blocks"]}:
            raise refused("invalid_blocks")
        self.posted.append((place, form))
        return Posted(place, "1.0")

    def update(self, place: str, ts: str, form: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def find(self, place: str, key: str, since: datetime, thread: str | None = None) -> Posted | None:
        raise NotImplementedError

    def upload(self, place: str, name: str, content: bytes, thread: str | None = None) -> None:
        raise NotImplementedError

    def permalink(self, place: str, ts: str) -> str:
        raise NotImplementedError

    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None:
        raise NotImplementedError


def refused(code: str) -> RefusedError:
    return RefusedError(f"Slack refuses it ({code}).", code, permanent=True)
