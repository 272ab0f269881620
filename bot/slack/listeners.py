"""What happens when people type or press something. Each listener gets what it needs as values; `connection` registers
them. Slack has been acknowledged before any of this runs."""

import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from bot.errors import LedgerError, LedgerNewerError, QuestionError, SlackError, SourceError
from bot.ledger.answers import KeptAnswer
from bot.ledger.booking import instant, microseconds
from bot.ledger.store import Ledger
from bot.reports.answers import Help
from bot.reports.budget_words import asks_to_set, parse_limit
from bot.reports.corrections import corrections
from bot.reports.digest import Digest
from bot.reports.onward import Direction, Way
from bot.reports.question import parse
from bot.reports.reporter import Asked, Reporter
from bot.slack.access import visitor_of
from bot.slack.api import UnconfirmedError
from bot.slack.budget_commands import BudgetCommands
from bot.slack.controls import asked_by, with_again, with_controls
from bot.slack.delivery import respond
from bot.slack.export import Export
from bot.slack.failures import say_failure
from bot.slack.messages import MEANT, Message, answer_message, question_problem, shared
from bot.slack.notes import asking
from bot.slack.refusals import Refusals
from bot.slack.turns import Turns

# More rows than anybody reads in a message; the rest is added up as "other". A month of days is read as one.
TOP = 20
TOP_DAYS = 31

# What Slack gives to presses and events.
_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")

# Alone it is the doctor; a feature of that name stands in quotes or beside other words. Phones type other dashes.
_DOCTOR = re.compile(r"\s*doctor(?P<trial>\s+[-\u2013\u2014]*test[- ]alert)?\s*", re.IGNORECASE)

_log = logging.getLogger(__name__)


class Reply(NamedTuple):
    """What is answered; `asked` if it holds figures that one can share, and go on from. It `is_answer` unless it says
    what is wrong."""

    message: Message
    asked: Asked | None = None
    is_answer: bool = True


