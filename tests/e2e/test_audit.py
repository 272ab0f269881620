"""`/llmcost audit` from LangSmith's answer to Slack's: the four kinds that cost people most, each with its figures and
its trace, and the same in a terminal."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.commands import run
from tests.e2e.conversation import Talk, now
from tests.hostile import acting
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

# 100,000 tokens in at $2.50 a million and 10,000 out at $10: $0.35.
RUN = {"project": "acme-prod", "model": "gpt-4o", "tokens": (100_000, 10_000), "metadata": {"feature": "rag-search"}}
FOUND = {
    "a negative cost": "LangSmith says -$0.12, booked $0.35, repriced $0.35",
    "a cost of $0 beside tokens": "LangSmith says $0.00, booked $0.35, repriced $0.35",
    "a cost above runs that have one too": "LangSmith says $0.35, booked $0.00, repriced $0.00",
    "cached tokens outside the input": "LangSmith says $0.24, booked $0.24, repriced $0.24",
}


@pytest.mark.each_database
def test_somebody_audits_the_week_and_follows_the_worst_trace(tmp_path: Path) -> None:
    with SlackStandIn() as slack, LangSmithStandIn(now=now) as langsmith:
        talk = Talk(slack, langsmith, tmp_path)
        start = now() - timedelta(minutes=5)
        langsmith.add_run(**RUN, start=start, cost="0.35")
        negative = langsmith.add_run(**RUN, start=start, cost="-0.12")
        langsmith.add_run(**RUN, start=start, cost="0")
        parent = langsmith.add_run(**RUN, start=start, cost="0.35")  # wraps the next one, and repeats it
        langsmith.add_run(**RUN, parent=parent, start=start + timedelta(seconds=1), cost="0.35")
        cached = {**RUN, "tokens": (10_000, 10_000)}
        outside = langsmith.add_run(**cached, start=start, cost="0.2375")
        langsmith.spoil(outside, lambda row: {**row, "prompt_token_details": {"cache_read": 90_000}})
        talk.sync()
        with talk.running():
            answer = talk.ask("audit week")
            of_another = talk.ask("audit week no-such-feature")
            answer.press("share_answer").wait_responses(2)
        assert "What looks wrong is below the table: 4 kinds." in answer.text
        for kind, figures in FOUND.items():
            assert f"1 run: {kind}. {figures}." in answer.text
        assert [row[0] for row in answer.rows[1:]] == ["LangSmith", "estimate"]
        assert not [one for one in acting(answer.message) if not talk.is_link(one)]
        rich = [block["elements"] for block in answer.message["blocks"] if block["type"] == "rich_text"]
        pieces = [piece for sections in rich for section in sections for piece in section["elements"]]
        links = [piece["url"] for piece in pieces if piece["type"] == "link"]
        assert any(negative in link for link in links)
        assert "no-such-feature" in of_another.text
        (shared,) = talk.told()
        assert "a negative cost" in shared["text"]
        done = run(tmp_path, "report", "audit", "week", more=talk.environ)
        assert done.returncode == 0
        for kind, figures in FOUND.items():
            assert f"1 run: {kind}. {figures}." in done.stdout
