"""One contract for what we ask of Slack: by the SDK over sockets, and of the fake that simulations use."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
from slack_sdk import WebClient

from bot.slack.api import Person, Posted, RefusedError, Screens, UnconfirmedError
from bot.slack.connection import SECONDS, plain_client
from bot.slack.messages import note
from bot.slack.web import WebSlack
from tests.standins.slack import ALL_SCOPES, SlackStandIn
from tests.standins.slack_fake import FakeSlack, Fault
from tests.standins.slack_needs import NEEDS

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FORM: dict[str, Any] = note("rag-search has spent $82 of $100.").forms()[0]
OTHER: dict[str, Any] = note("rag-search has spent $101 of $100.").forms()[0]
TABLE = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
MODAL: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Raise"},
    "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "How much?"}}],
}
HOME: dict[str, Any] = {"type": "home", "blocks": MODAL["blocks"]}
METHODS = {
    "direct": "conversations.open",
    "channel": "conversations.list",
    "person": "users.info",
    "members": "usergroups.users.list",
    "post": "chat.postMessage",
    "update": "chat.update",
    "find": "conversations.history",
    "upload": "files.completeUploadExternal",
    "permalink": "auth.test",
    "open_modal": "views.open",
    "publish_home": "views.publish",
}

FOR_EVER = [
    *("channel_not_found", "not_in_channel", "is_archived", "user_not_found", "users_not_found", "account_inactive"),
    *("token_revoked", "invalid_auth", "missing_scope", "messages_tab_disabled", "restricted_action"),
    *("restricted_action_read_only_channel", "cannot_dm_bot", "message_limit_exceeded"),
    *("invalid_blocks", "msg_blocks_too_long", "msg_too_long"),
]


class Workspace(Protocol):
    """A Slack with Alice (U1), Bob who has left (U2), a bot (U3), #general (C1) and a group (S1)."""

    api: Screens
    trigger: str

    def shown(self, place: str) -> list[tuple[str, list[str], str | None]]: ...

    def files(self, place: str) -> list[tuple[str, bytes | None, str | None]]: ...

    def modals(self) -> list[str]: ...

    def refuse(self, kind: str) -> None: ...

    def hide_history(self) -> None: ...

    def close(self, channel: str) -> None: ...

    def fail(self, method: str, fault: Fault) -> None: ...


class Fake:
    trigger = "pressed"

    def __init__(self) -> None:
        self.slack = FakeSlack(lambda: NOW)
        self.api: Screens = self.slack
        self.slack.add_person("U1", "alice@example.com", "Asia/Kathmandu")
        self.slack.add_person("U2", "bob@example.com", reachable=False)
        self.slack.add_person("U3", reachable=False)
        self.slack.add_channel("C1", "general")
        self.slack.add_group("S1", ["U1", "U2"])

    def shown(self, place: str) -> list[tuple[str, list[str], str | None]]:
        return [
            (one.form["text"], [block["type"] for block in one.form["blocks"]], one.thread)
            for one in self.slack.said(place)
        ]

    def files(self, place: str) -> list[tuple[str, bytes | None, str | None]]:
        return [(one.name, one.content, one.thread) for one in self.slack.files if one.place == place]

    def modals(self) -> list[str]:
        return [view["title"]["text"] for _, view in self.slack.modals]

    def refuse(self, kind: str) -> None:
        self.slack.refuses.add(kind)

    def hide_history(self) -> None:
        self.slack.unreadable |= {"C1", "D1"}

    def close(self, channel: str) -> None:
        self.slack.closed[channel] = "is_archived"

    def fail(self, method: str, fault: Fault) -> None:
        self.slack.fail_next(method, fault)


