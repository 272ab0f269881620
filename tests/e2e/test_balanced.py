"""Two `llmcost run` on one PostgreSQL, behind a balancer (HTTP) or each with a connection of its own (Socket Mode):
nobody notices which of them it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.slack.alert_message import ACKNOWLEDGE, DETAILS, RAISE
from tests.databases import cluster, rows
from tests.e2e.conversation import Answer, Talk, now, traced
from tests.e2e.replicas import SECONDS, Replica, replicas, samples
from tests.e2e.test_budget_story import filled
from tests.e2e.test_replicas import let_leases_expire, wait_for
from tests.e2e.test_watching import get
from tests.standins.balancer import Backend, Balancer
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import Exchange, SlackStandIn

OWNER, DEPUTY = "U1", "U2"
TOML = f"""
[features.rag-search]
owner = ["{OWNER}", "{DEPUTY}"]
budget = {{ daily = 0.1 }}
"""
HTTP = {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": SlackStandIn.signing_secret, "PORT": "0"}


class Pair(NamedTuple):
    talk: Talk
    both: list[Replica]
    balancer: Balancer
    url: str

    @property
    def slack(self) -> SlackStandIn:
        return self.talk.slack

    def ask(self, words: str, at: int) -> Answer:
        """Asked of that replica."""
        self.balancer.turn = at
        asked = self.talk.ask(words)
        assert self.balancer.served[-1] == at
        return asked

    def click(self, on: Any, action: str, at: int, **more: Any) -> Exchange:
        """Pressed, and heard by that replica."""
        self.balancer.turn = at
        pressed = self.slack.click(on, action, **more)
        assert pressed.wait_ack(SECONDS).status == 200
        assert self.balancer.served[-1] == at
        return pressed

    def hand_over_again(self, exchange: Exchange, at: int) -> None:
        """As Slack does when it saw no acknowledgement: the same request, to that replica."""
        self.balancer.turn = at
        before = len(self.balancer.served)
        self.slack._post(exchange, "interactive", 1, f"{self.balancer.url}/slack/events")
        assert self.balancer.served[before:] == [at]

    def count(self, query: str) -> int:
        return int(rows(self.url, query)[0][0])


@contextmanager
def town(folder: Path, **more: str) -> Iterator[tuple[Talk, str]]:
    """Both services, and an empty PostgreSQL database."""
    url = cluster().new_url(empty=True)
    (folder / "llmcost.toml").write_text(TOML)
    with LangSmithStandIn(now=now) as langsmith, SlackStandIn() as slack:
        traced(langsmith)
        slack.add_user(DEPUTY, "bob", "bob@example.com")
        settings = {"DATABASE_URL": url, "LLMCOST_SYNC_EVERY": "5s", "LLMCOST_QUIET_HOURS": "off"}
        yield Talk(slack, langsmith, folder, {**settings, "LLMCOST_METRICS_PORT": "0", **more}), url
        assert slack.violations == []


@contextmanager
def balanced(folder: Path) -> Iterator[Pair]:
    """Two replicas by HTTP; one that does not answer `/healthz`, as a platform asks it, gets nothing."""
    with town(folder, **HTTP) as (talk, url), replicas(talk, 2) as both:
        backends = [Backend(one.slack_port, one.slack_port, "/healthz") for one in both]
        with Balancer(backends) as balancer:
            talk.slack.deliver_to(f"{balancer.url}/slack/events")
            wait_for(lambda: get(both[0].watch_port, "/readyz")[0] == 200, "the first sync")
            yield Pair(talk, both, balancer, url)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with balanced(tmp_path_factory.mktemp("balanced")) as made:
        yield made


@pytest.fixture(scope="module")
def alert(pair: Pair) -> dict[str, Any]:
    """The owner's copy of the one alert."""
    pair.slack.wait_messages(DEPUTY, timeout=SECONDS)
    (copy,) = pair.slack.wait_messages(OWNER, timeout=SECONDS)
    wait_for(lambda: pair.count("SELECT count(*) FROM deliveries WHERE state = 'sent'") == 2, "both copies")
    return copy


def commands(replica: Replica) -> float:
    """How many it has answered."""
    return samples(get(replica.watch_port, "/metrics")[1])["llmcost_command_seconds_count"]


def test_a_command_is_answered_whichever_replica_it_reaches(pair: Pair) -> None:
    answers = [pair.talk.ask("week rag-search").text.splitlines()[0] for _ in range(4)]
    assert pair.balancer.served[-4:] in ([0, 1, 0, 1], [1, 0, 1, 0])
    assert len(set(answers)) == 1
    assert answers[0].startswith("rag-search cost $1.70")
    assert all(get(one.watch_port, "/readyz") == (200, "Ready.\n") for one in pair.both)


def test_what_one_has_answered_is_shared_by_the_other_once_however_often_slack_hands_it_over(pair: Pair) -> None:
    asked = pair.ask("week rag-search", at=0)
    told = len(pair.slack.messages("C1"))
    pressed = pair.click(asked.exchange, "share_answer", at=1)
    pressed.wait_responses(2)
    pair.hand_over_again(pressed, at=0)
    pair.hand_over_again(pressed, at=1)
    assert "$1.70" in pair.ask("week rag-search", at=0).text
    assert "$1.70" in pair.ask("week rag-search", at=1).text
    assert len(pair.slack.messages("C1")) == told + 1
    assert len(pressed.responses) == 2


