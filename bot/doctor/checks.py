"""All checks, in the order in which they are read: what is set, who is reachable, what was read, what it is worth."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.doctor.books import (
    check_database,
    check_deliveries,
    check_prices,
    check_projects,
    check_reading,
    check_rollups,
    check_tags,
)
from bot.doctor.checkup import Check
from bot.doctor.services import check_admins, check_channels, check_langsmith, check_owners, check_slack
from bot.domain.catalog import Catalog
from bot.domain.feature import UNTAGGED
from bot.domain.period import Span, local_day
from bot.errors import LedgerError, SlackError, SourceError
from bot.ingest.langsmith import Project
from bot.ledger.deliveries import State
from bot.ledger.figures import Figures
from bot.ledger.store import Ledger
from bot.render.numbers import plural
from bot.reports.findings import Finding, Verdict
from bot.reports.watch import silence
from bot.slack.api import SlackApi
from bot.slack.standing import Auth

LOST_SINCE = timedelta(days=7)
_MANY = 1_000


@dataclass(frozen=True, slots=True)
class Slack:
    """What the checks ask of Slack; without `api` nobody can be looked up."""

    auth: Callable[[], Auth]
    has_joined: Callable[[str], bool]
    api: SlackApi | None

    def look_up(self) -> SlackApi:
        """The api. Raises SlackError without one."""
        if self.api is None:
            raise SlackError("Not checked: nobody can be looked up in Slack.")
        return self.api


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
    zone: ZoneInfo
    week_start: int
    patience: timedelta  # how long reading may fail


def slack_of(patient: Patient) -> SlackApi:
    """Slack, to send something. Raises SlackError if that is not possible."""
    return _slack(patient).look_up()


def all_checks(patient: Patient, now: datetime) -> list[Check]:
    """The checks of a patient."""
    return [
        Check("settings", lambda: _settings(patient)),
        Check("Slack", lambda: check_slack(_slack(patient).auth)),
        Check("channels", lambda: _channels(patient)),
        Check("admins", lambda: _admins(patient)),
        Check("budgets", lambda: _budgets(patient, now)),
        Check("LangSmith", lambda: _langsmith(patient)),
        Check("reading", lambda: _reading(patient, now)),
        Check("cost mode", lambda: _projects(patient)),
        Check("tags", lambda: check_tags(*_last_day(patient, now))),
        Check("prices", lambda: check_prices(_last_day(patient, now)[0])),
        Check("figures", lambda: check_rollups(_ledger(patient))),
        Check("database", lambda: check_database(_ledger(patient).health())),
        Check("messages", lambda: _messages(patient, now)),
    ]


def _settings(patient: Patient) -> Finding:
    if patient.problems:
        return Finding("settings", Verdict.BROKEN, " ".join(patient.problems))
    catalog = patient.catalog
    features, rules = plural(len(catalog.features), "feature"), plural(len(catalog.rules), "rule")
    return Finding("settings", Verdict.OK, f"All variables are sound; llmcost.toml has {features} and {rules}.")


def _slack(patient: Patient) -> Slack:
    if isinstance(patient.slack, str):
        raise SlackError(f"Not checked: {patient.slack}")
    return patient.slack


def _ledger(patient: Patient) -> Ledger:
    if isinstance(patient.ledger, str):
        raise LedgerError(f"Not checked: {patient.ledger}")
    return patient.ledger


def _langsmith(patient: Patient) -> Finding:
    if isinstance(patient.langsmith, str):
        raise SourceError(f"Not checked: {patient.langsmith}")
    return check_langsmith(patient.langsmith)


def _channels(patient: Patient) -> Finding:
    if not patient.channels:
        return check_channels((), str, bool)
    slack = _slack(patient)
    return check_channels(list(patient.channels), slack.look_up().channel, slack.has_joined)


def _admins(patient: Patient) -> Finding:
    return check_admins(patient.admins, _slack(patient).look_up() if patient.admins else None)


def _budgets(patient: Patient, now: datetime) -> Finding:
    """Those of the file alone, where there is no ledger that knows of others."""
    set_limits = patient.ledger.outbox.set_limits() if isinstance(patient.ledger, Ledger) else []
    budgets = patient.catalog.budgets(set_limits, now)
    return check_owners(budgets, _slack(patient).look_up()) if budgets else check_owners((), None)


def _reading(patient: Patient, now: datetime) -> Finding:
    with _ledger(patient).reading() as reading:
        found = silence(reading, now.astimezone(patient.zone), patient.patience)
        return check_reading(found, reading.last_sync(successful=True), now)


def _projects(patient: Patient) -> Finding:
    with _ledger(patient).reading() as reading:
        return check_projects(reading.projects(selected_only=True))


def _last_day(patient: Patient, now: datetime) -> tuple[Figures, Figures]:
    """Of yesterday: all runs, and those without a feature; of today, if yesterday had none."""
    today = local_day(now, patient.zone)
    with _ledger(patient).reading() as reading:
        for first in (today - timedelta(days=1), today):
            span = Span(first, first + timedelta(days=1), patient.zone)
            total = reading.total(span)
            if total.runs:
                break
        return total, reading.total(span, UNTAGGED)


def _messages(patient: Patient, now: datetime) -> Finding:
    outbox = _ledger(patient).outbox
    return check_deliveries(outbox.latest(_MANY, states=[State.OPEN]), outbox.undeliverable(now - LOST_SINCE), now)
