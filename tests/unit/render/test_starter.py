"""The proposed llmcost.toml: valid and honest whatever names come from traces."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.budget import Window
from bot.domain.catalog import SPECIAL
from bot.domain.feature import clean_value
from bot.domain.money import MAX_NANOS, dollars
from bot.pricing.override import Override
from bot.render.starter import MONTH, MOST, Findings, monthly_budget, starter
from bot.reports.answers import Coverage, Gap, Report, Row, Sum, TimeFrame, UntaggedList, UntaggedRow
from bot.reports.parts import NONE
from bot.settings import Config
from bot.settings.catalog_file import read_config

UTC = ZoneInfo("UTC")
START, END = datetime(2026, 11, 15, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
PERIOD = TimeFrame("since 2026-11-15", START, END, START.date(), date(2026, 11, 22), "UTC")
COVERAGE = Coverage(
    as_of=END,
    age=timedelta(0),
    settled_through=None,
    ledger_start=START,
    starts_before_ledger=False,
    gaps=(),
    langsmith_cost=Decimal(0),
    estimated_cost=Decimal(0),
    override_cost=Decimal(0),
    unpriced_runs=0,
    no_usage_runs=0,
    failed_runs=0,
    pending_runs=0,
    unfinished_runs=0,
    untagged_runs=0,
    untagged_cost=Decimal(0),
    untagged_unpriced_runs=0,
    sampled=False,
)

HOSTILE = (
    "total",
    "Total",
    "untagged",
    "Untagged",
    '"',
    '"""',
    "'''",
    "\\",
    '\\"',
    "a\nb",
    "a\r\n[features.evil]\r\n#",
    'x"]\n[[rules]]\nfeature = "evil',
    'a\n"B"',
    'A"b"',
    "# comment",
    "]",
    "[features.evil]",
    "a.b",
    "a = 1",
    "\x00\x07\x1b[2J\x7f\x85",
    "\u2028\u2029\u202e\u200b\ufeff",
    "\U000e0041\U0010ffff\ud800",
    "שלום",
    "e\u0301\u0338",
    " \t padded\u3000",
    "*",
    "?[!a]*",
    "[",
    "---",
    "___",
    "rag-search",
    "RAG_search",
    "rag search",
    "x" * 250,
    "*" * 250,
    "\u00e9*" * 125,
    "-" * 250,
    "(none)",
)
RAW = st.sampled_from(HOSTILE) | st.text(max_size=12) | st.text('aA-_ "\\#]\n*?[', min_size=1, max_size=6)
NAMES = RAW.map(clean_value).filter(bool)  # as the ledger keeps them
COSTS = st.integers(0, 10**9).map(dollars) | st.integers(0, 2**63 - 1).map(dollars)
SEEN = st.timedeltas(timedelta(days=1), timedelta(days=401))


def total(cost: str | Decimal = "0", runs: int = 1, unpriced: int = 0) -> Sum:
    return Sum(Decimal(cost), runs, runs, 1_000, 100, unpriced)


def row(name: str, cost: str | Decimal = "0", runs: int = 1, unpriced: int = 0) -> Row:
    return Row(name, total(cost, runs, unpriced), None)


def report(by: str, rows: Sequence[Row] = (), whole: Sum | None = None, coverage: Coverage = COVERAGE) -> Report:
    return Report(PERIOD, None, by, whole or total(), None, tuple(rows), None, coverage)


def findings(
    features: Sequence[Row] = (),
    *,
    untagged: Sequence[tuple[str, str, Sum]] = (),
    models: Sequence[Row] = (),
    providers: Sequence[Row] = (),
    whole: Sum | None = None,
    seen: timedelta = MONTH,
    coverage: Coverage = COVERAGE,
) -> Findings:
    rows = tuple(UntaggedRow(*one) for one in untagged)
    return Findings(
        report("feature", features, whole, coverage),
        report("model", models),
        report("provider", providers),
        UntaggedList(PERIOD, total(), None, rows, None, COVERAGE),
        seen,
    )


SUMS = st.builds(total, COSTS, st.just(5), st.integers(0, 5))
ROWS = st.lists(st.builds(Row, NAMES, SUMS, st.none()), max_size=6, unique_by=lambda one: one.key)
ANY_FINDINGS = st.builds(
    findings,
    ROWS,
    untagged=st.lists(st.tuples(RAW, NAMES, SUMS), max_size=4),
    models=ROWS,
    providers=ROWS,
    whole=SUMS,
    seen=SEEN,
)


