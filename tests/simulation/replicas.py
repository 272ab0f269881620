"""A town with several processes on one ledger, in one thread: one ticks while another is paused in the middle of its
own work, holds what it has read, and wakes up late."""

import random
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.app.office import Office
from bot.errors import LedgerBusyError
from bot.jobs.clock import Job
from bot.ledger.lease import JOBS, Lease
from bot.ledger.store import Ledger
from tests.contract.test_post_office import CrashError
from tests.contract.test_post_office_faults import Unlucky
from tests.simulation.town import Town

REPLICAS = 3
# Longer than a lease of the jobs, a claim and two looks last; or shorter than all of them.
PAUSES = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=9))


class Pausing:
    """An outbox before each of whose calls its process may be paused."""

    def __init__(self, outbox: Any, pause: Any) -> None:
        self._outbox = outbox
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._outbox, name)

        def paused(*args: Any, **more: Any) -> Any:
            self._pause()
            return work(*args, **more)

        return paused


class Replicas(Town):
    """The town, with REPLICAS processes. Each tick is of one of them; it may be paused in it, once, while the others
    tick."""

    def __init__(self, ledger: Ledger, seed: int, folder: Path, zones: tuple[str, ...]) -> None:
        super().__init__(ledger, seed, folder, zones)
        self._luck_of_pauses = random.Random(seed)
        self._duties = [Lease(JOBS, uuid.UUID(int=number).hex) for number in range(REPLICAS)]
        self._awake = set(range(REPLICAS))
        self._is_calm = False
        self.refused = 0  # how often one that woke up late could not write

    def sync(self, *, fails: bool | None = None) -> None:
        self._is_calm = fails is False
        super().sync(fails=fails)

    def tick(self, *, only_post: bool = False) -> None:
        """The tick of each process that is awake, in any order; one of them may be on duty."""
        order = sorted(self._awake)
        self._luck_of_pauses.shuffle(order)
        for number in order:
            if number in self._awake:
                self._tick_of(number, only_post=only_post)

    def _tick_of(self, number: int, *, only_post: bool) -> None:
        duty, began = self._duties[number], self.now
        luck = self._luck_of_pauses
        is_paused = not self._is_calm and luck.random() < 0.5 and len(self._awake) > 1
        left = [luck.choice((1, 2, 4, 8, 20))] if is_paused else []

        def pause() -> None:
            """Time goes by for the others; what this one knows of it, it knows from before."""
            if left and left[0] == 0:
                left.clear()
                self._awake.discard(number)
                self.now += luck.choice(PAUSES)
                self.tick()
                self._awake.add(number)
            elif left:
                left[0] -= 1

        slack: Any = Unlucky(self.slack, self.luck, self.often, self.crashes)
        on_duty: Any = self.ledger.under(duty, lambda: self.now)
        on_duty.outbox = Pausing(
            Unlucky(self.looks.watching(on_duty.outbox), self.luck, self.often, self.crashes), pause
        )
        anybody: Any = Ledger(self.ledger._engine, new_id=self.ledger._new_id)
        anybody.outbox = Pausing(Unlucky(self.looks.watching(self.outbox), self.luck, self.often, self.crashes), pause)
        office = Office(self.settings, self.config, anybody, slack, lambda: self.now, on_duty=on_duty)
        jobs: list[Job] = [office.post_office()]
        if not only_post:
            jobs = [office.alerts(), office.escalations(), *jobs]
        if self.has_digests and not only_post:
            jobs.insert(2, office.digests())
        was_on_duty = True
        for job in jobs:
            try:
                if self.ledger.keep_lease(duty, self.now):
                    job.run(self.now)
                else:
                    was_on_duty = False
            except LedgerBusyError:
                self.refused += 1
                was_on_duty = False
            except CrashError:
                return
        if was_on_duty and not only_post:  # one that waits for another's lease to end can do nothing yet
            self.ticks.append(began)
