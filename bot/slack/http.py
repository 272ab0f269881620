"""The other way to Slack: HTTP, for platforms that give a public address. Nothing of a request is looked at before its
signature is right."""

import io
import socket
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from bot.errors import SlackError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from slack_bolt import App

EVENTS = "/slack/events"
HEALTH = "/healthz"
# Slack's largest payloads, those of views, stay far below.
LARGEST_BODY = 512 * 1024
# A request is handed to a thread once it has arrived whole, so that slow clients hold up nobody; they are cut off.
SLOWEST_SECONDS = 30
THREADS = 20
CONNECTIONS = 500


class HttpServer:
    """Serves Slack's requests at EVENTS, and HEALTH for whoever watches."""

    def __init__(self, app: "App", *, signing_secret: str, port: int, host: str = "0.0.0.0") -> None:  # noqa: S104 - a platform's router comes from outside
        """Raises SlackError if the port cannot be used."""
        from slack_bolt.adapter.wsgi import SlackRequestHandler
        from waitress.server import create_server

        listening = _bound(host, port)
        self.port = int(listening.getsockname()[1])
        # Any: waitress and its stubs disagree about what a server has.
        self._server: Any = create_server(
            guard(SlackRequestHandler(app, path=EVENTS), signing_secret),
            sockets=[listening],
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=SLOWEST_SECONDS,
            max_request_body_size=LARGEST_BODY,
            ident="llmcost",
        )
        self._thread = threading.Thread(target=self._server.run, name="http", daemon=True)
        self._waking = threading.Lock()

    def open(self) -> None:
        """Serve, from a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Take no more requests; those that are being answered are."""
        self._server.task_dispatcher.shutdown()
        if self._thread.is_alive():
            # Connections belong to the server's own thread; it ends once none is left.
            with self._waking:
                self._server.trigger.pull_trigger(self._close_all)
            self._thread.join(SLOWEST_SECONDS)
        else:
            self._server.close()

    def _close_all(self) -> None:
        # A thread that is awake already gets here before the wake-up is written: into a pipe that this would close.
        with self._waking:
            self._server.close()
        for connection in list(self._server.active_channels.values()):
            connection.handle_close()


def _bound(host: str, port: int) -> socket.socket:
    """Bound here, because waitress leaves things open where it cannot bind."""
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SlackError(f"Port {port} cannot be used ({error.strerror}): set PORT to another.") from None
    return listening


def guard(slack: "WSGIApplication", signing_secret: str) -> "WSGIApplication":
    """A WSGI application that lets through to `slack` only what Slack has signed within the last five minutes."""
    from slack_sdk.signature import SignatureVerifier

    verifier = SignatureVerifier(signing_secret)

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if path == HEALTH and method in {"GET", "HEAD"}:
            return _say(start_response, HTTPStatus.OK)
        if path != EVENTS:
            return _say(start_response, HTTPStatus.NOT_FOUND)
        if method != "POST":
            return _say(start_response, HTTPStatus.METHOD_NOT_ALLOWED)
        body = environ["wsgi.input"].read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            return _say(start_response, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if not _is_signed(verifier.is_valid, environ, body):
            return _say(start_response, HTTPStatus.UNAUTHORIZED)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return slack(environ, start_response)

    return application


def _is_signed(is_valid: Callable[[bytes, str, str], bool], environ: "WSGIEnvironment", body: bytes) -> bool:
    timestamp = environ.get("HTTP_X_SLACK_REQUEST_TIMESTAMP", "")
    signature = environ.get("HTTP_X_SLACK_SIGNATURE", "")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12 and signature.isascii()):
        return False
    try:
        return is_valid(body, timestamp, signature)
    except UnicodeDecodeError:  # the verifier reads the body as text; Slack's is
        return False


def _say(start_response: "StartResponse", status: HTTPStatus) -> Iterable[bytes]:
    body = f"{status.phrase}\n".encode()
    start_response(
        f"{status.value} {status.phrase}",
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))],
    )
    return [body]
