"""Everything that llmcost shows beside the answers to its command, and what is heard from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.access import Access, visitor_of
from bot.slack.blocks import paragraph
from bot.slack.budget_form import BudgetForm
from bot.slack.conversation import Conversation
from bot.slack.delivery import respond
from bot.slack.failures import log_failure
from bot.slack.home_tab import HomeTab
from bot.slack.messages import note
from bot.slack.rule_form import RuleForm
from bot.slack.views import closing_view


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
                respond(str(url), note(sentence))
            elif (visitor := visitor_of(body)) is not None:
                self.home.refuse(visitor.user, sentence)
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
            self.refuse(
                body,
                f"This cannot be shown now; open this tab again. In the log it is {log_failure('a modal', error)}.",
            )


def refused_view(sentence: str) -> dict[str, Any]:
    """What a modal turns into for who may not see it."""
    return {"response_action": "update", "view": closing_view("llmcost", paragraph(sentence))}
