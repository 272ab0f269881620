"""HTTP mode's door: what Slack has not signed gets nowhere, and slow or huge requests hold nobody up."""

import hashlib
import hmac
import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlencode

import pytest
from slack_bolt import App
from slack_sdk import WebClient
from waitress.trigger import trigger

from bot.slack.http import LARGEST_BODY, HttpServer
from tests.standins.slack import SlackStandIn

SECRET = "fake-signing-secret"


class Served:
    """A server in front of an app that answers /llmcost, and a way to talk to it."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def post(
        self, body: bytes, *, at: float | None = None, secret: str = SECRET, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        timestamp = str(int(time.time() if at is None else at))
        signed = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
        given = {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signed}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.ask("POST", "/slack/events", body, given | (headers or {}))


COMMAND = urlencode(
    {
        "command": "/llmcost",
        "text": "week",
        "user_id": "U1",
        "team_id": "T1",
        "channel_id": "C1",
        "trigger_id": "1.2",
        "response_url": "http://127.0.0.1:9/",
    }
).encode()


@pytest.fixture
def served() -> Iterator[Served]:
    with SlackStandIn() as slack, ThreadPoolExecutor(4) as pool:
        client = WebClient(token=slack.bot_token, base_url=slack.api_url)
        app = App(client=client, signing_secret=SECRET, listener_executor=pool)
        app.command("/llmcost")(lambda ack: ack("heard"))
        server = HttpServer(app, signing_secret=SECRET, port=0, host="127.0.0.1")
        server.open()
        try:
            yield Served(server)
        finally:
            server.close()


def test_what_slack_has_signed_is_answered(served: Served) -> None:
    assert served.post(COMMAND) == (200, "heard")


def test_health_needs_no_signature(served: Served) -> None:
    assert served.ask("GET", "/healthz")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=\u00e9"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "9" * 400},
        {"X-Slack-Request-Timestamp": "12.5"},
    ],
)
def test_a_wrong_signature_or_time_is_refused(served: Served, headers: dict[str, str]) -> None:
    assert served.post(COMMAND, headers=headers)[0] == 401


def test_a_request_without_a_signature_is_refused(served: Served) -> None:
    assert served.ask("POST", "/slack/events", COMMAND)[0] == 401


def test_a_signature_with_another_secret_is_refused(served: Served) -> None:
    assert served.post(COMMAND, secret="another")[0] == 401


@pytest.mark.parametrize("age", [310, -310])
def test_a_signature_of_another_time_is_refused(served: Served, age: int) -> None:
    assert served.post(COMMAND, at=time.time() - age)[0] == 401


def test_a_body_that_is_no_text_is_refused(served: Served) -> None:
    assert served.post(b"\xff\xfe")[0] == 401


def test_an_oversized_body_is_refused_whatever_its_signature(served: Served) -> None:
    try:
        status = served.post(b"a" * (LARGEST_BODY + 1))[0]
    except ConnectionError:  # it was answered and cut off while the body was still on its way
        status = 413
    assert status == 413
    assert served.post(COMMAND)[0] == 200


def test_elsewhere_there_is_nothing(served: Served) -> None:
    assert served.ask("GET", "/")[0] == 404
    assert served.ask("POST", "/slack/install", COMMAND)[0] == 404
    assert served.ask("GET", "/slack/events")[0] == 405


def test_slow_clients_hold_nobody_up(served: Served) -> None:
    """More half-sent requests than there are threads, and a command is still answered."""
    slow = []
    try:
        for _ in range(60):
            client = socket.create_connection(("127.0.0.1", served.server.port), timeout=10)
            client.sendall(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na")
            slow.append(client)
        assert served.post(COMMAND)[0] == 200
    finally:
        for client in slow:
            client.close()


def test_closing_meets_a_server_that_is_already_awake(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy server begins to close before it was woken; the wake-up may then not find its pipe gone."""
    wake = trigger._physical_pull  # type: ignore[attr-defined]  # the stubs leave out what is private

    def wake_twice(self: trigger) -> None:
        wake(self)
        served.server._thread.join(0.2)
        wake(self)

    monkeypatch.setattr(trigger, "_physical_pull", wake_twice)
    served.server.close()
    assert not served.server._thread.is_alive()
