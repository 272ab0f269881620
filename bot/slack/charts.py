"""Charts for Slack's data visualization block (pure), within its limits: short names that differ."""

from collections.abc import Iterable
from decimal import Decimal

from bot.render.chart import chart_table, label, name_of, point_names
from bot.render.numbers import days, drawn
from bot.reports.chart import Chart, Line
from bot.slack.blocks import Block, cut, fenced_section, fitting_text

NAME = 20
TITLE = 50
# For its lines of bars, once they are escaped.
TEXT_CHARACTERS = 1_500

# Two points are no course: they are compared.
_FEWEST_FOR_A_LINE = 3


def chart_block(chart: Chart) -> Block:
    """The total as an area; several series as lines, because Slack stacks nothing."""
    points = point_names(chart)
    lines = chart.lines or (chart.total,)
    kind = "line" if chart.lines else "area"
    series = [
        {"name": name, "data": [_point(*one) for one in zip(points, line.costs, strict=True)]}
        for name, line in zip(_names(lines), lines, strict=True)
    ]
    return {
        "type": "data_visualization",
        "title": _title(chart),
        "chart": {
            "type": kind if len(points) >= _FEWEST_FOR_A_LINE else "bar",
            "series": series,
            "axis_config": {"categories": points, "y_label": "US dollars"},
        },
    }


def _title(chart: Chart) -> str:
    """With the dates where there is room: a chart is looked at, and saved, by itself."""
    short = f"Cost per {chart.step}{f' by {label(chart).lower()}' if chart.lines else ''}"
    whole = f"{short}, {days(chart.first, chart.last)}"
    return whole if _size(whole) <= TITLE else cut(short, TITLE, _size)


def chart_text(chart: Chart) -> Block:
    """The same in lines of bars, for workspaces that refuse the block."""
    return fenced_section(fitting_text(chart_table(chart), TEXT_CHARACTERS)[0])


def _point(name: str, cost: Decimal) -> Block:
    return {"label": name, "value": drawn(cost)}


def _names(lines: Iterable[Line]) -> list[str]:
    """What the series are called, each by a name of its own."""
    names: list[str] = []
    for line in lines:
        whole, number = name_of(line), 1
        name = cut(whole, NAME, _size)
        while name in names:
            number += 1
            ending = f" {number}"
            name = cut(whole, NAME - len(ending), _size) + ending
        names.append(name)
    return names


def _size(text: str) -> int:
    """How long Slack may find a text."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
