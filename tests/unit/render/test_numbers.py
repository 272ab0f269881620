"""How numbers look: the order of amounts is kept, nothing turns into zero, and no unit is ever full."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.render.numbers import (
    ago,
    clock,
    count,
    day,
    days,
    exact,
    money,
    part,
    percent,
    plural,
    tokens,
    unit_cost,
    weekday,
)

AMOUNTS = st.one_of(
    st.integers(0, 2_000_000_000),
    st.integers(0, 2**63 - 1),
    # Around the amounts at which the form changes.
    st.builds(
        lambda edge, off: max(0, edge + off),
        st.sampled_from([100_000, 100_000_000, 10**9, 999_995_000_000, 10**12]),
        st.integers(-10_000_000, 10_000_000),
    ),
).map(lambda nanos: Decimal(nanos).scaleb(-9))
FACTORS = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9}


def dollars(text: str) -> Decimal:
    """What a reader takes an amount for; a little less for `<`."""
    assert re.fullmatch(r"-?(>-)?<?\$(0\.0\d{3}|\d{1,3}\.\d\d|\d{1,3}(,\d{3})+)", text), text
    amount = Decimal(re.sub("[$,<>-]", "", text))
    return (amount / 2 if text[0] in "<>" else amount) * (-1 if "-" in text else 1)


def number_of(text: str) -> Decimal:
    digits, unit = re.fullmatch(r"([\d.,]+)([kMB]?)", text).groups()  # type: ignore[union-attr] # else the test fails
    return Decimal(digits.replace(",", "")) * FACTORS[unit]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("0.000000001", "<$0.0001"),
        ("0.000099999", "<$0.0001"),
        ("0.0001", "$0.0001"),
        ("0.0042", "$0.0042"),
        ("0.09994", "$0.0999"),
        ("0.09996", "$0.10"),
        ("0.1", "$0.10"),
        ("12.3", "$12.30"),
        ("999.994", "$999.99"),
        ("999.996", "$1,000"),
        ("1204.4", "$1,204"),
        ("9223372036.854775807", "$9,223,372,037"),
        ("-0.00001", ">-$0.0001"),
        ("-12.3", "-$12.30"),
    ],
)
def test_money_has_the_places_that_matter(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


@settings(deadline=None)
@given(AMOUNTS, AMOUNTS)
def test_money_never_turns_the_order_round_and_only_nothing_is_zero(one: Decimal, other: Decimal) -> None:
    less, more = sorted((one, other))
    assert dollars(money(less)) <= dollars(money(more))
    assert (money(one) == "$0.00") == (one == 0)
    assert dollars(money(-one)) == -dollars(money(one))
    assert abs(dollars(money(one)) - one) <= max(Decimal("0.0001"), one / 20)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("0.000000001", "$0.0000000010"),
        ("0.000012", "$0.000012"),
        ("0.00005", "$0.000050"),
        ("0.000344", "$0.00034"),
        ("0.0009949", "$0.00099"),
        ("0.000995", "$0.0010"),
        ("0.0042", "$0.0042"),
        ("0.2853", "$0.29"),
        ("12345.6", "$12,346"),
    ],
)
def test_a_unit_cost_shows_two_digits_however_little_it_is(amount: str, text: str) -> None:
    assert unit_cost(Decimal(amount)) == text


@settings(deadline=None)
@given(AMOUNTS, AMOUNTS, st.integers(1, 10**9))
def test_a_unit_cost_never_turns_the_order_round_and_only_nothing_is_zero(one: Decimal, other: Decimal, n: int) -> None:
    def read(amount: Decimal) -> Decimal:
        return Decimal(re.sub("[$,]", "", unit_cost(amount)))

    less, more = sorted((one / n, other / n))
    assert read(less) <= read(more)
    assert (read(less) == 0) == (less == 0)
    assert abs(read(more) - more) <= more / 20


@settings(deadline=None)
@given(AMOUNTS)
def test_exact_money_is_the_amount_with_nine_places(amount: Decimal) -> None:
    assert Decimal(exact(amount)) == amount
    assert re.fullmatch(r"\d+\.\d{9}", exact(amount))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (940, "940"),
        (999, "999"),
        (1_000, "1.00k"),
        (9_994, "9.99k"),
        (9_995, "10.0k"),
        (99_950, "100k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (1_699_210, "1.70M"),
        (999_500_000, "1.00B"),
        (2_350_000_000, "2.35B"),
        (1_234_000_000_000, "1,230B"),
    ],
)
def test_tokens_have_three_digits_that_matter(number: int, text: str) -> None:
    assert tokens(number) == text


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_tokens_never_turn_the_order_round_and_no_unit_is_full(one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert number_of(tokens(less)) <= number_of(tokens(more))
    assert abs(number_of(tokens(one)) - one) <= Decimal(one) / 200
    if one < 999_500_000_000:
        assert len(re.sub("[.kMB]", "", tokens(one))) <= 3


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        ("0", "0 %"),
        ("0.000001", "<0.1 %"),
        ("0.0005", "<0.1 %"),
        ("0.00051", "0.1 %"),
        ("0.042", "4.2 %"),
        ("0.0994", "9.9 %"),
        ("0.0996", "10 %"),
        ("0.125", "12 %"),
        ("12.345", "1,234 %"),
        ("-0.25", "25 %"),
    ],
)
def test_a_percentage_has_one_place_below_ten(fraction: str, text: str) -> None:
    assert percent(Decimal(fraction)) == text


@settings(deadline=None)
@given(st.decimals(0, 10**6, places=9), st.decimals(0, 10**6, places=9))
def test_percentages_never_turn_the_order_round_and_only_nothing_is_zero(one: Decimal, other: Decimal) -> None:
    def read(fraction: Decimal) -> Decimal:
        text = percent(fraction)
        assert re.fullmatch(r"<?[\d,]+(\.\d)? %", text), text
        return Decimal(re.sub("[<, %]", "", text)) / (2 if text[0] == "<" else 1)

    less, more = sorted((one, other))
    assert read(less) <= read(more)
    assert (percent(one) == "0 %") == (one == 0)


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        ("0.9949", "99 %"),
        ("0.995", "99.5 %"),
        ("0.99949", "99.9 %"),
        ("0.9995", ">99.9 %"),
        ("0.999999", ">99.9 %"),
        ("1", "100 %"),
        ("1.004", "100 %"),
        ("0.0001", "<0.1 %"),
    ],
)
def test_a_part_is_100_percent_only_if_it_is_all(fraction: str, text: str) -> None:
    assert part(Decimal(fraction)) == text


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12))
def test_counts_can_be_read_back(number: int) -> None:
    assert int(count(number).replace(",", "")) == number
    assert plural(number, "run") == f"{count(number)} run" + ("" if number == 1 else "s")


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 11, 22), date(2026, 11, 22), "22 Nov 2026"),
        (date(2026, 11, 16), date(2026, 11, 22), "16\u201322 Nov 2026"),
        (date(2026, 10, 30), date(2026, 11, 5), "30 Oct \u2013 5 Nov 2026"),
        (date(2025, 12, 30), date(2026, 1, 5), "30 Dec 2025 \u2013 5 Jan 2026"),
        (date(2025, 11, 1), date(2026, 11, 1), "1 Nov 2025 \u2013 1 Nov 2026"),
    ],
)
def test_dates_say_no_month_and_no_year_twice(first: date, last: date, text: str) -> None:
    assert days(first, last) == text


@settings(deadline=None)
@given(st.dates(date(1999, 1, 1), date(2101, 1, 1)))
def test_a_day_can_be_read_back(value: date) -> None:
    assert datetime.strptime(day(value), "%d %b %Y").replace(tzinfo=UTC).date() == value
    assert weekday(value) == f"{value:%a} {day(value)}"


def test_a_moment_is_shown_by_the_clock_of_its_own_zone() -> None:
    moment = datetime(2026, 1, 1, 4, 7, tzinfo=UTC)
    assert clock(moment) == "1 Jan 2026 04:07"
    assert clock(moment.astimezone(ZoneInfo("America/New_York"))) == "31 Dec 2025 23:07"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3 * 3600, "3 h ago"),
        (89 * 60, "89 min ago"),
        (36 * 3600, "2 days ago"),
        (400 * 86400, "400 days ago"),
    ],
)
def test_how_long_ago_is_said_roughly(seconds: int, text: str) -> None:
    assert ago(timedelta(seconds=seconds)) == text


@settings(deadline=None)
@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_what_is_longer_ago_never_sounds_shorter(one: int, other: int) -> None:
    def read(seconds: int) -> int:
        number, unit = (ago(timedelta(seconds=seconds)).replace("just now", "0 s").replace(",", "").split())[:2]
        return int(number) * {"s": 1, "min": 60, "h": 3600, "days": 86400}[unit]

    less, more = sorted((one, other))
    assert read(less) <= read(more)
    assert abs(read(one) - one) <= max(60, one / 2)
