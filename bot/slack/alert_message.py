"""An alert as a Slack message (pure): per budget what happened and its buttons, in every state that it can be in.

Names from traces stand in rich text only, where nothing acts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.ledger.deliveries import Role
from bot.render.budgets import alert_basis, alert_headline, alert_sentences, trace_words
from bot.render.names import plain
from bot.render.numbers import clock, money, plural
from bot.reports.budgets import AlertFacts, AlertTrace
from bot.slack.blocks import Block, context, cut, escaped, weight
from bot.slack.messages import Message

ACKNOWLEDGE = "alert_acknowledge"
SNOOZE_DAY = "alert_snooze_day"
SNOOZE_PERIOD = "alert_snooze_period"
RAISE = "alert_raise"
DETAILS = "alert_details"

_TRACES = "Costliest traces:"

# What all blocks have room for together (about 13,200 characters and 50 blocks), less the lines at both ends.
_ROOM = 11_000
_CARDS = 20
_LINES = 1_700
_LINE = 500
_TEXT = 3_400
_LEFT_OUT_NAMED = 10
_LONGEST_LINK = 500


@dataclass(frozen=True, slots=True)
class Done:
    """What somebody (a member's id) did about an alert, and when. `until` and `limit` belong to a snooze and to a new
    limit; a new limit without an `until` holds until it is changed."""

    by: str
    at: datetime
    until: datetime | None = None
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One budget's alert, and what was done about it since. `key` is the event's."""

    key: str
    facts: AlertFacts
    acknowledged: Done | None = None
    snoozed: Done | None = None
    changed: Done | None = None


def alert_message(cards: Sequence[Card], role: Role, why: str) -> Message:
    """The alerts about some budgets as one recipient sees them; `why` says why they get it. What does not fit is named
    at the end, the cards in front have their buttons."""
    blocks: list[Block] = []
    if len(cards) > 1 or role is Role.ESCALATION:
        blocks.append(_rich([_bold(_opening(cards, role))]))
    left, shown = _ROOM, 0
    for card in cards[:_CARDS]:
        pair = [_said(card), _buttons(card)]
        room = sum(map(_size, pair))
        if room > left:
            break
        blocks += pair
        left -= room
        shown += 1
    rest = _left_out(cards[shown:])
    foot = context(*rest, *dict.fromkeys(alert_basis(card.facts) for card in cards[:_CARDS]), why)
    whole = (*blocks, foot)
    return Message(_text(cards, role, [*rest, why]), whole, whole)


def _opening(cards: Sequence[Card], role: Role) -> str:
    number = plural(len(cards), "budget")
    if role is Role.ESCALATION:
        return f"Nobody has acknowledged this: {number} far over the limit."
    return f"{number} {'needs' if len(cards) == 1 else 'need'} a look."


def _left_out(cards: Sequence[Card]) -> list[str]:
    if not cards:
        return []
    named = [f"{plain(card.facts.state.feature)} {card.facts.state.window}" for card in cards[:_LEFT_OUT_NAMED]]
    more = [f"{len(cards) - _LEFT_OUT_NAMED} more"] if len(cards) > _LEFT_OUT_NAMED else []
    return [f"Also: {', '.join([*named, *more])}. Say /llmcost budget to see them."]


def _said(card: Card) -> Block:
    elements = [_bold(alert_headline(card.facts.state))]
    room = _LINES
    for line in alert_sentences(card.facts):
        piece = f"\n{cut(line, _LINE, weight)}"
        if weight(piece) <= room:
            elements.append(_plain(piece))
            room -= weight(piece)
    if card.facts.traces:
        elements.append(_plain(f"\n{_TRACES}"))
    for trace in card.facts.traces:
        elements += _trace(trace)
    for number, what in enumerate(done_lines(card)):
        elements += [_plain("\n\n" if not number else "\n"), *what]
    return _rich(elements)


def _trace(trace: AlertTrace) -> list[Block]:
    words = cut(trace_words(trace), _LINE, weight)
    if trace.link is None or len(trace.link) > _LONGEST_LINK:
        return [_plain(f"\n  {words}")]
    return [_plain("\n  "), {"type": "link", "url": trace.link, "text": words}]


def done_lines(card: Card) -> Iterable[list[Block]]:
    """What was done, a line each: who, what and when, in the reader's own time."""
    if (done := card.acknowledged) is not None:
        yield [_plain("Acknowledged by "), _person(done.by), _plain(" "), _when(done.at), _plain(".")]
    if (done := card.snoozed) is not None and done.until is not None:
        yield [
            _plain("Snoozed until "), _when(done.until), _plain(" by "), _person(done.by), _plain(" "), _when(done.at),
            _plain("."),
        ]  # fmt: skip
    if (done := card.changed) is not None and done.limit is not None:
        until = [_plain(" until "), _when(done.until)] if done.until is not None else [_plain(" until it is changed")]
        yield [
            _plain(f"Limit set to {money(done.limit)}"), *until, _plain(" by "), _person(done.by), _plain(" "),
            _when(done.at), _plain("."),
        ]  # fmt: skip


def _buttons(card: Card) -> Block:
    buttons = [] if card.acknowledged is not None else [_button("Acknowledge", ACKNOWLEDGE, card.key, primary=True)]
    if not card.facts.state.is_closed:
        buttons.append(_button("Snooze until tomorrow", SNOOZE_DAY, card.key))
        buttons.append(_button("Snooze until the period's end", SNOOZE_PERIOD, card.key))
    buttons.append(_button("Raise budget", RAISE, card.key))
    buttons.append(_button("Details", DETAILS, card.key))
    return {"type": "actions", "elements": buttons}


def _button(label: str, action: str, key: str, *, primary: bool = False) -> Block:
    text = {"type": "plain_text", "text": label, "emoji": False}
    found: Block = {"type": "button", "action_id": action, "text": text, "value": key}
    return found | ({"style": "primary"} if primary else {})


def _text(cards: Sequence[Card], role: Role, ends: Sequence[str]) -> str:
    """The whole message in plain words, for notifications and for who sees no blocks."""
    lines = [_opening(cards, role)] if role is Role.ESCALATION else []
    for card in cards:
        lines.append(alert_headline(card.facts.state))
        lines += alert_sentences(card.facts)
        if card.facts.traces:
            lines += [_TRACES, *(f"  {trace_words(trace)}" for trace in card.facts.traces)]
        lines += _done_words(card)
    end = escaped("\n".join(ends), _TEXT // 4)
    return f"{escaped(chr(10).join(lines), _TEXT - len(end))}\n{end}"


def _done_words(card: Card) -> Iterable[str]:
    if (done := card.acknowledged) is not None:
        yield f"Acknowledged by {plain(done.by)}, {clock(done.at)}."
    if (done := card.snoozed) is not None and done.until is not None:
        yield f"Snoozed until {clock(done.until)} by {plain(done.by)}, {clock(done.at)}."
    if (done := card.changed) is not None and done.limit is not None:
        until = f"until {clock(done.until)}" if done.until is not None else "until it is changed"
        yield f"Limit set to {money(done.limit)} {until} by {plain(done.by)}, {clock(done.at)}."


def _rich(elements: list[Block]) -> Block:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _bold(text: str) -> Block:
    return {"type": "text", "text": cut(text, _LINE, weight), "style": {"bold": True}}


def _plain(text: str) -> Block:
    return {"type": "text", "text": text}


def _person(user: str) -> Block:
    return {"type": "user", "user_id": user}


def _when(moment: datetime) -> Block:
    return {
        "type": "date",
        "timestamp": int(moment.timestamp()),
        "format": "{date_short_pretty} {time}",
        "fallback": clock(moment),
    }


def _size(value: Any) -> int:
    """How much room a block takes: all its strings."""
    if isinstance(value, str):
        return weight(value)
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_size, value)) if isinstance(value, list) else 0
