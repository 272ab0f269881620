"""The doctor, by the settings."""

from collections.abc import Sequence
from datetime import datetime

from bot.app.answers import HasCatalog
from bot.app.ledgers import check_kept_by, open_to_read
from bot.app.office import channels
from bot.app.source import build_selection, build_source
from bot.doctor.checks import Patient, Slack
from bot.doctor.consult import findings_of
from bot.errors import LedgerError
from bot.ingest.selection import Project
from bot.ledger.store import Ledger
from bot.reports.findings import Finding
from bot.reports.watch import patience
from bot.settings import Examined, Settings
from bot.slack.connection import plain_client
from bot.slack.standing import Standing
from bot.slack.web import WebSlack


def examine_all(examined: Examined, now: datetime, *, trial: bool, to: str | None = None) -> list[Finding]:
    """`llmcost doctor`: what the checks find, whatever is wrong with the settings. A `trial` alert goes to this member
    or the first admin."""
    settings, config, problems = examined
    ledger: Ledger | str
    try:
        ledger = open_to_read(settings)
    except LedgerError as error:
        ledger = str(error)
    else:
        try:
            check_kept_by(ledger, settings, config)
        except LedgerError as error:
            problems = (*problems, str(error))
    try:
        patient = build_patient(settings, config, ledger, problems)
        return findings_of(patient, now, trial_to=to or next(iter(settings.admins), "") if trial else None)
    finally:
        if isinstance(ledger, Ledger):
            ledger.close()


def build_patient(
    settings: Settings, config: HasCatalog, ledger: Ledger | str, problems: Sequence[str] = ()
) -> Patient:
    """What the doctor looks at; `ledger` may be a sentence that says why there is none."""

    def find_projects() -> tuple[list[Project], list[str]]:
        # Once only: somebody waits, and a server that is down is what they want to hear of.
        source = build_source(settings, tries=1)
        try:
            return source.projects(build_selection(settings))
        finally:
            source.close()

    slack: Slack | str = "SLACK_BOT_TOKEN is not set, or not sound."
    if token := settings.slack_bot_token.get_secret_value():
        client = plain_client(token, settings.slack_api_url)
        standing = Standing(client)
        slack = Slack(standing.auth, standing.has_joined, WebSlack(client))
    has_key = bool(settings.langsmith_api_key.get_secret_value())
    return Patient(
        problems=problems,
        catalog=config.catalog,
        slack=slack,
        langsmith=find_projects if has_key else "LANGSMITH_API_KEY is not set, or not sound.",
        ledger=ledger,
        admins=settings.admins,
        channels=channels(settings, config),
        feature_keys=settings.feature_keys,
        zone=settings.timezone,
        week_start=settings.week_start,
        patience=patience(settings.sync_every),
    )