def test_an_event_that_slack_hands_over_again_to_the_other_is_answered_once(pair: Pair) -> None:
    def mention(event_id: str, at: int, retry: int = 0) -> str:
        """The thread that the answer belongs to."""
        pair.balancer.turn = at
        text = f"<@{SlackStandIn.bot_user}> week rag-search"
        said = pair.slack.event("app_mention", text=text, event_id=event_id, retry=retry)
        said.wait_ack(SECONDS)
        assert pair.balancer.served[-1] == at
        return str(said.payload["event"]["ts"])

    def answers(thread: str) -> int:
        return len([one for one in pair.slack.messages("C1") if one.get("thread_ts") == thread])

    first = mention("Ev0SAME", at=0)
    pair.slack.wait_for(lambda: answers(first), what="the answer")
    assert mention("Ev0SAME", at=1, retry=1) == first
    others = [mention(f"Ev0OTHER{number}", at=1) for number in range(3)]
    pair.slack.wait_for(lambda: all(map(answers, others)), what="the answers to what came later")
    assert [answers(thread) for thread in (first, *others)] == [1, 1, 1, 1]


def test_a_modal_that_one_has_opened_is_submitted_to_the_other_once(pair: Pair, alert: dict[str, Any]) -> None:
    pair.click(alert, RAISE, at=0)
    modal = pair.slack.wait_modal()
    pair.balancer.turn = 1
    submitted = pair.slack.submit(modal, filled("20"))
    assert submitted.wait_ack(SECONDS).payload == {}
    assert pair.balancer.served[-1] == 1
    pair.hand_over_again(submitted, at=0)
    assert rows(pair.url, "SELECT limit_nanos FROM limits") == [(20_000_000_000,)]
    assert pair.count("SELECT count(*) FROM limit_changes") == 1
    assert "$20.00" in pair.ask("budget", at=0).text


def test_two_who_press_acknowledge_at_both_at_once_read_the_same_one_name(pair: Pair, alert: dict[str, Any]) -> None:
    (other,) = pair.slack.messages(DEPUTY)
    presses = [pair.slack.click(alert, ACKNOWLEDGE), pair.slack.click(other, ACKNOWLEDGE, user=DEPUTY)]
    for press in presses:
        assert press.wait_ack(SECONDS).status == 200
        press.wait_responses(timeout=SECONDS)
    assert sorted(pair.balancer.served[-2:]) == [0, 1]
    ((by,),) = rows(pair.url, "SELECT acknowledged_by FROM events WHERE acknowledged_at IS NOT NULL")
    assert by in (OWNER, DEPUTY)

    def says(person: str) -> list[str]:
        (copy,) = pair.slack.messages(person)
        return [line.partition(",")[0] for line in copy["text"].splitlines() if "cknowledged" in line]

    wait_for(lambda: all(says(one) == [f"Acknowledged by {by}"] for one in (OWNER, DEPUTY)), "both copies")
    details = pair.click(alert, DETAILS, at=1)
    assert details.wait_responses()


def test_one_is_killed_and_the_other_answers_takes_over_and_tells_once(tmp_path: Path) -> None:
    with balanced(tmp_path) as pair:
        holder = next(number for number, one in enumerate(pair.both) if one.is_on_duty)
        pair.both[holder].kill()
        for _ in range(3):
            assert "$1.70" in pair.talk.ask("week rag-search").text
        assert set(pair.balancer.served[-3:]) == {1 - holder}
        let_leases_expire(pair.url)
        pair.talk.langsmith.add_run(project="acme-prod", start=now(), metadata={"feature": "rag-search"}, cost="0.70")
        assert pair.talk.ask_until("today rag-search", "$1.20", 30)
        pair.slack.wait_messages(OWNER, timeout=SECONDS)
        syncs = pair.count("SELECT max(id) FROM syncs")
        wait_for(lambda: pair.count("SELECT max(id) FROM syncs") > syncs + 1, "two more syncs")
        assert [len(pair.slack.messages(person)) for person in (OWNER, DEPUTY)] == [1, 1]
        assert pair.count("SELECT count(*) FROM leases WHERE name = 'jobs'") == 1


def test_of_two_connections_by_socket_mode_slack_hands_each_command_to_one(tmp_path: Path) -> None:
    with town(tmp_path) as (talk, _), replicas(talk, 2) as both:
        talk.slack.wait_connected(2)
        talk.ask_until("week rag-search", "$1.70")
        before = [commands(one) for one in both]
        exchanges = [talk.slack.command("week rag-search") for _ in range(6)]
        for exchange in exchanges:
            assert exchange.wait_responses(timeout=SECONDS)[0]["text"].startswith("rag-search cost $1.70")
        wait_for(lambda: [commands(one) for one in both] == [count + 3 for count in before], "each its half")
        both[0].kill()
        for _ in range(3):
            assert "$1.70" in talk.ask("week rag-search").text
        assert [len(exchange.responses) for exchange in exchanges] == [1] * 6
