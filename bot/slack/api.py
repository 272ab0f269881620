"""What llmcost asks of Slack beside answering commands: to post, to change, to look, to know people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from bot.errors import SlackError

# The code where Slack could not even be asked: nothing was sent.
UNREACHABLE = "unreachable"

# Codes for a message whose blocks or length this workspace does not take: a simpler form of it may pass.
REFUSED_FORM = frozenset({"invalid_blocks", "msg_blocks_too_long", "msg_too_long"})


class RefusedError(SlackError):
    """Slack did not do it; nothing was posted. `code` is Slack's word for why, UNREACHABLE if it could not be asked.

    A permanent one will be refused for ever: there is no such channel, the person has left, a scope is missing. After
    one that is not, it may be tried again in `retry_after` seconds.
    """

    def __init__(self, message: str, code: str, *, permanent: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.permanent = permanent
        self.retry_after = retry_after


class UnconfirmedError(SlackError):
    """Slack did not say whether it did it: it may have been done, and must not simply be done again."""


class Posted(NamedTuple):
    """Where a message stands."""

    place: str
    ts: str


class Person(NamedTuple):
    """A member. `zone` is an IANA name as Slack has it, None if it has none; one who has left or a bot is not
    `reachable`. A guest sees single channels only. `teams` are the workspaces that somebody belongs to."""

    id: str
    zone: str | None
    reachable: bool
    email: str | None = None
    is_guest: bool = False
    teams: tuple[str, ...] = ()


class SlackApi(Protocol):
    """Slack, as far as it is needed. Every method raises RefusedError for what Slack says no to, its rate limit (not
    permanent) included, and UnconfirmedError where it gave no clear answer. Threads may share it."""

    def direct(self, user: str) -> str:
        """The place of the conversation with a person (`U…`, `W…`)."""
        ...

    def channel(self, name: str) -> str:
        """The id of `#name`; an id is given back as it is. Refused permanently if there is no such channel."""
        ...

    def person(self, who: str) -> Person:
        """A member by id or by email address. Refused permanently if there is none."""
        ...

    def members(self, group: str) -> tuple[str, ...]:
        """The ids of a user group's (`S…`) members."""
        ...

    def post(self, place: str, form: Mapping[str, Any], key: str, thread: str | None = None) -> Posted:
        """Post one form of a message (`text` and `blocks`), marked with `key`; under the message `thread` (a ts)."""
        ...

    def update(self, place: str, ts: str, form: Mapping[str, Any]) -> None:
        """Make a message say something else."""
        ...

    def find(self, place: str, key: str, since: datetime, thread: str | None = None) -> Posted | None:
        """The message that is marked with `key`, posted since then, among the replies to `thread` if it is one of
        those; None if it is not there. Refused permanently if the history of that place cannot be read."""
        ...

    def upload(self, place: str, name: str, content: bytes, thread: str | None = None) -> None:
        """Put a file there, under the message `thread` (a ts). UnconfirmedError only where it may be there."""
        ...

    def permalink(self, place: str, ts: str) -> str:
        """The address of a message."""
        ...

    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None:
        """Show a modal to the person who has just pressed something."""
        ...


class Screens(SlackApi, Protocol):
    """Slack, with the views that change without anybody pressing something. What raises is as there."""

    def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        """Show a person this home."""
        ...