def read(content: str) -> Config:
    return read_config(content.encode().decode(), "llmcost.toml", ())


def proposed(content: str) -> str:
    """The text with every proposal put in force, as somebody would do it."""
    return re.sub(r"(?m)^#(?=[^\s])", "", content)


def tables(content: str) -> set[str]:
    return set(read(content).catalog.features)


# --- Whatever the names are


@given(ANY_FINDINGS)
def test_the_file_is_accepted_as_written_and_names_exactly_what_was_found(found: Findings) -> None:
    """Every feature has a table, or is proposed as an alias of one; `total` and `untagged` are no features."""
    content = starter(found)
    config, all_in_force = read(content), read(proposed(content))
    aliases = {alias for feature in all_in_force.catalog.features.values() for alias in feature.aliases}
    named = {row.key for row in found.features.rows} - SPECIAL
    assert set(config.catalog.features) == named - aliases
    assert aliases <= named
    assert not config.catalog.rules
    assert not config.overrides
    assert all(not feature.budgets and not feature.owners for feature in config.catalog.features.values())


@given(ANY_FINDINGS, st.data())
def test_any_proposals_are_accepted_alone_and_together(found: Findings, data: st.DataObject) -> None:
    """A block between empty lines is one proposal, but below a feature each line is one."""
    content = starter(found)
    everything = read(proposed(content))
    assert len(everything.catalog.rules) == sum(one.name != NONE for one in found.untagged.rows)
    assert len(everything.overrides) == sum(
        bool(one.sum.unpriced_runs) and one.key != NONE for one in found.models.rows
    )
    blocks = content.split("\n\n")
    chosen = data.draw(st.lists(st.booleans(), min_size=len(blocks), max_size=len(blocks)))
    read("\n\n".join(proposed(block) if one else block for block, one in zip(blocks, chosen, strict=True)))
    lines = content.split("\n")
    below_feature = [i for i, line in enumerate(lines) if re.match("#(aliases|owner|budget) ", line)]
    if below_feature:
        i = data.draw(st.sampled_from(below_feature))
        heading = next(line for line in reversed(lines[:i]) if re.match(r"#?\[", line)).removeprefix("#")
        read(f"{heading}\n{lines[i][1:]}\n")


@given(ANY_FINDINGS)
def test_nothing_in_the_file_moves_a_cursor_or_hides(found: Findings) -> None:
    """Only what can be seen is in it; a name from right to left stands between marks in comments."""
    content = starter(found).replace("\n", "").replace("\N{LEFT-TO-RIGHT MARK}", "")
    assert all(character.isprintable() for character in content)


@given(st.lists(st.tuples(RAW, NAMES.filter(lambda name: name != NONE)), min_size=1, max_size=5), NAMES)
def test_a_proposed_rule_fits_the_runs_that_it_was_made_of(names: list[tuple[str, str]], feature: str) -> None:
    content = starter(findings([row(feature)], untagged=[(project, name, total()) for project, name in names]))
    rules = read(proposed(content)).catalog.rules
    for (project, name), rule in zip(names, rules, strict=True):
        assert rule.matches(project, name, ())


@pytest.mark.parametrize("length", range(244, 256))
def test_a_name_that_fills_a_glob_or_more_is_still_fitted(length: int) -> None:
    """A text of the file ends after 250 characters, and a glob that is cut off there fits nothing."""
    project, name = "p" * length, clean_value("n" * length + "*")
    (rule,) = read(proposed(starter(findings(untagged=[(project, name, total())])))).catalog.rules
    assert rule.matches(project, name, ())


@given(NAMES.filter(lambda name: len(name) < 80), NAMES)
def test_a_proposed_rule_fits_no_other_name(name: str, other: str) -> None:
    """Also not where the name holds a glob's special characters."""
    content = starter(findings(untagged=[(name, name, total())]))
    for rule in read(proposed(content)).catalog.rules:
        assert rule.matches(name, other, ()) == rule.matches(other, name, ()) == (name == other)


@given(NAMES.filter(lambda name: name != NONE), NAMES.filter(lambda name: name != NONE))
def test_a_proposed_price_fits_the_runs_that_it_was_made_of(model: str, provider: str) -> None:
    content = starter(findings(models=[row(model, unpriced=1)], providers=[row(provider, unpriced=1)]))
    (price,) = read(proposed(content)).overrides
    assert price.free
    assert price.fits(provider, model)


# --- Features


