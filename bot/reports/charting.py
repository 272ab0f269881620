"""Makes charts of what was spent from the ledger."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from bot.domain.money import dollars
from bot.domain.period import Span
from bot.ledger.figures import Figures
from bot.ledger.store import Reading
from bot.reports.chart import Chart, Line, Step
from bot.reports.covering import Extent, days_to_show
from bot.reports.parts import namer
from bot.reports.scope import stored

# Slack draws no more.
MOST_POINTS = 20
MOST_LINES = 6
# Where there are more values than lines, so many have one of their own; the rest is one together.
TOP = 5

TOTAL = "total"

# What a digest and the home tab look back on.
RECENT_DAYS = 14

Costs = Mapping[date, int]  # nano-dollars


def total_chart(reading: Reading, span: Span, known: Extent, now: datetime, feature: str | None = None) -> Chart | None:
    """What was spent in a span altogether, or on one feature; None where there are not two points to draw or nothing
    was spent."""
    by_day = reading.by_day(span, feature)
    return _chart("day", days_to_show(span, known, by_day, now), [], 0, _costs(by_day))


def value_chart(
    reading: Reading, span: Span, by: str, known: Extent, now: datetime, feature: str | None = None
) -> Chart | None:
    """Like total_chart, with lines for the costliest values of a dimension that is kept per day."""
    by_day = reading.by_day(span, feature)
    found = reading.by_value(span, by, feature)
    names = namer(reading, by)
    order = _by_cost({value: figures.cost for value, figures in found.items()}, names)
    shown = _shown(order)
    costs = reading.costs_by_day(span, by, shown, feature) if len(order) > 1 else {}
    lines = [(names(value), costs.get(value, {})) for value in shown] if len(order) > 1 else []
    return _chart(by, days_to_show(span, known, by_day, now), lines, len(order) - len(shown), _costs(by_day))


def feature_chart(
    reading: Reading, span: Span, known: Extent, now: datetime, features: Sequence[str] | None = None
) -> Chart | None:
    """What the costliest features spent; of `features` (as llmcost.toml names them) alone if they are given. For
    digests and the home tab."""
    if features is None:
        return value_chart(reading, span, "feature", known, now)
    each = {name: reading.by_day(span, stored(name)) for name in features}
    by_day: dict[date, int] = {}
    for figures in each.values():
        for day, cost in _costs(figures).items():
            by_day[day] = by_day.get(day, 0) + cost
    order = _by_cost({name: sum(_costs(figures).values()) for name, figures in each.items()}, str)
    shown = _shown(order)
    lines = [(name, _costs(each[name])) for name in shown] if len(order) > 1 else []
    days = days_to_show(span, known, by_day, now)
    return _chart("feature", days, lines, len(order) - len(shown), by_day)


def recent(until: date, zone: ZoneInfo) -> Span:
    """The RECENT_DAYS before a day."""
    return Span(until - timedelta(days=RECENT_DAYS), until, zone)


def _costs(by_day: Mapping[date, Figures]) -> dict[date, int]:
    return {day: figures.cost for day, figures in by_day.items()}


def _by_cost(costs: Mapping[str, int], name: Callable[[str], str]) -> list[str]:
    """The values that cost anything, the costliest first."""
    return sorted((value for value, cost in costs.items() if cost), key=lambda value: (-costs[value], name(value)))


def _shown(order: Sequence[str]) -> Sequence[str]:
    return order if len(order) <= MOST_LINES else order[:TOP]


def _chart(
    by: str, days: Sequence[date], lines: Iterable[tuple[str, Costs]], others: int, total: Costs
) -> Chart | None:
    if not days or not any(total.values()):
        return None
    first, last = days[0], days[-1]
    step, point_of = _steps(first, last)
    points = sorted({point_of(day) for day in days})
    if len(points) < 2:
        return None

    def line(name: str, costs: Costs) -> tuple[str, list[int]]:
        sums = dict.fromkeys(points, 0)
        for day, cost in costs.items():
            sums[point_of(day)] += cost
        return name, [sums[point] for point in points]

    whole = line(TOTAL, total)
    made = [line(name, costs) for name, costs in lines]
    if others:
        rest = [all_ - sum(mine) for all_, *mine in zip(whole[1], *(costs for _, costs in made), strict=True)]
        made.append((f"other ({others:,})", rest))
    return Chart(
        by=by,
        step=step,
        first=first,
        last=last,
        points=tuple(points),
        total=_line(*whole),
        lines=tuple(_line(*one) for one in made),
        others=others,
    )


def _line(name: str, costs: Sequence[int]) -> Line:
    return Line(name, tuple(dollars(cost) for cost in costs))


def _steps(first: date, last: date) -> tuple[Step, Callable[[date], date]]:
    """The finest steps that make few enough points, and the first day of the point that a day is in."""
    days = (last - first).days + 1
    if days <= MOST_POINTS:
        return Step.DAY, lambda day: day
    if days <= 7 * MOST_POINTS:
        return Step.WEEK, partial(_week_of, first=first, last=last)
    if (last.year - first.year) * 12 + last.month - first.month < MOST_POINTS:
        return Step.MONTH, lambda day: max(day.replace(day=1), first)
    return Step.YEAR, lambda day: max(day.replace(month=1, day=1), first)


def _week_of(day: date, *, first: date, last: date) -> date:
    """Of the weeks that end where the period does."""
    return max(last - timedelta(days=(last - day).days // 7 * 7 + 6), first)
