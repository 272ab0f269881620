"""Slack's Web API on a workspace, its refusals included."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.standins.slack_rules import Json, examine
from tests.standins.slack_world import APP, BOT, BOT_USER, TEAM, Channel, Shown, UploadedFile, World

BOT_TOKEN, APP_TOKEN = "xoxb-not-a-secret", "xapp-not-a-secret"

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


class RefusedError(Exception):
    """Slack says no: the `error` of the answer, and what else the answer says."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


class Violation(NamedTuple):
    """A message or view that breaks Slack's limits, with the reasons."""

    method: str
    payload: Json
    problems: list[str]


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
        edges = is_true(asked.get("inclusive"))
        with_metadata = is_true(asked.get("include_all_metadata"))
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
        hide = is_true(asked.get("exclude_archived"))
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
        hidden = () if is_true(asked.get("include_users")) else ("users",)
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


def is_true(value: Any) -> bool:
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


def _kinds(blocks: Any) -> Iterator[str]:
    """The types of blocks, those in containers included."""
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict):
            yield str(block.get("type"))
            yield from _kinds(block.get("child_blocks"))
