"""The modal in which budgets are set: one feature, a limit per window, which runs count, when and whom to tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.budget import Window
from bot.errors import QuestionError
from bot.ledger.spending import Where
from bot.reports.budget_words import MOST_OWNERS, read_amount, read_thresholds
from bot.reports.vocabulary import Vocabulary
from bot.slack import field_errors
from bot.slack.api import SlackApi
from bot.slack.blocks import Block
from bot.slack.budget_modal import (
    ALERT_AT,
    ALL_RUNS,
    BUDGET_VIEW,
    DIMENSION,
    OWNERS,
    VALUE,
    budget_view,
    saved_view,
)
from bot.slack.failures import log_failure, said_beside_a_field
from bot.slack.limit_desk import LimitDesk
from bot.slack.presses import is_member, press_of
from bot.slack.views import FEATURE, Filled, chosen_feature, feature_options, problems


@dataclass(frozen=True, slots=True)
class BudgetForm:
    """Shows the modal and saves what it says. `keys` are the dimensions that a budget can be narrowed by. `saved` is
    called with whoever has changed something. No method raises anything but `open`."""

    desk: LimitDesk
    vocabulary: Callable[[], Vocabulary]
    keys: Sequence[str]
    api: SlackApi
    clock: Callable[[], datetime]
    saved: Callable[[str], None]

    def open(self, trigger: str) -> None:
        """Show it to whoever has just pressed something. Raises SlackError."""
        self.api.open_modal(trigger, budget_view(self.keys))

    def options(self, body: Mapping[str, Any]) -> list[Block]:
        """The features that fit what is being typed."""
        try:
            is_budget = (body.get("view") or {}).get("callback_id") == BUDGET_VIEW
            return feature_options(str(body.get("value") or ""), self.vocabulary().features, special=is_budget)
        except Exception as error:  # noqa: BLE001 - Slack takes nothing but options
            log_failure("a list of features", error)
            return []

    def submit(self, body: Mapping[str, Any], team: str) -> dict[str, Any]:
        """Save what the modal says. Gives what Slack is to be acknowledged with."""
        try:
            return self._submit(body, team)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            return problems({FEATURE: said_beside_a_field("a budget modal", error)})

    def _submit(self, body: Mapping[str, Any], team: str) -> dict[str, Any]:
        press, filled, now = press_of(body, team), Filled(body.get("view") or {}), self.clock()
        if press is None:
            return problems({FEATURE: field_errors.NOBODY})
        wrong = dict[str, str]()
        feature = chosen_feature(filled.option(FEATURE), self.vocabulary().features, special=True)
        limits = _limits(filled, wrong)
        where, alert_at, owners = _where(filled, self.keys, wrong), _alert_at(filled, wrong), _owners(filled, wrong)
        if feature is None:
            wrong[FEATURE] = field_errors.NO_FEATURE
        else:
            refusals = (self.desk.refusal(press.user, feature, window, now) for window in limits)
            if refusal := next(filter(None, refusals), None):
                wrong[FEATURE] = refusal
        if wrong or feature is None:
            return problems(wrong)
        for window, limit in limits.items():
            standing = self.desk.standing(feature, window, now)
            self.desk.set(press.user, standing, limit, now, owners=owners, alert_at=alert_at, where=where)
        self.saved(press.user)
        stand = [self.desk.standing(feature, window, now).in_force for window in limits]
        view = saved_view(feature, [one.budget for one in stand if one is not None])
        return {"response_action": "update", "view": view}


def _limits(filled: Filled, wrong: dict[str, str]) -> dict[Window, int]:
    found = dict[Window, int]()
    for window in Window:
        if text := filled.text(window.value):
            try:
                found[window] = read_amount(text)
            except QuestionError as error:
                wrong[window.value] = str(error)
    if not found and not wrong:
        wrong[Window.MONTHLY.value] = field_errors.NO_LIMIT
    return found


def _where(filled: Filled, keys: Sequence[str], wrong: dict[str, str]) -> Where | None:
    """Which runs count; None for the same as before."""
    dimension, value = filled.option(DIMENSION), filled.text(VALUE)
    if dimension == ALL_RUNS:
        if value:
            wrong[VALUE] = field_errors.NO_VALUE_OF_ALL
        return ()
    if dimension and not value:
        wrong[VALUE] = field_errors.NO_VALUE
    elif value and not dimension:
        wrong[DIMENSION] = field_errors.NO_DIMENSION
    elif dimension and dimension not in keys:
        wrong[DIMENSION] = field_errors.OTHER_DIMENSION
    return ((dimension, value),) if dimension and value else None


def _alert_at(filled: Filled, wrong: dict[str, str]) -> tuple[int, ...] | None:
    if not (text := filled.text(ALERT_AT)):
        return None
    try:
        return read_thresholds(text)
    except QuestionError as error:
        wrong[ALERT_AT] = str(error)
        return None


def _owners(filled: Filled, wrong: dict[str, str]) -> tuple[str, ...]:
    owners = tuple(filled.users(OWNERS))
    if len(owners) > MOST_OWNERS or not all(map(is_member, owners)):
        wrong[OWNERS] = field_errors.TOO_MANY_OWNERS
    return owners
