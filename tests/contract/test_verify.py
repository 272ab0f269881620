"""`verify` from question to answer, between a ledger and a LangSmith that says what the test wants."""

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.cost import Listed
from bot.domain.money import dollars
from bot.domain.run import Source
from bot.errors import QuestionError, SourceUnavailableError, UsageError
from bot.ledger.answers import KeptAnswer
from bot.ledger.coverage import ProjectRow
from bot.ledger.lease import SYNC
from bot.ledger.store import Ledger
from bot.render.data import to_json
from bot.render.text import text
from bot.reports.answers import Report
from bot.reports.verification import Counterpart
from bot.reports.verified import Cause, Verdict, Verification
from tests.ledgers import BERLIN, NOW, PROJECT, Spent, fill, reporter

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TYPES = ("LLM", "EMBEDDING", "TOOL")


class LangSmithSays:
    """LangSmith's side: what it was asked, and what it answers."""

    def __init__(self, **listed: tuple[int, str]) -> None:
        self.listed = {kind: Listed(runs, int(Decimal(cost).scaleb(9))) for kind, (runs, cost) in listed.items()}
        self.asked: list[tuple[int, datetime, datetime]] = []
        self.ledger: Ledger | None = None
        self.error: Exception | None = None

    def totals(self, projects: Collection[bytes], start: datetime, end: datetime) -> dict[str, Listed]:
        self.asked.append((len(projects), start, end))
        if self.ledger is not None:
            self.ledger.keep_answer(KeptAnswer("an-id", "U1", 0, "{}"))
        if self.error is not None:
            raise self.error
        return self.listed

    @property
    def counterpart(self) -> Counterpart:
        return Counterpart(self.totals, TYPES, timedelta(days=14))


def verify(ledger: Ledger, langsmith: LangSmithSays, words: str = "verify") -> Verification:
    answer = reporter(ledger, counterpart=langsmith.counterpart).ask(words, NOW)
    assert isinstance(answer, Verification)
    return answer


def spent(*costs: str, days: float = 1, source: Source = Source.LANGSMITH) -> list[Spent]:
    return [Spent(NOW - DAY * days, cost=cost, source=source) for cost in costs]


def test_a_total_that_is_wrong_by_7_percent_reads_7_percent(ledger: Ledger) -> None:
    fill(ledger, spent("1", "3"))
    found = verify(ledger, LangSmithSays(LLM=(2, "4.28")))
    assert (found.drift, found.verdict, found.cause) == (Decimal("0.07"), Verdict.OFF, Cause.LATE)
    first = text(found).splitlines()[0]
    assert first.startswith("LangSmith's own total in the last 7 days (16")
    assert first.endswith(" Nov 2026) is $4.28, 7.0 % more than its costs in the ledger, $4.00.")
    assert json.loads(to_json(found))["drift"] == "0.070000000"


def test_the_bridge_ends_at_the_total_of_a_report(ledger: Ledger) -> None:
    fill(ledger, [*spent("1", "3"), *spent("0.5", source=Source.ESTIMATE), *spent("2", source=Source.OVERRIDE)])
    found = verify(ledger, LangSmithSays(LLM=(4, "4")))
    report = reporter(ledger).ask("week", NOW)
    assert isinstance(report, Report)
    assert found.total == report.total.cost == Decimal("6.5")
    steps = {step.key: step.cost for step in found.steps if step.cost}
    assert steps == {"overrides": Decimal(2), "estimates": Decimal("0.5")}
    assert found.verdict is Verdict.FINE


def test_langsmith_is_asked_for_the_bounds_that_are_compared(ledger: Ledger) -> None:
    fill(ledger, spent("1"), as_of=NOW - HOUR, projects=(PROJECT, "acme-staging"))
    langsmith = LangSmithSays(LLM=(1, "1"))
    found = verify(ledger, langsmith, "verify month")
    start, end = datetime(2026, 11, 9, tzinfo=BERLIN), NOW - HOUR
    assert langsmith.asked == [(2, start, end)]
    assert (found.start, found.end) == (start, end)
    assert (found.cut_to_retention, found.cut_to_ledger, found.cut_to_as_of) == (True, False, True)


def test_what_lies_outside_the_bounds_is_on_neither_side(ledger: Ledger) -> None:
    fill(ledger, [*spent("1"), *spent("50", days=20)])
    found = verify(ledger, LangSmithSays(LLM=(1, "1")), "verify month")
    assert (found.held_cost, found.total) == (Decimal(1), Decimal(1))


