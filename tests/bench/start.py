"""How long `llmcost report` takes to its first byte, beside importing SQLAlchemy alone."""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.bench.ledger import filled_ledger

ROUNDS = 25


class Starts(NamedTuple):
    """The best of ROUNDS in milliseconds: everything slower is the machine's."""

    sqlalchemy: float
    report: float


def measure() -> Starts:
    """Time both in turn, so that a busy moment hits both."""
    with TemporaryDirectory(prefix="llmcost-bench-") as name:
        folder = Path(name)
        with filled_ledger(folder, 1_000, 10):
            pass
        environ = os.environ | {"DATABASE_URL": f"sqlite:///{folder}/bench.db", "PYTHONPATH": str(Path.cwd())}
        floor, report = [], []
        for _ in range(ROUNDS):
            floor.append(_first_byte([sys.executable, "-c", "import sqlalchemy; print(1)"], folder, environ))
            report.append(_first_byte([sys.executable, "-m", "bot", "report", "week"], folder, environ))
    return Starts(min(floor), min(report))


def _first_byte(command: list[str], folder: Path, environ: dict[str, str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder, env=environ) as process:
        assert process.stdout is not None
        if not process.stdout.read(1):
            raise SystemExit(f"{command} printed nothing")
        milliseconds = (time.perf_counter() - began) * 1_000
        process.stdout.read()
    return milliseconds