class Sockets:
    def __init__(self, slack: SlackStandIn) -> None:
        self.slack = slack
        client = plain_client(slack.bot_token, slack.api_url)
        client.timeout = 1
        self.api: Screens = WebSlack(client)
        slack.add_user("U1", "alice", "alice@example.com", "Asia/Kathmandu")
        slack.add_user("U2", "bob", "bob@example.com", deleted=True)
        slack.add_user("U3", "robot", "", is_bot=True)
        slack.add_group("S1", "team", ["U1", "U2"])
        slack.api.triggers["pressed"] = NOW.timestamp()
        self.trigger = "pressed"

    def shown(self, place: str) -> list[tuple[str, list[str], str | None]]:
        return [
            (one["text"], [block["type"] for block in one.get("blocks", ())], one.get("thread_ts"))
            for one in self.slack.messages(place)
            if "files" not in one
        ]

    def files(self, place: str) -> list[tuple[str, bytes | None, str | None]]:
        return [(one.name, one.content, one.thread_ts) for one in self.slack.files if one.channel == place]

    def modals(self) -> list[str]:
        return [view["title"]["text"] for view in self.slack.modals]

    def refuse(self, kind: str) -> None:
        self.slack.refuses = {*self.slack.refuses, kind}

    def hide_history(self) -> None:
        self.slack.api.scopes = ALL_SCOPES - {"channels:history", "im:history"}

    def close(self, channel: str) -> None:
        self.slack.channels[channel].archived = True

    def fail(self, method: str, fault: Fault) -> None:
        name = METHODS[method]
        if fault.retry_after is not None:
            self.slack.fail_next(name, status=429, retry_after=int(fault.retry_after))
        elif fault.code is not None:
            self.slack.fail_next(name, error=fault.code)
        else:
            self.slack.fail_next(name, drop=True, accepted=fault.accepted)


@pytest.fixture(params=["fake", "sockets"])
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    if request.param == "fake":
        yield Fake()
        return
    with SlackStandIn(clock=NOW.timestamp) as slack:
        yield Sockets(slack)
        assert slack.violations == []


@pytest.fixture
def api(workspace: Workspace) -> Screens:
    return workspace.api


# --- people and places -----------------------------------------------------------------------------------------------


def test_a_person_is_found_by_id_and_by_address_with_their_zone(api: Screens) -> None:
    alice = Person("U1", "Asia/Kathmandu", True, "alice@example.com", is_guest=False, teams=("T0TEAM",))
    assert api.person("U1") == api.person("Alice@example.com") == alice


def test_who_has_left_and_who_is_a_bot_cannot_be_reached(api: Screens) -> None:
    assert not api.person("U2").reachable
    assert not api.person("U3").reachable


@pytest.mark.parametrize("who", ["U404", "nobody@example.com", "bob@example.com"])
def test_who_is_not_there_is_refused_for_ever(api: Screens, who: str) -> None:
    with pytest.raises(RefusedError) as caught:
        api.person(who)
    assert caught.value.permanent


def test_a_group_has_members_and_one_that_is_not_there_is_refused_for_ever(api: Screens) -> None:
    assert api.members("S1") == ("U1", "U2")
    with pytest.raises(RefusedError) as caught:
        api.members("S404")
    assert caught.value.permanent


def test_a_channel_is_found_by_its_name_and_an_id_is_taken_as_it_is(api: Screens) -> None:
    assert api.channel("#general") == api.channel("C1") == "C1"
    assert api.channel("C404") == "C404"
    with pytest.raises(RefusedError) as caught:
        api.channel("#nowhere")
    assert (caught.value.code, caught.value.permanent) == ("channel_not_found", True)


def test_a_direct_message_has_a_place_and_who_has_left_has_none(api: Screens) -> None:
    assert api.direct("U1") == "D1"
    with pytest.raises(RefusedError) as caught:
        api.direct("U2")
    assert caught.value.permanent


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_message_is_posted_and_can_be_made_to_say_something_else(workspace: Workspace, api: Screens) -> None:
    posted = api.post("C1", FORM, "key")
    assert posted.place == "C1"
    assert workspace.shown("C1") == [(FORM["text"], ["rich_text"], None)]
    api.update(*posted, OTHER)
    assert workspace.shown("C1") == [(OTHER["text"], ["rich_text"], None)]
    api.update(*posted, {"text": "bare", "blocks": []})
    assert workspace.shown("C1")[0][0] == "bare"


