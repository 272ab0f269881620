"""Forged and broken payloads, by Socket Mode and by HTTP: nothing changes, nobody is left in silence, and the next
honest press works."""

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk import WebClient

from bot.ledger.store import open_ledger
from bot.reports.reporter import Reporter
from bot.slack.alert_actions import AlertActions
from bot.slack.alert_message import ACKNOWLEDGE, RAISE
from bot.slack.budget_commands import BudgetCommands
from bot.slack.connection import Connection, HttpConnection, SocketConnection
from bot.slack.hearing import Answerers
from bot.slack.limit_desk import LimitDesk
from bot.slack.listeners import Listeners
from bot.slack.notes.budgets import SAVE
from bot.slack.turns import MOST
from tests.contract.test_alert_actions import Desk, a_desk
from tests.databases import new_url
from tests.e2e.conversation import Talk, now, traced
from tests.e2e.test_alert_buttons import OWNER, STRANGER, RealModals, filled
from tests.ledgers import BERLIN, DIMENSIONS
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import Exchange, SlackStandIn

Json = dict[str, Any]
SECRET = "fake-signing-secret"
HUGE = "x" * 400_000


class Forger(SlackStandIn):
    """A Slack whose payloads somebody changes on their way: `forge` makes of one what arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.forge: Callable[[Json], Json] = dict

    def _send_over_socket(self, exchange: Exchange, kind: str, retry: int) -> None:
        exchange.payload = self.forge(deepcopy(exchange.payload))
        super()._send_over_socket(exchange, kind, retry)

    def _post(self, exchange: Exchange, kind: str, retry: int, target: str) -> None:
        exchange.payload = self.forge(deepcopy(exchange.payload))
        super()._post(exchange, kind, retry, target)


class Counter:
    """The desk of tests/e2e/test_alert_buttons.py, reached by either way."""

    def __init__(self, slack: Forger, desk: Desk) -> None:
        self.slack, self.desk = slack, desk
        self._client = WebClient(token=slack.bot_token, base_url=slack.api_url)
        (self._copy, *_) = desk.world.deliveries()

    def press(self, action: str = ACKNOWLEDGE, **changes: Any) -> Exchange:
        """An honest press of the owner's, changed on its way; `None` leaves a key out."""
        message = self._copy.message  # shown anew: some presses replace it
        said = self._client.chat_postMessage(channel=OWNER, text=message["text"], blocks=message["blocks"])
        self.slack.forge = lambda payload: {k: v for k, v in (payload | changes).items() if v is not None}
        try:
            pressed = self.slack.click({"channel": said["channel"], "ts": said["ts"]}, action, user=OWNER)
            if self.slack._target is not None:
                self.slack._posters[-1].join(10)
        finally:
            self.slack.forge = dict
        return pressed


def opened(slack: Forger, desk: Desk, way: str) -> Connection:
    def may_change(user: str, owners: Sequence[str]) -> bool:
        return user in owners

    world = desk.world
    limits = LimitDesk(world.ledger, lambda: world.catalog, BERLIN, 0, may_change, "#llm-cost")
    reporter = Reporter(world.ledger, lambda: world.catalog, DIMENSIONS, BERLIN)
    words = BudgetCommands(limits, reporter.vocabulary, lambda: desk.now)
    listeners = Listeners(reporter, world.ledger, lambda: desk.now, budgets=words)
    actions = AlertActions(limits, desk.modals, lambda: desk.now)
    answerers = Answerers(listeners, actions)
    common: Json = {"bot_token": slack.bot_token, "api_url": slack.api_url}
    if way == "socket":
        made: Connection = SocketConnection(answerers, app_token=slack.app_token, **common)
        made.open()
        slack.wait_connected()
        return made
    served = HttpConnection(answerers, signing_secret=SECRET, port=0, **common)
    served.open()
    slack.deliver_to(f"http://127.0.0.1:{served.port}/slack/events", signing_secret=SECRET)
    return served


@pytest.fixture(params=["socket", "http"])
def counter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counter]:
    ledger = open_ledger(new_url(tmp_path), create=False)
    with Forger() as slack:
        for user in (OWNER, STRANGER):
            slack.add_user(user, user.lower(), f"{user.lower()}@example.com")
        desk = a_desk(ledger, "", [])
        desk.modals = RealModals(WebClient(token=slack.bot_token, base_url=slack.api_url))
        connection = opened(slack, desk, request.param)
        try:
            yield Counter(slack, desk)
        finally:
            connection.close()
            ledger.close()


