"""Which runs of a trace count, and what of them: nothing is counted twice, whatever kind of server answers.

Everything here is decided on LangSmith's raw numbers and on the whole trace at once, so that the order in which its
runs arrive cannot matter.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from bot.domain.run import LLM_TYPES, Run, State, Status
from bot.domain.usage import Flag, Usage


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


def shares(trace: Collection[Run], mode: CostMode) -> dict[bytes, Share]:
    """For each run of a trace, by id, what of it counts.

    A wrapper (the same model and, within 1 %, the same tokens as the nearest runs below it) does not count beside the
    runs that it wraps; if it alone carries a cost, it counts and they do not. In ROLLED_UP mode every other run counts
    its raw cost and tokens less those of its nearest costed descendants, not below zero; what those had from below them
    is in their own numbers already.
    """
    whole = {run.id: Share(run.usage, run.raw_cost) for run in trace}
    below = _children(trace)
    if not below:
        return whole
    result = dict(whole)
    wrapping: dict[bytes, list[Run]] = {}
    deepest_first = sorted((run for run in trace if run.id in below), key=lambda run: (-len(run.ancestors), run.id))
    for run in deepest_first:
        wrapped = _nearest(run, below, _has_tokens)
        if _is_wrapper(run, wrapped, mode):
            wrapping[run.id] = wrapped
            _suppress_one_side(run, wrapping, result)
    if mode is not CostMode.OWN:
        for run in deepest_first:
            if result[run.id].reason is None:
                result[run.id] = _remainder(run, below, keeps_usage=run.id in wrapping)
    return result


def state_of(run: Run, share: Share, cost: int | None) -> State:
    """The state in which a run is booked; `cost` in nano-dollars, None where nobody knows it."""
    if share.reason is not None:
        return State.SUPPRESSED
    if run.type not in LLM_TYPES and not (share.raw_cost and share.raw_cost > 0):
        return State.NOT_A_RUN
    if cost is not None:
        return State.COSTED
    if run.status == Status.PENDING:
        return State.PENDING
    if share.usage is not None or Flag.IMPOSSIBLE_USAGE in run.flags:
        return State.UNPRICED
    return State.FAILED if run.status == Status.ERROR else State.NO_USAGE


def completeness(run: Run) -> tuple[bool, bool, bool]:
    """How complete a reading of a run is. A reading never replaces a more complete one: LangSmith fills in the end,
    the tokens and the cost one after the other, and a lagging replica may answer with an older state."""
    return (run.status != Status.PENDING, run.usage is not None, run.raw_cost is not None)


def _children(trace: Collection[Run]) -> dict[bytes, list[Run]]:
    """The runs directly below each run, where "directly" skips ancestors that the ledger does not hold."""
    below: dict[bytes, list[Run]] = {}
    if len(trace) == 1:
        return below
    known = {run.id for run in trace}
    for run in sorted(trace, key=lambda run: run.id):
        parent = next((one for one in reversed(run.ancestors) if one in known and one != run.id), None)
        if parent is not None:
            below.setdefault(parent, []).append(run)
    return below


def _nearest(run: Run, below: Mapping[bytes, list[Run]], wanted: Callable[[Run], bool]) -> list[Run]:
    """The nearest descendants of `run` that are `wanted`: the search goes on only below those that are not."""
    found = []
    seen = {run.id}
    to_visit = list(below.get(run.id, ()))
    while to_visit:
        one = to_visit.pop()
        if one.id in seen:  # a trace that claims to be its own ancestor must not hang us
            continue
        seen.add(one.id)
        if wanted(one):
            found.append(one)
        else:
            to_visit.extend(below.get(one.id, ()))
    return found


def _is_wrapper(run: Run, wrapped: list[Run], mode: CostMode) -> bool:
    if run.usage is None or not wrapped:
        return False
    if not _alike(run.usage, wrapped):
        return False
    if run.model is not None:
        return all(one.model == run.model for one in wrapped)
    # A chain or tool without a model that repeats the tokens below it. Where costs are rolled up that is every parent,
    # and the remainder says what is its own; where they are not, a cost of another size is its own and not a copy.
    if mode is not CostMode.OWN:
        return False
    return not run.raw_cost or _close(run.raw_cost, sum(one.raw_cost or 0 for one in wrapped))


def _suppress_one_side(run: Run, wrapping: Mapping[bytes, list[Run]], result: dict[bytes, Share]) -> None:
    """Either the wrapper or everything that it wraps, wrappers of wrappers included, counts: the side with a cost, and
    the inner one if both have one or neither has."""
    inside = list(_all_wrapped(run, wrapping))
    if _is_costed(run) and not any(_is_costed(one) for one in inside):
        for one in inside:
            result[one.id] = Share(None, None, Reason.WRAPPED)
    else:
        result[run.id] = Share(None, None, Reason.WRAPPER)


def _all_wrapped(run: Run, wrapping: Mapping[bytes, list[Run]]) -> Iterable[Run]:
    seen = {run.id}
    to_visit = list(wrapping[run.id])
    while to_visit:
        one = to_visit.pop()
        if one.id not in seen:
            seen.add(one.id)
            yield one
            to_visit.extend(wrapping.get(one.id, ()))


def _remainder(run: Run, below: Mapping[bytes, list[Run]], *, keeps_usage: bool) -> Share:
    costed = _nearest(run, below, _is_costed)
    with_tokens = [] if keeps_usage else _nearest(run, below, _has_tokens)
    usage = _less(run.usage, with_tokens)
    if run.raw_cost is None:
        if with_tokens and run.usage is not None and usage is None:
            return Share(None, None, Reason.ROLLED_UP)
        return Share(usage, None)
    own = max(0, run.raw_cost - sum(one.raw_cost or 0 for one in costed))
    if costed and own == 0:
        return Share(None, None, Reason.ROLLED_UP)
    return Share(usage, own if costed else run.raw_cost)


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
    """Equal within 1 % of the larger."""
    return 100 * abs(one - other) <= max(abs(one), abs(other))


def _usage(run: Run) -> Usage:
    return run.usage or Usage(0, 0)


def _has_tokens(run: Run) -> bool:
    return run.usage is not None


def _is_costed(run: Run) -> bool:
    return bool(run.raw_cost)
