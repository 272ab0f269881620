"""Whatever is found, it is said in sentences that name a way on."""

from decimal import Decimal

import pytest

from bot.render.page import page
from bot.render.text import text
from bot.reports.verified import Cause, Step, Verdict, Verification
from bot.slack.messages import answer_message
from tests.golden.answers import answer
from tests.standins.slack_rules import problems

SAID = {
    Cause.PARENTS: "LangSmith's total counts it once",
    Cause.GAPS: "`llmcost sync --since 2026-11-16` reads it again.",
    Cause.MISSING: "LangSmith has 48 LLM and embedding runs there, the ledger ",
    Cause.IMPOSSIBLE: "3 runs with a cost that is no amount of money",
    Cause.LATE: "costs that come late, with 2 runs not ended",
    Cause.FORGOTTEN: "LangSmith has deleted runs that the ledger keeps",
    Cause.CHANGED: "other costs of the same runs",
}


@pytest.fixture(scope="module")
def found() -> Verification:
    verification = answer("verify")
    assert isinstance(verification, Verification)
    return verification._replace(impossible_runs=3)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_named_and_fits_a_message(cause: Cause, found: Verification) -> None:
    far = found._replace(verdict=Verdict.FAR, drift=Decimal("0.31"), cause=cause)
    _, verdict, *_ = page(far).sentences
    assert verdict.startswith("That is far apart. Likely cause: ")
    assert SAID[cause] in verdict
    for form in answer_message(far).forms():
        assert problems(form) == []


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        ("0.07", ", 7.0 % more than its costs in the ledger, $11.20."),
        ("-0.07", ", 7.0 % less than its costs in the ledger, $11.20."),
        ("0", ", exactly what its costs in the ledger add up to."),
        (None, ", and the ledger holds no cost of LangSmith's from that time."),
    ],
)
def test_the_distance_is_the_first_thing_said(drift: str | None, said: str, found: Verification) -> None:
    one = found._replace(drift=None if drift is None else Decimal(drift))
    assert page(one).sentences[0].endswith(said)


def test_what_is_fine_is_called_so(found: Verification) -> None:
    fine = found._replace(verdict=Verdict.FINE, drift=Decimal("0.01"))
    assert page(fine).sentences[1] == "That is fine: it is within 5 %."


def test_rare_steps_are_named_only_where_there_are_any(found: Verification) -> None:
    rare = ("not booked", "no longer read")
    assert not [words for words in rare if words in text(found)]
    steps = tuple(step._replace(cost=Decimal(1)) for step in found.steps)
    assert all(words in text(found._replace(steps=steps)) for words in rare)
    assert Step("late", Decimal(1)) in steps


def test_what_was_cut_off_is_said_with_the_bounds(found: Verification) -> None:
    assert "in the last 7 days" in page(found).sentences[0]
    for cut in (found._replace(cut_to_retention=True), found._replace(cut_to_ledger=True)):
        first, _, before, *_ = page(cut).sentences
        assert "from 16 Nov 2026 00:00 to 22 Nov 2026 14:31" in first
        assert before.startswith("What was before cannot be verified")
