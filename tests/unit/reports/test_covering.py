"""What the ledger covers: nothing is called known that any project lacks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.costing import CostMode
from bot.domain.period import Span
from bot.ledger.booking import instant, microseconds
from bot.ledger.coverage import Gap, ProjectRow
from bot.reports.covering import Extent, extent

ZONE = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = 3_600_000_000
HOURS = st.integers(0, 60 * 24)


def project(
    key: int, covered: tuple[int, int] | None, *, started: int = 0, settled: date | None = date(2026, 10, 20)
) -> ProjectRow:
    """A project that was read from one hour after BEGIN to another."""
    begins, ends = (None, None) if covered is None else (at(covered[0]), at(covered[1]))
    ordinal = settled.toordinal() if settled is not None else None
    name, began = f"p{key}", at(started)
    return ProjectRow(key, bytes(16), name, began, True, CostMode.OWN, begins, ends, ordinal, None, None, None)


def at(hours: int) -> int:
    return microseconds(BEGIN) + hours * HOUR


def moment(hours: int) -> datetime:
    return BEGIN + timedelta(hours=hours)


def known(*projects: ProjectRow, gaps: tuple[Gap, ...] = ()) -> Extent:
    return extent(projects, gaps, ZONE)


def days(first: int, last: int) -> Span:
    """The October days `first` to `last`, both included."""
    return Span(date(2026, 10, first), date(2026, 10, last) + timedelta(days=1), ZONE)


def test_a_ledger_without_projects_knows_nothing() -> None:
    assert known() == Extent(None, None, None, ())
    assert not known().covers(days(2, 3))
    assert not known().reads_into(days(2, 3))


def test_the_project_that_lags_decides() -> None:
    found = known(project(1, (0, 900)), project(2, (0, 480), settled=date(2026, 10, 19)))
    assert (found.as_of, found.start, found.settled_through) == (moment(480), moment(0), date(2026, 10, 19))
    assert found.covers(days(2, 20))
    assert not found.covers(days(2, 21))
    assert found.reads_into(days(20, 30))


def test_a_project_that_joined_later_is_missing_before_unless_it_did_not_exist() -> None:
    found = known(project(1, (0, 900)), project(2, (500, 900)), project(3, (600, 900), started=600))
    assert [(gap.project, gap.start, gap.end) for gap in found.gaps] == [("p2", moment(0), moment(500))]
    assert not found.covers(days(2, 3))
    assert found.covers(days(23, 24))


def test_a_project_that_was_never_read_is_missing_throughout() -> None:
    found = known(project(1, (0, 900)), project(2, None, settled=None))
    assert [(gap.project, gap.start, gap.end) for gap in found.gaps] == [("p2", moment(0), moment(900))]
    assert (found.as_of, found.settled_through) == (moment(900), None)
    assert not known(project(2, None)).gaps


def test_an_empty_span_is_covered_by_nothing() -> None:
    span = Span(date(2026, 10, 5), date(2026, 10, 5), ZONE)
    assert not known(project(1, (0, 900))).covers(span)


def test_clocks_that_go_back_do_not_hide_a_gap_of_an_hour() -> None:
    """25 October 2026 has two hours from 2 to 3 in Berlin; the gap is the second."""
    second = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    gap = Gap(1, microseconds(second), microseconds(second) + HOUR)
    found = known(project(1, (0, 900)), gaps=(gap,))
    inside = found.gaps_in(days(25, 25))
    assert [one.end.timestamp() - one.start.timestamp() for one in inside] == [3600]
    assert not found.covers(days(25, 25))


@settings(deadline=None)
@given(st.lists(st.tuples(HOURS, HOURS).map(sorted), max_size=4), st.integers(1, 28), st.integers(0, 6))
def test_what_is_covered_has_no_gap_and_gaps_stay_within_what_is_asked(
    gaps: list[list[int]], first: int, more: int
) -> None:
    found = known(project(1, (24, 700)), gaps=tuple(Gap(1, at(start), at(end)) for start, end in gaps if start < end))
    span = days(first, min(first + more, 31))
    start, end = span.start.timestamp(), span.end.timestamp()
    lost = sum(
        max(0.0, min(end, instant(at(until)).timestamp()) - max(start, instant(at(begin)).timestamp()))
        for begin, until in gaps
    )
    inside = found.gaps_in(span)
    assert all(start <= gap.start.timestamp() < gap.end.timestamp() <= end for gap in inside)
    assert sum(gap.end.timestamp() - gap.start.timestamp() for gap in inside) == lost
    is_read = moment(24).timestamp() <= start and end <= moment(700).timestamp()
    assert found.covers(span) == (is_read and lost == 0)
