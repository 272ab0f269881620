"""The tests' Slack: Web API, Socket Mode (or signed HTTP) and response_urls on loopback, with a person to act in it.

What a `World` holds, what the `WebApi` does to it, and `SlackStandIn`, which puts both on the wire, logs every call,
injects faults and acts as the people. Every wait has a deadline and raises TimeoutError with what was there instead.
"""

import contextlib
import hashlib
import hmac
import http.client
import itertools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from tests.standins.slack_rules import Json, autolinked, examine, visible_mentions
from tests.standins.slack_socket import HttpAnswer, HttpRequest, WebSocket, Wire

__all__ = ["Ack", "Call", "Exchange", "SlackStandIn", "UploadedFile", "Violation", "autolinked", "visible_mentions"]

TEAM, APP, BOT, BOT_USER = "T0TEAM", "A0LLMCOST", "B0LLMCOST", "U0LLMCOST"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-not-a-secret", "xapp-not-a-secret", "not-a-signing-secret"

RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 30 * 60
TRIGGER_SECONDS = 3

SCOPES: Mapping[str, str | None] = {
    "apps.connections.open": None,  # needs the app's token, not a scope of the bot's
    "auth.test": None,
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": None,  # depends on the kind of conversation, asked when it is known
    "conversations.info": "channels:read",
    "conversations.join": "channels:join",
    "conversations.list": "channels:read",
    "conversations.open": "im:write",
    "conversations.replies": None,  # as history
    "files.completeUploadExternal": "files:write",
    "files.getUploadURLExternal": "files:write",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "users.lookupByEmail": "users:read.email",
    "views.open": None,
    "views.publish": None,
    "views.update": None,
}
ALL_SCOPES = frozenset(
    {"commands", "app_mentions:read", "channels:history", "im:history", *filter(None, SCOPES.values())}
)

T = TypeVar("T")


class RefusedError(Exception):
    """Slack says no: the `error` of the answer, and what else the answer says."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


class Call(NamedTuple):
    """One request as it arrived, refused ones included. The method of a response_url is "response_url"."""

    method: str
    payload: Json
    token: str = ""


class Violation(NamedTuple):
    """A message or view that breaks Slack's limits, with the reasons."""

    method: str
    payload: Json
    problems: list[str]


@dataclass(frozen=True)
class Ack:
    """How the bot acknowledged: seconds since Slack sent, the payload it gave along, and the HTTP status."""

    seconds: float
    payload: Json
    status: int = 200


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


@dataclass
class Fault:
    error: str | None
    status: int | None
    retry_after: int
    hang: float
    drop: bool
    accepted: bool


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


def _is_true(value: Any) -> bool:
    return value in (True, "true", "1")


def _page(items: Sequence[Json], key: str, asked: Json, size: int) -> tuple[Sequence[Json], Json]:
    """One page of `items` after the asked cursor, and what the answer says about the next one."""
    start = 0
    if asked.get("cursor"):
        keys = [f"after:{one[key]}" for one in items]
        if asked["cursor"] not in keys:
            raise RefusedError("invalid_cursor")
        start = keys.index(asked["cursor"]) + 1
    end = start + min(int(asked.get("limit") or size), 1000)
    cursor = f"after:{items[end - 1][key]}" if end < len(items) else ""
    return items[start:end], {"response_metadata": {"next_cursor": cursor}}


