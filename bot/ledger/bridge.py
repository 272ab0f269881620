"""From LangSmith's own costs to what is booked: what lies between them, step by step, to the nano-dollar."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, select

from bot.domain.costing import CostMode, shares
from bot.domain.run import LLM_TYPES, Source, State
from bot.domain.usage import Flag
from bot.ledger.tables import projects, runs
from bot.ledger.trace_rows import load_traces

# How many traces are looked into at a time.
_BATCH = 500


class Bridge(NamedTuple):
    """Runs that began in a stretch of time, added up. Costs in nano-dollars: `raw` and the six after it make the total.

    `raw` is LangSmith's own cost of all runs of the types and projects that were asked for, suppressed ones included.
    The last four speak of those runs too.
    """

    raw: int = 0
    counted_twice: int = 0  # what repeats the cost of other runs; never above 0
    overrides: int = 0  # own prices, less what LangSmith said
    estimates: int = 0  # where LangSmith said nothing that could be believed
    late: int = 0  # what LangSmith changed after the day was settled, taken back
    set_aside: int = 0  # what LangSmith said and nobody can believe, taken back
    elsewhere: int = 0  # booked for runs of types or projects that were not asked for
    runs: int = 0  # of the types that are always kept, cost or not
    costed: int = 0  # runs with a raw cost
    pending: int = 0
    impossible: int = 0  # runs whose raw cost was no amount of money: it is not in `raw`

    @property
    def total(self) -> int:
        """What is booked."""
        return sum(self[:7])

    def plus(self, other: "Bridge", times: int = 1) -> "Bridge":
        """With what other runs add to it; `times` -1 takes them away."""
        return Bridge(*(mine + times * theirs for mine, theirs in zip(self, other, strict=True)))


def bridge(
    connection: Connection, start: int, end: int, types: Collection[str], project_keys: Collection[int]
) -> Bridge:
    """The bridge over [start, end), in microseconds since 1970 UTC, from what LangSmith says of the runs of those types
    and projects to all that is booked."""
    inside = (runs.c.start >= start, runs.c.start < end)
    asked = and_(runs.c.type.in_(list(types)), runs.c.project.in_(list(project_keys)))
    elsewhere = connection.scalar(select(func.coalesce(func.sum(runs.c.cost), 0)).where(*inside, ~asked))
    found = _as_if_nothing_were_nested(connection, (*inside, asked))
    for raw, share, cost, source in _partly_counted(connection, (*inside, asked)):
        found = found.plus(_between(raw, raw, cost, source), -1).plus(_between(raw, share, cost, source))
    return found._replace(elsewhere=int(elsewhere or 0))


def _between(raw: int, share: int, cost: int, source: str | None, *, suppressed: bool = False) -> Bridge:
    """What lies between the raw cost of runs and what is booked for them. `share` is how much of the raw cost counts.

    It adds up: for runs of one source whose shares are all above zero, or none of them, sums will do.
    """
    if suppressed:
        return Bridge(counted_twice=-raw)
    twice, told = share - raw, max(share, 0)
    unbelievable = min(share, 0)
    if source is None:
        return Bridge(counted_twice=twice, set_aside=-share)
    if source == Source.OVERRIDE:
        return Bridge(counted_twice=twice, set_aside=-unbelievable, overrides=cost - told)
    if source == Source.ESTIMATE and told == 0:
        return Bridge(counted_twice=twice, set_aside=-unbelievable, estimates=cost)
    return Bridge(counted_twice=twice, set_aside=-unbelievable, late=cost - told)


def _as_if_nothing_were_nested(connection: Connection, conditions: tuple[ColumnElement[bool], ...]) -> Bridge:
    raw = func.coalesce(runs.c.raw_cost, 0)
    is_positive = case((raw > 0, 1), else_=0)
    query = (
        select(
            runs.c.state,
            runs.c.source,
            func.sum(raw),
            func.sum(func.coalesce(runs.c.cost, 0)),
            func.sum(case((runs.c.type.in_(LLM_TYPES), 1), else_=0)),
            func.sum(is_positive),
            func.count(),
            func.sum(case((runs.c.flags.op("&")(int(Flag.IMPOSSIBLE_COST)) != 0, 1), else_=0)),
        )
        .where(*conditions)
        .group_by(runs.c.state, runs.c.source, is_positive)
    )
    found = Bridge()
    for state, source, *numbers in connection.execute(query):
        raw_sum, cost, llm_runs, costed, count, impossible = (int(number) for number in numbers)
        step = _between(raw_sum, raw_sum, cost, source, suppressed=state == State.SUPPRESSED)
        found = found.plus(
            step._replace(
                raw=raw_sum,
                runs=llm_runs,
                costed=costed,
                pending=count if state == State.PENDING else 0,
                impossible=impossible,
            )
        )
    return found


def _partly_counted(
    connection: Connection, conditions: tuple[ColumnElement[bool], ...]
) -> Iterator[tuple[int, int, int, str | None]]:
    """(raw cost, how much of it counts, booked cost, source) of the runs that count with a part of their cost: what is
    above other runs where a parent's cost holds its children's."""
    below = runs.alias("below")
    others = select(literal(1)).where(
        below.c.trace_id == runs.c.trace_id, below.c.project == runs.c.project, below.c.id != runs.c.id
    )
    query = (
        select(runs.c.id, runs.c.trace_id, runs.c.project, projects.c.cost_mode)
        .join(projects, projects.c.key == runs.c.project)
        .where(
            *conditions,
            projects.c.cost_mode != CostMode.OWN.value,
            runs.c.state != State.SUPPRESSED.value,
            runs.c.raw_cost > 0,
            # What is booked as LangSmith's own cost is the share itself.
            (runs.c.source.is_distinct_from(Source.LANGSMITH.value)) | (runs.c.cost != runs.c.raw_cost),
            others.exists(),
        )
    )
    wanted: dict[tuple[int, str], dict[bytes, set[bytes]]] = {}
    for run_id, trace_id, project, mode in connection.execute(query):
        wanted.setdefault((project, mode), {}).setdefault(trace_id, set()).add(run_id)
    for (project, mode), traces in wanted.items():
        ids = sorted(traces)
        for at in range(0, len(ids), _BATCH):
            for trace_id, booked in load_traces(connection, project, ids[at : at + _BATCH]).items():
                counted = shares([one.run for one in booked.values()], CostMode(mode))
                for run_id in traces[trace_id]:
                    one = booked[run_id]
                    yield one.run.raw_cost or 0, counted[run_id].raw_cost or 0, one.cost or 0, one.source
