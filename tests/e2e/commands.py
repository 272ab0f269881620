"""The command line as a process of its own, in an environment that holds what the test says and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import bot

ROOT = Path(bot.__file__).parents[1]
SECONDS = 60


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """A person's bare environment."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "80",
        "TERM": "dumb",
        **(more or {}),
    }


@contextmanager
def start(
    folder: Path, *words: str, more: Mapping[str, str] | None = None, module: str = "bot"
) -> Iterator["subprocess.Popen[str]"]:
    """`llmcost WORDS` in `folder`, to be talked to; what is left of it in the end is killed. `module` runs it."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=folder,
        env=environment(folder, more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run(folder: Path, *words: str, more: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """`llmcost WORDS` in `folder`, to its end."""
    with start(folder, *words, more=more) as process:
        out, err = process.communicate(timeout=SECONDS)
    return subprocess.CompletedProcess(words, process.returncode, out, err)
