"""What people see in Slack, block for block: see tests/golden/*.slack.json."""

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from bot.errors import QuestionError
from bot.ledger.forgetting import NO_TEXT
from bot.reports.answers import Spend
from bot.slack.controls import with_again, with_controls
from bot.slack.digest_message import ToldAlert, correction_message, digest_message, thread_message
from bot.slack.messages import MEANT_IN_THREAD, Message, answer_message, question_problem, shared
from bot.slack.trial_message import trial_message, trial_without_budget
from tests import golden
from tests.alerts import FACTS, STATE
from tests.golden.answers import KINDS, asked
from tests.golden.digests import DIGESTS, digest
from tests.ledgers import BERLIN, NOW
from tests.standins.slack_rules import problems


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_looks_as_it_should(kind: str) -> None:
    found = asked(kind)
    message = answer_message(found.answer)
    check(kind, with_controls(message, found.ways, found.words, "an-id", is_shareable=True, has_csv=True))


@pytest.mark.parametrize("kind", DIGESTS)
def test_a_digest_looks_as_it_should(kind: str) -> None:
    check(kind, digest_message(digest(kind)))


def test_a_digests_thread_looks_as_it_should() -> None:
    at = datetime(2026, 11, 22, 18, 4, tzinfo=BERLIN)
    alerts = [
        ToldAlert(
            FACTS._replace(state=STATE._replace(where=())), at, "https://acme.slack.com/archives/C1/p1795366240000100"
        ),
        ToldAlert(FACTS, at, None),
    ]
    check("digest_thread", thread_message(digest("digest"), alerts))
    sent_at = datetime(2026, 11, 23, 9, 1, tzinfo=BERLIN)
    check("digest_thread_updated", thread_message(digest("digest_updated"), alerts, file_at=sent_at))


def test_a_correction_names_both_totals() -> None:
    told = Spend(Decimal("12.30"), 7, 0)
    check("digest_correction", correction_message(digest("digest"), told))


def test_a_shared_answer_says_who_shared_it() -> None:
    found = asked("one_feature")
    message = shared(answer_message(found.answer), "U1", NOW)
    check("shared", with_again(message, found.words, "an-id", has_csv=True))


def test_an_answer_in_a_thread_leads_on_there() -> None:
    found = asked("one_feature")
    message = answer_message(found.answer)
    told = with_controls(message, found.ways, found.words, "an-id", is_shareable=False, has_csv=True, in_thread=True)
    check("in_thread", told)


def test_a_problem_with_a_question_shows_a_way_on() -> None:
    check("question_problem", question_problem(QuestionError('"rag-serch" is no word.', ["rag-search", '"week"'])))


def test_a_test_alert_says_that_it_is_none() -> None:
    check("alert_test", trial_message(FACTS))
    check("alert_test_without_budget", trial_without_budget(Decimal("52.10"), date(2026, 11, 1), date(2026, 11, 22)))


def test_what_a_purge_leaves_of_a_message_is_a_sentence() -> None:
    check("purged", Message.from_json(dict(NO_TEXT)))


def test_what_may_have_been_meant_is_a_button() -> None:
    wrong = QuestionError('"rag-serch" is no word.', ["rag-search"])
    check("question_meant", question_problem(wrong, ["week rag-search", "week rag-search by model"]))
    check("question_meant_in_thread", question_problem(wrong, ["week rag-search"], MEANT_IN_THREAD))


def check(kind: str, message: Message) -> None:
    for form in message.forms():
        assert problems(form) == []
    shown = replace(message, between=()).as_json()  # which are made of the same parts
    golden.check(f"{kind}.slack.json", json.dumps(shown, ensure_ascii=False, indent=1) + "\n")
