"""A way to a PostgreSQL server on which the word of a COMMIT is lost: whoever said it sees the connection end, and
cannot know whether the server has done it."""

import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOCKET = ".s.PGSQL.5432"
_COMMITTED = b"COMMIT\x00"
_SECONDS = 60


class Wire:
    """A socket that hands everything over to the server's socket and back, as long as nothing is to be lost."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self.folder = Path(tempfile.mkdtemp(prefix="llmcost-wire-"))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / _SOCKET))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self._loses_every_other = False
        self._said = 0
        self.lost = 0
        self._held: list[Held] = []

    def url(self, url: str) -> str:
        """The address of a database of that server, by this way."""
        return url.replace(str(self._server), str(self.folder))

    @contextmanager
    def losing(self) -> Iterator[None]:
        """Every other COMMIT goes through, and the word of it is lost; the first one is among those."""
        self._loses_every_other, self._said, self.lost = True, 0, 0
        try:
            yield
        finally:
            self._loses_every_other = False

    @contextmanager
    def holding_next(self) -> Iterator["Held"]:
        """The next COMMIT does not arrive before its time, while whoever said it is cut off at once."""
        held = Held()
        self._held.append(held)
        try:
            yield held
        finally:
            held.is_due.set()

    def close(self) -> None:
        """To be called once all connections are closed."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(_SECONDS)
            assert not thread.is_alive()
        shutil.rmtree(self.folder)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._threads.append(threading.Thread(target=self._relay, args=(client,)))
            self._threads[-1].start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server / _SOCKET))
            other = {client: server, server: client}
            while True:
                for end in select.select(list(other), [], [])[0]:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    if end is client and b"COMMIT" in data and self._is_lost(client, server, data):
                        return
                    other[end].sendall(data)

    def _is_lost(self, client: socket.socket, server: socket.socket, said: bytes) -> bool:
        if self._held:
            held = self._held.pop()
            client.close()
            held.is_cut.set()
            assert held.is_due.wait(_SECONDS)
            if held.goes_through:
                _commit(server, said)
            return True
        self._said += 1
        if not self._loses_every_other or self._said % 2 == 0:
            return False
        _commit(server, said)
        self.lost += 1
        return True


class Held:
    """A COMMIT on its way."""

    def __init__(self) -> None:
        self.is_cut, self.is_due, self.goes_through = threading.Event(), threading.Event(), False

    def end(self, *, goes_through: bool) -> None:
        """It arrives, or the server notices that nobody is there."""
        self.goes_through = goes_through
        self.is_due.set()


def _commit(server: socket.socket, said: bytes) -> None:
    server.sendall(said)
    answer = b""
    while _COMMITTED not in answer:
        answer += server.recv(1 << 16)
