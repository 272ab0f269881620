"""Every message of bot.slack.notes, as it looks with values that are likely, for the files in this folder."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any, NamedTuple

from bot.domain.budget import Budget, SetLimit, Window
from bot.domain.catalog import BudgetInForce
from bot.domain.feature import Rule
from bot.errors import SourceRefusedError, SourceUnavailableError
from bot.ledger.deliveries import Delivery, Kind, Role, State
from bot.ledger.limits import LimitChange
from bot.render.silence import over_lines, silence_lines
from bot.render.verified import verified_sentences
from bot.reports.budget_words import LimitRequest
from bot.reports.verified import Verification
from bot.reports.watch import Cause, Silence
from bot.slack.access import GUEST, NOT_NAMED, STRANGER, UNCLEAR
from bot.slack.api import RefusedError
from bot.slack.blocks import Block
from bot.slack.files import UNSURE
from bot.slack.limit_desk import Standing
from bot.slack.messages import Message
from bot.slack.notes import admins, alerts, asking, budgets, deliveries, files, home, people, rules
from bot.slack.rule_desk import Moved
from tests.alerts import FACTS, STATE
from tests.golden.answers import answer
from tests.ledgers import BERLIN, NOW

_REFERENCE = "1a2b3c4d"
_EARLIER = NOW - timedelta(days=3)
_FIRST = date(2026, 8, 24)

_REQUEST = LimitRequest("rag-search", Window.MONTHLY, 50 * 10**9, ("U1", "S1"))
_LIMIT = SetLimit("rag-search", Window.MONTHLY, 50 * 10**9, "U1", NOW)
_IN_FORCE = BudgetInForce(Budget("rag-search", Window.MONTHLY, 60 * 10**9), ("U1",), None)
STANDING = Standing("rag-search", Window.MONTHLY, _IN_FORCE, ("U1",), 54_310_000_000, STATE.end)
_CHANGES = [
    LimitChange(NOW, "U2", "rag-search", Window.MONTHLY, 50 * 10**9, 60 * 10**9, None, ("U1",)),
    LimitChange(_EARLIER, "U1", "rag-search", Window.MONTHLY, None, 50 * 10**9, None, ("U1",)),
]
_RULE = Rule("rag-search", "acme-prod", "rag_chain*")
MOVED = Moved(Decimal("312.40"), 1_204, ())
_RATE_LIMITED = RefusedError("Slack wants us to wait.", "ratelimited", permanent=False, retry_after=30)
_NO_SCOPE = "Slack said no (missing_scope)."
_WORDS = "week 2026-11-16..2026-11-22 rag-search"
_PROBLEMS = [f'llmcost.toml line {line}: "{word}" is no key of a feature.' for line, word in enumerate("abcdef", 3)]


class Said(NamedTuple):
    """A message, or a view of that type, by the function that makes it and what is special about it."""

    function: Callable[..., Message | Block]
    shown: Message | Block
    special: str

    @property
    def name(self) -> str:
        return f"{self.function.__name__}: {self.special}" if self.special else self.function.__name__


def _say(function: Callable[..., Message | Block], *values: Any, special: str = "", **named: Any) -> Said:
    return Said(function, function(*values, **named), special)


def _delivery(recipient: str, role: Role, state: State) -> Delivery:
    return Delivery(
        "an-id", Kind.ALERT, role, recipient, NOW, {}, state, NOW, NOW, 1, None, 0, None, None, None, None, None, ()
    )


DELIVERIES = [
    _delivery("bob@example.com", Role.OWNER, State.REPLACED),
    _delivery("U1", Role.OWNER, State.SENT),
    _delivery("#llm-cost", Role.ESCALATION, State.OPEN),
    _delivery("S1", Role.FALLBACK, State.UNDELIVERABLE),
]


def _verified() -> Verification:
    found = answer("verify_far")
    assert isinstance(found, Verification)
    return found


def _asking() -> Iterable[Said]:
    named = {"stranger": STRANGER, "guest": GUEST, "not named": NOT_NAMED, "Slack is down": UNCLEAR}
    for special, sentence in named.items():
        yield _say(asking.refused, sentence, special=special)
    only = "Only the owners of rag-search and the admins of llmcost may change this."
    yield _say(asking.refused, only, special="no owner")
    yield _say(asking.refused_view, STRANGER)
    yield _say(asking.too_often, 12.3)
    yield _say(asking.too_often_view, 12.3)
    yield _say(asking.asking_langsmith)
    yield _say(asking.langsmith_failed, SourceUnavailableError("LangSmith has trouble of its own (503)."))
    refused = SourceRefusedError("LangSmith refuses LANGSMITH_API_KEY (401).")
    yield _say(asking.langsmith_failed, refused, special="for good")
    yield _say(asking.doctor_elsewhere)
    yield _say(asking.doctor_for_admins)
    yield _say(asking.cannot_share)
    yield _say(asking.shared_already)
    yield _say(asking.unknown_button)
    yield _say(asking.went_wrong, _REFERENCE)
    yield _say(asking.unconfirmed, _REFERENCE)


def _budgets() -> Iterable[Said]:
    yield _say(budgets.understood, _REQUEST, 40 * 10**9, 12_310_000_000, ("U1", "S1"))
    yield _say(budgets.understood, replace(_REQUEST, owners=()), None, 52_104_000_000, (), special="spent, no owner")
    yield _say(budgets.saved, _REQUEST)
    yield _say(budgets.cannot_save)
    yield _say(budgets.cancelled)
    yield _say(budgets.limit_changed, _LIMIT, 40 * 10**9)
    yield _say(budgets.limit_changed, _LIMIT, None, special="the first")


def _alerts() -> Iterable[Said]:
    yield _say(alerts.gone)
    yield _say(alerts.period_over)
    yield _say(alerts.done)
    yield _say(alerts.details, FACTS, STANDING, DELIVERIES, _CHANGES, BERLIN)
    yield _say(alerts.done_without_owner, STATE, "acknowledged", "U1")
    yield _say(alerts.done_without_owner, STATE, "snoozed until 23 Nov 2026 00:00", "U1", special="snoozed")


def _rules() -> Iterable[Said]:
    yield _say(rules.mapped, _RULE, MOVED, 7, None)
    yield _say(rules.mapped, Rule("rag-search", None, "*"), MOVED, 7, _FIRST, special="some runs were pruned")
    yield _say(rules.mapped_already, _RULE)
    yield _say(rules.not_mapped, "Only the owners of rag-search and the admins of llmcost may do this.")
    yield _say(rules.ledger_busy)
    yield _say(rules.undone, _RULE, None)
    yield _say(rules.undone, _RULE, _FIRST, special="some runs were pruned")
    yield _say(rules.undone_already, "U2", NOW)
    yield _say(rules.unknown_rule)


def _files() -> Iterable[Said]:
    yield _say(files.not_yet)
    yield _say(files.uploaded_already)
    yield _say(files.uploaded_directly, is_elsewhere=False)
    yield _say(files.uploaded_directly, is_elsewhere=True, special="not in the channel")
    yield _say(files.unconfirmed_file, _WORDS)
    yield _say(files.not_uploaded, _RATE_LIMITED, _WORDS)
    yield _say(files.file_missing, "llmcost-digest-2026-11-23.csv", _NO_SCOPE)
    yield _say(files.file_missing, "llmcost-digest-2026-11-23.csv", UNSURE, special="unconfirmed")
    yield _say(files.file_waiting, "llmcost-digest-2026-11-23.csv")


def _admins() -> Iterable[Said]:
    yield _say(admins.books_wrong, 3)
    outage = Silence(Cause.NOT_READ, _EARLIER, "acme-prod: LangSmith has trouble of its own (503).")
    for special, found in (("not read", outage), ("no runs", Silence(Cause.NO_RUNS, _EARLIER, usual_runs=412))):
        yield _say(admins.silent, silence_lines(found), special=special)
    yield _say(admins.silent, over_lines(silence_lines(outage), NOW), special="over")
    yield _say(admins.far_apart, verified_sentences(_verified())[:2])
    yield _say(admins.file_unusable, "llmcost.toml", _PROBLEMS[:1])
    yield _say(admins.file_unusable, "llmcost.toml", _PROBLEMS, special="many problems")


def _home() -> Iterable[Said]:
    yield _say(home.home_refused, GUEST)
    yield _say(home.home_failed, _REFERENCE)
    yield _say(home.no_preview, _REFERENCE)
    yield _say(home.no_modal, _REFERENCE)


def _deliveries() -> Iterable[Said]:
    told = budgets.limit_changed(_LIMIT, None)
    yield _say(deliveries.repeated, told)
    yield _say(deliveries.redirected, told, "U7", "U7 is not (or no longer) a member of this Slack.")
    yield _say(deliveries.redirected, told, "#rag", "Slack said no (is_archived).", special="a channel")


def _people() -> Iterable[Said]:
    lines = [["Said by ", people.somebody("U1"), " and ", people.somebody("bob@example.com"), "."], ["x" * 1_700]]
    yield _say(people.naming, "More than there is room for.", *lines)


# Of each module of bot.slack.notes.
GROUPS: dict[ModuleType, Callable[[], Iterable[Said]]] = {
    asking: _asking,
    budgets: _budgets,
    alerts: _alerts,
    rules: _rules,
    files: _files,
    admins: _admins,
    home: _home,
    deliveries: _deliveries,
    people: _people,
}
