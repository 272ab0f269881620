"""The tests' Slack: Web API, Socket Mode (or signed HTTP) and response_urls on loopback, with a person to act in it.

What a `World` holds, what the `WebApi` does to it, the `Line` that puts both on the wire, and here `SlackStandIn`: what
a test looks at, what it orders to go wrong, and what people do. Every wait has a deadline and raises TimeoutError with
what was there instead.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from tests.standins.slack_exchange import Ack, Exchange
from tests.standins.slack_line import SIGNING_SECRET, Call, Fault, Line
from tests.standins.slack_rules import Json, autolinked, visible_mentions
from tests.standins.slack_web import ALL_SCOPES, SCOPES, Violation
from tests.standins.slack_world import APP, BOT_USER, TEAM, Shown, UploadedFile

__all__ = [
    "ALL_SCOPES", "BOT_USER", "SCOPES", "SIGNING_SECRET", "Ack", "Call", "Exchange", "Fault", "SlackStandIn",
    "UploadedFile", "Violation", "autolinked", "visible_mentions",
]  # fmt: skip


class SlackStandIn(Line):
    """One Slack workspace on loopback, to be used as a context manager; `stop()` ends every thread and socket of it.

    `scopes` are the bot's (all by default), `clock` gives Slack's seconds since 1970. Point the bot at `api_url` with
    `bot_token` and `app_token`. With `http_target` (or `deliver_to`) what people do arrives as signed POSTs there,
    else over Socket Mode. `json_refusals` makes response_urls refuse with JSON instead of a bare word.
    """

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
