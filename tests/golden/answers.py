"""One answer of each kind, for the files in this folder."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from bot.domain.budget import SetLimit, Window
from bot.domain.cost import Listed
from bot.domain.run import Source
from bot.ledger.store import Ledger
from bot.reports.digest import Digest
from bot.reports.kinds import Answer
from bot.reports.reporter import Asked
from bot.reports.verification import Counterpart
from tests.ledgers import BERLIN, CATALOG, NOW, PROJECT, Spent, believable, fill, new_ledger, reporter

_PROJECTS = (PROJECT, "acme-staging")
_TREE = "agent"
_LINK = "https://smith.example.com/o/1/projects/p/2/r/{trace}?trace_id={trace}"
_LOST = (datetime(2026, 11, 17, tzinfo=BERLIN), datetime(2026, 11, 18, tzinfo=BERLIN))


def _believable(ledger: Ledger) -> None:
    fill(ledger, believable(), catalog=CATALOG, projects=_PROJECTS, settled=date(2026, 11, 21))


def _agent(ledger: Ledger) -> None:
    """A conversation of two traces, one of them with every kind of run, and runs outside of it."""
    start = NOW - timedelta(hours=2)

    def step(minute: int, name: str, number: int, above: Sequence[int], cost: str | None) -> Spent:
        started = start + timedelta(minutes=minute)
        return Spent(started, "agent-copilot", cost, name=name, trace=_TREE, number=number, above=above, thread="c-42")

    runs = [
        replace(step(0, "planner", 1, (), None), tokens=None),
        step(1, "ChatOpenAI", 2, (1,), "0.25"),
        step(1, "openai.chat", 3, (1, 2), "0.25"),
        replace(step(2, "vllm", 4, (1,), None), model="acme-llm-7b", provider="vllm", tokens=(5_200, 310)),
        replace(step(3, "rerank <!here> | 'x'", 5, (1, 99), "0.000011"), tokens=(800, 0), source=Source.ESTIMATE),
        replace(step(4, "=judge", 6, (1, 99, 5), "1.5"), tokens=(90_000, 900), source=Source.OVERRIDE, status="ERROR"),
        replace(step(5, "ChatOpenAI", 7, (1,), None), tokens=None, status="PENDING"),
        Spent(start - timedelta(days=1), "agent-copilot", "0.75", number=8, thread="c-42"),
        Spent(start, "rag-search", "0.5", number=9, thread="<https://evil.example|c-1>"),
        Spent(start, None, "0.031", number=10),
    ]
    fill(ledger, runs, catalog=CATALOG, settled=date(2026, 11, 21), link=_LINK)


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


def lively(ledger: Ledger) -> None:
    """Two months of a product that people use at work: an agent that is used more and more, a feature that is new."""
    runs = []
    for days in range(60):
        start = NOW - timedelta(days=days, hours=3)
        share = Decimal(100 if start.weekday() < 5 else 40) / 100 * (100 + 17 * (days * days) % 23) / 100

        def run(
            feature: str | None, cost: str, tokens: int, model: str, start: datetime = start, share: Decimal = share
        ) -> Spent:
            dollars = str((Decimal(cost) * share).quantize(Decimal("0.0001")))
            used = (int(tokens * share), int(tokens * share) // 40)
            provider = "anthropic" if model.startswith("claude") else "openai"
            return Spent(start, feature, dollars, used, model, provider, name=f"{feature or 'nightly_eval'}")

        runs += [run("rag-search", "5.61", 2_400_000, "gpt-4o")] * 6
        runs += [run("agent-copilot", f"{7 - days / 12:.2f}", 1_800_000, "claude-sonnet-4-5")] * 4
        runs += [run("voice", "6.20", 300_000, "gpt-5.1-audio")] * (3 if days < 5 else 0)
        runs += [run(None, "0.83", 210_000, "gpt-4o-mini")] * 2
    fill(ledger, runs, catalog=CATALOG, settled=date(2026, 11, 21))


def lively_budgets(ledger: Ledger) -> None:
    """The same with four limits."""
    lively(ledger)
    for feature, window, limit in (
        ("rag-search", Window.MONTHLY, 1_000),
        ("agent-copilot", Window.WEEKLY, 195),
        ("voice", Window.WEEKLY, 75),
        ("total", Window.MONTHLY, 2_500),
    ):
        ledger.outbox.set_limit(SetLimit(feature, window, limit * 10**9, "U1", NOW - timedelta(days=9)), None)


def _budgeted(ledger: Ledger) -> None:
    """Three limits from Slack, one of them for a period and changed twice."""
    _believable(ledger)
    daily = SetLimit("agent-copilot", Window.DAILY, 1_500_000_000, "U0BOB", NOW - timedelta(hours=1))
    first = SetLimit("rag-search", Window.MONTHLY, 1_000_000_000, "U1", NOW - timedelta(days=3))
    again = first._replace(limit_nanos=2_000_000_000, set_at=NOW, until=datetime(2026, 12, 1, tzinfo=BERLIN))
    total = SetLimit("total", Window.WEEKLY, 20_000_000_000, "U1", NOW)
    for old, new in ((None, daily), (None, first), (first.limit_nanos, again), (None, total)):
        ledger.outbox.set_limit(new, old)


# The name of the file, how its ledger is filled, and what is asked.
KINDS: dict[str, tuple[Callable[[Ledger], None], str]] = {
    "report": (_believable, "week"),
    "report_lively": (lively, "week"),
    "report_top": (_believable, "14d by model top 2"),
    "one_feature": (_believable, "week rag-search"),
    "by_day": (_believable, "week by day"),
    "by_day_top": (lively, "45d by day"),
    "compared": (_believable, "yesterday vs 2026-11-14"),
    "trace": (_agent, f"trace {uuid5(NAMESPACE_URL, _TREE)}"),
    "by_trace": (_agent, "week by trace top 2"),
    "by_thread": (_agent, "week by thread"),
    "untagged": (_believable, "untagged"),
    "no_untagged": (_believable, "untagged 2026-11-01"),
    "features": (_believable, "features"),
    "status": (_believable, "status"),
    "verify": (_believable, "verify"),
    "verify_far": (_stale, "verify month"),
    "help": (_believable, "help"),
    "budgets": (_budgeted, "budget"),
    "one_budget": (_budgeted, "budget rag-search"),
    "no_budget": (_budgeted, "budget voice"),
    "empty_budgets": (_empty, "budget"),
    "before_the_ledger": (_believable, "january"),
    "stale_with_a_gap": (_stale, "week"),
    "stale_status": (_stale, "status"),
    "empty": (_empty, "week"),
    "empty_features": (_empty, "features"),
    "empty_status": (_empty, "status"),
}


def answer(kind: str) -> Answer | Digest:
    """The answer of that kind."""
    return asked(kind).answer


def asked(kind: str) -> Asked:
    """The answer of that kind, with the ways on."""
    filled, words = KINDS[kind]
    ledger = new_ledger()
    try:
        filled(ledger)
        return reporter(ledger, CATALOG, counterpart=_LANGSMITH).explore(words, NOW, top=20, top_days=31)
    finally:
        ledger.close()