def test_a_feature_has_its_spend_and_a_budget_that_is_not_in_force() -> None:
    spender = Row("rag-search", total("40", 1204), Decimal("0.4"))
    content = starter(findings([spender], seen=timedelta(days=8)))
    assert '\n[features.rag-search]\n# $40.00 (40 %) in 1,204 runs\n#owner = "' in content
    feature = read(proposed(content)).catalog.features["rag-search"]
    assert [(budget.window, budget.limit_nanos) for budget in feature.budgets] == [(Window.MONTHLY, 200 * 10**9)]
    assert feature.owners


def test_features_stand_in_the_order_of_the_report() -> None:
    content = starter(findings([row("b", "2"), row("c", "1"), row("a")]))
    assert list(tomllib.loads(content)["features"]) == ["b", "c", "a"]


def test_a_feature_that_cost_nothing_is_named_without_a_budget() -> None:
    content = starter(findings([row("idle", "0", 3, unpriced=2)]))
    assert content.endswith("[features.idle]\n# $0.00 in 3 runs, 2 of them unpriced\n")


def test_names_that_are_spelt_alike_are_aliases_of_the_costliest() -> None:
    """The proposed budget is for all of them."""
    rows = [row("rag-search", "8"), row("RAG_Search", "7", 40), row("chat", "5"), row("rag search", "1")]
    content = starter(findings(rows))
    assert tables(content) == {"rag-search", "chat"}
    assert "\n# Probably the same: RAG_Search, $7.00 in 40 runs\n" in content
    features = read(proposed(content)).catalog.features
    assert features["rag-search"].aliases == ("RAG_Search", "rag search")
    assert [budget.limit_nanos for budget in features["rag-search"].budgets] == [20 * 10**9]
    assert features["chat"].aliases == ()


def test_a_name_cannot_break_out_of_the_comment_that_it_stands_in() -> None:
    rows = [row("x[features.evil]", "2"), row("x\n[features.evil]\n", "1")]
    content = starter(findings(rows))
    assert tables(content) == {"x[features.evil]"}
    assert read(proposed(content)).catalog.features["x[features.evil]"].aliases == ("x\n[features.evil]",)


def test_spellings_that_together_cost_more_than_a_ledger_holds_get_no_budget() -> None:
    most = dollars(MAX_NANOS)
    content = starter(findings([row("chat", most), row("Chat", most)]))
    assert content.endswith('\n#aliases = ["Chat"]\n')


def test_names_of_nothing_but_hyphens_are_not_alike() -> None:
    assert tables(starter(findings([row("-"), row("--"), row("_")]))) == {"-", "--", "_"}


def test_a_feature_called_total_is_no_table_but_a_comment() -> None:
    """Its table would be the budget of all runs together."""
    content = starter(findings([row("total", "3", 12), row("untagged", "2")]))
    assert tables(content) == set()
    assert "# Runs call their feature total: $3.00 in 12 runs.\n" in content


def test_a_budget_is_proposed_for_all_runs_together() -> None:
    content = starter(findings([row("chat", "4"), row("untagged", "4")], whole=total("8")))
    assert "total" not in tables(content)
    (budget,) = read(proposed(content)).catalog.features["total"].budgets
    assert (budget.window, budget.limit_nanos) == (Window.MONTHLY, 10 * 10**9)


# --- Rules and prices


def test_an_untagged_run_name_is_a_rule_with_what_it_cost() -> None:
    content = starter(findings(untagged=[("prod", "nightly_eval", total("18", 177, unpriced=2))]))
    assert "\n# $18.00 plus 2 unpriced runs in 177 runs\n#[[rules]]\n" in content
    (rule,) = read(proposed(content)).catalog.rules
    assert (rule.feature, rule.project, rule.name, rule.tag) == ("nightly_eval", "prod", "nightly_eval", None)


@pytest.mark.parametrize(
    ("name", "feature"),
    [("Rag_Search", "rag-search"), ("other", "other"), ("total", "name-me"), ("untagged", "name-me")],
)
def test_a_rule_leads_to_the_feature_of_that_spelling_and_never_to_a_word_of_ours(name: str, feature: str) -> None:
    content = starter(findings([row("rag-search", "2"), row("RAG-SEARCH")], untagged=[("p", name, total())]))
    assert read(proposed(content)).catalog.rules[0].feature == feature


def test_runs_without_a_name_make_no_rule() -> None:
    assert "[[rules]]" not in starter(findings(untagged=[("prod", NONE, total())]))


