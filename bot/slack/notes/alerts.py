"""What comes of an alert's buttons, in words, where the alert itself does not say it (pure)."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from bot.domain.money import dollars
from bot.ledger.deliveries import Delivery, State
from bot.ledger.limits import LimitChange
from bot.render.budgets import alert_sentences, origin, trace_words
from bot.render.names import plain
from bot.render.numbers import clock, money, part
from bot.reports.budgets import AlertFacts, BudgetState
from bot.slack.field_errors import NO_ALERT
from bot.slack.limit_desk import Standing
from bot.slack.messages import Message, note
from bot.slack.notes.people import Line, naming, somebody

_TOLD = {
    State.OPEN: "on its way",
    State.SENT: "sent",
    State.REPLACED: "not reached; others were told",
    State.UNDELIVERABLE: "reached nobody",
}


def gone() -> Message:
    """To whoever presses a button of an alert that is not in the ledger."""
    return note(NO_ALERT)


def period_over() -> Message:
    """To whoever snoozes what has ended."""
    return note("This period is over: there is nothing left to snooze.")


def done() -> Message:
    """To whoever presses a button in a message that nobody changes any more."""
    return note("Done. The alert's own messages say so.")


def details(
    facts: AlertFacts,
    standing: Standing,
    deliveries: Sequence[Delivery],
    changes: Sequence[LimitChange],
    zone: ZoneInfo,
) -> Message:
    """More about an alert: how its budget stands now, who was told, and who has changed its limit."""
    state = facts.state
    lines: list[Line] = [[line] for line in (*alert_sentences(facts), origin(state))]
    lines += [[f"Trace {trace.id}: {trace_words(trace)}"] for trace in facts.traces]
    if standing.in_force is not None:
        spent, limit = dollars(standing.spent), dollars(standing.in_force.budget.limit_nanos)
        lines.append([f"Now: {money(spent)} of {money(limit)} ({part(spent / limit)}) in the running period."])
    lines += [["Told ", somebody(one.recipient), f" as {one.role}: {_TOLD[one.state]}."] for one in deliveries]
    lines += [_changed(one, zone) for one in changes]
    return naming(f"{plain(state.feature)}, {state.window}, {state.period}", *lines)


def done_without_owner(state: BudgetState, what: str, user: str) -> Message:
    """To the digest's channel: the alert about a budget that nobody owns was `what` by a member."""
    feature = plain(state.feature)
    return naming(
        f"The alert about the {state.window} budget of {feature} ({state.period}) was {what}.",
        [f"{feature} has no owner, so anybody may do that; ", somebody(user), " did."],
    )


def _changed(change: LimitChange, zone: ZoneInfo) -> Line:
    at, limit = clock(change.at.astimezone(zone)), money(dollars(change.new_nanos))
    before = f", {money(dollars(change.old_nanos))} before" if change.old_nanos is not None else ""
    return [f"{at}: ", somebody(change.by), f" set the {change.window} limit to {limit}{before}."]
