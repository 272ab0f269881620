"""Which runs of a trace count, and what of them: nothing is counted twice, whatever kind of server answers.

Everything here is decided on LangSmith's raw numbers and on the whole trace at once, so that the order in which its
runs arrive cannot matter.
"""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

from bot.domain.cost import Cost
from bot.domain.run import LLM_TYPES, Run, State, Status
from bot.domain.usage import NO_TOKENS, Flag, Usage

# Something was used, only how much of it is nonsense: nobody knows what it cost.
_CLAIMS = Flag.IMPOSSIBLE_USAGE | Flag.IMPOSSIBLE_COST


class CostMode(StrEnum):
    """What a parent run's cost means on a server. UNKNOWN is treated as ROLLED_UP: rather too little than twice."""

    UNKNOWN = "unknown"
    OWN = "own"  # a parent carries only its own cost
    ROLLED_UP = "rolled_up"  # a parent carries its descendants' cost too


class Reason(StrEnum):
    """Why a run counts in no figure."""

    WRAPPER = "wrapper"  # it repeats the tokens of the runs that it wraps
    WRAPPED = "wrapped"  # the run that wraps it repeats its tokens and is the one that carries the cost
    ROLLED_UP = "rolled_up"  # all its cost is the sum of its descendants'


class Share(NamedTuple):
    """What of one run counts. With a `reason` nothing does."""

    usage: Usage | None
    raw_cost: int | None  # nano-dollars
    reason: Reason | None = None


def is_run(row: Run) -> bool:
    """Whether a row of LangSmith is a run: an LLM or embedding run, or one that carries a cost of its own. A tool or
    chain without a cost is none: it counts nowhere, and what lies above and below it does not see it."""
    return row.type in LLM_TYPES or _is_costed(row)


def shares(trace: Collection[Run], mode: CostMode) -> dict[bytes, Share]:
    """For each row of a trace, by id, what of it counts. Rows that are no runs take no part: they keep what they say.

    A wrapper (the same model and, within 1 %, the same tokens as the nearest runs below it) does not count beside the
    runs that it wraps; if it alone carries a cost, it counts and they do not. In ROLLED_UP mode every other run counts
    its raw cost and tokens less those of its nearest costed descendants, not below zero; what those had from below them
    is in their own numbers already. Costs of zero and below are no costs: nothing is worked out with them.
    """
    result = {row.id: Share(row.usage, row.raw_cost) for row in trace}
    below, parents = _nest(trace)
    wrapping: dict[bytes, list[Run]] = {}
    models: dict[bytes, str | None] = {}
    for run in parents:
        wrapped = _nearest(run, below, _has_tokens)
        if _is_wrapper(run, wrapped, models, mode):
            wrapping[run.id] = wrapped
            models[run.id] = _model_of(wrapped, models)
            _suppress_one_side(run, wrapping, result)
    if mode is not CostMode.OWN:
        for run in parents:
            if result[run.id].reason is None:
                result[run.id] = _remainder(run, below, keeps_usage=run.id in wrapping)
    return result


def state_of(run: Run, share: Share, cost: Cost) -> State:
    """The state in which a run is booked that costs `cost`."""
    if share.reason is not None:
        return State.SUPPRESSED
    if not is_run(run):
        return State.NOT_A_RUN
    if cost.nanos is not None:
        return State.COSTED
    if run.status == Status.PENDING:
        return State.PENDING
    if share.usage is not None or (run.flags | cost.flags) & _CLAIMS:
        return State.UNPRICED
    return State.FAILED if run.status == Status.ERROR else State.NO_USAGE


def completeness(run: Run) -> tuple[bool, bool, bool]:
    """How complete a reading of a run is. A reading never replaces a more complete one: LangSmith fills in the end,
    the tokens and the cost one after the other, and a lagging replica may answer with an older state."""
    return (run.status != Status.PENDING, run.usage is not None, run.raw_cost is not None)


def _nest(trace: Collection[Run]) -> tuple[dict[bytes, list[Run]], list[Run]]:
    """The runs directly below each run, and the runs that have any, the deepest first.

    "Directly" skips ancestors that the ledger does not hold and rows that are no runs. A run that claims to be above
    one of its own ancestors is not believed, so that what comes out is a forest.
    """
    below: dict[bytes, list[Run]] = {}
    if len(trace) == 1:
        return below, []
    runs = {run.id: run for run in sorted(filter(is_run, trace), key=lambda run: run.id)}
    parent_of: dict[bytes, bytes] = {}
    for run in runs.values():
        for ancestor in reversed(run.ancestors):
            if ancestor in runs and not _is_above(run.id, ancestor, parent_of):
                parent_of[run.id] = ancestor
                below.setdefault(ancestor, []).append(run)
                break
    by_level = [run for run in runs.values() if run.id not in parent_of]
    for run in by_level:
        by_level += below.get(run.id, ())
    return below, [run for run in reversed(by_level) if run.id in below]


