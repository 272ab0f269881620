"""What happens when somebody presses a button of an alert. Each press is judged anew by what the ledger says; nothing
is kept in the process. Pressing twice, or after a restart, does no harm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.money import dollars
from bot.domain.period import first_instant, local_day
from bot.errors import QuestionError
from bot.ledger.deliveries import Delivery, Kind
from bot.ledger.events import Event
from bot.ledger.limits import Snooze
from bot.ledger.outbox import Told
from bot.render.numbers import clock
from bot.reports.budget_words import read_amount
from bot.slack import field_errors
from bot.slack.alert_copies import change_copies, facts_of
from bot.slack.api import SlackApi
from bot.slack.delivery import respond
from bot.slack.failures import said_beside_a_field, say_failure
from bot.slack.limit_desk import LimitDesk
from bot.slack.messages import Message
from bot.slack.notes import alerts, asking
from bot.slack.presses import Press, press_of
from bot.slack.raise_modal import problem, raise_view, wanted

_CHANGES = 5


@dataclass(frozen=True, slots=True)
class AlertActions:
    """The buttons of alerts, and the modal. `team` is always our own workspace. No method raises anything."""

    desk: LimitDesk
    api: SlackApi
    clock: Callable[[], datetime]

    def acknowledge(self, body: Mapping[str, Any], team: str) -> None:
        """Somebody sees to it: nobody else is bothered."""
        self._guarded("an Acknowledge button", body, team, self._acknowledge)

    def snooze_day(self, body: Mapping[str, Any], team: str) -> None:
        """Nothing more about this budget until tomorrow begins."""
        self._guarded("a Snooze button", body, team, self._snooze_day)

    def snooze_period(self, body: Mapping[str, Any], team: str) -> None:
        """Nothing more about this budget until its period ends."""
        self._guarded("a Snooze button", body, team, self._snooze_period)

    def details(self, body: Mapping[str, Any], team: str) -> None:
        """More about it, to whoever asks alone."""
        self._guarded("a Details button", body, team, self._details)

    def open_raise(self, body: Mapping[str, Any], team: str) -> None:
        """Open the modal. It has to be open within 3 s of the press."""
        self._guarded("a Raise button", body, team, self._open_raise)

    def submit_raise(self, body: Mapping[str, Any], team: str) -> dict[str, Any]:
        """Save what the modal says. Gives what Slack is to be acknowledged with: nothing closes it, else what is wrong
        beside the field, or the modal again with a warning."""
        try:
            return self._submit(body, team)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            return problem(said_beside_a_field("a Raise modal", error))

    def _acknowledge(self, body: Mapping[str, Any], press: Press, event: Event, now: datetime) -> None:
        told = self._told(press, event, "acknowledged", "acknowledged", now)
        self.desk.ledger.outbox.acknowledge([event.key], press.user, now, told)
        self._show(body, event)

    def _snooze_day(self, body: Mapping[str, Any], press: Press, event: Event, now: datetime) -> None:
        zone = self.desk.zone
        self._snooze(body, press, event, now, first_instant(local_day(now, zone) + timedelta(days=1), zone))

    def _snooze_period(self, body: Mapping[str, Any], press: Press, event: Event, now: datetime) -> None:
        self._snooze(body, press, event, now, facts_of(event).state.end)

    def _snooze(self, body: Mapping[str, Any], press: Press, event: Event, now: datetime, until: datetime) -> None:
        if facts_of(event).state.end.timestamp() <= now.timestamp():
            respond(body["response_url"], alerts.period_over())
            return
        ends = clock(until.astimezone(self.desk.zone))
        told = self._told(press, event, f"snoozed:{ends}", f"snoozed until {ends}", now)
        self.desk.ledger.outbox.snooze([event.subject], Snooze(until, press.user, now), told)
        self._show(body, event)

    def _told(self, press: Press, event: Event, key: str, done: str, now: datetime) -> Told:
        state = facts_of(event).state
        said = alerts.done_without_owner(state, done, press.user)
        return self.desk.told(state.feature, state.window, f"{key}:{event.key}", said, now)

    def _details(self, body: Mapping[str, Any], press: Press, event: Event, now: datetime) -> None:
        del press  # who can see the alert may know more of it
        facts, outbox = facts_of(event), self.desk.ledger.outbox
        state = facts.state
        standing = self.desk.standing(state.feature, state.window, now)
        catalog = self.desk.catalog()
        changes = outbox.limit_history(catalog.names_of(catalog.name_of(state.feature)), _CHANGES)
        told = outbox.deliveries_of([event.key])
        respond(body["response_url"], alerts.details(facts, standing, told, changes, self.desk.zone))

    def _open_raise(self, body: Mapping[str, Any], press: Press, event: Event, now: datetime) -> None:
        del press  # it was judged already
        state = facts_of(event).state
        standing = self.desk.standing(state.feature, state.window, now)
        self.api.open_modal(str(body.get("trigger_id")), raise_view(event.key, standing))

    def _submit(self, body: Mapping[str, Any], team: str) -> dict[str, Any]:
        press, filled, now = press_of(body, team), wanted(body.get("view") or {}), self.clock()
        event = self._event(filled.key) if filled is not None else None
        if press is None or filled is None or event is None:
            return problem(field_errors.NO_ALERT)
        state = facts_of(event).state
        if refusal := self.desk.refusal(press.user, state.feature, state.window, now):
            return problem(refusal)
        try:
            limit = read_amount(filled.amount)
        except QuestionError as error:
            return problem(str(error))
        standing = self.desk.standing(state.feature, state.window, now)
        if limit <= standing.spent and filled.warned != filled.amount:
            warning = field_errors.spent_already(dollars(standing.spent))
            view = raise_view(event.key, standing, filled=filled, warning=warning)
            return {"response_action": "update", "view": view}
        until = standing.period_end if filled.for_period else None
        self.desk.set(press.user, standing, limit, now, until=until)
        change_copies(self.desk.ledger.outbox, [event.key], self.desk.zone)
        return {}

    def _show(self, body: Mapping[str, Any], event: Event) -> None:
        """Change every copy: the one that was pressed at once, the others by whoever delivers them."""
        changed = change_copies(self.desk.ledger.outbox, [event.key], self.desk.zone)
        pressed = _pressed(body, changed)
        if pressed is not None:
            respond(body["response_url"], pressed, replace_original=True)
        else:  # a message of before, which nobody changes any more
            respond(body["response_url"], alerts.done())

    def _event(self, key: str) -> Event | None:
        event = self.desk.ledger.outbox.event(key)
        return event if event is not None and event.kind is Kind.ALERT else None

    def _guarded(
        self,
        what: str,
        body: Mapping[str, Any],
        team: str,
        work: Callable[[Mapping[str, Any], Press, Event, datetime], None],
    ) -> None:
        try:
            press, now = press_of(body, team), self.clock()
            event = self._event(press.value) if press is not None else None
            if press is None or event is None:
                respond(str(body.get("response_url")), alerts.gone())
                return
            state = facts_of(event).state
            if work != self._details and (refusal := self.desk.refusal(press.user, state.feature, state.window, now)):
                respond(body["response_url"], asking.refused(refusal))
                return
            work(body, press, event, now)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            say_failure(what, body, error)


def _pressed(body: Mapping[str, Any], changed: Sequence[tuple[Delivery, Message]]) -> Message | None:
    """What the message in which the button stands says now, if it is one of ours."""
    at = body.get("container") or {}
    place, ts = at.get("channel_id"), at.get("message_ts")
    return next((message for one, message in changed if (one.place, one.ts) == (place, ts)), None)
