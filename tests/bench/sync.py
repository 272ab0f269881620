"""How long a first sync takes, beside its floor and beside a loop over the SDK's typed models.

Each is measured in a process of its own, so that peak memory is its own.
"""

import hashlib
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import UUID

import orjson

from bot.__main__ import collect_seldom
from bot.ledger.booking import microseconds
from tests.bench.pages import FIRST_DAY, PAGE, PAGES_A_DAY, PROJECT, Ids, pages

_DAY = 86_400_000_000  # microseconds


class Measured(NamedTuple):
    """Seconds, those of them that its processor was at work, peak memory in MiB, rows in `runs`, and a checksum over
    them."""

    seconds: float
    processor: float
    peak: float
    rows: int
    checksum: str


class _Took(NamedTuple):
    """Two clocks: what people wait, and the process's own work, which others on the machine disturb less."""

    seconds: float
    processor: float

    @classmethod
    def now(cls) -> "_Took":
        return cls(time.perf_counter(), time.process_time())

    def until_now(self) -> "_Took":
        now = self.now()
        return _Took(now.seconds - self.seconds, now.processor - self.processor)


def measure_all(runs: int, ids: Ids) -> dict[str, Measured]:
    """The sync, its floor, a sync without rules and the typed loop over the same `runs`."""
    with TemporaryDirectory(prefix="llmcost-bench-") as folder, page_server(runs, ids=ids) as url:
        return {name: _in_process(name, runs, ids, url, Path(folder)) for name in _MEASURES}


def measure_peak(runs: int) -> float:
    """Peak memory in MiB of a sync of `runs` runs."""
    with TemporaryDirectory(prefix="llmcost-bench-") as folder, page_server(runs) as url:
        return _in_process("sync", runs, Ids.BY_TIME, url, Path(folder)).peak