def _is_above(one: bytes, other: bytes, parent_of: Mapping[bytes, bytes]) -> bool:
    """Whether `one` is `other` or above it."""
    while one != other:
        if other not in parent_of:
            return False
        other = parent_of[other]
    return True


def _nearest(run: Run, below: Mapping[bytes, list[Run]], wanted: Callable[[Run], bool]) -> list[Run]:
    """The nearest descendants of `run` that are `wanted`: the search goes on only below those that are not."""
    found = []
    to_visit = list(below.get(run.id, ()))
    while to_visit:
        one = to_visit.pop()
        if wanted(one):
            found.append(one)
        else:
            to_visit += below.get(one.id, ())
    return found


def _is_wrapper(run: Run, wrapped: list[Run], models: Mapping[bytes, str | None], mode: CostMode) -> bool:
    if run.usage is None or not wrapped or not _alike(run.usage, wrapped):
        return False
    if run.model is not None:
        return _model_of(wrapped, models) == run.model
    # A run without a model that repeats the tokens below it. Where costs are rolled up that is every parent, and the
    # remainder says what is its own; where they are not, a cost beside costs of another size is its own and no copy.
    if mode is not CostMode.OWN:
        return False
    inside = sum(one.raw_cost or 0 for one in wrapped if _is_costed(one))
    return not _is_costed(run) or not inside or _close(run.raw_cost or 0, inside)


def _model_of(wrapped: list[Run], models: Mapping[bytes, str | None]) -> str | None:
    """The model that all of `wrapped` have, None if they differ; `models` is that of the wrappers among them, some of
    which name none themselves."""
    found = {models.get(one.id, one.model) for one in wrapped}
    return found.pop() if len(found) == 1 else None


def _suppress_one_side(run: Run, wrapping: Mapping[bytes, list[Run]], result: dict[bytes, Share]) -> None:
    """Either the wrapper or everything that it wraps, wrappers of wrappers included, counts: the side with a cost, and
    the inner one if both have one or neither has."""
    inside = _all_wrapped(run, wrapping)
    if _is_costed(run) and not any(_is_costed(one) for one in inside):
        for one in inside:
            result[one.id] = Share(None, None, Reason.WRAPPED)
    else:
        result[run.id] = Share(None, None, Reason.WRAPPER)


def _all_wrapped(run: Run, wrapping: Mapping[bytes, list[Run]]) -> list[Run]:
    inside = list(wrapping[run.id])
    for one in inside:
        inside += wrapping.get(one.id, ())
    return inside


def _remainder(run: Run, below: Mapping[bytes, list[Run]], *, keeps_usage: bool) -> Share:
    """What is a run's own where its numbers hold those of the runs below it.

    `keeps_usage` for a wrapper that counts: the tokens below it are its own, and do not count there.
    """
    with_tokens = [] if keeps_usage else _nearest(run, below, _has_tokens)
    usage = _less(run.usage, with_tokens)
    if not _is_costed(run):
        if usage is None and run.usage is not None:
            return Share(None, None, Reason.ROLLED_UP)
        return Share(usage, run.raw_cost)
    costed = _nearest(run, below, _is_costed)
    own = (run.raw_cost or 0) - sum(one.raw_cost or 0 for one in costed)
    if own > len(costed):  # each cost was rounded to a whole nano-dollar: less than that is no cost
        return Share(usage, own)
    # Its cost is all from below. Tokens that are not are those of a model whose price LangSmith does not know.
    if usage is None or run.type not in LLM_TYPES:
        return Share(None, None, Reason.ROLLED_UP)
    return Share(usage, None)


def _less(usage: Usage | None, below: list[Run]) -> Usage | None:
    """`usage` less that of the runs `below`, kind by kind, not below zero; None if nothing is left."""
    if usage is None or not below:
        return usage
    rest = Usage(
        *(max(0, mine - sum(theirs)) for mine, *theirs in zip(usage, *(_usage(one) for one in below), strict=True))
    )
    return rest if rest.total else None


def _alike(usage: Usage, wrapped: list[Run]) -> bool:
    return _close(usage.input, sum(_usage(one).input for one in wrapped)) and _close(
        usage.output, sum(_usage(one).output for one in wrapped)
    )


def _close(one: int, other: int) -> bool:
    """Equal within 1 % of the larger; neither is negative."""
    return 100 * abs(one - other) <= max(one, other)


def _usage(run: Run) -> Usage:
    return run.usage or NO_TOKENS


def _has_tokens(run: Run) -> bool:
    return run.usage is not None


def _is_costed(run: Run) -> bool:
    return run.raw_cost is not None and run.raw_cost > 0