def test_a_message_stands_in_a_thread(workspace: Workspace, api: Screens) -> None:
    parent = api.post("C1", FORM, "parent")
    api.post("C1", OTHER, "reply", parent.ts)
    assert [thread for _, _, thread in workspace.shown("C1")] == [None, parent.ts]


def test_what_is_not_there_cannot_be_changed_nor_replied_to(api: Screens) -> None:
    with pytest.raises(RefusedError) as changed:
        api.update("C1", "1.000001", FORM)
    with pytest.raises(RefusedError) as replied:
        api.post("C1", FORM, "key", "1.000001")
    assert changed.value.permanent
    assert replied.value.permanent


def test_a_message_is_found_by_its_key_where_and_since_when_it_was_posted(api: Screens) -> None:
    posted = [api.post("C1", FORM, f"key {number}") for number in range(3)]
    before, after = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)
    assert [api.find("C1", f"key {number}", before) for number in range(3)] == posted
    assert api.find("C1", "key", before) is None
    assert api.find("C1", "key 1", after) is None
    assert api.find(api.direct("U1"), "key 1", before) is None


def test_a_message_is_found_behind_all_the_others(api: Screens) -> None:
    first = api.post("C1", FORM, "first")
    for number in range(450):
        api.post("C1", {"text": "x", "blocks": []}, f"key {number}")
    assert api.find("C1", "first", NOW - timedelta(minutes=5)) == first


def test_a_reply_is_found_in_its_thread_and_there_alone(api: Screens) -> None:
    since = NOW - timedelta(minutes=5)
    parent = api.post("C1", FORM, "parent")
    reply = api.post("C1", OTHER, "reply", parent.ts)
    assert api.find("C1", "reply", since, parent.ts) == reply
    assert api.find("C1", "reply", since) is None


def test_history_that_is_not_shown_is_refused_for_ever(workspace: Workspace, api: Screens) -> None:
    api.post("C1", FORM, "key")
    workspace.hide_history()
    with pytest.raises(RefusedError) as caught:
        api.find("C1", "key", NOW - timedelta(minutes=5))
    assert caught.value.permanent


def test_a_modal_is_opened_once_for_who_has_just_pressed(workspace: Workspace, api: Screens) -> None:
    api.open_modal(workspace.trigger, MODAL)
    assert workspace.modals() == [MODAL["title"]["text"]]
    with pytest.raises(RefusedError):
        api.open_modal(workspace.trigger, MODAL)
    assert len(workspace.modals()) == 1


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_block_that_is_not_taken_is_refused_by_name(workspace: Workspace, api: Screens) -> None:
    posted = api.post("C1", FORM, "key")
    workspace.refuse("table")
    form = {"text": "x", "blocks": [TABLE]}
    for call in (lambda: api.post("C1", form, "table"), lambda: api.update(*posted, form)):
        with pytest.raises(RefusedError) as caught:
            call()
        assert caught.value.code == "invalid_blocks"
    assert len(workspace.shown("C1")) == 1


def test_a_file_stands_where_it_is_put(workspace: Workspace, api: Screens) -> None:
    posted = api.post("C1", FORM, "key")
    api.upload("C1", "rows.csv", "key,cost\nrag-säarch,1\n".encode(), posted.ts)
    api.upload(api.direct("U1"), "more.csv", b"key\n")
    assert workspace.files("C1") == [("rows.csv", "key,cost\nrag-säarch,1\n".encode(), posted.ts)]
    assert workspace.files(api.direct("U1")) == [("more.csv", b"key\n", None)]
    workspace.close("C1")
    with pytest.raises(RefusedError) as caught:
        api.upload("C1", "rows.csv", b"key\n")
    assert (caught.value.code, caught.value.permanent) == ("is_archived", True)


def test_a_message_has_an_address(api: Screens) -> None:
    assert api.permalink("C1", "1795354260.000200").endswith("/archives/C1/p1795354260000200")


def test_a_closed_channel_refuses_for_ever(workspace: Workspace, api: Screens) -> None:
    workspace.close("C1")
    with pytest.raises(RefusedError) as caught:
        api.post("C1", FORM, "key")
    assert (caught.value.code, caught.value.permanent) == ("is_archived", True)


