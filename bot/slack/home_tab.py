"""The home tab: shown anew whenever somebody opens it, and its buttons."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.errors import SlackError
from bot.ledger.deliveries import Kind
from bot.reports.findings import Finding
from bot.reports.home import Home
from bot.reports.reporter import Reporter
from bot.slack.alert_copies import cards
from bot.slack.alert_message import Card
from bot.slack.api import REFUSED_FORM, Person, RefusedError, Screens, UnconfirmedError
from bot.slack.blocks import Block
from bot.slack.conversation import Refusal
from bot.slack.digest_message import preview_view
from bot.slack.failures import said_at_home
from bot.slack.home_view import ALERTS, home_view
from bot.slack.limit_desk import LimitDesk
from bot.slack.messages import NATIVE
from bot.slack.notes.asking import too_often_view
from bot.slack.notes.home import home_failed, home_refused, no_preview
from bot.slack.owners import Owners
from bot.slack.refusals import Refusals, refused_kinds
from bot.slack.turns import WaitFor

_ALERTS_SINCE = timedelta(days=14)
_WELCOMED = "welcomed:"

# A view has no text that could be too long, and where a message's blocks are invalid its arguments may be.
_REFUSED_VIEW = REFUSED_FORM | {"invalid_arguments"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HomeTab:
    """Everybody's home. `missing` is what admins still have to see to, found without asking anybody. No method raises
    anything."""

    reporter: Reporter
    desk: LimitDesk
    owners: Owners
    api: Screens
    missing: Callable[[datetime], Sequence[Finding]]
    clock: Callable[[], datetime]

    def opened(self, body: Mapping[str, Any], refusal: Refusal) -> None:
        """Somebody has opened one of the bot's tabs."""
        event = body.get("event") or {}
        if event.get("tab") != "home":
            return
        user = str(event.get("user"))
        if (sentence := refusal(body)) is not None:
            self.say(user, home_refused(sentence))
        else:
            self.show(user)

    def show(self, user: str) -> None:
        """Publish somebody's home as it is now. What only Slack can tell does not hold it up: it is published again if
        that makes a difference."""
        try:
            self._show(user, self.clock())
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            self.say(user, said_at_home("a home tab", error, home_failed))

    def say(self, user: str, view: Block) -> None:
        """Publish this instead. Raises nothing that Slack says no to."""
        try:
            self.api.publish_home(user, view)
        except SlackError as error:
            _log.warning("a home tab stays as it was: %s", error)

    def preview(self, body: Mapping[str, Any], wait_for: WaitFor) -> None:
        """The digest as it would be sent now, in a modal; or there, how long to wait."""
        user = str((body.get("user") or {}).get("id"))
        try:
            wait = wait_for(user)
            view = too_often_view(wait) if wait else preview_view(self.reporter.ask("digest", self.clock()))
            self.api.open_modal(str(body.get("trigger_id")), view)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            self.say(user, said_at_home("a preview of the digest", error, no_preview))

    def _show(self, user: str, now: datetime) -> None:
        outbox, mark = self.desk.ledger.outbox, f"{_WELCOMED}{user}"
        home, person = self.reporter.home(now), self.owners.person(user)
        is_new = outbox.mark(mark) is None
        missing = self.missing(now) if is_new and self.owners.is_admin(person) else ()
        draw = partial(home_view, home, alerts=self._alerts(now), welcome=is_new, missing=missing)
        refusals = Refusals(outbox)
        shown: Block | None = None
        for ask in (False, True):
            mine = self._mine(home, person, ask=ask)
            view = draw(mine, refused=refusals.known(now))
            if view != shown:
                shown = self._publish(user, view, draw(mine, refused=NATIVE), refusals, now)
        if is_new:
            outbox.set_mark(mark, now.isoformat())

    def _publish(self, user: str, view: Block, simple: Block, refusals: Refusals, now: datetime) -> Block:
        """Gives what was published: the simple view where Slack does not take the other, which is remembered."""
        try:
            self.api.publish_home(user, view)
        except RefusedError as error:
            if error.code not in _REFUSED_VIEW or view == simple:
                raise
            self.api.publish_home(user, simple)
            refusals.learn(refused_kinds([view], simple), now)
            return simple
        return view

    def _mine(self, home: Home, person: Person, *, ask: bool) -> Collection[str]:
        """The features that somebody owns; what Slack does not say makes none theirs."""
        owners = {name: feature.owners for name, feature in self.desk.catalog().features.items()}
        for state in home.budgets.rows:
            owners[state.feature] = (*owners.get(state.feature, ()), *state.owners)
        mine = set()
        for name, named in owners.items():
            try:
                if self.owners.owns(person, named, ask=ask):
                    mine.add(name)
            except UnconfirmedError as error:
                _log.info("it is not known whether somebody owns a feature: %s", error)
                break
        return mine

    def _alerts(self, now: datetime) -> list[Card]:
        """The last alerts, the latest first, each with what was done about it."""
        outbox = self.desk.ledger.outbox
        told = [one for one in outbox.recent_events(Kind.ALERT, now - _ALERTS_SINCE) if one.superseded_by is None]
        return cards(outbox, told[: -ALERTS - 1 : -1], self.desk.zone)
