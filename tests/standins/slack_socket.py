"""The wire under the tests' Slack: an HTTP server on loopback, some of whose requests turn into WebSockets."""

import base64
import contextlib
import hashlib
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x8, 0x9, 0xA
# A client holds its socket's lock while it waits for something to read. What it hears often it can close quickly.
_PING_EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class HttpRequest:
    path: str
    query: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class WebSocket:
    """The server's end of one WebSocket. `send` and `close` may be called from any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self.silent = False  # still open, but says nothing any more: no pong, no message

    def send(self, text: str) -> None:
        """Raises OSError if the peer is gone."""
        self._send(_TEXT, text.encode())

    def close(self) -> None:
        """Says goodbye and hangs up; the peer reads a close frame."""
        with contextlib.suppress(OSError):  # the peer may have hung up first
            self._send(_CLOSE, struct.pack("!H", 1000))
            self._connection.shutdown(socket.SHUT_RDWR)

    def listen(self, heard: Callable[[str], None]) -> None:
        """Hands every text message to `heard` until either side hangs up."""
        buffer = bytearray()
        said = bytearray()
        with contextlib.suppress(OSError):  # a peer that resets the connection has hung up, too
            while True:
                if not select.select([self._connection], [], [], _PING_EVERY_SECONDS)[0]:
                    self._send(_PING, b"from the stand-in")
                    continue
                chunk = self._connection.recv(65536)
                if not chunk:
                    return
                buffer += chunk
                for final, opcode, data in _frames(buffer):
                    if opcode == _CLOSE:
                        self.close()
                        return
                    if opcode == _PING:
                        self._send(_PONG, data)
                    elif opcode in (_TEXT, _CONTINUATION):
                        said += data
                        if final:
                            heard(said.decode())
                            said.clear()

    def _send(self, opcode: int, data: bytes) -> None:
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        with self._sending:
            if not self.silent:
                self._connection.sendall(head + data)


def _frames(buffer: bytearray) -> Iterator[tuple[bool, int, bytes]]:
    """Takes the complete frames (masked, as clients must send them) off the front of `buffer`: final, opcode, data."""
    while len(buffer) >= 2:
        size, start = buffer[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(buffer) < start + width:
                return
            size, start = int.from_bytes(buffer[start : start + width]), start + width
        end = start + 4 + size
        if len(buffer) < end:
            return
        mask = bytes(buffer[start : start + 4])
        data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(buffer[start + 4 : end]))
        frame = (bool(buffer[0] & 0x80), buffer[0] & 0x0F, data)
        del buffer[:end]
        yield frame


class Wire:
    """A server on a free port of loopback: `answer` says what to reply, None meaning to hang up without a word.

    A request to become a WebSocket is accepted if `welcome` says so, and stays with it until it returns.
    """

    def __init__(
        self, answer: Callable[[HttpRequest], HttpAnswer | None], welcome: Callable[[str, WebSocket], None]
    ) -> None:
        self._server = _Server(answer, welcome)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="slack stand-in")
        self._thread.start()

    def stop(self) -> None:
        """Hangs up on everybody and waits for every thread. Raises what the stand-in itself stumbled over, if so."""
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()
        if self._server.crashes:
            raise self._server.crashes[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(
        self, answer: Callable[[HttpRequest], HttpAnswer | None], welcome: Callable[[str, WebSocket], None]
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.welcome = welcome
        self.crashes: list[BaseException] = []
        self._open: set[Any] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._lock:
            for request in self._open:
                with contextlib.suppress(OSError):  # it may have hung up at this very moment
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the signature is the base's
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):  # clients may hang up whenever they like
            self.crashes.append(error)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer(HttpRequest(parts.path, parts.query, headers, self.rfile.read(length)))
        if answer is None:
            return
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() != "websocket":
            self.do_POST()
            return
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324 - RFC 6455 says SHA-1
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
        )
        self.server.welcome(self.path, WebSocket(self.connection))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the base's
        """Tests look at the log of calls, not at stderr."""
