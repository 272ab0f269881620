"""Rules that were set in Slack: who set which when, and who took it back."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from bot.domain.feature import Rule, SetRule
from bot.ledger.booking import instant, microseconds
from bot.ledger.deliveries import instant_or_none
from bot.ledger.tables import set_rules


class RuleChange(NamedTuple):
    """A line of the audit trail: a rule, and who took it back when, if anybody did."""

    set_rule: SetRule
    undone_by: str | None
    undone_at: datetime | None


def active(connection: Connection) -> list[SetRule]:
    """The rules that hold, the first that was set first."""
    query = select(set_rules).where(set_rules.c.undone_at.is_(None)).order_by(set_rules.c.id)
    return [_set_rule(row) for row in connection.execute(query)]


def find(connection: Connection, rule_id: int) -> RuleChange | None:
    """A rule that was ever set, whether or not it still holds."""
    row = connection.execute(select(set_rules).where(set_rules.c.id == rule_id)).one_or_none()
    return None if row is None else RuleChange(_set_rule(row), row.undone_by, instant_or_none(row.undone_at))


def add(connection: Connection, rule: Rule, by: str, now: datetime) -> SetRule | None:
    """Set a rule. None, and nothing is written, if the same one holds already: somebody has pressed twice."""
    if any(one.rule == rule for one in active(connection)):
        return None
    new = insert(set_rules).values(
        feature=rule.feature, project=rule.project, name=rule.name, set_by=by, set_at=microseconds(now)
    )
    (number,) = connection.execute(new).inserted_primary_key or (0,)
    return SetRule(int(number), rule, by, now)


def undo(connection: Connection, rule_id: int, by: str, now: datetime) -> bool:
    """Take a rule back. False if it does not hold any more."""
    held = update(set_rules).where(set_rules.c.id == rule_id, set_rules.c.undone_at.is_(None))
    return bool(connection.execute(held.values(undone_by=by, undone_at=microseconds(now))).rowcount)


def _set_rule(row: Row[tuple[object, ...]]) -> SetRule:
    return SetRule(row.id, Rule(row.feature, row.project, row.name), row.set_by, instant(row.set_at))
