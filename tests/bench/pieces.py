"""What the work on one page takes, piece by piece: the pure functions of a sync, each by itself and at its best. What
SQLite and the network take comes on top."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

from bot.app.ledgers import build_rules
from bot.domain.costing import CostMode
from bot.domain.run import Run
from bot.ingest.form import RunForm
from bot.ingest.reading import read_run
from bot.ingest.rootless import Rootless
from bot.ledger.booking import Project, book_trace
from bot.ledger.rollups import Tally
from bot.ledger.rows import to_row
from bot.settings import load
from tests.bench.pages import PAGE, pages

_ROUNDS = 50

Result = TypeVar("Result")


class Piece(NamedTuple):
    """Microseconds a run, of the quickest round."""

    name: str
    microseconds: float


def measure() -> list[Piece]:
    """All pieces in the order in which a page goes through them."""
    with TemporaryDirectory(prefix="llmcost-bench-") as folder:
        settings, config = load(environ={}, directory=Path(folder))
    rules = build_rules(settings, config)
    form = RunForm((*rules.attribution.keys, *rules.dimensions))
    project = Project(1, "bench", CostMode.OWN, None)
    (page,) = pages(PAGE)
    pieces: list[Piece] = []

    def timed(name: str, work: Callable[[], Result]) -> Result:
        rounds = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            result = work()
            rounds.append(time.perf_counter() - began)
        pieces.append(Piece(name, min(rounds) / PAGE * 1e6))
        return result

    body = b'{"items": %s, "next_cursor": null}' % page.items
    items = timed("taking its fields out of the bytes", lambda: form.page(body, "bench").items)
    runs = timed("reading them", lambda: [read_run(item, 1) for item in items])
    timed("whose root is to be looked up", lambda: Rootless().sift(runs, rules.attribution))
    traces: dict[bytes, list[Run]] = {}
    for run in runs:
        traces.setdefault(run.trace_id, []).append(run)
    booked = timed(
        "attribution, trace decisions, prices",
        lambda: [book_trace({}, trace, {}, project, rules) for trace in traces.values()],
    )

    def add_up() -> None:
        tally = Tally(rules.dimensions)
        for trace in booked:
            tally.add(trace.values(), +1)
        tally.delta()

    timed("rollups", add_up)
    timed("rows for the driver", lambda: [to_row(one) for trace in booked for one in trace.values()])
    return pieces
