"""`/llmcost budget rag-search monthly 50 owner @alice`: what was understood, and a button that saves it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.domain.budget import Window
from bot.domain.catalog import SPECIAL
from bot.domain.money import nanos
from bot.errors import QuestionError
from bot.reports.budget_words import HIGHEST_LIMIT, MOST_OWNERS, LimitRequest, parse_limit
from bot.reports.vocabulary import Vocabulary
from bot.slack.delivery import respond
from bot.slack.failures import say_failure
from bot.slack.limit_desk import LimitDesk
from bot.slack.messages import Message
from bot.slack.notes import asking, budgets
from bot.slack.notes.people import ID
from bot.slack.presses import press_of


@dataclass(frozen=True, slots=True)
class BudgetCommands:
    """Setting budgets by words. Nothing is stored before Save; what a button carries is read like something typed."""

    desk: LimitDesk
    vocabulary: Callable[[], Vocabulary]
    clock: Callable[[], datetime]

    def understand(self, text: str, user: str, now: datetime) -> Message:
        """What words that bot.reports.budget_words.asks_to_set would do, to be saved or not. Raises QuestionError."""
        request = parse_limit(text, self.vocabulary())
        if len(request.owners) > MOST_OWNERS:
            raise QuestionError(f"A budget has at most {MOST_OWNERS} owners; make a user group of them.")
        if refusal := self.desk.refusal(user, request.feature, request.window, now):
            return asking.refused(refusal)
        standing = self.desk.standing(request.feature, request.window, now)
        old = standing.in_force.budget.limit_nanos if standing.in_force is not None else None
        return budgets.understood(request, old, standing.spent, request.owners or standing.owners)

    def save(self, body: Mapping[str, Any], team: str) -> None:
        """The Save button. Raises nothing."""
        try:
            respond(body["response_url"], self._save(body, team), replace_original=True)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            say_failure("a Save button", body, error)

    def cancel(self, body: Mapping[str, Any], team: str) -> None:
        """The Cancel button. Raises nothing."""
        del team  # nothing comes of it
        try:
            respond(body["response_url"], budgets.cancelled(), replace_original=True)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            say_failure("a Cancel button", body, error)

    def _save(self, body: Mapping[str, Any], team: str) -> Message:
        press, now = press_of(body, team), self.clock()
        request = _carried(press.value) if press is not None else None
        if press is None or request is None or self._unknown(request.feature):
            return budgets.cannot_save()
        if refusal := self.desk.refusal(press.user, request.feature, request.window, now):
            return asking.refused(refusal)
        standing = self.desk.standing(request.feature, request.window, now)
        self.desk.set(press.user, standing, request.limit_nanos, now, owners=request.owners)
        return budgets.saved(request)

    def _unknown(self, feature: str) -> bool:
        return feature not in SPECIAL and feature not in self.vocabulary().features


def _carried(value: str) -> LimitRequest | None:
    """What a button carries, if it is what we could have put there."""
    try:
        feature, window, limit, *owners = json.loads(value)
        amount = nanos(Decimal(str(limit)))
        request = LimitRequest(str(feature), Window(window), amount, tuple(map(str, owners)))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return None
    fits = 0 < amount <= nanos(HIGHEST_LIMIT) and len(owners) <= MOST_OWNERS
    return request if fits and all(ID.fullmatch(owner) for owner in request.owners) else None
