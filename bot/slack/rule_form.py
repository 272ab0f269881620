"""The modals in which untagged spend is mapped to a feature: which, what that moves, and then a word with Undo."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.feature import Rule
from bot.errors import LedgerBusyError
from bot.reports.vocabulary import Vocabulary
from bot.slack import field_errors
from bot.slack.api import SlackApi
from bot.slack.delivery import respond
from bot.slack.failures import log_failure, said_beside_a_field, said_of
from bot.slack.messages import Message
from bot.slack.notes import asking, rules
from bot.slack.presses import Press, press_of
from bot.slack.refusals import Refusals
from bot.slack.rule_desk import RuleDesk
from bot.slack.rule_modal import LONGEST, NAME, PROJECT, rule_view, sure_view
from bot.slack.turns import WaitFor
from bot.slack.views import FEATURE, Filled, chosen_feature, problems

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

    def submit(self, body: Mapping[str, Any], team: str, wait_for: WaitFor) -> dict[str, Any]:
        """What the first modal would move, in the second one; or what is wrong beside its fields, or how long to
        wait."""
        try:
            press, rule = press_of(body, team), self._rule(Filled(body.get("view") or {}))
            if press is None:
                return problems({NAME: field_errors.NOBODY})
            if wrong := self._wrong(press, rule):
                return problems(wrong)
            if wait := wait_for(press.user):
                return problems({NAME: asking.too_often_here(wait)})
            moved = self.desk.preview(rule)
            if not moved.runs:
                return problems({NAME: field_errors.NO_RUNS})
            return {"response_action": "update", "view": sure_view(rule, moved, self.desk.pruned_before())}
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            return problems({NAME: said_beside_a_field("a modal", error)})

    def apply(self, body: Mapping[str, Any], team: str) -> None:
        """The second modal: set the rule, and tell whoever did in a direct message, with a way back."""
        press, rule = press_of(body, team), _carried(body.get("view") or {})
        if press is None or rule is None:
            return
        try:
            wrong = self._wrong(press, rule)
            said = rules.not_mapped(*wrong.values()) if wrong else self._applied(press, rule)
        except LedgerBusyError:
            said = rules.ledger_busy()
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            said = said_of(error, log_failure("a mapping", error))
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
            said = rules.ledger_busy()
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            said = said_of(error, log_failure("an Undo button", error))
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
            return {FEATURE: field_errors.NO_FEATURE}
        if rule.name is None:
            return {NAME: field_errors.NO_NAME}
        refusal = self.desk.refusal(press.user, rule.feature)
        return {FEATURE: refusal} if refusal is not None else {}

    def _applied(self, press: Press, rule: Rule) -> Message:
        moved, new = self.desk.preview(rule), self.desk.set(press.user, rule)
        if new is None:
            return rules.mapped_already(rule)
        return rules.mapped(rule, moved, new.id, self.desk.pruned_before())

    def _undone(self, press: Press) -> tuple[Message, bool]:
        """What there is to say, and whether the rule holds no more."""
        is_number = press.value.isdecimal() and len(press.value) <= _DIGITS
        found = self.desk.find(int(press.value)) if is_number else None
        if found is None:
            return rules.unknown_rule(), True
        rule = found.set_rule.rule
        if refusal := self.desk.refusal(press.user, rule.feature):
            return rules.not_mapped(refusal), False
        if not self.desk.undo(press.user, found.set_rule.id):
            at = found.undone_at.astimezone(self.desk.zone) if found.undone_at is not None else None
            return rules.undone_already(found.undone_by, at), True
        return rules.undone(rule, self.desk.pruned_before()), True

    def _tell(self, user: str, said: Message, key: str) -> None:
        try:
            place = self.api.direct(user)
            refusals = Refusals(self.desk.ledger.outbox)
            refusals.say(said, lambda form: self.api.post(place, form, key), self.desk.clock())
        except Exception as error:  # noqa: BLE001 - there is nobody left to tell
            log_failure("telling of a mapping", error)


def _carried(view: Mapping[str, Any]) -> Rule | None:
    """The rule that the second modal carries, if it is what we could have put there."""
    try:
        feature, project, name = json.loads(view["private_metadata"])
        rule = Rule(str(feature), None if project is None else str(project), str(name))
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return rule if max(len(rule.name or ""), len(rule.project or "")) <= LONGEST else None
