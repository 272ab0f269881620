"""Slack's Web API as bot.slack.api wants it: what an error of its means is decided here and nowhere else."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from http.client import HTTPException
from socket import gaierror
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from bot.errors import SlackError
from bot.slack.api import REFUSED_FORM, UNREACHABLE, Person, Posted, RefusedError, UnconfirmedError
from bot.slack.tls import trust

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

EVENT_TYPE = "llmcost"

_CODE = re.compile(r"[a-z][a-z_]{1,59}")

# How long the list of channels is believed, in seconds; and for how long a name that is not in it.
CHANNELS_SECONDS = 600.0
MISSING_SECONDS = 30.0
_UPLOAD_SECONDS = 10.0

# These may follow a post that went through.
_UNCLEAR = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
# Slack will say so again however often it is asked. `message_limit_exceeded` must not even be tried again.
_PERMANENT = REFUSED_FORM | {
    "account_inactive",
    "cannot_dm_bot",
    "cant_update_message",
    "channel_not_found",
    "edit_window_closed",
    "expired_trigger_id",
    "file_uploads_disabled",
    "invalid_arguments",
    "invalid_auth",
    "invalid_trigger_id",
    "is_archived",
    "message_limit_exceeded",
    "message_not_found",
    "messages_tab_disabled",
    "method_not_supported_for_channel_type",
    "missing_scope",
    "no_permission",
    "no_such_subteam",
    "no_text",
    "not_authed",
    "not_in_channel",
    "thread_not_found",
    "token_expired",
    "token_revoked",
    "user_disabled",
    "user_not_found",
    "user_not_visible",
    "users_not_found",
}


class WebSlack:
    """A bot.slack.api.Screens."""

    def __init__(self, client: "WebClient", monotonic: Callable[[], float] = time.monotonic) -> None:
        """`client` must not retry anything by itself (see bot.slack.connection.plain_client)."""
        self._client = client
        self._monotonic = monotonic
        self._listing = threading.Lock()
        self._channels: dict[str, str] = {}
        self._listed_at: float | None = None
        self._address: str | None = None

    def direct(self, user: str) -> str:
        """See SlackApi."""
        return str(_ask(lambda: self._client.conversations_open(users=user))["channel"]["id"])

    def channel(self, name: str) -> str:
        """See SlackApi. The names of public channels are known alone: a private one is given by its id."""
        if not name.startswith("#"):
            return name
        wanted = name[1:]
        # One at a time: the list can be long, and whoever waits for it finds it here then.
        with self._listing:
            if not self._is_known(wanted):
                found = self._pages("conversations_list", "channels", types="public_channel", exclude_archived=True)
                self._channels = {str(one["name"]): str(one["id"]) for one in found}
                self._listed_at = self._monotonic()
            if wanted in self._channels:
                return self._channels[wanted]
        raise RefusedError(
            f"Slack has no public channel {name}; give a private one by its id.", "channel_not_found", permanent=True
        )

    def _is_known(self, name: str) -> bool:
        """Whether the list says what is to be known about a name."""
        if self._listed_at is None:
            return False
        limit = CHANNELS_SECONDS if name in self._channels else MISSING_SECONDS
        return self._monotonic() - self._listed_at < limit

    def person(self, who: str) -> Person:
        """See SlackApi."""
        if "@" in who:
            said = _ask(lambda: self._client.users_lookupByEmail(email=who))["user"]
        else:
            said = _ask(lambda: self._client.users_info(user=who))["user"]
        # On an Enterprise Grid a member belongs to several workspaces, and `team_id` may be none of them.
        teams = dict.fromkeys([said.get("team_id"), *((said.get("enterprise_user") or {}).get("teams") or ())])
        return Person(
            id=said["id"],
            zone=said.get("tz") or None,
            reachable=not (said.get("deleted") or said.get("is_bot")),
            email=(said.get("profile") or {}).get("email") or None,
            is_guest=bool(said.get("is_restricted") or said.get("is_ultra_restricted")),
            teams=tuple(str(team) for team in teams if team),
        )

    def members(self, group: str) -> tuple[str, ...]:
        """See SlackApi."""
        return tuple(_ask(lambda: self._client.usergroups_users_list(usergroup=group))["users"])

    def post(self, place: str, form: Mapping[str, Any], key: str, thread: str | None = None) -> Posted:
        """See SlackApi."""
        said = _ask(
            lambda: self._client.chat_postMessage(
                channel=place,
                text=form["text"],
                blocks=form["blocks"],
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                thread_ts=thread,
                unfurl_links=False,
                unfurl_media=False,
                # What stands in `text` and looks like an address or a name is none.
                parse="none",
                link_names=False,
            )
        )
        return Posted(str(said["channel"]), str(said["ts"]))

    def update(self, place: str, ts: str, form: Mapping[str, Any]) -> None:
        """See SlackApi."""
        _ask(
            lambda: self._client.chat_update(
                channel=place, ts=ts, text=form["text"], blocks=form["blocks"], parse="none", link_names=False
            )
        )

    def find(self, place: str, key: str, since: datetime, thread: str | None = None) -> Posted | None:
        """See SlackApi."""
        asked: dict[str, Any] = {
            "channel": place,
            "oldest": f"{since.timestamp():.6f}",
            "include_all_metadata": True,
            **({"ts": thread} if thread is not None else {}),
        }
        method = "conversations_history" if thread is None else "conversations_replies"
        for message in self._pages(method, "messages", **asked):
            mark = message.get("metadata") or {}
            if mark.get("event_type") == EVENT_TYPE and (mark.get("event_payload") or {}).get("key") == key:
                return Posted(place, str(message["ts"]))
        return None

    def upload(self, place: str, name: str, content: bytes, thread: str | None = None) -> None:
        """See SlackApi."""
        try:
            target = _ask(lambda: self._client.files_getUploadURLExternal(filename=name, length=len(content)))
            _put(str(target["upload_url"]), content)
        except UnconfirmedError as error:
            # Nobody sees a file before it is completed.
            raise RefusedError(str(error), UNREACHABLE, permanent=False) from None
        files: list[dict[str, str | None]] = [{"id": str(target["file_id"]), "title": name}]
        _ask(lambda: self._client.files_completeUploadExternal(files=files, channel_id=place, thread_ts=thread))

    def permalink(self, place: str, ts: str) -> str:
        """See SlackApi. Made from the workspace's address, which is asked for once."""
        if self._address is None:
            self._address = str(_ask(self._client.auth_test)["url"]).rstrip("/")
        return f"{self._address}/archives/{place}/p{ts.replace('.', '')}"

    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None:
        """See SlackApi."""
        _ask(lambda: self._client.views_open(trigger_id=trigger, view=dict(view)))

    def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        """See Screens."""
        _ask(lambda: self._client.views_publish(user_id=user, view=dict(view)))

    def _pages(self, method: str, what: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
        """What all pages of an answer list. A page is asked for once all before it were taken."""
        cursor = None
        while True:
            said = _ask(partial(getattr(self._client, method), limit=200, cursor=cursor, **asked))
            yield from said[what]
            cursor = (said.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def _ask(call: Callable[[], Any]) -> Any:
    """What Slack answers. Raises RefusedError and UnconfirmedError."""
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        return call()
    except SlackApiError as error:
        raise _judged(error) from None
    except URLError as error:
        # The line did not come about, so that nothing can have gone over it.
        if isinstance(error.reason, (ConnectionRefusedError, gaierror)):
            raise RefusedError("Slack cannot be reached.", UNREACHABLE, permanent=False) from None
        raise UnconfirmedError(f"Slack did not answer ({type(error.reason).__name__}).") from None
    except (OSError, HTTPException, SlackClientError) as error:
        raise UnconfirmedError(f"Slack did not answer ({type(error).__name__}).") from None


def _put(url: str, content: bytes) -> None:
    """Send a file's content to where Slack said. Raises UnconfirmedError."""
    request = Request(url, data=content, method="POST")  # noqa: S310 - the address is Slack's own answer
    try:
        with urlopen(request, timeout=_UPLOAD_SECONDS, context=trust()):  # noqa: S310 - likewise
            pass
    except HTTPError as error:
        error.close()
        raise UnconfirmedError(f"Slack did not take the file (HTTP {error.code}).") from None
    except (OSError, HTTPException) as error:
        raise UnconfirmedError(f"Slack did not take the file ({type(error).__name__}).") from None


def _judged(error: "SlackApiError") -> SlackError:
    """What an answer other than `ok` means."""
    said = error.response
    if said.status_code == 429:
        return RefusedError(
            "Slack wants us to wait.", "ratelimited", permanent=False, retry_after=_seconds(said.headers)
        )
    if said.status_code != 200:
        return UnconfirmedError(f"Slack did not answer (HTTP {said.status_code}).")
    code = error_code(said.get("error"))
    if code in _UNCLEAR:
        return UnconfirmedError(f"Slack did not answer ({code}).")
    if code in ("ratelimited", "rate_limited"):
        return RefusedError("Slack wants us to wait.", code, permanent=False, retry_after=_seconds(said.headers))
    permanent = code in _PERMANENT or code.startswith("restricted_action")
    return RefusedError(f"Slack said no ({code}).", code, permanent=permanent)


def error_code(said: object) -> str:
    """The code by which Slack refuses something; what else a server in between may say is not repeated."""
    return said if isinstance(said, str) and _CODE.fullmatch(said) else "no reason given"


def _seconds(headers: Mapping[str, Any]) -> float:
    """How long to wait, as Slack says."""
    said = {str(name).lower(): value for name, value in headers.items()}.get("retry-after", "1")
    try:
        return max(1.0, float(said[0] if isinstance(said, list) else said))
    except ValueError:
        return 1.0