class WebApi:
    """Slack's methods on a `World`: each takes the arguments of a call and gives the answer or raises RefusedError."""

    def __init__(self, world: World, url: Callable[[], str], scopes: frozenset[str]) -> None:
        self.world = world
        self.url = url
        self.scopes = scopes
        self.refuses: set[str] = set()
        self.violations: list[Violation] = []
        self.triggers: dict[str, float] = {}

    def call(self, method: str, token: str, asked: Json) -> Json:
        if method not in SCOPES:
            raise RefusedError("unknown_method", req_method=method)
        if not token:
            raise RefusedError("not_authed")
        if token not in (BOT_TOKEN, APP_TOKEN):
            raise RefusedError("invalid_auth")
        if (token == APP_TOKEN) != (method == "apps.connections.open"):
            raise RefusedError("not_allowed_token_type")
        self.need(SCOPES[method])
        answer: Json = getattr(self, method.replace(".", "_"))(asked)
        return answer

    def need(self, scope: str | None) -> None:
        if scope and scope not in self.scopes:
            raise RefusedError("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def check(self, method: str, message: Json, surface: str = "message") -> None:
        """Refuses what this workspace has not got yet (`refuses`), and what breaks Slack's limits (a violation)."""
        found = [str(one) for one in _kinds(message.get("blocks")) if one in self.refuses]
        error, reasons = "invalid_blocks", [f"unsupported type: {kind}" for kind in found]
        if not found:
            broken = examine(message, surface)
            reasons = [str(problem) for problem in broken]
            if broken:
                error = broken[0].error
                self.violations.append(Violation(method, message, reasons))
        if reasons:
            # Slack judges a view as one argument, so it has no error of its own for the blocks in it.
            error = error if surface == "message" else "invalid_arguments"
            said = [f"[ERROR] {reason}" for reason in reasons]
            raise RefusedError(error, errors=reasons, response_metadata={"messages": said})

    # --- where and whom ---

    def channel(self, place: Any) -> Channel:
        if place not in self.world.channels:
            raise RefusedError("channel_not_found")
        return self.world.channels[place]

    def open_channel(self, place: Any) -> Channel:
        """A channel that the bot may post in."""
        channel = self.channel(place)
        if channel.archived:
            raise RefusedError("is_archived")
        if not channel.bot_is_member:
            raise RefusedError("not_in_channel")
        return channel

    def target(self, place: Any) -> Channel:
        """Where to post: a channel, or the direct messages with a person."""
        if place not in self.world.people:
            return self.open_channel(place)
        if self.world.people[place]["is_bot"]:
            raise RefusedError("cannot_dm_bot")
        if self.world.people[place]["deleted"]:
            raise RefusedError("channel_not_found")
        return self.world.direct(place)

    def readable(self, place: Any) -> Channel:
        channel = self.channel(place)
        self.need("im:history" if channel.person else "channels:history")
        if not channel.bot_is_member:
            raise RefusedError("not_in_channel")
        return channel

    def own(self, asked: Json) -> Shown:
        """The bot's own message that `channel` and `ts` name."""
        channel = self.channel(asked.get("channel"))
        for one in self.world.shown:
            if one.channel == channel.id and one.ts == asked.get("ts") and one.viewer is None:
                return one
        raise RefusedError("message_not_found")

    def in_thread(self, channel: Channel, ts: str | None) -> None:
        if ts and not any(one.channel == channel.id and one.ts == ts for one in self.world.shown):
            raise RefusedError("thread_not_found")

    def person(self, user: str) -> Json:
        """A user object. The e-mail address is there for those who may see it."""
        one = self.world.people[user]
        offset = datetime.fromtimestamp(self.world.clock(), UTC).astimezone(ZoneInfo(one["tz"])).utcoffset()
        profile = {"real_name": one["name"].title(), "display_name": one["name"]}
        if "users:read.email" in self.scopes and one["email"]:
            profile["email"] = one["email"]
        return {
            "id": user,
            "team_id": one["team"],
            "is_restricted": one["is_guest"],
            "is_ultra_restricted": False,
            "name": one["name"],
            "real_name": one["name"].title(),
            "deleted": one["deleted"],
            "is_bot": one["is_bot"],
            "tz": one["tz"],
            "tz_label": one["tz"],
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "profile": profile,
        }

    def place(self, channel: Channel) -> Json:
        if channel.person:
            return {"id": channel.id, "is_im": True, "user": channel.person}
        return {
            "id": channel.id,
            "name": channel.name,
            "is_channel": True,
            "is_im": False,
            "is_archived": channel.archived,
            "is_member": channel.bot_is_member,
            "num_members": len(channel.members),
        }

    # --- the methods ---

    def apps_connections_open(self, asked: Json) -> Json:  # noqa: ARG002 - it has no arguments
        return {"url": self.url().replace("http://", "ws://") + f"/socket?ticket={self.world.next_id('ticket')}"}

    def auth_test(self, asked: Json) -> Json:  # noqa: ARG002 - it has no arguments
        who = {"user": "llmcost", "user_id": BOT_USER, "bot_id": BOT, "team": "Team", "team_id": TEAM}
        return {"url": self.url() + "/", "is_enterprise_install": False, **who}

    def chat_postMessage(self, asked: Json) -> Json:  # noqa: N802 - Slack's name
        channel = self.target(asked.get("channel"))
        self.check("chat.postMessage", asked)
        self.in_thread(channel, asked.get("thread_ts"))
        one = self.world.show(channel.id, asked)
        return {"channel": channel.id, "ts": one.ts, "message": deepcopy(one.content)}

    def chat_postEphemeral(self, asked: Json) -> Json:  # noqa: N802 - Slack's name
        channel = self.open_channel(asked.get("channel"))
        if asked.get("user") not in channel.members:
            raise RefusedError("user_not_in_channel")
        self.check("chat.postEphemeral", asked)
        return {"message_ts": self.world.show(channel.id, asked, asked["user"]).ts}

    def chat_update(self, asked: Json) -> Json:
        one = self.own(asked)
        self.check("chat.update", asked)
        self.world.rewrite(one, {key: value for key, value in asked.items() if key != "thread_ts"})
        one.content["edited"] = {"user": BOT_USER, "ts": self.world.next_ts()}
        return {"channel": one.channel, "ts": one.ts, "text": one.content["text"], "message": deepcopy(one.content)}

    def chat_delete(self, asked: Json) -> Json:
        one = self.own(asked)
        self.world.remove(one)
        return {"channel": one.channel, "ts": one.ts}

    def conversations_history(self, asked: Json) -> Json:
        """Newest first, without the replies in threads; metadata only on demand."""
        roots = [one for one in self._between(asked) if one.get("thread_ts", one["ts"]) == one["ts"]]
        return self._listed(list(reversed(roots)), asked)

    def conversations_replies(self, asked: Json) -> Json:
        """A message and its replies, oldest first."""
        root = asked.get("ts")
        thread = [one for one in self._between(asked) if root in (one["ts"], one.get("thread_ts"))]
        if not thread:
            raise RefusedError("thread_not_found")
        return self._listed(thread, asked)

    def _between(self, asked: Json) -> list[Json]:
        channel = self.readable(asked.get("channel"))
        oldest = Decimal(asked.get("oldest") or 0)
        latest = Decimal(asked.get("latest") or "Infinity")
        edges = _is_true(asked.get("inclusive"))
        with_metadata = _is_true(asked.get("include_all_metadata"))
        return [
            {key: value for key, value in deepcopy(one.content).items() if with_metadata or key != "metadata"}
            for one in self.world.shown
            if one.channel == channel.id and one.viewer is None
            if oldest < Decimal(one.ts) < latest or (edges and Decimal(one.ts) in (oldest, latest))
        ]

    def _listed(self, messages: list[Json], asked: Json) -> Json:
        page, more = _page(messages, "ts", asked, 100)
        return {"messages": list(page), "has_more": bool(more["response_metadata"]["next_cursor"]), **more}

    def conversations_open(self, asked: Json) -> Json:
        wanted = str(asked.get("users") or "")
        if wanted not in self.world.people or self.world.people[wanted]["deleted"]:
            raise RefusedError("user_not_found")
        return {"channel": {"id": self.target(wanted).id}}

    def conversations_list(self, asked: Json) -> Json:
        hide = _is_true(asked.get("exclude_archived"))
        channels = [one for one in self.world.channels.values() if not one.person and not (hide and one.archived)]
        page, more = _page([self.place(one) for one in channels], "id", asked, 100)
        return {"channels": list(page), **more}

    def conversations_info(self, asked: Json) -> Json:
        return {"channel": self.place(self.channel(asked.get("channel")))}

    def conversations_join(self, asked: Json) -> Json:
        channel = self.channel(asked.get("channel"))
        if channel.archived:
            raise RefusedError("is_archived")
        channel.bot_is_member = True
        return {"channel": self.place(channel)}

    def users_info(self, asked: Json) -> Json:
        if asked.get("user") not in self.world.people:
            raise RefusedError("user_not_found")
        return {"user": self.person(asked["user"])}

    def users_lookupByEmail(self, asked: Json) -> Json:  # noqa: N802 - Slack's name
        for user, one in self.world.people.items():
            if one["email"] and one["email"].lower() == str(asked.get("email")).lower() and not one["deleted"]:
                return {"user": self.person(user)}
        raise RefusedError("users_not_found")

    def users_list(self, asked: Json) -> Json:
        page, more = _page([self.person(user) for user in self.world.people], "id", asked, 200)
        return {"members": list(page), **more}

    def usergroups_list(self, asked: Json) -> Json:
        hidden = () if _is_true(asked.get("include_users")) else ("users",)
        groups = self.world.groups.values()
        return {"usergroups": [{key: one[key] for key in one if key not in hidden} for one in groups]}

    def usergroups_users_list(self, asked: Json) -> Json:
        if asked.get("usergroup") not in self.world.groups:
            raise RefusedError("no_such_subteam")
        return {"users": list(self.world.groups[asked["usergroup"]]["users"])}

    def views_open(self, asked: Json) -> Json:
        trigger = str(asked.get("trigger_id"))
        if trigger not in self.triggers:
            raise RefusedError("invalid_trigger_id")
        if self.world.clock() - self.triggers[trigger] > TRIGGER_SECONDS:
            raise RefusedError("expired_trigger_id")
        view = self.keep("views.open", self.world.next_id("V"), asked.get("view"), "modal")
        del self.triggers[trigger]
        return {"view": view}

    def views_publish(self, asked: Json) -> Json:
        user = asked.get("user_id")
        if user not in self.world.people:
            raise RefusedError("user_not_found")
        before = self.world.homes[user]
        if asked.get("hash") and before and asked["hash"] != before[-1]["hash"]:
            raise RefusedError("hash_conflict")
        view_id = before[-1]["id"] if before else self.world.next_id("V")
        view = self.keep("views.publish", view_id, asked.get("view"), "home")
        before.append(deepcopy(view))
        return {"view": view}

    def views_update(self, asked: Json) -> Json:
        for view_id, view in self.world.views.items():
            if asked.get("view_id") == view_id or (asked.get("external_id") or "") == view.get("external_id"):
                if asked.get("hash") and asked["hash"] != view["hash"]:
                    raise RefusedError("hash_conflict")
                return {"view": self.keep("views.update", view_id, asked.get("view"), view["type"])}
        raise RefusedError("not_found")

    def keep(self, method: str, view_id: str, view: Any, surface: str) -> Json:
        if not isinstance(view, dict):
            raise RefusedError("invalid_arguments")
        self.check(method, view, surface)
        kept = {**deepcopy(view), "id": view_id, "hash": self.world.next_id("hash"), "team_id": TEAM, "app_id": APP}
        for block in kept["blocks"]:
            block.setdefault("block_id", self.world.next_id("b"))
        self.world.views[view_id] = kept
        self.world.changed.notify_all()
        return deepcopy(kept)

    def files_getUploadURLExternal(self, asked: Json) -> Json:  # noqa: N802 - Slack's name
        if not asked.get("filename") or not asked.get("length"):
            raise RefusedError("invalid_arguments")
        file = UploadedFile(self.world.next_id("F"), asked["filename"], int(asked["length"]))
        self.world.uploads[file.id] = file
        return {"upload_url": f"{self.url()}/upload/{file.id}", "file_id": file.id}

    def files_completeUploadExternal(self, asked: Json) -> Json:  # noqa: N802 - Slack's name
        named = asked.get("files") or []
        if any(one["id"] not in self.world.uploads or self.world.uploads[one["id"]].content is None for one in named):
            raise RefusedError("file_not_found")
        places = [one for one in (asked.get("channel_id") or asked.get("channels") or "").split(",") if one]
        channels = [self.open_channel(one) for one in places]
        described = []
        for one in named:
            file = self.world.uploads[one["id"]]
            file.title = one.get("title") or file.name
            file.channel = ",".join(places)
            file.thread_ts = asked.get("thread_ts")
            file.comment = asked.get("initial_comment") or ""
            described.append({"id": file.id, "name": file.name, "title": file.title, "size": file.length})
        for channel in channels:
            self.in_thread(channel, asked.get("thread_ts"))
            spoken = {"text": asked.get("initial_comment") or "", "thread_ts": asked.get("thread_ts")}
            self.world.show(channel.id, spoken, files=described)
        return {"files": described}


def _kinds(blocks: Any) -> Iterator[str]:
    """The types of blocks, those in containers included."""
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict):
            yield str(block.get("type"))
            yield from _kinds(block.get("child_blocks"))


