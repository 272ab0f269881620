"""One answer of each kind, for the files in this folder."""

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta

from bot.domain.cost import Listed
from bot.ledger.store import Ledger
from bot.reports.answers import Answer
from bot.reports.verification import Counterpart
from tests.ledgers import BERLIN, CATALOG, NOW, PROJECT, Spent, believable, fill, new_ledger, reporter

_PROJECTS = (PROJECT, "acme-staging")
_LOST = (datetime(2026, 11, 17, tzinfo=BERLIN), datetime(2026, 11, 18, tzinfo=BERLIN))


def _believable(ledger: Ledger) -> None:
    fill(ledger, believable(), catalog=CATALOG, projects=_PROJECTS, settled=date(2026, 11, 21))


def _stale(ledger: Ledger) -> None:
    """LangSmith is down since three hours, and forgot a day before it was read."""
    runs = [run for run in believable() if run.start < NOW - timedelta(hours=3) and not _lost(run)]
    fill(
        ledger,
        [*runs, Spent(NOW - timedelta(days=1), "rag-search", sampled=True)],
        catalog=CATALOG,
        projects=_PROJECTS,
        start=datetime(2026, 11, 18, tzinfo=BERLIN) - timedelta(days=2),
        as_of=NOW - timedelta(hours=3),
        lost=[_LOST],
        problem="acme-prod: LangSmith has trouble of its own (503).",
    )


def _lost(run: Spent) -> bool:
    return run.start < _LOST[1]


def _empty(ledger: Ledger) -> None:
    del ledger  # nothing has been read into it


def _totals(projects: Collection[bytes], start: datetime, end: datetime) -> dict[str, Listed]:
    """What LangSmith says of whatever it is asked: 7 % more than the ledger holds of the week."""
    del projects, start, end
    return {"LLM": Listed(48, 11_984_000_000), "CHAIN": Listed(7, 250_000_000)}


_LANGSMITH = Counterpart(_totals, ("LLM", "EMBEDDING", "TOOL"), timedelta(days=14))


# The name of the file, how its ledger is filled, and what is asked.
KINDS: dict[str, tuple[Callable[[Ledger], None], str]] = {
    "report": (_believable, "week"),
    "report_top": (_believable, "14d by model top 2"),
    "one_feature": (_believable, "week rag-search"),
    "by_day": (_believable, "week by day"),
    "compared": (_believable, "yesterday vs 2026-11-14"),
    "untagged": (_believable, "untagged"),
    "no_untagged": (_believable, "untagged 2026-11-01"),
    "features": (_believable, "features"),
    "status": (_believable, "status"),
    "verify": (_believable, "verify"),
    "verify_far": (_stale, "verify month"),
    "help": (_believable, "help"),
    "before_the_ledger": (_believable, "january"),
    "stale_with_a_gap": (_stale, "week"),
    "stale_status": (_stale, "status"),
    "empty": (_empty, "week"),
    "empty_features": (_empty, "features"),
    "empty_status": (_empty, "status"),
}


def answer(kind: str) -> Answer:
    """The answer of that kind."""
    filled, words = KINDS[kind]
    ledger = new_ledger()
    try:
        filled(ledger)
        return reporter(ledger, CATALOG, counterpart=_LANGSMITH).ask(words, NOW, top=20, top_days=31)
    finally:
        ledger.close()
