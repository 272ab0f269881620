"""What `audit` says: whose prices are in a total, and which costs look wrong."""

from bot.render.coverage import basis, warnings
from bot.render.names import plain
from bot.render.numbers import count, money, plural, tokens
from bot.render.sentences import known, spent, when
from bot.reports.audited import FREE, Audit, Finding, SourceRow
from bot.reports.suspects import Fault

UNKNOWN, UNKNOWN_COST = "\N{EM DASH}", "unknown"

_SOURCES = {
    "langsmith": "LangSmith",
    "override": "own price",
    "estimate": "estimate",
    FREE: "free",
    "unpriced": "unpriced",
    "no_usage": "no token counts",
    "failed": "failed, no tokens",
    "pending": "not ended",
}
_FAULTS = {
    Fault.NEGATIVE_COST: "a negative cost",
    Fault.ZERO_COST: "a cost of $0 beside tokens",
    Fault.NESTED: "a cost above runs that have one too",
    Fault.CACHE_OUTSIDE_INPUT: "cached tokens outside the input",
    Fault.CACHE_WRITE_TWICE: "cache writes charged twice",
    Fault.CACHE_AT_FULL_PRICE: "cached tokens at the full price",
    Fault.CACHE_ADDED: "cached tokens charged on top of the input",
    Fault.CHARGED_TWICE: "twice the list price",
    Fault.LONG_CONTEXT: "a long input at the price of a short one",
    Fault.SERVICE: "a batch or service tier at the standard price",
    Fault.FAR_FROM_LIST: "a price more than 20 % from the list",
    Fault.PREFIX: "a provider before the model's name, and no cost from LangSmith",
    Fault.IMPOSSIBLE_USAGE: "token counts that cannot be",
    Fault.IMPOSSIBLE_COST: "a cost that is no amount of money",
    Fault.SAMPLED: "sampling: LangSmith was sent only a part of such runs",
}


def audited_sentences(answer: Audit) -> list[str]:
    """What it cost, how much of it looks wrong, and what a reader must know before believing it."""
    who = plain(answer.feature) if answer.feature is not None else "All features together"
    lines = [f"{who} cost {spent(answer.total)} {when(answer.period)}."]
    if answer.findings:
        lines.append(f"What looks wrong is below the table: {plural(len(answer.findings), 'kind')}.")
    else:
        lines.append("No cost looks wrong.")
    return [*lines, *warnings(answer.period, answer.coverage)]


def audited_rows(answer: Audit) -> list[list[str]]:
    """Who says what it cost: name, reference, runs, tokens, cost."""
    return [
        [
            _SOURCES[row.key],
            _reference(row),
            count(row.runs),
            _tokens(row.input_tokens),
            _tokens(row.output_tokens),
            UNKNOWN_COST if row.cost is None else money(row.cost),
        ]
        for row in answer.rows
    ]


def audited_details(answer: Audit) -> list[str]:
    """A line for each kind of what looks wrong, with the repriced figure beside the booked one."""
    return [f"\N{BULLET} {_finding(one)}" for one in answer.findings]


def audited_links(answer: Audit) -> list[tuple[str, str]]:
    """For each kind the trace of the run that is furthest off."""
    return [(f"{_FAULTS[one.fault]}, the largest", one.link) for one in answer.findings if one.link is not None]


def audited_basis(answer: Audit) -> list[str]:
    """How many runs were looked at, and what the numbers rest on."""
    return [f"Looked at {plural(answer.looked_at, 'run')} one by one", *basis(answer.period, answer.coverage)]


def _reference(row: SourceRow) -> str:
    return f"{count(row.others)} more" if row.others else plain(row.reference or "")


def _tokens(number: int | None) -> str:
    return UNKNOWN if number is None else tokens(number)


def _finding(one: Finding) -> str:
    said = f"LangSmith says {money(one.langsmith_cost)}, " if one.langsmith_cost is not None else ""
    booked = f"{'booked' if said else 'Booked'} {known(one.cost, one.unpriced_runs)}"
    if one.repriced is None:
        listed = "no price to compare with"
    else:
        without = f" ({plural(one.priceless, 'run')} without a price)" if one.priceless else ""
        listed = f"repriced {money(one.repriced)}{without}"
    where = "" if one.link is not None else f"; trace {one.trace}"
    return f"{plural(one.runs, 'run')}: {_FAULTS[one.fault]}. {said}{booked}, {listed}{where}."
