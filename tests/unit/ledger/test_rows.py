from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.costing import Reason
from bot.domain.run import Run, Source, State
from bot.domain.usage import Flag, Usage
from bot.ledger.booking import Booked
from bot.ledger.rows import COLUMNS, from_row, keys_from, keys_to, to_row, value_finder
from tests.ledger_worlds import PATIENT

ids = st.binary(min_size=16, max_size=16)
numbers = st.integers(-(2**63), 2**63 - 1)
words = st.text(max_size=5)
maybe = st.none() | words
flags = st.integers(0, 2 * max(Flag) - 1).map(Flag)
pairs: Any = st.lists(st.tuples(words, words), max_size=3).map(tuple)
runs = st.builds(
    Run,
    id=ids,
    trace_id=ids,
    project=numbers,
    ancestors=st.lists(ids, max_size=3).map(tuple),
    type=words,
    status=words,
    start=numbers,
    end=st.none() | numbers,
    name=words,
    tags=st.lists(words, max_size=3).map(tuple),
    keys=pairs,
    provider=maybe,
    model=maybe,
    context=maybe,
    usage=st.none() | st.builds(Usage, *[numbers] * len(Usage._fields)),
    raw_cost=st.none() | numbers,
    flags=flags,
    thread=maybe,
)  # fmt: skip - a column a line would hide that it is all of them
booked_runs = st.builds(
    Booked,
    run=runs,
    day=numbers,
    feature=words,
    state=st.sampled_from(State),
    cost=st.none() | numbers,
    source=st.none() | st.sampled_from(Source),
    reference=maybe,
    cost_flags=flags,
    input=numbers,
    output=numbers,
    reason=st.none() | st.sampled_from(Reason),
)  # fmt: skip - likewise


@given(booked_runs)
@PATIENT
def test_a_booked_run_comes_back_from_its_row_as_it_was(booked: Booked) -> None:
    row = to_row(booked)
    assert len(row) == len(COLUMNS)
    assert all(value is None or type(value) in {int, str, bytes} for value in row)
    again = from_row(row)
    assert again == booked
    assert repr(again) == repr(booked)  # the enumerations too, which equal their texts


tricky = st.lists(st.sampled_from(['"', "\\", "[", "]", ",", '["k","', "k", "user_id", "\n", "ü"]), max_size=6).map(
    "".join
)
names = st.sampled_from(["k", "user_id", 'a"b', "a\\", "é"])


@given(st.dictionaries(names, tricky.filter(bool), max_size=4), names)
@PATIENT
def test_one_key_is_found_in_a_rows_text_as_if_all_of_it_were_read(keys: dict[str, str], key: str) -> None:
    text = keys_to(tuple(sorted(keys.items())))
    assert value_finder(key)(text) == dict(keys_from(text)).get(key, "") == keys.get(key, "")
