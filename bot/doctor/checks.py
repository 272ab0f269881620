"""All checks, in the order in which they are read: what is set, who is reachable, what was read, what it is worth."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from bot.doctor.books import (
    check_database,
    check_deliveries,
    check_features,
    check_prices,
    check_projects,
    check_reading,
    check_rollups,
    check_tags,
)
from bot.doctor.checkup import Check
from bot.doctor.services import (
    check_admins,
    check_channels,
    check_langsmith,
    check_named,
    check_owned,
    check_owners,
    check_slack,
    not_looked_up,
)
from bot.domain.catalog import BudgetInForce, Catalog
from bot.domain.feature import UNTAGGED
from bot.domain.period import Span, local_day
from bot.ingest.selection import Project
from bot.ledger.deliveries import State
from bot.ledger.figures import Figures
from bot.ledger.store import Ledger, Reading
from bot.render.numbers import plural
from bot.reports.findings import Finding, Verdict
from bot.reports.watch import silence
from bot.slack.api import SlackApi
from bot.slack.standing import Auth

LOST_SINCE = timedelta(days=7)
_MANY = 1_000

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Slack:
    """What the checks ask of Slack; without `api` nobody can be looked up."""

    auth: Callable[[], Auth]
    has_joined: Callable[[str], bool]
    api: SlackApi | None


@dataclass(frozen=True, slots=True)
class Patient:
    """All that is looked at. A sentence stands where something cannot be asked at all: why not."""

    problems: Sequence[str]  # of the settings
    catalog: Catalog
    slack: Slack | str
    langsmith: Callable[[], tuple[list[Project], list[str]]] | str
    ledger: Ledger | str
    admins: Sequence[str]
    channels: Collection[str]
    feature_keys: Sequence[str]  # the metadata keys that name a feature
    zone: ZoneInfo
    week_start: int
    patience: timedelta  # how long reading may fail

    @property
    def api(self) -> SlackApi | None:
        """Slack, to look people up and to send something; None if that is not possible."""
        return None if isinstance(self.slack, str) else self.slack.api


def all_checks(patient: Patient, now: datetime) -> list[Check]:
    """The checks of a patient. What rests on something that is broken is not checked, and names it."""
    on_slack, on_ledger = partial(_check, patient.slack, "Slack"), partial(_check, patient.ledger, "database")
    return [
        Check("settings", lambda: _settings(patient)),
        on_slack("Slack", lambda slack: check_slack(slack.auth)),
        on_slack("channels", lambda slack: _channels(patient, slack)),
        Check("admins", lambda: check_admins(patient.admins, patient.api)),
        Check("budgets", lambda: check_owners(_budgets(patient, now), patient.api)),
        _check(patient.langsmith, "LangSmith", "LangSmith", check_langsmith),
        on_ledger("reading", lambda ledger: _reading(patient, ledger, now)),
        on_ledger("cost mode", _projects),
        on_ledger("tags", lambda ledger: check_tags(*_last_day(ledger, patient.zone, now), patient.feature_keys)),
        on_ledger("features", lambda ledger: _features(patient, ledger, now)),
        on_ledger("prices", lambda ledger: check_prices(_last_day(ledger, patient.zone, now)[0])),
        on_ledger("figures", check_rollups),
        on_ledger("database", lambda ledger: check_database(ledger.health())),
        on_ledger("messages", lambda ledger: _messages(ledger, now)),
    ]


def local_checks(patient: Patient, now: datetime) -> list[Check]:
    """Those that ask nobody and take no time: the settings, and what the ledger knows."""
    wanted = ("settings", "reading", "tags", "prices", "messages")
    checks = [check for check in all_checks(patient, now) if check.name in wanted]
    return [
        *checks,
        Check("admins", lambda: check_named(patient.admins)),
        Check("budgets", lambda: check_owned(_budgets(patient, now))),
    ]


def _check(part: Part | str, cause: str, name: str, look: Callable[[Part], Finding]) -> Check:
    """A check of a part that may be missing: the check called `cause` says why, the others refer to it."""
    if not isinstance(part, str):
        return Check(name, partial(look, part))
    missing = Finding(name, Verdict.WARNING, f"Not checked, see {cause}.")
    if name == cause:
        missing = Finding(name, Verdict.BROKEN, part)
    return Check(name, lambda: missing)


def _settings(patient: Patient) -> Finding:
    if patient.problems:
        return Finding("settings", Verdict.BROKEN, " ".join(patient.problems))
    catalog = patient.catalog
    features, rules = plural(len(catalog.features), "feature"), plural(len(catalog.rules), "rule")
    file = f"llmcost.toml has {features}, {rules}"
    if not catalog.features and not catalog.rules:
        file = "llmcost.toml, if there is one, has no feature and no rule"
    return Finding("settings", Verdict.OK, f"The variables are sound; {file}.")


def _channels(patient: Patient, slack: Slack) -> Finding:
    if slack.api is None:
        return not_looked_up("channels")
    return check_channels(list(patient.channels), slack.api.channel, slack.has_joined)


def _budgets(patient: Patient, now: datetime) -> list[BudgetInForce]:
    """Those of the file alone, where there is no ledger that knows of others."""
    set_limits = patient.ledger.outbox.set_limits() if isinstance(patient.ledger, Ledger) else []
    return patient.catalog.budgets(set_limits, now)


def _reading(patient: Patient, ledger: Ledger, now: datetime) -> Finding:
    def look(reading: Reading) -> Finding:
        found = silence(reading, now.astimezone(patient.zone), patient.patience)
        return check_reading(found, reading.last_sync(successful=True), now)

    return ledger.read(look)


def _projects(ledger: Ledger) -> Finding:
    return check_projects(ledger.read(lambda reading: reading.projects(selected_only=True)))


def _features(patient: Patient, ledger: Ledger, now: datetime) -> Finding:
    limited = [one.budget.feature for one in _budgets(patient, now)]
    return check_features(limited, ledger.read(lambda reading: reading.features()))


def _last_day(ledger: Ledger, zone: ZoneInfo, now: datetime) -> tuple[Figures, Figures]:
    """Of yesterday: all runs, and those without a feature; of today, if yesterday had none."""
    today = local_day(now, zone)

    def look(reading: Reading) -> tuple[Figures, Figures]:
        for first in (today - timedelta(days=1), today):
            span = Span(first, first + timedelta(days=1), zone)
            total = reading.total(span)
            if total.runs:
                break
        return total, reading.total(span, UNTAGGED)

    return ledger.read(look)


def _messages(ledger: Ledger, now: datetime) -> Finding:
    outbox = ledger.outbox
    return check_deliveries(outbox.latest(_MANY, states=[State.OPEN]), outbox.undeliverable(now - LOST_SINCE), now)
