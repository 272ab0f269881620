"""The composition root: builds the parts from the settings, connects, starts and stops them."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import StoppedError
from bot.ledger.booking import Rules, day_finder, microseconds
from bot.ledger.store import Ledger, open_ledger
from bot.reports.reporter import Reporter
from bot.reports.verification import Counterpart
from bot.settings import Config, Settings

if TYPE_CHECKING:
    from bot.ingest.langsmith import LangSmith
    from bot.ingest.limiter import RequestLimiter
    from bot.ingest.sync import Sync
    from bot.ingest.totals import Totals
    from bot.slack.connection import Connection
    from bot.slack.listeners import Listeners

# LangSmith answers a question of at most 401 days, and keeps nothing for longer than 400.
LOOK_BACK = timedelta(days=400)
# Clocks differ.
LOOK_AHEAD = timedelta(hours=1)

_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The clock, read where somebody asks or something is due, and handed down from there."""
    return datetime.now(UTC)


def build_rules(settings: Settings, config: Config) -> Rules:
    """The rules by which the books are kept."""
    from bot.pricing.pricer import Pricer

    return Rules(
        attribution=config.catalog.attribution(settings.feature_keys),
        price=Pricer(config.overrides, settings.timezone),
        day_of=day_finder(settings.timezone),
        dimensions=settings.dimensions,
    )


def open_to_write(settings: Settings, rules: Rules) -> Ledger:
    """The ledger, made if there is none, counted by these rules. Raises LedgerError."""
    ledger = open_ledger(settings.database_url, create=True)
    try:
        if ledger.keep_rules(rules, settings.timezone):
            _log.info("the ledger was recounted, because the time zone, the dimensions or the attribution have changed")
    except BaseException:
        ledger.close()
        raise
    return ledger


def open_to_read(settings: Settings) -> Ledger:
    """The ledger that is there. Raises LedgerError if there is none, or if its days are those of another zone."""
    ledger = open_ledger(settings.database_url, create=False)
    try:
        ledger.check_zone(settings.timezone)
    except BaseException:
        ledger.close()
        raise
    return ledger


def build_reporter(
    settings: Settings,
    config: Config,
    ledger: Ledger,
    *,
    source: "LangSmith | None" = None,
    counterpart: Callable[[], Counterpart] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Reporter:
    """Who answers questions from the ledger, and asks `source` for the trace of a run that the ledger does not hold;
    `counterpart` gives LangSmith's side of `verify`."""

    def look_up(run_id: bytes, projects: Sequence[bytes]) -> bytes | None:
        now = clock()
        found_in = microseconds(now - LOOK_BACK), microseconds(now + LOOK_AHEAD)
        return source.trace_of(projects, run_id, *found_in) if source is not None else None

    return Reporter(
        ledger,
        lambda: config.catalog,
        settings.dimensions,
        settings.timezone,
        settings.week_start,
        counterpart=counterpart,
        wide_keys=settings.wide_keys,
        look_up=look_up if source is not None else None,
    )


def build_counterpart(settings: Settings, totals: "Totals") -> Counterpart:
    """LangSmith's side of `verify`."""
    from bot.ingest.plan import RETENTION

    return Counterpart(totals, settings.run_types, RETENTION)


def build_totals(
    settings: Settings, sleep: Callable[[float], None] = time.sleep, within: "RequestLimiter | None" = None
) -> "Totals":
    """Who asks LangSmith for its own totals; `within` is the limiter of the sync beside it."""
    from bot.ingest.limiter import RequestLimiter
    from bot.ingest.totals import BUDGET, SECONDS, TRIES, Totals

    limiter = RequestLimiter(BUDGET, time.monotonic, sleep, within=within)

    def connect() -> "LangSmith":
        return _connect(settings, limiter, sleep, timeout=SECONDS, tries=TRIES)

    return Totals(connect)


def build_source(settings: Settings, sleep: Callable[[float], None] = time.sleep) -> "LangSmith":
    """A connection to LangSmith: close it at the end."""
    return _connect(settings, build_limiter(settings, sleep), sleep)


def build_digest_reporter(settings: Settings, config: Config, ledger: Ledger) -> DigestReporter:
    """Who makes digests from the ledger."""
    return DigestReporter(ledger, lambda: config.catalog, settings.timezone, settings.week_start)


def build_digests(settings: Settings, config: Config, ledger: Ledger) -> Digests:
    """Who announces digests."""
    schedule = Schedule(settings.digest_at, settings.digest_days, settings.digest_grace, settings.timezone)
    return Digests(ledger, lambda: config.catalog, schedule, settings.week_start, settings.digest_channel)


def announce_digest(settings: Settings, config: Config, ledger: Ledger, morning: date, now: datetime) -> bool:
    """Announce the digest of a morning to LLMCOST_DIGEST_CHANNEL, which must be set; whoever delivers sends it. False
    if it was announced before."""
    if settings.digest_channel is None:
        raise UsageError("LLMCOST_DIGEST_CHANNEL is not set: there is nowhere to send a digest to.")
    return build_digests(settings, config, ledger).post(settings.digest_channel, morning, now)


def build_sync(
    settings: Settings,
    ledger: Ledger,
    rules: Rules,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] = utc_now,
    limiter: "RequestLimiter | None" = None,
) -> "tuple[Sync, LangSmith]":
    """Who reads LangSmith, and the connection that it does so by: close it at the end. `limiter` if it is shared."""
    from bot.ingest.sync import Scope, Sync

    source = _connect(settings, limiter or build_limiter(settings, sleep), sleep)
    scope = Scope(
        selection=_selection(settings),
        run_types=settings.run_types,
        keys=tuple(dict.fromkeys((*settings.feature_keys, *settings.dimensions, *settings.wide_keys))),
        zone=settings.timezone,
        backfill=settings.backfill,
    )
    return Sync(source, ledger, rules, scope, clock), source


