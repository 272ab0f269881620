"""What a digest says, from ledgers of which every figure is known."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.budget import Budget, SetLimit, Window
from bot.domain.catalog import Catalog, Feature
from bot.domain.period import first_instant
from bot.ledger.deliveries import Kind, NewDelivery, Role
from bot.ledger.events import NewEvent
from bot.ledger.store import Ledger
from bot.render.data import to_json
from bot.render.digest import sentences
from bot.render.text import text
from bot.reports.answers import Spend
from bot.reports.causes import Factor
from bot.reports.digest import Digest
from bot.reports.digest_reporter import MOVERS, TOP, DigestReporter
from bot.reports.watch import PATIENCE, Cause, Silence
from tests.ledgers import BERLIN, PROJECT, Spent, emptied, fill
from tests.unit.zones import NASTY

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MORNING = date(2026, 11, 24)
NINE = datetime(2026, 11, 24, 9, tzinfo=BERLIN)
YESTERDAY = datetime(2026, 11, 23, 12, tzinfo=BERLIN)


def digest(ledger: Ledger, *, catalog: Catalog | None = None, before: date | None = None, **more: Any) -> Digest:
    return DigestReporter(ledger, lambda: catalog or Catalog(), BERLIN).digest(MORNING, NINE, before=before, **more)


def ago(days: int, feature: str | None = "a", cost: str | None = "1", **more: Any) -> Spent:
    """A run `days` before yesterday."""
    return Spent(YESTERDAY - days * DAY, feature, cost, **more)


def budgeted(feature: str, window: Window, limit: int, **more: Any) -> Catalog:
    return Catalog({feature: Feature(feature, budgets=(Budget(feature, window, limit * 10**9, **more),))})


# --- The days, and what they are compared with


def test_nothing_of_today_counts(ledger: Ledger) -> None:
    fill(ledger, [Spent(first_instant(MORNING, BERLIN), "a", "9"), ago(0, cost="2")], now=NINE)
    assert digest(ledger).total.cost == 2


def test_yesterday_is_compared_with_the_same_weekday_and_the_mean_of_seven_days(ledger: Ledger) -> None:
    fill(ledger, [ago(0, cost="6"), ago(7, cost="4"), ago(1, cost="3"), ago(8, cost="99")], now=NINE)
    found = digest(ledger)
    assert found.last_week is not None
    assert (found.last_week.first, found.last_week.cost) == (date(2026, 11, 16), Decimal(4))
    assert found.last_week.change == Decimal("0.5")
    assert found.mean is not None
    assert (found.mean.first, found.mean.last, found.mean.cost) == (date(2026, 11, 16), date(2026, 11, 22), Decimal(1))
    assert found.mean.change == 5


def test_several_days_are_compared_with_as_many_and_by_the_day(ledger: Ledger) -> None:
    fill(ledger, [*(ago(n, cost="3") for n in range(3)), *(ago(n, cost="2") for n in range(3, 20))], now=NINE)
    found = digest(ledger, before=MORNING - 3 * DAY)
    assert (found.total.cost, found.per_day) == (Decimal(9), Decimal(3))
    assert found.last_week is not None
    assert (found.last_week.first, found.last_week.last, found.last_week.cost) == (
        date(2026, 11, 14), date(2026, 11, 16),
        Decimal(6),
    )  # fmt: skip
    assert found.mean is not None
    assert (found.mean.cost, found.mean.change) == (Decimal(2), Decimal("0.5"))


def test_more_than_a_week_is_compared_with_weekdays_that_are_not_among_them(ledger: Ledger) -> None:
    fill(ledger, [ago(n) for n in range(30)], now=NINE)
    found = digest(ledger, before=MORNING - 9 * DAY)
    assert found.last_week is not None
    assert found.last_week.last < found.period.first
    assert (found.period.first - found.last_week.first).days % 7 == 0


@pytest.mark.parametrize(("days", "week", "mean"), [(20, True, True), (8, True, True), (7, False, False)])
def test_what_the_ledger_does_not_cover_is_not_compared(days: int, week: bool, mean: bool, ledger: Ledger) -> None:
    fill(ledger, [ago(0), ago(5)], now=NINE, start=first_instant(MORNING - days * DAY, BERLIN))
    found = digest(ledger)
    assert (found.last_week is not None, found.mean is not None) == (week, mean)
    assert bool(found.movers) == week
    assert found.rows[0].before == (Spend(Decimal(0), 0, 0) if week else None)


def test_the_month_so_far_is_compared_with_the_same_days_of_the_last_one(ledger: Ledger) -> None:
    runs = [
        Spent(datetime(2026, month, day, 12, tzinfo=BERLIN), "a", "1") for month in (10, 11) for day in range(1, 29)
    ]
    fill(ledger, runs, now=NINE)
    found = digest(ledger).month_to_date
    assert found is not None
    assert found.before is not None
    assert (found.spend.cost, found.before.cost, found.before.last) == (Decimal(23), Decimal(23), date(2026, 10, 23))


def test_on_the_first_the_month_has_closed_and_there_is_none_so_far(ledger: Ledger) -> None:
    first = datetime(2026, 11, 1, 9, tzinfo=BERLIN)
    fill(ledger, [Spent(first - n * DAY, "a", "1") for n in range(1, 40)], now=first, start=first - 70 * DAY)
    found = DigestReporter(ledger, Catalog, BERLIN).digest(first.date(), first, before=None)
    assert found.month_to_date is None
    assert found.month is not None
    assert (found.month.spend.cost, found.month.is_known) == (Decimal(31), True)


def test_a_week_that_the_ledger_knows_in_part_says_so(ledger: Ledger) -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=BERLIN)
    fill(ledger, [Spent(monday - DAY, "a", "1")], now=monday, start=monday - 3 * DAY)
    week = DigestReporter(ledger, Catalog, BERLIN).digest(monday.date(), monday, before=None).week
    assert week is not None
    assert (week.spend.cost, week.is_known, week.before) == (Decimal(1), False, None)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(NASTY).map(ZoneInfo), st.dates(date(2008, 1, 10), date(2035, 1, 1)))
def test_the_days_are_those_of_the_zone(reused: Ledger, zone: ZoneInfo, morning: date) -> None:
    """A dollar in the last second of yesterday counts, ten in the first of today do not; whatever the clocks do."""
    begins, ends = (first_instant(day, zone) for day in (morning - DAY, morning))
    second = timedelta(seconds=1)
    now = ends.astimezone(UTC) + 9 * HOUR
    runs = [
        Spent(ends.astimezone(UTC) - second, "a", "1"),
        Spent(ends, "a", "10"),
        Spent(begins.astimezone(UTC) - second, "a", "100"),
    ]
    fill(emptied(reused), runs, now=now, zone=zone)
    found = DigestReporter(reused, Catalog, zone).digest(morning, now, before=None)
    assert found.total.cost == (1 if begins != ends else 0)
    assert found.period.end == ends


# --- Features


def test_rows_and_other_make_the_total(ledger: Ledger) -> None:
    runs = [ago(0, f"f{n:02}", f"{n}.123456789") for n in range(TOP + 5)]
    fill(ledger, [*runs, ago(0, None, "0.5")], now=NINE)
    found = digest(ledger)
    assert len(found.rows) == TOP
    assert found.other is not None
    assert sum((row.spend.cost for row in found.rows), found.other.cost) == found.total.cost
    assert sum(row.spend.cost for row in found.rest) == found.other.cost
    assert len(found.rest) == found.other.count
    whole = found.whole
    assert [row.name for row in whole.rows] == [*(f"f{n:02}" for n in reversed(range(1, TOP + 5))), "untagged", "f00"]
    assert (whole.other, whole.rest, whole.total) == (None, (), found.total)


def test_movers_are_the_largest_moves_with_their_causes(ledger: Ledger) -> None:
    runs = [
        ago(0, "dearer", "8"), ago(7, "dearer", "4"),
        *[ago(0, "more", "2")] * 5, ago(7, "more", "2"),
        ago(7, "gone", "3"),
        ago(0, "small", "1.05"), ago(7, "small", "1"),
    ]  # fmt: skip
    fill(ledger, runs, now=NINE)
    movers = digest(ledger).movers
    assert [(one.name, one.before, one.after, one.cause.factor) for one in movers] == [
        ("more", Decimal(2), Decimal(10), Factor.RUNS),
        ("dearer", Decimal(4), Decimal(8), Factor.PRICE),
        ("gone", Decimal(3), Decimal(0), Factor.RUNS),
    ]
    assert len(movers) == MOVERS


def test_days_of_which_nobody_knows_the_cost_are_no_days_without_one(ledger: Ledger) -> None:
    """A week ago the model had no price: that feature has not become dearer, it has become known."""
    runs = [ago(0, "new", "3"), ago(7, "new", None), ago(0, "old", "5"), ago(7, "old", "4")]
    found = digest(fill(ledger, runs, now=NINE))
    assert [one.name for one in found.movers] == ["old"]
    partly = [ago(0, "new", "16"), ago(7, "new", "4"), *(ago(7, "new", None) for _ in range(3))]
    assert digest(fill(emptied(ledger), partly, now=NINE)).movers == ()
    fill(emptied(ledger), runs, now=NINE)
    assert found.last_week is not None
    assert (found.last_week.cost, found.last_week.unpriced_runs) == (Decimal(4), 1)
    said = " ".join(sentences(found))
    assert "Up 100 % from $4.00 plus 1 unpriced run (16 Nov 2026)" in said
    line = next(line for line in text(found).splitlines() if line.startswith("new "))
    assert line.split()[1:4] == ["$3.00", "unknown", "\N{EM DASH}"]
    only = digest(fill(emptied(ledger), [ago(0, "new", "3"), ago(7, "new", None)], now=NINE))
    assert "Before, it was an unknown amount (1 unpriced run) (16 Nov 2026)." in " ".join(sentences(only))
    assert "The 7 days before cost an unknown amount (1 unpriced run)." in " ".join(sentences(only))
    (row,) = json.loads(to_json(only))["rows"]
    assert (row["week_before_usd"], row["week_before_unpriced_runs"]) == ("0.000000000", 1)


def test_hardly_any_move_is_none(ledger: Ledger) -> None:
    fill(ledger, [ago(0, "a", "100.5"), ago(7, "a", "100")], now=NINE)
    assert digest(ledger).movers == ()


def test_what_was_never_seen_before_and_costs_more_than_a_dollar_a_day_is_new(ledger: Ledger) -> None:
    runs = [ago(n) for n in range(20)]
    new = ago(0, "new", "1.01", model="new-model", project="new-project")
    cheap = ago(0, "cheap", "1", model="cheap-model")
    fill(ledger, [*runs, new, cheap], now=NINE, projects=[PROJECT, "new-project"])
    found = {(one.dimension, one.name, one.cost) for one in digest(ledger).newcomers}
    cost = Decimal("1.01")
    assert found == {("feature", "new", cost), ("model", "new-model", cost), ("project", "new-project", cost)}


def test_over_several_days_it_takes_a_dollar_for_each(ledger: Ledger) -> None:
    fill(ledger, [ago(9), ago(0, "two", "2"), ago(0, "three", "2.01")], now=NINE)
    assert [one.name for one in digest(ledger, before=MORNING - 2 * DAY).newcomers] == ["three"]


def test_in_a_ledger_that_is_not_a_week_old_nothing_is_new(ledger: Ledger) -> None:
    fill(ledger, [ago(0, cost="50")], now=NINE, start=NINE - 6 * DAY)
    assert digest(ledger).newcomers == ()


def test_a_digest_of_features_sees_nothing_of_others(ledger: Ledger) -> None:
    runs = [ago(n, name, "2", model=f"model of {name}") for n in (0, 7) for name in ("a", "b", "c", None)]
    fill(ledger, [*runs, ago(0, "c", "50", model="new")], now=NINE)
    found = digest(ledger, features=("a", "b"))
    assert (found.total.cost, [row.name for row in found.rows]) == (Decimal(4), ["a", "b"])
    assert (found.newcomers, found.coverage.untagged_runs) == ((), 0)
    assert found.last_week is not None
    assert found.last_week.cost == 4


def test_a_digest_of_total_is_about_everything(ledger: Ledger) -> None:
    fill(ledger, [ago(0, "a"), ago(0, None)], now=NINE)
    found = digest(ledger, features=("total",))
    assert (found.total.cost, found.features) == (Decimal(2), None)


# --- Budgets


@pytest.mark.parametrize(("window", "spent"), [(Window.DAILY, 1), (Window.WEEKLY, 1), (Window.MONTHLY, 23)])
def test_a_budget_is_seen_at_the_end_of_yesterday(window: Window, spent: int, ledger: Ledger) -> None:
    fill(ledger, [*(ago(n) for n in range(40)), Spent(NINE - HOUR, "a", "50")], now=NINE)
    (state,) = digest(ledger, catalog=budgeted("a", window, 25, alert_at=(4,))).budgets
    assert (state.spent, state.limit, state.used) == (Decimal(spent), Decimal(25), Decimal(spent) / 25)


def test_a_budget_far_from_its_limit_stands_in_its_row_alone(ledger: Ledger) -> None:
    fill(ledger, [ago(0)], now=NINE)
    found = digest(ledger, catalog=budgeted("a", Window.DAILY, 10))
    assert found.budgets == ()
    assert found.rows[0].budget is not None
    assert found.rows[0].budget.used == Decimal("0.1")


def test_a_budget_that_is_full_is_said_though_its_feature_rested_yesterday(ledger: Ledger) -> None:
    fill(ledger, [ago(3, "a", "9")], now=NINE)
    (state,) = digest(ledger, catalog=budgeted("a", Window.MONTHLY, 10)).budgets
    assert (state.feature, state.used, state.is_near) == ("a", Decimal("0.9"), True)


def test_a_limit_that_was_set_in_slack_counts_and_is_called_so(ledger: Ledger) -> None:
    fill(ledger, [ago(0, "a", "9")], now=NINE)
    limit = SetLimit("a", Window.DAILY, 5 * 10**9, "U1", NINE - DAY, until=NINE + 3 * HOUR, file_limit=10 * 10**9)
    ledger.outbox.set_limit(limit, 10 * 10**9)
    (state,) = digest(ledger, catalog=budgeted("a", Window.DAILY, 10)).budgets
    assert (state.limit, state.is_set_in_slack) == (Decimal(5), True)


def test_a_limit_counts_for_the_days_on_which_it_held(ledger: Ledger) -> None:
    """Yesterday it was 20 until the day ended; what was set for today says nothing of it."""
    fill(ledger, [ago(0, "a", "18")], now=NINE)
    ends = first_instant(MORNING, BERLIN)
    until_the_end = SetLimit("a", Window.DAILY, 20 * 10**9, "U1", NINE - DAY, until=ends, file_limit=10 * 10**9)
    again = until_the_end._replace(limit_nanos=30 * 10**9, set_at=NINE - HOUR, until=ends + DAY)
    ledger.outbox.set_limit(until_the_end, None)
    for _ in range(2):
        (state,) = digest(ledger, catalog=budgeted("a", Window.DAILY, 10)).budgets
        assert (state.limit, state.used, state.is_set_in_slack) == (Decimal(20), Decimal("0.9"), True)
        ledger.outbox.set_limit(again, None)


def test_a_limit_that_was_replaced_counts_in_its_days_for_the_runs_that_it_was_for(ledger: Ledger) -> None:
    """Whoever widens or narrows a budget today changes nothing about yesterday's."""
    fill(ledger, [ago(0, "a", "4.50", keys={"env": "production"}), ago(0, "a", "50", keys={"env": "dev"})], now=NINE)
    first = SetLimit("a", Window.DAILY, 5 * 10**9, "U1", NINE - DAY, alert_at=(80,), where=(("env", "production"),))
    ledger.outbox.set_limit(first, None)
    (before,) = digest(ledger).budgets
    assert (before.spent, before.where) == (Decimal("4.50"), (("env", "production"),))
    ledger.outbox.set_limit(first._replace(set_at=NINE - HOUR, alert_at=(95,), where=()), None)
    assert digest(ledger).budgets == (before,)


