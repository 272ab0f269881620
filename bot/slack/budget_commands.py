"""`/llmcost budget rag-search monthly 50 owner @alice`: what was understood, and a button that saves it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.domain.budget import Window
from bot.domain.catalog import SPECIAL
from bot.domain.money import dollars, nanos
from bot.errors import QuestionError
from bot.render.names import plain
from bot.render.numbers import money
from bot.reports.budget_words import HIGHEST_LIMIT, MOST_OWNERS, LimitRequest, parse_limit
from bot.reports.vocabulary import Vocabulary
from bot.slack.blocks import Block, escape, trusted_context
from bot.slack.delivery import respond
from bot.slack.failures import say_failure
from bot.slack.limit_desk import LimitDesk
from bot.slack.messages import Message, note
from bot.slack.presses import press_of

SAVE = "budget_save"
CANCEL = "budget_cancel"

_OWNER = re.compile(r"[UWS][A-Z0-9]{1,30}")


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
            return note(refusal)
        standing = self.desk.standing(request.feature, request.window, now)
        old = standing.in_force
        before = f"Now it is {money(dollars(old.budget.limit_nanos))}." if old is not None else "There is none yet."
        owners = request.owners or standing.owners
        owned = f"Its alerts go to {_people(owners)}." if owners else "It has no owner: anybody may change it."
        lines = [before]
        if standing.spent >= request.limit_nanos:
            lines.append(f"{money(dollars(standing.spent))} has been spent already: its owners will be told at once.")
        understood = (
            f"I understood: {plain(request.feature)} may spend {money(dollars(request.limit_nanos))} {request.window}."
        )
        said = note(understood, *lines).with_blocks(trusted_context(owned), _buttons(request))
        return replace(said, text=f"{said.text}\n{owned}")

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
            respond(body["response_url"], note("Nothing was changed."), replace_original=True)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            say_failure("a Cancel button", body, error)

    def _save(self, body: Mapping[str, Any], team: str) -> Message:
        press, now = press_of(body, team), self.clock()
        request = _carried(press.value) if press is not None else None
        if press is None or request is None or self._unknown(request.feature):
            return note("This cannot be saved any more.", "Say it again.")
        if refusal := self.desk.refusal(press.user, request.feature, request.window, now):
            return note(refusal)
        standing = self.desk.standing(request.feature, request.window, now)
        self.desk.set(press.user, standing, request.limit_nanos, now, owners=request.owners)
        saved = f"{plain(request.feature)} may spend {money(dollars(request.limit_nanos))} {request.window} now."
        return note(saved, f"/llmcost budget {plain(request.feature)} shows how it stands.")

    def _unknown(self, feature: str) -> bool:
        return feature not in SPECIAL and feature not in self.vocabulary().features


def _people(owners: tuple[str, ...]) -> str:
    """Owners in mrkdwn, members and groups by their names."""
    named = []
    for owner in owners:
        is_id = _OWNER.fullmatch(owner) is not None
        mention = f"<!subteam^{owner}>" if owner.startswith("S") else f"<@{owner}>"
        named.append(mention if is_id else escape(plain(owner)))
    return ", ".join(named)


def _buttons(request: LimitRequest) -> Block:
    value = json.dumps(
        [request.feature, request.window.value, str(dollars(request.limit_nanos)), *request.owners], ensure_ascii=False
    )

    def button(label: str, action: str) -> Block:
        text = {"type": "plain_text", "text": label, "emoji": False}
        return {"type": "button", "action_id": action, "text": text, "value": value}

    return {"type": "actions", "elements": [button("Save", SAVE) | {"style": "primary"}, button("Cancel", CANCEL)]}


def _carried(value: str) -> LimitRequest | None:
    """What a button carries, if it is what we could have put there."""
    try:
        feature, window, limit, *owners = json.loads(value)
        amount = nanos(Decimal(str(limit)))
        request = LimitRequest(str(feature), Window(window), amount, tuple(map(str, owners)))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return None
    fits = 0 < amount <= nanos(HIGHEST_LIMIT) and len(owners) <= MOST_OWNERS
    return request if fits and all(_OWNER.fullmatch(owner) for owner in request.owners) else None
