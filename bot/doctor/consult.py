"""Asking the doctor, in a terminal or in Slack."""

from contextlib import suppress
from datetime import datetime
from fractions import Fraction

from bot.doctor.checks import Patient, all_checks, local_checks
from bot.doctor.checkup import SECONDS, examine
from bot.doctor.trial import send_trial
from bot.domain.alert import crossed
from bot.domain.budget import Window
from bot.domain.money import dollars
from bot.errors import SlackError
from bot.ledger.store import Ledger, Reading
from bot.reports.budget_reporter import BudgetReporter
from bot.reports.findings import Finding, Verdict
from bot.slack.doctor_message import doctor_message
from bot.slack.messages import Message
from bot.slack.notes.asking import doctor_for_admins
from bot.slack.trial_message import trial_message, trial_without_budget

# Somebody waits, and does not know for what.
MOMENT = 0.5


def findings_of(
    patient: Patient, now: datetime, *, trial_to: str | None = None, seconds: float = SECONDS
) -> list[Finding]:
    """What all checks find; with `trial_to` (a member, "" if there is none to be found) a test alert is sent too."""
    findings = examine(all_checks(patient, now), seconds)
    if trial_to is not None and not isinstance(patient.ledger, str):
        findings.append(send_trial(patient.api, trial_to, _trial(patient, patient.ledger, now)))
    return findings


def missing(patient: Patient, now: datetime) -> list[Finding]:
    """What still lacks, as far as it is found without asking anybody and at once."""
    return [one for one in examine(local_checks(patient, now), MOMENT) if one.verdict is not Verdict.OK]


def _trial(patient: Patient, ledger: Ledger, now: datetime) -> Message:
    """An alert about the budget of which most is spent, whether or not that would be told."""
    in_force = patient.catalog.budgets(ledger.outbox.set_limits(), now)

    def work(reading: Reading) -> Message:
        look = BudgetReporter(reading, patient.zone, patient.week_start, now)
        if not in_force:
            span = look.running(Window.MONTHLY).span
            return trial_without_budget(dollars(reading.total(span).cost), span.first, span.last)
        found = [(one, period := look.running(one.budget.window), look.spent(one, period)) for one in in_force]
        one, period, spent = max(found, key=lambda item: Fraction(item[2], item[0].budget.limit_nanos))
        return trial_message(look.alert(one, period, spent, crossed(one.budget, spent)))

    return ledger.read(work)


def consult(patient: Patient, user: str, now: datetime, *, trial: bool) -> Message:
    """`/llmcost doctor`: what is found, if `user` (a Slack id) is an admin; a sentence if not."""
    if not is_admin(user, patient):
        return doctor_for_admins()
    return doctor_message(findings_of(patient, now, trial_to=user if trial else None))


def is_admin(user: str, patient: Patient) -> bool:
    """Whether a member, by Slack's id, is one of the admins. Whoever cannot be looked up is not."""
    if user in patient.admins:
        return True
    if patient.api is not None:
        for address in (admin for admin in patient.admins if "@" in admin):
            with suppress(SlackError):
                if patient.api.person(address).id == user:
                    return True
    return False
