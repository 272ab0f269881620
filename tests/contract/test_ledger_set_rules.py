"""Rules that are set in Slack: they move the past too, money is kept to the nano-dollar, and they can be undone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.catalog import Catalog, Feature
from bot.domain.feature import UNTAGGED, Rule
from bot.domain.money import nanos
from bot.domain.period import Calendar
from bot.errors import LedgerBusyError, LedgerError
from bot.ledger.lease import SYNC
from bot.ledger.store import Ledger
from bot.slack.rule_desk import TRIES, RuleDesk
from tests.ledger_worlds import PATIENT
from tests.ledgers import BERLIN, NOW, Spent, emptied, fill, new_ledger

DAY = timedelta(days=1)
SPAN = Calendar(NOW.date(), BERLIN).last_days(30).span
RUNS = [
    Spent(NOW - DAY, None, "1.5", name="rag_chain_a"),
    Spent(NOW - 3 * DAY, None, "0.25", name="rag_chain_b"),
    Spent(NOW - DAY, None, "7", name="rag_chain_a", project="other"),
    Spent(NOW - DAY, None, "2", name="evals"),
    Spent(NOW - DAY, "chat", "4", name="rag_chain_a"),
]
RULE = Rule("rag", "acme-*", "rag_chain*")


@pytest.fixture
def ledger(reused: Ledger) -> Ledger:
    return fill(emptied(reused), RUNS, projects=("acme-prod", "other"))


def desk(ledger: Ledger, catalog: Catalog | None = None, waited: list[float] | None = None) -> RuleDesk:
    waits = waited if waited is not None else []
    return RuleDesk(ledger, lambda: catalog or Catalog(), BERLIN, lambda *_: True, lambda: NOW, waits.append)


def costs(ledger: Ledger) -> dict[str, int]:
    """Nano-dollars by feature; the books are right."""
    assert ledger.wrong_rollups() == []
    with ledger.reading() as reading:
        found = {name: figures.cost for name, figures in reading.by_value(SPAN, "feature").items()}
        assert sum(found.values()) == reading.total(SPAN).cost
        return found


def dollars_of(found: dict[str, int]) -> dict[str, str]:
    return {name: str(Decimal(cost) / 10**9) for name, cost in found.items()}


def test_a_rule_moves_the_past_and_undo_brings_it_back(ledger: Ledger) -> None:
    before = costs(ledger)
    new = desk(ledger).set("U1", RULE)
    assert new is not None
    assert (new.rule, new.set_by, new.set_at) == (RULE, "U1", NOW)
    assert dollars_of(costs(ledger)) == {"rag": "1.75", "chat": "4", UNTAGGED: "9"}
    assert desk(ledger).undo("U2", new.id)
    assert costs(ledger) == before


def test_what_the_preview_says_is_what_moves(ledger: Ledger) -> None:
    moved = desk(ledger).preview(RULE)
    assert (moved.cost, moved.runs) == (Decimal("1.75"), 2)
    assert moved.names == (("rag_chain_a", "acme-prod", Decimal("1.5")), ("rag_chain_b", "acme-prod", Decimal("0.25")))
    before = costs(ledger)
    desk(ledger).set("U1", RULE)
    assert before[UNTAGGED] - costs(ledger)[UNTAGGED] == nanos(moved.cost)


def test_the_preview_leaves_out_what_was_pruned_because_that_stays(ledger: Ledger) -> None:
    ledger.prune((NOW - 2 * DAY).date(), BERLIN)
    moved = desk(ledger).preview(RULE)
    assert (moved.cost, moved.runs) == (Decimal("1.5"), 1)
    before = costs(ledger)
    desk(ledger).set("U1", RULE)
    assert before[UNTAGGED] - costs(ledger)[UNTAGGED] == nanos(moved.cost)


def test_where_all_was_pruned_nothing_moves(ledger: Ledger) -> None:
    ledger.prune((NOW + 9 * DAY).date(), BERLIN)
    assert desk(ledger).preview(RULE).runs == 0


def test_runs_that_are_read_later_follow_it(ledger: Ledger) -> None:
    desk(ledger).set("U1", RULE)
    fill(ledger, [Spent(NOW - timedelta(hours=1), None, "3", name="rag_chain_z")], projects=("acme-prod", "other"))
    assert dollars_of(costs(ledger))["rag"] == "4.75"


def test_the_rules_of_the_file_come_first(ledger: Ledger) -> None:
    filed = Catalog({"file": Feature("file")}, (Rule("file", name="rag_chain_a"),))
    fill(ledger, catalog=filed, projects=("acme-prod", "other"))
    desk(ledger).set("U1", RULE)
    assert dollars_of(costs(ledger)) == {"file": "8.5", "rag": "0.25", "chat": "4", UNTAGGED: "2"}


def test_a_change_of_the_file_keeps_what_was_set(ledger: Ledger) -> None:
    desk(ledger).set("U1", RULE)
    renamed = Catalog({"search": Feature("search", aliases=("rag",))})
    fill(ledger, catalog=renamed, projects=("acme-prod", "other"))
    assert dollars_of(costs(ledger))["search"] == "1.75"


def test_it_is_set_once_and_undone_once_and_who_did_is_kept(ledger: Ledger) -> None:
    new = desk(ledger).set("U1", RULE)
    assert new is not None
    assert desk(ledger).set("U2", RULE) is None
    assert desk(ledger).undo("U3", new.id)
    assert not desk(ledger).undo("U4", new.id)
    found = desk(ledger).find(new.id)
    assert found is not None
    assert (found.set_rule, found.undone_by, found.undone_at) == (new, "U3", NOW)
    with ledger.reading() as reading:
        assert reading.set_rules() == []


def test_it_waits_for_a_sync_and_gives_up_after_a_while(ledger: Ledger) -> None:
    waited: list[float] = []
    with ledger.lease(SYNC, NOW), pytest.raises(LedgerBusyError):
        desk(ledger, waited=waited).set("U1", RULE)
    assert len(waited) == TRIES - 1
    assert UNTAGGED in costs(ledger)
    assert "rag" not in costs(ledger)


def test_a_process_that_keeps_no_ledger_recounts_none() -> None:
    ledger = new_ledger()
    with ledger.lease(SYNC, NOW) as lease, pytest.raises(LedgerError):
        ledger.set_rule(lease, RULE, "U1", NOW)
    ledger.close()


names = st.sampled_from(("a", "ab", "b", "rag_chain", "*", "[x]"))
projects = st.sampled_from(("acme-prod", "other"))
patterns = st.sampled_from(("a*", "*", "?b", "rag_chain", "[x]", "[[]x]"))
spent = st.builds(
    Spent,
    st.integers(0, 20).map(lambda days: NOW - days * DAY),
    st.sampled_from((None, None, "chat")),
    st.sampled_from(("0.000000001", "1.5", "3")),
    name=names,
    project=projects,
)


set_in_slack = st.builds(Rule, st.just("rag"), st.none() | projects, patterns, st.none())


@given(st.lists(spent, max_size=12), st.lists(set_in_slack, max_size=3))
@settings(PATIENT, max_examples=25)
def test_whatever_is_set_and_undone_no_nano_dollar_is_lost(
    reused: Ledger, runs: list[Spent], rules: list[Rule]
) -> None:
    ledger = fill(emptied(reused), runs, projects=("acme-prod", "other"))
    start = costs(ledger)
    done = []
    for rule in rules:
        before, moved = costs(ledger), desk(ledger).preview(rule)
        new = desk(ledger).set("U1", rule)
        after = costs(ledger)
        assert sum(after.values()) == sum(start.values())
        assert before.get(UNTAGGED, 0) - after.get(UNTAGGED, 0) == nanos(moved.cost)
        done += [new] if new is not None else []
    for one in done:
        assert desk(ledger).undo("U1", one.id)
    assert costs(ledger) == start
