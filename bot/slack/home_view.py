"""The home tab (pure): figures, what one can do, my features first, budgets, the last alerts.

Names from traces stand in rich text and plain text only, where nothing acts.
"""

from collections.abc import Collection, Iterable, Sequence

from bot.render.budgets import alert_headline
from bot.render.home import bar, budget_words, feature_words, figure, freshness, home_warnings, nothing_read
from bot.render.names import plain
from bot.render.numbers import clock
from bot.render.sentences import rule_words
from bot.reports.answers import Row, RuleSet
from bot.reports.budgets import BudgetState
from bot.reports.chart import Chart
from bot.reports.findings import Finding
from bot.reports.home import Home
from bot.slack.alert_message import Card, done_lines
from bot.slack.blocks import Block, context, cut, paragraph, plain_text, rich_text, weight
from bot.slack.charts import chart_block, chart_text

SET_BUDGET = "home_set_budget"
MAP_UNTAGGED = "home_map_untagged"
PREVIEW_DIGEST = "home_preview_digest"
UNDO_RULE = "rule_undo"

# As much as one looks at; the words of /llmcost show the rest.
FEATURES, BUDGETS, ALERTS, RULES, FINDINGS = 10, 12, 5, 5, 8
_LINE = 300
_PERIODS = ("Today", "Last 7 days", "Month to date")


def home_view(
    home: Home,
    mine: Collection[str],
    alerts: Sequence[Card],
    *,
    welcome: bool = False,
    missing: Sequence[Finding] = (),
    refused: Collection[str] = (),
) -> Block:
    """The view for somebody who owns the features `mine`. `missing` is what still lacks, for admins, and shown with the
    welcome; types of blocks that are `refused` are not used."""
    blocks = [
        *(_welcome(missing) if welcome else ()),
        *_figures(home),
        *_chart(home.chart, refused),
        _actions(),
        *_features(home, mine),
        *_budgets(home, mine),
        *_alerts(alerts),
        *_rules(home.rules),
        *_freshness(home),
    ]
    return {"type": "home", "blocks": blocks}


def _freshness(home: Home) -> Iterable[Block]:
    if said := freshness(home):
        yield {"type": "divider"}
        yield context(*said)


def home_note(first: str, *others: str) -> Block:
    """A home of a few sentences: why there is nothing else."""
    return {"type": "home", "blocks": [paragraph(first, *others)]}


def _welcome(missing: Sequence[Finding]) -> Iterable[Block]:
    yield _header("Welcome to llmcost")
    yield paragraph(
        "Ask in any channel: /llmcost week, or /llmcost help for everything that can be said.",
        "The same words work where you mention llmcost, and in its direct messages.",
        "What your features cost and how their budgets stand is always here.",
    )
    if missing:
        lines = [_text(f"\n{one.check}: {one.found} {one.todo}".rstrip()) for one in missing[:FINDINGS]]
        yield rich_text(_bold("Still missing (you see this as an admin; /llmcost doctor checks everything)"), *lines)
    yield {"type": "divider"}


def _figures(home: Home) -> Iterable[Block]:
    yield _header("What LLM calls cost")
    if nothing := nothing_read(home):
        yield paragraph(*nothing)
        return
    elements: list[Block] = []
    for name, report in zip(_PERIODS, (home.day, home.week, home.month), strict=True):
        cost, compared = figure(name, report)
        elements += [_bold(f"{chr(10) if elements else ''}{cost}"), _text(f"\n{compared}")]
    yield rich_text(*elements)
    if warned := home_warnings(home):
        yield context(*(f"\N{WARNING SIGN} {line}" for line in warned))


def _chart(chart: Chart | None, refused: Collection[str]) -> Iterable[Block]:
    if chart is not None:
        drawn = chart_block(chart)
        yield drawn if drawn["type"] not in refused else chart_text(chart)


def _actions() -> Block:
    return {
        "type": "actions",
        "elements": [
            _button("Set a budget", SET_BUDGET) | {"style": "primary"},
            _button("Map untagged spend", MAP_UNTAGGED),
            _button("Preview the digest", PREVIEW_DIGEST),
        ],
    }


def _features(home: Home, mine: Collection[str]) -> Iterable[Block]:
    own = [row for row in home.week.rows if row.key in mine]
    others = [row for row in home.week.rows if row.key not in mine]
    rest = "Other features" if own else "Features"
    for title, found in (("Your features", own), (rest, others)):
        if found:
            yield _header(f"{title}, last 7 days")
            yield rich_text(*(element for row in found[:FEATURES] for element in _feature(row, row is found[0])))
            if len(found) > FEATURES:
                yield context(f"{len(found) - FEATURES:,} more: /llmcost features")


def _feature(row: Row, is_first: bool) -> list[Block]:
    name = plain(row.key)
    return [_bold(f"{'' if is_first else chr(10)}{name if name.strip() else '-'}"), _text(f"  {feature_words(row)}")]


def _budgets(home: Home, mine: Collection[str]) -> Iterable[Block]:
    yield _header("Budgets")
    states = sorted(home.budgets.rows, key=lambda state: state.feature not in mine)
    if not states:
        yield paragraph("There is no budget yet: set one with the button above.")
        return
    yield rich_text(*(element for state in states[:BUDGETS] for element in _budget(state, state is states[0])))
    if len(states) > BUDGETS:
        yield context(f"{len(states) - BUDGETS:,} more: /llmcost budget")


def _budget(state: BudgetState, is_first: bool) -> list[Block]:
    spent, way = budget_words(state)
    return [
        _bold(f"{'' if is_first else chr(10)}{plain(state.feature)}"),
        _text(f" {spent}\n{bar(state.used)}  {way}"),
    ]


def _alerts(alerts: Sequence[Card]) -> Iterable[Block]:
    if not alerts:
        return
    yield _header("Last alerts")
    for card in alerts[:ALERTS]:
        at = card.facts.as_of
        when = [_text(f"\nAs of {clock(at)}.")] if at is not None else []
        done = [[_text("\n"), *what] for what in done_lines(card)] or [[_text("\nNobody has acknowledged it yet.")]]
        yield rich_text(_bold(alert_headline(card.facts.state)), *when, *(one for what in done for one in what))


def _rules(rules: Sequence[RuleSet]) -> Iterable[Block]:
    if not rules:
        return
    yield _header("Rules set in Slack")
    for one in rules[:RULES]:
        yield {
            "type": "section",
            "text": plain_text(cut(f"{rule_words(one)}, since {clock(one.at)}.", _LINE, weight)),
            "accessory": _button("Undo", UNDO_RULE, str(one.id)) | {"confirm": _sure(one)},
        }


def _sure(rule: RuleSet) -> Block:
    return {
        "title": plain_text("Undo this rule?"),
        "text": plain_text(
            cut(f"{rule_words(rule)}: without it these runs are untagged again, in the past too.", _LINE, weight)
        ),
        "confirm": plain_text("Undo"),
        "deny": plain_text("Keep"),
    }


def _header(text: str) -> Block:
    return {"type": "header", "text": plain_text(text)}


def _button(label: str, action: str, value: str = "") -> Block:
    return {"type": "button", "action_id": action, "text": plain_text(label)} | ({"value": value} if value else {})


def _bold(text: str) -> Block:
    return {"type": "text", "text": cut(text, _LINE, weight), "style": {"bold": True}}


def _text(text: str) -> Block:
    return {"type": "text", "text": cut(text, _LINE, weight)}
