"""What stands above the table, because the total cannot be believed without it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from bot.render.coverage import warnings
from bot.reports.answers import Coverage, TimeFrame

AS_OF = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = TimeFrame(
    "today",
    AS_OF.replace(hour=0),
    AS_OF.replace(hour=0) + timedelta(days=1),
    date(2026, 11, 22),
    date(2026, 11, 22),
    "UTC",
)
NOTHING = Decimal(0)
QUIET = Coverage(
    as_of=AS_OF,
    age=timedelta(minutes=1),
    settled_through=None,
    ledger_start=AS_OF - timedelta(days=14),
    starts_before_ledger=False,
    gaps=(),
    langsmith_cost=NOTHING,
    estimated_cost=NOTHING,
    override_cost=NOTHING,
    unpriced_runs=0,
    no_usage_runs=0,
    failed_runs=0,
    pending_runs=0,
    unfinished_runs=0,
    untagged_runs=0,
    untagged_cost=NOTHING,
    untagged_unpriced_runs=0,
    sampled=False,
)


def test_a_total_of_nothing_is_no_proof_where_runs_reported_no_tokens() -> None:
    assert warnings(TODAY, replace(QUIET, no_usage_runs=3)) == [
        "3 runs reported no token counts: that is no proof of $0."
    ]


def test_beside_a_cost_such_runs_stay_in_the_small_print() -> None:
    for source in ("langsmith_cost", "estimated_cost", "override_cost"):
        assert warnings(TODAY, replace(QUIET, no_usage_runs=3, **{source: Decimal(1)})) == []  # type: ignore[arg-type] # the fields are costs


def test_nothing_odd_is_nothing_said() -> None:
    assert warnings(TODAY, QUIET) == []
