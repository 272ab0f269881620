"""A ping after each good sync, to somebody who notices when no more come: what is dead cannot tell it by itself."""

import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from bot.ledger.store import Ledger

SECONDS = 5.0
MARK = "heartbeat"  # under which the ledger remembers the last sync that was pinged for

_log = logging.getLogger(__name__)


@dataclass
class Heartbeat:
    """Pings `url`, which may be a secret: it is neither shown nor logged. No ping holds anything up: each is made in a
    thread of its own, and there is one at a time."""

    url: str = field(repr=False)
    ledger: Ledger
    name: str = "the heartbeat"
    _ping: threading.Thread | None = field(default=None, init=False)
    _fails: bool = field(default=False, init=False)

    def run(self, now: datetime) -> None:
        """Ping if a sync has gone through since the last ping."""
        del now
        if self._ping is not None and self._ping.is_alive():
            return
        with self.ledger.reading() as reading:
            good = reading.last_sync(successful=True)
        if good is None or self.ledger.outbox.mark(MARK) == str(good.number):
            return
        self.ledger.outbox.set_mark(MARK, str(good.number))
        self._ping = threading.Thread(target=self._ping_once, name="heartbeat", daemon=True)
        self._ping.start()

    def wait(self, seconds: float) -> None:
        """Until the ping that is on its way is over, or so long."""
        if self._ping is not None:
            self._ping.join(seconds)

    def _ping_once(self) -> None:
        try:
            ping(self.url)
        except (OSError, HTTPException, ValueError) as error:
            # Its text could quote the address.
            why = f"HTTP {error.code}" if isinstance(error, HTTPError) else type(error).__name__
            if not self._fails:
                _log.warning("the ping to LLMCOST_HEARTBEAT_URL did not go through (%s)", why)
            self._fails = True
        else:
            if self._fails:
                _log.info("the ping to LLMCOST_HEARTBEAT_URL goes through again")
            self._fails = False


def ping(url: str, seconds: float = SECONDS) -> None:
    """GET `url`. Raises OSError (HTTPError for a status that is no success) or HTTPException."""
    opener = build_opener(_SameScheme())
    with opener.open(Request(url, headers={"User-Agent": "llmcost"}), timeout=seconds):  # noqa: S310 - the settings took it for http or https
        pass  # what it says is of no interest


class _SameScheme(HTTPRedirectHandler):
    """An address that came by https must not go on in the clear, and none may become a file."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """None, and so an HTTPError, for another scheme."""
        if urlsplit(newurl).scheme != urlsplit(req.full_url).scheme:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)