def action(**changes: Any) -> Json:
    usual = {"type": "button", "action_id": ACKNOWLEDGE, "block_id": "b", "action_ts": "1.0", "value": "a key"}
    return {"actions": [{k: v for k, v in (usual | changes).items() if v is not None}]}


STRANGERS = {"user": {"id": STRANGER, "team_id": "T0TEAM"}}

# What is answered to whoever pressed, where Bolt can still tell what was pressed.
ANSWERED: tuple[Json, ...] = (
    STRANGERS,
    {"user": {"id": OWNER, "team_id": "T0OTHERS"}},
    {"team": {"id": "T0OTHERS"}},
    {"user": {"id": "<!channel>", "team_id": "T0TEAM"}},
    {"user": {"id": ["U1"], "team_id": "T0TEAM"}},
    {"user": {}},
    action(value=None),
    action(value="budget:rag:monthly:2026-11:limit=1:100"),
    action(value="'; DROP TABLE events; --"),
    action(value={"a": 1}),
    action(value=HUGE),
    action(action_id="a_button_of_long_ago"),
    action(action_id="share_answer"),
    action(action_id=SAVE, value='["rag", "monthly", "1e9", "U0STRANGER"]')
    | {"user": {"id": STRANGER, "team_id": "T0TEAM"}},
    action(action_id=SAVE, value='["rag", "monthly", "NaN"]'),
    action(action_id=SAVE, value="[" * 50_000),
    {**STRANGERS, "container": {"channel_id": "C1", "message_ts": "0"}},
)
# What nobody can make anything of: it is not answered, and does no harm either.
BROKEN: tuple[Json, ...] = (
    {"team": [], "user": {"id": OWNER}},
    {"actions": []},
    {"actions": "x"},
    {"actions": [None]},
    {"type": "no_such_thing"},
    {"type": None},
    {"user": None},
    {"user": "U1"},
    {"response_url": None},
    {"response_url": "file:///etc/passwd", **action(value="x")},
    {"trigger_id": "\ud800", **action(value="x")},
    {"trigger_id": ["x"], "container": [1], **action(value="x")},
)


def test_a_forged_press_changes_nothing_and_is_answered(counter: Counter) -> None:
    before = counter.desk.state()
    for changes in ANSWERED:
        (said, *_) = counter.press(**changes).wait_responses()
        assert said["text"], changes
        assert counter.desk.state() == before, changes
    assert counter.slack.violations == []
    assert_honest_presses_work(counter)


def test_a_broken_press_changes_nothing_and_breaks_nothing(counter: Counter) -> None:
    before = counter.desk.state()
    for changes in BROKEN:
        if changes != {"response_url": None}:  # that one is honest: only its answer has nowhere to go
            counter.press(**changes)
    assert counter.desk.state() == before
    assert_honest_presses_work(counter)


def assert_honest_presses_work(counter: Counter) -> None:
    counter.press()
    counter.slack.wait_for(lambda: counter.desk.card.acknowledged, what="the honest press")


def test_a_press_that_is_handed_over_twice_is_taken_up_once(counter: Counter) -> None:
    slack, desk = counter.slack, counter.desk
    asked = slack.command("budget rag daily 75", user=OWNER)
    asked.wait_responses()
    slack.forge = lambda payload: payload | {"trigger_id": "trigger.same"}
    first = slack.click(asked, SAVE, user=OWNER)
    (said,) = first.wait_responses()
    assert "may spend $75.00 daily" in said["text"]
    (limit,) = desk.limits
    desk.world.ledger.outbox.set_limit(limit._replace(limit_nanos=5), None)
    history = len(desk.world.ledger.outbox.limit_history(["rag"], 99))
    twice = slack._send("interactive", dict(first.payload), "C1", OWNER, response_url=True)
    twice.wait_ack()
    counter.press(trigger_id="trigger.other").wait_responses()
    assert twice.responses == []
    assert len(desk.world.ledger.outbox.limit_history(["rag"], 99)) == history


