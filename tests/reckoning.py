"""What a world costs, reckoned from its raw runs in the plainest way: the ledger's figures are compared with this.

Nothing of the code under test is used here but its words (`Run`, `Usage`, `CostMode`, `Figures`).
"""

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from bot.domain.costing import CostMode
from bot.domain.run import Run
from bot.domain.usage import Flag, Usage
from bot.ledger.figures import Figures
from tests.ledger_worlds import Trace, World, list_price
from tests.unit.zones import day_of

Counted = dict[bytes, tuple[Usage | None, int | None]]  # what of a run counts; nothing of those that are missing


class Entry(NamedTuple):
    """A run that counts, and for how much."""

    run: Run
    day: date
    feature: str  # "" if none
    state: str
    cost: int
    source: str | None
    input: int
    output: int

    def value(self, dimension: str) -> str:
        """In which row of a breakdown it is."""
        if dimension == "feature":
            return self.feature
        if dimension == "project":
            return str(self.run.project)
        if dimension in {"model", "provider"}:
            return str(getattr(self.run, dimension) or "")
        return dict(self.run.keys).get(dimension, "")


def reckon(world: World) -> list[Entry]:
    """Everything that counts in a world."""
    return [entry for trace in world.traces for entry in _entries(trace, world)]


def add_up(entries: Iterable[Entry]) -> Figures:
    """The figures of some entries."""
    these = list(entries)
    costs = {
        source: sum(entry.cost for entry in these if entry.source == source)
        for source in ("langsmith", "estimate", "override")
    }
    states = {state: sum(entry.state == state for entry in these) for state in ("unpriced", "no_usage", "failed")}
    return Figures(
        runs=len(these),
        traces=len({(entry.run.project, entry.run.trace_id) for entry in these}),
        cost=sum(entry.cost for entry in these),
        input=sum(entry.input for entry in these),
        output=sum(entry.output for entry in these),
        sampled=sum(Flag.SAMPLED in entry.run.flags for entry in these),
        **costs,
        **states,
    )


def break_down(entries: Iterable[Entry], dimension: str) -> dict[str, Figures]:
    """The figures of some entries per value of a dimension."""
    these = list(entries)
    values = {entry.value(dimension) for entry in these}
    return {value: add_up(entry for entry in these if entry.value(dimension) == value) for value in values}


def _entries(trace: Trace, world: World) -> Iterable[Entry]:
    counted = what_counts(trace.runs, world.modes[trace.project])
    for run in trace.runs:
        if run.id not in counted:
            continue
        usage, langsmith_cost = counted[run.id]
        cost = list_price(model=run.model, usage=usage, langsmith_cost=langsmith_cost)
        yield Entry(
            run=run,
            day=day_of(run.start // 1_000_000, world.zone),
            feature=_feature(run, dict(trace.root)),
            state=_state(run, usage, cost.nanos),
            cost=cost.nanos or 0,
            source=cost.source.value if cost.source is not None else None,
            input=usage.input if usage is not None else 0,
            output=usage.output if usage is not None else 0,
        )


def _state(run: Run, usage: Usage | None, cost: int | None) -> str:
    if cost is not None:
        return "costed"
    if run.status == "PENDING":
        return "pending"
    if usage is not None or Flag.IMPOSSIBLE_COST in run.flags or Flag.IMPOSSIBLE_USAGE in run.flags:
        return "unpriced"
    return "failed" if run.status == "ERROR" else "no_usage"


def _feature(run: Run, root_keys: dict[str, str]) -> str:
    """As ATTRIBUTION says, in words: `feature` before `team`, "old-search" is "search" now, "untagged" is nobody."""
    from_tags = {"drafts": "drafts", "feature:search": "search"}
    named = [dict(run.keys).get("feature"), dict(run.keys).get("team")]
    named += [from_tags.get(tag) for tag in run.tags]
    named += [root_keys.get("feature"), root_keys.get("team")]
    if run.name.startswith("nightly-"):
        named.append("nightly")
    if run.project == 2 and any(tag.startswith("exp") for tag in run.tags):
        named.append("lab")
    first = next((name for name in named if name and name != "untagged"), "")
    return "search" if first == "old-search" else first


def what_counts(trace: Iterable[Run], mode: CostMode) -> Counted:
    """What of the runs of one trace counts, for each that does."""
    runs = [run for run in trace if run.type in {"LLM", "EMBEDDING"} or _cost(run)]
    ids = {run.id for run in runs}
    parent = {run.id: next((one for one in reversed(run.ancestors) if one in ids), None) for run in runs}

    def nearest(top: Run, wanted: Callable[[Run], object]) -> list[Run]:
        children = [run for run in runs if parent[run.id] == top.id]
        return [found for run in children for found in ([run] if wanted(run) else nearest(run, wanted))]

    # From the leaves up: who repeats what is below it, and which of the two sides counts.
    repeated: dict[bytes, list[Run]] = {}
    model: dict[bytes, object] = {run.id: run.model for run in runs}
    silent: set[bytes] = set()
    for run in sorted(runs, key=lambda run: -len(run.ancestors)):
        inner = nearest(run, lambda one: one.usage)
        if not _repeats(run, inner, {model[one.id] for one in inner}, mode):
            continue
        everything = [*inner, *(deeper for one in inner for deeper in repeated.get(one.id, ()))]
        repeated[run.id] = everything
        model[run.id] = model[inner[0].id] if len({model[one.id] for one in inner}) == 1 else None
        if _cost(run) and not any(_cost(one) for one in everything):
            silent |= {one.id for one in everything}
        else:
            silent.add(run.id)

    counted: Counted = {}
    for run in runs:
        if run.id in silent:
            continue
        children = [one for one in runs if parent[one.id] == run.id]
        if mode is CostMode.OWN or not children:
            counted[run.id] = (run.usage, run.raw_cost)
            continue
        usage = run.usage if run.id in repeated else _rest(run.usage, nearest(run, lambda one: one.usage))
        used_up = run.usage is not None and usage is None
        if not _cost(run):
            if not used_up:
                counted[run.id] = (usage, run.raw_cost)
            continue
        costed = nearest(run, _cost)
        own = _cost(run) - sum(_cost(one) for one in costed)
        if own > len(costed):
            counted[run.id] = (usage, own)
        elif usage is not None and run.type in {"LLM", "EMBEDDING"}:
            counted[run.id] = (usage, None)
    return counted


def _cost(run: Run) -> int:
    return max(0, run.raw_cost or 0)


def _repeats(run: Run, inner: list[Run], models: set[object], mode: CostMode) -> bool:
    if run.usage is None or not inner:
        return False
    usages = [one.usage for one in inner if one.usage is not None]
    if not _same(run.usage.input, sum(usage.input for usage in usages)):
        return False
    if not _same(run.usage.output, sum(usage.output for usage in usages)):
        return False
    if run.model is not None:
        return models == {run.model}
    inside = sum(_cost(one) for one in inner)
    return mode is CostMode.OWN and (not _cost(run) or not inside or _same(_cost(run), inside))


def _same(one: int, other: int) -> bool:
    return one == other or Fraction(abs(one - other), max(one, other)) <= Fraction(1, 100)


def _rest(usage: Usage | None, below: list[Run]) -> Usage | None:
    if usage is None:
        return None
    rest = list(usage)
    for run in below:
        rest = [mine - theirs for mine, theirs in zip(rest, run.usage or rest, strict=True)]
    left = Usage(*(max(0, number) for number in rest))
    return left if left.input + left.output else None
