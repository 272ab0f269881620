"""The rules by which a ledger is kept: they are written into it, and a change of them recounts it."""

import json
import logging
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert

from bot.domain.feature import Attribution, Rule, SetRule
from bot.errors import LedgerError
from bot.ledger import changed_days, coverage, pruned_days, pruning, rebooking, set_rules
from bot.ledger.access import Access, kept_rules
from bot.ledger.booking import Project, Rules
from bot.ledger.coverage import ProjectRow
from bot.ledger.lease import Lease
from bot.ledger.tables import rules as rules_table

_log = logging.getLogger(__name__)


class Rulebook(Access):
    """Keeps the rules, those that are set in Slack too."""

    def keep_rules(self, rules: Rules, zone: ZoneInfo) -> bool:
        """Recount the ledger if it was kept by other rules (zone, dimensions, attribution); says whether it was.

        From now on this Ledger writes only as long as it is kept by these.
        """
        wanted = describe_rules(rules.attribution, rules.dimensions, zone)

        def work(connection: Connection) -> dict[str, str]:
            kept = kept_rules(connection)
            if not _are_alike(kept, wanted):
                if kept:
                    gone = pruning.pruned(connection)
                    if kept["timezone"] != zone.key and gone is not None:
                        raise LedgerError(
                            f"The runs before {gone.day} were pruned, so that their days cannot be counted in "
                            f"{zone.key}: set LLMCOST_TIMEZONE back to {kept['timezone']}, or begin a new ledger."
                        )
                    if gone is not None:
                        _log.warning("runs before %s were pruned: those days keep the features they had", gone.day)
                    if kept["timezone"] != zone.key:
                        coverage.move_settled(connection, ZoneInfo(kept["timezone"]), zone)
                    _recount(connection, rules)
                connection.execute(delete(rules_table))
                rows = [{"name": name, "value": value} for name, value in wanted.items()]
                connection.execute(insert(rules_table), rows)
            return kept

        kept = self._door.write(work)
        if new := _new_keys(kept, rules):
            _log.warning(
                "what was read before does not have the metadata %s %s: `llmcost sync --since 14d` reads again what "
                "LangSmith still has",
                "key" if len(new) == 1 else "keys",
                ", ".join(new),
            )
        # Only now: where the recount failed, the ledger is kept by what it was kept by before.
        is_as_before = _are_alike(kept, wanted)
        self._rules, self._kept_by = rules, kept if is_as_before else wanted
        return bool(kept) and not is_as_before

    def is_kept_by(self, rules: Rules, zone: ZoneInfo) -> bool:
        """Whether `keep_rules` would leave the figures as they are."""
        wanted = describe_rules(rules.attribution, rules.dimensions, zone)
        return _are_alike(self._door.read(kept_rules), wanted)

    def lost_with(self, dimensions: tuple[str, ...]) -> list[str]:
        """The dimensions by which the figures of pruned days would be lost with `keep_rules`, which could never be
        counted again."""

        def work(connection: Connection) -> list[str]:
            kept = kept_rules(connection)
            gone = pruning.pruned(connection)
            if not kept or gone is None:
                return []
            missing = [name for name in json.loads(kept["dimensions"]) if name not in dimensions]
            return [name for name in missing if pruned_days.have_values(connection, gone, name)]

        return self._door.read(work)

    def set_rule(self, mine: Lease, rule: Rule, by: str, now: datetime) -> SetRule | None:
        """Set a rule beside those of `keep_rules`, which this Ledger must know, and recount the ledger by it. None if
        it holds already. The lease is SYNC: whoever books at the same time would not know of it."""

        def work(connection: Connection) -> SetRule | None:
            new = set_rules.add(connection, rule, by, now)
            if new is not None:
                _recount(connection, self._known_rules())
            return new

        return self._write(mine, now, work)

    def undo_rule(self, mine: Lease, rule_id: int, by: str, now: datetime) -> bool:
        """Take back a rule that was set, and recount the ledger without it. False if it does not hold any more."""

        def work(connection: Connection) -> bool:
            was_held = set_rules.undo(connection, rule_id, by, now)
            if was_held:
                _recount(connection, self._known_rules())
            return was_held

        return self._write(mine, now, work)

    def _known_rules(self) -> Rules:
        if self._rules is None:
            raise LedgerError("This process does not keep the ledger: nothing can be recounted by it.")
        return self._rules

    def check_zone(self, zone: ZoneInfo) -> None:
        """Raises LedgerError if the ledger's days are those of another time zone: its figures would be of other days
        than those asked for."""
        kept = self._door.read(kept_rules).get("timezone")
        if kept is not None and kept != zone.key:
            raise LedgerError(
                f"The ledger counts its days in {kept}, and LLMCOST_TIMEZONE is {zone.key}. "
                "The next `llmcost sync` recounts it; or set LLMCOST_TIMEZONE back."
            )

    def check_rules(self, attribution: Attribution, dimensions: tuple[str, ...], zone: ZoneInfo) -> None:
        """Raises LedgerError if the ledger is counted by others than these."""
        self.check_zone(zone)
        kept, wanted = self._door.read(kept_rules), describe_rules(attribution, dimensions, zone)
        if kept and not _are_alike(kept, wanted):
            raise LedgerError(
                "The ledger is counted by other features, rules or dimensions than llmcost.toml and the LLMCOST_ "
                "variables give here. Ask with those by which the bot runs; or, if these are right, the next "
                "`llmcost sync` recounts it."
            )


