"""What is said where somebody sets a budget in words: what was understood, and what came of it (pure)."""

import json
from dataclasses import replace

from bot.domain.budget import SetLimit
from bot.domain.money import dollars
from bot.render.names import plain
from bot.render.numbers import money
from bot.reports.budget_words import LimitRequest
from bot.slack.blocks import Block, plain_text, trusted_context
from bot.slack.messages import Message, note
from bot.slack.notes.people import naming, somebody, written

SAVE = "budget_save"
CANCEL = "budget_cancel"


def understood(request: LimitRequest, old_nanos: int | None, spent_nanos: int, owners: tuple[str, ...]) -> Message:
    """What would be done, with the buttons that do it or not. `old_nanos` is the limit now, `spent_nanos` what was
    spent in the running period; `owners` would hear of it."""
    before = f"Now it is {money(dollars(old_nanos))}." if old_nanos is not None else "There is no limit yet."
    people = ", ".join(written(somebody(owner)) for owner in owners)
    owned = f"Its alerts go to {people}." if owners else "It has no owner: anybody may change it."
    lines = [before]
    if spent_nanos >= request.limit_nanos:
        lines.append(f"{money(dollars(spent_nanos))} has been spent already: an alert will follow.")
    said = note(f"I understood: {_wanted(request)}.", *lines).with_blocks(trusted_context(owned), _buttons(request))
    return replace(said, text=f"{said.text}\n{owned}")


def saved(request: LimitRequest) -> Message:
    """After Save."""
    return note(f"{_wanted(request)} now.", f"/llmcost budget {plain(request.feature)} shows how it stands.")


def cannot_save() -> Message:
    """After Save, where what was understood cannot be any more."""
    return note("This cannot be saved any more.", "Say it again.")


def cancelled() -> Message:
    """After Cancel."""
    return note("Nothing was changed.")


def limit_changed(new: SetLimit, old_nanos: int | None) -> Message:
    """To the digest's channel, where a limit without an owner is another now."""
    feature, limit = plain(new.feature), money(dollars(new.limit_nanos))
    before = f", {money(dollars(old_nanos))} before" if old_nanos is not None else "; there was none before"
    return naming(
        f"The {new.window} budget of {feature} is {limit} now{before}.",
        [f"{feature} has no owner, so anybody may change it; ", somebody(new.set_by), " did."],
    )


def _wanted(request: LimitRequest) -> str:
    return f"{plain(request.feature)} may spend {money(dollars(request.limit_nanos))} {request.window}"


def _buttons(request: LimitRequest) -> Block:
    value = json.dumps(
        [request.feature, request.window.value, str(dollars(request.limit_nanos)), *request.owners], ensure_ascii=False
    )

    def button(label: str, action: str) -> Block:
        return {"type": "button", "action_id": action, "text": plain_text(label), "value": value}

    return {"type": "actions", "elements": [button("Save", SAVE) | {"style": "primary"}, button("Cancel", CANCEL)]}
