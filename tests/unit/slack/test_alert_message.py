"""Alerts in Slack: what people see in each state (tests/golden/alert_*.slack.json), and that nothing breaks or acts."""

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ledger.deliveries import Role
from bot.slack.alert_message import ACKNOWLEDGE, DETAILS, RAISE, SNOOZE_DAY, SNOOZE_PERIOD, Card, Done, alert_message
from bot.slack.messages import Message
from tests import golden
from tests.alerts import CLOSED, FACTS, NEAR, facts, names
from tests.ledger_worlds import PATIENT
from tests.ledgers import NOW
from tests.standins.slack_rules import autolinked, problems, visible_mentions

KEY = "budget:rag-search:monthly:2026-11:limit=50000000000:100"
WHY = "You get this because you own rag-search."
CARD = Card(KEY, FACTS)
LATER = NOW + timedelta(minutes=7)
DONE = Card(
    KEY,
    FACTS,
    Done("U1", LATER),
    Done("U2", LATER, FACTS.state.end),
    Done("U3", LATER, FACTS.state.end, Decimal(75)),
)

KINDS: dict[str, tuple[Sequence[Card], Role, str]] = {
    "alert": ([CARD], Role.OWNER, WHY),
    "alert_several": ([CARD, Card("k2", NEAR)], Role.OWNER, WHY),
    "alert_done": ([DONE], Role.OWNER, WHY),
    "alert_closed": ([Card(KEY, CLOSED)], Role.FALLBACK, "You see this instead of U7, whom Slack could not reach."),
    "alert_escalated": ([CARD], Role.ESCALATION, "You see this because nobody has acknowledged it."),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_alert_looks_as_it_should(kind: str) -> None:
    message = alert_message(*KINDS[kind])
    for form in message.forms():
        assert problems(form) == []
    golden.check(f"{kind}.slack.json", json.dumps(message.as_json(), ensure_ascii=False, indent=1) + "\n")


def buttons(message: Message) -> list[dict[str, Any]]:
    return [element for block in message.blocks if block["type"] == "actions" for element in block["elements"]]


def test_every_button_carries_its_own_event() -> None:
    found = buttons(alert_message([CARD, Card("k2", NEAR)], Role.OWNER, WHY))
    actions = [ACKNOWLEDGE, SNOOZE_DAY, SNOOZE_PERIOD, RAISE, DETAILS]
    assert [(one["action_id"], one["value"]) for one in found] == [
        (action, key) for key in (KEY, "k2") for action in actions
    ]
    assert [one["action_id"] for one in found if one.get("style") == "primary"] == [ACKNOWLEDGE] * 2


def test_an_acknowledged_alert_asks_for_no_acknowledgement() -> None:
    assert ACKNOWLEDGE not in [one["action_id"] for one in buttons(alert_message([DONE], Role.OWNER, WHY))]


def test_a_closed_period_cannot_be_snoozed() -> None:
    found = [one["action_id"] for one in buttons(alert_message([Card(KEY, CLOSED)], Role.OWNER, WHY))]
    assert found == [ACKNOWLEDGE, RAISE, DETAILS]


def test_what_does_not_fit_is_named() -> None:
    cards = [Card(f"k{n}", FACTS._replace(state=FACTS.state._replace(feature=f"feature-{n}"))) for n in range(40)]
    message = alert_message(cards, Role.OWNER, WHY)
    shown = {one["value"] for one in buttons(message)}
    assert 5 <= len(shown) < 40
    assert f"Also: feature-{len(shown)} monthly" in json.dumps(message.blocks[-1])
    assert problems(message.forms()[0]) == []


done = st.none() | st.builds(
    Done, st.just("U0DOER"), st.just(NOW), st.none() | st.just(LATER), st.none() | st.just(Decimal(3))
)
cards = st.builds(Card, st.just("k" * 204), facts(st.just("Europe/Berlin")), done, done, done)


@given(st.lists(cards, min_size=1, max_size=24), st.sampled_from(Role), names)
@settings(PATIENT, max_examples=40)
def test_whatever_happened_it_fits_into_a_message_and_no_name_acts(found: list[Card], role: Role, why: str) -> None:
    message = alert_message(found, role, why)
    for form in message.forms():
        assert problems(form) == []
        assert len(form["text"]) <= 3_500
        assert set(visible_mentions(form)) <= {"<@U0DOER>", "<https://smith.example.com/x>"}
        assert autolinked(form) == []
    assert Message.from_json(json.loads(json.dumps(message.as_json()))).as_json() == message.as_json()
