"""Money: `Decimal` US dollars in rules, whole nano-dollars in the ledger, floats nowhere."""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException

NANOS_PER_DOLLAR = 1_000_000_000

# What a BIGINT can hold; a single run that claims more is a fault in its data, not a cost.
MAX_NANOS = 2**63 - 1

# The default context keeps 28 digits, which a large sum in dollars with nine places still fits; trapping nothing would
# hide a NaN that came from outside, so the traps stay as they are.
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_NANO = Decimal("1e-9")
_AS_TEXT = re.compile(r"[-+]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|s?nan|inf(inity)?)", re.ASCII | re.IGNORECASE)
_AS_WORDS = re.compile(r"[$]?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)([.][0-9]{1,9})?")
_NUMBERS = (int, float, str, Decimal)  # a union would be made anew for each of a million numbers


def nanos(dollars: Decimal) -> int:
    """`dollars` (USD) in whole nano-dollars, rounded half-even.

    Raises ValueError if it is not finite or does not fit the ledger's 64 bits.
    """
    if not dollars.is_finite():
        raise ValueError(f"{dollars} is not an amount of money")
    try:
        # Only `quantize` rounds: `scaleb` before it would round a number of more than 60 digits a first time.
        amount = int(dollars.quantize(_NANO, context=_CONTEXT).scaleb(9, _CONTEXT))
    except DecimalException:
        raise ValueError(f"{dollars:.3e} US dollars do not fit the ledger") from None
    if abs(amount) > MAX_NANOS:
        raise ValueError(f"{dollars:.3e} US dollars do not fit the ledger")
    return amount


def dollars(amount: int) -> Decimal:
    """`amount` nano-dollars as exact US dollars with nine decimal places."""
    return Decimal(amount).scaleb(-9, _CONTEXT)


def from_words(text: str) -> Decimal | None:
    """US dollars as people write them: `50`, `$50`, `1,200.50`; None if that is none. A comma stands before three
    digits, or it is somebody's decimal one: 812,40 is not 81,240."""
    found = _AS_WORDS.fullmatch(text)
    return None if found is None else Decimal(found[1].replace(",", "") + (found[2] or ""))


def from_json(number: object) -> Decimal | None:
    """A JSON number (or a string that holds one) as `Decimal`, by way of its shortest text: 0.1 stays 0.1.

    None, booleans and whatever is no number give None; infinities and NaN come back as they are, to be judged by the
    caller. The only door through which a float becomes money.
    """
    if not isinstance(number, _NUMBERS) or isinstance(number, bool):
        return None
    if isinstance(number, str) and not _AS_TEXT.fullmatch(number.strip()):
        return None  # Python would take 1_0 for ten, and digits of every script
    try:
        return Decimal(str(number).strip())
    except (DecimalException, ValueError):  # ValueError: an integer of more digits than Python writes out
        return None
