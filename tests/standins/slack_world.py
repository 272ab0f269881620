"""What one workspace holds: people, channels, groups, messages, views and files."""

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.standins.slack_rules import Json

TEAM, APP, BOT, BOT_USER = "T0TEAM", "A0LLMCOST", "B0LLMCOST", "U0LLMCOST"


@dataclass
class UploadedFile:
    id: str
    name: str
    length: int
    content: bytes | None = None
    title: str = ""
    channel: str = ""
    thread_ts: str | None = None
    comment: str = ""


@dataclass
class Channel:
    id: str
    name: str
    members: set[str]
    archived: bool = False
    bot_is_member: bool = True
    person: str | None = None  # whose direct messages these are


@dataclass
class Shown:
    """A message that people can see: everybody in the channel, or `viewer` alone if it is ephemeral."""

    channel: str
    content: Json
    viewer: str | None = None
    deleted: bool = False

    @property
    def ts(self) -> str:
        return str(self.content["ts"])


class World:
    """The people, channels and messages of one workspace, with U1 (Alice) and C1 (#general) in it from the start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.changed = threading.Condition(threading.RLock())
        self.people: dict[str, Json] = {}
        self.asked: set[str] = set()  # who has typed a command
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, Json] = {}
        self.shown: list[Shown] = []
        self.views: dict[str, Json] = {}
        self.homes: dict[str, list[Json]] = defaultdict(list)
        self.uploads: dict[str, UploadedFile] = {}
        self._last_ts = (0, 0)
        self._numbers = itertools.count(1)
        self.add_user("U1", "alice", "alice@example.com")
        self.add_user(BOT_USER, "llmcost", "", is_bot=True)
        self.add_channel("C1", "general", ["U1"])

    def add_user(
        self,
        id: str,  # noqa: A002 - Slack's word
        name: str,
        email: str,
        tz: str = "UTC",
        *,
        is_bot: bool = False,
        deleted: bool = False,
        is_guest: bool = False,
        team: str = TEAM,
    ) -> None:
        with self.changed:
            self.people[id] = {
                "name": name,
                "email": email,
                "tz": tz,
                "is_bot": is_bot,
                "deleted": deleted,
                "is_guest": is_guest,
                "team": team,
            }

    def add_channel(
        self,
        id: str,  # noqa: A002 - Slack's word
        name: str,
        members: Iterable[str] = (),
        *,
        archived: bool = False,
        bot_is_member: bool = True,
    ) -> None:
        with self.changed:
            self.channels[id] = Channel(id, name, set(members), archived, bot_is_member)

    def add_group(self, id: str, handle: str, members: Iterable[str]) -> None:  # noqa: A002 - Slack's word
        with self.changed:
            self.groups[id] = {"id": id, "team_id": TEAM, "handle": handle, "name": handle, "users": list(members)}

    def messages(self, channel: str) -> list[Json]:
        """What stands in a channel, oldest first, replies included; of a person's id, in the direct messages with them.

        Each is as Slack keeps it, with its `channel` beside.
        """
        with self.changed:
            place = self.direct(channel).id if channel in self.people else channel
            return [self.copy(one) for one in self.shown if one.channel == place and one.viewer is None]

    def ephemerals(self, user: str) -> list[Json]:
        """What only this person sees, oldest first."""
        with self.changed:
            return [self.copy(one) for one in self.shown if one.viewer == user]

    def copy(self, one: Shown) -> Json:
        return {**deepcopy(one.content), "channel": one.channel}

    def direct(self, user: str) -> Channel:
        """The direct messages with a person, opened if need be."""
        return self.channels.setdefault(f"D{user[1:]}", Channel(f"D{user[1:]}", "directmessage", {user}, person=user))

    def next_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):06d}"

    def next_ts(self) -> str:
        """A time stamp that is greater than all before, even if the clock stands still or goes back."""
        self._last_ts = max((int(self.clock()), 0), (self._last_ts[0], self._last_ts[1] + 1))
        return "{}.{:06d}".format(*self._last_ts)

    def show(self, channel: str, payload: Mapping[str, Any], viewer: str | None = None, **more: Any) -> Shown:
        content = {"type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "team": TEAM, "text": ""}
        one = Shown(channel, {**content, "ts": self.next_ts(), **more}, viewer)
        self.rewrite(one, payload)
        self.shown.append(one)
        self.changed.notify_all()
        return one

    def rewrite(self, one: Shown, payload: Mapping[str, Any]) -> None:
        """Puts the text, blocks and metadata that `payload` has in place of those that the message had."""
        for key in ("text", "blocks", "metadata", "thread_ts"):
            if payload.get(key) is not None:
                one.content[key] = deepcopy(payload[key])
        for key in ("blocks", "metadata"):
            if not one.content.get(key):
                one.content.pop(key, None)
        for block in one.content.get("blocks", ()):
            block.setdefault("block_id", self.next_id("b"))
        self.changed.notify_all()

    def remove(self, one: Shown) -> None:
        one.deleted = True
        self.shown.remove(one)
        self.changed.notify_all()
