"""How a command ends: a sentence on stderr and the exit code that goes with it."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from bot.errors import LlmcostError, QuestionError, UsageError

FAILED = 1
WRONG_USE = 2


@contextmanager
def telling() -> Iterator[None]:
    """Turn our errors into a sentence and an exit code; what is no error of ours is a bug and keeps its traceback."""
    try:
        yield
    except UsageError as error:
        tell(str(error))
        if isinstance(error, QuestionError):
            if error.suggestions:
                tell(f"Did you mean: {', '.join(error.suggestions)}?")
            tell("`llmcost report help` shows what can be said.")
        raise typer.Exit(WRONG_USE) from None
    except LlmcostError as error:
        tell(str(error))
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        tell("Stopped. What was read is kept; the next sync goes on from there.")
        raise typer.Exit(FAILED) from None


def tell(sentence: str) -> None:
    """Say something to the person at the terminal, beside the command's output."""
    print(sentence, file=sys.stderr)  # noqa: T201 - this is the command line's voice


def show(text: str) -> None:
    """Print a command's output."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def log_to_stderr(*, verbose: bool) -> None:
    """Log our own doings, and of the libraries only their warnings: they would log URLs and payloads."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("bot").setLevel(logging.INFO if verbose else logging.WARNING)
