"""What is heard from Slack, and who answers it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.slack.alert_actions import AlertActions
from bot.slack.alert_message import ACKNOWLEDGE, DETAILS, RAISE, SNOOZE_DAY, SNOOZE_PERIOD
from bot.slack.budget_modal import BUDGET_VIEW
from bot.slack.controls import AGAIN, ASK, ASK_IN_THREAD, CSV
from bot.slack.conversation import Refusal
from bot.slack.home_view import MAP_UNTAGGED, PREVIEW_DIGEST, SET_BUDGET, UNDO_RULE
from bot.slack.listeners import Listeners
from bot.slack.messages import MEANT, MEANT_IN_THREAD, SHARE
from bot.slack.notes.asking import refused_view
from bot.slack.notes.budgets import CANCEL, SAVE
from bot.slack.raise_modal import RAISE_VIEW
from bot.slack.rule_modal import RULE_VIEW, SURE_VIEW, working_view
from bot.slack.surfaces import Surfaces
from bot.slack.views import PICK_FEATURE

if TYPE_CHECKING:
    from slack_bolt import App

COMMAND = "/llmcost"

_ANY = re.compile("")


@dataclass(frozen=True, slots=True)
class Answerers:
    """Who answers what people do in Slack. `alerts` are the buttons of alerts, None where none are sent; `surfaces` are
    the others, and who may see anything: without them everybody. `answered` is told after how many seconds a command
    was."""

    listeners: Listeners
    alerts: AlertActions | None = None
    surfaces: Surfaces | None = None
    answered: Callable[[float], None] = lambda _: None


# Makes a listener of Bolt's that acknowledges, with what is said along, and leaves the answer to another thread.
Later = Callable[..., Callable[..., None]]


def hear(app: "App", answerers: Answerers, team: str, later: Later, refusal: Refusal) -> None:
    """Say to Bolt what is heard in the workspace `team`: manifest.yml declares the same."""
    listeners, alerts, surfaces = answerers.listeners, answerers.alerts, answerers.surfaces
    app.command(COMMAND)(later(listeners.command))
    app.action(SHARE)(later(listeners.share))
    app.action(re.compile(f"^{MEANT}"))(later(listeners.ask))
    app.action(ASK)(later(listeners.ask))
    app.action(AGAIN)(later(listeners.ask_again))
    app.action(CSV)(later(listeners.export))
    for action, press in _in_the_workspace(answerers).items():
        app.action(action)(later(partial(press, team=team)))
    if alerts is not None:
        app.view(RAISE_VIEW)(_submitted(alerts.submit_raise, listeners, team, refusal))
    if surfaces is not None:
        app.view(BUDGET_VIEW)(_submitted(surfaces.budgets.submit, listeners, team, refusal))
        preview = partial(surfaces.rules.submit, wait_for=listeners.turns.wait_for)
        app.view(RULE_VIEW)(_submitted(preview, listeners, team, refusal))
        app.action(PREVIEW_DIGEST)(later(partial(surfaces.home.preview, wait_for=listeners.turns.wait_for)))
        _hear_surfaces(app, surfaces, team, later, refusal)


def hear_the_rest(app: "App", listeners: Listeners, later: Later) -> None:
    """Say to Bolt what becomes of buttons and modals that an older llmcost has sent. The first that fits is called, so
    that this comes last."""
    app.action(_ANY)(later(listeners.unknown))
    app.view(_ANY)(_refuse)


def _in_the_workspace(answerers: Answerers) -> dict[str, Callable[..., None]]:
    """The buttons whose answer depends on whether the person is of our workspace."""
    pressed: dict[str, Callable[..., None]] = {}
    if (budgets := answerers.listeners.budgets) is not None:
        pressed |= {SAVE: budgets.save, CANCEL: budgets.cancel}
    if (alerts := answerers.alerts) is not None:
        pressed |= {
            ACKNOWLEDGE: alerts.acknowledge,
            SNOOZE_DAY: alerts.snooze_day,
            SNOOZE_PERIOD: alerts.snooze_period,
            RAISE: alerts.open_raise,
            DETAILS: _in_turn(alerts.details, answerers.listeners),
        }
    if answerers.surfaces is not None:
        pressed[UNDO_RULE] = answerers.surfaces.rules.undo
    return pressed


def _in_turn(press: Callable[..., None], listeners: Listeners) -> Callable[..., None]:
    return lambda body, team: listeners.in_turn(partial(press, team=team), body)


def _submitted(
    submit: Callable[..., dict[str, Any]], listeners: Listeners, team: str, refusal: Refusal
) -> Callable[..., None]:
    def acknowledge(ack: Callable[..., None], body: Mapping[str, Any]) -> None:
        # What a modal is acknowledged with is the answer: it reads and writes the ledger alone, which is quick.
        sentence = refusal(body)
        if sentence is not None:
            ack(response_action="update", view=refused_view(sentence))
        else:
            ack(**(submit(body, team) if listeners.is_new(body) else {}))

    return acknowledge


def _hear_surfaces(app: "App", surfaces: Surfaces, team: str, later: Later, refusal: Refusal) -> None:
    app.view(SURE_VIEW)(later(partial(surfaces.rules.apply, team=team), response_action="update", view=working_view()))
    app.action(SET_BUDGET)(later(surfaces.open_budget))
    app.action(MAP_UNTAGGED)(later(surfaces.open_rule))
    app.action(re.compile(f"^{MEANT_IN_THREAD}"))(later(surfaces.conversation.press))
    app.action(ASK_IN_THREAD)(later(surfaces.conversation.press))
    app.event("app_home_opened")(later(partial(surfaces.home.opened, refusal=refusal)))
    app.event("app_mention")(later(partial(surfaces.conversation.hear, refusal=refusal)))
    app.event("message")(later(partial(surfaces.conversation.hear, refusal=refusal)))

    def offer(ack: Callable[..., None], body: Mapping[str, Any]) -> None:
        ack(options=[] if refusal(body) is not None else surfaces.budgets.options(body))

    app.options(PICK_FEATURE)(offer)


def _refuse(ack: Callable[..., None]) -> None:
    """A modal that is none of ours any more: it closes."""
    ack(response_action="clear")
