"""The tests' Slack answers the real SDK and the real Bolt as Slack does: what holds against it is worth something."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.webhook import WebhookClient

from tests.standins.slack import BOT_USER, Exchange, SlackStandIn

METADATA = {"event_type": "llmcost", "event_payload": {"key": "budget:1"}}
BUTTONS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Over budget", "verbatim": True}},
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "ack", "value": "b1", "text": {"type": "plain_text", "text": "Fine"}},
            {
                "type": "static_select",
                "action_id": "snooze",
                "options": [
                    {"text": {"type": "plain_text", "text": f"{days} days"}, "value": str(days)} for days in (1, 7)
                ],
            },
        ],
    },
]
CHART: dict[str, Any] = {
    "type": "data_visualization",
    "title": "Cost",
    "chart": {"type": "pie", "segments": [{"label": "rag", "value": 1}]},
}


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[SlackStandIn]:
    with SlackStandIn(clock=clock) as slack:
        yield slack


@pytest.fixture
def client(slack: SlackStandIn) -> WebClient:
    return _client(slack)


def _client(slack: SlackStandIn, **more: Any) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.api_url, **{"retry_handlers": [], **more})


@contextmanager
def _bolt(slack: SlackStandIn, **more: Any) -> Iterator[App]:
    with ThreadPoolExecutor(5) as executor:
        logger = logging.getLogger("bolt under test")
        client = WebClient(slack.bot_token, base_url=slack.api_url)
        yield App(token=slack.bot_token, client=client, listener_executor=executor, logger=logger, **more)


@contextmanager
def _connected(slack: SlackStandIn, app: App, ping_interval: float = 0.4) -> Iterator[None]:
    handler: Any = SocketModeHandler(app, slack.app_token, ping_interval=ping_interval)
    try:
        handler.connect()
        yield
    finally:
        handler.client.closed = True
        handler.client.message_queue.put(None)  # else close() waits a second for one more message
        handler.close()


@pytest.fixture
def app(slack: SlackStandIn) -> Iterator[App]:
    """A bot that answers a command with the same words and buttons, and a click with what was chosen."""
    with _bolt(slack) as app:
        _listen(app)
        yield app


def _listen(app: App) -> None:
    @app.command("/llmcost")
    def answer(ack: Any, respond: Any, command: Any) -> None:
        ack()
        respond(text=f"you said {command['text']}", blocks=BUTTONS)

    @app.action("ack")
    @app.action("snooze")
    def clicked(ack: Any, respond: Any, action: Any) -> None:
        ack()
        chosen = action.get("value") or action["selected_option"]["value"]
        respond(text=f"chose {chosen}", replace_original=True)


def _error(call: Callable[[], object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


# --- who may call what -----------------------------------------------------------------------------------------------


def test_a_token_is_asked_for_and_must_be_the_right_one(slack: SlackStandIn, client: WebClient) -> None:
    assert client.auth_test()["user_id"] == BOT_USER
    assert _error(lambda: WebClient(base_url=slack.api_url).auth_test()) == "not_authed"
    assert _error(lambda: WebClient("xoxb-other", base_url=slack.api_url).auth_test()) == "invalid_auth"
    assert _error(lambda: client.apps_connections_open(app_token=slack.bot_token)) == "not_allowed_token_type"
    assert client.apps_connections_open(app_token=slack.app_token)["url"].startswith("ws://127.0.0.1:")


def test_methods_that_are_not_there_are_unknown(client: WebClient) -> None:
    assert _error(lambda: client.api_call("chat.shout")) == "unknown_method"


def test_a_method_outside_the_scopes_says_which_is_missing() -> None:
    with SlackStandIn(scopes=["users:read", "chat:write"]) as slack:
        client = _client(slack)
        answer = client.users_info(user="U1")
        assert answer.headers["x-oauth-scopes"] == "chat:write,users:read"
        assert "email" not in answer["user"]["profile"]
        with pytest.raises(SlackApiError) as caught:
            client.users_lookupByEmail(email="alice@example.com")
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == "users:read.email"
        assert client.chat_postMessage(channel="U1", text="direct messages need chat:write alone")["ok"]
        assert _error(lambda: client.conversations_open(users="U1")) == "missing_scope"
        assert _error(lambda: client.conversations_history(channel="D1")) == "missing_scope"


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_posted_message_is_kept_with_all_that_it_carries(slack: SlackStandIn, client: WebClient) -> None:
    root = client.chat_postMessage(channel="C1", text="hello", blocks=BUTTONS, metadata=METADATA)
    reply = client.chat_postMessage(channel="C1", text="details", thread_ts=root["ts"])
    first, second = slack.messages("C1")
    assert (first["text"], first["metadata"], first["blocks"][0]["type"]) == ("hello", METADATA, "section")
    assert (second["thread_ts"], second["ts"]) == (root["ts"], reply["ts"])
    assert root["ts"] < reply["ts"]


def test_a_persons_id_as_channel_opens_the_direct_messages(slack: SlackStandIn, client: WebClient) -> None:
    assert client.chat_postMessage(channel="U1", text="psst")["channel"] == "D1"
    assert client.conversations_open(users="U1")["channel"]["id"] == "D1"
    assert [one["text"] for one in slack.messages("U1")] == ["psst"] == [one["text"] for one in slack.messages("D1")]


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C404", "channel_not_found"),
        ("C2", "is_archived"),
        ("C3", "not_in_channel"),
        ("U2", "channel_not_found"),
        (BOT_USER, "cannot_dm_bot"),
    ],
)
def test_where_the_bot_cannot_post_slack_says_why(
    slack: SlackStandIn, client: WebClient, channel: str, error: str
) -> None:
    slack.add_channel("C2", "old", archived=True)
    slack.add_channel("C3", "closed", bot_is_member=False)
    slack.add_user("U2", "bob", "bob@example.com", deleted=True)
    assert _error(lambda: client.chat_postMessage(channel=channel, text="hello")) == error
    assert not slack.messages("C2")


def test_update_changes_what_it_names_and_delete_removes(slack: SlackStandIn, client: WebClient) -> None:
    ts = client.chat_postMessage(channel="C1", text="before", blocks=BUTTONS, metadata=METADATA)["ts"]
    client.chat_update(channel="C1", ts=ts, text="after")
    assert slack.messages("C1")[0]["text"] == "after"
    assert slack.messages("C1")[0]["metadata"] == METADATA
    client.chat_update(channel="C1", ts=ts, text="after", blocks=[])
    assert "blocks" not in slack.messages("C1")[0]
    client.chat_delete(channel="C1", ts=ts)
    assert slack.messages("C1") == []
    assert _error(lambda: client.chat_update(channel="C1", ts=ts, text="gone")) == "message_not_found"


def test_an_ephemeral_message_is_seen_by_one_and_kept_by_nobody(slack: SlackStandIn, client: WebClient) -> None:
    ts = client.chat_postEphemeral(channel="C1", user="U1", text="only you")["message_ts"]
    assert [one["text"] for one in slack.ephemerals("U1")] == ["only you"]
    assert slack.messages("C1") == []
    assert client.conversations_history(channel="C1")["messages"] == []
    assert _error(lambda: client.chat_update(channel="C1", ts=ts, text="x")) == "message_not_found"
    slack.add_user("U2", "bob", "bob@example.com")
    assert _error(lambda: client.chat_postEphemeral(channel="C1", user="U2", text="x")) == "user_not_in_channel"


def test_history_pages_newest_first_and_shows_metadata_on_demand(client: WebClient) -> None:
    sent = [client.chat_postMessage(channel="C1", text=str(n), metadata=METADATA)["ts"] for n in range(7)]
    client.chat_postMessage(channel="C1", text="a reply", thread_ts=sent[0])
    history = client.conversations_history(channel="C1", limit=3, include_all_metadata=True)
    pages = [page["messages"] for page in history]
    assert [[one["text"] for one in page] for page in pages] == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert all(one["metadata"] == METADATA for page in pages for one in page)
    assert "metadata" not in client.conversations_history(channel="C1")["messages"][0]
    between = client.conversations_history(channel="C1", oldest=sent[2], latest=sent[4])["messages"]
    assert [one["text"] for one in between] == ["3"]
    edges = client.conversations_history(channel="C1", oldest=sent[2], latest=sent[4], inclusive=True)["messages"]
    assert [one["text"] for one in edges] == ["4", "3", "2"]
    assert _error(lambda: client.conversations_history(channel="C1", cursor="nonsense")) == "invalid_cursor"


def test_replies_are_a_message_and_its_thread_oldest_first(client: WebClient) -> None:
    root = client.chat_postMessage(channel="C1", text="root")["ts"]
    client.chat_postMessage(channel="C1", text="other")
    client.chat_postMessage(channel="C1", text="reply", thread_ts=root)
    assert [one["text"] for one in client.conversations_replies(channel="C1", ts=root)["messages"]] == ["root", "reply"]
    assert _error(lambda: client.conversations_replies(channel="C1", ts="1.000000")) == "thread_not_found"
    assert _error(lambda: client.chat_postMessage(channel="C1", text="x", thread_ts="1.000000")) == "thread_not_found"


# --- people and places -----------------------------------------------------------------------------------------------


def test_people_are_found_by_id_and_by_address(slack: SlackStandIn, client: WebClient) -> None:
    slack.add_user("U2", "bob", "bob@example.com", "Asia/Kolkata")
    slack.add_user("U3", "carol", "carol@example.com", deleted=True)
    assert client.users_info(user="U2")["user"]["tz_offset"] == 19_800
    assert client.users_lookupByEmail(email="Bob@example.com")["user"]["id"] == "U2"
    assert _error(lambda: client.users_lookupByEmail(email="carol@example.com")) == "users_not_found"
    assert _error(lambda: client.users_info(user="U404")) == "user_not_found"
    listed = [one["id"] for page in client.users_list(limit=2) for one in page["members"]]
    assert listed == ["U1", BOT_USER, "U2", "U3"]


def test_channels_are_listed_described_and_joined(slack: SlackStandIn, client: WebClient) -> None:
    slack.add_channel("C2", "old", archived=True)
    slack.add_channel("C3", "closed", bot_is_member=False)
    client.chat_postMessage(channel="U1", text="direct messages are not in the list")
    listed = client.conversations_list(limit=1, exclude_archived=True)
    assert [one["name"] for page in listed for one in page["channels"]] == ["general", "closed"]
    assert not client.conversations_info(channel="C3")["channel"]["is_member"]
    client.conversations_join(channel="C3")
    assert client.chat_postMessage(channel="C3", text="in")["ok"]


def test_groups_have_members(slack: SlackStandIn, client: WebClient) -> None:
    slack.add_group("S1", "search-team", ["U1"])
    assert client.usergroups_users_list(usergroup="S1")["users"] == ["U1"]
    assert client.usergroups_list(include_users=True)["usergroups"][0]["users"] == ["U1"]
    assert "users" not in client.usergroups_list()["usergroups"][0]
    assert _error(lambda: client.usergroups_users_list(usergroup="S2")) == "no_such_subteam"


def test_a_file_that_is_not_whole_is_refused(slack: SlackStandIn, client: WebClient) -> None:
    place = client.files_getUploadURLExternal(filename="costs.csv", length=5)
    assert WebhookClient(place["upload_url"]).send(text="this is not what was announced").status_code == 400
    files = [{"id": place["file_id"], "title": "Costs"}]
    assert _error(lambda: client.files_completeUploadExternal(files=files, channel_id="C1")) == "file_not_found"
    assert slack.files == []


def test_a_file_is_uploaded_into_a_thread(slack: SlackStandIn, client: WebClient) -> None:
    root = client.chat_postMessage(channel="C1", text="digest")["ts"]
    client.files_upload_v2(
        filename="costs.csv", content="a,b\n", title="Costs", channel="C1", thread_ts=root, initial_comment="here"
    )
    (file,) = slack.files
    assert (file.name, file.title, file.content, file.channel) == ("costs.csv", "Costs", b"a,b\n", "C1")
    assert (file.thread_ts, file.comment) == (root, "here")
    assert slack.messages("C1")[-1]["files"][0]["id"] == file.id
    slack.add_channel("C3", "closed", bot_is_member=False)
    refused = _error(lambda: client.files_upload_v2(filename="x.csv", content="a", channel="C3"))
    assert refused == "not_in_channel"


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_message_against_the_limits_is_refused_and_remembered(slack: SlackStandIn, client: WebClient) -> None:
    divider = {"type": "divider"}
    section = {"type": "section", "text": {"type": "plain_text", "text": "x" * 3000}}
    for error, blocks, text in [
        ("invalid_blocks", [divider] * 51, "x"),
        ("msg_blocks_too_long", [section] * 5, "x"),
        ("msg_too_long", [divider], "x" * 4001),
    ]:
        assert _error(lambda b=blocks, t=text: client.chat_postMessage(channel="C1", text=t, blocks=b)) == error  # type: ignore[misc] # the loop's values, not its variables
    assert [one.method for one in slack.violations] == ["chat.postMessage"] * 3
    assert "51 items" in slack.violations[0].problems[0]
    assert slack.messages("C1") == []


def test_a_block_that_is_not_rolled_out_is_refused_and_no_violation(slack: SlackStandIn, client: WebClient) -> None:
    slack.refuses = {"data_visualization"}
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="C1", text="x", blocks=[CHART])
    assert caught.value.response["error"] == "invalid_blocks"
    assert _error(lambda: client.views_publish(user_id="U1", view={"type": "home", "blocks": [CHART]})) == (
        "invalid_arguments"
    )
    slack.refuses = set()
    assert client.chat_postMessage(channel="C1", text="x", blocks=[CHART])["ok"]
    assert slack.violations == []


# --- faults ----------------------------------------------------------------------------------------------------------


def test_429_says_how_long_to_wait_and_the_retry_handler_obeys(slack: SlackStandIn) -> None:
    slack.fail_next("chat.postMessage", status=429, retry_after=0)
    client = _client(slack, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)])
    assert client.chat_postMessage(channel="C1", text="once")["ok"]
    assert len(slack.messages("C1")) == 1
    assert len(slack.wait_calls("chat.postMessage", 2)) == 2
    slack.fail_next("chat.postMessage", status=429, retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        _client(slack).chat_postMessage(channel="C1", text="refused")
    assert caught.value.response.headers["Retry-After"] == "7"


def test_faults_queue_up_per_method(slack: SlackStandIn, client: WebClient) -> None:
    slack.fail_next("chat.postMessage", error="internal_error", times=2)
    slack.fail_next("chat.postMessage", status=500)
    assert client.users_info(user="U1")["ok"]
    assert _error(lambda: client.chat_postMessage(channel="C1", text="1")) == "internal_error"
    assert _error(lambda: client.chat_postMessage(channel="C1", text="2")) == "internal_error"
    with pytest.raises(SlackApiError):
        client.chat_postMessage(channel="C1", text="3")
    assert slack.messages("C1") == []
    assert client.chat_postMessage(channel="C1", text="4")["ok"]


def test_an_error_may_follow_a_post_that_succeeded(slack: SlackStandIn, client: WebClient) -> None:
    slack.fail_next("chat.postMessage", error="fatal_error", accepted=True)
    assert _error(lambda: client.chat_postMessage(channel="C1", text="x")) == "fatal_error"
    assert len(slack.messages("C1")) == 1


def test_a_connection_that_drops_after_the_post_makes_the_default_client_post_twice(slack: SlackStandIn) -> None:
    slack.fail_next("chat.postMessage", drop=True)
    WebClient(slack.bot_token, base_url=slack.api_url).chat_postMessage(channel="C1", text="x")
    assert len(slack.messages("C1")) == 2
    slack.fail_next("chat.postMessage", drop=True)
    with pytest.raises(ConnectionError):
        _client(slack).chat_postMessage(channel="C1", text="x")
    assert len(slack.messages("C1")) == 3


def test_a_hanging_call_times_out_although_it_was_accepted(slack: SlackStandIn) -> None:
    slack.fail_next("chat.postMessage", hang=30)
    with pytest.raises(TimeoutError):
        WebClient(slack.bot_token, base_url=slack.api_url, timeout=1, retry_handlers=[]).chat_postMessage(
            channel="C1", text="x"
        )
    assert len(slack.messages("C1")) == 1


# --- response_urls ---------------------------------------------------------------------------------------------------


@pytest.fixture
def exchange(slack: SlackStandIn, app: App) -> Exchange:
    """A command that was answered once; then the bot went away."""
    with _connected(slack, app):
        exchange = slack.command("week")
        exchange.wait_responses()
    return exchange


def _hook(exchange: Exchange) -> WebhookClient:
    assert exchange.url
    return WebhookClient(exchange.url)


def test_a_response_url_is_good_for_five_uses(exchange: Exchange) -> None:
    answers = [_hook(exchange).send(text=str(n)) for n in range(2, 7)]
    assert [(one.status_code, one.body) for one in answers] == [(200, "ok")] * 4 + [(404, "used_url")]
    assert [one["text"] for one in exchange.responses][1:] == ["2", "3", "4", "5"]


def test_a_response_url_is_good_for_thirty_minutes(exchange: Exchange, clock: Clock) -> None:
    clock.now += 30 * 60
    assert _hook(exchange).send(text="just in time").status_code == 200
    clock.now += 1
    late = _hook(exchange).send(text="too late")
    assert (late.status_code, late.body) == (404, "expired_url")


def test_a_response_is_ephemeral_unless_it_says_otherwise(slack: SlackStandIn, exchange: Exchange) -> None:
    assert slack.messages("C1") == []
    assert len(slack.ephemerals("U1")) == 1
    _hook(exchange).send(text="for all", response_type="in_channel")
    assert [one["text"] for one in slack.messages("C1")] == ["for all"]


def test_a_response_can_replace_and_delete_the_one_before(slack: SlackStandIn, exchange: Exchange) -> None:
    _hook(exchange).send(text="better", replace_original=True)
    assert [(one["text"], "blocks" in one) for one in exchange.visible] == [("better", False)]
    _hook(exchange).send(delete_original=True)
    assert exchange.visible == [] == slack.ephemerals("U1")


def test_refused_blocks_at_a_response_url_raise_nothing(slack: SlackStandIn, exchange: Exchange) -> None:
    slack.refuses = {"data_visualization"}
    answer = _hook(exchange).send(text="x", blocks=[CHART])
    assert (answer.status_code, answer.body) == (400, "invalid_blocks")
    slack.json_refusals = True
    answer = _hook(exchange).send(text="x", blocks=[{"type": "nonsense"}])
    assert (answer.status_code, answer.body) == (400, '{"ok": false, "error": "invalid_blocks"}')
    assert len(exchange.responses) == 1
    assert [one.method for one in slack.violations] == ["response_url"]


def test_a_response_url_has_faults_of_its_own(slack: SlackStandIn, exchange: Exchange) -> None:
    slack.fail_next("response_url", error="expired_url")
    assert _hook(exchange).send(text="x").status_code == 404
    slack.fail_next("response_url", status=500)
    assert _hook(exchange).send(text="x").status_code == 500
    assert len(exchange.responses) == 1


# --- Bolt over Socket Mode -------------------------------------------------------------------------------------------


def test_a_command_is_acknowledged_and_answered_in_a_channel_without_the_bot(slack: SlackStandIn, app: App) -> None:
    slack.add_channel("C3", "closed", ["U1"], bot_is_member=False)
    with _connected(slack, app):
        exchange = slack.command("week rag", channel="C3")
        assert exchange.wait_ack().payload == {}
        assert exchange.wait_ack().seconds < 3
        assert exchange.wait_responses()[0]["text"] == "you said week rag"
        assert exchange.visible[0]["channel"] == "C3"


def test_a_bot_that_does_not_acknowledge_times_out(slack: SlackStandIn, app: App) -> None:
    with _connected(slack, app), pytest.raises(TimeoutError, match="operation_timeout"):
        slack.command("week", command="/unknown").wait_ack(timeout=0.3)


def test_what_the_acknowledgement_says_is_shown(slack: SlackStandIn) -> None:
    with _bolt(slack) as app:
        app.command("/llmcost")(lambda ack: ack("one moment"))
        with _connected(slack, app):
            exchange = slack.command("week")
            assert exchange.wait_ack().payload == {"text": "one moment"}
            assert [one["text"] for one in exchange.visible] == ["one moment"]


def test_a_button_in_an_ephemeral_answer_comes_without_the_message(slack: SlackStandIn, app: App) -> None:
    with _connected(slack, app):
        exchange = slack.command("week")
        exchange.wait_responses()
        click = slack.click(exchange, "ack")
        assert click.wait_responses() == [{"text": "chose b1", "replace_original": True}]
        assert "message" not in click.payload
        assert click.payload["container"]["is_ephemeral"]
        assert click.url != exchange.url
        assert [one["text"] for one in exchange.visible] == ["chose b1"]
        with pytest.raises(LookupError):
            slack.click(exchange, "ack")


def test_a_click_can_add_a_message_and_still_replace_the_one_it_came_from(slack: SlackStandIn, app: App) -> None:
    with _connected(slack, app):
        exchange = slack.command("week")
        exchange.wait_responses()
        click = slack.click(exchange, "ack")
        click.wait_responses()
    assert _hook(click).send(text="also").body == "ok"
    assert _hook(click).send(text="replaced", replace_original=True).body == "ok"
    assert [one["text"] for one in slack.ephemerals("U1")] == ["replaced", "also"]
    assert [one["text"] for one in exchange.visible] == ["replaced"]
    assert [one["text"] for one in click.visible] == ["also"]


def test_a_select_in_a_message_comes_with_the_message_and_the_option(
    slack: SlackStandIn, client: WebClient, app: App
) -> None:
    client.chat_postMessage(channel="U1", text="over budget", blocks=BUTTONS)
    with _connected(slack, app):
        (message,) = slack.messages("U1")
        with pytest.raises(LookupError):
            slack.click(message, "snooze", "30")
        click = slack.click(message, "snooze", "7")
        click.wait_responses()
        assert click.payload["message"]["text"] == "over budget"
        assert click.payload["actions"][0]["block_id"] == message["blocks"][1]["block_id"]
        assert [one["text"] for one in slack.messages("U1")] == ["chose 7"]


def test_a_modal_is_opened_once_in_time_and_submitted(slack: SlackStandIn, clock: Clock) -> None:
    modal: dict[str, Any] = {
        "type": "modal",
        "callback_id": "raise",
        "title": {"type": "plain_text", "text": "Raise"},
        "submit": {"type": "plain_text", "text": "Save"},
        "blocks": [
            {
                "type": "input",
                "block_id": "limit",
                "label": {"type": "plain_text", "text": "Limit"},
                "element": {"type": "plain_text_input", "action_id": "usd"},
            }
        ],
    }
    seen: list[str] = []
    with _bolt(slack) as app:

        @app.command("/llmcost")
        def opens(ack: Any, client: WebClient, body: Any) -> None:
            ack()
            client.views_open(trigger_id=body["trigger_id"], view=modal)

        @app.view("raise")
        def saves(ack: Any, view: Any) -> None:
            seen.append(view["state"]["values"]["limit"]["usd"]["value"])
            ack({"response_action": "update", "view": {**modal, "title": {"type": "plain_text", "text": "Saved"}}})

        with _connected(slack, app):
            exchange = slack.command("budget rag raise")
            opened = slack.wait_modal()
            answer = slack.submit(opened, {"limit": {"usd": {"type": "plain_text_input", "value": "35"}}})
            assert answer.wait_ack().payload["response_action"] == "update"
            assert seen == ["35"]
            assert slack.modals[0]["title"]["text"] == "Saved"
            client, trigger = _client(slack), exchange.payload["trigger_id"]
            assert _error(lambda: client.views_open(trigger_id=trigger, view=modal)) == "invalid_trigger_id"
            clock.now += 4
            late = answer.payload["trigger_id"]
            assert _error(lambda: client.views_open(trigger_id=late, view=modal)) == "expired_trigger_id"
            updated = client.views_update(view_id=opened["id"], view=modal)["view"]
            stale = {"view_id": opened["id"], "view": modal, "hash": opened["hash"]}
            assert updated["hash"] != opened["hash"]
            assert _error(lambda: client.views_update(**stale)) == "hash_conflict"


def test_events_reach_the_bot_and_homes_are_published(slack: SlackStandIn) -> None:
    with _bolt(slack) as app:

        @app.event("app_home_opened")
        def home(client: WebClient, event: Any) -> None:
            client.views_publish(user_id=event["user"], view={"type": "home", "blocks": BUTTONS})

        @app.event("message")
        def message(say: Any, event: Any) -> None:
            say(f"{event['channel_type']}: {event['text']}", metadata=METADATA)

        @app.event("app_mention")
        def mention(say: Any, body: Any, request: Any) -> None:
            say(f"{body['event_id']} {request.headers.get('x-slack-retry-num')}")

        clicked: list[str] = []

        @app.action("ack")
        def home_button(ack: Any, body: Any) -> None:
            ack()
            clicked.append(body["container"]["type"])

        with _connected(slack, app):
            slack.event("app_home_opened").wait_ack()
            published = slack.wait_home("U1")
            slack.event("message.im", text="hi").wait_ack()
            assert slack.wait_messages("U1", 2)[1]["text"] == "im: hi"
            slack.event("app_mention", text="hi", event_id="Ev1", retry=1).wait_ack()
            assert slack.wait_messages("C1")[0]["text"] == "Ev1 ['1']"
            slack.click(published, "ack").wait_ack()
            assert clicked == ["view"]


@pytest.mark.parametrize("warning", [False, True])
def test_a_command_after_a_dropped_socket_is_answered_over_the_next_one(
    slack: SlackStandIn, app: App, warning: bool
) -> None:
    with _connected(slack, app):
        slack.wait_connected()
        slack.drop_sockets(warning=warning)
        assert slack.command("week").wait_responses()
    assert len(slack.payloads("apps.connections.open")) >= 2


def test_each_envelope_goes_to_one_of_the_connections_in_turn(slack: SlackStandIn) -> None:
    heard: list[str] = []
    with _bolt(slack) as first, _bolt(slack) as second:

        @first.command("/llmcost")
        def one(ack: Any) -> None:
            heard.append("first")
            ack()

        @second.command("/llmcost")
        def other(ack: Any) -> None:
            heard.append("second")
            ack()

        with _connected(slack, first), _connected(slack, second):
            slack.wait_connected(2)
            for _ in range(4):
                slack.command("week").wait_ack()
    assert heard in (["first", "second"] * 2, ["second", "first"] * 2)


@pytest.mark.parametrize("length", [0, 1_000, 70_000])
def test_envelopes_of_any_length_arrive(slack: SlackStandIn, app: App, length: int) -> None:
    with _connected(slack, app):
        text = "ä" * length
        assert slack.command(text).wait_ack().payload == {}
        assert slack.wait_calls("response_url")[0]["text"] == f"you said {text}"


def test_a_silent_socket_loses_commands_until_the_bot_notices(slack: SlackStandIn, app: App) -> None:
    with _connected(slack, app, ping_interval=0.2):
        slack.command("the first acknowledgement follows the bot's first ping").wait_ack()
        slack.command("the second one follows its first pong").wait_ack()
        slack.silence()
        with pytest.raises(TimeoutError):
            slack.command("lost").wait_ack(timeout=0.2)
        slack.wait_connected()
        assert slack.command("found").wait_responses()


# --- Bolt over HTTP --------------------------------------------------------------------------------------------------


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the base's
        """The test looks at answers, not at stderr."""


def test_over_http_requests_are_signed(slack: SlackStandIn) -> None:
    with _bolt(slack, signing_secret=slack.signing_secret) as app:
        _listen(app)
        with make_server(
            "127.0.0.1", 0, SlackRequestHandler(app, path="/slack/events"), handler_class=_Quiet
        ) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            target = f"http://127.0.0.1:{server.server_port}/slack/events"
            slack.deliver_to(target)
            exchange = slack.command("week * über", user="U1")
            assert exchange.wait_ack().status == 200
            assert exchange.wait_responses()[0]["text"] == "you said week * über"
            assert slack.click(exchange, "ack").wait_responses()[0]["text"] == "chose b1"
            slack.deliver_to(target, "another secret")
            assert slack.command("week").wait_ack().status == 401
            server.shutdown()
            thread.join()


# --- the stand-in itself ---------------------------------------------------------------------------------------------


def test_stop_ends_everything_whatever_is_under_way(app: App, slack: SlackStandIn) -> None:
    slack.fail_next("users.info", hang=60)
    ended = threading.Event()

    def call() -> None:
        with suppress(
            OSError, HTTPException, SlackApiError
        ):  # whichever of the answer and the end of the connection comes first
            _client(slack).users_info(user="U404")
        ended.set()

    caller = threading.Thread(target=call)
    with _connected(slack, app):
        caller.start()
        slack.wait_calls("users.info")
        slack.stop()
        assert ended.wait(10)
    caller.join()


def test_waiting_in_vain_says_what_was_there_instead(slack: SlackStandIn, client: WebClient) -> None:
    client.auth_test()
    with pytest.raises(TimeoutError, match=r"message 1 in C1 did not come.*auth\.test"):
        slack.wait_messages("C1", timeout=0.05)


def test_what_the_stand_in_stumbles_over_is_not_hidden() -> None:
    slack = SlackStandIn()
    with pytest.raises(ConnectionError):
        _client(slack).chat_postMessage(channel="C1", text="x", blocks="[ no JSON")
    with pytest.raises(ValueError, match="Expecting value"):
        slack.stop()
