"""A Slack in process for simulations: it speaks bot.slack.api instead of HTTP, and passes the same contract as the one
on sockets (tests/contract/test_slack_api.py). Time is what its clock says, and what it is ordered to get wrong it does.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from bot.slack.api import Person, Posted, RefusedError, UnconfirmedError

TEAM = "T0TEAM"


class Fault(NamedTuple):
    """What happens to a call instead of a clear answer; `accepted` says whether it takes effect all the same.

    With a `code` it is refused, permanently or not; with `retry_after` by the rate limit; else nobody hears anything.
    """

    accepted: bool = False
    code: str | None = None
    permanent: bool = False
    retry_after: float | None = None

    @property
    def what(self) -> str:
        """In a word or two."""
        return self.code or ("lost after" if self.accepted else "lost before")


RATE_LIMITED = Fault(code="ratelimited", retry_after=30)
LOST_BEFORE = Fault()  # a 500, a time-out, a dropped connection: nothing was done
LOST_AFTER = Fault(accepted=True)  # likewise, and it was done
FORM_REFUSED = Fault(code="invalid_blocks", permanent=True)


class Trouble(NamedTuple):
    """A call that came to nothing good: about what (a place, a person, a group, `#name`), and what was wrong."""

    at: datetime
    method: str
    where: str
    what: str


class Uploaded(NamedTuple):
    """A file as it stands."""

    place: str
    name: str
    content: bytes
    thread: str | None


@dataclass
class Said:
    """A message as it stands; `keys` are what marks it, `versions` all that it ever said, the latest last."""

    place: str
    ts: str
    key: str
    thread: str | None
    at: datetime
    versions: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def form(self) -> Mapping[str, Any]:
        return self.versions[-1]


class FakeSlack:
    """One workspace. `messages` is all that was ever posted, in order; `calls` counts methods, `faults` those that came
    about, by method and fault, and `troubles` lists these and all else that was refused, in order."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.messages: list[Said] = []
        self.modals: list[tuple[str, Mapping[str, Any]]] = []
        self.files: list[Uploaded] = []
        self.calls: Counter[str] = Counter()
        self.faults: Counter[tuple[str, Fault]] = Counter()
        self.troubles: list[Trouble] = []
        self.refuses: set[str] = set()  # types of blocks
        self.unreadable: set[str] = set()  # places whose history is not shown
        self.homes: dict[str, Mapping[str, Any]] = {}
        self.closed: dict[str, str] = {}  # place -> why nothing can be posted there
        self._people: dict[str, tuple[str, str | None, bool]] = {}
        self._channels: dict[str, str] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._ordered: defaultdict[tuple[str, str | None], list[Fault]] = defaultdict(list)
        self._number = 0

    # --- the workspace ---

    def add_person(self, person: str, email: str = "", zone: str | None = "UTC", *, reachable: bool = True) -> None:
        self._people[person] = (email, zone, reachable)

    def member(self, email: str) -> str:
        """The id of whoever has this address."""
        return next(person for person, (known, _, _) in self._people.items() if known == email)

    def add_channel(self, channel: str, name: str) -> None:
        self._channels[name] = channel

    def add_group(self, group: str, members: Iterable[str]) -> None:
        self._groups[group] = tuple(members)

    def fail_next(self, method: str, fault: Fault, *, where: str | None = None, times: int = 1) -> None:
        """The next calls of a method go wrong; with `where` (a place, a person, a group) only those about it."""
        self._ordered[method, where] += [fault] * times

    def said(self, place: str) -> list[Said]:
        """What stands in a place, oldest first."""
        return [one for one in self.messages if one.place == place]

    def times_seen(self) -> Counter[str]:
        """How often each key was posted."""
        return Counter(one.key for one in self.messages)

    # --- bot.slack.api.SlackApi ---

    def direct(self, user: str) -> str:
        self._meet("direct", user)
        if user not in self._people or not self._people[user][2]:
            raise self._no("direct", user, "user_not_found")
        return f"D{user[1:]}"

    def channel(self, name: str) -> str:
        if not name.startswith("#"):
            return name
        self._meet("channel", name)
        if name[1:] not in self._channels:
            raise self._no("channel", name, "channel_not_found")
        return self._channels[name[1:]]

    def person(self, who: str) -> Person:
        self._meet("person", who)
        for person, (email, zone, reachable) in self._people.items():
            if who == person:
                if not reachable:
                    self._note("person", who, "has left")
                return Person(person, zone, reachable, email or None, teams=(TEAM,))
            if email and who.lower() == email.lower() and reachable:
                return Person(person, zone, reachable, email or None, teams=(TEAM,))
        raise self._no("person", who, "users_not_found" if "@" in who else "user_not_found")

    def members(self, group: str) -> tuple[str, ...]:
        self._meet("members", group)
        if group not in self._groups:
            raise self._no("members", group, "no_such_subteam")
        return self._groups[group]

    def post(self, place: str, form: Mapping[str, Any], key: str, thread: str | None = None) -> Posted:
        fault = self._meet("post", place)
        self._check_place("post", place)
        self._check_form(form)
        if thread is not None and not any((one.place, one.ts) == (place, thread) for one in self.messages):
            raise self._no("post", place, "thread_not_found")
        self._number += 1
        now = self.clock()
        said = Said(place, f"{int(now.timestamp())}.{self._number:06d}", key, thread, now, [form])
        self.messages.append(said)
        _lose(fault)
        return Posted(place, said.ts)

    def update(self, place: str, ts: str, form: Mapping[str, Any]) -> None:
        fault = self._meet("update", place)
        self._check_form(form)
        for one in self.messages:
            if (one.place, one.ts) == (place, ts):
                one.versions.append(form)
                return _lose(fault)
        raise self._no("update", place, "message_not_found")

    def find(self, place: str, key: str, since: datetime, thread: str | None = None) -> Posted | None:
        self._meet("find", place)
        if place in self.unreadable:
            raise self._no("find", place, "missing_scope")
        self._check_place("find", place)
        for one in self.messages:
            if (one.place, one.thread, one.key) == (place, thread, key) and one.at > since:
                return Posted(one.place, one.ts)
        return None

    def upload(self, place: str, name: str, content: bytes, thread: str | None = None) -> None:
        fault = self._meet("upload", place)
        self._check_place("upload", place)
        if thread is not None and not any((one.place, one.ts) == (place, thread) for one in self.messages):
            raise self._no("upload", place, "thread_not_found")
        self.files.append(Uploaded(place, name, content, thread))
        _lose(fault)

    def permalink(self, place: str, ts: str) -> str:
        self._meet("permalink", place)
        return f"https://acme.slack.example/archives/{place}/p{ts.replace('.', '')}"

    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None:
        fault = self._meet("open_modal", trigger)
        if trigger in (used for used, _ in self.modals):
            raise self._no("open_modal", trigger, "exchanged_trigger_id")
        self.modals.append((trigger, view))
        _lose(fault)

    def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        fault = self._meet("publish_home", user)
        self._check_form(view)
        self.homes[user] = view
        _lose(fault)

    # --- what goes wrong ---

    def _meet(self, method: str, where: str) -> Fault | None:
        """Counts a call, and raises what was ordered for it, but for a fault after accepting: that comes back."""
        self.calls[method] += 1
        ordered = self._ordered[method, where] or self._ordered[method, None]
        if not ordered:
            return None
        fault = ordered.pop(0)
        self.faults[method, fault] += 1
        self._note(method, where, fault.what)
        if fault.accepted and method in ("post", "update", "upload", "open_modal", "publish_home"):
            return fault
        if fault.code is None:
            raise UnconfirmedError("Slack did not answer.")
        raise RefusedError(
            f"Slack said no ({fault.code}).", fault.code, permanent=fault.permanent, retry_after=fault.retry_after
        )

    def _note(self, method: str, where: str, what: str) -> None:
        self.troubles.append(Trouble(self.clock(), method, where, what))

    def _no(self, method: str, where: str, code: str) -> RefusedError:
        self._note(method, where, code)
        return RefusedError(f"Slack said no ({code}).", code, permanent=True)

    def _check_place(self, method: str, place: str) -> None:
        if place in self.closed:
            raise self._no(method, place, self.closed[place])
        people = {f"D{one[1:]}" for one, (_, _, reachable) in self._people.items() if reachable}
        if place not in people and place not in self._channels.values():
            raise self._no(method, place, "channel_not_found")

    def _check_form(self, form: Mapping[str, Any]) -> None:
        if any(block["type"] in self.refuses for block in form["blocks"]):
            raise RefusedError("Slack said no (invalid_blocks).", "invalid_blocks", permanent=True)


def _lose(fault: Fault | None) -> None:
    if fault is not None:
        raise UnconfirmedError("Slack did not answer.")
