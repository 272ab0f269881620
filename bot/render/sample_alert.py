"""A test alert in words."""

from bot.domain.catalog import TOTAL, WITHOUT_FEATURE
from bot.render.names import plain
from bot.render.numbers import days, money, percent
from bot.reports.sample_alert import SampleAlert

_NAMES = {TOTAL: "All features together", WITHOUT_FEATURE: "Untagged runs"}


def sample_alert_lines(alert: SampleAlert) -> list[str]:
    """That it is a test, and figures that are none."""
    who = _NAMES.get(alert.feature) or plain(alert.feature)
    when = days(alert.first, alert.last)
    if alert.limit is None or alert.share is None:
        said = f"{who} cost {money(alert.spent)} so far this month ({when}). No budget is set."
    else:
        spent = f"{money(alert.spent)} of {money(alert.limit)} ({percent(alert.share)})"
        said = f"{who} has spent {spent} of its {alert.window.value} budget ({when})."
    return [f"TEST, nothing is to be done: {said}", "Somebody with llmcost doctor asked whether alerts reach you."]
