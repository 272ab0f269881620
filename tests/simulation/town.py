"""A town for simulations: a ledger, a Slack that goes wrong, a bot that dies at any step, and people who press things.

What the bot does is its own code, put together as bot.app does; what it should do is worked out anew by `model`."""

import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bot.app.office import Office
from bot.domain.budget import SetLimit, Window
from bot.domain.catalog import Catalog
from bot.domain.period import first_instant, local_day
from bot.jobs.clock import Job
from bot.ledger.deliveries import Kind, State
from bot.ledger.limits import Snooze
from bot.ledger.store import Ledger
from bot.settings import Settings, load
from bot.slack.alert_copies import change_copies
from bot.slack.post_office import PostOffice
from tests.contract.test_post_office import CrashError
from tests.ledgers import seeded
from tests.simulation.books import Books
from tests.simulation.model import Looks
from tests.simulation.mortal import Mortal, Shared
from tests.standins.slack_fake import FORM_REFUSED, LOST_AFTER, LOST_BEFORE, RATE_LIMITED, FakeSlack, Fault

DOLLAR = 1_000_000_000
TOML = """
[features.total]
owner = "U3"
budget = { monthly = 200 }

[features.rag]
owner = ["U1", "U2", "alice@example.com"]
channel = "#rag"
digest = true
budget = { daily = 10, monthly = 100 }

[features.copilot]
owner = "S1"
channel = "#copilot"
budget = { daily = 8 }

[features.drafts]
budget = { weekly = 15 }
alert_at = [50, 100]
"""
FEATURES = ("rag", "copilot", "drafts", "other")
FAULTS = (LOST_BEFORE, LOST_AFTER, RATE_LIMITED, Fault(code="new_trouble"))
METHODS = ("direct", "channel", "person", "members", "post", "find", "update", "upload")
# A file is sent once a story, if at all: it is spoilt apart, or it would never arrive.
_MEDDLED_WITH = (
    *("direct", "channel", "person", "members", "post", "find", "update"),
    *("direct", "channel", "members", "post", "post", "find", "update"),
)
_SPENDERS = (*FEATURES, "rag", "copilot", "drafts")
STEPS = (*[timedelta(minutes=minutes) for minutes in (1, 2, 10, 30)], timedelta(hours=2), timedelta(hours=7))
# Month ends, clocks that change, and days like others.
BEGINNINGS = ((2026, 11, 29), (2026, 10, 24), (2026, 3, 28), (2026, 4, 29), (2026, 6, 3))
LIMITS = (
    ("rag", Window.DAILY, 10),
    ("rag", Window.MONTHLY, 100),
    ("copilot", Window.DAILY, 8),
    ("other", Window.DAILY, None),
)
# So often the post office goes its round between two ticks, so far apart.
_ROUNDS = 4
_SOON = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=6))
# Long enough for waiting hours, escalations and what follows from them.
_CALM = [timedelta(minutes=minutes) for minutes in (31, 31, 61, 61, 97, 97, 300, 300, 300, 300)]
# A digest takes as long as everything else together: one story in so many has them.
_WITH_DIGESTS = 5
# They begin on the evening before one, and last longer.
_EVENING, _NIGHT = timedelta(hours=21), timedelta(hours=10)
_LONGER = 8
# And in one in so many nothing goes wrong.
_IN_PEACE = 12


class Round(NamedTuple):
    """The post office went its round; it is clean if nothing went wrong in it, but for what Slack refuses for ever."""

    at: datetime
    is_clean: bool