@dataclass(frozen=True, slots=True)
class Listeners:
    """Commands and buttons. `clock` gives the aware time at which somebody asks. No method raises anything."""

    reporter: Reporter
    ledger: Ledger
    clock: Callable[[], datetime]
    # Given who asks, and whether a test alert is wanted.
    doctor: Callable[[str, bool], Message] | None = None
    budgets: BudgetCommands | None = None  # None: no budget can be set here
    turns: Turns = field(default_factory=Turns)
    exports: Export | None = None  # None: no file can be made here

    def command(self, body: Mapping[str, Any]) -> None:
        """`/llmcost WORDS`: the answer, to the asker alone, with a button to share it."""
        self._guarded("a command", body, self._command)

    def share(self, body: Mapping[str, Any]) -> None:
        """The Share button: the figures as they were shown, with their as-of, to the channel. Once, however often it is
        pressed."""
        self._guarded("a button", body, self._share)

    def ask(self, body: Mapping[str, Any]) -> None:
        """A way on from an answer, or what may have been meant: another answer takes its place. The words in the button
        are judged like typed ones, and count like them."""
        self.in_turn(self._ask, body)

    def ask_again(self, body: Mapping[str, Any]) -> None:
        """The Run again button of a shared answer: what it says now, to whoever presses it, alone."""
        self.in_turn(self._ask_again, body)

    def export(self, body: Mapping[str, Any]) -> None:
        """The CSV button."""
        if self.exports is not None:
            self.in_turn(self.exports.upload, body)

    def in_turn(self, press: Callable[[Mapping[str, Any]], None], body: Mapping[str, Any]) -> None:
        """Do what a press asks for: one that asks for figures counts like a command. Who has asked too often is told so
        beside what they pressed."""

        def work(body: Mapping[str, Any]) -> None:
            visitor = visitor_of(body)
            too_often = self.too_often(visitor.user) if visitor is not None else None
            if too_often is not None:
                respond(body["response_url"], too_often)
            else:
                press(body)

        self._guarded("a button", body, work)

    def unknown(self, body: Mapping[str, Any]) -> None:
        """A button that this version does not know."""
        self._guarded("an unknown button", body, self._unknown)

    def is_new(self, body: Mapping[str, Any]) -> bool:
        """Whether a press or a submission is to be taken up; False if it was before, by whichever process. What has no
        id, or while the ledger cannot be written, is: every action bears being done twice, silence nobody."""
        press_id = body.get("trigger_id") or body.get("event_id")
        if not isinstance(press_id, str) or not _ID.fullmatch(press_id):
            return True
        try:
            return self.ledger.take_up(press_id, self.clock())
        except LedgerNewerError:
            return True  # whoever it is hears of it
        except LedgerError as error:
            _log.warning("a press may be taken up twice: %s", error)
            return True
        except Exception:  # noqa: BLE001 - whoever calls this is in a pool that keeps exceptions to itself
            _log.exception("a press may be taken up twice")
            return True

    def _unknown(self, body: Mapping[str, Any]) -> None:
        # A modal's buttons have no response_url, and no message that could answer.
        if url := body.get("response_url"):
            respond(str(url), asking.unknown_button())

    def _ask(self, body: Mapping[str, Any]) -> None:
        self._answer(body["response_url"], asked_by(body), str(body["user"]["id"]), replace=True)

    def _ask_again(self, body: Mapping[str, Any]) -> None:
        self._answer(body["response_url"], asked_by(body), str(body["user"]["id"]))

    def _respond(self, url: str, message: Message, **how: Any) -> None:
        """In the best form that this workspace takes."""
        refusals, now = Refusals(self.ledger.outbox), self.clock()
        refusals.learn(respond(url, message, refused=refusals.known(now), **how), now)

    def _command(self, body: Mapping[str, Any]) -> None:
        url, user, text = body["response_url"], str(body["user_id"]), typed(str(body.get("text") or ""))
        if (too_often := self.too_often(user)) is not None:
            respond(url, too_often)
            return
        if self.doctor is not None and (called := _DOCTOR.fullmatch(text)):
            respond(url, self.doctor(user, called["trial"] is not None))
            return
        self._answer(url, text, user)

    def _answer(self, url: str, text: str, user: str, *, replace: bool = False) -> None:
        """The answer to some words, to the asker alone. What is wrong with them replaces nothing."""
        now = self.clock()
        reply = self.reply(text, user, now, lambda: _say_wait(url))
        message = reply.message
        if reply.asked is not None:
            message = self._explorable(message, reply.asked, user, now)
        self._respond(url, message, replace_original=replace and reply.is_answer)

    def too_often(self, user: str) -> Message | None:
        """What somebody is told who has asked too often to be answered now; None, and it is counted, for others."""
        wait = self.turns.wait_for(user)
        return asking.too_often(wait) if wait else None

    def reply(
        self, text: str, user: str, now: datetime, before_waiting: Callable[[], None], *, meant_as: str = MEANT
    ) -> Reply:
        """What is answered to words, whatever they are and wherever they were said. `before_waiting` is called if it
        takes long. Words that are not understood come back with buttons for what may have been meant, whose ids begin
        with `meant_as`. Raises LedgerError, SlackError."""
        try:
            if self.budgets is not None and asks_to_set(text):
                return Reply(self.budgets.understand(text, user, now))
            asked = self.reporter.explore(text, now, top=TOP, top_days=TOP_DAYS, before_waiting=before_waiting)
        except QuestionError as error:
            return Reply(question_problem(error, self._meant(text, error, now), meant_as), is_answer=False)
        except SourceError as error:
            _log.warning("LangSmith was asked and did not answer: %s", error)
            return Reply(asking.langsmith_failed(error), is_answer=False)
        message = answer_message(asked.answer)
        return Reply(message) if isinstance(asked.answer, Help | Digest) else Reply(message, asked)

    def _meant(self, text: str, error: QuestionError, now: datetime) -> tuple[str, ...]:
        """Whole questions that may have been meant."""
        vocabulary = self.reporter.vocabulary()

        def problem(text: str) -> QuestionError | None:
            try:
                if self.budgets is not None and asks_to_set(text):
                    parse_limit(text, vocabulary)
                else:
                    parse(text, vocabulary, now=now, zone=self.reporter.zone, week_start=self.reporter.week_start)
            except QuestionError as wrong:
                return wrong
            return None

        return corrections(text, error.suggestions, problem)

    def _explorable(self, message: Message, asked: Asked, user: str, now: datetime) -> Message:
        """The message with its buttons; without Share while the ledger cannot be written, for the answer comes
        first."""
        answer_id = secrets.token_urlsafe(16)
        ways = [[way.direction, way.words, way.dimension] for way in asked.ways]
        kept = json.dumps({**message.as_json(), "words": asked.words, "ways": ways}, ensure_ascii=False)
        is_kept = True
        try:
            self.ledger.keep_answer(KeptAnswer(answer_id, user, microseconds(now), kept))
        except LedgerError as error:
            _log.warning("an answer cannot be shared: %s", error)
            is_kept = False
        return with_controls(
            message,
            asked.ways,
            asked.words,
            answer_id,
            is_shareable=is_kept,
            has_csv=is_kept and self.exports is not None,
        )

    def _share(self, body: Mapping[str, Any]) -> None:
        url, user = body["response_url"], str(body["user"]["id"])
        answer_id = str(body["actions"][0].get("value"))
        kept = self.ledger.find_answer(answer_id)
        if kept is None or kept.asked_by != user:
            respond(url, asking.cannot_share())
            return
        if not self.ledger.claim_share(answer_id, self.clock()):
            respond(url, asking.shared_already())
            return
        said = json.loads(kept.message)  # without words and ways, if an older llmcost kept it
        message, words = Message.from_json(said), said.get("words", "")
        has_csv = self.exports is not None
        told = with_again(shared(message, user, instant(kept.asked_at)), words, answer_id, has_csv=has_csv)
        try:
            self._respond(url, told, response_type="in_channel")
        except UnconfirmedError:
            raise  # it may stand in the channel: the button stays dead
        except SlackError:
            self.ledger.give_back_share(answer_id)
            raise
        ways = [Way(Direction(way), to, dimension) for way, to, dimension in said.get("ways", ())]
        left = with_controls(message, ways, words, answer_id, is_shareable=False, has_csv=has_csv)
        try:
            self._respond(url, left, replace_original=True)
        except SlackError as error:
            _log.warning("a Share button stays where it is, and does nothing more: %s", error)

    def _guarded(self, what: str, body: Mapping[str, Any], work: Callable[[Mapping[str, Any]], None]) -> None:
        """Nobody is left in silence: whatever goes wrong is said, with a reference that is in the log too."""
        try:
            work(body)
        except Exception as error:  # noqa: BLE001 - the last line before silence; it is logged and said
            say_failure(what, body, error)


def _say_wait(response_url: str) -> None:
    try:
        respond(response_url, asking.asking_langsmith())
    except SlackError as error:
        _log.warning("nobody was told that an answer takes a while: %s", error)


def asks_the_doctor(text: str) -> bool:
    """Whether words call the doctor."""
    return _DOCTOR.fullmatch(text) is not None


def typed(text: str) -> str:
    """What somebody typed: Slack escapes three characters of it."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
