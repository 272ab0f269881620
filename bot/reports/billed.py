"""Bills beside what is booked."""

from datetime import timedelta

from bot.domain.money import dollars
from bot.domain.period import Span
from bot.ledger.store import Reading
from bot.reports.answers import Bill
from bot.reports.parts import ratio


def month_of(span: Span) -> str | None:
    """The calendar month that a span is, like `2026-11`; None if it is another time."""
    next_month = (span.first.replace(day=1) + timedelta(days=32)).replace(day=1)
    is_whole = span.first.day == 1 and span.until == next_month and span.cut is None
    return f"{span.first:%Y-%m}" if is_whole else None


def bills(reading: Reading, span: Span) -> tuple[Bill, ...]:
    """The latest bill of each provider for a calendar month, by name; none for any other time."""
    month = month_of(span)
    latest = {one.provider: one for one in reading.invoices(month)} if month is not None else {}
    if not latest:
        return ()
    booked = reading.by_value(span, "provider")
    costs = {name: sum(one.cost for value, one in booked.items() if same_provider(value, name)) for name in latest}
    return tuple(
        Bill(name, dollars(costs[name]), dollars(one.nanos), ratio(one.nanos, costs[name]))
        for name, one in sorted(latest.items())
    )


def same_provider(one: str, other: str) -> bool:
    """Whether two names are of one provider: traces write them in any case."""
    return one.strip().casefold() == other.strip().casefold()
