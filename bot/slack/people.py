"""Who hears about a budget, and who may change it: the owners that the file names, as members of this Slack."""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from bot.errors import SlackError
from bot.slack.api import Person, RefusedError, SlackApi, UnconfirmedError

# How long an answer of Slack's is believed, and how many are kept.
KEEP = timedelta(minutes=5)
MOST = 1000
# For so long nobody asks again what Slack has let hang: many budgets would wait for it one after another.
SILENCE = timedelta(seconds=30)
# Larger groups hear of it in a channel.
LARGEST_GROUP = 10

Value = TypeVar("Value")


class Recipient(NamedTuple):
    """Who gets a message: a member's id, or what was configured where it is not known who that is. `owner` is the owner
    as configured that they are told for, `zone` what Slack says of a member, None if it says nothing."""

    who: str
    owner: str
    zone: str | None


class People:
    """Asks Slack who people are, and remembers it for a while. Threads may share it."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._persons: _Memory[Person] = _Memory()
        self._groups: _Memory[tuple[str, ...]] = _Memory()
        self._unanswered: datetime | None = None

    def recipients(self, owners: Iterable[str], now: datetime) -> tuple[Recipient, ...]:
        """Who hears of it, each once, in the owners' order. Members of small groups are told themselves. Whom Slack
        does not know, or does not say anything about now, stays as configured: the post office sees to them."""
        found: dict[str, Recipient] = {}
        for owner in owners:
            for one in self._recipients_for(owner, now):
                found.setdefault(one.who, one._replace(owner=owner))
        return tuple(found.values())

    def may_change(self, user: str, owners: Sequence[str], admins: Sequence[str], now: datetime) -> bool:
        """Whether a member (by id) may change a budget with these owners: an owner, a member of an owning group, an
        admin; anybody where there is no owner. Raises UnconfirmedError if only Slack could tell and did not."""
        named = [*owners, *admins]
        if not owners or user in named:
            return True
        unclear: SlackError | None = None
        for one in named:
            try:
                if user in self._members(one, now):
                    return True
            except RefusedError as error:
                unclear = unclear if error.permanent else error
            except UnconfirmedError as error:
                unclear = error
        if unclear is not None:
            raise UnconfirmedError(f"It is not known who owns this. {unclear}")
        return False

    def person(self, who: str, now: datetime) -> Person:
        """A member by id or address. Raises SlackError if Slack does not say."""
        return self._person(who, now)

    def stands_for(self, person: Person, named: Iterable[str], now: datetime, *, ask: bool = True) -> bool:
        """Whether a member is among those who are named by id, address or group. Only groups are asked about, and
        without `ask` not even those: what is remembered of them counts. One that Slack does not know holds nobody.
        Raises UnconfirmedError if only Slack could tell and did not."""
        named = tuple(dict.fromkeys(named))
        email = (person.email or "").casefold()
        if person.id in named or (email and email in (one.casefold() for one in named)):
            return True
        unclear: SlackError | None = None
        for group in filter(is_group, named):
            try:
                members = self._group(group, now) if ask else self._groups.recall(group, now) or ()
            except RefusedError as error:
                unclear = unclear if error.permanent else error
                continue
            except UnconfirmedError as error:
                unclear = error
                continue
            if person.id in members:
                return True
        if unclear is not None:
            raise UnconfirmedError(f"It is not known who is in a group. {unclear}")
        return False

    def _recipients_for(self, owner: str, now: datetime) -> list[Recipient]:
        as_configured = [Recipient(owner, owner, None)]
        if self._unanswered is not None and timedelta() <= now - self._unanswered < SILENCE:
            return as_configured
        try:
            if not is_group(owner):
                person = self._person(owner, now)
                return [Recipient(person.id, owner, person.zone)]
            members = self._group(owner, now)
        except UnconfirmedError:
            self._unanswered = now
            return as_configured
        except RefusedError:
            return as_configured
        if not 0 < len(members) <= LARGEST_GROUP:
            return as_configured
        return [one for member in members for one in self._recipients_for(member, now)]

    def _members(self, owner: str, now: datetime) -> tuple[str, ...]:
        """The ids of the members that an owner stands for."""
        if is_group(owner):
            return self._group(owner, now)
        return (self._person(owner, now).id,) if "@" in owner else (owner,)

    def _person(self, who: str, now: datetime) -> Person:
        return self._persons.get(who, now, lambda: self._api.person(who))

    def _group(self, group: str, now: datetime) -> tuple[str, ...]:
        return self._groups.get(group, now, lambda: self._api.members(group))


def is_group(recipient: str) -> bool:
    """Whether a recipient as configured is a user group's id."""
    return recipient.startswith("S") and "@" not in recipient


def is_person(recipient: str) -> bool:
    """Whether a recipient as configured is a member's id or an address."""
    return recipient.startswith(("U", "W")) or "@" in recipient


def zone_of(name: str | None, otherwise: ZoneInfo) -> ZoneInfo:
    """A zone by the name that Slack has for it; `otherwise` if that is no zone here."""
    try:
        return ZoneInfo(name) if name else otherwise
    except (KeyError, ValueError, OSError):  # unknown, not a zone's name at all, a folder of zones
        return otherwise


class _Memory(Generic[Value]):
    """Answers by name, each for KEEP, MOST at a time: the oldest go first. Refusals are not remembered."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[datetime, Value]] = {}
        self._lock = threading.Lock()

    def recall(self, name: str, now: datetime) -> Value | None:
        """What is remembered, if anything is."""
        with self._lock:
            kept = self._kept.get(name)
        return kept[1] if kept is not None and now - kept[0] < KEEP else None

    def get(self, name: str, now: datetime, ask: Callable[[], Value]) -> Value:
        """What is remembered, or what `ask` says; nobody waits for another's question."""
        kept = self.recall(name, now)
        if kept is not None:
            return kept
        said = ask()
        with self._lock:
            self._kept.pop(name, None)
            if len(self._kept) >= MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[name] = (now, said)
        return said
