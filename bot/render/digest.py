"""What the morning digest says. Plain text: whoever puts it into Slack escapes it."""

from collections.abc import Iterable
from datetime import datetime

from bot.render.causes import cause_words
from bot.render.coverage import basis, stale_words, unknown, warnings
from bot.render.names import plain
from bot.render.numbers import clock, count, days, has_cost, money, part, percent, plural
from bot.render.sentences import change_from, known, spent, when
from bot.render.silence import silence_headline
from bot.render.table import NO_TABLE, UNKNOWN, UNKNOWN_COST, Cell, Figure, Table, counted, dollars, made
from bot.reports.answers import Other, Spend
from bot.reports.budgets import AlertFacts
from bot.reports.digest import BudgetState, Compared, Digest, FeatureLine, Mover, Stretch, Unheard
from bot.reports.watch import Cause

_LONG = 120


def sentences(digest: Digest) -> list[str]:
    """Trouble first, then how much it was and against what, then what a reader must know before believing it."""
    lines = silence_headline(digest.silence) if digest.silence is not None else []
    warned, stale = warnings(digest.period, digest.coverage), stale_words(digest.period, digest.coverage)
    if stale is not None and digest.silence is not None and digest.silence.cause is not Cause.NO_RUNS:
        # That says as much, and what it means for these days.
        lines, warned = [stale], [line for line in warned if line != stale]
    nothing = unknown(digest.period, digest.coverage)
    if nothing is not None and not digest.total.runs:
        # Not a $0: that would be a lie.
        return [*lines, nothing, *_late(digest)]
    lines.append(_headline(digest))
    lines += _comparisons(digest)
    return [*lines, *_late(digest), *warned]


def table(digest: Digest) -> Table:
    """A line per feature; it may have none."""
    rows = [_row(line) for line in digest.rows]
    if digest.other is not None:
        other = digest.other
        name = f"other ({count(other.count)})"
        rows.append([name, _cost(other), UNKNOWN, UNKNOWN, counted(other.runs), UNKNOWN])
    if not rows:
        return NO_TABLE
    header = ("Feature", "Cost", "Week before", "Change", "Runs", "Budget")
    return made(header, rows, (False, True, True, True, True, False))


def details(digest: Digest) -> list[str]:
    """Who could not be told, what moved, budgets that fill, how the month goes, what is new."""
    left_out = digest.left_out
    lines = [" ".join(digest.checked)] if digest.checked else []
    lines += [_unheard(one) for one in digest.unheard]
    lines += [f"So did {plural(left_out.unheard, 'more alert')}."] if left_out.unheard else []
    if digest.movers and digest.last_week is not None:
        lines.append(f"Moved most since {days(digest.last_week.first, digest.last_week.last)}:")
        lines += [f"\N{BULLET} {_mover(mover)}" for mover in digest.movers]
    lines += [_budget_line(state) for state in digest.budgets]
    lines += [f"{plural(left_out.budgets, 'more budget')} near the limit or over it."] if left_out.budgets else []
    lines += [
        _stretch(name, stretch)
        for name, stretch in (
            ("The week", digest.week),
            ("The month", digest.month),
            ("The month so far", digest.month_to_date),
        )
        if stretch is not None
    ]
    if digest.newcomers:
        more = [f"{count(left_out.newcomers)} more"] if left_out.newcomers else []
        new = [f"{one.dimension} {plain(one.name)} ({money(one.cost)})" for one in digest.newcomers]
        lines.append(f"New: {', '.join([*new, *more])}.")
    return lines


def small_print(digest: Digest) -> list[str]:
    """What the numbers rest on."""
    return [*updated(digest), *basis(digest.period, digest.coverage, says_untagged=digest.features is not None)]


def updated(digest: Digest) -> list[str]:
    """That people have seen other figures here before, where that is so."""
    return [f"Updated {clock(digest.now)}"] if digest.is_update else []


def correction(digest: Digest, told: Spend) -> str:
    """That the total has become another than people were told."""
    who = f"{_who(digest)} cost {spent(digest.total)} {when(digest.period)}"
    return f"Correction: {who}, not {spent(told)}. The figures above have been updated; a new file follows."


def thread_headline(digest: Digest, alerts: int, file_at: datetime | None = None) -> str:
    """What stands in the thread of a digest, and as of when the file is if that has changed since."""
    told = f", and {plural(alerts, 'alert')}" if alerts else ""
    if not digest.rows:
        return f"No feature has runs {when(digest.period)}{told}."
    file = f"the first file is as of {clock(file_at)}" if file_at is not None else "the file has the same rows"
    return f"{plural(len(digest.rows), 'feature')} {when(digest.period)}{told}; {file}."


def alert_line(facts: AlertFacts, at: datetime) -> str:
    """An alert in one line."""
    state = facts.state
    only = _noted(f"{plain(name)} {plain(value)} only" for name, value in state.where)
    share = f"{part(state.used)} of its {state.window} budget of {money(state.limit)}"
    return f"{clock(at)}: {plain(state.feature)} had spent {share}{only}."


