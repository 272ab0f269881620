"""Which feature a run belongs to, and what a metadata value is taken for."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.feature import MAX_NAME, UNTAGGED, Attribution, Rule, clean_value
from tests.ledger_worlds import PATIENT

RULES = Attribution(
    keys=("feature", "team"),
    features=frozenset({"search", "drafts"}),
    aliases={"find": "search", "mail": "drafts"},
    rules=(
        Rule("nightly", name="nightly-*"),
        Rule("lab", project="lab-?", tag="exp[0-9]*"),
        Rule("everything in staging", project="staging"),
        Rule("nothing at all"),
        Rule("tagged", tag="Team *"),
    ),
)


def feature(
    keys: dict[str, str] | None = None,
    tags: tuple[str, ...] = (),
    root: dict[str, str] | None = None,
    *,
    project: str = "prod",
    name: str = "ChatOpenAI",
) -> str:
    return RULES.feature_of(keys or {}, tags, root or {}, project=project, name=name)


# Each line of a table is one more place that names a feature; what stands above wins over what stands below.
PRECEDENCE: list[tuple[dict[str, Any], str]] = [
    ({"keys": {"feature": "by key", "team": "by second key"}}, "by key"),
    ({"keys": {"team": "by second key"}}, "by second key"),
    ({"tags": ("x", "search", "feature:by-tag")}, "search"),
    ({"tags": ("x", "feature:by-tag")}, "by-tag"),
    ({"root": {"feature": "by root", "team": "by root's second key"}}, "by root"),
    ({"root": {"team": "by root's second key"}}, "by root's second key"),
    ({"name": "nightly-index", "project": "staging"}, "nightly"),
    ({"project": "staging"}, "everything in staging"),
    ({}, UNTAGGED),
]


@pytest.mark.parametrize("place", range(len(PRECEDENCE)))
def test_what_is_nearer_to_the_run_wins(place: int) -> None:
    told: dict[str, Any] = {}
    for more, _ in reversed(PRECEDENCE[place:]):
        told |= more
    assert feature(**told) == PRECEDENCE[place][1]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"keys": {"feature": "find"}}, "search"),
        ({"tags": ("mail",)}, "drafts"),
        ({"tags": ("feature:mail",)}, "drafts"),
        ({"tags": ("feature: mail ",)}, "drafts"),
        ({"root": {"team": "find"}}, "search"),
    ],
)
def test_an_old_name_is_folded_into_its_feature_wherever_it_stands(told: dict[str, Any], expected: str) -> None:
    assert feature(**told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"keys": {"feature": "untagged"}}, UNTAGGED),
        ({"keys": {"feature": "untagged", "team": "crew"}}, "crew"),
        ({"tags": ("untagged", "feature:untagged")}, UNTAGGED),
        ({"tags": ("feature:untagged", "feature:real")}, "real"),
        ({"keys": {"feature": "untagged"}, "root": {"feature": "by root"}}, "by root"),
        ({"root": {"feature": "untagged"}, "name": "nightly-index"}, "nightly"),
        ({"keys": {"feature": ""}, "tags": ("feature:", "feature:  ")}, UNTAGGED),
    ],
)
def test_the_name_untagged_and_the_empty_one_are_nobodys(told: dict[str, Any], expected: str) -> None:
    assert feature(**told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"name": "nightly-"}, "nightly"),
        ({"name": "Nightly-index"}, UNTAGGED),  # globs mind the case
        ({"name": "my nightly-index"}, UNTAGGED),  # and match the whole name
        ({"project": "lab-1", "tags": ("x", "exp7")}, "lab"),
        ({"project": "lab-1", "tags": ("x",)}, UNTAGGED),  # every given glob must match
        ({"project": "lab-1"}, UNTAGGED),
        ({"project": "lab-12", "tags": ("exp7",)}, UNTAGGED),
        ({"project": "prod", "tags": ("exp7",)}, UNTAGGED),
        ({"tags": ("Team Blue",)}, "tagged"),
        ({"tags": ("searching",)}, UNTAGGED),  # a tag names a feature whole or not at all
    ],
)
def test_rules_match_by_globs_and_the_first_one_wins(told: dict[str, Any], expected: str) -> None:
    assert feature(**told) == expected


@given(
    st.dictionaries(st.sampled_from(["feature", "team", "env"]), st.sampled_from(["", "untagged", "find", "a"])),
    st.lists(st.sampled_from(["x", "search", "mail", "untagged", "feature:", "feature:untagged", "feature:a"])),
)
@PATIENT
def test_the_root_is_needed_exactly_if_what_it_says_decides(keys: dict[str, str], tags: list[str]) -> None:
    with_root = RULES.feature_of(keys, tags, {"feature": "by root"}, project="prod", name="n")
    assert RULES.needs_root(keys, tags) is (with_root == "by root")


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("search", "search"),
        ("  search\t\n", "search"),
        ("two words", "two words"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (None, ""),
        ("", ""),
        (" \n", ""),
        ([], ""),
        (["search"], ""),
        ({"name": "search"}, ""),
        ("U\u0308ber", "Über"),
        ("e\0\u0301", "é"),
        ("a\0b", "ab"),
        ("\ud800x", "?x"),
        ("x" * 251, "x" * 250),
        ("x" * 249 + " y", "x" * 249),
        (" " * 300 + "x", "x"),
        ("😀" * 300, "😀" * 250),
    ],
)
def test_a_value_is_trimmed_composed_and_cut_and_what_is_no_plain_value_is_none(value: object, cleaned: str) -> None:
    assert clean_value(value) == cleaned


@given(st.text() | st.text(alphabet="e\u0301\0 \ud800x", max_size=600) | st.floats() | st.integers() | st.none())
@PATIENT
def test_a_cleaned_value_is_clean_fits_every_database_and_stays_as_it_is(value: object) -> None:
    cleaned = clean_value(value)
    assert cleaned == clean_value(cleaned) == cleaned.strip()
    assert len(cleaned) <= MAX_NAME
    assert unicodedata.is_normalized("NFC", cleaned)
    assert "\0" not in cleaned
    cleaned.encode()
