"""The demo's HTTP server: loopback only, HTTP/1.1 with connections that stay open."""

import json
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

from bot.demo.api import Api, Request, Response, problem
from bot.demo.multipart import MAX_BODY
from bot.demo.store import Store


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DemoServer:
    """A LangSmith-compatible server on 127.0.0.1 that reads and fills `store`.

    Port 0 takes a free one: `url` says which. `api_key` None lets any key in that is not empty. Also a context manager.
    """

    def __init__(
        self, store: Store, *, port: int = 0, api_key: str | None = None, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self.store = store
        self._api = Api(store, api_key=api_key)
        self._now = now
        self._http = _HttpServer(port, self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="demo-server", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def start(self) -> Self:
        """Serve from a thread of its own."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, and close every connection."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.close_connections()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def respond(self, request: Request, connection: "Connection") -> None:
        """Answer `request` on its connection."""
        connection.send(self.answer(request))

    def answer(self, request: Request) -> Response:
        """The answer to `request`, now."""
        return self._api.answer(request, self._now())


class Connection(BaseHTTPRequestHandler):
    """One connection: reads requests from it and writes answers to it."""

    protocol_version = "HTTP/1.1"
    server_version = "llmcost-demo"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # header and body in one packet
    server: "_HttpServer"

    def send(self, response: Response) -> None:
        """Answer with a status and JSON."""
        self.send_bytes(response.status, "application/json", json.dumps(response.payload).encode())

    def send_bytes(self, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Answer with `body` as it is."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_GET(self) -> None:
        """Read the rest of the request and answer it."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the body needs a Content-Length")
        elif int(length) > MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
        else:
            path, _, query = self.path.partition("?")
            request = Request(
                method=self.command,
                path=path,
                query=parse_qs(query, keep_blank_values=True),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(length)),
            )
            self.server.demo.respond(request, self)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names are http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing: the console belongs to the demo's user."""

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        self.close_connection = True  # what follows on it is the body that was not read
        self.send(problem(status, detail))


class _HttpServer(ThreadingHTTPServer):
    """Knows its open connections and their threads, so that nothing of it outlives `DemoServer.stop`."""

    def __init__(self, port: int, demo: DemoServer) -> None:
        super().__init__(("127.0.0.1", port), Connection)
        self.demo = demo
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        # A daemon: a client that keeps its connection open must not keep a program alive that forgot to stop us.
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._open_lock:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wake the threads that wait for a next request, and wait for them."""
        with self._open_lock:
            threads = list(self._open.values())
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is its own affair; everything else is ours, and is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
