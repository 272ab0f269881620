"""People who ask while others write come first. How fast they are answered is measured by tests/bench/crowd.py."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.conversation import Talk, now
from tests.e2e.test_watching import leased
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import Exchange, SlackStandIn

PEOPLE = 50
WORDS = ("week", "week rag-search", "month by model", "ytd", "untagged")
SECONDS = 60


def test_fifty_people_are_answered_while_a_sync_stands_still_and_the_ledger_is_being_written(tmp_path: Path) -> None:
    """The sync has booked a page and waits for the next; another process is in the middle of a write, and ends it only
    when everybody has been answered."""
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        runs = {"project": "acme-prod", "metadata": {"feature": "rag-search"}, "cost": "0.01"}
        langsmith.add_runs([{**runs, "start": now()} for _ in range(1_200)])
        langsmith.hang_next(3_600, path="/runs/query", project='"cursor"')
        talk = Talk(slack, langsmith, tmp_path)
        people = [f"U9{number:02}" for number in range(PEOPLE)]
        for person in people:
            slack.add_user(person, person.lower(), f"{person}@example.com")
        with talk.running(), closing(sqlite3.connect(tmp_path / "llmcost.db", isolation_level=None)) as another:
            talk.ask_until("week rag-search", "$10.00")  # the first page
            another.execute("BEGIN IMMEDIATE")
            exchanges = [slack.command(WORDS[at % len(WORDS)], user=person) for at, person in enumerate(people)]
            for exchange in exchanges:
                assert exchange.wait_ack(SECONDS).status == 200
            for exchange in exchanges:
                (said,) = exchange.wait_responses(timeout=SECONDS)
                assert "$" in said["text"] or "untagged" in said["text"], said["text"]
                assert "share_answer" not in str(said), "nothing can be kept for it now"
            assert "sync" in leased(talk)
            another.execute("ROLLBACK")
            assert "share_answer" in str(talk.ask("week").message)


def test_a_sync_stands_back_at_each_page_while_somebody_waits(tmp_path: Path) -> None:
    """Slack takes its time to say who they are; LangSmith would have had a page more than are booked until then."""
    pages, asked = 6, list[Exchange]()
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        langsmith.add_runs([{"project": "acme-prod", "start": now(), "cost": "0.01"} for _ in range(1_000 * pages)])
        slack.fail_next("users.info", hang=4)

        def ask() -> None:
            asked.append(slack.command("week"))
            asked[0].wait_ack(SECONDS)

        langsmith._between_pages.append(ask)  # once the first page is made, and before it is sent
        talk = Talk(slack, langsmith, tmp_path)
        with talk.running():
            slack.wait_for(lambda: asked and asked[0].responses, SECONDS, "the answer")
            with closing(sqlite3.connect(tmp_path / "llmcost.db")) as ledger:
                ((booked,),) = ledger.execute("SELECT count(*) FROM runs")
        assert 1_000 <= booked < 1_000 * pages
