"""What is said of budgets, in lists and in alerts. Plain text: whoever puts it into Slack escapes it."""

from bot.domain.budget import Window
from bot.render.causes import cause_words
from bot.render.coverage import STALE_AFTER, not_all_known, unread
from bot.render.names import few, plain
from bot.render.numbers import ago, clock, count, day, days, has_cost, money, part, plural
from bot.render.sentences import known
from bot.reports.budgets import AlertFacts, AlertTrace, BudgetList, BudgetState, LimitChanged

_UNIT = {Window.DAILY: "day", Window.WEEKLY: "week", Window.MONTHLY: "month"}
_TOO_MUCH = 1
_FULLEST = 3
_PEOPLE = 5


def budget_sentences(answer: BudgetList) -> list[str]:
    """How many budgets there are and how they stand; of one feature, also where each limit comes from and goes."""
    whose = "" if answer.feature is None else f" for {plain(answer.feature)}"
    if not answer.rows:
        say = plain(answer.feature) if answer.feature is not None else "rag-search"
        none = f"There is no budget{whose} yet. In Slack say budget {say} monthly 50, or write it into llmcost.toml."
        return [none, *(_change(change) for change in answer.changes)]
    over = [row for row in answer.rows if row.used >= _TOO_MUCH]
    lines = [f"{plural(len(answer.rows), 'budget')}{whose}, {count(len(over)) if over else 'none'} over the limit."]
    if answer.as_of is not None and answer.age is not None and answer.age > STALE_AFTER:
        lines.append(unread(answer.as_of, answer.age))
    if answer.gaps:
        lines.append(f"{not_all_known(answer.gaps)}.")
    if unpriced := [f"{_named(row)} {count(row.unpriced_runs)}" for row in answer.rows if row.unpriced_runs]:
        lines.append(f"Unpriced runs, which are not in what was spent: {few(unpriced)}.")
    if aside := [f"{_named(row)} {money(row.set_aside)}" for row in answer.rows if row.set_aside]:
        lines.append(f"Set aside, and not in what was spent, for data that cannot be true: {few(aside)}; see audit.")
    if answer.feature is None:
        if narrowed := [f"{_named(row)} ({_conditions(row)})" for row in answer.rows if row.where]:
            lines.append(f"Of some runs alone: {few(narrowed)}.")
        ahead = [row for row in answer.rows if row.reaches_at is not None][:_FULLEST]
        return [*lines, *(f"{_named(row)}: {pace_words(row)}" for row in ahead)]
    for row in answer.rows:
        lines.append(f"{row.window.value.capitalize()} ({days(row.first, row.last)}): {pace_words(row)}")
        lines.append(f"{_owned(row)} {origin(row)}")
    return [*lines, *(_change(change) for change in answer.changes)]


def budget_basis(answer: BudgetList) -> list[str]:
    """What the list rests on."""
    if answer.as_of is None or answer.age is None:
        return ["Nothing has been read from LangSmith yet; status says more."]
    lines = [f"As of {clock(answer.as_of)} ({ago(answer.age)}), {answer.timezone}"]
    start = answer.ledger_start
    if start is not None and any(row.start.timestamp() < start.timestamp() for row in answer.rows):
        lines.append(f"The ledger starts on {day(start)}: what was spent before is not in it.")
    return lines


def alert_headline(state: BudgetState) -> str:
    """Who, how much, of what."""
    over = f", {money(state.overage)} over" if state.overage else ""
    return (
        f"{plain(state.feature)} {'spent' if state.is_closed else 'has spent'} {spent_words(state)} of its "
        f"{state.window.value} {money(state.limit)}: {used_words(state)}{over}."
    )


