"""Budgets as values in which every number is final: how each stands, and what an alert says of one.

Money is exact US dollars (`Decimal`), instants are aware and in the reporting time zone, fractions are of 1.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.budget import Window
from bot.reports.answers import Gap
from bot.reports.causes import Cause, Factor


class BudgetState(NamedTuple):
    """A budget in one of its periods. `used` is spent of the limit, `passed` how much of the period has gone by. Nobody
    knows what the `unpriced_runs` cost: they are in no figure. What is `set_aside` is not spent either, though reports
    count it: runs with data that cannot be true, which nobody is to be woken for.

    `reaches_at` is when the limit will be reached at this pace, None if not within the period or if it has been.
    `set_by` is who set the limit in Slack, None if it stands in the file; it then holds `until`, None for as long as
    the file says the same.
    """

    feature: str
    window: Window
    where: tuple[tuple[str, str], ...]
    period: str
    first: date
    last: date
    start: datetime
    end: datetime
    timezone: str
    spent: Decimal
    limit: Decimal
    used: Decimal
    overage: Decimal  # 0 up to the limit
    passed: Decimal
    is_closed: bool
    reaches_at: datetime | None
    owners: tuple[str, ...]
    set_by: str | None
    until: datetime | None
    unpriced_runs: int = 0
    set_aside: Decimal = Decimal(0)


class TopModel(NamedTuple):
    """The model on which most was spent; `share` of the spend."""

    name: str
    share: Decimal


class AlertTrace(NamedTuple):
    """One of the costliest traces. `link` shows it in LangSmith, None where no address is known."""

    id: str
    name: str
    project: str
    cost: Decimal
    runs: int
    link: str | None


class AlertFacts(NamedTuple):
    """Everything that an alert says, as it was when it was decided.

    `reached_at` is when the limit was reached, None below it. `cause` is what drove the spend up most against the
    period before at the same point, None where it did not grow or is not known. `ledger_start` is given if the period
    began before it: what was spent earlier is not known.
    """

    state: BudgetState
    threshold: int
    reached_at: datetime | None
    cause: Cause | None
    model: TopModel | None
    traces: tuple[AlertTrace, ...]
    as_of: datetime | None
    ledger_start: datetime | None

    def to_json(self) -> dict[str, Any]:
        """JSON's values, from which `from_json` makes the same facts."""
        return {
            "state": _state_to_json(self.state),
            "threshold": self.threshold,
            "reached_at": _text(self.reached_at),
            "cause": None if self.cause is None else [None if one is None else str(one) for one in self.cause],
            "model": None if self.model is None else [self.model.name, str(self.model.share)],
            "traces": [[one.id, one.name, one.project, str(one.cost), one.runs, one.link] for one in self.traces],
            "as_of": _text(self.as_of),
            "ledger_start": _text(self.ledger_start),
        }

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "AlertFacts":
        """The inverse of `to_json`."""
        state = _state_from_json(kept["state"])
        zone = ZoneInfo(state.timezone)
        cause, model = kept["cause"], kept["model"]
        return AlertFacts(
            state=state,
            threshold=kept["threshold"],
            reached_at=_instant(kept["reached_at"], zone),
            cause=None if cause is None else _cause_from_json(*cause),
            model=None if model is None else TopModel(model[0], Decimal(model[1])),
            traces=tuple(
                AlertTrace(one, name, project, Decimal(cost), runs, link)
                for one, name, project, cost, runs, link in kept["traces"]
            ),
            as_of=_instant(kept["as_of"], zone),
            ledger_start=_instant(kept["ledger_start"], zone),
        )


class LimitChanged(NamedTuple):
    """A line of the audit trail; `old` is None where there was no limit before."""

    at: datetime
    by: str
    window: Window
    old: Decimal | None
    new: Decimal
    until: datetime | None
    owners: tuple[str, ...]


class BudgetList(NamedTuple):
    """The answer to `budget`: every budget in force, the fullest first; or those of one feature, with what was changed
    of them in Slack, the latest first."""

    feature: str | None
    rows: tuple[BudgetState, ...]
    changes: tuple[LimitChanged, ...]
    as_of: datetime | None
    age: timedelta | None
    ledger_start: datetime | None
    timezone: str
    gaps: tuple[Gap, ...] = ()  # in the periods of the rows


def _state_to_json(state: BudgetState) -> dict[str, Any]:
    return {
        "feature": state.feature,
        "window": state.window.value,
        "where": [list(pair) for pair in state.where],
        "period": state.period,
        "first": state.first.isoformat(),
        "last": state.last.isoformat(),
        "start": _text(state.start),
        "end": _text(state.end),
        "timezone": state.timezone,
        "spent": str(state.spent),
        "limit": str(state.limit),
        "used": str(state.used),
        "overage": str(state.overage),
        "passed": str(state.passed),
        "is_closed": state.is_closed,
        "reaches_at": _text(state.reaches_at),
        "owners": list(state.owners),
        "set_by": state.set_by,
        "until": _text(state.until),
        "unpriced_runs": state.unpriced_runs,
    }


def _state_from_json(kept: Mapping[str, Any]) -> BudgetState:
    zone = ZoneInfo(kept["timezone"])
    return BudgetState(
        feature=kept["feature"],
        window=Window(kept["window"]),
        where=tuple((name, value) for name, value in kept["where"]),
        period=kept["period"],
        first=date.fromisoformat(kept["first"]),
        last=date.fromisoformat(kept["last"]),
        start=datetime.fromisoformat(kept["start"]).astimezone(zone),
        end=datetime.fromisoformat(kept["end"]).astimezone(zone),
        timezone=kept["timezone"],
        spent=Decimal(kept["spent"]),
        limit=Decimal(kept["limit"]),
        used=Decimal(kept["used"]),
        overage=Decimal(kept["overage"]),
        passed=Decimal(kept["passed"]),
        is_closed=kept["is_closed"],
        reaches_at=_instant(kept["reaches_at"], zone),
        owners=tuple(kept["owners"]),
        set_by=kept["set_by"],
        until=_instant(kept["until"], zone),
        unpriced_runs=kept.get("unpriced_runs", 0),  # older alerts do not say
    )


def _cause_from_json(factor: str, effect: str, *others: str | None) -> Cause:
    before, after, change = (None if text is None else Decimal(text) for text in others)
    return Cause(Factor(factor), Decimal(effect), before, after, change)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _instant(text: str | None, zone: ZoneInfo) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(zone)
