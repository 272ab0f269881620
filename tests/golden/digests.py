"""Digests of every kind, for the files in this folder."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.domain.budget import Budget, SetLimit, Window
from bot.domain.catalog import Catalog, Feature
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger
from bot.reports.digest import Digest
from bot.reports.digest_reporter import DigestReporter
from tests.ledgers import BERLIN, Spent, fill, new_ledger

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=BERLIN)


def _budget(feature: str, window: Window, limit: int) -> Budget:
    return Budget(feature, window, limit * 10**9)


CATALOG = Catalog(
    {
        "rag-search": Feature("rag-search", budgets=(_budget("rag-search", Window.MONTHLY, 100),)),
        "agent-copilot": Feature("agent-copilot", budgets=(_budget("agent-copilot", Window.WEEKLY, 400),)),
        "total": Feature("total", budgets=(_budget("total", Window.DAILY, 16),)),
    }
)


def _busy(ledger: Ledger) -> None:
    """Two months: searches get longer, an agent is used less, a feature and a model are new, a limit was raised."""
    runs = []
    for days in range(1, 60):
        at = MONDAY - days * DAY
        usual = ("4.80", "3.10", "3.90", "4.20", "5.05", "4.60", "5.30")[days % 7]  # a Sunday's is the second
        longer, dearer, more = (2, "7.40", 4) if days == 1 else (1, usual, 2)
        thinking = "2.5" if days % 7 == 1 else f"{3.6 - days % 3 / 4}"
        runs += [
            Spent(at, "rag-search", dearer, (80_000 * longer, 900), name="search"),
            *[Spent(at, "agent-copilot", thinking, (40_000, 800), "claude-sonnet-4-5", "anthropic")] * (6 - more),
            Spent(at, None, "0.75", name="nightly_eval"),
        ]
    runs += [
        Spent(MONDAY - 20 * HOUR, "voice", "1.90", (9_000, 500), "gpt-5.1-audio", name="speak"),
        Spent(MONDAY - 20 * HOUR, "voice", None, (9_000, 500), "house-model", name="speak"),
    ]
    fill(ledger, runs, catalog=CATALOG, now=MONDAY - timedelta(minutes=1), settled=date(2026, 11, 21))
    limit = SetLimit("rag-search", Window.MONTHLY, 110 * 10**9, "U1", MONDAY - 3 * DAY, file_limit=100 * 10**9)
    ledger.outbox.set_limit(limit, 100 * 10**9)


def _unheard(ledger: Ledger) -> None:
    _busy(ledger)
    at, key = MONDAY - 15 * HOUR, "budget:rag-search:monthly:2026-11:limit=80000000000:80"
    alert = NewDelivery(Kind.ALERT, Role.OWNER, "U1", (key,), {}, at, at + DAY)
    ledger.outbox.announce([NewEvent(key, Kind.ALERT, {"feature": "rag-search"})], [alert], at)
    claimed = ledger.outbox.claim_next(at)
    assert claimed is not None
    ledger.outbox.give_up(claimed, "U1 has left the workspace", [], at)


def _new(ledger: Ledger) -> None:
    """The ledger is two days old."""
    runs = [Spent(MONDAY - 20 * HOUR, "rag-search", "3.10"), Spent(MONDAY - 30 * HOUR, "rag-search", "2.05")]
    fill(ledger, runs, now=MONDAY, start=MONDAY - 50 * HOUR)


def _quiet(ledger: Ledger) -> None:
    """Nothing was spent yesterday."""
    fill(ledger, [Spent(MONDAY - 5 * DAY, "rag-search", "3.10")], now=MONDAY, settled=date(2026, 11, 22))


def _unread(ledger: Ledger) -> None:
    """LangSmith has not been read since Saturday."""
    fill(ledger, [Spent(MONDAY - 5 * DAY, "rag-search", "3.10")], now=MONDAY, as_of=MONDAY - 40 * HOUR)


def _half(ledger: Ledger) -> None:
    """LangSmith has not been read since Sunday noon, and forgot a day."""
    lost = [(MONDAY - 8 * DAY - 9 * HOUR, MONDAY - 7 * DAY - 9 * HOUR)]
    runs = [Spent(MONDAY - 22 * HOUR, "rag-search", "3.10", sampled=True)]
    fill(ledger, runs, now=MONDAY, as_of=MONDAY - 21 * HOUR, lost=lost)


def _first(ledger: Ledger) -> None:
    fill(ledger, [Spent(MONDAY - days * DAY, "rag-search", "1.5") for days in range(1, 60)], now=MONDAY + 8 * DAY)


Maker = Callable[[DigestReporter], Digest]


def _made(before: int | None = 1, features: tuple[str, ...] | None = None, late: int = 0) -> Maker:
    """Of Monday's, that before it `before` days earlier, `late` by some hours."""
    return lambda reporter: reporter.digest(
        MONDAY.date(),
        MONDAY + late * HOUR,
        before=MONDAY.date() - before * DAY if before is not None else None,
        features=features,
        was_due=MONDAY if late else None,
    )


def _of_the_second(reporter: DigestReporter) -> Digest:
    """The 1st had none."""
    morning = date(2026, 12, 2)
    return reporter.digest(morning, MONDAY + 9 * DAY, before=date(2026, 11, 30))


# The name of the file, how its ledger is filled, and which digest is made.
DIGESTS: dict[str, tuple[Callable[[Ledger], None], Maker]] = {
    "digest": (_busy, _made()),
    "digest_after_a_weekend": (_unheard, _made(before=3, late=2)),
    "digest_of_a_feature": (_unheard, _made(features=("rag-search", "voice"))),
    "digest_updated": (_busy, lambda reporter: replace(_made()(reporter), is_update=True)),
    "digest_first_days": (_new, _made(before=None)),
    "digest_quiet": (_quiet, _made()),
    "digest_unread": (_unread, _made()),
    "digest_half_read": (_half, _made()),
    "digest_closed_month": (_first, _of_the_second),
    "digest_empty": (lambda _: None, _made(before=None)),
}


def digest(kind: str) -> Digest:
    """The digest of that kind."""
    filled, made = DIGESTS[kind]
    ledger = new_ledger()
    try:
        filled(ledger)
        return made(DigestReporter(ledger, lambda: CATALOG, BERLIN))
    finally:
        ledger.close()
