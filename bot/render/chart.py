"""Charts as text: a line of bars for each series, where no picture can be drawn."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from bot.render.names import plain
from bot.render.numbers import day, days, money
from bot.render.table import UNKNOWN, Table
from bot.reports.chart import Chart, Line, Step

# From nothing at all to the most.
BARS = "▁▂▃▄▅▆▇█"


def sparkline(costs: Sequence[Decimal]) -> str:
    """A bar for each number, as high as it is beside the highest; only what is nothing is the lowest."""
    most = max(costs)
    if not most:
        return BARS[0] * len(costs)
    top = len(BARS) - 1
    return "".join(BARS[int((cost / most * top).to_integral_value(ROUND_CEILING))] for cost in costs)


def chart_line(chart: Chart | None) -> str:
    """All that was spent, in one line; nothing without a chart."""
    if chart is None:
        return ""
    return f"{caption(chart)}: {sparkline(chart.total.costs)} (most: {money(chart.total.peak)})"


def chart_table(chart: Chart) -> Table:
    """A line for each series, or one for the total."""
    lines = chart.lines or (chart.total,)
    rows = tuple((name_of(line), sparkline(line.costs), money(line.peak)) for line in lines)
    return Table((label(chart), caption(chart), f"Most a {chart.step}"), rows, (False, False, True))


def caption(chart: Chart) -> str:
    """Of what the points are: `Per day, 16-22 Nov 2026`."""
    return f"Per {chart.step}, {days(chart.first, chart.last)}"


def label(chart: Chart) -> str:
    """What the series are, as a heading."""
    by = plain(chart.by.replace("_", " ")) if chart.lines else "All"
    return by[:1].upper() + by[1:] if by.strip() else UNKNOWN


def name_of(line: Line) -> str:
    """A series by name, never empty."""
    name = plain(line.name)
    return name if name.strip() else UNKNOWN


def point_names(chart: Chart) -> list[str]:
    """`16 Nov`, `23 Nov`; of days that follow each other `30 Nov`, `1 Dec`, `2`; `Nov 2026` of a month; `2026` of a
    year: short, because they stand side by side, and no two of a chart are the same."""
    names: list[str] = []
    month_before = ""
    for point in chart.points:
        date_, month, year = day(point).split(" ")
        is_short = chart.step is Step.DAY and month == month_before
        names.append(
            {Step.YEAR: year, Step.MONTH: f"{month} {year}"}.get(chart.step, date_ if is_short else f"{date_} {month}")
        )
        month_before = month
    return names


def chart_note(chart: Chart | None) -> list[str]:
    """What a reader must know of a chart's points; nothing of one of days."""
    if chart is None or chart.step is Step.DAY:
        return []
    if chart.step is Step.WEEK:
        return ["The chart is by week, up to the last day; its first week may have fewer days"]
    return [f"The chart is by calendar {chart.step}; the first and the last may be there in part"]
