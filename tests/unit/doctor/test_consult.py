"""The doctor's words: in a terminal and in Slack, for admins alone, with a test alert if one is wanted."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.doctor.checks import Patient, Slack
from bot.doctor.consult import consult, findings_of
from bot.domain.budget import Budget, Window
from bot.domain.catalog import Catalog, Feature
from bot.ingest.selection import Project
from bot.ledger.health import Health
from bot.ledger.store import Ledger, open_ledger
from bot.render.findings import findings_headline, findings_text
from bot.reports.findings import Finding, Verdict, is_broken
from bot.reports.watch import PATIENCE
from bot.slack.doctor_message import doctor_message
from bot.slack.scopes import SCOPES
from bot.slack.standing import Auth
from tests import golden
from tests.databases import new_url
from tests.ledgers import BERLIN, NOW, PROJECT, believable, fill
from tests.standins.slack_rules import problems
from tests.unit.doctor.people import People

LIMIT = 100_000_000_000
SEARCH = Feature(
    "rag-search",
    owners=("alice@example.com",),
    channel="#search",
    budgets=(Budget("rag-search", Window.MONTHLY, LIMIT), Budget("rag-search", Window.DAILY, LIMIT)),
)


class SameDisk(Ledger):
    """Its size and its disk are the same on every machine."""

    def health(self) -> Health:
        return super().health()._replace(size=2_400_000, free=51_200_000_000)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(new_url(tmp_path), create=False)
    ledger.__class__ = SameDisk
    fill(ledger, believable(), projects=(PROJECT, "acme-staging"))
    yield ledger
    ledger.close()


def patient(ledger: Ledger, people: People | None = None, **more: Any) -> Patient:
    slack = Slack(lambda: Auth("Acme", "llmcost", frozenset(SCOPES)), lambda _: True, people or People())
    well = Patient(
        problems=(),
        catalog=Catalog({"rag-search": SEARCH}),
        slack=slack,
        langsmith=lambda: ([Project(b"1" * 16, PROJECT, 0)], []),
        ledger=ledger,
        admins=("alice@example.com",),
        channels=("#search",),
        feature_keys=("feature",),
        zone=BERLIN,
        week_start=0,
        patience=PATIENCE,
    )
    return replace(well, **more)


def shown(findings: list[Finding]) -> str:
    return f"{findings_text(findings)}\n\n{findings_headline(findings)}\n"


def test_what_is_well_and_what_only_could_be_better(ledger: Ledger) -> None:
    findings = findings_of(patient(ledger), NOW)
    assert not is_broken(findings)
    golden.check("doctor.txt", shown(findings))


def test_what_is_broken_and_what_cannot_be_checked_at_all() -> None:
    ill = Patient(
        problems=("LLMCOST_TIMEZONE: 'Mars' is no time zone; write an IANA name such as Europe/Berlin.",),
        catalog=Catalog({"rag-search": SEARCH}),
        slack="SLACK_BOT_TOKEN is not set.",
        langsmith="LANGSMITH_API_KEY is not set.",
        ledger="There is no ledger at llmcost.db yet. `llmcost sync` reads LangSmith into a new one.",
        admins=("alice@example.com",),
        channels=("#search",),
        feature_keys=("feature",),
        zone=BERLIN,
        week_start=0,
        patience=PATIENCE,
    )
    findings = findings_of(ill, NOW, trial_to="UALICE")
    assert is_broken(findings)
    golden.check("doctor_broken.txt", shown(findings))


def test_a_file_that_need_not_be_there_is_not_said_to_be(ledger: Ledger) -> None:
    (settings, *_) = findings_of(patient(ledger, catalog=Catalog()), NOW)
    assert settings.found == "The variables are sound; llmcost.toml, if there is one, has no feature and no rule."


@pytest.mark.parametrize("width", [40, 60, 80])
def test_it_keeps_to_the_width_and_loses_no_word(width: int, ledger: Ledger) -> None:
    findings = findings_of(patient(ledger), NOW)
    text = findings_text(findings, width)
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == findings_text(findings, 10_000).split()


def test_no_name_acts_in_a_line() -> None:
    text = findings_text([Finding("budgets", Verdict.OK, "\x1b[31mred\n```<!channel>")])
    assert "\x1b" not in text
    message = doctor_message([Finding("budgets", Verdict.OK, "\x1b[31mred\n```<!channel>")])
    assert "<!channel>" not in message.text
    assert message.text.count("```") == 2


def test_in_slack_what_is_broken_comes_first_and_everything_fits(ledger: Ledger) -> None:
    message = consult(patient(ledger, problems=["It is broken. " * 40] * 9), "UALICE", NOW, trial=False)
    for form in message.forms():
        assert problems(form) == []
    assert message.text.splitlines()[2].startswith("broken   settings")
    golden.check(
        "doctor.slack.json",
        json.dumps(consult(patient(ledger), "UALICE", NOW, trial=False).as_json(), ensure_ascii=False, indent=1) + "\n",
    )


@pytest.mark.parametrize("user", ["UBOB", "", "alice@example.com "])
def test_whoever_is_no_admin_gets_one_sentence(user: str, ledger: Ledger) -> None:
    people = People()
    said = consult(patient(ledger, people), user, NOW, trial=True).text
    assert said == "Only admins can ask the doctor: LLMCOST_ADMINS names them."
    assert people.posted == []


def test_an_admin_is_known_by_id_or_by_address_and_nobody_while_slack_is_down(ledger: Ledger) -> None:
    assert "Only admins" not in consult(patient(ledger, admins=("UBOB",)), "UBOB", NOW, trial=False).text
    down = People()
    down.down = True
    assert "Only admins" in consult(patient(ledger, down), "UALICE", NOW, trial=False).text
    assert "Only admins" in consult(patient(ledger, slack="no token"), "UALICE", NOW, trial=False).text
    assert "Only admins" in consult(patient(ledger, admins=()), "UALICE", NOW, trial=False).text


def test_a_test_alert_has_real_figures_and_says_that_it_is_a_test(ledger: Ledger) -> None:
    """Those of the budget of which most is spent."""
    people = People()
    message = consult(patient(ledger, people), "UALICE", NOW, trial=True)
    assert "test alert: Sent to UALICE" in message.text.replace("\n         ", " ")
    ((place, form),) = people.posted
    assert place == "DUALICE"
    assert problems(dict(form)) == []
    assert form["text"].startswith(
        "TEST, nothing is to be done: rag-search has spent $1.18 of its monthly $100.00: 1.2 %.\n"
    )
    assert "actions" not in [block["type"] for block in form["blocks"]]
    assert "whether alerts reach you" in form["text"]


def test_without_a_budget_it_tells_the_month(ledger: Ledger) -> None:
    people = People()
    findings_of(patient(ledger, people, catalog=Catalog(), channels=()), NOW, trial_to="UBOB")
    assert "All features together cost $22." in people.posted[0][1]["text"]


def test_a_workspace_that_refuses_blocks_gets_a_simpler_form(ledger: Ledger) -> None:
    people = People()
    people.refuses = {"rich_text"}
    findings_of(patient(ledger, people), NOW, trial_to="UBOB")
    ((_, form),) = people.posted
    assert form["blocks"] == []


@pytest.mark.parametrize(("to", "said"), [("", "nobody"), ("UCAROL", "has left"), ("U0", "users_not_found")])
def test_a_test_alert_that_reaches_nobody_is_broken(to: str, said: str, ledger: Ledger) -> None:
    finding = findings_of(patient(ledger), NOW, trial_to=to)[-1]
    assert (finding.check, finding.verdict) == ("test alert", Verdict.BROKEN)
    assert said in finding.found
