"""Checks of the ledger: is it read, tagged, priced, right, writable, and does it get rid of its messages?"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bot.doctor.services import few
from bot.domain.catalog import SPECIAL
from bot.domain.feature import UNTAGGED
from bot.domain.money import dollars
from bot.ledger.booking import instant
from bot.ledger.coverage import ProjectRow, SyncRow
from bot.ledger.deliveries import Delivery
from bot.ledger.figures import Figures
from bot.ledger.health import Health
from bot.ledger.store import Ledger
from bot.render.numbers import ago, day, money, part, plural
from bot.render.silence import silence_lines
from bot.reports.findings import Finding, Verdict
from bot.reports.vocabulary import nearest
from bot.reports.watch import Silence

# Below that share of the cost, or of the runs, reports by feature mislead.
ENOUGH_TAGGED = Decimal("0.9")
# The books of about so many runs are checked in a few seconds.
MOST_RUNS = 50_000
LEAST_FREE = 500_000_000
STUCK_AFTER = timedelta(minutes=10)
MANY_TRIES = 5


def check_reading(silence: Silence | None, last_good: SyncRow | None, now: datetime) -> Finding:
    """Whether LangSmith is being read, and whether runs come in."""
    if silence is not None:
        first, *others = silence_lines(silence)
        return Finding("reading", Verdict.BROKEN, first, " ".join(others[:1]))
    if last_good is None:
        todo = "Start `llmcost run`, or read once with `llmcost sync`."
        return Finding("reading", Verdict.WARNING, "LangSmith has not been read to the end yet.", todo)
    return Finding("reading", Verdict.OK, f"Read to the end {ago(now - instant(last_good.finished))}.")


def check_projects(projects: Sequence[ProjectRow]) -> Finding:
    """How the projects that are read count their parents' costs."""
    if not projects:
        return Finding("cost mode", Verdict.WARNING, "No project has been read yet.", "Let a sync go through.")
    modes = {"own": "its own cost", "rolled_up": "its children's too", "unknown": "not known yet"}
    each = [f"{project.name} ({modes[project.cost_mode.value]})" for project in projects]
    return Finding("cost mode", Verdict.OK, f"What a parent's cost is: {few(each)}.")


def check_tags(total: Figures, untagged: Figures, keys: Sequence[str]) -> Finding:
    """How much of the last day is attributed to a feature; `keys` are the metadata keys that name one."""
    if not total.runs:
        return Finding("tags", Verdict.OK, "There were no runs in the last day.")
    runs = _share(total.runs - untagged.runs, total.runs)
    cost = _share(total.cost - untagged.cost, total.cost)
    of_cost = f"{part(cost)} of the cost and " if cost is not None else ""
    found = f"{of_cost}{part(runs or Decimal(0))} of {plural(total.runs, 'run')} of the last day have a feature."
    if min(share for share in (runs, cost) if share is not None) < ENOUGH_TAGGED:
        todo = f"{money(dollars(untagged.cost))} have none: `untagged` lists them, [[rules]] can claim them."
        if not runs:
            todo = f"Do your traces have the metadata key {' or '.join(keys)} (LLMCOST_FEATURE_KEYS)? Else: {todo}"
        return Finding("tags", Verdict.WARNING, found, todo)
    return Finding("tags", Verdict.OK, found)


def check_features(limited: Collection[str], known: Collection[str]) -> Finding:
    """Whether the features that have a budget have ever had a run: one that is misspelt is never over its limit.
    `known` are those of the ledger that have."""
    never = sorted(set(limited) - set(known) - SPECIAL)
    if not never or not known:
        return Finding("features", Verdict.OK, f"{plural(len(set(known) - {UNTAGGED}), 'feature')} with runs.")
    alike = list(dict.fromkeys(name for one in never for name in nearest(one, filter(None, known))))
    todo = f"Did you mean {few(alike)}?" if alike else "Is that spelt as your traces have it?"
    return Finding("features", Verdict.WARNING, f"A budget, and never a run: {few(never)}.", todo)


def check_prices(total: Figures) -> Finding:
    """How much of the last day has a cost."""
    ended = total.runs - total.no_usage - total.failed
    if ended <= 0:
        return Finding("prices", Verdict.OK, "There were no runs with tokens in the last day.")
    found = f"{part(_share(ended - total.unpriced, ended) or Decimal(0))} of {plural(ended, 'run')} have a price."
    if total.unpriced:
        todo = f"{plural(total.unpriced, 'run')} without one, and in no total: [[prices]] can give their model one."
        return Finding("prices", Verdict.WARNING, found, todo)
    return Finding("prices", Verdict.OK, found)


def check_rollups(ledger: Ledger, most_runs: int = MOST_RUNS) -> Finding:
    """Whether the figures are what the runs add up to; of a big ledger the last days."""
    since, gone = ledger.read(lambda reading: (reading.latest_days(most_runs), reading.pruned()))
    wrong = ledger.wrong_rollups(since)
    checked = "All days" if since is None else f"The days since {day(since)}"
    if wrong:
        todo = "Say so to whoever maintains llmcost; a ledger that is deleted is read anew from LangSmith."
        found = f"{checked}: the runs make other figures in {plural(len(wrong), 'row')}."
        return Finding("figures", Verdict.BROKEN, found, todo)
    found = f"{checked}: they are what the runs add up to."
    if gone is not None:
        found += f" Before {day(gone.day)}, where the runs were pruned, every view makes the same total."
    return Finding("figures", Verdict.OK, found)


def check_database(health: Health) -> Finding:
    """Whether the ledger can be written, now and for a while."""
    size = f"schema {health.schema}, {_bytes(health.size)}"
    if health.problem is not None:
        todo = "See who owns the file and its folder, and whether the disk is full."
        return Finding("database", Verdict.BROKEN, f"{health.problem} ({size})", todo)
    if health.free is None:
        return Finding("database", Verdict.OK, f"Writable, {size}.")
    found = f"Writable, {size}, {_bytes(health.free)} free on its disk."
    if health.free < max(LEAST_FREE, health.size):
        return Finding("database", Verdict.WARNING, found, "Make room: it grows with every run.")
    return Finding("database", Verdict.OK, found)


def check_deliveries(waiting: Sequence[Delivery], lost: Sequence[Delivery], now: datetime) -> Finding:
    """Whether messages get to people. `waiting` are those that are open, `lost` those that lately reached nobody."""
    late = [one for one in waiting if now - one.next_try > STUCK_AFTER]
    if late:
        found = f"{plural(len(late), 'message')} should have gone out, the first {ago(now - late[-1].next_try)}."
        return Finding("messages", Verdict.BROKEN, found, "Is `llmcost run` alive?")
    if lost:
        last = lost[-1]
        why = f": {last.problem}" if last.problem else ""
        found = f"{plural(len(lost), 'message')} reached nobody in the last days, the last for {last.recipient}{why}"
        return Finding("messages", Verdict.WARNING, found.rstrip(".") + ".", "Correct owners, channels and admins.")
    hard = [one for one in waiting if one.tries >= MANY_TRIES]
    if hard:
        why = f" ({hard[0].problem})" if hard[0].problem else ""
        found = f"Tried {MANY_TRIES} times or more: {plural(len(hard), 'message')}{why}."
        return Finding("messages", Verdict.WARNING, found, "They are tried again.")
    return Finding("messages", Verdict.OK, f"{plural(len(waiting), 'message')} waiting, none stuck.")


def _share(part: int, whole: int) -> Decimal | None:
    return Decimal(part) / Decimal(whole) if whole > 0 else None


def _bytes(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1000:,.0f} kB"
