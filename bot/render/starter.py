"""The `llmcost.toml` that `llmcost init` proposes, from what runs are called and what they cost.

What it is sure of is in force: the names of the features. The rest stands behind a `#` without a space, so that whoever
removes it has read it. Names come from traces: they are written as TOML strings, or made `plain` in comments.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from textwrap import wrap

from bot.domain.catalog import SPECIAL, TOTAL
from bot.domain.feature import MAX_NAME, clean_value
from bot.domain.money import NANOS_PER_DOLLAR
from bot.render.coverage import warnings
from bot.render.names import plain
from bot.render.numbers import count, money, part, plural, tokens
from bot.render.sentences import spent, when
from bot.reports.answers import Report, Row, UntaggedList, UntaggedRow
from bot.reports.parts import NONE

# Rules and prices that are proposed; nobody reads more of them, and the costliest come first.
MOST = 20

MONTH = timedelta(days=30)

# Whole US dollars that a person would choose, up to what a budget may be.
_AMOUNTS = (
    *(1, 2, 3, 4, 5, 6, 8),
    *(digits * 10**zeros for zeros in range(9) for digits in (10, 15, 20, 25, 30, 40, 50, 60, 80)),
)
_OWNER = '#owner = "somebody@example.com"'
_NO_NAME = "name-me"
_LINE = 117
_HOW = (
    "Lines that begin with # and no space are proposals: read them, correct them, and remove the # to put them in "
    "force. A proposed budget is the spend, scaled to 30 days, plus 25 %, rounded up. It needs an owner, or nobody "
    "hears of it: an email address, a member id (U...) or a group id (S...). llmcost.example.toml in the repository "
    "shows every key."
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, all over one period: reports by feature, by model and by provider, and the untagged runs.

    `seen` is for how long there have been runs: at least a day.
    """

    features: Report
    models: Report
    providers: Report
    untagged: UntaggedList
    seen: timedelta


@dataclass(frozen=True, slots=True)
class _Feature:
    """A feature and the rows that are spelt almost like it, which are probably the same one."""

    row: Row
    alike: tuple[Row, ...]