class Exchange:
    """Something that Slack sent to the bot, and what came of it."""

    def __init__(self, world: World, payload: Json, channel: str, user: str, url: str | None) -> None:
        self.id = world.next_id("envelope")
        self.payload = payload
        self.channel = channel
        self.user = user
        self.url = url  # the response_url, if there is one
        self.created = world.clock()
        self.sent = 0.0
        self.uses = 0
        self.ack: Ack | None = None
        self.original: Shown | None = None  # what replace_original and delete_original mean
        self.shown: list[Shown] = []
        self._world = world
        self._responses: list[Json] = []

    @property
    def responses(self) -> list[Json]:
        """The payloads that were accepted at the response_url, oldest first."""
        with self._world.changed:
            return list(self._responses)

    @property
    def visible(self) -> list[Json]:
        """What the person can see of the answers now: replaced ones as they are, deleted ones gone."""
        with self._world.changed:
            return [self._world.copy(one) for one in self.shown if not one.deleted]

    def wait_ack(self, timeout: float = 3.0) -> Ack:
        """Raises TimeoutError, as Slack shows operation_timeout, if the bot does not acknowledge in time."""
        with self._world.changed:
            self._world.changed.wait_for(lambda: self.ack, timeout)
            if self.ack is None:
                raise TimeoutError(f"operation_timeout: no acknowledgement within {timeout} s")
            return self.ack

    def wait_responses(self, n: int = 1, timeout: float = 10.0) -> list[Json]:
        """The payloads at the response_url as soon as there are `n`."""
        with self._world.changed:
            if not self._world.changed.wait_for(lambda: len(self._responses) >= n, timeout):
                raise TimeoutError(f"{len(self._responses)} of {n} responses within {timeout} s: {self._responses}")
            return list(self._responses)

    def respond(self, payload: Json) -> None:
        """Shows what came to the response_url, or with the acknowledgement."""
        original = self.original
        if original and not original.deleted and _is_true(payload.get("delete_original")):
            self._world.remove(original)
        elif original and not original.deleted and _is_true(payload.get("replace_original")):
            self._world.rewrite(original, {"text": "", "blocks": [], **payload})
        elif payload.get("text") or payload.get("blocks"):
            viewer = None if payload.get("response_type") == "in_channel" else self.user
            self.shown.append(self._world.show(self.channel, payload, viewer))
            self.original = original or self.shown[0]

    def count(self, payload: Json) -> None:
        self.uses += 1
        self._responses.append(payload)
        self._world.changed.notify_all()


