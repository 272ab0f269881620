"""The port for whoever watches: `/metrics` for Prometheus, `/readyz` for balancers and orchestrators."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from bot.app.metrics import Metrics
from bot.errors import LedgerError, LedgerNewerError, LlmcostError
from bot.ledger.booking import instant
from bot.ledger.store import Ledger
from bot.render.numbers import ago

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

METRICS, READY = "/metrics", "/readyz"
# As many syncs may be missed before somebody should look.
MISSED = 3
# Whoever asks slowly keeps a thread for so long.
_SECONDS = 10


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = _SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Every few seconds somebody looks: nothing of that is worth a line."""


class Watching:
    """Serves METRICS and READY in threads of its own, until it is closed."""

    def __init__(self, host: str, port: int, metrics: Metrics, problem: Callable[[], str | None]) -> None:
        """`problem` says why we are not ready, if so. Raises LlmcostError if the port cannot be used."""
        try:
            self._server = make_server(host, port, application(metrics, problem), _Server, _Handler)
        except OSError as error:
            raise LlmcostError(
                f"Port {port} of {host} cannot be used ({error.strerror}): set LLMCOST_METRICS_PORT to another."
            ) from None
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="watching", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()


def not_ready(ledger: Ledger, sync_every: timedelta, now: datetime) -> str | None:
    """Why nobody should be sent here, in a sentence; None if they may be."""
    try:
        ledger.check_schema()
        last = ledger.read(lambda reading: reading.last_sync(successful=True))
    except LedgerNewerError as error:
        return str(error)
    except LedgerError:
        return "The ledger cannot be reached."
    if last is None:
        return "LangSmith has not been read to the end yet."
    age = now - instant(last.finished)
    return f"LangSmith was last read to the end {ago(age)}." if age > MISSED * sync_every else None


def application(metrics: Metrics, problem: Callable[[], str | None]) -> "WSGIApplication":
    """What is served, as WSGI."""
    from prometheus_client import make_wsgi_app

    # Its types are older than the standard library's.
    prometheus: WSGIApplication = make_wsgi_app(metrics.registry)

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or path not in {METRICS, READY}:
            return _say(start_response, HTTPStatus.NOT_FOUND, "Only /metrics and /readyz are here.")
        if path == METRICS:
            return prometheus(environ, start_response)
        why = problem()
        status = HTTPStatus.OK if why is None else HTTPStatus.SERVICE_UNAVAILABLE
        return _say(start_response, status, why or "Ready.")

    return answer


def _say(start_response: "StartResponse", status: HTTPStatus, sentence: str) -> Iterable[bytes]:
    body = f"{sentence}\n".encode()
    start_response(
        f"{status.value} {status.phrase}",
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))],
    )
    return [body]