def build_limiter(settings: Settings, sleep: Callable[[float], None]) -> "RequestLimiter":
    """What keeps all requests of this process to what LangSmith allows."""
    from bot.ingest.limiter import RequestLimiter

    return RequestLimiter(settings.requests_per_10s, time.monotonic, sleep)


def _connect(
    settings: Settings,
    limiter: "RequestLimiter",
    sleep: Callable[[float], None],
    **patience: Any,
) -> "LangSmith":
    from bot.ingest.langsmith import LangSmith

    return LangSmith(
        api_key=settings.langsmith_api_key.get_secret_value(),
        base_url=settings.langsmith_endpoint,
        workspace_id=settings.langsmith_workspace_id,
        limiter=limiter,
        sleep=sleep,
        **patience,
    )


def serve(settings: Settings, config: Config, stop: threading.Event, *, directory: Path | None = None) -> None:
    """Answer people in Slack and read LangSmith beside it, until `stop` is set. llmcost.toml is looked for in
    `directory` (the working directory) when it changes.

    Raises SlackError if Slack refuses the tokens, LedgerError if the ledger cannot be used.
    """
    from bot.jobs.clock import Clock
    from bot.slack.listeners import Listeners

    def check_stopped() -> None:
        if stop.is_set():
            raise StoppedError("the bot is being stopped")

    def sleep(seconds: float) -> None:
        stop.wait(seconds)
        check_stopped()

    rules = build_rules(settings, config)
    ledger = open_to_write(settings, rules)
    try:
        limiter = build_limiter(settings, sleep)
        sync, source = build_sync(settings, ledger, rules, sleep=sleep, limiter=limiter)
        totals = build_totals(settings, sleep, limiter)
        counterpart = build_counterpart(settings, totals)
        reporter = build_reporter(settings, config, ledger, source=source, counterpart=lambda: counterpart)
        listeners = Listeners(reporter, ledger, utc_now)
        connection = _connection(settings, listeners)
        try:
            connection.open()
            clock = Clock(
                sync,
                settings.sync_every,
                check_stopped,
                last_sync=ledger.last_sync,
                now=utc_now,
                jobs=build_jobs(settings, in_force, ledger, utc_now(), directory),
            )
            clock.start()
            _log.info("llmcost is ready: /llmcost is answered, LangSmith is read every %s", settings.sync_every)
            stop.wait()
            clock.stop()
        finally:
            # Closing the connection waits for the answers that are on their way.
            totals.stop()
            connection.close()
            source.close()
    finally:
        ledger.close()


def _connection(settings: Settings, listeners: "Listeners") -> "Connection":
    """By Socket Mode if there is an app token, else by HTTP."""
    from bot.slack.connection import HttpConnection, SocketConnection

    bot_token = settings.slack_bot_token.get_secret_value()
    if app_token := settings.slack_app_token.get_secret_value():
        return SocketConnection(
            bot_token=bot_token, app_token=app_token, api_url=settings.slack_api_url, listeners=listeners
        )
    connection = HttpConnection(
        bot_token=bot_token,
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        port=settings.port,
        api_url=settings.slack_api_url,
        listeners=listeners,
    )
    _log.info("Slack is expected at port %d, path /slack/events", connection.port)
    return connection
