"""A LangSmith that serves prepared pages, in a process of its own so that its work is not counted as ours.

`python -m tests.bench.page_server RUNS FIRST_DAY IDS` prints its URL when it is ready, and ends with its standard
input.
"""

import json
import sys
import threading
import zlib
from bisect import bisect_left, bisect_right
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.bench.pages import FIRST_DAY, PAGE, PROJECT, Ids, Page, pages

# More pages than these are kept packed: as they are, two million runs take 1.6 GB. Unpacking one takes 2 ms.
_MOST_PAGES = 600


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    prepared: list[Page]
    starts: list[datetime]
    ends: list[datetime]
    is_packed: bool

    def do_GET(self) -> None:
        project = {"id": str(PROJECT), "name": "bench", "start_time": FIRST_DAY.isoformat(), "type": "PROJECT"}
        self._send(json.dumps({"items": [project | {"tenant_id": str(PROJECT)}]}).encode())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "ids" in asked:
            self._send(b'{"items":[],"has_more":false}')
            return
        first = bisect_left(self.starts, datetime.fromisoformat(asked["min_start_time"]))
        after = bisect_right(self.ends, datetime.fromisoformat(asked["max_start_time"]))
        at = int(asked["cursor"]) if "cursor" in asked else after - 1
        if at < first:
            self._send(b'{"items":[],"has_more":false}')
            return
        more = at > first
        cursor = b',"next_cursor":"%d"' % (at - 1) if more else b""
        items = zlib.decompress(self.prepared[at].items) if self.is_packed else self.prepared[at].items
        body = b'{"items":%s%s,"has_more":%s}' % (items, cursor, b"true" if more else b"false")
        self._send(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        pass

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class PageServer(ThreadingHTTPServer):
    """Says nothing of a client that ended in the middle, as bots do that a benchmark kills; but of whatever else goes
    wrong."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionResetError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until standard input ends."""
    runs = int(sys.argv[1])
    made = pages(runs, datetime.fromisoformat(sys.argv[2]), Ids(sys.argv[3]))
    _Handler.is_packed = runs > _MOST_PAGES * PAGE
    _Handler.prepared = [
        page._replace(items=zlib.compress(page.items, 1)) if _Handler.is_packed else page for page in made
    ]
    _Handler.starts = [page.start for page in _Handler.prepared]
    _Handler.ends = [page.end for page in _Handler.prepared]
    server = PageServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