def test_only_models_with_unpriced_runs_are_proposed_and_the_most_unpriced_first() -> None:
    models = [
        row("fine", "9", 9),
        row("few", "1", 9, unpriced=2),
        row(NONE, "0", 9, unpriced=9),
        row("many", "0", 9, 9),
    ]
    content = starter(findings(models=models, providers=[row("vllm", "1", 30, unpriced=20), row("openai", "9")]))
    free = [Override(provider="vllm", model=model, free=True) for model in ("many", "few")]
    assert list(read(proposed(content)).overrides) == free
    assert "# 9 unpriced runs of 9; 1.00k tokens in, 100 out in all\n#[[prices]]\n" in content


@pytest.mark.parametrize("providers", [("vllm", "ollama"), (NONE,), ("vllm", NONE)])
def test_a_provider_is_named_only_if_no_other_can_be_meant(providers: Sequence[str]) -> None:
    rows = [row(provider, unpriced=1) for provider in providers]
    content = starter(findings(models=[row("acme", unpriced=1)], providers=rows))
    assert read(proposed(content)).overrides == (Override(model="acme", free=True),)


def test_what_is_too_much_is_left_out_with_a_note() -> None:
    many = [f"name-{number}" for number in range(MOST + 3)]
    content = starter(
        findings(untagged=[("p", name, total()) for name in many], models=[row(name, unpriced=1) for name in many])
    )
    config = read(proposed(content))
    assert [rule.name for rule in config.catalog.rules] == [price.model for price in config.overrides] == many[:MOST]
    assert "# 3 run names more left out" in content
    assert "# 3 models more left out" in content
    assert "left out" not in starter(findings(untagged=[("p", name, total()) for name in many[:MOST]]))


# --- What it rests on


def test_the_file_begins_with_what_it_was_made_of() -> None:
    content = starter(findings(whole=total("1234.5", 7204, unpriced=3)))
    expected = "# What `llmcost init` found: 7,204 runs, $1,234 plus 3 unpriced runs, over 15\N{EN DASH}22 Nov 2026.\n"
    assert content.startswith(expected)


def test_the_file_says_what_is_not_known() -> None:
    coverage = replace(COVERAGE, gaps=(Gap(START, START + timedelta(days=2), "prod"),))
    assert "# Not all is known of 15\N{EN DASH}16 Nov 2026 in prod: " in starter(findings(coverage=coverage))


def test_explanations_are_never_wider_than_a_line() -> None:
    coverage = replace(COVERAGE, gaps=tuple(Gap(START, START + timedelta(hours=n), "p" * 48) for n in range(1, 4)))
    content = starter(findings(untagged=[("p", "n", total())], models=[row("m", unpriced=1)], coverage=coverage))
    assert max(len(line) for line in content.splitlines()) < 120


# --- The proposed budget


@pytest.mark.parametrize(
    ("spend", "days", "budget"),
    [
        ("0.000000001", 30, 1),
        ("0.8", 30, 1),
        ("0.800000001", 30, 2),
        ("4", 30, 5),
        ("5.7", 30, 8),
        ("10", 30, 15),
        ("18.08", 7, 100),
        ("80", 30, 100),
        ("80.000000001", 30, 150),
        ("1000", 30, 1500),
        ("6400000000", 30, 8_000_000_000),
    ],
)
def test_a_proposed_budget_is_a_month_of_spend_plus_a_quarter_rounded_up(spend: str, days: int, budget: int) -> None:
    assert monthly_budget(Decimal(spend), timedelta(days=days)) == budget


@pytest.mark.parametrize("spend", ["0", "-1", "6400000000.000000001"])
def test_no_budget_is_proposed_where_nothing_was_spent_or_more_than_a_budget_can_be(spend: str) -> None:
    assert monthly_budget(Decimal(spend), MONTH) is None


@given(st.integers(1, 10**15).map(dollars), SEEN)
def test_a_proposed_budget_covers_a_month_plus_a_quarter_and_at_most_twice_that(
    spend: Decimal, seen: timedelta
) -> None:
    """And a dollar, which is the least."""
    budget = monthly_budget(spend, seen)
    assert budget is not None
    wanted = spend * 5 / 4 * (MONTH // timedelta(microseconds=1)) / (seen // timedelta(microseconds=1))
    assert wanted - Decimal("1e-9") <= budget < wanted * Decimal("1.51") + 1


@given(st.integers(0, 10**15).map(dollars), st.integers(0, 10**15).map(dollars), SEEN)
def test_who_spends_more_is_never_proposed_less(one: Decimal, other: Decimal, seen: timedelta) -> None:
    less, more = sorted((one, other))
    assert (monthly_budget(less, seen) or 0) <= (monthly_budget(more, seen) or 0)
