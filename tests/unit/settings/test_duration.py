from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings.duration import duration, spelled
from bot.settings.explain import UnfitError

ANY = {"at_least": timedelta(seconds=1), "at_most": timedelta(days=400)}


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("60", timedelta(seconds=60)),
        ("60s", timedelta(seconds=60)),
        ("5m", timedelta(minutes=5)),
        ("6h", timedelta(hours=6)),
        ("14d", timedelta(days=14)),
        ("2w", timedelta(weeks=2)),
        ("14 D", timedelta(days=14)),
        ("007", timedelta(seconds=7)),
    ],
)
def test_a_number_and_a_unit_are_a_duration_and_seconds_need_no_unit(text: str, length: timedelta) -> None:
    assert duration(text, **ANY) == length


@pytest.mark.parametrize(
    "text", ["", "s", "-1", "1.5h", "1h30m", "5 min", "1y", "٣d", "1e3", "9999999999s", "1d\n", "PT5M"]
)
def test_anything_else_is_none_and_the_forms_are_named(text: str) -> None:
    with pytest.raises(UnfitError, match="is no duration; write it like 60s, 5m, 6h, 14d or 2w"):
        duration(text, **ANY)


@pytest.mark.parametrize("text", ["0", "0d", "401d", "999999999w"])
def test_the_bounds_are_named(text: str) -> None:
    with pytest.raises(UnfitError, match=f"'{text}' is not between 1s and 400d"):
        duration(text, **ANY)


@given(
    st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=400)).map(
        lambda t: timedelta(seconds=t // timedelta(seconds=1))
    )
)
def test_what_is_spelled_reads_back_the_same(length: timedelta) -> None:
    assert duration(spelled(length), **ANY) == length


@given(st.text())
def test_any_text_is_a_duration_within_the_bounds_or_unfit(text: str) -> None:
    try:
        length = duration(text, **ANY)
    except UnfitError:
        return
    assert ANY["at_least"] <= length <= ANY["at_most"]
