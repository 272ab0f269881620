"""How a command speaks and how it ends: a sentence on stderr, and the exit code that goes with it."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import typer

from bot.errors import LlmcostError, QuestionError, UsageError
from bot.render.names import plain
from bot.render.sentences import question_lines

FAILED = 1
WRONG_USE = 2

_LONGEST_MESSAGE = 2_000


@contextmanager
def telling(stopped: str = "Stopped.") -> Iterator[None]:
    """Turn our errors into a sentence and an exit code; what is no error of ours is a bug and keeps its traceback.

    `stopped` is what to say to somebody who has pressed Ctrl-C.
    """
    # A terminal that has no sign for a letter shows another one instead of a traceback.
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as it is where whoever started us has closed it
            stream.reconfigure(errors="replace")  # type: ignore[union-attr] # both are text streams of ours
    try:
        yield
    except QuestionError as error:
        for line in question_lines(error):
            tell(line)
        tell("`llmcost report help` shows what can be said.")
        raise typer.Exit(WRONG_USE) from None
    except UsageError as error:
        tell(str(error))
        raise typer.Exit(WRONG_USE) from None
    except LlmcostError as error:
        tell(str(error))
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        tell(stopped)
        raise typer.Exit(FAILED) from None


def tell(sentence: str) -> None:
    """Say something to the person at the terminal, beside the command's output."""
    print(sentence, file=sys.stderr)  # noqa: T201 - this is the command line's voice


def show(text: str) -> None:
    """Print a command's output. Raises LlmcostError if it cannot be written; a reader who has gone is left to the
    command line's library, which ends without a word."""
    try:
        print(text, end="" if text.endswith("\n") else "\n", flush=True)  # noqa: T201 - this is where output goes
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left in its buffer would fail once more at the end, with a traceback.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - it stays open as long as we run
        raise LlmcostError(f"The output cannot be written: {error.strerror}.") from None


def log_to_stderr(*, verbose: bool, form: str = "text") -> None:
    """Log our own doings, and of the libraries only their warnings: they would log URLs and payloads. `form` is `text`
    or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("bot").setLevel(logging.INFO if verbose else logging.WARNING)
    # Its warnings are that a sync takes longer than the time between two.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # It logs what it raises, and that is told or logged where it is understood.
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)


class _Json(logging.Formatter):
    """An object a line, whatever a name from a trace holds."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": plain(record.getMessage(), _LONGEST_MESSAGE),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said)


class _OneLine(logging.Formatter):
    """Messages in one line in which no name from a trace acts."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = plain(record.message, _LONGEST_MESSAGE)
        return super().formatMessage(record)
