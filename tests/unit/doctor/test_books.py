"""Checks of the ledger, each green and each kind of red."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from bot.doctor.books import (
    LEAST_FREE,
    MANY_TRIES,
    STUCK_AFTER,
    check_database,
    check_deliveries,
    check_features,
    check_prices,
    check_projects,
    check_reading,
    check_rollups,
    check_tags,
)
from bot.domain.costing import CostMode
from bot.ledger.deliveries import Delivery, Kind, NewDelivery, Role
from bot.ledger.engine import writing
from bot.ledger.figures import Figures
from bot.ledger.health import Health
from bot.ledger.store import Ledger
from bot.ledger.tables import rollups
from bot.reports.findings import Verdict
from bot.reports.watch import Cause, Silence
from tests.ledgers import NOW, Spent, fill, new_ledger

KEYS = ("feature", "team")
OK, WARNING, BROKEN = Verdict.OK, Verdict.WARNING, Verdict.BROKEN
DAY = timedelta(days=1)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = new_ledger()
    yield ledger
    ledger.close()


def test_reading_must_go_on(ledger: Ledger) -> None:
    assert check_reading(None, None, NOW).verdict is WARNING
    fill(ledger, as_of=NOW - timedelta(minutes=2))
    with ledger.reading() as reading:
        good = reading.last_sync()
    assert check_reading(None, good, NOW).found == "Read to the end 2 min ago."
    found = check_reading(Silence(Cause.NOT_READ, NOW, "LangSmith refuses the key."), good, NOW)
    assert found.verdict is BROKEN
    assert "LangSmith refuses the key." in found.todo


def test_cost_modes_are_told_per_project(ledger: Ledger) -> None:
    assert check_projects([]).verdict is WARNING
    fill(ledger, projects=("a", "b"))
    with ledger.reading() as reading:
        first, second = reading.projects()
    found = check_projects([first._replace(cost_mode=CostMode.ROLLED_UP), second])
    assert found.found == "What a parent's cost is: a (its children's too), b (not known yet)."


@pytest.mark.parametrize(
    ("untagged", "verdict"),
    [
        (Figures(), OK),
        (Figures(runs=10, cost=100), OK),
        (Figures(runs=11, cost=0), WARNING),
        (Figures(runs=1, cost=101), WARNING),
    ],
)
def test_nine_tenths_of_the_runs_and_of_the_cost_must_have_a_feature(untagged: Figures, verdict: Verdict) -> None:
    assert check_tags(Figures(runs=100, cost=1_000), untagged, KEYS).verdict is verdict


def test_shares_are_told_and_nothing_is_divided_by_nothing() -> None:
    found = check_tags(Figures(runs=4, cost=100), Figures(runs=1, cost=50), KEYS)
    assert found.found == "50 % of the cost and 75 % of 4 runs of the last day have a feature."
    assert "LLMCOST_FEATURE_KEYS" not in found.todo
    nothing = check_tags(Figures(runs=4), Figures(runs=4), KEYS)
    assert nothing.found == "0 % of 4 runs of the last day have a feature."
    assert nothing.todo.startswith("Do your traces have the metadata key feature or team (LLMCOST_FEATURE_KEYS)?")
    assert check_tags(Figures(), Figures(), KEYS).verdict is OK
    assert check_prices(Figures(runs=3, failed=2, no_usage=1)).verdict is OK


@pytest.mark.parametrize(
    ("limited", "known", "verdict", "said"),
    [
        (["rag-search", "total", "untagged"], {"", "rag-search", "chat"}, OK, "2 features with runs. "),
        (
            ["rag_search"],
            {"", "rag-search"},
            WARNING,
            "A budget, and never a run: rag_search. Did you mean rag-search?",
        ),
        (["zzz", "yyy", "zzz"], {"rag-search"}, WARNING, "A budget, and never a run: yyy, zzz. Is that spelt"),
        (["rag_search"], set(), OK, "0 features with runs. "),
        ([], {"rag-search"}, OK, "1 feature with runs. "),
    ],
)
def test_a_feature_with_a_budget_must_have_had_a_run(
    limited: list[str], known: set[str], verdict: Verdict, said: str
) -> None:
    """One that is misspelt is never over its limit, and nobody would know."""
    found = check_features(limited, known)
    assert found.verdict is verdict
    assert f"{found.found} {found.todo}".startswith(said)


def test_every_run_with_tokens_must_have_a_price() -> None:
    assert check_prices(Figures(runs=10, failed=2)).found == "100 % of 8 runs have a price."
    found = check_prices(Figures(runs=10, failed=2, unpriced=2))
    assert (found.verdict, found.found) == (WARNING, "75 % of 8 runs have a price.")
    assert "2 runs without one" in found.todo


def test_figures_must_be_what_the_runs_add_up_to(ledger: Ledger) -> None:
    fill(ledger, [Spent(NOW - day * DAY, "a", trace="t") for day in range(6)])
    assert check_rollups(ledger).found == "All days: they are what the runs add up to."
    with writing(ledger._engine) as connection:
        one = (rollups.c.view == "all", rollups.c.day == date(2026, 11, 22).toordinal())
        connection.execute(update(rollups).where(*one).values(cost=rollups.c.cost + 1))
    found = check_rollups(ledger)
    assert (found.verdict, found.found) == (BROKEN, "All days: the runs make other figures in 1 row.")


def test_of_a_big_ledger_the_last_days_are_checked_and_that_is_said(ledger: Ledger) -> None:
    """Traces that go on over midnight are counted as a whole, or their days would look wrong."""
    fill(ledger, [Spent(NOW - day * DAY, "a", trace=f"t{day % 2}") for day in range(6)])
    assert check_rollups(ledger, most_runs=2).found.startswith("The days since 21 Nov 2026: they are")
    assert check_rollups(ledger, most_runs=0).found.startswith("The days since 22 Nov 2026: they are")

    def spoil(day: int, by: int) -> None:
        with writing(ledger._engine) as connection:
            one = (rollups.c.view == "one", rollups.c.day == date(2026, 11, day).toordinal())
            connection.execute(update(rollups).where(*one).values(traces=rollups.c.traces + by))

    spoil(20, 1)
    assert check_rollups(ledger, most_runs=2).verdict is OK
    spoil(21, 1)
    assert check_rollups(ledger, most_runs=2).verdict is BROKEN


def test_the_database_must_be_writable_and_have_room() -> None:
    sound = Health("0002", None, 3_000_000, 10 * LEAST_FREE)
    assert check_database(sound).found == "Writable, schema 0002, 3.0 MB, 5.0 GB free on its disk."
    assert check_database(sound._replace(free=None)).verdict is OK
    assert check_database(sound._replace(free=LEAST_FREE - 1)).verdict is WARNING
    assert check_database(sound._replace(size=30 * LEAST_FREE)).verdict is WARNING
    assert check_database(sound._replace(problem="It is read-only.")).verdict is BROKEN


def delivery(ledger: Ledger) -> Delivery:
    new = NewDelivery(Kind.ALERT, Role.OWNER, "UALICE", (), {}, NOW, NOW + DAY)
    ids = ledger.outbox.announce([], [new], NOW)
    assert ids is not None
    found = ledger.outbox.find(ids[0])
    assert found is not None
    return found


def test_messages_must_get_to_people(ledger: Ledger) -> None:
    one = delivery(ledger)
    assert check_deliveries([], [], NOW).found == "0 messages waiting, none stuck."
    assert check_deliveries([one], [], NOW + STUCK_AFTER).verdict is OK
    found = check_deliveries([one], [], NOW + STUCK_AFTER + timedelta(seconds=1))
    assert (found.verdict, found.todo) == (BROKEN, "Is `llmcost run` alive?")
    found = check_deliveries([], [one._replace(problem="UALICE has left.")], NOW)
    assert found.verdict is WARNING
    assert found.found.endswith("the last for UALICE: UALICE has left.")
    assert check_deliveries([one._replace(tries=MANY_TRIES, problem="Slack is down.")], [], NOW).verdict is WARNING