class SlackStandIn(World):
    """One Slack workspace on loopback, to be used as a context manager; `stop()` ends every thread and socket of it.

    `scopes` are the bot's (all by default), `clock` gives Slack's seconds since 1970. Point the bot at `api_url` with
    `bot_token` and `app_token`. With `http_target` (or `deliver_to`) what people do arrives as signed POSTs there,
    else over Socket Mode. `json_refusals` makes response_urls refuse with JSON instead of a bare word.
    """

    bot_token, app_token, signing_secret = BOT_TOKEN, APP_TOKEN, SIGNING_SECRET
    bot_user = BOT_USER

    def __init__(
        self,
        *,
        scopes: Iterable[str] = ALL_SCOPES,
        clock: Callable[[], float] = time.time,
        http_target: str | None = None,
        signing_secret: str = SIGNING_SECRET,
        json_refusals: bool = False,
    ) -> None:
        super().__init__(clock)
        self._calls: list[Call] = []
        self.json_refusals = json_refusals
        self.deliver_to(http_target, signing_secret)
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._exchanges: dict[str, Exchange] = {}
        self._sockets: list[WebSocket] = []
        self._posters: list[threading.Thread] = []
        self._stopping = threading.Event()
        self.api = WebApi(self, lambda: self.url, frozenset(scopes))
        self._wire = Wire(self._answer, self._welcome)
        self.url = f"http://{self._wire.address}"
        self.api_url = self.url + "/api/"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Hangs up on everybody. Raises what the stand-in itself stumbled over on the way, if it did."""
        self._stopping.set()
        try:
            self._wire.stop()
        finally:
            for poster in self._posters:
                poster.join()

    # --- what a test looks at ---

    @property
    def refuses(self) -> set[str]:
        """Block types that this workspace has not got yet; they are refused, which is no violation."""
        return self.api.refuses

    @refuses.setter
    def refuses(self, kinds: Iterable[str]) -> None:
        self.api.refuses = set(kinds)

    @property
    def violations(self) -> list[Violation]:
        """What the bot sent against Slack's limits; empty at the end of a good test."""
        with self.changed:
            return list(self.api.violations)

    @property
    def requests(self) -> list[Call]:
        """Every call that arrived, refused and failed ones included."""
        with self.changed:
            return list(self._calls)

    def payloads(self, method: str) -> list[Json]:
        return [call.payload for call in self.requests if call.method == method]

    @property
    def files(self) -> list[UploadedFile]:
        """The files that were uploaded completely."""
        with self.changed:
            return [one for one in self.uploads.values() if one.content is not None and one.title]

    @property
    def modals(self) -> list[Json]:
        """The modals that were opened, as they are now."""
        with self.changed:
            return [deepcopy(view) for view in self.views.values() if view["type"] == "modal"]

    def home(self, user: str) -> Json | None:
        """A person's home as published last."""
        with self.changed:
            return deepcopy(self.homes[user][-1]) if self.homes[user] else None

    def wait_for(self, look: Callable[[], T], timeout: float = 10.0, what: str = "what the test waits for") -> T:
        """What `look` gives as soon as it is true in the sense of `bool`; it is called whenever something happens."""
        with self.changed:
            found = self.changed.wait_for(look, timeout)
            if not found:
                raise TimeoutError(
                    f"{what} did not come within {timeout} s; calls: {[one.method for one in self._calls]}"
                )
            return found

    def wait_messages(self, channel: str, n: int = 1, timeout: float = 10.0) -> list[Json]:
        """`messages(channel)` as soon as there are `n`."""
        return self._at_least(n, lambda: self.messages(channel), timeout, f"message {n} in {channel}")

    def wait_calls(self, method: str, n: int = 1, timeout: float = 10.0) -> list[Json]:
        """`payloads(method)` as soon as there are `n`."""
        return self._at_least(n, lambda: self.payloads(method), timeout, f"call {n} of {method}")

    def wait_modal(self, timeout: float = 10.0) -> Json:
        """The modal that was opened last, as soon as there is one."""
        return self.wait_for(lambda: self.modals, timeout, "a modal")[-1]

    def wait_home(self, user: str, n: int = 1, timeout: float = 10.0) -> Json:
        """A person's home as soon as it was published `n` times."""
        return self._at_least(n, lambda: self.homes[user], timeout, f"home {n} of {user}")[-1]

    def _at_least(self, n: int, look: Callable[[], list[Json]], timeout: float, what: str) -> list[Json]:
        return self.wait_for(lambda: found if len(found := look()) >= n else [], timeout, what)

    # --- faults ---

    def fail_next(
        self,
        method: str,
        *,
        error: str | None = None,
        status: int | None = None,
        retry_after: int = 1,
        hang: float = 0.0,
        drop: bool = False,
        accepted: bool | None = None,
        times: int = 1,
    ) -> None:
        """The next call of `method` ("response_url" and "upload" are methods, too) fails; faults queue up.

        With an `error`, with an HTTP `status` (429 says `retry_after`), by no answer for `hang` seconds, or by a
        hung-up connection (`drop`). `accepted` says whether the call takes effect all the same: those that hang or
        drop do unless told otherwise, the others do not.
        """
        effect = bool(hang or drop) if accepted is None else accepted
        with self.changed:
            self._faults[method] += [Fault(error, status, retry_after, hang, drop, effect)] * times

    def drop_sockets(self, *, warning: bool = False) -> None:
        """Hangs up on every Socket Mode connection; with `warning`, asks to reconnect instead, as Slack does hourly."""
        with self.changed:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            if not warning:
                one.close()
                continue
            with contextlib.suppress(OSError):  # it has hung up already
                one.send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))

    def silence(self) -> None:
        """The connections of now stay open and say nothing any more; what people do is lost till there is a new one.

        slack_sdk never notices if this happens before its first pong: let two commands be acknowledged before.
        """
        with self.changed:
            for one in self._sockets:
                one.silent = True

    def wait_connected(self, n: int = 1, timeout: float = 10.0, unless: Callable[[], bool] = lambda: False) -> None:
        """Returns as soon as `n` Socket Mode connections are open and not silenced, or `unless` says never mind."""

        def is_over() -> bool:
            return unless() or sum(not one.silent for one in self._sockets) >= n

        self.wait_for(is_over, timeout, f"Socket Mode connection {n}")

    def deliver_to(self, http_target: str | None, signing_secret: str = SIGNING_SECRET) -> None:
        """From now on what people do is POSTed to this address, signed; None means Socket Mode."""
        self._target = http_target
        self.signing_secret = signing_secret

    # --- acting as a person ---

    def command(self, text: str, user: str = "U1", channel: str = "C1", command: str = "/llmcost") -> Exchange:
        """Types a slash command. Works in channels without the bot, as in Slack."""
        self.asked.add(user)
        payload = {
            "command": command,
            "text": text,
            "user_id": user,
            "user_name": self.people[user]["name"],
            "channel_id": channel,
            "channel_name": self.channels[channel].name,
            "team_id": self.people[user]["team"],
            "team_domain": "team",
            "api_app_id": APP,
            "is_enterprise_install": "false",
        }
        return self._send("slash_commands", payload, channel, user, response_url=True)

    def click(
        self, on: Exchange | Mapping[str, Any], action_id: str, value: str | None = None, *, user: str = "U1"
    ) -> Exchange:
        """Presses a button, or chooses `value` in a select, in what an exchange shows, in a message or in a view.

        `on` is an exchange, one of `messages()`/`ephemerals()`, or a view. Raises LookupError if it is not there.
        """
        with self.changed:
            one = self._pressed(on, action_id)
            place: Mapping[str, Any] = one.content if isinstance(one, Shown) else one
            block, element = next(_elements(place.get("blocks", []), action_id))
            action = {**_pressed_action(element, value), "block_id": block["block_id"], "action_ts": self.next_ts()}
            payload: Json = {"type": "block_actions", "actions": [action], "state": {"values": {}}}
            if not isinstance(one, Shown):
                payload |= {"container": {"type": "view", "view_id": one["id"]}, "view": deepcopy(dict(one))}
                return self._send("interactive", payload, "", user)
            container = {"type": "message", "message_ts": one.ts, "channel_id": one.channel}
            payload["container"] = {**container, "is_ephemeral": one.viewer is not None}
            payload["channel"] = {"id": one.channel, "name": self.channels[one.channel].name}
            if one.viewer is None:
                payload["message"] = deepcopy(one.content)
            return self._send("interactive", payload, one.channel, user, response_url=True, original=one)

    def _pressed(self, on: Exchange | Mapping[str, Any], action_id: str) -> Shown | Json:
        places: list[Shown | Json]
        if isinstance(on, Exchange):
            seen = [*on.shown, *([on.original] if on.original else [])]
            places = [one for one in seen if not one.deleted]
        elif on.get("type") in ("home", "modal"):
            places = [self.views[on["id"]]]
        else:
            places = [one for one in self.shown if (one.channel, one.ts) == (on["channel"], on["ts"])]
        for place in reversed(places):
            content = place.content if isinstance(place, Shown) else place
            if next(_elements(content.get("blocks", []), action_id), None):
                return place
        raise LookupError(f"nothing with action_id {action_id!r} can be seen there")

    def submit(self, view: Mapping[str, Any], state_values: Json, user: str = "U1") -> Exchange:
        """Submits a modal with `{block_id: {action_id: {"type": …, "value": …}}}`."""
        with self.changed:
            shown = self.views[view["id"]]
            payload = {"type": "view_submission", "view": {**deepcopy(shown), "state": {"values": state_values}}}
            return self._send("interactive", {**payload, "response_urls": []}, "", user)

    def suggest(self, view: Mapping[str, Any], action_id: str, typed: str, user: str = "U1") -> Exchange:
        """Types into a select of a modal that asks for its options; they come with the acknowledgement."""
        with self.changed:
            block, _ = next(_elements(view["blocks"], action_id))
            payload = {"type": "block_suggestion", "action_id": action_id, "block_id": block["block_id"]}
            container = {"type": "view", "view_id": view["id"]}
            more = {"value": typed, "container": container, "view": deepcopy(self.views[view["id"]])}
            return self._send("interactive", {**payload, **more}, "", user)

    def event(
        self,
        type: str,  # noqa: A002 - Slack's word
        *,
        user: str = "U1",
        channel: str = "C1",
        event_id: str = "",
        retry: int = 0,
        **more: Any,
    ) -> Exchange:
        """Sends an event: "app_home_opened", "app_mention", "message.im" (with `text=`), or any other with its fields.

        The same `event_id` with `retry=1` is Slack trying again: it sends the same once more.
        """
        with self.changed:
            sent = [one for one in self._exchanges.values() if retry and one.payload.get("event_id") == event_id]
            if sent:
                return self._send("events_api", deepcopy(sent[0].payload), sent[0].channel, user, retry=retry)
            event: Json = {"type": type, "user": user, "channel": channel, "event_ts": self.next_ts(), **more}
            if type in ("app_mention", "message.im"):
                event["team"] = self.people[user]["team"] if user in self.people else TEAM
            if type in ("app_home_opened", "message.im"):
                event["channel"] = self.direct(user).id
            if type == "app_home_opened":
                event = {"tab": "home", **event}
            if type == "message.im":
                event |= {"type": "message", "channel_type": "im"}
            if event["type"] in ("message", "app_mention"):
                event["ts"] = event["event_ts"]
                if not retry and user in self.people and event["channel"] in self.channels:
                    said = self.show(event["channel"], {"text": more.get("text", "")}, user=user, bot_id=None)
                    event["ts"] = event["event_ts"] = said.ts
            payload = {
                "type": "event_callback",
                "team_id": TEAM,
                "api_app_id": APP,
                "event": event,
                "event_id": event_id or self.next_id("Ev"),
                "event_time": int(self.clock()),
                "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
            }
            return self._send("events_api", payload, event["channel"], user, retry=retry)

    def _send(
        self,
        kind: str,
        payload: Json,
        channel: str,
        user: str,
        *,
        response_url: bool = False,
        original: Shown | None = None,
        retry: int = 0,
    ) -> Exchange:
        with self.changed:
            url = f"{self.url}/respond/{self.next_id('R')}" if response_url else None
            exchange = Exchange(self, payload, channel, user, url)
            exchange.original = original
            payload["token"] = "not-a-verification-token"
            if url:
                payload["response_url"] = url
                self._exchanges[url.rpartition("/")[2]] = exchange
            if kind != "events_api":
                payload["trigger_id"] = self.next_id("trigger.")
                self.api.triggers[payload["trigger_id"]] = self.clock()
            if kind == "interactive":
                who = {"id": user, "username": self.people[user]["name"], "name": self.people[user]["name"]}
                payload |= {
                    "user": {**who, "team_id": self.people[user]["team"]},
                    "team": {"id": TEAM, "domain": "team"},
                }
                payload |= {"api_app_id": APP, "is_enterprise_install": False, "enterprise": None}
            self._exchanges[exchange.id] = exchange
        if self._target is None:
            self._send_over_socket(exchange, kind, retry)
        else:
            args = (exchange, kind, retry, self._target)
            poster = threading.Thread(target=self._post, args=args, name="slack stand-in posts")
            self._posters.append(poster)
            poster.start()
        return exchange

    def _send_over_socket(self, exchange: Exchange, kind: str, retry: int) -> None:
        envelope: Json = {"envelope_id": exchange.id, "type": kind, "payload": exchange.payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if retry:
            envelope |= {"retry_attempt": retry, "retry_reason": "timeout"}
        text = json.dumps(envelope)
        while True:
            with self.changed:
                self.wait_for(lambda: self._sockets, what="a Socket Mode connection")
                # Each envelope goes to one of the connections, in turn.
                socket = min(self._sockets, key=lambda one: one.silent)
                self._sockets.remove(socket)
                self._sockets.append(socket)
                exchange.sent = time.monotonic()
                try:
                    socket.send(text)
                except OSError:  # it died unnoticed: another one takes it
                    self._sockets.remove(socket)
                else:
                    return

    def _post(self, exchange: Exchange, kind: str, retry: int, target: str) -> None:
        if kind == "events_api":
            body, content_type = json.dumps(exchange.payload), "application/json"
        else:
            form = exchange.payload if kind == "slash_commands" else {"payload": json.dumps(exchange.payload)}
            body, content_type = urlencode(form), "application/x-www-form-urlencoded"
        # The receiver compares with its own clock, so this one is not Slack's.
        stamp = str(int(time.time()))
        secret, signed = self.signing_secret.encode(), f"v0:{stamp}:{body}".encode()
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": "v0=" + hmac.new(secret, signed, hashlib.sha256).hexdigest(),
        }
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
        parts = urlsplit(target)
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        exchange.sent = time.monotonic()
        try:
            connection.request("POST", parts.path or "/", body.encode(), headers)
            answer = connection.getresponse()
            self._acknowledged(exchange, _loads(answer.read().decode()), answer.status)
        except OSError:
            return  # nobody acknowledged, which is what the test will see
        finally:
            connection.close()

    def _acknowledged(self, exchange: Exchange, payload: Json, status: int = 200) -> None:
        with self.changed:
            if exchange.ack is None:
                exchange.ack = Ack(time.monotonic() - exchange.sent, payload, status)
                with contextlib.suppress(RefusedError):  # the bot does not hear of it; `violations` does
                    self._take_ack(exchange, payload, status)
                self.changed.notify_all()

    def _take_ack(self, exchange: Exchange, payload: Json, status: int) -> None:
        if status == 200 and (payload.get("text") or payload.get("blocks")):
            self.api.check("ack", payload)
            exchange.respond(payload)
        if payload.get("response_action") == "update":
            view = exchange.payload["view"]
            self.api.keep("ack", view["id"], payload.get("view"), view["type"])

    # --- the wire ---

    def _welcome(self, path: str, socket: WebSocket) -> None:  # noqa: ARG002 - every ticket is good
        socket.send(json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}}))
        with self.changed:
            self._sockets.append(socket)
            self.changed.notify_all()
        socket.listen(self._heard)
        with self.changed:
            if socket in self._sockets:
                self._sockets.remove(socket)
            self.changed.notify_all()

    def _heard(self, text: str) -> None:
        said = json.loads(text)
        exchange = self._exchanges.get(said.get("envelope_id"))
        if exchange:
            self._acknowledged(exchange, said.get("payload") or {})

    def _answer(self, request: HttpRequest) -> HttpAnswer | None:
        place, _, name = request.path.strip("/").partition("/")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if place == "upload":
            method = "upload"
            asked: Json = {"file_id": name, "length": len(request.body)}
        else:
            asked = _arguments(request)
            token = asked.pop("token", token) if place == "api" else ""
            method = "response_url" if place == "respond" else name
        with self.changed:
            self._calls.append(Call(method, asked, token))
            self.changed.notify_all()
            fault = self._faults[method].pop(0) if self._faults[method] else None
            answer = None
            if fault is None or fault.accepted:
                if place == "upload":
                    answer = self._upload(name, request.body)
                elif place == "respond":
                    answer = self._respond(name, asked)
                else:
                    answer = self._call(method, token, asked)
        if fault:
            self._stopping.wait(fault.hang)
            if fault.drop:
                return None
            if fault.error or fault.status:
                return self._failed(method, fault)
        return answer

    def _failed(self, method: str, fault: Fault) -> HttpAnswer:
        if fault.status == 429:
            body = json.dumps({"ok": False, "error": "ratelimited"}).encode()
            return HttpAnswer(429, body, {"Retry-After": str(fault.retry_after), "Content-Type": "application/json"})
        if fault.status:
            return HttpAnswer(fault.status, b"the stand-in was told to fail")
        if method == "response_url":
            return self._refused_response(str(fault.error))
        return self._json({"ok": False, "error": fault.error})

    def _json(self, body: Json) -> HttpAnswer:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "x-oauth-scopes": ",".join(sorted(self.api.scopes)),
        }
        return HttpAnswer(200, json.dumps(body).encode(), headers)

    def _call(self, method: str, token: str, asked: Json) -> HttpAnswer:
        try:
            return self._json({"ok": True, **self.api.call(method, token, asked)})
        except RefusedError as refused:
            return self._json({"ok": False, "error": refused.error, **refused.more})

    def _upload(self, file_id: str, content: bytes) -> HttpAnswer:
        file = self.uploads.get(file_id)
        if file is None or file.length != len(content):
            return HttpAnswer(400, b"the length is not the one that was announced")
        file.content = content
        return HttpAnswer(200, f"OK - {len(content)}".encode())

    def _respond(self, name: str, payload: Json) -> HttpAnswer:
        exchange = self._exchanges.get(name)
        if exchange is None:
            return self._refused_response("no_service")
        if self.clock() - exchange.created > RESPONSE_URL_SECONDS:
            return self._refused_response("expired_url")
        if exchange.uses >= RESPONSE_URL_USES:
            return self._refused_response("used_url")
        try:
            if not _is_true(payload.get("delete_original")):
                self.api.check("response_url", payload)
        except RefusedError as refused:
            return self._refused_response(refused.error)
        exchange.respond(payload)
        exchange.count(payload)
        return HttpAnswer(200, b"ok", {"Content-Type": "text/html"})

    def _refused_response(self, error: str) -> HttpAnswer:
        status = 404 if error in ("no_service", "expired_url", "used_url") else 400
        if self.json_refusals:
            body = json.dumps({"ok": False, "error": error}).encode()
            return HttpAnswer(status, body, {"Content-Type": "application/json"})
        return HttpAnswer(status, error.encode(), {"Content-Type": "text/html"})


