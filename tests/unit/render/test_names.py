"""Names from traces act on nobody's terminal and turn nothing round, whatever stands in them."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.render.names import plain, spelt

MARK = "\N{LEFT-TO-RIGHT MARK}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("rag-search", "rag-search"),
        ("café 日本語 🚀", "café 日本語 🚀"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202etxt", "abc\\u202etxt"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("non\u00a0breaking", "non breaking"),
        ("\ud800", "\\ud800"),
        ("", ""),
        ("x" * 49, "x" * 47 + "…"),
        ("שלום", f"{MARK}שלום{MARK}"),
    ],
)
def test_what_cannot_be_seen_or_acts_is_spelt_out(name: str, shown: str) -> None:
    assert plain(name) == shown


def test_a_name_that_is_spelt_out_keeps_its_whole_length() -> None:
    assert spelt("\x1b" + "x" * 300) == "\\x1b" + "x" * 300


@settings(deadline=None)
@given(st.text(), st.integers(1, 60))
def test_a_name_is_one_short_line_in_which_nothing_acts(name: str, longest: int) -> None:
    shown = plain(name, longest)
    inner = shown.removeprefix(MARK).removesuffix(MARK)
    assert len(inner) <= longest
    assert not [one for one in inner if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp", "Zs"]), max_size=20))
def test_a_name_of_letters_is_shown_as_it_is(name: str) -> None:
    assert plain(name).strip(MARK) == name


@settings(deadline=None)
@given(st.text(st.sampled_from("אבג\u0627\u0628٣ab1"), min_size=1, max_size=10))
def test_writing_from_right_to_left_stays_within_its_marks(name: str) -> None:
    """Beside such a name the numbers of a row would be shown in one another's columns."""
    turned = any(unicodedata.bidirectional(one) in {"R", "AL", "AN"} for one in name)
    assert plain(name) == (f"{MARK}{name}{MARK}" if turned else name)