class Town:
    """One story, told by a seed: the same each time."""

    def __init__(self, ledger: Ledger, seed: int, folder: Path, zones: tuple[str, ...]) -> None:
        self.luck = random.Random(seed)
        self.zone = ZoneInfo(self.luck.choice(zones))
        self.settings, self.config = _settings(folder, self.zone)
        self.has_digests = seed % _WITH_DIGESTS == 0
        year, month, day = self.luck.choice(BEGINNINGS)
        self.now = datetime(year, month, day, self.luck.randrange(24), 7, tzinfo=ZoneInfo("UTC"))
        if self.has_digests:
            day_began = first_instant(local_day(self.now, self.zone), self.zone).astimezone(UTC)
            self.now = day_began + _EVENING
        self.began = self.now
        self.ledger = seeded(ledger, seed)
        self.books = Books(self.ledger, self.catalog, self.zone, self.now - timedelta(days=2))
        self.outbox = self.ledger.outbox
        self.looks = Looks(self.books, self.catalog, self.settings.week_start, lambda: self.now)
        self.crashes: Counter[str] = Counter()
        self.often = self.luck.choice((0, 0.01, 0.02, 0.03))
        self.is_peaceful = seed % _IN_PEACE == 0
        if self.is_peaceful:
            self.often = 0
        self.ticks: list[datetime] = []  # those that went through
        self.rounds: list[Round] = []
        self._rush = 0  # for so many steps more is spent
        self.slack = FakeSlack(lambda: self.now)
        # As the bot knows them. The laws look at what they really are.
        self.bots_slack: Any = self.slack
        self.bots_outbox: Any = self.looks.watching(self.outbox)
        for number in (1, 2, 3, 4, 9):
            self.slack.add_person(f"U{number}", "alice@example.com" if number == 2 else "", str(self.zone))
        self.slack.add_group("S1", ["U1", "U4"])
        for name in ("rag", "copilot", "costs"):
            self.slack.add_channel(f"C{name.upper()}", name)
        self.slack.unreadable = {place for place in ("D1", "CRAG", "CCOSTS") if self.luck.random() < 0.1}

    @property
    def catalog(self) -> Catalog:
        found: Catalog = self.config.catalog
        return found

    def run(self, steps: int) -> None:
        """Trouble for so many steps, and then a calm in which everything comes to its end."""
        apart = STEPS
        if self.has_digests:
            # It is told in a channel by the time of the digest, which speaks of it.
            self.books.spend("drafts", self.now, 9 * DOLLAR)
            for _ in range(2):
                self.sync(fails=False)
                self.tick()
            self.now += _NIGHT
            steps += _LONGER
            apart = self.luck.choice((STEPS, STEPS[:-1]))
        for _ in range(steps):
            self.now += self.luck.choice(apart)
            self.spend()
            self.meddle()
            self.sync()
            self.tick()
            for _ in range(_ROUNDS):
                self.now += self.luck.choice(_SOON)
                self.tick(only_post=True)
        self.often = 0
        self.slack._ordered.clear()
        self.sync(fails=False)
        for number, step in enumerate(_CALM):
            self.now += step
            if number % 2 == 0:
                self.sync(fails=False)
            self.tick()

    # --- what happens ---

    def spend(self) -> None:
        luck = self.luck
        if self._rush:
            self._rush -= 1
            self.books.spend("rag", self.now, luck.randrange(1, 4) * DOLLAR)
        for _ in range(luck.choice((0, 0, 1, 1, 2))):
            age = luck.choice((timedelta(minutes=1), timedelta(minutes=20), timedelta(hours=3), timedelta(hours=20)))
            nanos = luck.randrange(1, 12 * DOLLAR) if luck.random() < 0.95 else 40 * DOLLAR
            self.books.spend(luck.choice(_SPENDERS), self.now - age, nanos)
        if self.books.held and luck.random() < 0.1:
            number = luck.randrange(len(self.books.held))
            if self.books.may_change(number, self.now):
                self.books.correct(number, luck.choice((0, DOLLAR, 8 * DOLLAR)))

    def sync(self, *, fails: bool | None = None) -> None:
        if fails is None:
            if self.luck.random() < 0.2:
                return
            fails = self.luck.random() < 0.1
        number = self.books.sync(self.now, fails=fails)
        if number is not None:
            self.looks.remember_sync(number, self.now)

    def tick(self, *, only_post: bool = False) -> None:
        """One of several processes does what is due, and may die; the next one knows nothing of it. Between two looks
        at everything `only_post` is worth a look: it costs little, and that is where most can go wrong."""
        self.ledger.outbox = self._mortal(self.bots_outbox)
        wrong = self._went_wrong()
        try:
            slack: Any = Shared(self._mortal(self.bots_slack), self.luck, self.beside)
            office = Office(self.settings, self.config, self.ledger, slack, lambda: self.now)
            self._route = office._route
            jobs: list[Job] = [] if only_post else [office.alerts(), office.escalations()]
            if self.has_digests:
                # First, or the others would mostly have died before them. The threads each time: that is soon enough.
                jobs = [*([] if only_post else [office.digests()]), office.digest_threads(), *jobs]
            for job in (*jobs, office.post_office()):
                job.run(self.now)
            if not only_post:
                self.ticks.append(self.now)
        except CrashError:
            pass
        finally:
            self.ledger.outbox = self.outbox
            self.rounds.append(Round(self.now, self._went_wrong() == wrong))

    def _went_wrong(self) -> int:
        return self.crashes.total() + self.slack.faults.total()

    def beside(self) -> None:
        """While one process waits for Slack, another goes the post office's round."""
        with suppress(CrashError):
            api, outbox = self._mortal(self.bots_slack), self._mortal(self.bots_outbox)
            PostOffice(api, outbox, self._route, self.zone).run(self.now)

    def _mortal(self, what: object) -> Any:
        return Mortal(what, self.luck, self.often, self.crashes)

    def meddle(self) -> None:
        """What people and Slack do meanwhile."""
        if not self.is_peaceful:
            self.spoil()
        luck = self.luck
        sent = self.outbox.latest(20, states=[State.SENT])
        alerts = [key for one in sent if one.kind is Kind.ALERT for key in one.events]
        if alerts and luck.random() < 0.35:
            self.press(luck.choice(alerts))
        if luck.random() < 0.04:
            self.raise_limit()

    def spoil(self) -> None:
        luck, slack = self.luck, self.slack
        if luck.random() < 0.5:
            method = luck.choice(_MEDDLED_WITH)
            slack.fail_next(method, luck.choice(faults_of(method)), times=luck.choice((1, 1, 2, 6)))
        if luck.random() < 0.1:
            # For so long that thresholds are crossed meanwhile.
            slack.fail_next("post", LOST_BEFORE, where=luck.choice(("D1", "D2", "D2")), times=12)
            self._rush = 5
            # And who is named twice is not known to be one and the same.
            slack.fail_next("person", Fault(code="new_trouble"), where="alice@example.com", times=2)
        if self.has_digests and luck.random() < 0.07:
            slack.fail_next("upload", luck.choice(FAULTS))
        if luck.random() < 0.02:
            slack.closed[luck.choice(("CRAG", "CCOPILOT"))] = "is_archived"
        if luck.random() < 0.05:
            slack.add_person(luck.choice(("U1", "U3", "U4")), reachable=False)

    def press(self, key: str) -> None:
        event = self.outbox.event(key)
        if event is None or not event.subject:
            return
        if self.luck.random() < 0.5:
            self.outbox.acknowledge([key], "U1", self.now)
        else:
            tomorrow = first_instant(local_day(self.now, self.zone) + timedelta(days=1), self.zone)
            self.outbox.snooze([event.subject], Snooze(tomorrow, "U1", self.now))
            self.looks.snooze(event.subject, tomorrow)
        with suppress(CrashError):
            change_copies(self._mortal(self.outbox), [key], self.zone)

    def raise_limit(self) -> None:
        feature, window, file_limit = self.luck.choice(LIMITS)
        limit = SetLimit(
            feature,
            window,
            self.luck.randrange(1, 50) * DOLLAR,
            "U1",
            self.now,
            until=self.luck.choice((None, self.now + timedelta(hours=30))),
            file_limit=file_limit * DOLLAR if file_limit is not None else None,
        )
        self.outbox.set_limit(limit, None)


def faults_of(method: str) -> tuple[Fault, ...]:
    """What may go wrong with a method of Slack's."""
    return (*FAULTS, FORM_REFUSED) if method == "post" else FAULTS


_KNOWN: dict[str, tuple[Settings, Any]] = {}


def _settings(folder: Path, zone: ZoneInfo) -> tuple[Settings, Any]:
    if zone.key not in _KNOWN:
        (folder / "llmcost.toml").write_text(TOML)
        environ = {
            "LLMCOST_TIMEZONE": zone.key,
            "LLMCOST_DIGEST_CHANNEL": "#costs",
            "LLMCOST_ADMINS": "U9",
            "DATABASE_URL": "sqlite:////nowhere/llmcost.db",
        }
        _KNOWN[zone.key] = load(environ=environ, directory=folder)
    return _KNOWN[zone.key]