def test_a_modal_that_is_handed_over_twice_saves_once_and_one_of_long_ago_closes(counter: Counter) -> None:
    slack, desk = counter.slack, counter.desk
    counter.press(RAISE)
    slack.wait_for(lambda: desk.modals.opened, what="the modal")
    view = desk.modals.opened[0]
    slack.forge = lambda payload: payload | {"trigger_id": "trigger.same"}
    for _ in range(3):
        assert slack.submit(view, filled("500"), user=OWNER).wait_ack().payload == {}
    assert len(desk.world.ledger.outbox.limit_history(["rag"], 99)) == 1
    slack.forge = lambda payload: payload | {"view": {**payload["view"], "callback_id": "a_modal_of_long_ago"}}
    assert slack.submit(view, filled("9"), user=OWNER).wait_ack().payload == {"response_action": "clear"}
    assert len(desk.world.ledger.outbox.limit_history(["rag"], 99)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"payload={", b"payload=" + b"[" * 200_000, b"payload=null", b"payload=[]", b"payload=%00", b"", b"=",
        b"payload=" * 999,
        urlencode({"payload": json.dumps({"type": "block_actions"})}).encode(), b'{"type": "event_callback"}',
    ],
)  # fmt: skip
def test_a_signed_body_that_is_no_payload_is_refused_and_the_server_lives(tmp_path: Path, body: bytes) -> None:
    """Slack itself would have to send it."""
    ledger = open_ledger(new_url(tmp_path), create=False)
    with Forger() as slack:
        slack.add_user(OWNER, "owner", "owner@example.com")
        desk = a_desk(ledger, "", [])
        connection = opened(slack, desk, "http")
        assert isinstance(connection, HttpConnection)
        try:
            status = signed_post(connection.port, body)
            assert 200 <= status < 600
            assert_honest_presses_work(Counter(slack, desk))
        finally:
            connection.close()
            ledger.close()


def signed_post(port: int, body: bytes) -> int:
    import hashlib
    import hmac
    import http.client
    import time
    from contextlib import closing

    stamp = str(int(time.time()))
    signed = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={signed}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as line:
        line.request("POST", "/slack/events", body, headers)
        return line.getresponse().status


@pytest.mark.each_database
@pytest.mark.parametrize("odd", ["\ud800", "a\0b", "\0"])
def test_what_no_database_can_hold_is_answered_like_anything_else(tmp_path: Path, odd: str) -> None:
    """In what is typed, and in what buttons carry: said in a sentence, and no bug."""
    with Forger() as slack, LangSmithStandIn(now=now) as langsmith:
        talk = Talk(slack, langsmith, tmp_path, more={"LLMCOST_ADMINS": "U1"})
        traced(langsmith)
        talk.sync()
        said = []
        with talk.running():
            typed = (odd, f"week {odd}", f'week "rag-search{odd}"', f"trace {odd}", f"budget {odd} monthly 5")
            said += [talk.ask(words).text for words in typed]
            asked = talk.ask("week").exchange
            for pressed in ("upload_csv", "share_answer", "ask:0"):
                for value in (odd, f"an-id week {odd}", f"{odd} week"):
                    changed = {"actions": [{**_action(pressed), "value": value}]}
                    slack.forge = lambda payload, changed=changed: payload | changed  # type: ignore[misc] # mypy and defaults
                    said.append(str(slack.click(asked, "upload_csv").wait_responses()[0]["text"]))
                    slack.forge = dict
            assert "$4.20" in talk.ask("week").text
        assert not [one for one in said if "went wrong" in one]


def _action(pressed: str) -> Json:
    return {"type": "button", "action_id": pressed, "block_id": "b", "action_ts": "1.0"}


def test_who_asks_too_often_is_told_so_and_the_others_are_answered(tmp_path: Path) -> None:
    with SlackStandIn() as slack, LangSmithStandIn() as langsmith:
        slack.add_user("U2", "bob", "bob@example.com")
        talk = Talk(slack, langsmith, tmp_path)
        with talk.running():
            said = [talk.ask("help").text for _ in range(MOST + 1)]
            assert said[-1].startswith(f"You have asked {MOST} times within a minute.\nAsk again in ")
            assert not [one for one in said[:-1] if "Ask again in" in one]
            assert "Ask again in" not in talk.ask("help", user="U2").text
