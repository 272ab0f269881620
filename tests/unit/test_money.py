from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import MAX_NANOS, dollars, from_json, from_words, nanos

amounts = st.integers(-MAX_NANOS, MAX_NANOS)
# Up to 90 digits, more than any context in use keeps.
decimals = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(-(10**18), 10**18), st.integers(0, 30)
)


@given(amounts)
def test_nano_dollars_become_dollars_and_come_back_unchanged(amount: int) -> None:
    assert nanos(dollars(amount)) == amount
    assert Fraction(dollars(amount)) == Fraction(amount, 10**9)


@given(decimals)
def test_dollars_are_rounded_half_even_once(given_dollars: Decimal) -> None:
    exact = round(Fraction(given_dollars) * 10**9)
    if abs(exact) <= MAX_NANOS:
        amount = nanos(given_dollars)
        assert amount == exact
        assert type(amount) is int


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.0000000005", 0),
        ("0.0000000015", 2),
        ("-0.0000000005", 0),
        ("0.000000000500000000000000000000000000000000000000000000000000000000000000000000001", 1),
        ("1.000000000500000000000000000000000000000000000000000000000000000000000000000000001", 1_000_000_001),
        ("1e-400", 0),
        ("2.5", 2_500_000_000),
        ("-0", 0),
    ],
)
def test_half_a_nano_dollar_goes_to_the_even_neighbour_however_long_the_number(text: str, amount: int) -> None:
    assert nanos(Decimal(text)) == amount


def test_the_callers_decimal_context_does_not_matter() -> None:
    with localcontext() as context:
        context.prec = 3
        assert nanos(Decimal("123456.789012345")) == 123_456_789_012_345
        assert dollars(123_456_789_012_345) == Decimal("123456.789012345")


def test_the_largest_amounts_fit_and_the_next_do_not() -> None:
    assert nanos(Decimal("9223372036.854775807")) == MAX_NANOS
    assert nanos(Decimal("-9223372036.854775807")) == -MAX_NANOS
    for text in ("9223372036.854775808", "-9223372036.854775808", "1e40", "1e60", "1e999999", "-1e999999"):
        with pytest.raises(ValueError, match="do not fit the ledger"):
            nanos(Decimal(text))


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount of money"):
        nanos(Decimal(text))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_its_shortest_text(number: float) -> None:
    assert from_json(number) == Decimal(repr(number))


@pytest.mark.parametrize(
    ("given_number", "expected"),
    [
        (0.1, Decimal("0.1")),
        (3, Decimal(3)),
        ("0.0000015", Decimal("0.0000015")),
        (" 1e-7 ", Decimal("1e-7")),
        (Decimal("0.30"), Decimal("0.30")),
    ],
)
def test_a_json_number_or_its_text_becomes_a_decimal(given_number: object, expected: Decimal) -> None:
    assert from_json(given_number) == expected


@pytest.mark.parametrize(
    "nothing", [None, True, False, "", "abc", "1,5", "1_0", "\u0661", "0x1", "NaN7", "1 0", [], {}, [1], object()]
)
def test_whatever_is_no_number_is_none(nothing: object) -> None:
    assert from_json(nothing) is None


def test_an_integer_of_more_digits_than_python_writes_out_is_none_not_an_error() -> None:
    assert from_json(10**5000) is None


@pytest.mark.parametrize("number", [float("inf"), float("nan"), "Infinity", "NaN"])
def test_a_number_that_is_not_finite_is_left_to_the_caller(number: object) -> None:
    found = from_json(number)
    assert found is not None
    assert not found.is_finite()


@pytest.mark.parametrize(
    ("text", "amount"),
    [("50", "50"), ("$50", "50"), ("1,200.50", "1200.50"), ("1,234,567", "1234567"), ("0.000000001", "0.000000001")],
)
def test_an_amount_is_read_as_people_write_it(text: str, amount: str) -> None:
    assert from_words(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text", ["", "$", "-5", "812,40", "1.234,56", "1,2", "12,3456", "1e3", "5.", ".5", "1_0", "\u0661", "NaN"]
)
def test_what_could_be_another_amount_is_none(text: str) -> None:
    assert from_words(text) is None
