"""`/llmcost doctor`: admins read how everything is; others read that it is not for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conversation import Talk, now, traced
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    with SlackStandIn() as slack, LangSmithStandIn(now=now) as langsmith:
        traced(langsmith)
        slack.add_user("U2", "bob", "bob@example.com")
        yield Talk(slack, langsmith, tmp_path, {"LLMCOST_ADMINS": "U1"})


def test_admins_are_answered_and_others_get_a_sentence(talk: Talk) -> None:
    talk.sync()
    with talk.running():
        answer = talk.ask("doctor")
        assert "ok       Slack: llmcost in Team, with all" in answer.text
        assert "ok       LangSmith: It takes the key" in answer.text
        assert "Only admins can ask the doctor" in talk.ask(" Doctor \N{EM DASH}test-alert", user="U2").text
        assert "neither a feature" not in talk.ask("doctor", user="U2").text


def test_a_feature_called_doctor_can_still_be_asked_for(talk: Talk) -> None:
    talk.langsmith.add_run(project="acme-prod", start=now(), metadata={"feature": "doctor"}, cost="7.00")
    talk.sync()
    with talk.running():
        assert "doctor cost $7.00" in talk.ask("week doctor").text
        assert "doctor cost $7.00" in talk.ask('"doctor"').text
