"""Traces in which every text is hostile: nothing of them acts on any surface."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cli.outcome import _OneLine
from bot.doctor.checks import Patient
from bot.doctor.consult import findings_of
from bot.domain.budget import Window
from bot.domain.catalog import Catalog
from bot.domain.cost import Listed
from bot.domain.feature import clean_value
from bot.errors import QuestionError
from bot.jobs.nightly import Nightly
from bot.jobs.watch import Watch
from bot.ledger.store import Ledger, open_ledger
from bot.render.data import to_csv, to_json
from bot.render.findings import findings_text
from bot.render.text import text
from bot.reports.digest_reporter import DigestReporter
from bot.reports.verification import Counterpart
from bot.slack.budget_commands import BudgetCommands
from bot.slack.controls import with_again, with_controls
from bot.slack.digest_message import digest_message
from bot.slack.doctor_message import doctor_message
from bot.slack.limit_desk import LimitDesk
from bot.slack.messages import Message, answer_message, note, question_problem, shared
from bot.slack.owners import _why
from bot.slack.raise_modal import raise_view
from tests.contract.test_alerts import Person, World, limit
from tests.databases import new_url
from tests.e2e.conversation import Talk, now
from tests.hostile import (
    LINK,
    TEXTS,
    acting,
    acting_in,
    acting_in_csv,
    acting_in_json,
    acting_in_terminal,
    texts,
)
from tests.ledger_worlds import PATIENT
from tests.ledgers import BERLIN, NOW, Spent, emptied, fill, reporter
from tests.standins.langsmith import LangSmithStandIn
from tests.standins.slack import SlackStandIn

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TRACE = "a trace"
QUESTIONS = (
    "week", "week by model top 1000", "week by provider", "week by project", "14d by day", "week by trace",
    "week by env", "week by thread", "week by user_id", "week by user_tier vs previous", "features top 1000",
    "untagged top 1000", "status", "verify", "digest", "budget", "help", f"trace {uuid5(NAMESPACE_URL, TRACE)}",
    "yesterday vs last week",
)  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """In a file: the doctor looks from several threads."""
    made = open_ledger(new_url(tmp_path_factory.mktemp("hostile")), create=True)
    yield made
    made.close()


class Told(World):
    """People are told why in the product's own words."""

    def recipients(self, owners: Sequence[str], feature: str) -> list[Person]:
        return [Person(owner, _why(owner, owner, feature)) for owner in owners]


