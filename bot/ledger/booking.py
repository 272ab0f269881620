"""How a trace is booked: a pure function of its runs, the rules and what is booked already."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.cost import NOBODY_KNOWS, Cost, Price
from bot.domain.costing import CostMode, Reason, Share, completeness, shares, state_of
from bot.domain.feature import Attribution
from bot.domain.period import local_day
from bot.domain.run import Run, Source, State
from bot.domain.usage import Flag

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = 60_000_000

# A million dollars, in nano-dollars. A run that costs more is a fault in its data; and thousands of them must fit into
# the 64 bits of a sum, or one such trace would make the whole ledger unreadable.
MAX_COST = 10**15


def microseconds(instant: datetime) -> int:
    """An aware instant as whole microseconds since 1970 UTC."""
    return (instant - EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    """Microseconds since 1970 as an aware UTC instant."""
    return EPOCH + timedelta(microseconds=microseconds)


class Booked(NamedTuple):
    """A run and how it stands in the books."""

    run: Run
    day: int  # date.toordinal() of the local day on which it started
    feature: str  # UNTAGGED ("") if none
    state: State
    cost: int | None  # nano-dollars
    source: Source | None
    reference: str | None
    cost_flags: Flag
    input: int  # tokens that count: less than the run's own where its server rolls them up
    output: int
    reason: Reason | None  # why it is SUPPRESSED

    @property
    def counts(self) -> bool:
        """Whether it is in any figure at all."""
        return self.state is not State.SUPPRESSED and self.state is not State.NOT_A_RUN


@dataclass(frozen=True, slots=True)
class Rules:
    """What the books are kept by. All but `price` are remembered with the ledger: a change of them recounts it."""

    attribution: Attribution
    price: Price
    day_of: Callable[[int], int]
    dimensions: tuple[str, ...] = ()


class Project(NamedTuple):
    """What booking must know of a project."""

    key: int
    name: str
    mode: CostMode
    settled_through: int | None  # ordinal of the last settled day


def day_finder(zone: ZoneInfo) -> Callable[[int], int]:
    """A function from microseconds since 1970 to the ordinal of the local day in `zone`.

    It remembers minutes, because time zones change on whole minutes and runs come in crowds: those of two weeks, of
    which a long first sync would otherwise keep every one.
    """
    known: dict[int, int] = {}

    def day_of(start: int) -> int:
        minute = start // _MINUTE
        day = known.get(minute)
        if day is None:
            if len(known) > 20_000:
                known.clear()
            day = known[minute] = local_day(instant(minute * _MINUTE), zone).toordinal()
        return day

    return day_of


def book_trace(
    before: Mapping[bytes, Booked],
    read: Iterable[Run],
    root_keys: Mapping[str, str],
    project: Project,
    rules: Rules,
    *,
    mode_before: CostMode | None = None,
) -> dict[bytes, Booked]:
    """All runs of one trace as they stand after `read` was read. The same runs in any order give the same books.

    A run that was not read again and whose share did not change keeps its price: prices of the past change only on
    demand. Once its day is settled, a run whose cost is known keeps it too, whatever LangSmith says later.
    `root_keys` is what was found out about the trace's root; the root itself, if it is booked, knows better.
    `mode_before` is the project's mode when `before` was booked, if it was another one.
    """
    merged = {run_id: booked.run for run_id, booked in before.items()}
    for run in read:
        known = merged.get(run.id)
        if known is None or completeness(run) >= completeness(known):
            merged[run.id] = run
    if len(merged) == 1:  # most traces: nothing is nested, and so everything counts
        (run,) = merged.values()
        said = {} if run.id == run.trace_id else root_keys
        return {run.id: _book(run, _whole(run), before.get(run.id), None, said, project, rules)}
    for run in merged.values():
        if run.id == run.trace_id:
            root_keys = dict(run.keys)
    then = shares([booked.run for booked in before.values()], mode_before or project.mode) if before else {}
    now = shares(list(merged.values()), project.mode)
    return {
        run_id: _book(run, now[run_id], before.get(run_id), then.get(run_id), root_keys, project, rules)
        for run_id, run in merged.items()
    }


def price_again(booked: Booked, share: Share, rules: Rules) -> Booked:
    """A run that counts with what it costs by the rules of now, whatever was booked; `share` is what of it counts."""
    cost, tokens = _price(booked.run, share, rules)
    state, cost = _standing(booked.run, share, cost)
    return booked._replace(
        state=state,
        cost=cost.nanos,
        source=cost.source,
        reference=cost.reference,
        cost_flags=cost.flags,
        input=tokens[0],
        output=tokens[1],
    )


def _book(
    run: Run,
    share: Share,
    before: Booked | None,
    share_before: Share | None,
    root_keys: Mapping[str, str],
    project: Project,
    rules: Rules,
) -> Booked:
    cost, tokens = _cost(run, share, before, share_before, project, rules)
    state, cost = _standing(run, share, cost)
    feature = _feature(run, before, root_keys, project, rules)
    # By position, in the order of its fields: by name takes twice as long, a million times.
    return Booked(run, rules.day_of(run.start), feature, state, *cost, *tokens, share.reason)


def _standing(run: Run, share: Share, cost: Cost) -> tuple[State, Cost]:
    """How a run stands, and its cost, which it has in one state only."""
    state = state_of(run, share, cost)
    return state, cost if state is State.COSTED else NOBODY_KNOWS._replace(flags=cost.flags)


def _feature(run: Run, before: Booked | None, root_keys: Mapping[str, str], project: Project, rules: Rules) -> str:
    """The feature of a run; that of a purged one is the one under which it was, for it does not say it any more."""
    if before is not None and run.flags and Flag.PURGED in run.flags:
        return rules.attribution.aliases.get(before.feature, before.feature)
    return rules.attribution.feature_of(dict(run.keys), run.tags, root_keys, project=project.name, name=run.name)


def _cost(
    run: Run, share: Share, before: Booked | None, share_before: Share | None, project: Project, rules: Rules
) -> tuple[Cost, tuple[int, int]]:
    """The cost of a run's share and the tokens that count with it, as booked before where that must not change."""
    if share.reason is not None:
        return NOBODY_KNOWS, (0, 0)
    if before is not None:
        booked = Cost(before.cost, before.source, before.reference, before.cost_flags)
        if share_before is None:
            share_before = _whole(before.run)
        if before.run == run and share_before == share:
            return booked, _tokens(share)
        settled = project.settled_through is not None and before.day <= project.settled_through
        if settled and before.state is State.COSTED and share == _whole(run) and share_before == _whole(before.run):
            return booked, (before.input, before.output)
    return _price(run, share, rules)


def _price(run: Run, share: Share, rules: Rules) -> tuple[Cost, tuple[int, int]]:
    cost = rules.price(
        provider=run.provider,
        model=run.model,
        usage=share.usage,
        start=run.start,
        context=run.context,
        langsmith_cost=share.raw_cost,
    )
    if cost.nanos is not None and cost.nanos > MAX_COST:
        return NOBODY_KNOWS._replace(flags=cost.flags | Flag.IMPOSSIBLE_COST), _tokens(share)
    return cost, _tokens(share)


def _tokens(share: Share) -> tuple[int, int]:
    return (share.usage.input, share.usage.output) if share.usage is not None else (0, 0)


def _whole(run: Run) -> Share:
    return Share(run.usage, run.raw_cost)