def call(api: Screens, method: str, posted: Posted, trigger: str) -> object:
    calls = {
        "direct": lambda: api.direct("U1"),
        "channel": lambda: api.channel("#general"),
        "person": lambda: api.person("U1"),
        "members": lambda: api.members("S1"),
        "post": lambda: api.post("C1", FORM, "key"),
        "update": lambda: api.update(*posted, OTHER),
        "find": lambda: api.find("C1", "key", NOW),
        "find in direct messages": lambda: api.find(api.direct("U1"), "key", NOW),
        "person by address": lambda: api.person("alice@example.com"),
        "upload": lambda: api.upload("C1", "rows.csv", b"key\n"),
        "permalink": lambda: api.permalink("C1", "1.000200"),
        "open_modal": lambda: api.open_modal(trigger, MODAL),
        "publish_home": lambda: api.publish_home("U1", HOME),
    }
    return calls[method]()  # type: ignore[no-untyped-call] # some give nothing


@pytest.mark.parametrize("method", METHODS)
def test_a_rate_limit_says_how_long_to_wait_and_nothing_was_done(workspace: Workspace, method: str) -> None:
    posted = workspace.api.post("C1", FORM, "before")
    workspace.fail(method, Fault(code="ratelimited", retry_after=30))
    with pytest.raises(RefusedError) as caught:
        call(workspace.api, method, posted, workspace.trigger)
    assert (caught.value.permanent, caught.value.retry_after) == (False, 30)
    assert [text for text, _, _ in workspace.shown("C1")] == [FORM["text"]]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("accepted", [False, True])
def test_an_answer_that_is_lost_is_unconfirmed(workspace: Workspace, method: str, accepted: bool) -> None:
    posted = workspace.api.post("C1", FORM, "before")
    workspace.fail(method, Fault(accepted))
    with pytest.raises(UnconfirmedError):
        call(workspace.api, method, posted, workspace.trigger)
    assert (len(workspace.shown("C1")) == 2) is (accepted and method == "post")
    assert (workspace.shown("C1")[0][0] == OTHER["text"]) is (accepted and method == "update")
    assert (len(workspace.files("C1")) == 1) is (accepted and method == "upload")


@pytest.mark.parametrize("method", METHODS)
def test_what_is_unknown_to_us_may_go_away(workspace: Workspace, method: str) -> None:
    posted = workspace.api.post("C1", FORM, "before")
    workspace.fail(method, Fault(code="new_trouble"))
    with pytest.raises(RefusedError) as caught:
        call(workspace.api, method, posted, workspace.trigger)
    assert (caught.value.code, caught.value.permanent) == ("new_trouble", False)


# --- by the SDK alone ------------------------------------------------------------------------------------------------


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    before = set(threading.enumerate())
    with SlackStandIn(clock=NOW.timestamp) as slack:
        yield slack
    assert set(threading.enumerate()) == before


def web(slack: SlackStandIn, **more: Any) -> WebSlack:
    return WebSlack(plain_client(slack.bot_token, slack.api_url), **more)


def refusal(slack: SlackStandIn, **fault: Any) -> RefusedError | UnconfirmedError:
    slack.fail_next("chat.postMessage", **fault)
    with pytest.raises((RefusedError, UnconfirmedError)) as caught:
        web(slack).post("C1", FORM, "key")
    assert isinstance(caught.value, RefusedError | UnconfirmedError)
    return caught.value