class Hostile:
    """A ledger whose every text is one of `names`, and everything that is said of it."""

    def __init__(self, ledger: Ledger, names: Sequence[str]) -> None:
        self.world = Told(emptied(ledger))
        self.names = [name for name in map(clean_value, names) if name] or ["x"]
        self.world.admins = tuple(self.names)
        # What a file may call them; who owns them is called so too.
        self.world.features = [
            limit(name, Window.MONTHLY, 0.01, owners=(name,), where=(("env", name),), aliases=())
            for name in dict.fromkeys(self.names)
        ]
        runs = []
        for place, name in enumerate(self.names):
            keys = {"env": name, "user_id": name, "user_tier": name}
            whole = Spent(
                NOW - HOUR, name, "3", model=name, provider=name, project=name, name=name, thread=name, keys=keys
            )
            runs += [
                whole,
                replace(whole, start=NOW - place * DAY, cost=None),
                replace(whole, start=NOW - 2 * DAY, feature=None),
                replace(whole, project=self.names[0], trace=TRACE),
            ]
        projects = tuple(dict.fromkeys(self.names))
        for _ in range(2):
            fill(
                self.world.ledger, runs, catalog=self.catalog, projects=projects, link=LINK,
                problem=None, lost=[(NOW - 6 * DAY, NOW - 5 * DAY)],
            )  # fmt: skip
            self.world.look()
        self.langsmith = Counterpart(lambda *_: {"LLM": Listed(9, 10**10)}, ("LLM",), 14 * DAY)

    @property
    def catalog(self) -> Catalog:
        return self.world.catalog

    def answers(self) -> Iterator[str]:
        ask = reporter(self.world.ledger, self.catalog, counterpart=self.langsmith).explore
        for words in [*QUESTIONS, *(f"budget {quoted(name)}" for name in self.names)]:
            try:
                asked = ask(words, NOW, top=20)
            except QuestionError as error:
                yield from acting_in(question_problem(error))
                continue
            answer = asked.answer
            message = answer_message(answer)
            pressed = with_controls(message, asked.ways, asked.words, "x" * 22, is_shareable=True, has_csv=True)
            yield from acting_in(pressed)
            again = with_again(shared(message, "U1", NOW), asked.words, "x" * 22, has_csv=True)
            yield from acting_in(again, ours=("<@U1>",))
            yield from acting_in_terminal(text(answer))
            yield from acting_in_json(to_json(answer))
            yield from acting_in_csv(to_csv(answer))

    def questions(self) -> Iterator[str]:
        """What somebody types comes back in what is said about it."""
        ask = reporter(self.world.ledger, self.catalog).explore
        for name in self.names:
            for words in (
                name,
                f"week by {name}",
                f"week {quoted(name)}",
                f"trace {name}",
                f"top {name}",
                f"budget {name} 5",
            ):
                try:
                    said = answer_message(ask(words[:3000], NOW, top=20).answer)
                except QuestionError as error:
                    said = question_problem(error)
                yield from acting_in(said)

    def digest(self) -> Iterator[str]:
        made = DigestReporter(self.world.ledger, lambda: self.catalog, BERLIN)
        found = made.digest(NOW.date(), NOW, before=NOW.date() - DAY, features=None)
        yield from acting_in(digest_message(found))
        yield from acting_in_terminal(text(found))
        yield from acting_in_json(to_json(found))

    def deliveries(self) -> Iterator[str]:
        """Alerts, escalations and notices as they are to be sent."""
        ledger, admins = self.world.ledger, self.names
        fill(ledger, catalog=self.catalog, projects=self.names, problem=" ".join(self.names), as_of=NOW)
        Watch(ledger, admins, BERLIN, HOUR, NOW - 9 * HOUR).run(NOW + 5 * HOUR)
        Nightly(ledger, admins, BERLIN).run(NOW)
        self.world.escalations.run(NOW + 5 * HOUR)
        found = self.world.deliveries()
        assert found
        for one in found:
            if one.message:
                yield from acting_in(Message.from_json(one.message), ours=("<@U0OWNER>", "<@U1>"))

    def desk(self) -> Iterator[str]:
        desk = LimitDesk(self.world.ledger, lambda: self.catalog, BERLIN, 0, lambda *_: True, None)
        words = BudgetCommands(desk, reporter(self.world.ledger, self.catalog).vocabulary, lambda: NOW)
        for name in self.names:
            yield from acting(raise_view("a key", desk.standing(name, Window.MONTHLY, NOW)), surface="modal")
            try:
                said = words.understand(f"budget {quoted(name)} monthly 5 owner {name}", "U1", NOW)
            except QuestionError as error:
                said = question_problem(error)
            # Somebody who is named as an owner is mentioned, to the asker alone.
            yield from acting_in(said, ours=("<@U1>", "<@U0OWNER>", "<!subteam^S1>"))

    def doctor(self) -> Iterator[str]:
        patient = Patient(
            problems=self.names, catalog=self.catalog, slack=self.names[0], langsmith=lambda: ([], list(self.names)),
            ledger=self.world.ledger, admins=self.names, channels=self.names, feature_keys=self.names, zone=BERLIN,
            week_start=0, patience=HOUR,
        )  # fmt: skip
        for one in (patient, replace(patient, ledger=self.names[-1], langsmith=self.names[-1])):
            findings = findings_of(one, NOW, trial_to=None)
            yield from acting_in(doctor_message(findings))
            yield from acting_in_terminal(findings_text(findings))

    def log(self) -> Iterator[str]:
        line = _OneLine("%(levelname)s %(name)s: %(message)s")
        for name in self.names:
            said = line.format(logging.LogRecord("bot.x", logging.WARNING, "", 0, "project %s: no", (name,), None))
            yield from acting_in_terminal(said)
            if "\n" in said:
                yield f"two lines: {said!r}"