def describe_rules(attribution: Attribution, dimensions: tuple[str, ...], zone: ZoneInfo) -> dict[str, str]:
    """The rules as text, to see whether they have changed since the ledger was counted."""
    return {
        "timezone": zone.key,
        "dimensions": json.dumps(dimensions),
        "attribution": json.dumps(
            {
                "keys": attribution.keys,
                "features": sorted(attribution.features),
                "aliases": dict(sorted(attribution.aliases.items())),
                "rules": [[rule.feature, rule.project, rule.name, rule.tag] for rule in attribution.rules],
            },
            ensure_ascii=False,
        ),
    }


def _are_alike(kept: dict[str, str], wanted: dict[str, str]) -> bool:
    """Whether figures are the same by both: the order of dimensions is only that of `help`."""
    if not kept:
        return False
    dimensions = [sorted(json.loads(one["dimensions"])) for one in (kept, wanted)]
    return dimensions[0] == dimensions[1] and {**kept, "dimensions": ""} == {**wanted, "dimensions": ""}


def _new_keys(kept: dict[str, str], rules: Rules) -> list[str]:
    """The metadata keys that a ledger which was `kept` by other rules has not kept of its runs."""
    if not kept:
        return []
    known = {*json.loads(kept["attribution"])["keys"], *json.loads(kept["dimensions"])}
    return [key for key in (*rules.attribution.keys, *rules.dimensions) if key not in known]


def with_set(connection: Connection, rules: Rules) -> Rules:
    """The rules with those that were set in Slack: read where they are used, for another process may have set some."""
    return replace(rules, attribution=rules.attribution.with_set(set_rules.active(connection)))


def booked_projects(connection: Connection) -> list[Project]:
    """What booking must know of all projects."""
    return [booked_project(row) for row in coverage.load_projects(connection)]


def booked_project(row: ProjectRow) -> Project:
    """What booking must know of a project."""
    return Project(row.key, row.name, row.cost_mode, row.settled_through)


def _recount(connection: Connection, rules: Rules) -> None:
    """Count everything anew; the ledger's own rules say by what it was counted so far."""
    projects, before = booked_projects(connection), json.loads(kept_rules(connection)["dimensions"])
    of_pruned = pruned_days.of_pruned(connection, projects, before)
    days = pruned_days.renamed_days(of_pruned, rules)
    of_pruned = pruned_days.fitted(of_pruned, rules, before)
    days |= rebooking.recount(connection, projects, with_set(connection, rules), of_pruned)
    changed_days.remember(connection, days)
