"""Owners as alerts need them: who hears of a feature and why, when they may be disturbed, and who is one."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.quiet import QuietHours, not_before
from bot.render.names import plain
from bot.slack.api import Person
from bot.slack.people import People, is_group, is_person, zone_of

_ALL = 100


class Told(NamedTuple):
    """Somebody who is told, and a sentence that says why they are."""

    id: str
    why: str


class Owners:
    """The same people for everybody who asks. `quiet` None: nothing ever waits; `zone` counts where Slack has none."""

    def __init__(
        self,
        people: People,
        admins: Sequence[str],
        quiet: QuietHours | None,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
    ) -> None:
        self._people = people
        self._admins = tuple(admins)
        self._quiet = quiet
        self._zone = zone
        self._clock = clock

    def recipients(self, owners: Sequence[str], feature: str) -> list[Told]:
        """Who hears of a feature that is owned by these. Where Slack does not say, they stay as configured."""
        return [
            Told(one.who, _why(one.owner, one.who, feature)) for one in self._people.recipients(owners, self._clock())
        ]

    def not_before(self, who: str, now: datetime, percent: int) -> datetime:
        """When somebody may hear of a threshold of `percent`: what is below 100 % waits for the end of their quiet
        hours. Channels do not sleep. Raises SlackError if Slack does not say where they are."""
        if percent >= _ALL or not is_person(who):
            return now
        return self.awake(self._people.person(who, now), now, percent)

    def awake(self, person: Person, now: datetime, percent: int) -> datetime:
        """The same for a member as Slack has them now."""
        return now if percent >= _ALL else not_before(now, zone_of(person.zone, self._zone), self._quiet)

    def person(self, user: str) -> Person:
        """A member by id. Raises SlackError if Slack does not say who that is."""
        return self._people.person(user, self._clock())

    def is_admin(self, person: Person) -> bool:
        """Whether a member is one of the admins."""
        return self._people.stands_for(person, self._admins, self._clock())

    def owns(self, person: Person, owners: Sequence[str], *, ask: bool = True) -> bool:
        """Whether a member is one of these; see bot.slack.people.People.stands_for."""
        return self._people.stands_for(person, owners, self._clock(), ask=ask)

    def may_change(self, user: str, owners: Sequence[str]) -> bool:
        """See bot.slack.people.People.may_change."""
        return self._people.may_change(user, owners, self._admins, self._clock())

    def may_map(self, user: str, owners: Sequence[str]) -> bool:
        """Whether a member may say what belongs to a feature of these owners: they themselves and admins alone. Raises
        SlackError if Slack does not say."""
        return self._people.stands_for(self.person(user), [*owners, *self._admins], self._clock())


def _why(owner: str, who: str, feature: str) -> str:
    if is_group(owner) and who != owner:
        return f"You get this because you are in a group that owns {plain(feature)}."
    return f"You get this because you own {plain(feature)}."
