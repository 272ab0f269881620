"""A ledger of many runs, in a minute: one day is booked by the product itself, and the others are copies of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from bot.app.ledgers import build_rules, open_to_write
from bot.domain.run import Run, Status
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import Project, Rules, microseconds
from bot.ledger.books import book
from bot.ledger.engine import writing
from bot.ledger.rows import COLUMNS
from bot.ledger.store import Ledger
from bot.ledger.tables import returns, rollups
from bot.settings import Config, Settings, load
from tests.bench.pages import PROJECT

# Every day's runs began before this hour, so that the part of a day before it is as expensive as it can be.
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
FEATURES = 200
MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4.1"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("google_genai", "gemini-2.5-flash"),
    ("google_genai", "gemini-2.5-pro"),
    ("mistralai", "mistral-large"),
)
BUDGETS = 50

_PAGE = 5_000
_HOURS = timedelta(hours=18)
_DAY_MICROSECONDS = 86_400_000_000
_INDICES = ("runs_by_trace", "runs_by_start", "runs_impossible", "runs_open")


class Made(NamedTuple):
    """A ledger and what it was opened by."""

    settings: Settings
    config: Config
    ledger: Ledger
    file: Path


@contextmanager
def filled_ledger(
    folder: Path, runs: int, days: int, *, now: datetime = NOW, project_id: UUID = PROJECT, **environ: str
) -> Iterator[Made]:
    """A ledger in `folder` with about `runs` runs, as many each day of the `days` that end with that of `now`. BUDGETS
    of its features have budgets, some of them narrowed."""
    file = folder / "bench.db"
    (folder / "llmcost.toml").write_text("".join(_feature(number) for number in range(1, BUDGETS + 1)))
    settings, config = load(environ={"DATABASE_URL": f"sqlite:///{file}", **environ}, directory=folder)
    rules = build_rules(settings, config)
    ledger = open_to_write(settings, config, rules)
    try:
        first = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=days - 1)
        with ledger.lease("bench", now) as lease:
            (project,) = ledger.select_projects(lease, now, [(project_id.bytes, "bench", 0)])
            _fill(ledger, Project(project.key, project.name, project.cost_mode, None), rules, first, runs // days, days)
            ledger.cover(lease, now, project, microseconds(first), microseconds(now), expired=False)
        ledger.shrink()  # into one file: what a large transaction leaves beside it slows every reader
        yield Made(settings, config, ledger, file)
    finally:
        ledger.close()


def _fill(ledger: Ledger, project: Project, rules: Rules, first: datetime, a_day: int, days: int) -> None:
    with writing(ledger._engine) as connection:
        made = [_run(project.key, number, first + number * (_HOURS / a_day)) for number in range(a_day)]
        for at in range(0, a_day, _PAGE):
            book(connection, project, made[at : at + _PAGE], {}, rules)
        for index in _INDICES:  # made again below: in one go is faster
            ddl = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": index})
            connection.execute(text(f"DROP INDEX {index}"))
            connection.info[index] = ddl
        moved = {name: _shifted(name) for name in ("id", "trace_id")}
        moved |= {name: f'"{name}" + :days * {_DAY_MICROSECONDS}' for name in ("start", "end")} | {"day": "day + :days"}
        values = ", ".join(moved.get(name, f'"{name}"') for name in COLUMNS)
        copies = [text(f"INSERT INTO runs SELECT {values} FROM runs WHERE day = :first")]  # noqa: S608 - names alone
        for table in (rollups, returns):
            names = ", ".join("day + :days" if column.name == "day" else f'"{column.name}"' for column in table.c)
            copies.append(text(f"INSERT INTO {table.name} SELECT {names} FROM {table.name} WHERE day = :first"))  # noqa: S608 - names alone
        for number in range(1, days):
            for copy in copies:
                connection.execute(copy, {"days": number, "first": first.date().toordinal()})
        for index in _INDICES:
            connection.execute(text(str(connection.info.pop(index))))


def _shifted(name: str) -> str:
    """An id of the first day as that of another: they are digits, the day's number first, so that ids rise with time as
    LangSmith's do."""
    return f"CAST(printf('%06d', :days) || substr(CAST({name} AS TEXT), 7) AS BLOB)"


def _run(project: int, number: int, start: datetime) -> Run:
    """Every fifth group of four runs is a trace; the others are traces of their own."""
    provider, model = MODELS[number * 7 % len(MODELS)]
    group = number // 4
    in_trace = group % 5 == 0
    feature = (group if in_trace else number * 31) % (FEATURES + 1)
    keys = [("env", ("production", "staging")[number % 2]), ("user_tier", ("free", "pro")[number // 3 % 2])]
    if feature:
        keys.append(("feature", f"feature-{feature}"))
    return Run(
        id=b"%016d" % number,
        trace_id=b"%016d" % (group * 4 if in_trace else number),
        project=project,
        ancestors=(),
        type="LLM",
        status=Status.SUCCESS,
        start=microseconds(start),
        end=microseconds(start),
        name=f"call-{number % 13}",
        tags=(),
        keys=tuple(sorted(keys)),
        provider=provider,
        model=model,
        context=None,
        usage=Usage(1_000 + number % 997, 100),
        raw_cost=1_000_000 + number % 1_000,
        flags=Flag(0),
        thread=str(UUID(int=group)),
    )


def _feature(number: int) -> str:
    where = 'where = { env = "production" }\n' if number % 10 == 0 else ""
    return f'[features.feature-{number}]\nowner = "U0BENCH"\nbudget = {{ weekly = 50, monthly = 200 }}\n{where}'
