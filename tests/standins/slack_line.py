"""How Slack and the bot reach each other: Socket Mode or signed HTTP one way, Web API and response_urls the other.

Every call is logged; what is ordered to go wrong does.
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.standins.slack_exchange import Ack, Exchange
from tests.standins.slack_rules import Json
from tests.standins.slack_socket import HttpAnswer, HttpRequest, WebSocket, Wire
from tests.standins.slack_web import ALL_SCOPES, APP_TOKEN, BOT_TOKEN, RefusedError, WebApi, is_true
from tests.standins.slack_world import APP, BOT_USER, TEAM, Shown, World

SIGNING_SECRET = "not-a-signing-secret"

RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 30 * 60

T = TypeVar("T")


class Call(NamedTuple):
    """One request as it arrived, refused ones included. The method of a response_url is "response_url"."""

    method: str
    payload: Json
    token: str = ""


@dataclass
class Fault:
    error: str | None
    status: int | None
    retry_after: int
    hang: float
    drop: bool
    accepted: bool


class Line(World):
    """A workspace on the wire."""

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

    def deliver_to(self, http_target: str | None, signing_secret: str = SIGNING_SECRET) -> None:
        """From now on what people do is POSTed to this address, signed; None means Socket Mode."""
        self._target = http_target
        self.signing_secret = signing_secret

    def wait_for(self, look: Callable[[], T], timeout: float = 10.0, what: str = "what the test waits for") -> T:
        """What `look` gives as soon as it is true in the sense of `bool`; it is called whenever something happens."""
        with self.changed:
            found = self.changed.wait_for(look, timeout)
            if not found:
                raise TimeoutError(
                    f"{what} did not come within {timeout} s; calls: {[one.method for one in self._calls]}"
                )
            return found

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
            if not is_true(payload.get("delete_original")):
                self.api.check("response_url", payload)
        except RefusedError as refused:
            exchange.uses += 1  # whether Slack counts these is not known
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
