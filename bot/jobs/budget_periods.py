"""Which budgets are looked at, in which of their periods."""

import json
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.alert import BudgetPeriod, identity, judged_at, known_since, periods_to_check
from bot.domain.budget import Budget, Window
from bot.domain.catalog import BudgetInForce, Catalog
from bot.ledger.booking import instant, microseconds
from bot.ledger.limits import KNOWN
from bot.ledger.outbox import Outbox
from bot.ledger.store import Ledger
from bot.reports.covering import extent

SINCE = "when budgets were first checked"


def to_check(
    ledger: Ledger, catalog: Catalog, zone: ZoneInfo, week_start: int, now: datetime
) -> list[tuple[BudgetInForce, BudgetPeriod]]:
    """Each running period and those closed ones of which late costs may still come, with the budgets that counted in
    it. What had closed before anybody looked is no news, nor is it of a budget that came later: looking remembers both.
    Raises LedgerError."""
    since = _since(ledger.outbox, now)
    with ledger.reading() as reading:
        settled = extent(reading.projects(selected_only=True), reading.gaps(), zone).settled_through
        limits = reading.every_limit()
    found = [
        (one, period)
        for window in Window
        for period in periods_to_check(window, now, zone, week_start, settled_through=settled, since=since)
        for one in catalog.budgets(limits, judged_at(period.span.end, now))
        if one.budget.window is window
    ]
    known = _known(ledger.outbox, catalog, [one.budget for one, _ in found], since, now)
    return [
        (one, period)
        for one, period in found
        if not (period.is_over(now) and period.is_over(known[identity(one.budget)]))
    ]


def _since(outbox: Outbox, now: datetime) -> datetime:
    kept = outbox.mark(SINCE)
    if kept is None:
        kept = str(microseconds(now))
        outbox.set_mark(SINCE, kept)
    return instant(int(kept))


def _known(
    outbox: Outbox, catalog: Catalog, budgets: Sequence[Budget], since: datetime, now: datetime
) -> dict[str, datetime]:
    text = outbox.mark(KNOWN)
    kept = None if text is None else {name: instant(at) for name, at in json.loads(text).items()}
    if kept is not None:
        for budget in budgets:  # one that had another name is as old as it was
            for name in catalog.names_of(budget.feature)[1:]:
                if (before := kept.get(identity(budget._replace(feature=name)))) is not None:
                    kept.setdefault(identity(budget), before)
    known = known_since(kept, budgets, since, now)
    if known != kept:
        outbox.set_mark(KNOWN, json.dumps({name: microseconds(at) for name, at in known.items()}))
    return known