def starter(findings: Findings) -> str:
    """The file's text: valid TOML that is accepted as it is, and with any of its proposals in force.

    It names each feature that was found, but those that are proposed as aliases of a costlier one, and `total`, which
    means all runs together.
    """
    features = _features(findings.features.rows)
    blocks = [
        _head(findings.features),
        *(_feature(feature, findings.seen) for feature in features),
        *_total(findings),
        *_rules(findings.untagged, features),
        *_prices(findings.models.rows, findings.providers.rows),
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def monthly_budget(spend: Decimal, seen: timedelta) -> int | None:
    """What to propose to who spent `spend` (US dollars) within `seen`: the same for 30 days plus a quarter, rounded up
    to whole dollars that a person would choose. None where nothing was spent, or more than a budget can be."""
    spent_nanos = int(spend * NANOS_PER_DOLLAR)
    if spent_nanos <= 0:
        return None
    tick = timedelta(microseconds=1)
    wanted = spent_nanos * (MONTH // tick) * 5
    return next((one for one in _AMOUNTS if one * NANOS_PER_DOLLAR * (seen // tick) * 4 >= wanted), None)


def _features(rows: Iterable[Row]) -> list[_Feature]:
    """The costliest spelling of each name leads; spellings differ in case, hyphens, underscores and spaces alone."""
    spellings: dict[str, list[Row]] = {}
    for row in rows:
        if row.key not in SPECIAL:
            spellings.setdefault(_spelling(row.key), []).append(row)
    return [_Feature(first, tuple(alike)) for first, *alike in spellings.values()]


def _spelling(name: str) -> str:
    return re.sub(r"[-_\s]", "", name.casefold()) or name


def _head(report: Report) -> list[str]:
    found = (
        f"What `llmcost init` found: {plural(report.total.runs, 'run')}, {spent(report.total)}, {when(report.period)}."
    )
    lines = [found, *warnings(report.period, report.coverage)]
    return [*_comment(*lines), "#", *_comment(_HOW)]


def _feature(feature: _Feature, seen: timedelta) -> list[str]:
    lines = [f"[features.{_key(feature.row.key)}]", f"# {_spend(feature.row)}"]
    if feature.alike:
        lines += [f"# Probably the same: {plain(row.key)}, {_spend(row)}" for row in feature.alike]
        lines.append(f"#aliases = [{', '.join(_quoted(row.key) for row in feature.alike)}]")
    together = sum((row.sum.cost for row in feature.alike), feature.row.sum.cost)
    return lines + _budget(together, seen)


def _spend(row: Row) -> str:
    share = f" ({part(row.share)})" if row.share is not None else ""
    unpriced = f", {count(row.sum.unpriced_runs)} of them unpriced" if row.sum.unpriced_runs else ""
    return f"{money(row.sum.cost)}{share} in {plural(row.sum.runs, 'run')}{unpriced}"


def _budget(spend: Decimal, seen: timedelta) -> list[str]:
    amount = monthly_budget(spend, seen)
    return [] if amount is None else [_OWNER, f"#budget = {{ monthly = {amount:_} }}"]


def _total(findings: Findings) -> Iterator[list[str]]:
    for row in findings.features.rows:
        if row.key == TOTAL:
            yield _comment(
                f"Runs call their feature {TOTAL}: {_spend(row)}.",
                "Here that means all runs together, so it can have no table of its own. Trace it under another name.",
            )
    if budget := _budget(findings.features.total.cost, findings.seen):
        yield ["# All runs together.", f"#[features.{TOTAL}]", *budget]


def _rules(untagged: UntaggedList, features: Iterable[_Feature]) -> Iterator[list[str]]:
    # A rule without a name's glob would claim the whole project.
    rows = [row for row in untagged.rows if row.name != NONE]
    if not rows:
        return
    yield _comment(
        f"Runs of no feature: {plural(untagged.total.runs, 'run')}, {spent(untagged.total)}.",
        "Best name the feature where they are traced. A rule claims them, too: give it the right feature.",
        *_left_out(rows, "run name", "`llmcost report untagged` lists them"),
    )
    names = {_spelling(feature.row.key): feature.row.key for feature in features}
    for row in rows[:MOST]:
        yield _rule(row, names)


def _rule(row: UntaggedRow, features: dict[str, str]) -> list[str]:
    name = clean_value(row.name)
    feature = features.get(_spelling(name), name)
    return [
        f"# {spent(row.sum)} in {plural(row.sum.runs, 'run')}",
        "#[[rules]]",
        f"#feature = {_quoted(_NO_NAME if feature in SPECIAL else feature)}",
        f"#project = {_quoted(_glob(row.project))}",
        f"#name = {_quoted(_glob(row.name))}",
    ]


def _prices(models: Iterable[Row], providers: Iterable[Row]) -> Iterator[list[str]]:
    unpriced = [row for row in models if row.sum.unpriced_runs and row.key != NONE]
    if not unpriced:
        return
    unpriced.sort(key=lambda row: -row.sum.unpriced_runs)
    yield _comment(
        "Models whose price nobody knows; their runs are in no total. One that is free stays as proposed; for any "
        "other write your price instead of free, in US dollars per million tokens: input = 0.80 and output = 3.20.",
        *_left_out(unpriced, "model", "`llmcost report week by model` lists them"),
    )
    # The reports do not say which model is whose, unless there is only one whose it can be.
    candidates = [row.key for row in providers if row.sum.unpriced_runs]
    provider = candidates[0] if len(candidates) == 1 and candidates[0] != NONE else None
    for row in unpriced[:MOST]:
        yield _price(row, provider)


def _price(row: Row, provider: str | None) -> list[str]:
    used = f"{tokens(row.sum.input_tokens)} tokens in, {tokens(row.sum.output_tokens)} out"
    return [
        f"# {plural(row.sum.unpriced_runs, 'unpriced run')} of {count(row.sum.runs)}; {used} in all",
        "#[[prices]]",
        *([] if provider is None else [f"#provider = {_quoted(_glob(provider))}"]),
        f"#model = {_quoted(_glob(row.key))}",
        "#free = true",
    ]


def _left_out(rows: Sequence[object], noun: str, where: str) -> list[str]:
    more = len(rows) - MOST
    return [f"{plural(more, noun)} more left out: {where}."] if more > 0 else []


def _comment(*lines: str) -> list[str]:
    return [f"# {line}" for text in lines for line in wrap(text, _LINE, break_on_hyphens=False)]


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """A TOML string. Whatever cannot be seen is written as its number."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _glob(name: str) -> str:
    """A glob that fits `name`, and nothing else where the file can say so: texts there are clean and not too long."""
    exact = clean_value(name) == name
    pieces = [
        f"[{character}]" if character in "*?[" else character if exact or "!" <= character <= "~" else "?"
        for character in name
    ]
    if sum(map(len, pieces)) <= MAX_NAME:
        return "".join(pieces) or "*"
    kept = ""
    for piece in pieces:
        if len(kept) + len(piece) >= MAX_NAME:
            break
        kept += piece
    return kept + "*"