def test_a_limit_that_was_set_after_the_days_counts_from_the_next_digest_on(ledger: Ledger) -> None:
    fill(ledger, [ago(0, "a", "18")], now=NINE)
    ledger.outbox.set_limit(SetLimit("a", Window.DAILY, 5 * 10**9, "U1", first_instant(MORNING, BERLIN)), None)
    assert digest(ledger).budgets == ()
    assert digest(ledger).rows[0].budget is None


def test_a_limit_that_was_set_this_morning_counts_for_a_period_that_still_runs(ledger: Ledger) -> None:
    fill(ledger, [ago(0, "a", "9")], now=NINE)
    ledger.outbox.set_limit(SetLimit("a", Window.MONTHLY, 10 * 10**9, "U1", NINE - HOUR), None)
    (state,) = digest(ledger).budgets
    assert (state.limit, state.used) == (Decimal(10), Decimal("0.9"))


def test_a_budget_can_be_of_all_runs_or_of_the_untagged_ones(ledger: Ledger) -> None:
    fill(ledger, [ago(0, "a", "3"), ago(0, None, "5")], now=NINE)
    catalog = Catalog({**budgeted("total", Window.DAILY, 1).features, **budgeted("untagged", Window.DAILY, 1).features})
    assert {state.feature: state.spent for state in digest(ledger, catalog=catalog).budgets} == {
        "total": 8,
        "untagged": 5,
    }


