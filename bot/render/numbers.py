"""How numbers and dates look, everywhere: one format, whatever the surface."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal

_CENT = Decimal("0.01")
_FINE = Decimal("0.0001")
_TENTH = Decimal("0.1")
_NEARLY_ALL = Decimal("99.5")
_MILL = Decimal("0.001")
_TWO_DIGITS = Context(prec=2, rounding=ROUND_HALF_EVEN)
_THREE_DIGITS = Context(prec=3, rounding=ROUND_HALF_EVEN)
_SIX_DIGITS = Context(prec=6, rounding=ROUND_HALF_EVEN)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def has_cost(cost: Decimal, unpriced_runs: int) -> bool:
    """Whether a cost is one: nothing but unpriced runs is never a $0."""
    return bool(cost) or not unpriced_runs


def money(amount: Decimal) -> str:
    """US dollars: `$0.0042` below ten cents, `$12.30` below a thousand dollars, `$1,204` above. Never `$0` for what is
    not zero: what four places cannot show is `<$0.0001`."""
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    if amount == 0:
        return "$0.00"
    if amount < _FINE:
        return f"{'>-' if sign else '<'}${_FINE}"
    # Each step is decided on the rounded amount: 9.999 cents are $0.10, and never $0.1000.
    if (fine := amount.quantize(_FINE, ROUND_HALF_EVEN)) < _TENTH:
        return f"{sign}${fine}"
    if (cents := amount.quantize(_CENT, ROUND_HALF_EVEN)) < 1_000:
        return f"{sign}${cents}"
    return f"{sign}${amount.quantize(Decimal(1), ROUND_HALF_EVEN):,}"


def unit_cost(amount: Decimal) -> str:
    """US dollars per something, not negative: like `money`, but with two digits that matter however little it is:
    `$0.00034`, `$0.000012`."""
    rounded = _TWO_DIGITS.create_decimal(amount)
    if amount == 0 or rounded >= _MILL:
        return money(amount)
    return f"${rounded.quantize(Decimal(1).scaleb(rounded.adjusted() - 1)):f}"


def drawn(amount: Decimal) -> float:
    """US dollars as a point of a chart: six digits that matter, which is finer than a line is thick."""
    return float(_SIX_DIGITS.create_decimal(amount))


def exact(amount: Decimal) -> str:
    """US dollars with all nine places, for programs: `2.276100000`."""
    return f"{amount:.9f}"


def count(number: int) -> str:
    """`1,204`."""
    return f"{number:,}"


def tokens(number: int) -> str:
    """`940`, `12.5k`, `824k`, `1.70M`, `2.35B`: three digits that matter."""
    rounded = _THREE_DIGITS.create_decimal(number)
    for unit, size in (("B", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)):
        if rounded >= size:
            scaled = rounded / size
            places = 2 if scaled < 10 else 1 if scaled < 100 else 0
            return f"{scaled:,.{places}f}{unit}"
    return str(number)


def percent(fraction: Decimal) -> str:
    """`12 %`, with one place below ten: `4.2 %`; `<0.1 %` for what is not quite zero. The sign is left to words."""
    amount = abs(fraction) * 100
    if amount == 0:
        return "0 %"
    tenths = amount.quantize(_TENTH, ROUND_HALF_EVEN)
    if tenths == 0:
        return "<0.1 %"
    return f"{tenths} %" if tenths < 10 else f"{amount:,.0f} %"


def part(fraction: Decimal) -> str:
    """A part of something: like `percent`, but only all of it is `100 %`: `99.6 %` and `>99.9 %` are not."""
    amount = fraction * 100
    if not _NEARLY_ALL <= amount < 100:
        return percent(fraction)
    tenths = amount.quantize(_TENTH, ROUND_HALF_EVEN)
    return f"{tenths} %" if tenths < 100 else ">99.9 %"


def plural(number: int, noun: str) -> str:
    """`1 run`, `1,204 runs`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def day(value: date) -> str:
    """`22 Nov 2026`."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def weekday(value: date) -> str:
    """`Sun 22 Nov 2026`."""
    return f"{_WEEKDAYS[value.weekday()]} {day(value)}"


def days(first: date, last: date) -> str:
    """`22 Nov 2026`, `16-22 Nov 2026`, `30 Oct - 5 Nov 2026`, `30 Dec 2025 - 5 Jan 2026` (with dashes)."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}\N{EN DASH}{day(last)}"
    if first.year == last.year:
        return f"{first.day} {_MONTHS[first.month - 1]} \N{EN DASH} {day(last)}"
    return f"{day(first)} \N{EN DASH} {day(last)}"


def clock(moment: datetime) -> str:
    """`22 Nov 2026 14:31`, on the clock of the moment's own zone."""
    return f"{day(moment)} {moment:%H:%M}"


def ago(length: timedelta) -> str:
    """`just now`, `3 min ago`, `5 h ago`, `2 days ago`: roughly how long ago."""
    seconds = length.total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min ago"
    if seconds < 36 * 3600:
        return f"{round(seconds / 3600)} h ago"
    return f"{round(seconds / 86400):,} days ago"
