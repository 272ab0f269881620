"""`llmcost run`: the bot."""

import logging
import os
import signal
import threading
import time

from bot.cli.outcome import log_to_stderr

# Whoever tells us to end may kill us ten seconds later; what hangs until then would hang longer.
END_SECONDS = 9.0

_log = logging.getLogger(__name__)


def run_bot() -> None:
    """Answer Slack and read LangSmith until SIGTERM or Ctrl-C. A bot that runs for months logs what it does."""
    from bot.app.bot import serve
    from bot.settings import Need, load

    settings, config = load(Need.LANGSMITH, Need.SLACK)
    log_to_stderr(verbose=True, form=settings.log_form)
    stop = threading.Event()
    _set_at_signal(stop)
    serve(settings, config, stop)


def _set_at_signal(stop: threading.Event) -> None:
    """Set `stop` at SIGTERM and Ctrl-C, from a thread of its own: a handler would run in the midst of whatever the main
    thread does, and wait for ever for the event's lock where that thread is just taking it. The process ends
    END_SECONDS later at the latest, whatever it is at: the ledger bears that at any moment."""
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # here, and in every thread that is started from now on

    def wait() -> None:
        signal.sigwait(ends)
        stop.set()
        time.sleep(END_SECONDS)
        _log.warning("something hangs, and is left where it is")
        os._exit(0)

    threading.Thread(target=wait, name="signals", daemon=True).start()
