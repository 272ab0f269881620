"""Who may see what llmcost says: the members of our own workspace, or those of them whom LLMCOST_VIEWERS names."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bot.errors import SlackError
from bot.slack.api import RefusedError
from bot.slack.people import People
from bot.slack.presses import is_member

STRANGER = "llmcost answers members of its own workspace only."
GUEST = "llmcost does not answer guests; its admins can name you in LLMCOST_VIEWERS."
NOT_NAMED = "llmcost answers only those whom its admins name in LLMCOST_VIEWERS."
UNCLEAR = "Slack does not say who you are just now, so that llmcost cannot answer; try again in a minute."
OUTDATED = (
    "A newer llmcost is taking over, and this one cannot answer any more: ask again in a minute, and if that does not "
    "help, tell whoever runs llmcost to update all of it."
)


class Visitor(NamedTuple):
    """Who typed, pressed or opened something, as Slack says beside it, and every workspace that it names."""

    user: str
    teams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Access:
    """`viewers` are ids, addresses and groups; without any, every full member of the workspace is one. `insiders` are
    the admins and owners: what is theirs to see to is theirs to see. Once a newer llmcost has the ledger
    (`is_outdated`), nobody sees anything."""

    people: People
    viewers: Sequence[str]
    insiders: Callable[[], Sequence[str]]
    clock: Callable[[], datetime]
    is_outdated: Callable[[], bool] = lambda: False

    def refusal(self, visitor: Visitor | None, team: str) -> str | None:
        """Why somebody gets no answer from llmcost in the workspace `team`, in a sentence; None if they get one. Whom
        Slack says nothing about gets none. Raises nothing."""
        if visitor is None or visitor.teams - {team} or not is_member(visitor.user):
            return STRANGER
        if self.is_outdated():
            return OUTDATED
        now = self.clock()
        try:
            person = self.people.person(visitor.user, now)
            if team not in person.teams or not person.reachable:
                return STRANGER
            if not self.viewers and not person.is_guest:
                return None
            if self.people.stands_for(person, [*self.viewers, *self.insiders()], now):
                return None
            return GUEST if person.is_guest else NOT_NAMED
        except RefusedError as error:
            return STRANGER if error.permanent else UNCLEAR
        except SlackError:
            return UNCLEAR


def visitor_of(body: Mapping[str, Any]) -> Visitor | None:
    """Who is behind a command, a press, a modal or an event; None if it is nobody."""
    event = body.get("event")
    if isinstance(event, Mapping):
        return _visitor(event.get("user"), body.get("team_id"), event.get("user_team"), event.get("team"))
    user, team = body.get("user"), body.get("team")
    if isinstance(user, Mapping):
        return _visitor(user.get("id"), user.get("team_id"), team.get("id") if isinstance(team, Mapping) else None)
    return _visitor(body.get("user_id"), body.get("team_id"))


def _visitor(user: object, *teams: object) -> Visitor | None:
    return Visitor(user, frozenset(str(team) for team in teams if team)) if isinstance(user, str) else None
