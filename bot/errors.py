"""The errors that we raise on purpose. Each message is a sentence for a person: what is wrong, and what to do."""

from collections.abc import Sequence


class LlmcostError(Exception):
    """The root of all errors that llmcost raises on purpose."""


class UsageError(LlmcostError):
    """Somebody said something that cannot be done as said (exit code 2)."""


class SettingsError(UsageError):
    """The environment, `.env` or `llmcost.toml` is wrong; `problems` lists every reason, not just the first."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        head = "One setting needs a look:" if len(self.problems) == 1 else f"{len(self.problems)} settings need a look:"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in self.problems)]))


class QuestionError(UsageError):
    """The words of a question cannot be understood; `suggestions` are the nearest words that can."""

    def __init__(self, message: str, suggestions: Sequence[str] = ()) -> None:
        self.suggestions = tuple(suggestions)
        super().__init__(message)


class SourceError(LlmcostError):
    """LangSmith did not give what was asked for. `transient` says whether asking again later can help."""

    transient = False


class SourceUnavailableError(SourceError):
    """LangSmith is down, slow, throttling or answering nonsense: worth another try later."""

    transient = True


class SourceRefusedError(SourceError):
    """LangSmith understood and refused: the key, the region, the project or the request itself is wrong."""


class LedgerError(LlmcostError):
    """The ledger cannot be opened, read or written."""


class LedgerBusyError(LedgerError):
    """Another process holds the ledger's sync lease; nothing is wrong."""


class LedgerUnavailableError(LedgerError):
    """The ledger's database has lost what was being done: it can be done again from its beginning."""


class LedgerNewerError(LedgerError):
    """A newer llmcost has migrated the ledger: this one must not touch it any more, and trying again does not help."""


class LedgerOvertakenError(LedgerUnavailableError):
    """Another transaction was first."""


class StoppedError(LlmcostError):
    """The bot is being stopped; what was under way is given up at a safe point."""


class SlackError(LlmcostError):
    """Slack did not accept what was sent."""
