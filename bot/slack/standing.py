"""How we stand with a workspace: who the token is, what it may do, which channels it is in. Only the doctor asks."""

from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.slack.api import RefusedError, UnconfirmedError

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.web import SlackResponse


class Auth(NamedTuple):
    """Whose the token is. `scopes` is None if Slack did not say."""

    team: str
    user: str
    scopes: frozenset[str] | None


class Standing:
    """Raises RefusedError if Slack says no, UnconfirmedError if it cannot be asked."""

    def __init__(self, client: "WebClient") -> None:
        self._client = client

    def auth(self) -> Auth:
        """Who we are there."""
        said = self._ask("auth.test")
        # Of Slack's headers only the case is uncertain.
        headers = {str(name).lower(): value for name, value in said.headers.items()}
        scopes = headers.get("x-oauth-scopes")
        if isinstance(scopes, list):
            scopes = ",".join(scopes)
        given = None if scopes is None else frozenset(one.strip() for one in scopes.split(",") if one.strip())
        return Auth(str(said.get("team")), str(said.get("user")), given)

    def has_joined(self, channel: str) -> bool:
        """Whether we are a member of the channel with this id, and so can post there."""
        found: Any = self._ask("conversations.info", channel=channel)["channel"]
        return bool(found.get("is_member")) and not found.get("is_archived")

    def _ask(self, method: str, **asked: str) -> "SlackResponse":
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            return self._client.api_call(method, params=asked)
        except SlackApiError as error:
            code = str(error.response.get("error") or "no reason given")[:60]
            raise RefusedError(f"Slack refuses {method} ({code}).", code, permanent=True) from None
        except (SlackClientError, OSError, HTTPException) as error:
            raise UnconfirmedError(f"Slack cannot be reached ({type(error).__name__}).") from None
