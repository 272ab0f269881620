"""Whatever stands in a note, it fits into a message, and nobody is called but who is named on purpose."""

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.budget import SetLimit, Window
from bot.domain.feature import Rule
from bot.ledger.deliveries import Delivery
from bot.ledger.limits import LimitChange
from bot.render.names import plain
from bot.reports.budget_words import LimitRequest
from bot.reports.budgets import AlertFacts
from bot.slack.messages import Message
from bot.slack.notes import alerts, budgets, deliveries, files, people, rules
from tests.alerts import facts, names
from tests.golden.notes import DELIVERIES, MOVED, STANDING
from tests.ledger_worlds import PATIENT
from tests.ledgers import BERLIN, NOW
from tests.standins.slack_rules import autolinked, problems, visible_mentions

anybody = st.sampled_from(["U0DOER", "S0DOERS"]) | names
CALLED = {"<@U0DOER>", "<!subteam^S0DOERS>"}


def wrong(message: Message, called: set[str]) -> list[object]:
    """What Slack refuses of it, what is too long, who is called beside those who may be, and what looks like a link."""
    found: list[object] = []
    for form in message.forms():
        found += [*problems(form), *autolinked(form), *(set(visible_mentions(form)) - called)]
        found += [form["text"]] * (len(form["text"]) > 3_500)
    return found


@given(names.map(plain), st.lists(st.lists(anybody.map(people.somebody), max_size=4), max_size=12))
@settings(PATIENT, max_examples=60)
def test_any_lines_fit_and_the_rest_is_seen_to_be_left_out(first: str, lines: list[people.Line]) -> None:
    message = people.naming(first, *lines)
    assert wrong(message, CALLED) == []
    assert message.text.count("\n") == len(lines) or "\n\N{HORIZONTAL ELLIPSIS}" in message.text


@given(facts(st.just("Europe/Berlin")), anybody, anybody)
@settings(PATIENT, max_examples=40)
def test_the_details_of_any_alert_fit(found: AlertFacts, told: str, by: str) -> None:
    sent: list[Delivery] = [one._replace(recipient=told) for one in DELIVERIES]
    change = LimitChange(NOW, by, "rag-search", Window.DAILY, None, 10**9, None, ())
    assert wrong(alerts.details(found, STANDING, sent, [change] * 5, BERLIN), CALLED) == []
    assert wrong(alerts.done_without_owner(found.state, "acknowledged", by), CALLED) == []


@given(names, names, names, anybody)
@settings(PATIENT, max_examples=60)
def test_any_names_fit_into_a_note_and_none_acts(feature: str, name: str, problem: str, by: str) -> None:
    request = LimitRequest(feature, Window.MONTHLY, 10**9, ("U0DOER",))
    told = budgets.limit_changed(SetLimit(feature, Window.MONTHLY, 10**9, by, NOW), None)
    rule, moved = Rule(feature, name, name), MOVED._replace(names=((name, name, MOVED.cost),))
    for message in (
        budgets.understood(request, 1, 10**10, ("U0DOER", "S0DOERS", name)),
        budgets.saved(request),
        told,
        rules.mapped(rule, moved, 7, NOW.date()),
        rules.mapped_already(rule),
        rules.undone(rule, NOW.date()),
        rules.undone_already(by, datetime(2026, 1, 1, tzinfo=BERLIN)),
        files.unconfirmed_file(name),
        files.file_missing(name, problem),
        deliveries.repeated(told),
        deliveries.redirected(told, by, problem),
    ):
        assert wrong(message, CALLED) == []
