"""Test alerts (pure): a real one with real figures, marked as a test."""

from datetime import date
from decimal import Decimal

from bot.ledger.deliveries import Role
from bot.render.numbers import days, money
from bot.reports.budgets import AlertFacts
from bot.slack.alert_message import Card, alert_message
from bot.slack.blocks import paragraph
from bot.slack.messages import Message, note

_MARK = "TEST, nothing is to be done:"
_WHY = "Somebody asked with llmcost doctor whether alerts reach you."


def trial_message(facts: AlertFacts) -> Message:
    """The alert, without buttons: nothing has been told that they could be about."""
    alert = alert_message([Card("test", facts)], Role.OWNER, _WHY)
    said = (paragraph(_MARK), *(block for block in alert.blocks if block["type"] != "actions"))
    return Message(f"{_MARK} {alert.text}", said, said)


def trial_without_budget(spent: Decimal, first: date, last: date) -> Message:
    """What was spent this month, where there is no budget to tell of."""
    cost = f"All features together cost {money(spent)} so far this month ({days(first, last)})."
    return note(f"{_MARK} {cost} No budget is set.", _WHY)
