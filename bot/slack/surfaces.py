"""Everything that llmcost shows beside the answers to its command, and what is heard from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.access import Access, visitor_of
from bot.slack.budget_form import BudgetForm
from bot.slack.conversation import Conversation
from bot.slack.delivery import respond
from bot.slack.failures import log_failure, said_at_home
from bot.slack.home_tab import HomeTab
from bot.slack.notes.asking import refused
from bot.slack.notes.home import home_refused, no_modal
from bot.slack.rule_form import RuleForm


@dataclass(frozen=True, slots=True)
class Surfaces:
    """The home tab, the modals, mentions and direct messages; and who may see anything at all. No method raises
    anything."""

    access: Access
    conversation: Conversation
    home: HomeTab
    budgets: BudgetForm
    rules: RuleForm

    def refusal(self, body: Mapping[str, Any], team: str) -> str | None:
        """See bot.slack.access.Access.refusal: of whoever is behind what Slack has sent."""
        return self.access.refusal(visitor_of(body), team)

    def refuse(self, body: Mapping[str, Any], sentence: str) -> None:
        """Say no to a command or a press, where it came from."""
        try:
            if url := body.get("response_url"):
                respond(str(url), refused(sentence))
            elif (visitor := visitor_of(body)) is not None:
                self.home.say(visitor.user, home_refused(sentence))
        except Exception as error:  # noqa: BLE001 - there is nobody left to tell
            log_failure("a refusal", error)

    def open_budget(self, body: Mapping[str, Any]) -> None:
        """The Set a budget button."""
        self._open(body, self.budgets.open)

    def open_rule(self, body: Mapping[str, Any]) -> None:
        """The Map untagged spend button."""
        self._open(body, self.rules.open)

    def _open(self, body: Mapping[str, Any], show: Callable[[str], None]) -> None:
        try:
            show(str(body.get("trigger_id")))
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            instead = said_at_home("a modal", error, no_modal)
            if (visitor := visitor_of(body)) is not None:
                self.home.say(visitor.user, instead)