def quoted(name: str) -> str:
    return f'"{name}"'


SURFACES: tuple[Callable[[Hostile], Iterator[str]], ...] = (
    Hostile.answers, Hostile.questions, Hostile.digest, Hostile.desk, Hostile.doctor, Hostile.log, Hostile.deliveries,
)  # fmt: skip


@pytest.mark.each_database
@pytest.mark.parametrize("part", range(3))
def test_nothing_that_is_known_to_act_does(ledger: Ledger, part: int) -> None:
    hostile = Hostile(ledger, TEXTS[part::3])
    assert {surface.__name__: found for surface in SURFACES if (found := [*surface(hostile)])} == {}


@settings(PATIENT, max_examples=8)
@given(names=st.lists(texts, min_size=1, max_size=3))
def test_nothing_acts(ledger: Ledger, names: list[str]) -> None:
    hostile = Hostile(ledger, names)
    assert {surface.__name__: found for surface in SURFACES if (found := [*surface(hostile)])} == {}


def test_the_walk_sees_what_acts() -> None:
    """The test itself is tested: each of these acts, and is found."""
    raw = {"type": "section", "text": {"type": "mrkdwn", "text": "<!channel> @alice"}}
    assert "<!channel>" in acting({"text": "x", "blocks": [raw]})
    assert "@alice" in acting({"text": "x", "blocks": [raw]})
    assert acting({"text": "``` a ``` b ```"})
    assert acting({"text": "\u202e"})
    assert acting({"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": ":boom:"}}]})
    assert acting_in_csv("=1+1,2\n")
    assert acting_in_terminal("\x1b[0m")
    assert acting_in(note("fine")) == []


@pytest.mark.each_database
def test_over_sockets_nothing_of_a_trace_acts_in_slack_the_log_or_the_terminal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Read from LangSmith, booked, asked for in every word."""
    caplog.set_level(logging.DEBUG, "bot")
    with SlackStandIn() as slack, LangSmithStandIn() as langsmith:
        talk = Talk(slack, langsmith, tmp_path, more={"LLMCOST_WIDE_KEYS": "user_id", "LLMCOST_ADMINS": "U1"})
        for place, name in enumerate(TEXTS):
            metadata = {"feature": name, "env": name, "user_id": name, "user_tier": name, "thread_id": name}
            start = now() - timedelta(minutes=5 + place)
            langsmith.add_run(
                project=f"acme-{place % 9} {name[:200]}".encode("utf-8", "replace").decode(), name=name, model=name,
                provider=name, tags=[name, f"feature:{name}"], metadata=metadata if place % 2 else {}, start=start,
                cost="0.5" if place % 3 else None,
            )  # fmt: skip
        talk.sync()
        with talk.running():
            for words in (*QUESTIONS, "doctor", "<!channel>", "verify"):
                talk.ask(words)
        payloads = [call.payload for call in slack.requests if call.method in ("response_url", "chat.postMessage")]
        assert len(payloads) >= len(QUESTIONS)
        for payload in payloads:
            assert [one for one in acting(shown(payload)) if not talk.is_link(one)] == []
        line = _OneLine("%(message)s")
        said = [line.format(record) for record in caplog.records if record.name.startswith("bot")]
        assert [one for one in said if acting_in_terminal(one) or "\n" in one] == []


def shown(payload: dict[str, object]) -> dict[str, object]:
    """What people see of a payload."""
    return {key: payload[key] for key in ("text", "blocks") if key in payload}
