"""The modals in which untagged spend is mapped to a feature: which, what that moves, and then a word with Undo."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.feature import Rule
from bot.errors import LedgerBusyError
from bot.render.names import plain
from bot.render.numbers import clock, day, money, plural
from bot.reports.vocabulary import Vocabulary
from bot.slack.api import SlackApi
from bot.slack.blocks import Block, button, paragraph, plain_paragraph, plain_text
from bot.slack.delivery import respond
from bot.slack.failures import log_failure
from bot.slack.forms import in_a_form_that_is_taken
from bot.slack.home_view import UNDO_RULE
from bot.slack.messages import Message, note
from bot.slack.presses import Press, press_of
from bot.slack.rule_desk import PREVIEWED_DAYS, Moved, RuleDesk
from bot.slack.views import FEATURE, Filled, chosen_feature, closing_view, feature_field, field, problems

RULE_VIEW, SURE_VIEW = "map_untagged", "map_untagged_sure"
NAME, PROJECT = "name", "project"

_LONGEST = 250
_NAMES = 10
_DIGITS = 9  # of a rule's number, at most


@dataclass(frozen=True, slots=True)
class RuleForm:
    """Shows the modals and does what they say. `changed` is called with whoever has changed something. No method raises
    anything but `open`."""

    desk: RuleDesk
    vocabulary: Callable[[], Vocabulary]
    api: SlackApi
    changed: Callable[[str], None]

    def open(self, trigger: str) -> None:
        """Show the first modal to whoever has just pressed something. Raises SlackError."""
        self.api.open_modal(trigger, rule_view())

    def submit(self, body: Mapping[str, Any], team: str) -> dict[str, Any]:
        """What the first modal would move, in the second one; or what is wrong beside its fields."""
        try:
            press, rule = press_of(body, team), self._rule(Filled(body.get("view") or {}))
            wrong = {NAME: "Slack does not say who you are."} if press is None else self._wrong(press, rule)
            if wrong:
                return problems(wrong)
            moved = self.desk.preview(rule)
            if not moved.runs:
                return problems({NAME: f"No untagged run of the last {PREVIEWED_DAYS} days is called so there."})
            return {"response_action": "update", "view": sure_view(rule, moved)}
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            return problems({NAME: f"Something went wrong here. It is in the log as {log_failure('a modal', error)}."})

    def apply(self, body: Mapping[str, Any], team: str) -> None:
        """The second modal: set the rule, and tell whoever did in a direct message, with a way back."""
        press, rule = press_of(body, team), _carried(body.get("view") or {})
        if press is None or rule is None:
            return
        try:
            wrong = self._wrong(press, rule)
            said = note(*wrong.values()) if wrong else self._applied(press, rule)
        except LedgerBusyError:
            said = note("Nothing was changed: LangSmith is being read all the time.", "Try again in a few minutes.")
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            said = note("Something went wrong here.", f"It is in the log as {log_failure('a mapping', error)}.")
        self._tell(press.user, said, f"rule:{body.get('trigger_id')}")
        self.changed(press.user)

    def undo(self, body: Mapping[str, Any], team: str) -> None:
        """An Undo button, in the home tab or in a message."""
        press = press_of(body, team)
        if press is None:
            return
        is_over = False
        try:
            said, is_over = self._undone(press)
        except LedgerBusyError:
            said = note("Nothing was changed: LangSmith is being read all the time.", "Try again in a few minutes.")
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            said = note("Something went wrong here.", f"It is in the log as {log_failure('an Undo button', error)}.")
        try:
            if url := body.get("response_url"):
                respond(str(url), said, replace_original=is_over)
            else:
                self._tell(press.user, said, f"rule:{body.get('trigger_id')}")
        except Exception as error:  # noqa: BLE001 - there is nobody left to tell
            log_failure("telling of an Undo button", error)
        self.changed(press.user)

    def _rule(self, filled: Filled) -> Rule:
        feature = chosen_feature(filled.option(FEATURE), self.vocabulary().features, special=False)
        return Rule(feature or "", filled.text(PROJECT) or None, filled.text(NAME) or None)

    def _wrong(self, press: Press, rule: Rule) -> dict[str, str]:
        if rule.feature not in self.vocabulary().features:
            return {FEATURE: "There is no such feature any more; choose another."}
        if rule.name is None:
            return {NAME: "Say which runs: a name, or * for all of a project."}
        refusal = self.desk.refusal(press.user, rule.feature)
        return {FEATURE: refusal} if refusal is not None else {}

    def _applied(self, press: Press, rule: Rule) -> Message:
        moved, new = self.desk.preview(rule), self.desk.set(press.user, rule)
        if new is None:
            return note(f"{_words(rule)} already: nothing was changed.")
        said = note(
            f"{_words(rule)} now, in the past too{self._but_pruned()}.",
            f"{_amount(moved)} of the last {PREVIEWED_DAYS} days moved out of the untagged runs.",
        )
        return said.with_blocks(button("Undo", UNDO_RULE, str(new.id)))

    def _undone(self, press: Press) -> tuple[Message, bool]:
        """What there is to say, and whether the rule holds no more."""
        is_number = press.value.isdecimal() and len(press.value) <= _DIGITS
        found = self.desk.find(int(press.value)) if is_number else None
        if found is None:
            return note("This rule is not known any more."), True
        rule = found.set_rule.rule
        if refusal := self.desk.refusal(press.user, rule.feature):
            return note(refusal), False
        if not self.desk.undo(press.user, found.set_rule.id):
            by = plain(found.undone_by or "somebody")
            at = f" on {clock(found.undone_at.astimezone(self.desk.zone))}" if found.undone_at is not None else ""
            return note(f"{by} took this rule back already{at}."), True
        return note(f"Taken back: {_words(rule)}.", f"What it had moved is untagged again{self._but_pruned()}."), True

    def _but_pruned(self) -> str:
        first = self.desk.pruned_before()
        return f", but not before {day(first)}: the runs of those days were pruned" if first is not None else ""

    def _tell(self, user: str, said: Message, key: str) -> None:
        try:
            place = self.api.direct(user)
            in_a_form_that_is_taken(said, lambda form: self.api.post(place, form, key))
        except Exception as error:  # noqa: BLE001 - there is nobody left to tell
            log_failure("telling of a mapping", error)


def rule_view() -> Block:
    """The first modal."""
    name = {"type": "plain_text_input", "max_length": _LONGEST, "placeholder": plain_text("rag_chain*")}
    project = {"type": "plain_text_input", "max_length": _LONGEST, "placeholder": plain_text("acme-prod")}
    return {
        "type": "modal",
        "callback_id": RULE_VIEW,
        "title": plain_text("Map untagged spend"),
        "submit": plain_text("Preview"),
        "close": plain_text("Cancel"),
        "blocks": [
            paragraph(
                "Runs that say no feature themselves, and that no rule of llmcost.toml claims.",
                "/llmcost untagged lists their names and projects. Nothing changes before you have seen what moves.",
            ),
            field(NAME, "Runs of this name", name, hint="* stands for any characters; case matters."),
            field(PROJECT, "In this project", project, optional=True, hint="Left empty, in every project."),
            feature_field("Belong to"),
        ],
    }


def sure_view(rule: Rule, moved: Moved) -> Block:
    """The second modal: what moves."""
    lines = [f"{money(cost)}  {plain(name)} in {plain(project)}" for name, project, cost in moved.names[:_NAMES]]
    if len(moved.names) > _NAMES:
        lines.append(f"and {plural(len(moved.names) - _NAMES, 'more name')}")
    return {
        "type": "modal",
        "callback_id": SURE_VIEW,
        "private_metadata": json.dumps([rule.feature, rule.project, rule.name], ensure_ascii=False),
        "title": plain_text("Map untagged spend"),
        "submit": plain_text("Map it"),
        "close": plain_text("Cancel"),
        "blocks": [
            paragraph(f"{_amount(moved)} of the last {PREVIEWED_DAYS} days would move to {plain(rule.feature)}."),
            plain_paragraph(*lines),
            plain_paragraph("Older and future runs of these names move too. It can be undone at any time."),
        ],
    }


def working_view() -> Block:
    """What the second modal turns into."""
    return closing_view(
        "Map untagged spend",
        paragraph("Every run is being looked at again.", "A direct message tells you when it is done."),
    )


def _carried(view: Mapping[str, Any]) -> Rule | None:
    """The rule that the second modal carries, if it is what we could have put there."""
    try:
        feature, project, name = json.loads(view["private_metadata"])
        rule = Rule(str(feature), None if project is None else str(project), str(name))
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return rule if max(len(rule.name or ""), len(rule.project or "")) <= _LONGEST else None


def _words(rule: Rule) -> str:
    where = f" in {plain(rule.project)}" if rule.project is not None else ""
    return f"{plain(rule.name or '*')}{where} belongs to {plain(rule.feature)}"


def _amount(moved: Moved) -> str:
    return f"{money(moved.cost)} ({plural(moved.runs, 'run')})"
