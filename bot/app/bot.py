"""The bot: everything together, from its start to its end."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

from bot.app.answers import build_reporter
from bot.app.checkup import build_patient
from bot.app.in_force import InForce
from bot.app.ledgers import build_rules, open_to_write, utc_now
from bot.app.metrics import Metrics
from bot.app.office import Office
from bot.app.source import build_counterpart, build_limiter, build_sync, build_totals
from bot.app.watching import Watching, not_ready
from bot.doctor.checks import Patient
from bot.doctor.consult import consult, missing
from bot.errors import StoppedError
from bot.ingest.limiter import RequestLimiter
from bot.ingest.sync import Sync
from bot.jobs.clock import Clock, Job
from bot.jobs.heartbeat import Heartbeat
from bot.jobs.newly_priced import NewlyPriced
from bot.jobs.nightly import Nightly
from bot.jobs.reload import Reload
from bot.jobs.verifying import Verifying
from bot.jobs.watch import Watch
from bot.ledger.ids import random_id
from bot.ledger.lease import JOBS, Lease
from bot.ledger.store import Ledger
from bot.pricing.pricer import price_list
from bot.reports.reporter import Reporter
from bot.reports.watch import patience
from bot.settings import Config, Settings, read_file, understand, with_lines
from bot.slack.connection import Connection, HttpConnection, SocketConnection, plain_client
from bot.slack.export import Export
from bot.slack.hearing import Answerers
from bot.slack.listeners import Listeners
from bot.slack.web import WebSlack

# For so long a sync stands back at each page while people wait for answers: they share one processor. However many ask,
# it still reads about a page a second, which is what LangSmith allows for by default.
MAKE_WAY_SECONDS = 1.0
# How long after the word to stop answers are waited for: whatever hangs, the leases are given back in time.
ANSWER_SECONDS = 6.5

_log = logging.getLogger(__name__)


def serve(settings: Settings, config: Config, stop: threading.Event, *, directory: Path | None = None) -> None:
    """Answer people in Slack, read LangSmith beside it and tell what is to be told, until `stop` is set. llmcost.toml
    is looked for in `directory` (the working directory) when it changes.

    Raises SlackError if Slack refuses the tokens, LedgerError if the ledger cannot be used.
    """
    rules = build_rules(settings, config)
    sleep = partial(_sleep, stop)
    with ExitStack() as ending:
        ledger = open_to_write(settings, config, rules)
        ending.callback(ledger.close)
        limiter = build_limiter(settings, sleep)
        sync, source = build_sync(settings, ledger, rules, sleep=sleep, limiter=limiter)
        metrics = _watched(settings, ledger, sync, limiter, ending)
        in_force = InForce(settings, config, ledger, sync)
        totals = build_totals(settings, sleep, limiter)
        counterpart = build_counterpart(settings, totals)
        reporter = build_reporter(settings, in_force, ledger, source=lambda: source, counterpart=lambda: counterpart)
        api = WebSlack(plain_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url))
        duty = Lease(JOBS, random_id())
        on_duty = ledger.under(duty, utc_now)
        office = Office(settings, in_force, ledger, api, utc_now, on_duty=on_duty)
        answered = metrics.command_answered if metrics is not None else lambda _: None
        answerers = _answerers(settings, in_force, ledger, office, reporter, api, sleep, answered)
        connection = _connection(settings, answerers)
        # Ended from the last to the first: closing the connection waits for the answers that are on their way.
        answer_until: float | None = None  # known once we are told to stop
        for end in (source.close, lambda: connection.close(answer_until), totals.stop):
            ending.callback(end)
        connection.open()
        clock = Clock(
            sync,
            settings.sync_every,
            partial(_make_way, stop, connection),
            last_sync=ledger.last_sync,
            now=utc_now,
            jobs=build_jobs(settings, in_force, ledger, on_duty, office, reporter, utc_now()),
            everywhere=[build_reload(settings, in_force, ledger, directory)],
            take_duty=partial(ledger.keep_lease, duty),
        )
        clock.start()
        _log.info("llmcost is ready: /llmcost is answered, LangSmith is read every %s", settings.sync_every)
        stop.wait()
        answer_until = time.monotonic() + ANSWER_SECONDS
        clock.stop()


def _sleep(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)
    _check_stopped(stop)


def _check_stopped(stop: threading.Event) -> None:
    if stop.is_set():
        raise StoppedError("the bot is being stopped")


def _make_way(stop: threading.Event, connection: Connection) -> None:
    _check_stopped(stop)
    connection.waiting.let_them_go_first(MAKE_WAY_SECONDS)


def _watched(
    settings: Settings, ledger: Ledger, sync: Sync, limiter: RequestLimiter, ending: ExitStack
) -> Metrics | None:
    """What is served to whoever watches, until the end; None if nobody does."""
    if settings.metrics_at is None:
        return None
    metrics = Metrics(ledger, sync, limiter, utc_now)
    watching = Watching(*settings.metrics_at, metrics, partial(_why_not_ready, ledger, settings))
    ending.callback(watching.close)
    _log.info("metrics and readiness are served at port %d of %s", watching.port, settings.metrics_at[0])
    return metrics


def _why_not_ready(ledger: Ledger, settings: Settings) -> str | None:
    return not_ready(ledger, settings.sync_every, utc_now())


def build_reload(settings: Settings, in_force: InForce, ledger: Ledger, directory: Path | None) -> Job:
    """What every process looks after for itself: its own copy of llmcost.toml."""
    return Reload(
        read=lambda: read_file(settings, directory=directory),
        understand=lambda content: understand(settings, content),
        place=with_lines,
        adopt=in_force.adopt,
        outbox=ledger.outbox,
        admins=settings.admins,
    )


def build_jobs(
    settings: Settings,
    in_force: InForce,
    ledger: Ledger,
    on_duty: Ledger,
    office: Office,
    reporter: Reporter,
    now: datetime,
) -> Sequence[Job]:
    """What one process looks after at each tick, in this order: what is decided is sent in the same tick. `on_duty` is
    the ledger for whoever has the duty."""
    jobs: list[Job] = [
        Watch(on_duty, settings.admins, settings.timezone, patience(settings.sync_every), up_since=now),
        office.alerts(),
        office.escalations(),
        office.digests(),
        office.digest_threads(),
        Nightly(on_duty, settings.admins, settings.timezone),
        NewlyPriced(
            ledger,
            on_duty.outbox,
            lambda: in_force.rules,
            lambda: price_list(in_force.overrides),
            settings.timezone,
        ),
        Verifying(on_duty, reporter.ask, settings.admins, settings.timezone),
        office.post_office(),
    ]
    if url := settings.heartbeat_url.get_secret_value():
        jobs.append(Heartbeat(url, on_duty))
    return jobs


def _answerers(
    settings: Settings,
    in_force: InForce,
    ledger: Ledger,
    office: Office,
    reporter: Reporter,
    api: WebSlack,
    sleep: Callable[[float], None],
    answered: Callable[[float], None],
) -> Answerers:
    """Who answers what people say and press."""

    def patient() -> Patient:
        return build_patient(settings, in_force, ledger)

    listeners = Listeners(
        reporter,
        ledger,
        utc_now,
        doctor=lambda user, trial: consult(patient(), user, utc_now(), trial=trial),
        budgets=office.commands(reporter.vocabulary),
        exports=Export(reporter, ledger, api, utc_now),
    )
    surfaces = office.surfaces(reporter, listeners, lambda now: missing(patient(), now), sleep)
    return Answerers(listeners, office.actions(), surfaces, answered)


def _connection(settings: Settings, answerers: Answerers) -> Connection:
    """By Socket Mode if there is an app token, else by HTTP."""
    bot_token, api_url = settings.slack_bot_token.get_secret_value(), settings.slack_api_url
    if app_token := settings.slack_app_token.get_secret_value():
        return SocketConnection(answerers, bot_token=bot_token, app_token=app_token, api_url=api_url)
    connection = HttpConnection(
        answerers,
        bot_token=bot_token,
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        port=settings.port,
        api_url=api_url,
    )
    _log.info("Slack is expected at port %d, path /slack/events", connection.port)
    return connection
