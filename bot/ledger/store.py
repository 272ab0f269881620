"""The ledger's door: transactions around what the other modules do with a connection."""

import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot.domain.period import first_instant
from bot.ledger import (
    answers,
    handled,
    invoices,
    pruned_days,
    pruning,
    rebooking,
    rollups,
    uploads,
)
from bot.ledger.access import kept_rules
from bot.ledger.answers import KeptAnswer
from bot.ledger.backup import back_up
from bot.ledger.booking import microseconds
from bot.ledger.engine import open_engine
from bot.ledger.health import Health, health
from bot.ledger.intake import Intake
from bot.ledger.invoices import Invoice
from bot.ledger.migrate import migrate
from bot.ledger.reading import Reading
from bot.ledger.revision import Revision
from bot.ledger.rulebook import Rulebook, booked_projects
from bot.ledger.tables import returns
from bot.ledger.tables import rollups as rollups_table

__all__ = ["Ledger", "Reading", "open_ledger"]


class Ledger(Rulebook, Intake, Revision):
    """A ledger that is open. Every method is a transaction of its own; see `reading` for several questions at once."""

    # Bills

    def record_invoice(self, invoice: Invoice) -> None:
        """See bot.ledger.invoices.record."""
        self._door.write(lambda connection: invoices.record(connection, invoice))

    # Answers that can be shared

    def keep_answer(self, answer: KeptAnswer) -> None:
        """See bot.ledger.answers.keep. Somebody waits for the answer: whoever writes meanwhile is waited for by
        answers.PATIENCE only, and nothing more is asked."""
        self._door.write(lambda connection: answers.keep(connection, answer), answers.PATIENCE, looks=False)

    def find_answer(self, answer_id: str) -> KeptAnswer | None:
        """See bot.ledger.answers.find."""
        return self._door.read(lambda connection: answers.find(connection, answer_id))

    def claim_share(self, answer_id: str, now: datetime) -> bool:
        """See bot.ledger.answers.claim_share."""
        return self._door.write(lambda connection: answers.claim_share(connection, answer_id, microseconds(now)))

    def give_back_share(self, answer_id: str) -> None:
        """See bot.ledger.answers.give_back_share."""
        self._door.write(lambda connection: answers.give_back_share(connection, answer_id))

    # Presses

    def take_up(self, press_id: str, now: datetime) -> bool:
        """See bot.ledger.handled.take_up."""
        return self._door.write(lambda connection: handled.take_up(connection, press_id, microseconds(now)))

    # Files that somebody asked for

    def claim_upload(self, key: str, now: datetime) -> bool:
        """See bot.ledger.uploads.claim."""
        return self._door.write(lambda connection: uploads.claim(connection, key, microseconds(now)))

    def give_back_upload(self, key: str) -> None:
        """See bot.ledger.uploads.give_back."""
        self._door.write(lambda connection: uploads.give_back(connection, key))

    # Checking

    def back_up(self, target: Path) -> int:
        """See bot.ledger.backup.back_up."""
        return back_up(self._engine, target)

    def health(self) -> Health:
        """See bot.ledger.health.health. Raises LedgerNewerError if a newer llmcost has migrated it."""
        self.check_schema()
        return health(self._engine)

    def wrong_rollups(self, since: date | None = None) -> list[str]:
        """Which rows of the rollups differ from what the runs add up to, in words; nothing if the books are right. Of
        all days, or of those from `since` on. Days whose runs were pruned are held to one another instead: each of
        their views must make the same sums."""

        def work(connection: Connection) -> list[str]:
            rules = kept_rules(connection)
            gone = pruning.pruned(connection)
            first = since if gone is None else max(since or gone.day, gone.day)
            earliest = microseconds(first_instant(first, ZoneInfo(rules["timezone"]))) if first and rules else None
            dimensions = json.loads(rules.get("dimensions", "[]"))
            counted = rebooking.count_from_runs(connection, booked_projects(connection), dimensions, earliest)
            expected = dict[rollups.Key | rollups.Return, object]([*counted.rollups.items(), *counted.returns.items()])
            sums = {rollups.Key(*row[:4]): list(row[4:]) for row in connection.execute(select(rollups_table))}
            booked = dict[rollups.Key | rollups.Return, object](sums.items())
            for row in connection.execute(select(returns)):
                booked[rollups.Return(rollups.Key(*row[:4]), row.previous_day)] = row.traces
            wrong = [
                f"{row}: booked {booked.get(row)}, the runs make {expected.get(row)}"
                for row in {*booked, *expected}
                if booked.get(row) != expected.get(row) and (first is None or _day(row) >= first.toordinal())
            ]
            return sorted(wrong) + (pruned_days.torn(sums, dimensions, gone) if gone is not None else [])

        return self._door.read(work)


def open_ledger(url: str, *, create: bool) -> Ledger:
    """The ledger at `url`, its schema up to date. Raises LedgerError if there is none (without `create`), if it cannot
    be used, or (LedgerNewerError) if a newer llmcost has written it."""
    engine = open_engine(url, create=create)
    try:
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine)


def _day(row: rollups.Key | rollups.Return) -> int:
    return row.day if isinstance(row, rollups.Key) else row.key.day