def test_a_budget_whose_period_is_older_than_the_ledger_says_so(ledger: Ledger) -> None:
    fill(ledger, [ago(0, "a", "9")], now=NINE, start=NINE - 5 * DAY)
    (state,) = digest(ledger, catalog=budgeted("a", Window.MONTHLY, 10)).budgets
    assert state.starts_before_ledger


# --- Trouble


def unheard(
    ledger: Ledger, at: datetime, feature: str = "a", kind: Kind = Kind.ALERT, decided: datetime | None = None
) -> None:
    """Something is given up at a moment, which was `decided` then or before."""
    key, created = f"{kind}:{feature}:{at}", decided or at
    alert = NewDelivery(kind, Role.OWNER, "U1", (key,), {}, created, at + DAY)
    ledger.outbox.announce([NewEvent(key, kind, {"feature": feature})], [alert], created)
    claimed = ledger.outbox.claim_next(at)
    assert claimed is not None
    ledger.outbox.give_up(claimed, "has left", [], at)


def test_alerts_of_these_days_that_reached_nobody_are_told(ledger: Ledger) -> None:
    fill(ledger, [ago(0)], now=NINE)
    unheard(ledger, YESTERDAY)
    unheard(ledger, YESTERDAY, "b", Kind.CORRECTION)
    unheard(ledger, YESTERDAY - DAY, "earlier")
    unheard(ledger, NINE - HOUR, "tomorrow's digest")
    assert [(one.feature, one.recipient, one.problem) for one in digest(ledger).unheard] == [("a", "U1", "has left")]
    assert digest(ledger, features=("b",)).unheard == ()