def more_alerts(number: int) -> str:
    """That there were more of them than are listed."""
    return f"And {plural(number, 'more alert')}."


def _headline(digest: Digest) -> str:
    if digest.total.runs:
        return f"{_who(digest)} cost {spent(digest.total)} {when(digest.period)}."
    # The ledger knows the days: there was nothing.
    nothing = f"Nothing was spent {when(digest.period)}"
    return f"{nothing}." if digest.features is None else f"{nothing} by {_who(digest)}."


def _who(digest: Digest) -> str:
    if digest.features is None:
        return "All features together"
    *others, last = map(plain, digest.features)
    return f"{', '.join(others)} and {last} together" if others else last


def _comparisons(digest: Digest) -> list[str]:
    if digest.last_week is None and digest.mean is None:
        return ["Not compared: the ledger does not cover the days to compare with."]
    lines = []
    if digest.last_week is not None:
        lines.append(f"{_change(digest.total, digest.last_week)}.")
    per_day = f"That is {money(digest.per_day)} a day. " if digest.period.first != digest.period.last else ""
    if digest.mean is not None and (digest.mean.cost or digest.mean.unpriced_runs or digest.total.cost):
        lines.append(f"{per_day}The 7 days before cost {_on_average(digest.mean)}{_direction(digest.mean)}.")
    return lines


def _on_average(mean: Compared) -> str:
    if not has_cost(mean.cost, mean.unpriced_runs):
        return known(mean.cost, mean.unpriced_runs)
    unpriced = f", not counting {plural(mean.unpriced_runs, 'unpriced run')}" if mean.unpriced_runs else ""
    return f"{money(mean.cost)} a day on average{unpriced}"


def _direction(mean: Compared) -> str:
    if not mean.change:
        return ""
    return f": this is {percent(mean.change)} {'more' if mean.change > 0 else 'less'}"


def _change(spend: Spend, before: Compared) -> str:
    return change_from(f"{known(before.cost, before.unpriced_runs)} ({days(before.first, before.last)})", spend, before)


def _late(digest: Digest) -> list[str]:
    return [f"This digest is late: it was due at {digest.was_due:%H:%M}."] if digest.was_due is not None else []


def _row(line: FeatureLine) -> list[Cell]:
    budget = UNKNOWN
    if line.budget is not None:
        budget = f"{part(line.budget.used)} of {money(line.budget.limit)} {line.budget.window}"
    before = _cost(line.before) if line.before is not None else UNKNOWN
    return [plain(line.name), _cost(line.spend), before, _moved(line), counted(line.spend.runs), budget]


def _moved(line: FeatureLine) -> Cell:
    """In which direction the cost went, in words."""
    if line.before is None or not all(has_cost(one.cost, one.unpriced_runs) for one in (line.spend, line.before)):
        return UNKNOWN
    if line.spend.cost == line.before.cost:
        return "the same"
    if line.change is None:
        return "from nothing"
    return Figure(f"{'up' if line.change > 0 else 'down'} {percent(line.change)}", line.change)


def _cost(spend: Spend | Other) -> Cell:
    """Nothing but unpriced runs is never a $0."""
    return dollars(spend.cost) if has_cost(spend.cost, spend.unpriced_runs) else UNKNOWN_COST


def _mover(mover: Mover) -> str:
    size = f" {percent(mover.change)}" if mover.change is not None else ""
    way = "up" if mover.after > mover.before else "down"
    unpriced = f"; {plural(mover.unpriced_runs, 'run')} unpriced" if mover.unpriced_runs else ""
    moved = f"{way}{size} from {money(mover.before)} to {money(mover.after)}"
    return f"{plain(mover.name)}: {moved}, mostly by {cause_words(mover.cause)}{unpriced}"


def _stretch(name: str, stretch: Stretch) -> str:
    dates = days(stretch.period.first, stretch.period.last)
    known = "" if stretch.is_known else " as far as the ledger knows it"
    compared = f". {_change(stretch.spend, stretch.before)}" if stretch.before is not None else ""
    return f"{name} ({dates}) cost {spent(stretch.spend)}{known}{compared}."


def _budget_line(state: BudgetState) -> str:
    notes = [f"{plain(name)} {plain(value)} only" for name, value in state.where]
    notes += ["limit set in Slack"] if state.is_set_in_slack else []
    notes += ["without what was before the ledger"] if state.starts_before_ledger else []
    used = f"{money(state.spent)}, {part(state.used)} of its {state.window} budget of {money(state.limit)}"
    return f"{plain(state.feature)} has spent {used}{_noted(notes)}."


def _noted(notes: Iterable[str]) -> str:
    text = ", ".join(notes)
    return f" ({text})" if text else ""


def _unheard(one: Unheard) -> str:
    why = f": {plain(one.problem, _LONG)}" if one.problem else ""
    return f"An alert about {plain(one.feature)} reached nobody{why}."