@pytest.mark.parametrize("code", FOR_EVER)
def test_these_are_refused_for_ever(slack: SlackStandIn, code: str) -> None:
    error = refusal(slack, error=code)
    assert isinstance(error, RefusedError)
    assert (error.code, error.permanent) == (code, True)
    assert len(slack.payloads("chat.postMessage")) == 1


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "request_timeout", "service_unavailable"])
def test_these_may_follow_a_post_that_went_through(slack: SlackStandIn, code: str) -> None:
    assert isinstance(refusal(slack, error=code, accepted=True), UnconfirmedError)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_has_confirmed_nothing_and_its_words_are_not_told(
    slack: SlackStandIn, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    error = refusal(slack, status=status)
    assert isinstance(error, UnconfirmedError)
    assert "told to fail" not in f"{error} {caplog.text}"


def test_a_server_that_hangs_is_waited_for_so_long_and_the_post_is_unconfirmed(slack: SlackStandIn) -> None:
    client = plain_client(slack.bot_token, slack.api_url)
    assert client.timeout == SECONDS == 10
    client.timeout = 1
    slack.fail_next("chat.postMessage", hang=30)
    with pytest.raises(UnconfirmedError):
        WebSlack(client).post("C1", FORM, "key")
    assert len(slack.messages("C1")) == 1


def test_where_no_line_comes_about_nothing_was_posted() -> None:
    with SlackStandIn() as slack:
        gone = web(slack)
    with pytest.raises(RefusedError) as caught:
        gone.post("C1", FORM, "key")
    assert (caught.value.code, caught.value.permanent) == ("unreachable", False)


def test_the_channels_of_all_pages_are_listed_once_in_a_while(slack: SlackStandIn) -> None:
    for number in range(450):
        slack.add_channel(f"C{number:05d}", f"channel-{number}")
    seconds = [0.0]
    api = web(slack, monotonic=lambda: seconds[0])
    assert api.channel("#channel-449") == "C00449"
    assert api.channel("#channel-7") == "C00007"
    assert len(slack.payloads("conversations.list")) == 3
    slack.channels["C00007"].name = "renamed"
    seconds[0] += 599
    assert api.channel("#channel-7") == "C00007"
    seconds[0] += 2
    with pytest.raises(RefusedError):
        api.channel("#channel-7")
    assert len(slack.payloads("conversations.list")) == 6


def test_a_new_channel_is_found_soon(slack: SlackStandIn) -> None:
    seconds = [0.0]
    api = web(slack, monotonic=lambda: seconds[0])
    for _ in range(2):
        with pytest.raises(RefusedError):
            api.channel("#new")
    assert len(slack.payloads("conversations.list")) == 1
    slack.add_channel("C9", "new")
    seconds[0] += 31
    assert api.channel("#new") == "C9"


def test_an_archived_channel_has_no_name_any_more(slack: SlackStandIn) -> None:
    slack.add_channel("C9", "old", archived=True)
    with pytest.raises(RefusedError):
        web(slack).channel("#old")


def test_what_is_posted_carries_its_key_and_links_nothing(slack: SlackStandIn) -> None:
    web(slack).post("C1", FORM, "key")
    (sent,) = slack.payloads("chat.postMessage")
    assert sent["metadata"] == {"event_type": "llmcost", "event_payload": {"key": "key"}}
    assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)
    assert (sent["parse"], sent["link_names"]) == ("none", False)


def test_another_apps_mark_is_none_of_ours(slack: SlackStandIn) -> None:
    mark = {"event_type": "other", "event_payload": {"key": "key"}}
    WebClient(slack.bot_token, base_url=slack.api_url).chat_postMessage(channel="C1", text="x", metadata=mark)
    assert web(slack).find("C1", "key", NOW - timedelta(minutes=5)) is None


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload"])
@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
def test_before_a_file_is_completed_nobody_sees_it(slack: SlackStandIn, step: str, fault: dict[str, Any]) -> None:
    slack.fail_next(step, **fault)
    with pytest.raises(RefusedError) as caught:
        web(slack).upload("C1", "rows.csv", b"key\n")
    assert not caught.value.permanent
    assert [one for one in slack.files if one.channel] == []


@pytest.mark.parametrize(("method", "scope"), NEEDS.items())
def test_without_its_scope_it_is_refused_for_ever(method: str, scope: str) -> None:
    with SlackStandIn(scopes=ALL_SCOPES - {scope}) as slack, pytest.raises(RefusedError) as caught:
        call(web(slack), method, Posted("C1", "1.0"), "pressed")
    assert (caught.value.code, caught.value.permanent) == ("missing_scope", True)
