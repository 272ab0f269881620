"""`llmcost invoice`: what a provider has billed for a month."""

import re
from datetime import date

from bot.cli.outcome import show
from bot.cli.reprice import who
from bot.domain.money import dollars, from_words, nanos
from bot.domain.period import FIRST_DAY, LAST_DAY, Calendar, Period, local_day
from bot.errors import UsageError
from bot.ledger.booking import MAX_COST
from bot.ledger.invoices import Invoice
from bot.ledger.store import Ledger
from bot.render.names import plain
from bot.render.numbers import clock, money
from bot.reports.billed import bills, same_provider

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


def run_invoice(provider: str, month: str, amount: str | None) -> None:
    """Record the amount and say how it compares; without one, list what was recorded. Raises UsageError for a month or
    an amount that is none, and for a provider of which the ledger has no run in that month."""
    from bot.app.ledgers import open_to_read, utc_now
    from bot.settings import load_settings

    settings = load_settings()
    now = utc_now()
    period = _period(month, Calendar(local_day(now, settings.timezone), settings.timezone))
    billed = None if amount is None else _amount(amount)
    ledger = open_to_read(settings)
    try:
        name = _known(ledger, period, provider)
        if billed is not None:
            ledger.record_invoice(Invoice(name, month, billed, now, who()))
        history, compared = ledger.read(lambda reading: (reading.invoices(month), bills(reading, period.span)))
    finally:
        ledger.close()
    history = [one for one in history if one.provider == name]
    for one in history:
        when = clock(one.at.astimezone(settings.timezone))
        show(f"{when}, {plain(one.by)}: {plain(name)} billed {money(dollars(one.nanos))} for {month}.")
    for bill in (one for one in compared if one.provider == name):
        factor = f", {bill.factor:.4f} times that" if bill.factor is not None else ""
        show(f"Booked {money(bill.booked)}, billed {money(bill.billed)}{factor}.")
    if not history:
        show(f"Nothing has been recorded for {plain(name)} in {month}.")


def _period(month: str, calendar: Calendar) -> Period:
    found = _MONTH.fullmatch(month)
    if found is None or not 1 <= int(found[2]) <= 12 or not FIRST_DAY.year <= int(found[1]) <= LAST_DAY.year:
        raise UsageError(f"{plain(month)} is no month; write it like 2026-11.")
    if date(int(found[1]), int(found[2]), 1) > calendar.as_of:
        raise UsageError(f"{month} has not begun yet.")
    return calendar.month_of(int(found[1]), int(found[2]))


def _amount(text: str) -> int:
    amount = from_words(text)
    if amount is None or amount > dollars(MAX_COST):
        raise UsageError(f"{plain(text)} is no amount of US dollars; write it like 812.40.")
    return nanos(amount)


def _known(ledger: Ledger, period: Period, provider: str) -> str:
    names = sorted(filter(None, ledger.read(lambda reading: reading.by_value(period.span, "provider"))))
    found = [name for name in names if same_provider(name, provider)]
    if not found:
        known = ", ".join(map(plain, names)) or "none"
        raise UsageError(f"No run of that month is of the provider {plain(provider)}; those that are: {known}.")
    return found[0].strip().casefold()
