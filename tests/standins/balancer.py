"""A load balancer on loopback: each request goes to the next replica in turn, and to none that is not healthy."""

import http.client
import threading
from collections.abc import Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

_SECONDS = 20
# Of one hop, not of the whole way.
_OWN = {"connection", "transfer-encoding", "server", "date"}


class Backend(NamedTuple):
    """Where a replica takes requests, and the port and path at which it says whether it is healthy."""

    port: int
    health_port: int
    health_path: str


class Balancer:
    """To be used as a context manager. `served` is who has answered each request, in order, as an index into
    `backends`; setting `turn` makes that one the next. Without a healthy replica it answers 503."""

    def __init__(self, backends: Sequence[Backend]) -> None:
        self.backends = tuple(backends)
        self.turn = 0
        self.served: list[int] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="balancer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forward(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """What the replica whose turn it is answers: status, headers, body. What was sent to one is not sent again."""
        for _ in self.backends:
            with self._lock:
                chosen, self.turn = self.turn, (self.turn + 1) % len(self.backends)
            if self._is_healthy(self.backends[chosen]):
                break
        else:
            return 503, {}, b"no replica is healthy\n"
        with closing(http.client.HTTPConnection("127.0.0.1", self.backends[chosen].port, timeout=_SECONDS)) as there:
            try:
                there.request(method, path, body, headers)
                answer = there.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException):
                return 502, {}, b"the replica hung up\n"
        with self._lock:
            self.served.append(chosen)
        return answer.status, {name: value for name, value in answer.getheaders() if name.lower() not in _OWN}, said

    def _is_healthy(self, backend: Backend) -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", backend.health_port, timeout=_SECONDS)) as there:
            try:
                there.request("GET", backend.health_path)
                return there.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, balancer: Balancer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.balancer = balancer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        status, said, content = self.server.balancer.forward(self.command, self.path, body, headers)
        self.send_response(status)
        for name, value in {**said, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - the name is http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Tests look at `served`."""