def _sync(runs: int, ids: Ids, url: str, folder: Path) -> tuple[_Took, Path]:
    del ids  # the server's affair
    from bot.app.ledgers import build_rules, open_to_write
    from bot.app.source import build_sync
    from bot.settings import load

    path = folder / "sync.db"
    days = -(-runs // (PAGE * PAGES_A_DAY))
    end = FIRST_DAY + timedelta(days=days)
    environ = {
        "LANGSMITH_API_KEY": "bench",
        "LANGSMITH_ENDPOINT": url,
        "LANGSMITH_PROJECT": "bench",
        "DATABASE_URL": f"sqlite:///{path}",
        "LLMCOST_BACKFILL": f"{days}d",
        "LLMCOST_REQUESTS_PER_10S": "1000",
    }
    settings, config = load(environ=environ, directory=folder)
    rules = build_rules(settings, config)
    # The clock stands at the end of the traffic, so that slices and pages end together.
    ledger = open_to_write(settings, config, rules)
    sync, source = build_sync(settings, ledger, rules, clock=lambda: end)
    began = _Took.now()  # the floor's tables are there, too, when its clock starts
    summary = sync.run()
    took = began.until_now()
    source.close()
    ledger.close()
    if summary.booked.new != runs or summary.problems:
        raise SystemExit(f"the sync booked {summary.booked.new} of {runs} runs: {summary.problems}")
    return took, path


def _floor(runs: int, ids: Ids, url: str, folder: Path) -> tuple[_Took, Path]:
    """Parse the same pages with orjson and insert the same rows, ready made, with bare sqlite3: same table, same
    indices, same durability, a transaction a page."""
    del url
    path = folder / "floor.db"
    bare, insert, found = _bare_ledger(folder / "sync.db", path)
    prepared = [page.items for page in pages(runs, ids=ids)]
    rows = [[found[item["id"]] for item in orjson.loads(items)] for items in prepared]
    began = _Took.now()
    for items, made_rows in zip(prepared, rows, strict=True):
        orjson.loads(items)
        bare.execute("BEGIN IMMEDIATE")
        bare.executemany(insert, made_rows)
        bare.execute("COMMIT")
    took = began.until_now()
    bare.close()
    return took, path


def _no_rules(runs: int, ids: Ids, url: str, folder: Path) -> tuple[_Took, Path]:
    """Ask and parse as the sync does, insert as the floor does: a sync that decides nothing and looks up nothing."""
    del ids
    from bot.app.source import build_source
    from bot.ingest.ahead import read_ahead
    from bot.ingest.form import RawRun, RunForm
    from bot.settings import load

    path = folder / "no-rules.db"
    bare, insert, found = _bare_ledger(folder / "sync.db", path)
    environ = {"LANGSMITH_API_KEY": "bench", "LANGSMITH_ENDPOINT": url, "LLMCOST_REQUESTS_PER_10S": "1000"}
    settings, _ = load(environ=environ, directory=folder)
    source, form = build_source(settings), RunForm(("feature",))
    first = microseconds(FIRST_DAY)

    def read(day: int) -> Iterator[list[RawRun | None]]:
        return source.runs(PROJECT.bytes, first + day * _DAY, first + (day + 1) * _DAY, ("LLM", "EMBEDDING"), form)

    began = _Took.now()
    with closing(read_ahead(iter(range(-(-runs // (PAGE * PAGES_A_DAY)))), read)) as ahead:
        for _, page in ahead:
            if page is not None:
                bare.execute("BEGIN IMMEDIATE")
                bare.executemany(insert, [found[raw.id] for raw in page if raw is not None])
                bare.execute("COMMIT")
    took = began.until_now()
    source.close()
    bare.close()
    return took, path


def _bare_ledger(source: Path, path: Path) -> tuple[sqlite3.Connection, str, dict[str, tuple[object, ...]]]:
    """An empty table `runs` at `path` as the sync made it in `source`, how a row is inserted, and the rows of `source`
    by the runs' ids as JSON has them."""
    bare = sqlite3.connect(path, isolation_level=None)
    with sqlite3.connect(source) as made:
        schema = [
            sql for (sql,) in made.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'runs' AND sql NOT NULL")
        ]
        found = {str(UUID(bytes=row[0])): row for row in made.execute("SELECT * FROM runs")}
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=NORMAL")
    for statement in schema:
        bare.execute(statement)
    marks = ", ".join("?" * len(next(iter(found.values()))))
    return bare, f"INSERT INTO runs VALUES ({marks})", found  # noqa: S608 - question marks alone


def _typed_loop(runs: int, ids: Ids, url: str, folder: Path) -> tuple[_Took, Path]:
    """What one would write first: a loop over the SDK's typed runs that keeps a few fields of each."""
    del runs, ids
    path = folder / "typed.db"
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=NORMAL")
    bare.execute("CREATE TABLE runs (id TEXT PRIMARY KEY, start TEXT, feature TEXT, model TEXT, cost REAL)")
    began = _Took.now()
    from langsmith import Langsmith  # ours is imported while it is timed, too

    client = Langsmith(api_key="bench", base_url=url)
    bare.execute("BEGIN")
    found = client.runs.query_v2(
        project_ids=[str(PROJECT)],
        min_start_time=FIRST_DAY,
        max_start_time=datetime(2027, 1, 1, tzinfo=UTC),
        page_size=PAGE,
        selects=["ID", "START_TIME", "METADATA", "TOTAL_COST", "PROMPT_TOKENS", "COMPLETION_TOKENS", "STATUS"],
    )
    for run in found:
        metadata = run.metadata or {}
        row = (run.id, str(run.start_time), metadata.get("feature"), metadata.get("ls_model_name"), run.total_cost)
        bare.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", row)
    bare.execute("COMMIT")
    took = began.until_now()
    client.close()
    bare.close()
    return took, path


# The first one makes the rows that the others insert.
_MEASURES = {"sync": _sync, "floor": _floor, "without rules": _no_rules, "typed loop": _typed_loop}


def _in_process(name: str, runs: int, ids: Ids, url: str, folder: Path) -> Measured:
    command = [sys.executable, "-m", "tests.bench.sync", name, str(runs), ids, url, str(folder)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, processor, peak, rows, checksum = ended.stdout.split()
    return Measured(float(seconds), float(processor), float(peak), int(rows), checksum)


@contextmanager
def page_server(runs: int, first_day: datetime = FIRST_DAY, ids: Ids = Ids.BY_TIME) -> Iterator[str]:
    """The address of a LangSmith that serves so many runs, from that day on."""
    command = [sys.executable, "-m", "tests.bench.page_server", str(runs), first_day.isoformat(), ids]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.wait(30)


def _checksum(path: Path) -> tuple[int, str]:
    digest, rows = hashlib.sha256(), 0
    with sqlite3.connect(path) as database:
        for row in database.execute("SELECT * FROM runs ORDER BY id"):
            digest.update(repr(row).encode())
            rows += 1
    return rows, digest.hexdigest()[:16]


def main() -> None:
    """One measure, for the process that asked: seconds, processor's seconds, peak MiB, rows, checksum."""
    collect_seldom()  # all three, as the command does
    name, runs, ids, url, folder = sys.argv[1:]
    took, path = _MEASURES[name](int(runs), Ids(ids), url, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows, checksum = _checksum(path)
    sys.stdout.write(f"{took.seconds} {took.processor} {peak} {rows} {checksum}\n")


if __name__ == "__main__":
    main()
