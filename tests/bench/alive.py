"""`python -m tests.bench.alive WORDS`: `llmcost WORDS` that says how much is alive in it whenever it gets a SIGUSR1."""

import gc
import itertools
import signal
import sys

from bot.__main__ import main


def say_at_signal() -> None:
    """From now on the Nth signal is answered with `alive N: BLOCKS`: what Python has allocated and garbage is not."""
    numbers = itertools.count(1)

    def say(*_: object) -> None:
        gc.collect()
        sys.stderr.write(f"alive {next(numbers)}: {sys.getallocatedblocks()}\n")
        sys.stderr.flush()

    signal.signal(signal.SIGUSR1, say)


if __name__ == "__main__":
    say_at_signal()
    main()
