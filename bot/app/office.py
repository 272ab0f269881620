"""What is posted to Slack without being asked for, by the settings."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from bot.app.answers import HasCatalog
from bot.domain.digest import Schedule
from bot.errors import UsageError
from bot.jobs.alerts import Alerts
from bot.jobs.digest_threads import DigestThreads
from bot.jobs.digests import Digests
from bot.jobs.escalations import Escalations
from bot.ledger.deliveries import Delivery
from bot.ledger.store import Ledger
from bot.reports.watch import patience
from bot.settings import Settings
from bot.slack.access import Access
from bot.slack.alert_actions import AlertActions
from bot.slack.api import Screens
from bot.slack.budget_commands import BudgetCommands
from bot.slack.budget_form import BudgetForm
from bot.slack.conversation import Conversation
from bot.slack.home_tab import HomeTab
from bot.slack.limit_desk import LimitDesk
from bot.slack.owners import Owners
from bot.slack.people import People
from bot.slack.post_office import PostOffice
from bot.slack.routes import Route, route
from bot.slack.rule_desk import RuleDesk
from bot.slack.rule_form import RuleForm
from bot.slack.surfaces import Surfaces

if TYPE_CHECKING:
    from bot.reports.findings import Finding
    from bot.reports.reporter import Reporter
    from bot.reports.vocabulary import Vocabulary
    from bot.slack.listeners import Listeners


class Office:
    """The parts that talk to owners and channels; they share what is known of people."""

    def __init__(
        self,
        settings: Settings,
        config: HasCatalog,
        ledger: Ledger,
        api: Screens,
        clock: Callable[[], datetime],
        *,
        on_duty: Ledger | None = None,
    ) -> None:
        """`on_duty` is the ledger as the jobs write it: not once another process has taken them over."""
        self._on_duty = on_duty or ledger
        self._settings = settings
        self._config = config
        self._ledger = ledger
        self._api = api
        self._clock = clock
        self._people = People(api)
        self._owners = Owners(self._people, settings.admins, settings.quiet_hours, settings.timezone, clock)
        self.desk = LimitDesk(
            ledger,
            lambda: config.catalog,
            settings.timezone,
            settings.week_start,
            self._owners.may_change,
            settings.digest_channel,
        )

    def alerts(self) -> Alerts:
        """Who checks the budgets."""
        return Alerts(
            self._on_duty,
            lambda: self._config.catalog,
            self._settings.timezone,
            self._settings.week_start,
            self._owners.recipients,
            self._owners.not_before,
            self._settings.digest_channel,
            self._settings.admins,
        )

    def escalations(self) -> Escalations:
        """Who tells others of what nobody sees to."""
        return Escalations(
            self._on_duty.outbox,
            lambda: self._config.catalog,
            self._settings.timezone,
            self._api.channel,
            self._settings.digest_channel,
            self._settings.admins,
        )

    def digests(self) -> Digests:
        """Who announces digests."""
        made = _digests(self._settings, self._config, self._on_duty, self._api.channel)
        return replace(made, replies=self.digest_threads().changes)

    def digest_threads(self) -> DigestThreads:
        """Who says more in the threads of digests."""
        return DigestThreads(
            self._on_duty,
            lambda: self._config.catalog,
            self._settings.timezone,
            self._settings.week_start,
            self._api.permalink,
        )

    def post_office(self) -> PostOffice:
        """Who takes messages to people. Each message is claimed by itself, and what stands in Slack is written down by
        whoever has sent it."""
        return PostOffice(self._api, self._ledger.outbox, self._route, self._settings.timezone, self._owners.awake)

    def actions(self) -> AlertActions:
        """The buttons of alerts."""
        return AlertActions(self.desk, self._api, self._clock)

    def commands(self, vocabulary: "Callable[[], Vocabulary]") -> BudgetCommands:
        """Setting budgets by words."""
        return BudgetCommands(self.desk, vocabulary, self._clock)

    def surfaces(
        self,
        reporter: "Reporter",
        listeners: "Listeners",
        missing: "Callable[[datetime], Sequence[Finding]]",
        wait: Callable[[float], None],
    ) -> "Surfaces":
        """The home tab, the modals, mentions and direct messages; `wait` waits so many seconds."""
        home = HomeTab(reporter, self.desk, self._owners, self._api, missing, self._clock)
        rules = RuleDesk(
            self._ledger, lambda: self._config.catalog, self._settings.timezone, self._owners.may_map, self._clock, wait
        )
        return Surfaces(
            access=Access(
                self._people, self._settings.viewers, self._insiders, self._clock, lambda: self._ledger.is_newer
            ),
            conversation=Conversation(listeners, self._api),
            home=home,
            budgets=BudgetForm(
                self.desk, reporter.vocabulary, self._settings.dimensions, self._api, self._clock, home.show
            ),
            rules=RuleForm(rules, reporter.vocabulary, self._api, home.show),
        )

    def _insiders(self) -> Sequence[str]:
        """Admins, and owners of anything."""
        features = self._config.catalog.features.values()
        limits = self._ledger.outbox.set_limits()
        named = [*(one.owners for one in features), *(one.owners for one in limits), self._settings.admins]
        return tuple(dict.fromkeys(who for several in named for who in several))

    def _route(self, delivery: Delivery) -> Route:
        known = (self._ledger.outbox.event(key) for key in delivery.events)
        events = [event for event in known if event is not None]
        return route(events, self._config.catalog, self._settings.digest_channel, self._settings.admins)


def _digests(settings: Settings, config: HasCatalog, ledger: Ledger, channel_id: Callable[[str], str]) -> Digests:
    schedule = Schedule(settings.digest_at, settings.digest_days, settings.digest_grace, settings.timezone)
    patient = patience(settings.sync_every)
    return Digests(
        ledger, lambda: config.catalog, schedule, settings.week_start, settings.digest_channel, channel_id, patient
    )


def announce_digest(settings: Settings, config: HasCatalog, ledger: Ledger, morning: date, now: datetime) -> bool:
    """Announce the digest of a morning to LLMCOST_DIGEST_CHANNEL, which must be set; whoever delivers sends it. False
    if it was announced before."""
    if settings.digest_channel is None:
        raise UsageError("LLMCOST_DIGEST_CHANNEL is not set: there is nowhere to send a digest to.")
    # Nobody asks Slack here: the channel is known by the name that it is configured by.
    return _digests(settings, config, ledger, str).post(settings.digest_channel, morning, now)


def channels(settings: Settings, config: HasCatalog) -> Sequence[str]:
    """Every channel that something may be posted to, each once."""
    named = [feature.channel for feature in config.catalog.features.values()]
    return tuple(dict.fromkeys(one for one in (settings.digest_channel, *named) if one is not None))
