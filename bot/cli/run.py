"""`llmcost run`: the bot."""

import signal
import threading

from bot.cli.outcome import log_to_stderr


def run_bot() -> None:
    """Answer Slack and read LangSmith until SIGTERM or Ctrl-C. A bot that runs for months logs what it does."""
    from bot.app.bot import serve
    from bot.settings import Need, load

    settings, config = load(Need.LANGSMITH, Need.SLACK)
    log_to_stderr(verbose=True, form=settings.log_form)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(settings, config, stop)
