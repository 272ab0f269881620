"""The page server of the benchmarks: a client that ends in the middle is no news, anything else is."""

import http.client
import socket
import struct
from contextlib import closing
from socketserver import BaseRequestHandler

import pytest

from tests.bench.page_server import PageServer, _Handler

HOST = "127.0.0.1"


def serving(handler: type[BaseRequestHandler]) -> PageServer:
    """One whose threads are waited for when it is closed."""
    server = PageServer((HOST, 0), handler)
    server.daemon_threads = False
    return server


def test_a_client_that_ends_in_the_middle_is_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(_Handler) as server, closing(socket.create_connection((HOST, server.server_port))) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        server.handle_request()
        # Closed so, a socket resets its connection, as one with unread answers does whose process is killed.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert capsys.readouterr().err == ""


def test_a_request_that_cannot_be_read_is(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(_Handler) as server, closing(http.client.HTTPConnection(HOST, server.server_port)) as client:
        client.request("POST", "/", b"no JSON")
        server.handle_request()
        with pytest.raises(http.client.RemoteDisconnected):
            client.getresponse()
    assert "JSONDecodeError" in capsys.readouterr().err


@pytest.mark.parametrize("error", [BrokenPipeError, ConnectionAbortedError, TimeoutError, OSError, ValueError])
def test_so_is_every_other_error(error: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    class Failing(BaseRequestHandler):
        def handle(self) -> None:
            raise error

    with serving(Failing) as server, closing(socket.create_connection((HOST, server.server_port))):
        server.handle_request()
    assert error.__name__ in capsys.readouterr().err
