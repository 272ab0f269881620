"""What changes the past on demand: other prices, words that are purged, runs that are let go of."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.ledger import changed_days, pruned_days, pruning, purging, rebooking, repricing
from bot.ledger.access import Access
from bot.ledger.booking import Booked, Project, Rules, microseconds
from bot.ledger.engine import compact, shrink
from bot.ledger.forgetting import Forgotten, forget_told
from bot.ledger.lease import Lease
from bot.ledger.purging import Purge, Purged, Wanted
from bot.ledger.repricing import Movement, Place, Repricing
from bot.ledger.repricing import Wanted as ToReprice
from bot.ledger.rulebook import booked_projects

# Short transactions: others wait for each.
_PURGED_AT_ONCE = 200


class Revision(Access):
    """Changes what is booked already, some at a time, and keeps the totals that must stay."""

    # Prices of the past

    def repricing(self, rules: Rules, wanted: ToReprice) -> Movement:
        """What would change if the wanted runs were priced again by these rules. Nothing is written."""
        moved = Movement()
        place: Place | None = Place()
        while place is not None:
            changes, place = self._door.read(partial(_next_changes, rules=rules, wanted=wanted, place=place))
            for before, after in changes.values():
                moved.add((before[run_id], one) for run_id, one in after.items() if one != before[run_id])
        return moved

    def reattribution(self, rules: Rules) -> Movement:
        """What would change if `keep_rules` were called with these. Nothing is written."""

        def work(connection: Connection) -> Movement:
            moved = Movement()
            for before, after in rebooking.as_it_would_be(connection, booked_projects(connection), rules):
                moved.shift(
                    (before[run_id], one) for run_id, one in after.items() if one.feature != before[run_id].feature
                )
            return moved

        return self._door.read(work)

    def begin_repricing(self, mine: Lease, now: datetime, by: str, since: int) -> int:
        """Put a change of prices on record; gives its number for `reprice_next`."""
        return self._write(mine, now, lambda connection: repricing.start(connection, microseconds(now), by, since))

    def reprice_next(
        self,
        mine: Lease,
        now: datetime,
        change: int,
        rules: Rules,
        wanted: ToReprice,
        place: Place,
        moved: Movement,
    ) -> Place | None:
        """Price the next batch of traces again, in one transaction, and count it in `moved`; gives where to go on, None
        at the end: a change that has changed nothing is off the record then."""

        def work(connection: Connection) -> tuple[list[tuple[Booked, Booked]], Place | None]:
            changes, after = repricing.next_changes(connection, booked_projects(connection), rules, wanted, place)
            changed = repricing.apply(connection, change, changes.values(), rules)
            changed_days.remember(connection, (before.day for before, _ in changed))
            if after is None:
                repricing.discard_empty(connection, change)
            return list(changed), after

        changed, after = self._write(mine, now, work)
        moved.add(changed)
        return after

    def last_repricing(self) -> Repricing | None:
        """See bot.ledger.repricing.last_change."""
        return self._door.read(repricing.last_change)

    def undo_repricing_next(
        self, mine: Lease, now: datetime, change: int, rules: Rules, by: str, after: bytes, moved: Movement
    ) -> tuple[int, bytes | None]:
        """See bot.ledger.repricing.undo_next, in one transaction; gives how many runs were left, and where to go on."""

        def work(connection: Connection) -> tuple[list[tuple[Booked, Booked]], int, bytes | None]:
            changed, left, place = repricing.undo_next(connection, change, booked_projects(connection), rules, after)
            changed_days.remember(connection, (before.day for before, _ in changed))
            if place is None:
                repricing.finish_undo(connection, change, microseconds(now), by)
            return list(changed), left, place

        changed, left, place = self._write(mine, now, work)
        moved.add(changed)
        return left, place

    # Letting go of old runs

    def prune(self, before: date, zone: ZoneInfo, progress: Callable[[int], None] = lambda _: None) -> int:
        """Let go of the runs of traces that were over before that day, some in each transaction, so that others can
        write between; `progress` hears how many so far. Gives how many. Broken off, it can be begun again."""
        kept_from = self._door.write(lambda connection: pruning.mark(connection, before, zone))
        gone, position = 0, None
        while True:
            some, position = self._door.write(partial(pruning.prune, before=kept_from, after=position))
            gone += some
            progress(gone)
            if position is None:
                return gone

    def shrink(self) -> bool:
        """See bot.ledger.engine.shrink."""
        return shrink(self._engine)

    # Purging

    def find_to_purge(self, wanted: Wanted, rules: Rules) -> list[tuple[int, bytes]]:
        """See bot.ledger.purging.find."""
        return self._door.read(lambda connection: purging.find(connection, wanted, rules))

    def purge(self, mine: Lease, now: datetime, wanted: Wanted, rules: Rules) -> Purge:
        """See bot.ledger.purging and bot.ledger.forgetting; what was purged."""

        def begin(connection: Connection) -> tuple[Purged, list[tuple[int, bytes]], list[Project], Forgotten]:
            purged = purging.remember(connection, wanted, rules, microseconds(now))
            found = purging.find(connection, wanted, rules)
            forgotten = forget_told(connection, purging.told(wanted, found, rules, purged))
            return purged, found, booked_projects(connection), forgotten

        purged, found, projects, forgotten = self._write(mine, now, begin)
        changed = 0
        for project in projects:
            of_project = [trace_id for key, trace_id in found if key == project.key]
            for at in range(0, len(of_project), _PURGED_AT_ONCE):
                some = of_project[at : at + _PURGED_AT_ONCE]
                purge = partial(_purge, project=project, trace_ids=some, rules=rules, purged=purged)
                changed += self._write(mine, now, purge)
        pair = wanted.pair
        if pair is not None:
            self._write(
                mine,
                now,
                lambda connection: changed_days.remember(
                    connection, pruned_days.forget_value(connection, projects, rules, purged, pair)
                ),
            )
        return Purge(
            len(found), changed, forgotten.told, forgotten.unset, forgotten.untold, is_overwritten=compact(self._engine)
        )


def _purge(connection: Connection, project: Project, trace_ids: Collection[bytes], rules: Rules, purged: Purged) -> int:
    changed, days = rebooking.purge(connection, project, trace_ids, rules, purged)
    changed_days.remember(connection, days)
    return changed


def _next_changes(
    connection: Connection, rules: Rules, wanted: ToReprice, place: Place
) -> tuple[dict[bytes, tuple[Mapping[bytes, Booked], Mapping[bytes, Booked]]], Place | None]:
    return repricing.next_changes(connection, booked_projects(connection), rules, wanted, place)