def test_an_alert_is_told_with_the_day_on_which_it_was_given_up(ledger: Ledger) -> None:
    """It may have waited for somebody's morning, or for Slack, since a day of which the digest has been read."""
    fill(ledger, [ago(0)], now=NINE)
    unheard(ledger, YESTERDAY, "waited", decided=YESTERDAY - 3 * DAY)
    unheard(ledger, NINE - HOUR, "tomorrow's digest", decided=YESTERDAY)
    unheard(ledger, YESTERDAY - DAY, "earlier", decided=YESTERDAY - 2 * DAY)
    midnight = first_instant(MORNING, BERLIN)
    unheard(ledger, midnight - timedelta(seconds=1), "just before midnight")
    unheard(ledger, midnight, "at midnight")
    assert [one.feature for one in digest(ledger).unheard] == ["waited", "just before midnight"]


@pytest.mark.parametrize(("length", "silent"), [(PATIENCE, False), (PATIENCE + timedelta(seconds=1), True)])
def test_a_sync_that_is_long_ago_leads_the_digest(length: timedelta, silent: bool, ledger: Ledger) -> None:
    fill(ledger, [ago(0)], now=NINE, as_of=NINE - length)
    assert digest(ledger).silence == (Silence(Cause.NOT_READ, NINE - length) if silent else None)


def test_so_does_an_hour_without_runs_where_there_were_many_last_week(ledger: Ledger) -> None:
    busy = [Spent(NINE - 7 * DAY - timedelta(seconds=seconds)) for seconds in range(1, 60)]
    fill(ledger, busy, now=NINE)
    found = digest(ledger)
    assert found.silence == Silence(Cause.NO_RUNS, NINE - 7 * DAY - timedelta(seconds=1), usual_runs=59)
    assert sentences(found)[0].startswith("No runs have come in since ")