def alert_sentences(facts: AlertFacts) -> list[str]:
    """When, how it goes on, and what drove it."""
    state, unit = facts.state, _UNIT[facts.state.window]
    dates = days(state.first, state.last)
    if state.is_closed:
        lines = [f"That was the {unit} of {dates}; its late costs are still coming in."]
    else:
        lines = [f"{part(state.passed)} of the {unit} ({dates}) has passed."]
    if facts.reached_at is not None:
        lines.append(f"The limit was reached on {clock(facts.reached_at)}.")
    elif not state.is_closed:
        pace = pace_words(state)
        lines.append(f"{pace[0].upper()}{pace[1:]}")
    if facts.cause is not None:
        lines.append(f"What drove it, against the same point of the {unit} before: {cause_words(facts.cause)}.")
    if facts.model is not None:
        lines.append(f"{plain(facts.model.name)} makes up {part(facts.model.share)} of it.")
    lines += _narrowed(state)
    if state.set_aside:
        lines.append(f"{money(state.set_aside)} more is set aside for data that cannot be true; see audit.")
    if facts.ledger_start is not None:
        lines.append(f"The ledger starts on {day(facts.ledger_start)}: what was spent before is not in this.")
    return lines


def trace_words(trace: AlertTrace) -> str:
    """A costly trace: what it cost, and which it is."""
    return f"{money(trace.cost)} {plain(trace.name)}, {plural(trace.runs, 'run')} in {plain(trace.project)}"


def origin(state: BudgetState) -> str:
    """Where the limit comes from."""
    if state.set_by is None:
        return "The limit stands in llmcost.toml."
    until = f" until {clock(state.until)}" if state.until is not None else " until it is changed"
    return f"The limit was set in Slack by {plain(state.set_by)} and holds{until}."


def alert_basis(facts: AlertFacts) -> str:
    """As of when the figures are."""
    return f"As of {clock(facts.as_of)}, {facts.state.timezone}" if facts.as_of is not None else facts.state.timezone


def spent_words(state: BudgetState) -> str:
    """What was spent, and that it is not all, where that is so."""
    return known(state.spent, state.unpriced_runs)


def used_words(state: BudgetState) -> str:
    """How much of the limit that is. What nobody knows is no 0 %."""
    return part(state.used) if is_known(state) else "how much is unknown"


def is_known(state: BudgetState) -> bool:
    """Whether there is a figure: not where all runs are unpriced."""
    return has_cost(state.spent, state.unpriced_runs)


def _named(state: BudgetState) -> str:
    return f"{plain(state.feature)} {state.window.value}"


def pace_words(state: BudgetState) -> str:
    """Whether the limit is reached, or when it will be; the end of a line that says of what."""
    if state.used >= _TOO_MUCH:
        return f"over the limit by {money(state.overage)}." if state.overage else "the limit is reached."
    if state.reaches_at is not None:
        return f"at this pace the limit is reached on {clock(state.reaches_at)}."
    if not is_known(state):
        return "whether it stays within the limit is unknown."
    return f"at this pace it stays within the limit{', as far as costs are known' if state.unpriced_runs else ''}."


def _narrowed(state: BudgetState) -> list[str]:
    if not state.where:
        return []
    return [f"Only runs with {_conditions(state)} count."]


def _conditions(state: BudgetState) -> str:
    return " and ".join(f"{plain(name)} = {plain(value)}" for name, value in state.where[:_PEOPLE])


def _owned(state: BudgetState) -> str:
    shown = [plain(owner) for owner in state.owners[:_PEOPLE]]
    more = [f"{len(state.owners) - _PEOPLE} more"] if len(state.owners) > _PEOPLE else []
    owned = f"Owned by {', '.join([*shown, *more])}." if shown else "It has no owner."
    return " ".join([owned, *_narrowed(state)])


def _change(change: LimitChanged) -> str:
    limit = f"the {change.window.value} limit"
    did = f"changed {limit} from {money(change.old)}" if change.old is not None else f"set {limit}"
    until = f" until {clock(change.until)}" if change.until is not None else ""
    owners = f", owned by {', '.join(plain(owner) for owner in change.owners[:_PEOPLE])}" if change.owners else ""
    return f"{clock(change.at)}: {plain(change.by)} {did} to {money(change.new)}{until}{owners}."
