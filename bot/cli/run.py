"""`llmcost run`: the bot."""

import signal
import threading
from types import FrameType

from bot.cli.outcome import log_to_stderr


def run_bot(*, verbose: bool) -> None:
    """Answer Slack and read LangSmith until SIGTERM or Ctrl-C."""
    from bot.app import serve
    from bot.settings import Need, load

    del verbose  # a bot that runs for months says what it does
    log_to_stderr(verbose=True)
    settings, config = load(Need.LANGSMITH, Need.SLACK)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    serve(settings, config, stop)