def test_a_project_that_is_no_longer_read_is_a_step(ledger: Ledger) -> None:
    fill(ledger, [*spent("1"), Spent(NOW - DAY, cost="2", project="old")], projects=(PROJECT, "old"))
    fill(ledger)
    found = verify(ledger, LangSmithSays(LLM=(1, "1")))
    assert found.projects == (PROJECT,)
    assert {step.key: step.cost for step in found.steps if step.cost} == {"elsewhere": Decimal(2)}


def test_a_project_that_langsmith_does_not_have_any_more_is_not_asked_for(ledger: Ledger) -> None:
    """It would refuse the question for all of them; answers say since when it has not been read."""
    fill(ledger, [*spent("1"), Spent(NOW - DAY, cost="2", project="gone")], projects=("gone", PROJECT))
    kept = next(row for row in projects(ledger) if row.name == PROJECT)
    with ledger.lease(SYNC, NOW) as lease:
        ledger.select_projects(lease, NOW, [(kept.id, kept.name, kept.started)], lambda _, name: name == "gone")
    assert [row.name for row in projects(ledger)] == [PROJECT, "gone"]
    langsmith = LangSmithSays(LLM=(1, "1"))
    found = verify(ledger, langsmith)
    assert (found.projects, langsmith.asked[0][0]) == ((PROJECT,), 1)
    assert {step.key: step.cost for step in found.steps if step.cost} == {"elsewhere": Decimal(2)}
    with ledger.lease(SYNC, NOW) as lease:
        ledger.select_projects(lease, NOW, [], lambda *_: True)
    with pytest.raises(QuestionError, match="LangSmith has none of the projects any more"):
        verify(ledger, langsmith)


def projects(ledger: Ledger) -> list[ProjectRow]:
    return ledger.read(lambda reading: reading.projects(selected_only=True))


def test_a_project_that_was_never_read_is_the_likely_cause(ledger: Ledger) -> None:
    fill(ledger, spent("1"), projects=(PROJECT, "new"), unread=("new",))
    found = verify(ledger, LangSmithSays(LLM=(9, "9")))
    assert found.cause is Cause.GAPS
    assert {gap.project for gap in found.gaps} == {"new"}


def test_the_ledger_can_be_written_while_langsmith_is_asked(ledger: Ledger) -> None:
    fill(ledger, spent("1"))
    langsmith = LangSmithSays(LLM=(1, "1"))
    langsmith.ledger = ledger
    verify(ledger, langsmith)
    assert ledger.find_answer("an-id") is not None


def test_somebody_is_told_to_wait_before_langsmith_is_asked_and_only_then(ledger: Ledger) -> None:
    fill(ledger, spent("1"))
    langsmith = LangSmithSays(LLM=(1, "1"))
    said: list[int] = []
    ask = reporter(ledger, counterpart=langsmith.counterpart)

    def wait() -> None:
        said.append(len(langsmith.asked))

    ask.ask("week", NOW, before_waiting=wait)
    ask.ask_words(["status"], NOW, before_waiting=wait)
    for words in ("verify january", "verify rag-search", "verify top 3"):
        with pytest.raises(QuestionError):
            ask.ask(words, NOW, before_waiting=wait)
    assert (said, langsmith.asked) == ([], [])
    ask.ask("verify", NOW, before_waiting=wait)
    ask.ask_words(["verify", "yesterday"], NOW, before_waiting=wait)
    assert said == [0, 1]


def test_what_langsmith_raises_comes_through(ledger: Ledger) -> None:
    fill(ledger, spent("1"))
    langsmith = LangSmithSays()
    langsmith.error = SourceUnavailableError("LangSmith has trouble of its own (503).")
    with pytest.raises(SourceUnavailableError):
        verify(ledger, langsmith)


def test_where_nobody_can_be_asked_it_says_what_is_needed(ledger: Ledger) -> None:
    fill(ledger, spent("1"))
    with pytest.raises(UsageError, match="set LANGSMITH_API_KEY and LANGSMITH_PROJECT"):
        reporter(ledger).ask("verify", NOW)


def test_before_the_first_sync_there_is_nothing_to_verify(ledger: Ledger) -> None:
    langsmith = LangSmithSays(LLM=(1, "1"))
    with pytest.raises(QuestionError, match="Nothing has been read from LangSmith yet"):
        verify(ledger, langsmith)
    assert langsmith.asked == []


def test_no_nano_dollar_is_lost_on_the_way(ledger: Ledger) -> None:
    fill(ledger, spent("0.000000001", "1234567.123456789"))
    langsmith = LangSmithSays(LLM=(2, "1234567.123456790"))
    found = verify(ledger, langsmith)
    assert found.held_cost == found.listed_cost == dollars(1_234_567_123_456_790)
    assert found.drift == 0
