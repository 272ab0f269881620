"""What `verify` says: how far LangSmith's own total is from the ledger, what that means, and what was compared."""

from bot.render.coverage import not_all_known
from bot.render.numbers import ago, clock, count, day, money, percent, plural
from bot.render.sentences import when
from bot.reports.verified import Cause, Step, Verdict, Verification

# Steps that are named even where they are $0: whoever reads the bridge looks for them.
_ALWAYS = ("counted_twice", "overrides", "estimates")
_STEPS = {
    "counted_twice": "less what is counted twice",
    "overrides": "own prices instead of LangSmith's",
    "estimates": "estimates where LangSmith has no cost",
    "late": "changes after the day was settled, not booked",
    "set_aside": "costs that cannot be right, not booked",
    "elsewhere": "types and projects that are no longer read",
}


def verified_sentences(answer: Verification) -> list[str]:
    """How far apart, the verdict, and what our total is."""
    lines = [_distance(answer), _verdict(answer)]
    if answer.cut_to_retention:
        lines.append("What was before cannot be verified any more: LangSmith may have forgotten it.")
    elif answer.cut_to_ledger:
        lines.append("What was before cannot be verified: the ledger starts there.")
    if answer.gaps:
        lines.append(f"{not_all_known(answer.gaps)}.")
    lines.append(f"What llmcost counts of that time is {money(answer.total)}.")
    if answer.types_not_read:
        others = ", ".join(f"{money(one.cost)} of type {one.key}" for one in answer.types_not_read)
        lines.append(
            f"Not read, and so in neither: {others}. LLMCOST_RUN_TYPES says what is read; such runs often repeat the "
            "cost of those below them."
        )
    return lines


def verified_basis(answer: Verification) -> list[str]:
    """Which bounds, projects and types were compared, and how fresh the ledger is."""
    until = ", which is how far LangSmith has been read" if answer.cut_to_as_of else ""
    compared = f"Compared: {_bounds(answer)} {answer.period.timezone}{until}"
    scope = f"{plural(len(answer.projects), 'project')}, runs of type {', '.join(answer.types)}"
    fresh = []
    if answer.as_of is not None and answer.age is not None:
        fresh.append(f"As of {clock(answer.as_of)} ({ago(answer.age)})")
    if answer.settled_through is not None:
        fresh.append(f"settled through {day(answer.settled_through)}")
    if answer.pending_runs:
        fresh.append(f"{plural(answer.pending_runs, 'run')} not ended")
    return [
        compared,
        scope,
        *([" \N{MIDDLE DOT} ".join(fresh)] if fresh else []),
    ]


def bridge_rows(answer: Verification) -> list[tuple[str, str]]:
    """From LangSmith's total to ours, a name and an amount each."""
    return [
        ("LangSmith's own total", money(answer.listed_cost)),
        ("LangSmith's costs in the ledger", money(answer.held_cost)),
        *((_STEPS[step.key], _signed(step)) for step in answer.steps if step.cost or step.key in _ALWAYS),
        ("llmcost's total", money(answer.total)),
    ]


def _signed(step: Step) -> str:
    amount = money(step.cost)
    return f"+{amount}" if step.cost > 0 and amount.startswith("$") else amount


def _distance(answer: Verification) -> str:
    is_cut = answer.cut_to_retention or answer.cut_to_ledger
    compared = f"from {_bounds(answer)}" if is_cut else when(answer.period)
    theirs = f"LangSmith's own total {compared} is {money(answer.listed_cost)}"
    if answer.drift == 0:
        return f"{theirs}, exactly what its costs in the ledger add up to."
    if answer.drift is None:
        return f"{theirs}, and the ledger holds no cost of LangSmith's from that time."
    more = "more" if answer.drift > 0 else "less"
    return f"{theirs}, {percent(answer.drift)} {more} than its costs in the ledger, {money(answer.held_cost)}."


def _bounds(answer: Verification) -> str:
    return f"{clock(answer.start)} to {clock(answer.end)}"


def _verdict(answer: Verification) -> str:
    if answer.verdict is Verdict.FINE or answer.cause is None:
        return "That is fine: it is within 5 %."
    apart = "far apart" if answer.verdict is Verdict.FAR else "more than 5 % apart"
    return f"That is {apart}. Likely cause: {_cause(answer, answer.cause)}"


def _cause(answer: Verification, cause: Cause) -> str:
    again = f"`llmcost sync --since {answer.start:%Y-%m-%d}` reads it again."
    runs = f"{count(answer.listed_runs)} LLM and embedding runs there, the ledger {count(answer.held_runs)}"
    if cause is Cause.PARENTS:
        return (
            "runs carry the cost of those below them too, and LangSmith's total counts it once. So does llmcost's: "
            "without what is counted twice the two agree."
        )
    if cause is Cause.GAPS:
        return f"the ledger does not know all of that time. {again}"
    if cause is Cause.MISSING:
        return f"runs that came after that time was read: LangSmith has {runs}. {again}"
    if cause is Cause.FORGOTTEN:
        return f"LangSmith has deleted runs that the ledger keeps: it has {runs}."
    if cause is Cause.IMPOSSIBLE:
        return (
            f"{plural(answer.impossible_runs, 'run')} with a cost that is no amount of money; the ledger leaves it out."
        )
    if cause is Cause.LATE:
        late = f"{plural(answer.pending_runs, 'run')} not ended" if answer.pending_runs else "no day of it settled"
        return f"costs that come late, with {late} when that time was read. Ask again tomorrow."
    return (
        f"other costs of the same runs: LangSmith has changed them, or counts a parent's with its children's. {again}"
    )
