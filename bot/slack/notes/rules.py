"""What comes of mapping untagged spend to a feature, in words (pure)."""

from datetime import date, datetime

from bot.domain.feature import Rule
from bot.render.names import plain
from bot.render.numbers import clock
from bot.slack.blocks import button
from bot.slack.home_view import UNDO_RULE
from bot.slack.messages import Message, note
from bot.slack.notes.people import naming, somebody
from bot.slack.rule_desk import PREVIEWED_DAYS, Moved
from bot.slack.rule_modal import amount, but_pruned


def mapped(rule: Rule, moved: Moved, number: int, first: date | None) -> Message:
    """That the rule with this number holds, what it moved, and the button that takes it back. `first` is the first day
    whose runs could be moved, None if all could."""
    said = note(
        f"{_words(rule)} now, in the past too{but_pruned(first)}.",
        f"{amount(moved)} of the last {PREVIEWED_DAYS} days moved out of the untagged runs.",
    )
    return said.with_blocks(button("Undo", UNDO_RULE, str(number)))


def mapped_already(rule: Rule) -> Message:
    """That it held before."""
    return note(f"{_words(rule)} already: nothing was changed.")


def not_mapped(*sentences: str) -> Message:
    """Why a rule was not set or taken back."""
    return note(*sentences)


def ledger_busy() -> Message:
    """That a sync did not end."""
    return note("Nothing was changed: LangSmith is being read all the time.", "Try again in a few minutes.")


def undone(rule: Rule, first: date | None) -> Message:
    """That it was taken back; `first` as above."""
    return note(f"Taken back: {_words(rule)}.", f"What it had moved is untagged again{but_pruned(first)}.")


def undone_already(by: str | None, at: datetime | None) -> Message:
    """Who has taken it back, and when."""
    when = f" on {clock(at)}" if at is not None else ""
    return naming("This rule was taken back already.", [somebody(by or "Somebody"), f" did that{when}."])


def unknown_rule() -> Message:
    """That there never was one with this number."""
    return note("This rule is not known any more.")


def _words(rule: Rule) -> str:
    where = f" in {plain(rule.project)}" if rule.project is not None else ""
    return f"{plain(rule.name or '*')}{where} belongs to {plain(rule.feature)}"
