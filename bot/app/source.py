"""LangSmith, connected by the settings."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.app.ledgers import utc_now
from bot.ingest.form import RunForm
from bot.ingest.langsmith import LangSmith
from bot.ingest.limiter import RequestLimiter
from bot.ingest.project_sync import Scope
from bot.ingest.selection import Selection
from bot.ingest.sync import Sync
from bot.ingest.totals import BUDGET, SECONDS, TRIES, Totals
from bot.ledger.booking import Rules
from bot.ledger.store import Ledger
from bot.reports.verification import Counterpart
from bot.settings import Settings


def build_limiter(settings: Settings, sleep: Callable[[float], None] = time.sleep) -> RequestLimiter:
    """What keeps all requests of this process to what LangSmith allows."""
    return RequestLimiter(settings.requests_per_10s, time.monotonic, sleep)


def build_source(
    settings: Settings,
    sleep: Callable[[float], None] = time.sleep,
    limiter: RequestLimiter | None = None,
    **patience: Any,
) -> LangSmith:
    """A connection to LangSmith: close it at the end. `limiter` if it is shared; `patience` is its own (timeout and
    tries)."""
    return LangSmith(
        api_key=settings.langsmith_api_key.get_secret_value(),
        base_url=settings.langsmith_endpoint,
        workspace_id=settings.langsmith_workspace_id,
        limiter=limiter or build_limiter(settings, sleep),
        sleep=sleep,
        **patience,
    )


def build_selection(settings: Settings) -> Selection:
    """Which projects are read."""
    return Selection(settings.langsmith_projects, settings.experiments)


def build_sync(
    settings: Settings,
    ledger: Ledger,
    rules: Rules,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] = utc_now,
    limiter: RequestLimiter | None = None,
) -> tuple[Sync, LangSmith]:
    """Who reads LangSmith, and the connection that it does so by: close it at the end. `limiter` if it is shared."""
    source = build_source(settings, sleep, limiter)
    scope = Scope(
        selection=build_selection(settings),
        run_types=settings.run_types,
        form=RunForm((*settings.feature_keys, *settings.dimensions, *settings.wide_keys)),
        zone=settings.timezone,
        backfill=settings.backfill,
        kept=settings.retention,
    )
    return Sync(source, ledger, rules, scope, clock), source


def build_totals(
    settings: Settings, sleep: Callable[[float], None] = time.sleep, within: RequestLimiter | None = None
) -> Totals:
    """Who asks LangSmith for its own totals; `within` is the limiter of the sync beside it."""
    limiter = RequestLimiter(BUDGET, time.monotonic, sleep, within=within)
    return Totals(lambda: build_source(settings, sleep, limiter, timeout=SECONDS, tries=TRIES))


def build_counterpart(settings: Settings, totals: Totals) -> Counterpart:
    """LangSmith's side of `verify`."""
    return Counterpart(totals, settings.run_types, settings.retention)