def _arguments(request: HttpRequest) -> Json:
    """What a call says, in its address and in its body, be that a form or JSON; JSON inside a form is read, too."""
    asked: Json = dict(parse_qsl(request.query, keep_blank_values=True))
    if "json" in request.headers.get("content-type", ""):
        asked |= json.loads(request.body or b"{}")
    else:
        asked |= dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    for key in ("blocks", "metadata", "view", "files"):
        if isinstance(asked.get(key), str):
            asked[key] = json.loads(asked[key])
    return asked


def _loads(body: str) -> Json:
    """The payload of an acknowledgement over HTTP: JSON, a bare text, or nothing."""
    try:
        said = json.loads(body or "{}")
    except ValueError:
        return {"text": body}
    return said if isinstance(said, dict) else {"text": body}


def _elements(blocks: Iterable[Json], action_id: str) -> Iterator[tuple[Json, Json]]:
    """The elements with that action_id, each with the block it stands in."""
    for block in blocks:
        for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
            if isinstance(element, dict) and element.get("action_id") == action_id:
                yield block, element
        yield from _elements(block.get("child_blocks", ()), action_id)


def _pressed_action(element: Json, value: str | None) -> Json:
    said = ("type", "action_id", "text", "value")
    action: Json = {key: deepcopy(element[key]) for key in said if key in element}
    if element["type"] == "button":
        return action if value is None else {**action, "value": value}
    if element["type"] == "users_select":
        return {**action, "selected_user": value}
    if element["type"] == "datepicker":
        return {**action, "selected_date": value}
    for option in element["options"]:
        if option["value"] == value:
            return {**action, "selected_option": deepcopy(option)}
    raise LookupError(f"{value!r} is no option of {element['action_id']!r}")
